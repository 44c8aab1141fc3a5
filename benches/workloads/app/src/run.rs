//! The subcommand `run`: every dependency once, each part under a heading.

use std::error::Error;

use chrono::{DateTime, FixedOffset};
use tracing_subscriber::EnvFilter;
use workload_local::parse_readings;

use crate::{database, heap, panics, service, tls};

const LOG: &str = "\
2026-01-01T06:00 kiruna -21.5 °C
2026-01-01T06:00 tromsø -4 °C
2026-01-01T06:00 kiruna restarted
2026-01-01T07:00 kiruna -22.25 °C
2026-01-01T07:00 ålesund 3.75 °C
";

pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    // A fixed filter and no time: RUST_LOG and the clock would change the output.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("workload_app=info"))
        .with_ansi(false)
        .without_time()
        .init();

    heading("regex");
    let readings = parse_readings(LOG);
    for reading in &readings {
        println!("{}: {:?}", reading.station, reading.celsius);
    }

    heading("sqlite and rayon");
    let summaries = database::summarize(&readings)?;
    for summary in &summaries {
        println!("{summary:?}");
    }

    heading("rustls and ring");
    println!("SHA-256 of `abc`: {}", tls::digest(b"abc"));
    for group in tls::agreeing_key_exchanges()? {
        println!("key exchange {group:?}: both sides agree");
    }

    heading("axum and reqwest");
    let served =
        tokio::runtime::Runtime::new()?.block_on(service::round_trip(summaries.clone()))?;
    println!(
        "summaries that came back unchanged: {}",
        served == summaries
    );

    heading("chrono");
    let second = DateTime::from_timestamp(1_767_250_800, 0).ok_or("timestamp is out of range")?;
    let zone = FixedOffset::east_opt(3600).ok_or("offset is out of range")?;
    println!(
        "{}",
        second
            .with_timezone(&zone)
            .format("%A, %-d %B %Y, %H:%M:%S %:z")
    );

    heading("panics");
    for (place, payload) in panics::caught() {
        println!("{place}: {payload}");
    }

    heading("mimalloc");
    for (allocation, owned) in heap::ownership() {
        println!(
            "{allocation}: {}",
            if owned { "in its heap" } else { "elsewhere" }
        );
    }
    Ok(())
}

fn heading(name: &str) {
    println!("[{name}]");
}
