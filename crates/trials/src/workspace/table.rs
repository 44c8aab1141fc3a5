//! The report: a table of Markdown that can be read as it is.

use std::fmt;

/// Static beside dynamic.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(Vec<[String; 3]>);

impl Table {
    pub(super) fn row(&mut self, label: &str, of_static: String, of_dynamic: String) {
        self.0.push([label.to_owned(), of_static, of_dynamic]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["", "static", "dynamic"].map(str::to_owned);
        let rows = || [&header].into_iter().chain(&self.0);
        let width = |column: usize| rows().map(|row| row[column].chars().count()).max();
        let widths = [0, 1, 2].map(|column| width(column).unwrap_or_default());
        for (index, [label, of_static, of_dynamic]) in rows().enumerate() {
            writeln!(
                f,
                "| {label:<0$} | {of_static:>1$} | {of_dynamic:>2$} |",
                widths[0], widths[1], widths[2]
            )?;
            if index == 0 {
                let dashes = widths.map(|width| "-".repeat(width));
                writeln!(
                    f,
                    "| {} | {}: | {}: |",
                    dashes[0],
                    &dashes[1][1..],
                    &dashes[2][1..]
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::default();
        table.row("tests", "412".to_owned(), "412".to_owned());
        table.row("groups", String::new(), "70 (1.0 MB)".to_owned());
        let expected = "\
|        | static |     dynamic |
| ------ | -----: | ----------: |
| tests  |    412 |         412 |
| groups |        | 70 (1.0 MB) |
";
        assert_eq!(table.to_string(), expected);
    }
}
