// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! The program, called as others call it.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_service-hawthorn"))
        .args(arguments)
        .output()
        .expect("the program can be run")
}

#[test]
fn the_score_is_printed() {
    let output = run(&["44"]);
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).expect("the output is text");
    let expected = ["score 3868", "7 visits", "1 record", "7 parts"];
    let (numbers, names): (Vec<&str>, Vec<&str>) =
        stdout.lines().partition(|line| line.contains(' '));
    assert_eq!(numbers, expected);
    assert_eq!(names.len(), 7);
    assert!(names.contains(&"service-hawthorn"), "{names:?}");
}

#[test]
fn a_number_is_needed() {
    for arguments in [&[][..], &["many"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(output.stderr, b"usage: service-hawthorn <number>\n");
    }
}
