//! Files of a crate above the lowest layer that are the same in each, except for names and numbers.

use crate::workload::workspace::Member;
use crate::workload::workspace::member::{array, crate_name};

pub(super) fn unit_tests(member: &Member) -> String {
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

pub(super) fn program(modules: &str, import: &str) -> String {
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

pub(super) fn command_line(member: &Member) -> String {
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

pub(super) fn example(member: &Member) -> String {
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

pub(super) fn threads(member: &Member) -> String {
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

pub(super) fn plain(member: &Member) -> String {
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
