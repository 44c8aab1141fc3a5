//! Six programs over the same dependencies, in different sets.
//!
//! Features are those that all six together give each package, so that a package is one unit in every selection: what is
//! measured is how units are linked, not how often they are compiled.

use std::fmt::Write;

use super::Texts;

/// A dependency, and what a program does with it.
struct Use {
    name: &'static str,
    statement: &'static str,
}

const REGEX: Use = Use {
    name: "regex",
    statement: r#"let pattern = regex::Regex::new("[0-9]+").expect("the pattern is well-formed");
    println!("{:?}", pattern.find(&text));"#,
};
const SERDE_JSON: Use = Use {
    name: "serde_json",
    statement: r#"println!("{:?}", serde_json::from_str::<serde_json::Value>(&text).is_ok());"#,
};
const TOKIO: Use = Use {
    name: "tokio",
    statement: r#"let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    println!("{}", runtime.block_on(async { text.len() }));"#,
};
const CLAP: Use = Use {
    name: "clap",
    statement: r#"println!("{}", clap::Command::new("program").about(text.clone()).render_help());"#,
};
const AXUM: Use = Use {
    name: "axum",
    statement: r#"let router: axum::Router = axum::Router::new().route("/", axum::routing::get(async || "text"));
    println!("{}", router.has_routes());"#,
};
const RAYON: Use = Use {
    name: "rayon",
    statement: r#"println!("{:?}", rayon::join(|| text.len(), || text.is_empty()));"#,
};
const CHRONO: Use = Use {
    name: "chrono",
    statement: r#"println!("{:?}", chrono::NaiveDate::parse_from_str(&text, "%F").is_ok());"#,
};

/// Named for their features only.
const MEMCHR: Use = Use {
    name: "memchr",
    statement: "",
};
const SERDE_CORE: Use = Use {
    name: "serde_core",
    statement: "",
};
const SMALLVEC: Use = Use {
    name: "smallvec",
    statement: "",
};

/// The programs by name.
const PROGRAMS: [(&str, &[Use]); 6] = [
    ("find", &[REGEX, SERDE_JSON, MEMCHR, SERDE_CORE]),
    ("wait", &[SERDE_JSON, TOKIO, MEMCHR, SERDE_CORE, SMALLVEC]),
    ("options", &[CLAP, REGEX, MEMCHR]),
    ("serve", &[AXUM, SERDE_JSON, TOKIO]),
    ("count", &[RAYON, CHRONO]),
    ("all", &[CLAP, CHRONO, RAYON, TOKIO, SMALLVEC]),
];

/// Names of the programs, which are packages of the same names, in the order in which they are built.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|(name, _)| *name)
}

pub(super) fn programs() -> Texts {
    let mut texts = Texts::new();
    for (name, uses) in &PROGRAMS {
        let mut manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n"
        );
        let mut source = format!(
            "//! Made by the harness in `benches/`: the program `{name}`.\n\nfn main() {{\n    \
             let text = std::env::args().skip(1).collect::<Vec<_>>().join(\" \");\n"
        );
        for one in *uses {
            // Writing to a string does not fail.
            let _ = writeln!(manifest, "{} = {{ workspace = true }}", one.name);
            if !one.statement.is_empty() {
                let _ = writeln!(source, "    {}", one.statement);
            }
        }
        source.push_str("}\n");
        texts.insert(format!("{name}/Cargo.toml"), manifest);
        texts.insert(format!("{name}/src/main.rs"), source);
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_differ_in_what_they_use() {
        let texts = programs();
        assert_eq!(texts.len(), 2 * PROGRAMS.len());
        let sets: std::collections::BTreeSet<Vec<&str>> = PROGRAMS
            .iter()
            .map(|(_, uses)| uses.iter().map(|one| one.name).collect())
            .collect();
        assert_eq!(sets.len(), PROGRAMS.len());
        assert!(texts["serve/Cargo.toml"].contains("axum = { workspace = true }\n"));
        assert!(texts["serve/src/main.rs"].contains("axum::Router"));
    }

    #[test]
    fn the_workspace_has_every_dependency_and_program() {
        let manifest = include_str!("../../../workloads/selections/Cargo.toml");
        for (name, uses) in &PROGRAMS {
            assert!(manifest.contains(&format!("\"{name}\"")), "{name}");
            for one in *uses {
                assert!(
                    manifest.contains(&format!("\n{} = ", one.name)),
                    "{}",
                    one.name
                );
            }
        }
    }
}
