//! Manifests of generated packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Tables of dependencies, in the order in which a manifest has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Normal,
    Dev,
    Build,
}

impl Table {
    fn header(self) -> &'static str {
        match self {
            Table::Normal => "dependencies",
            Table::Dev => "dev-dependencies",
            Table::Build => "build-dependencies",
        }
    }
}

/// The manifest of a member of a workspace. The root of the workspace has everything about dependencies except
/// features.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) edition: u16,
    /// `[lib]`, `[features]` and the like.
    sections: String,
    dependencies: BTreeMap<Table, BTreeMap<String, Options>>,
}

/// A member's options for a dependency.
#[derive(Clone, Debug, Default)]
struct Options {
    features: BTreeSet<String>,
    is_optional: bool,
}

impl Manifest {
    pub(crate) fn new(name: &str, edition: u16) -> Manifest {
        Manifest {
            name: name.to_owned(),
            edition,
            sections: String::new(),
            dependencies: BTreeMap::new(),
        }
    }

    /// Adds a section, header included.
    pub(crate) fn section(&mut self, section: &str) {
        write!(self.sections, "\n{}\n", section.trim()).expect("a string can be written to");
    }

    pub(crate) fn depend(&mut self, table: Table, name: &str) {
        self.depend_with(table, name, &[]);
    }

    pub(crate) fn depend_with(&mut self, table: Table, name: &str, features: &[&str]) {
        let options = self.options(table, name);
        let features = features.iter().map(|feature| feature.to_string());
        options.features.extend(features);
    }

    /// Adds a dependency that features switch on.
    pub(crate) fn depend_optionally(&mut self, name: &str) {
        self.options(Table::Normal, name).is_optional = true;
    }

    fn options(&mut self, table: Table, name: &str) -> &mut Options {
        let dependencies = self.dependencies.entry(table).or_default();
        dependencies.entry(name.to_owned()).or_default()
    }

    /// Text of the manifest; `header` names its generator.
    pub(crate) fn render(&self, header: &str) -> String {
        let mut text = format!(
            "{header}\n[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"{}\"\n",
            self.name, self.edition
        );
        for key in ["rust-version", "license", "publish"] {
            text.push_str(&format!("{key}.workspace = true\n"));
        }
        text.push_str(&self.sections);
        let normal = self.dependencies.get(&Table::Normal);
        for (table, dependencies) in &self.dependencies {
            // A test has the ordinary dependencies too.
            let repeated = |name: &str| {
                *table == Table::Dev && normal.is_some_and(|normal| normal.contains_key(name))
            };
            let mut lines = String::new();
            for (name, options) in dependencies.iter().filter(|(name, _)| !repeated(name)) {
                lines.push_str(&line(name, options));
            }
            if !lines.is_empty() {
                text.push_str(&format!("\n[{}]\n{lines}", table.header()));
            }
        }
        text.push_str("\n[lints]\nworkspace = true\n");
        text
    }
}

fn line(name: &str, options: &Options) -> String {
    let mut table = vec!["workspace = true".to_owned()];
    if !options.features.is_empty() {
        let features = options.features.iter();
        let features: Vec<String> = features.map(|feature| format!("\"{feature}\"")).collect();
        table.push(format!("features = [{}]", features.join(", ")));
    }
    if options.is_optional {
        table.push("optional = true".to_owned());
    }
    match table.len() {
        1 => format!("{name}.workspace = true\n"),
        _ => format!("{name} = {{ {} }}\n", table.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_each_dependency_once() {
        let mut manifest = Manifest::new("store-elm", 2021);
        manifest.section("[[test]]\nname = \"plain\"\n");
        manifest.depend(Table::Dev, "log");
        manifest.depend(Table::Dev, "regex");
        manifest.depend_with(Table::Normal, "base-palette", &["deep", "bright"]);
        manifest.depend(Table::Normal, "log");
        manifest.depend_optionally("hex");
        let expected = r#"# Made.
[package]
name = "store-elm"
version = "0.1.0"
edition = "2021"
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[[test]]
name = "plain"

[dependencies]
base-palette = { workspace = true, features = ["bright", "deep"] }
hex = { workspace = true, optional = true }
log.workspace = true

[dev-dependencies]
regex.workspace = true

[lints]
workspace = true
"#;
        assert_eq!(manifest.render("# Made."), expected);
    }
}
