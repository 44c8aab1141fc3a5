//! Panics that start below dependencies, cross them and are caught here.

use std::any::Any;
use std::panic::{self, UnwindSafe};

use rayon::prelude::*;
use regex::Regex;
use workload_local::Reading;

use crate::database;

/// JSON whose temperature has one point too many, on which `Celsius::from_text` panics.
const BAD_READING: &str = r#"{ "station": "kiruna", "celsius": "-2.1.5 °C" }"#;

/// Panics in several places; each with the name of the place and its payload as text.
pub(crate) fn caught() -> Vec<(&'static str, String)> {
    silently(|| {
        vec![
            ("unwrap of a regex error", catch(|| unwrap_pattern("ki["))),
            ("index in a rayon closure", catch(index_in_rayon)),
            ("visitor below serde_json", catch(parse_bad_reading)),
            ("function called by SQLite", call_from_sqlite()),
        ]
    })
}

/// Runs `work` without the message of std's panic hook, which names paths and thread ids.
pub(crate) fn silently<T>(work: impl FnOnce() -> T) -> T {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let result = work();
    panic::set_hook(hook);
    result
}

/// Runs `work` and returns the payload of its panic as text.
pub(crate) fn catch(work: impl FnOnce() + UnwindSafe) -> String {
    match panic::catch_unwind(work) {
        Ok(()) => "no panic".to_owned(),
        Err(payload) => text(&*payload),
    }
}

fn unwrap_pattern(pattern: &str) {
    let pattern = Regex::new(pattern).unwrap();
    println!("pattern: {pattern}");
}

/// Panics once, on a worker of rayon, which carries the payload to this thread.
pub(crate) fn index_in_rayon() {
    let squares = [0, 1, 4, 9, 16, 25, 36, 49, 64, 81];
    let sum: usize = (0..=squares.len())
        .into_par_iter()
        .map(|index| squares[index])
        .sum();
    println!("sum beyond the end: {sum}");
}

/// Panics below serde_json, serde, `workload-local` and regex.
pub(crate) fn parse_bad_reading() {
    let reading = serde_json::from_str::<Reading>(BAD_READING);
    println!("bad reading: {reading:?}");
}

/// Panics below C code; rusqlite does not let it through there, but makes it an error.
pub(crate) fn call_from_sqlite() -> String {
    let answer: rusqlite::Result<f64> = database::open().and_then(|connection| {
        connection.query_row("SELECT fahrenheit('cold')", (), |row| row.get(0))
    });
    match answer {
        Ok(fahrenheit) => format!("no panic: {fahrenheit}"),
        Err(error) => error.to_string(),
    }
}

fn text(payload: &(dyn Any + Send)) -> String {
    match (
        payload.downcast_ref::<String>(),
        payload.downcast_ref::<&str>(),
    ) {
        (Some(text), _) => text.clone(),
        (_, Some(text)) => (*text).to_owned(),
        (None, None) => "payload is no text".to_owned(),
    }
}
