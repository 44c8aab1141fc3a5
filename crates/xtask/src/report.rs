//! A table of measurements, static beside dynamic.

use std::fmt;

/// What a value stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Values in seconds, shown as such.
    Seconds,
    /// Values in seconds, shown in thousandths.
    Milliseconds,
    /// Values in bytes, shown in millions.
    Megabytes,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::Seconds => format!("{value:.2} s"),
            Unit::Milliseconds => format!("{:.1} ms", value * 1e3),
            Unit::Megabytes => format!("{:.1} MB", value / 1e6),
        }
    }
}

/// One measurement.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) unit: Unit,
    pub(crate) of_static: f64,
    pub(crate) of_dynamic: f64,
}

/// All that is told at the end.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) notes: Vec<String>,
    /// What the reader can do now.
    pub(crate) next: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![[
            self.title.clone(),
            "static".to_owned(),
            "dynamic".to_owned(),
            "static/dynamic".to_owned(),
        ]];
        for row in &self.rows {
            lines.push([
                row.label.clone(),
                row.unit.show(row.of_static),
                row.unit.show(row.of_dynamic),
                format!("{:.2}", row.of_static / row.of_dynamic),
            ]);
        }
        let width = |column: usize| {
            let widths = lines.iter().map(|line| line[column].chars().count());
            widths.max().unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2), width(3)];
        for [label, of_static, of_dynamic, ratio] in &lines {
            writeln!(
                f,
                "{label:<0$}  {of_static:>1$}  {of_dynamic:>2$}  {ratio:>3$}",
                widths[0], widths[1], widths[2], widths[3]
            )?;
        }
        for note in &self.notes {
            write!(f, "\n{note}\n")?;
        }
        write!(f, "\n{}\n", self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let row = |label: &str, unit, of_static, of_dynamic| Row {
            label: label.to_owned(),
            unit,
            of_static,
            of_dynamic,
        };
        let report = Report {
            title: "app: 2 crates".to_owned(),
            rows: vec![
                row("link of the executable", Unit::Seconds, 0.5, 0.125),
                row("start-up", Unit::Milliseconds, 0.0035, 0.007),
                row("size", Unit::Megabytes, 120e6, 9.6e6),
            ],
            notes: vec!["Machine: small".to_owned()],
            next: "Try it.".to_owned(),
        };
        let expected = "\
app: 2 crates             static  dynamic  static/dynamic
link of the executable    0.50 s   0.12 s            4.00
start-up                  3.5 ms   7.0 ms            0.50
size                    120.0 MB   9.6 MB           12.50

Machine: small

Try it.
";
        assert_eq!(report.to_string(), expected);
    }
}
