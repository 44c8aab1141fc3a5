//! Link lines as rustc prints them, to run the linker again without rustc.
//!
//! To record links, Cargo calls this program in the place of rustc (`RUSTC_WRAPPER`). It has rustc print the link line
//! of each executable and keep the files on it (`-C save-temps`). That does not change the compiled code, and Cargo
//! does not count it as an input of a crate. The line names the program that rustc calls as the linker, which may be
//! the fork's linker wrapper. So a link that we run again does all the work of the link in a build.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail, ensure};
use measure::rustc_wrapper::Wrapper;
use serde::{Deserialize, Serialize};

/// Leaves link lines in a directory.
pub(crate) const WRAPPER: Wrapper = Wrapper {
    variable: "HARNESS_LINK_LINES",
    concerns: is_final,
    run: record_line,
};

/// One run of a linker.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct LinkLine {
    program: String,
    args: Vec<String>,
    /// The variables that rustc sets for it.
    variables: BTreeMap<String, String>,
    directory: PathBuf,
}

impl LinkLine {
    /// Reads what `--print link-args` gives: a `Command` of Rust's standard library in its `Debug` form, that is,
    /// `env -u NAME NAME="value" "program" "argument"`.
    fn parse(text: &str, directory: &Path) -> Result<LinkLine> {
        let mut rest = text.trim();
        let mut variables = BTreeMap::new();
        if let Some(removals) = rest.strip_prefix("env ") {
            rest = removals.trim_start();
            while let Some(removal) = rest.strip_prefix("-u ") {
                let (_, after) = removal.split_once(' ').context("the line ends early")?;
                rest = after.trim_start();
            }
        }
        while !rest.starts_with('"') {
            let (name, after) = rest.split_once('=').context("the line has no program")?;
            let (value, after) = quoted(after)?;
            variables.insert(name.to_owned(), value);
            rest = after;
        }
        let mut words = Vec::new();
        while !rest.is_empty() {
            let (word, after) = quoted(rest)?;
            words.push(word);
            rest = after;
        }
        let program = words.remove(0);
        Ok(LinkLine {
            program,
            args: words,
            variables,
            directory: directory.to_path_buf(),
        })
    }

    /// The same link once more.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(&self.variables)
            .current_dir(&self.directory);
        command
    }

    /// The same link by a linker that otherwise works in a child process, which it leaves behind when the output is
    /// written. Here it works in its own process, so that we can measure its memory.
    pub(crate) fn command_without_fork(&self) -> Command {
        let mut command = self.command();
        command.arg("-Wl,--no-fork");
        command
    }

    /// A link of the executable's own objects and of the system's libraries, by the same linker, without what the
    /// objects need from elsewhere. `output` is the file to make.
    pub(crate) fn own_objects_command(&self, output: &Path) -> Result<Command> {
        let at = self.output_position()?;
        let mut args: Vec<OsString> = self.args.iter().map(OsString::from).collect();
        args[at] = output.into();
        args.retain(|arg| !arg.as_encoded_bytes().ends_with(b".rlib"));
        args.push("-Wl,--unresolved-symbols=ignore-all".into());
        // lld does not ignore references that are hidden, as those of the allocator shim to std are.
        if args.iter().any(|arg| arg == "-fuse-ld=lld") {
            args.push("-Wl,--noinhibit-exec".into());
        }
        // rustc's default linker. The fork's linker wrapper would miss the libraries.
        let mut command = Command::new("cc");
        command
            .args(args)
            .envs(&self.variables)
            .current_dir(&self.directory);
        Ok(command)
    }

    /// The file that is made.
    pub(crate) fn output(&self) -> Result<PathBuf> {
        Ok(self.directory.join(&self.args[self.output_position()?]))
    }

    fn output_position(&self) -> Result<usize> {
        let option = self.args.iter().position(|arg| arg == "-o");
        option
            .map(|at| at + 1)
            .filter(|at| *at < self.args.len())
            .context("the link line names no output")
    }
}

/// Takes a string in Rust's quotes from the start of `text`, and returns it and what follows.
fn quoted(text: &str) -> Result<(String, &str)> {
    let inside = text
        .strip_prefix('"')
        .context("the line has a word without quotes")?;
    let mut value = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, inside[at + 1..].trim_start())),
            '\\' => {
                let escaped = characters.next().map(|(_, character)| character);
                match escaped {
                    Some(same @ ('"' | '\\' | '\'')) => value.push(same),
                    Some('n') => value.push('\n'),
                    Some('t') => value.push('\t'),
                    Some('r') => value.push('\r'),
                    _ => bail!("the line has characters that can be shown only escaped"),
                }
            }
            _ => value.push(character),
        }
    }
    bail!("the line ends within quotes")
}

/// Makes `cargo` leave the link lines of all executables that it links in `directory`, which is made anew together with
/// the files that the lines name.
pub(crate) fn record(cargo: &mut Command, directory: &Path) -> Result<()> {
    let describe = || format!("failed to make `{}` anew", directory.display());
    let temporary = directory.join("tmp");
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(describe)?;
    }
    fs::create_dir_all(&temporary).with_context(describe)?;
    cargo.env("TMPDIR", temporary);
    WRAPPER.attach(cargo, directory)
}

/// The link lines that a build has left in `directory`.
pub(crate) fn recorded(directory: &Path) -> Result<Vec<LinkLine>> {
    let describe = || format!("failed to read link lines in `{}`", directory.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).with_context(describe)? {
        let path = entry.with_context(describe)?.path();
        if path.extension() == Some(OsStr::new("json")) {
            paths.push(path);
        }
    }
    paths.sort();
    ensure!(
        !paths.is_empty(),
        "rustc printed no link line to `{}`",
        directory.display()
    );
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).with_context(describe)?;
            serde_json::from_str(&text).with_context(describe)
        })
        .collect()
}

