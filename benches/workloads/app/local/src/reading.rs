use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A line of a station's log, such as `2026-01-01T06:00 kiruna -21.5 °C`.
static LOG_LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^\S+ (?<station>\p{Alphabetic}+) (?<celsius>.+)$").expect("pattern is valid")
});

/// A number with its unit. Digits and points that make no number match too, and that is wanted: see
/// [`Celsius::from_text`].
static TEMPERATURE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?<number>[-0-9.]+)\s*°C").expect("pattern is valid"));

/// One temperature measured by one station.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Reading {
    /// Name of the station.
    pub station: String,
    /// What it measured.
    pub celsius: Celsius,
}

/// A temperature in degrees Celsius, written `-21.5 °C` in text and in JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Celsius(pub f64);

impl Celsius {
    /// Reads a temperature, or `None` where `text` holds none.
    ///
    /// # Panics
    ///
    /// On a number with two points, inside the closure that regex calls: the workload's example of a
    /// bug below several dependencies.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut celsius = None;
        TEMPERATURE.replace(text, |found: &Captures<'_>| {
            celsius = Some(Self(
                found["number"].parse().expect("temperature is a number"),
            ));
            String::new()
        });
        celsius
    }
}

impl<'de> Deserialize<'de> for Celsius {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CelsiusVisitor)
    }
}

struct CelsiusVisitor;

impl Visitor<'_> for CelsiusVisitor {
    type Value = Celsius;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a temperature such as `-21.5 °C`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Celsius, E> {
        Celsius::from_text(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// The readings in a station's log, in order; lines of another form are left out.
pub fn parse_readings(log: &str) -> Vec<Reading> {
    LOG_LINE
        .captures_iter(log)
        .filter_map(|line| {
            Some(Reading {
                station: line["station"].to_owned(),
                celsius: Celsius::from_text(&line["celsius"])?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_another_form_are_left_out() {
        let log =
            "2026-01-01T06:00 kiruna -21.5 °C\nrestarted\n2026-01-01T07:00 kiruna no reading\n";
        assert_eq!(
            parse_readings(log),
            [Reading {
                station: "kiruna".to_owned(),
                celsius: Celsius(-21.5)
            }]
        );
    }
}
