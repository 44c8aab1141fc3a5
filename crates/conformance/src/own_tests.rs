//! Our end-to-end tests in other circumstances: with compilers other than the one that xtask runs with, and in the new
//! layout of the build directory.
//!
//! The compiler of xtask builds the test suite once. Its tests run the compiler that they find in `PATH`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::forced_on::{self, Forced};
use crate::steps::choose;
use crate::suite::Suite;
use patch_stack::stock;
use patch_stack::tree::{Tree, Unexported};
use workshop::compilers::Compiler;
use workshop::fork::Profile;
use workshop::steps::Step;

/// The modules whose outcome depends on the compiler: on the bytes of libraries, on the calls of the linker, and on the
/// standard library. The other modules test Cargo, which does the same with all compilers.
const MODULES_OF_COMPILER: &[&str] = &[
    "dynamic_deps::allocator",
    "dynamic_deps::backtraces",
    "dynamic_deps::codegen",
    "dynamic_deps::constructors",
    "dynamic_deps::crate_kinds",
    "dynamic_deps::debug_info",
    "dynamic_deps::gathered",
    "dynamic_deps::identity",
    "dynamic_deps::link_args",
    "dynamic_deps::nightly",
    "dynamic_deps::panics",
    "dynamic_deps::plugins",
    "dynamic_deps::references",
    "dynamic_deps::shared_groups",
    "dynamic_deps::sharing",
    "dynamic_deps::symbols",
    "dynamic_deps::tests",
    "dynamic_deps::thread_locals",
];

/// The tests that are not run in the new layout, each with the reason: a program in the place of Cargo turns it on.
const NOT_IN_NEW_LAYOUT: &[(&str, &str)] = &[
    (
        "dynamic_deps::installed::a_base_that_has_changed_is_told",
        "Cargo runs from another directory than the program",
    ),
    (
        "dynamic_deps::option::unstable_flag_is_refused_on_stable",
        "the layout needs a nightly Cargo",
    ),
    (
        "dynamic_deps::untouched::command_lines_are_those_of_stock_cargo",
        "stock Cargo has the old layout",
    ),
];

/// Which of our tests to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Those that depend on the compiler.
    OfCompiler,
    /// All.
    All,
}

/// Our end-to-end tests, built.
#[derive(Debug)]
pub struct OwnTests {
    suite: Suite,
    stock: Option<PathBuf>,
    chosen: BTreeSet<String>,
}

impl OwnTests {
    /// Builds them.
    pub fn build(tree: &Tree, step: &mut Step, extent: Extent) -> Result<OwnTests> {
        tree.materialise(Unexported::Refuse)?;
        let repository = tree.repository();
        // Some of them compare with an unpatched Cargo.
        let stock = match extent {
            Extent::OfCompiler => None,
            Extent::All => Some(stock::build(tree, step, Profile::Dev)?),
        };
        let directory = repository.compilers();
        let suite = Suite::build(repository, step, &repository.tree(), &directory)?;
        let listed = suite.list(step)?;
        let modules = match extent {
            Extent::OfCompiler => MODULES_OF_COMPILER,
            Extent::All => &["dynamic_deps"],
        };
        let chosen = choose(&listed, modules)?;
        let chosen = chosen.into_iter().map(str::to_owned).collect();
        Ok(OwnTests {
            suite,
            stock,
            chosen,
        })
    }

    /// Runs them with a compiler, and returns their number.
    pub fn run(&self, step: &mut Step, compiler: &Compiler) -> Result<usize> {
        self.run_on(step, &self.suite, |command| compiler.set_for(command))
    }

    fn run_on(
        &self,
        step: &mut Step,
        suite: &Suite,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<usize> {
        let tests = self.chosen.iter().map(String::as_str);
        suite.run_all(step, tests, |command| {
            prepare(command);
            if let Some(stock) = &self.stock {
                command.env(stock::VARIABLE, stock);
            }
        })?;
        Ok(self.chosen.len())
    }
}

/// All of our tests in the new layout of the build directory.
pub fn new_layout(tree: &Tree, step: &mut Step) -> Result<()> {
    let mut own_tests = OwnTests::build(tree, step, Extent::All)?;
    for (test, reason) in NOT_IN_NEW_LAYOUT {
        ensure!(own_tests.chosen.remove(*test), "there is no test `{test}`");
        step.say(&format!("left out: {test}: {reason}"));
    }
    let directory = tree.repository().compilers().join("new-layout");
    let suite = forced_on::suite(step, &own_tests.suite, &directory, Forced::NewLayout)?;
    own_tests.run_on(step, &suite, |_| {})?;
    Ok(())
}
