//! The machine: what it is, and how busy others keep it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use measure::machine::{cores, processor, value_of};

use crate::results::{Load, Machine};

/// The kernel's unit of processor time, per second: USER_HZ, which Linux keeps at 100 for programs (`man 5 proc`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Share of the processors from which on others disturb.
pub(crate) const DISTURBING: f64 = 0.1;

const LOOK: Duration = Duration::from_millis(500);

pub(crate) fn describe() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let memory = value_of(&read("/proc/meminfo"), "MemTotal");
    let kilobytes = memory.and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok());
    let system = read("/etc/os-release")
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map(|name| name.trim_matches('"').to_owned());
    Machine {
        processor: processor(),
        cores: cores(),
        memory: kilobytes.map_or_else(String::new, |kb| format!("{:.0} GB", kb * 1024.0 / 1e9)),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        system: system.unwrap_or_default(),
    }
}

/// How busy the machine is while this program does nothing.
pub(crate) fn load() -> Result<Load> {
    let before = busy_seconds()?;
    thread::sleep(LOOK);
    let busy = (busy_seconds()? - before) / (LOOK.as_secs_f64() * cores() as f64);
    let path = Path::new("/proc/loadavg");
    let average = fs::read_to_string(path)
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    Ok(Load { average, busy })
}

/// Fails if others use the machine, unless that is wanted.
pub(crate) fn require_quiet(load: Load, tolerates_load: bool) -> Result<()> {
    let cores = cores() as f64;
    let described = format!(
        "others use {:.0} % of the processors (load average {:.2}, {cores} processors)",
        load.busy * 100.0,
        load.average
    );
    if load.busy < DISTURBING {
        if load.average > cores / 2.0 {
            eprintln!("note: {described}; it was busy a short time ago");
        }
        return Ok(());
    }
    if tolerates_load {
        eprintln!("warning: {described}; no number of this run counts");
        return Ok(());
    }
    anyhow::bail!(
        "{described}\nhelp: measure when the machine is quiet, or see that the harness works with `--quick`, \
         or take numbers that do not count with `--loaded`"
    )
}

/// Seconds for which all processors together were busy since the machine was started, with what a host took from it.
pub(crate) fn busy_seconds() -> Result<f64> {
    let path = Path::new("/proc/stat");
    let describe = || format!("failed to read `{}`", path.display());
    let text = fs::read_to_string(path).with_context(describe)?;
    parse_busy_seconds(&text).with_context(describe)
}

fn parse_busy_seconds(text: &str) -> Option<f64> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<f64> = line
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are part of user.
    let busy: f64 = [0, 1, 2, 5, 6, 7]
        .iter()
        .filter_map(|index| ticks.get(*index))
        .sum();
    (ticks.len() >= 4).then_some(busy / TICKS_PER_SECOND)
}

/// Now, in UTC: `2026-11-22 15:46`.
pub(crate) fn now() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    date_and_time(since.as_secs())
}

fn date_and_time(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let minutes = seconds / 60;
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}",
        minutes / 60 % 24,
        minutes % 60
    )
}

/// Year, month and day of the Gregorian calendar, for days since 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that the leap day is the last of its year.
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_time_has_no_idle_time() {
        let text = "cpu  100 20 30 9000 800 5 6 7 50 0\ncpu0 1 2 3 4\n";
        assert_eq!(parse_busy_seconds(text), Some(1.68));
        assert_eq!(parse_busy_seconds("cpu  100 20 30 9000\n"), Some(1.5));
        assert_eq!(parse_busy_seconds("intr 5\n"), None);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        #[track_caller]
        fn check(seconds: u64, expected: &str) {
            assert_eq!(date_and_time(seconds), expected);
        }
        // As `date -u -d @<seconds>` gives them.
        check(0, "1970-01-01 00:00");
        check(951_782_399, "2000-02-28 23:59");
        check(951_782_400, "2000-02-29 00:00");
        check(1_709_251_199, "2024-02-29 23:59");
        check(1_795_362_360, "2026-11-22 15:46");
    }

    #[test]
    fn a_busy_machine_is_refused_unless_that_is_wanted() {
        let load = |busy| Load { average: 9.0, busy };
        assert!(require_quiet(load(0.05), false).is_ok());
        assert!(require_quiet(load(0.5), true).is_ok());
        let error = require_quiet(load(0.5), false).unwrap_err().to_string();
        assert!(error.starts_with("others use 50 % of the processors (load average 9.00"));
    }
}
