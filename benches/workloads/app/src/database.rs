//! Readings in SQLite, filled from rayon and asked through a function that SQLite calls back.

use rayon::prelude::*;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use serde::{Deserialize, Serialize};
use workload_local::Reading;

/// Readings that are computed from each one that was sent.
const STEPS: u32 = 1000;

/// All readings of one station in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) station: String,
    pub(crate) readings: u32,
    pub(crate) mean_celsius: f64,
    pub(crate) warmest_fahrenheit: f64,
}

/// Stores a thousand readings computed from each one that was sent, and returns them per station,
/// ordered by name.
pub(crate) fn summarize(readings: &[Reading]) -> rusqlite::Result<Vec<Summary>> {
    let mut connection = open()?;
    connection.execute(
        "CREATE TABLE reading (station TEXT NOT NULL, celsius REAL NOT NULL) STRICT",
        (),
    )?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO reading VALUES (?1, ?2)")?;
        for reading in readings {
            for celsius in drift(reading.celsius.0) {
                insert.execute((&reading.station, celsius))?;
            }
        }
    }
    transaction.commit()?;

    let mut query = connection.prepare(
        "SELECT station, count(*), round(avg(celsius), 3), round(max(fahrenheit(celsius)), 1)
         FROM reading GROUP BY station ORDER BY station",
    )?;
    let rows = query.query_map((), |row| {
        Ok(Summary {
            station: row.get(0)?,
            readings: row.get(1)?,
            mean_celsius: row.get(2)?,
            warmest_fahrenheit: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// An empty database in memory that knows the SQL function `fahrenheit`, which panics on a text.
pub(crate) fn open() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.create_scalar_function(
        "fahrenheit",
        1,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| {
            let celsius = context
                .get_raw(0)
                .as_f64()
                .expect("argument is a real number");
            Ok(celsius * 1.8 + 32.0)
        },
    )?;
    Ok(connection)
}

/// Computes in parallel how a temperature wanders in the time after it was measured.
fn drift(celsius: f64) -> Vec<f64> {
    // Thousandths of a degree: whole numbers give the same result on each machine.
    (0..STEPS)
        .into_par_iter()
        .map(|step| celsius + f64::from(step * step % 997) / 1000.0)
        .collect()
}