/// Runs rustc with `command`, and writes the link line to a file in `directory`.
fn record_line(directory: &Path, mut command: Command) -> Result<ExitStatus> {
    // Two processes at a time never have the same number.
    let printed = directory.join(format!("{}.txt", std::process::id()));
    let mut print = OsString::from("--print=link-args=");
    print.push(&printed);
    let status = command
        .args(["-C", "save-temps"])
        .arg(print)
        .status()
        .context("failed to run rustc")?;
    if status.success() {
        let describe = || format!("in what rustc printed to `{}`", printed.display());
        let text = fs::read_to_string(&printed).with_context(describe)?;
        let current = env::current_dir().context("failed to find the current directory")?;
        let line = LinkLine::parse(&text, &current).with_context(describe)?;
        let output = line.output()?;
        let name = output.file_name().unwrap_or(OsStr::new("executable"));
        let path = directory.join(name).with_added_extension("json");
        let json = serde_json::to_string(&line)?;
        fs::write(&path, json).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(status)
}

/// Whether rustc is to link an executable that is no build script.
fn is_final(args: &[OsString]) -> bool {
    let value_of = |name: &str| {
        args.windows(2)
            .find(|pair| pair[0] == name)
            .and_then(|pair| pair[1].to_str())
    };
    let is_executable =
        value_of("--crate-type") == Some("bin") || args.iter().any(|arg| arg == "--test");
    let is_build_script =
        value_of("--crate-name").is_some_and(|name| name.starts_with("build_script_"));
    let links = args.iter().filter_map(|arg| arg.to_str()).any(|arg| {
        arg.strip_prefix("--emit=")
            .is_some_and(|kinds| kinds.split(',').any(|kind| kind == "link"))
    });
    is_executable && links && !is_build_script
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = concat!(
        r#"env -u A -u B LC_ALL="C" PATH="/a b:/c" "cc" "-m64" "/t/symbols.o" "/t/a.o" "/t/lib a.rlib" "#,
        r#""-Wl,-Bdynamic" "-lc" "-Wl,\"quoted\"" "-o" "deps/a" "-pie""#,
        "\n"
    );

    fn line() -> LinkLine {
        LinkLine::parse(PRINTED, Path::new("/w")).unwrap()
    }

    fn args(command: &Command) -> Vec<&str> {
        command.get_args().filter_map(OsStr::to_str).collect()
    }

    #[test]
    fn printed_lines_are_read() {
        let line = line();
        assert_eq!(line.program, "cc");
        assert_eq!(
            args(&line.command()),
            [
                "-m64",
                "/t/symbols.o",
                "/t/a.o",
                "/t/lib a.rlib",
                "-Wl,-Bdynamic",
                "-lc",
                "-Wl,\"quoted\"",
                "-o",
                "deps/a",
                "-pie"
            ]
        );
        assert_eq!(line.variables["PATH"], "/a b:/c");
        assert_eq!(line.output().unwrap(), Path::new("/w/deps/a"));
    }

    #[test]
    fn lines_of_other_forms_are_refused() {
        for text in [
            "",
            "cc -o a",
            "\"cc\" \"-o",
            "\"cc\" \"\\u{1}\"",
            "A=b \"cc\"",
        ] {
            assert!(LinkLine::parse(text, Path::new("/w")).is_err(), "{text}");
        }
    }

    #[test]
    fn what_the_standard_library_shows_is_read_again() {
        let mut command = Command::new("/bin/cc");
        command
            .args(["-o", "it's \\ \"x\"", "tab\there"])
            .env_remove("GONE")
            .env("KEPT", "=1");
        let line = LinkLine::parse(&format!("{command:?}"), Path::new("/w")).unwrap();
        assert_eq!(line.program, "/bin/cc");
        assert_eq!(line.args, ["-o", "it's \\ \"x\"", "tab\there"]);
        assert_eq!(line.variables["KEPT"], "=1");
    }

    #[test]
    fn own_objects_are_linked_without_libraries_of_rust() {
        let command = line().own_objects_command(Path::new("/tmp/own")).unwrap();
        assert_eq!(command.get_program(), "cc");
        assert_eq!(
            args(&command),
            [
                "-m64",
                "/t/symbols.o",
                "/t/a.o",
                "-Wl,-Bdynamic",
                "-lc",
                "-Wl,\"quoted\"",
                "-o",
                "/tmp/own",
                "-pie",
                "-Wl,--unresolved-symbols=ignore-all"
            ]
        );
        let mut line = line();
        line.args.push("-fuse-ld=lld".to_owned());
        let command = line.own_objects_command(Path::new("/tmp/own")).unwrap();
        let last = command.get_args().last();
        assert_eq!(last, Some("-Wl,--noinhibit-exec".as_ref()));
    }

    #[test]
    fn only_executables_of_users_are_recorded() {
        #[track_caller]
        fn check(args: &str, expected: bool) {
            let args: Vec<OsString> = args.split(' ').map(OsString::from).collect();
            assert_eq!(is_final(&args), expected);
        }
        check(
            "--crate-name app src/main.rs --crate-type bin --emit=dep-info,link",
            true,
        );
        check(
            "--crate-name app src/lib.rs --emit=dep-info,link --test",
            true,
        );
        check(
            "--crate-name app src/main.rs --crate-type bin --emit=dep-info,metadata",
            false,
        );
        check(
            "--crate-name build_script_build --crate-type bin --emit=dep-info,link",
            false,
        );
        check(
            "--crate-name a --crate-type lib --emit=dep-info,metadata,link",
            false,
        );
        check("-vV", false);
    }
}
