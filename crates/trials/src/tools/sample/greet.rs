#[test]
fn greets_from_outside() {
    assert_eq!(local::greet(3), "hello 3");
}

#[test]
fn runs_the_program() {
    // Where cargo-nextest runs the tests of an archive, the program is not where it was built.
    let program = std::env::var("NEXTEST_BIN_EXE_sample")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_sample").to_owned());
    let output = std::process::Command::new(program).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello 1\n");
}
