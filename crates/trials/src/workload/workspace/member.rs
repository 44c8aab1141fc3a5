//! The files of a crate above the lowest layer.

use std::fmt::Write;

use crate::workload::manifest::{Manifest, Table};
use crate::workload::workspace::texts::{
    command_line, example, plain, program, threads, unit_tests,
};
use crate::workload::workspace::{APIS, Files, Kind, Member, Plan, SERVICES};

/// Columns that rustfmt leaves to an array in one line.
const ARRAY_WIDTH: usize = 60;

/// Writes the crate.
pub(super) fn write(files: &mut Files, plan: &Plan, member: &Member) {
    let name = &member.name;
    let mut manifest = dependencies(plan, member);
    let directory = match member.kind {
        Kind::Library | Kind::LibraryAndProgram => "src",
        Kind::Program => "src/component",
    };
    for carrier in &member.carriers {
        let path = format!("{directory}/{}.rs", carrier.name);
        files.rust(name, &path, carrier.source);
    }
    let component = component(plan, member);
    match member.kind {
        Kind::Library => files.rust(name, "src/lib.rs", &component),
        Kind::LibraryAndProgram => {
            files.rust(name, "src/lib.rs", &component);
            let import = format!("{}::{{Component, score}}", crate_name(name));
            files.rust(name, "src/main.rs", &program("", &import));
        }
        Kind::Program => {
            files.rust(name, "src/component/mod.rs", &component);
            let import = "crate::component::{Component, score}";
            files.rust(name, "src/main.rs", &program("mod component;\n\n", import));
        }
    }
    if member.kind != Kind::Library {
        manifest.depend(Table::Normal, "log");
        manifest.depend_with(Table::Normal, "base-wording", &["plural"]);
        files.rust(name, "tests/command_line.rs", &command_line(member));
    }
    if let Some(carrier) = member.tested {
        for dependency in carrier.dependencies {
            manifest.depend(Table::Dev, dependency);
        }
        let path = format!("tests/{}.rs", carrier.name);
        files.rust(name, &path, carrier.source);
    }
    if member.kind != Kind::Program && member.layer >= APIS {
        files.rust(name, &format!("examples/{name}-parts.rs"), &example(member));
        files.rust(name, "tests/threads.rs", &threads(member));
    }
    if member.layer == SERVICES && member.kind == Kind::Library {
        manifest.section("[[test]]\nname = \"plain\"\nharness = false");
        files.rust(name, "tests/plain.rs", &plain(member));
    }
    files.manifest(&manifest);
}

fn dependencies(plan: &Plan, member: &Member) -> Manifest {
    let mut manifest = Manifest::new(&member.name, member.edition);
    for dependency in ["base-shape", "base-tally"] {
        manifest.depend(Table::Normal, dependency);
    }
    for below in &member.below {
        manifest.depend(Table::Normal, &plan.members[*below].name);
    }
    if member.is_derived {
        manifest.depend(Table::Normal, "base-derive");
    }
    if let Some(base) = member.base {
        let features = match base {
            "base-palette" => member.palette_features,
            _ => &[],
        };
        manifest.depend_with(Table::Normal, base, features);
    }
    for carrier in &member.carriers {
        for dependency in carrier.dependencies {
            manifest.depend(Table::Normal, dependency);
        }
    }
    manifest.depend(Table::Dev, "base-testkit");
    manifest
}

/// The module with the crate's own part of the workspace's score.
fn component(plan: &Plan, member: &Member) -> String {
    let mut text = format!("//! The crate `{}` and all below it.\n\n", member.name);
    for carrier in &member.carriers {
        line(&mut text, &format!("mod {};", carrier.name));
    }
    line(&mut text, "\nuse base_shape::Part;\n");
    line(&mut text, "/// What this crate adds to a score.");
    line(&mut text, &format!("const OWN: u64 = {};\n", member.own));
    line(&mut text, "/// This crate, for those above it.");
    if member.is_derived {
        line(&mut text, "#[derive(base_derive::Named)]");
    }
    line(&mut text, "pub struct Component;\n");
    if !member.is_derived {
        line(&mut text, "impl Component {");
        line(&mut text, "    /// Name of the crate.");
        let name = &member.name;
        line(
            &mut text,
            &format!("    pub const NAME: &'static str = \"{name}\";\n}}\n"),
        );
    }
    text.push_str(&score(plan, member));
    text.push_str(&part(plan, member));
    text.push_str(&unit_tests(member));
    text
}

fn score(plan: &Plan, member: &Member) -> String {
    let mut text = String::from(
        "/// Adds up what this crate and all below it add, each as often as it is reached, and `number` as often.\n",
    );
    if member.kind != Kind::Program {
        let call = format!("{}::score({})", crate_name(&member.name), member.number);
        let score = member.reach.score(member.number);
        write!(
            text,
            "///\n/// ```\n/// assert_eq!({call}, {score});\n/// ```\n"
        )
        .expect("a string can be written to");
    }
    line(&mut text, "pub fn score(number: u64) -> u64 {");
    line(&mut text, "    base_tally::visit(Component::NAME);");
    line(&mut text, "    let mut number = number;");
    for carrier in &member.carriers {
        line(
            &mut text,
            &format!("    number = {}::carry(number);", carrier.name),
        );
    }
    if let Some(base) = member.base {
        let base = crate_name(base);
        line(&mut text, &format!("    number = {base}::carry(number);"));
    }
    if member.below.is_empty() {
        line(&mut text, "    OWN + number\n}\n");
        return text;
    }
    line(&mut text, "    let mut score = OWN + number;");
    for below in &member.below {
        let below = crate_name(&plan.members[*below].name);
        line(&mut text, &format!("    score += {below}::score(number);"));
    }
    line(&mut text, "    score\n}\n");
    text
}

fn part(plan: &Plan, member: &Member) -> String {
    let mut text = String::from("impl Part for Component {\n");
    line(&mut text, "    fn name(&self) -> &'static str {");
    line(&mut text, "        Component::NAME\n    }\n");
    line(&mut text, "    fn parts(&self) -> Vec<Box<dyn Part>> {");
    let parts: Vec<String> = member
        .below
        .iter()
        .map(|below| {
            let below = crate_name(&plan.members[*below].name);
            format!("Box::new({below}::Component)")
        })
        .collect();
    let parts = match parts.as_slice() {
        [] => "Vec::new()".to_owned(),
        parts => format!("vec!{}", array(parts, 8)),
    };
    line(&mut text, &format!("        {parts}"));
    line(&mut text, "    }\n}\n");
    text
}

/// An array in the form of rustfmt, in a line that is indented by `indent`.
pub(super) fn array(items: &[String], indent: usize) -> String {
    let line = items.join(", ");
    if line.len() <= ARRAY_WIDTH {
        return format!("[{line}]");
    }
    let items = items
        .iter()
        .map(|item| format!("\n{:1$}{item},", "", indent + 4));
    format!("[{}\n{:indent$}]", items.collect::<String>(), "")
}

/// The name by which Rust code calls the package `name`.
pub(super) fn crate_name(name: &str) -> String {
    name.replace('-', "_")
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string can be written to");
}
