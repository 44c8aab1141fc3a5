//! A large C library, bundled, that calls back: SQLite.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Result};

static UPDATES: AtomicUsize = AtomicUsize::new(0);

fn main() -> Result<()> {
    println!("{}", rusqlite::version());
    let mut connection = Connection::open_in_memory()?;
    connection.create_scalar_function(
        "shout",
        1,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| Ok(context.get::<String>(0)?.to_uppercase()),
    )?;
    connection.update_hook(Some(|_, _: &str, _: &str, _| {
        UPDATES.fetch_add(1, SeqCst);
    }))?;
    connection.execute_batch("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")?;
    let transaction = connection.transaction()?;
    for name in ["one", "two", "three"] {
        transaction.execute("INSERT INTO item (name) VALUES (?1)", [name])?;
    }
    transaction.commit()?;
    let mut statement = connection.prepare("SELECT shout(name) FROM item ORDER BY name")?;
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_>>()?;
    println!("{names:?} {}", UPDATES.load(SeqCst));
    println!(
        "{:?}",
        connection.execute("INSERT INTO item (name) VALUES ('one')", [])
    );
    println!(
        "{:?}",
        connection.prepare("SELECT * FROM missing").map(drop)
    );
    Ok(())
}
