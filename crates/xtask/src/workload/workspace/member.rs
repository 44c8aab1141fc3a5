//! The files of a crate above the lowest layer.

use std::fmt::Write;

use crate::workload::manifest::{Manifest, Table};
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

/// What the crate is for: its own part of the workspace's score.
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

fn unit_tests(member: &Member) -> String {
    format!(
        r#"#[cfg(test)]
mod tests {{
    use base_testkit::Expected;

    use super::*;

    const EXPECTED: Expected = Expected {{
        score: {score},
        visits: {visits},
        crates: {crates},
    }};

    #[test]
    fn score_is_that_of_all_crates() {{
        base_testkit::check(score, {number}, &EXPECTED);
    }}

    #[test]
    fn parts_are_as_many_as_visits() {{
        base_testkit::check_parts(&Component, &EXPECTED);
    }}

    #[test]
    fn state_is_there_once() {{
        let address = base_tally::address();
        assert_eq!(address, &raw const base_tally::TOTAL as usize);
        assert_eq!(base_tally::address_for::<Component>(), (address, 0));
    }}

    #[test]
    #[should_panic(expected = "{number} is refused")]
    fn a_panic_comes_through() {{
        base_tally::refuse({number});
    }}
}}
"#,
        score = member.reach.score(member.number),
        visits = member.reach.visits,
        crates = member.reach.crates.len(),
        number = member.number,
    )
}

fn program(modules: &str, import: &str) -> String {
    format!(
        r#"//! Prints what a number comes to.

{modules}use std::process::ExitCode;
use std::sync::atomic::{{AtomicU64, Ordering}};

use base_shape::Part;
use log::{{LevelFilter, Log, Metadata, Record}};

use {import};

/// Records of all crates of the workspace.
static RECORDS: AtomicU64 = AtomicU64::new(0);

/// Counts records.
struct Counter;

impl Log for Counter {{
    fn enabled(&self, metadata: &Metadata) -> bool {{
        metadata.target() == "workload"
    }}

    fn log(&self, record: &Record) {{
        if self.enabled(record.metadata()) {{
            RECORDS.fetch_add(1, Ordering::Relaxed);
        }}
    }}

    fn flush(&self) {{}}
}}

fn main() -> ExitCode {{
    log::set_logger(&Counter).expect("there is no other logger");
    log::set_max_level(LevelFilter::Info);
    let number = std::env::args()
        .nth(1)
        .and_then(|number| number.parse().ok());
    let Some(number) = number else {{
        eprintln!("usage: {{}} <number>", Component.name());
        return ExitCode::from(2);
    }};
    println!("score {{}}", score(number));
    let counts = [
        (base_tally::visits(), "visit"),
        (RECORDS.load(Ordering::Relaxed), "record"),
        (Component.weight(), "part"),
    ];
    for (count, word) in counts {{
        println!("{{}}", base_wording::counted(count, word));
    }}
    for name in base_tally::names() {{
        println!("{{name}}");
    }}
    ExitCode::SUCCESS
}}
"#
    )
}

fn command_line(member: &Member) -> String {
    let counted = |count: u64, word: &str| match count {
        1 => format!("\"1 {word}\""),
        _ => format!("\"{count} {word}s\""),
    };
    let reach = &member.reach;
    let expected = [
        format!("\"score {}\"", reach.score(member.number)),
        counted(reach.visits, "visit"),
        counted(reach.records, "record"),
        counted(reach.visits, "part"),
    ];
    format!(
        r#"//! The program, called as others call it.

use std::process::{{Command, Output}};

fn run(arguments: &[&str]) -> Output {{
    Command::new(env!("CARGO_BIN_EXE_{name}"))
        .args(arguments)
        .output()
        .expect("the program can be run")
}}

#[test]
fn the_score_is_printed() {{
    let output = run(&["{number}"]);
    assert!(output.status.success(), "{{output:?}}");
    let stdout = String::from_utf8(output.stdout).expect("the output is text");
    let expected = {expected};
    let (numbers, names): (Vec<&str>, Vec<&str>) =
        stdout.lines().partition(|line| line.contains(' '));
    assert_eq!(numbers, expected);
    assert_eq!(names.len(), {crates});
    assert!(names.contains(&"{name}"), "{{names:?}}");
}}

#[test]
fn a_number_is_needed() {{
    for arguments in [&[][..], &["many"]] {{
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(output.stderr, b"usage: {name} <number>\n");
    }}
}}
"#,
        name = member.name,
        number = member.number,
        expected = array(&expected, 4),
        crates = reach.crates.len(),
    )
}

fn example(member: &Member) -> String {
    let component = format!("use {}::Component;", crate_name(&member.name));
    let mut imports = ["use base_shape::Part;", &component];
    imports.sort();
    format!(
        r#"//! Prints the crates below this one, each as often as it is reached.

{imports}

fn print(part: &dyn Part, depth: usize) {{
    println!("{{:depth$}}{{}}", "", part.name());
    for part in part.parts() {{
        print(&*part, depth + 1);
    }}
}}

fn main() {{
    print(&Component, 0);
}}
"#,
        imports = imports.join("\n")
    )
}

fn threads(member: &Member) -> String {
    format!(
        r#"//! State of the process and of its threads.

use std::sync::atomic::Ordering;
use std::thread;

use {crate_name}::score;

#[test]
fn each_thread_counts_for_itself() {{
    let threads = 3;
    let before = base_tally::TOTAL.load(Ordering::Relaxed);
    let visits = (0..threads).map(|number| {{
        let count = move || {{
            score(number);
            base_tally::visits()
        }};
        thread::spawn(count).join().expect("nothing panics")
    }});
    assert_eq!(visits.sum::<u64>(), threads * {visits});
    let after = base_tally::TOTAL.load(Ordering::Relaxed);
    assert!(after >= before + threads * {visits});
}}

#[test]
fn a_panic_of_another_crate_is_caught() {{
    let panic = thread::spawn(|| base_tally::refuse({number})).join();
    let payload = panic.expect_err("it panics");
    let message = payload.downcast::<String>().expect("the message is text");
    assert_eq!(*message, "{number} is refused");
}}
"#,
        crate_name = crate_name(&member.name),
        visits = member.reach.visits,
        number = member.number,
    )
}

fn plain(member: &Member) -> String {
    format!(
        r#"//! A test without the harness: it prints as the harness does.

use {crate_name}::score;

fn main() {{
    assert_eq!(score({number}), {score});
    println!("test plain ... ok");
}}
"#,
        crate_name = crate_name(&member.name),
        number = member.number,
        score = member.reach.score(member.number),
    )
}

/// An array in the form of rustfmt, in a line that is indented by `indent`.
fn array(items: &[String], indent: usize) -> String {
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
fn crate_name(name: &str) -> String {
    name.replace('-', "_")
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string can be written to");
}
