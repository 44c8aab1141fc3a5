use super::*;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn steps(directory: &Path) -> Steps {
    Steps {
        logs: directory.to_path_buf(),
        on_terminal: false,
        chatter: Chatter::None,
        finished: Vec::new(),
    }
}

#[test]
fn output_is_logged_and_captured() {
    let directory = tempfile::tempdir().unwrap();
    let mut steps = steps(directory.path());
    let captured = steps.run("build", |step| {
        step.command(&mut shell("echo out; echo err >&2"), Show::Progress)?;
        step.capture(&mut shell("echo list; echo noise >&2"))
    });
    assert_eq!(captured.unwrap(), "list\n");
    let log = fs::read_to_string(directory.path().join("build.log")).unwrap();
    assert_eq!(
        log,
        "$ sh -c echo out; echo err >&2\nout\nerr\n$ sh -c echo list; echo noise >&2\nnoise\n"
    );
    assert!(
        steps.table().starts_with("build  ok  "),
        "{}",
        steps.table()
    );
}

#[test]
fn transcript_has_both_streams_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut steps = steps(directory.path());
    let mut run = |script| steps.run("test", |step| step.transcript(&mut shell(script)));
    let (text, succeeded) = run("echo a; echo b >&2; echo c; exit 3").unwrap();
    assert_eq!((text.as_str(), succeeded), ("a\nb\nc\n", false));
    assert!(run("exit 0").unwrap().1);
}

#[test]
fn attempted_command_may_fail() {
    let directory = tempfile::tempdir().unwrap();
    let stdout = directory.path().join("printed");
    let status = steps(directory.path()).run("try", |step| {
        step.attempt(&mut shell("echo out; echo err >&2; exit 3"), &stdout)
    });
    assert_eq!(status.unwrap().code(), Some(3));
    assert_eq!(fs::read_to_string(&stdout).unwrap(), "out\n");
    let log = fs::read_to_string(directory.path().join("try.log")).unwrap();
    assert!(log.ends_with("exit 3\nerr\n"), "{log}");
}

#[test]
fn observed_command_may_fail() {
    let directory = tempfile::tempdir().unwrap();
    let mut steps = steps(directory.path());
    let observed = steps.run("look", |step| {
        step.observe(&mut shell("echo out; echo err >&2; exit 3"))
    });
    let observed = observed.unwrap();
    assert_eq!(observed.status.code(), Some(3));
    assert_eq!((&*observed.stdout, &*observed.stderr), ("out\n", "err\n"));
}

#[test]
fn failure_shows_the_end_of_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let mut steps = steps(directory.path());
    let error = steps
        .run("fork", |step| {
            step.command(&mut shell("seq 100; exit 3"), Show::Progress)
        })
        .unwrap_err();
    let text = format!("{error:#}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "step `fork` failed: `sh -c seq 100; exit 3` failed (exit status: 3)"
    );
    assert_eq!((lines[1], lines[40], lines.len()), ("61", "100", 42));
    assert_eq!(
        lines[41],
        format!("log: `{}`", directory.path().join("fork.log").display())
    );
    assert!(
        steps.table().starts_with("fork  FAILED"),
        "{}",
        steps.table()
    );
}
