//! `cargo xtask toolchains`, and the test step of that name: the fork with other compilers.
//!
//! The command runs all end-to-end tests, and writes the table of compilers in `docs/use.md`. The step is a part of CI:
//! it runs the tests that depend on the compiler, leaves out Debian's oldest compiler, and says if the table lacks a
//! compiler of this machine.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::docs::with_part;
use conformance::own_tests::{self, Extent, OwnTests};
use link_plan::support::OLDEST_RUSTC;
use patch_stack::tree::Tree;
use trials::awkward;
use workshop::compilers::{self, Compiler, NEWEST_OF_DEBIAN, OLDEST_OF_DEBIAN};
use workshop::paths::Repository;
use workshop::steps::{Chatter, Step, Steps};
use workshop::toolchain;

/// The name of the table in the document.
const PART: &str = "compilers";

/// The lines of the table above its rows.
const HEAD: &str =
    "| rustc | From | End-to-end tests | Programs of `awkward` |\n|---|---|--:|--:|\n";

/// The tests that passed with a compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    release: String,
    origin: String,
    tests: String,
    programs: String,
}

/// The test step.
pub(crate) fn step(tree: &Tree, step: &mut Step) -> Result<()> {
    let others = compilers::all(tree.repository(), step, &[NEWEST_OF_DEBIAN])?;
    let compilers = supported(step, others)?;
    let table = fs::read_to_string(tree.repository().use_page())?;
    for row in try_all(tree, step, &compilers, Extent::OfCompiler)? {
        if !table.contains(&format!("| {} | {} |", row.release, row.origin)) {
            step.say(&format!(
                "the table of compilers in `docs/use.md` has no rustc {} from {}\n\
                 help: `cargo xtask toolchains` writes it",
                row.release, row.origin
            ));
        }
    }
    Ok(())
}

/// Runs everything with these compilers; with all, if there are none, and then writes the table.
pub(crate) fn run(tree: &Tree, names: &[String]) -> Result<()> {
    let repository = tree.repository();
    let mut steps = Steps::new(repository.logs(), Chatter::Steps);
    let rows = steps.run("toolchains", |step| {
        let of_debian = [NEWEST_OF_DEBIAN, OLDEST_OF_DEBIAN];
        let others = compilers::all(repository, step, &of_debian)?;
        let compilers = supported(step, named(others, names)?)?;
        try_all(tree, step, &compilers, Extent::All)
    })?;
    if names.is_empty() {
        write(repository, rows)
    } else {
        print!("{}", table(&rows));
        Ok(())
    }
}

/// Runs all end-to-end tests in the new layout of the build directory.
pub(crate) fn new_layout(tree: &Tree) -> Result<()> {
    let mut steps = Steps::new(tree.repository().logs(), Chatter::Steps);
    steps.run("new-layout", |step| own_tests::new_layout(tree, step))
}

/// Those with one of these names; all, if there are none.
fn named(compilers: Vec<Compiler>, names: &[String]) -> Result<Vec<Compiler>> {
    for name in names {
        let known: Vec<&str> = compilers.iter().map(|it| it.name.as_str()).collect();
        ensure!(
            known.contains(&name.as_str()),
            "there is no other compiler `{name}`\nhelp: these are there: {}",
            known.join(", ")
        );
    }
    let is_named = |compiler: &Compiler| names.is_empty() || names.contains(&compiler.name);
    Ok(compilers.into_iter().filter(is_named).collect())
}

/// Those that are not too old.
fn supported(step: &mut Step, compilers: Vec<Compiler>) -> Result<Vec<Compiler>> {
    let mut supported = Vec::new();
    for compiler in compilers {
        if compiler.version()? < OLDEST_RUSTC {
            step.say(&format!(
                "left out: rustc {} ({}) is too old for groups",
                compiler.release(),
                compiler.origin
            ));
            continue;
        }
        supported.push(compiler);
    }
    Ok(supported)
}

fn try_all(
    tree: &Tree,
    step: &mut Step,
    compilers: &[Compiler],
    extent: Extent,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    if compilers.is_empty() {
        step.say("SKIPPED: there is no other compiler");
        return Ok(rows);
    }
    let own_tests = OwnTests::build(tree, step, extent)?;
    for compiler in compilers {
        let what = format!("rustc {} ({})", compiler.release(), compiler.origin);
        step.say(&format!("{what}: begins"));
        let describe = || format!("with {what}");
        let tests = own_tests.run(step, compiler).with_context(describe)?;
        let programs = awkward::run_with(tree, step, compiler).with_context(describe)?;
        step.say(&format!(
            "{what}: {tests} tests and {programs} programs pass"
        ));
        rows.push(Row {
            release: compiler.release().to_owned(),
            origin: compiler.origin.clone(),
            tests: tests.to_string(),
            programs: programs.to_string(),
        });
    }
    Ok(rows)
}

/// Writes the table, with a row for the compiler that all other steps use.
fn write(repository: &Repository, mut rows: Vec<Row>) -> Result<()> {
    let own = toolchain::rustc_version()?;
    rows.push(Row {
        release: own.split(' ').nth(1).unwrap_or(&own).to_owned(),
        origin: "the one that everything is tested with".to_owned(),
        tests: "all".to_owned(),
        programs: "all".to_owned(),
    });
    rows.sort_by_key(|row| compilers::version(&row.release).ok());
    let path = repository.use_page();
    let describe = || format!("failed to write `{}`", path.display());
    let page = fs::read_to_string(&path).with_context(describe)?;
    let page = with_part(&page, PART, &table(&rows)).with_context(describe)?;
    fs::write(&path, page).with_context(describe)?;
    println!("{}", repository.display(&path));
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let mut table = HEAD.to_owned();
    for row in rows {
        let Row {
            release,
            origin,
            tests,
            programs,
        } = row;
        table.push_str(&format!(
            "| {release} | {origin} | {tests} | {programs} |\n"
        ));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The releases in the first column of the table.
    fn releases(page: &str) -> Vec<(u64, u64)> {
        let (_, part) = page.split_once(HEAD).unwrap();
        let rows = part.lines().take_while(|line| line.starts_with("| "));
        rows.map(|row| compilers::version(row.split(' ').nth(1).unwrap()).unwrap())
            .collect()
    }

    /// The plan refuses exactly the compilers that are older than all tried ones.
    #[test]
    fn the_oldest_compiler_of_the_table_is_that_of_the_plan() {
        let page = fs::read_to_string(Repository::of_this_build().use_page()).unwrap();
        assert_eq!(releases(&page).first(), Some(&OLDEST_RUSTC));
    }

    #[test]
    fn rows_are_found_again() {
        let rows = [
            ("1.85.0", "Debian"),
            ("1.97.0-nightly", "rustup, `nightly`"),
        ];
        let rows = rows.map(|(release, origin)| Row {
            release: release.to_owned(),
            origin: origin.to_owned(),
            tests: "1".to_owned(),
            programs: "2".to_owned(),
        });
        let page = format!("a\n{}b\n", table(&rows));
        assert!(page.contains("| 1.97.0-nightly | rustup, `nightly` | 1 | 2 |\n"));
        assert_eq!(releases(&page), [(1, 85), (1, 97)]);
    }
}
