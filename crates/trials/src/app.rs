//! The test step `app`: the promises of the fork, checked on an application with its own allocator, C libraries and
//! threads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use measure::executable::{is_group, loaded_groups, needed};

use crate::application::{self, Application, Build, NAME, Printed, SUBCOMMANDS, require_equal};
use crate::fork_to_try;
use patch_stack::tree::Tree;
use workshop::files;
use workshop::linking::Linking;
use workshop::steps::{Show, Step};

/// The libraries of the platform that an executable may need, up to their `.so`: of the GNU C library and of GCC.
const PLATFORM_LIBRARIES: [&str; 7] = [
    "libc",
    "libdl",
    "libgcc_s",
    "libm",
    "libpthread",
    "librt",
    "libutil",
];

/// The output of the executables, in the order of [`SUBCOMMANDS`].
type AllPrinted = Vec<Printed>;

/// Builds the application both ways and checks each promise.
pub fn run(tree: &Tree, step: &mut Step) -> Result<()> {
    let Some(fork) = fork_to_try(tree, step)? else {
        return Ok(());
    };
    let repository = tree.repository();
    let application = Application {
        cargo: fork,
        package: repository.application(),
        build_directory: repository.app().join("build"),
        compiler: None,
        cross: None,
    };
    let build = compare(&application, step)?;
    check_libraries(&build)?;
    step.say("the executable and its groups need each other and the platform's libraries only");
    run_own_tests(&application, step)?;
    step.say("its own tests pass, those of the lines in backtraces among them");
    check_places(&application, &build.executable, &repository.app())?;
    step.say("it runs by itself: from anywhere, copied, and after its build directory was moved");
    check_opt_ins(&application, step, &repository.app().join("opted-in"))?;
    step.say("environment, manifest and `-Z dynamic-deps` switch it on");
    Ok(())
}

/// Builds the application both ways and compares what it prints. Gives the dynamic build.
pub(crate) fn compare(application: &Application, step: &mut Step) -> Result<Build> {
    forget_links(application, step)?;
    let (of_static, build) = switch(application, step)?;
    step.say("static and dynamic builds share all that is compiled");
    let of_dynamic = print_all(application, &build.executable, &application.package)?;
    check_same(&of_static, &of_dynamic)?;
    step.say("the application prints the same both ways, backtraces included");
    Ok(build)
}

/// Makes the next builds link for the first time, and keeps the compiled dependencies.
fn forget_links(application: &Application, step: &mut Step) -> Result<()> {
    let mut clean = application.cargo("clean");
    step.command(clean.args(["--package", NAME]), Show::Progress)?;
    application.remove_groups()
}

/// Builds static, dynamic, static, dynamic. Gives what the static executable prints, and the last build.
fn switch(application: &Application, step: &mut Step) -> Result<(AllPrinted, Build)> {
    let first_static = application.build(step, Linking::Static)?;
    first_static.require(Linking::Static)?;
    let printed = print_all(application, &first_static.executable, &application.package)?;

    let first_dynamic = application.build(step, Linking::Dynamic)?;
    first_dynamic.require(Linking::Dynamic)?;
    ensure!(
        first_dynamic.artifacts.compiled() == BTreeSet::from([NAME]),
        "the first dynamic build should compile `{NAME}` only, but it compiles {}",
        joined(&first_dynamic.artifacts.compiled())
    );

    let mut last = first_dynamic;
    for linking in [Linking::Static, Linking::Dynamic] {
        last = application.build(step, linking)?;
        last.require(linking)?;
        ensure!(
            last.artifacts.made().is_empty(),
            "`cargo build {}` makes {} again, though nothing has changed since it was built that way",
            linking.option(),
            joined(&last.artifacts.made())
        );
    }
    Ok((printed, last))
}

/// Checks everything that the loader will look for, without running the program.
fn check_libraries(build: &Build) -> Result<()> {
    let directory = build.executable.with_file_name("deps");
    let mut files: Vec<PathBuf> = vec![build.executable.clone()];
    files.extend(loaded_groups(&build.executable)?);
    for file in files {
        for soname in needed(&file)? {
            let is_there = is_group(&soname) && directory.join(&soname).is_file();
            ensure!(
                is_there || is_platform_library(&soname),
                "`{}` needs `{soname}`, which is neither a group in `{}` nor a library of the platform",
                file.display(),
                directory.display()
            );
        }
    }
    Ok(())
}

fn check_same(of_static: &AllPrinted, of_dynamic: &AllPrinted) -> Result<()> {
    for (subcommand, (of_static, of_dynamic)) in
        SUBCOMMANDS.iter().zip(of_static.iter().zip(of_dynamic))
    {
        require_equal(
            &format!("what `{NAME} {subcommand}` prints to stderr when linked dynamically"),
            &of_dynamic.stderr,
            &of_static.stderr,
        )?;
    }
    Ok(())
}

