// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! Prints what a number comes to.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use base_shape::Part;
use log::{LevelFilter, Log, Metadata, Record};

use service_chestnut::{Component, score};

/// Records of all crates of the workspace.
static RECORDS: AtomicU64 = AtomicU64::new(0);

/// Counts records.
struct Counter;

impl Log for Counter {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.target() == "workload"
    }

    fn log(&self, record: &Record) {
        if self.enabled(record.metadata()) {
            RECORDS.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

fn main() -> ExitCode {
    log::set_logger(&Counter).expect("there is no other logger");
    log::set_max_level(LevelFilter::Info);
    let number = std::env::args()
        .nth(1)
        .and_then(|number| number.parse().ok());
    let Some(number) = number else {
        eprintln!("usage: {} <number>", Component.name());
        return ExitCode::from(2);
    };
    println!("score {}", score(number));
    let counts = [
        (base_tally::visits(), "visit"),
        (RECORDS.load(Ordering::Relaxed), "record"),
        (Component.weight(), "part"),
    ];
    for (count, word) in counts {
        println!("{}", base_wording::counted(count, word));
    }
    for name in base_tally::names() {
        println!("{name}");
    }
    ExitCode::SUCCESS
}