fn run_own_tests(application: &Application, step: &mut Step) -> Result<()> {
    let mut test = application.cargo("test");
    step.command(test.arg(Linking::Dynamic.option()), Show::Progress)
}

/// Runs the executable from every place from which it has to find its groups.
fn check_places(application: &Application, executable: &Path, scratch: &Path) -> Result<()> {
    let own_directory = executable.parent().unwrap_or(Path::new("/"));
    for directory in [own_directory, Path::new("/")] {
        print_all(application, executable, directory)?;
    }

    let elsewhere = scratch.join("copied");
    let copy = elsewhere.join(NAME);
    files::copy(executable, &copy)?;
    print_all(application, &copy, &elsewhere)?;

    let moved = scratch.join("moved");
    let inside = executable
        .strip_prefix(&application.build_directory)
        .context("the executable lies outside of its build directory")?;
    rename(&application.build_directory, &moved)?;
    let printed = print_all(application, &moved.join(inside), Path::new("/"));
    rename(&moved, &application.build_directory)?;
    printed.map(drop)
}

/// Switches dynamic linking on in the ways other than an option of the command.
fn check_opt_ins(application: &Application, step: &mut Step, opted_in: &Path) -> Result<()> {
    let expected = application.expected("identity")?;
    let mut cargo = application.cargo_build();
    cargo.env("CARGO_PROFILE_DEV_DYNAMIC_DEPS", "true");
    Build::run(step, &mut cargo)?
        .require(Linking::Dynamic)
        .context("`CARGO_PROFILE_DEV_DYNAMIC_DEPS=true cargo build` does not switch it on")?;

    let by_build = Build::run(step, &mut application.cargo_build())?;
    by_build
        .require(Linking::Static)
        .context("`cargo build` switches it on, though nobody asks for it")?;
    let mut cargo = application.cargo("run");
    cargo.args(["--quiet", "-Z", "dynamic-deps", "--", "identity"]);
    let printed = step.capture(&mut cargo)?;
    require_equal(
        "what `cargo run -Z dynamic-deps` prints",
        &printed,
        &expected,
    )?;
    by_build
        .require(Linking::Dynamic)
        .context("`cargo run -Z dynamic-deps` does not switch it on")?;

    let mut sources = application::sources(&application.package)?;
    sources.append("Cargo.toml", "\n[profile.dev]\ndynamic-deps = true\n");
    sources.write(opted_in)?;
    let copy = Application {
        package: opted_in.to_path_buf(),
        ..application.clone()
    };
    let build = Build::run(step, &mut copy.cargo_build())?;
    build
        .require(Linking::Dynamic)
        .context("`dynamic-deps = true` in `[profile.dev]` does not switch it on")?;
    print_all(&copy, &build.executable, opted_in).map(drop)
}

/// Runs all subcommands in `directory` and checks what they print to standard output.
fn print_all(application: &Application, executable: &Path, directory: &Path) -> Result<AllPrinted> {
    SUBCOMMANDS
        .iter()
        .map(|subcommand| {
            let mut command = application.program(executable);
            command.arg(subcommand);
            let printed = Printed::by(command, directory)?;
            require_equal(
                &format!("what `{} {subcommand}` prints", executable.display()),
                &printed.stdout,
                &application.expected(subcommand)?,
            )?;
            Ok(printed)
        })
        .collect()
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        bail!("`{}` is in the way\nhelp: remove it", to.display());
    }
    files::rename(from, to)
}

fn is_platform_library(soname: &str) -> bool {
    let name = soname.split(".so").next().unwrap_or(soname);
    PLATFORM_LIBRARIES.contains(&name) || name.starts_with("ld-linux")
}

fn joined(names: &BTreeSet<&str>) -> String {
    match names.len() {
        0 => "nothing".to_owned(),
        _ => names.iter().copied().collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_libraries_are_known_by_their_whole_name() {
        for soname in ["libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"] {
            assert!(is_platform_library(soname), "{soname}");
        }
        for soname in ["libsqlite3.so.0", "libcrypto.so.3", "libstd-1234.so"] {
            assert!(!is_platform_library(soname), "{soname}");
        }
    }

    #[test]
    fn difference_in_stderr_names_the_subcommand() {
        let printed = |stderr: &str| Printed {
            stdout: String::new(),
            stderr: stderr.to_owned(),
        };
        let of_static = vec![printed(""), printed(""), printed("0: main\n")];
        assert!(check_same(&of_static, &of_static.clone()).is_ok());
        let of_dynamic = vec![printed(""), printed(""), printed("0: <unknown>\n")];
        let error = check_same(&of_static, &of_dynamic).unwrap_err();
        assert_eq!(
            error.to_string(),
            "what `workload-app backtrace` prints to stderr when linked dynamically differs from line 1 on\n\
             expected: `0: main`\nfound: `0: <unknown>`"
        );
    }
}
