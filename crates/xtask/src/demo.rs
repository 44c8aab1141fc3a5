//! `cargo xtask demo`: what the fork gains on an application, measured here and now.
//!
//! The application is copied first, since it is edited. It is built as a user builds it, statically and dynamically, and
//! both executables have to print the same. Then everything is measured in turns, static and dynamic, so that whatever
//! else the machine does meets both alike; the middle of the samples counts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use measure::timings::Timings;
use measure::{executable, machine, statistics};

use crate::application::{self, Application, Build, NAME, Printed, SUBCOMMANDS, require_equal};
use crate::link_time::LinkTimer;
use crate::report::{Report, Row, Unit};
use patch_stack::tree::{Tree, Unexported};
use workshop::fork::{self, Profile};
use workshop::linking::{Linking, is_platform_supported};
use workshop::paths::Repository;
use workshop::steps::{Step, Steps};
use workshop::toolchain;

/// Builds a number is taken from, for each of the two ways to link.
const BUILD_SAMPLES: usize = 7;

/// Starts of the executable, likewise.
const START_SAMPLES: usize = 30;

const MAIN: &str = "src/main.rs";
const LIBRARY: &str = "local/src/lib.rs";
/// Name of the crate of [`LIBRARY`].
const LIBRARY_NAME: &str = "workload_local";

/// A value for each way to link.
#[derive(Clone, Debug, Default)]
struct Both<T> {
    of_static: T,
    of_dynamic: T,
}

impl<T> Both<T> {
    fn get_mut(&mut self, linking: Linking) -> &mut T {
        match linking {
            Linking::Static => &mut self.of_static,
            Linking::Dynamic => &mut self.of_dynamic,
        }
    }

    fn try_map<U>(&self, map: impl Fn(&T) -> Result<U>) -> Result<Both<U>> {
        Ok(Both {
            of_static: map(&self.of_static)?,
            of_dynamic: map(&self.of_dynamic)?,
        })
    }
}

type Samples = Both<Vec<Duration>>;

/// The first builds, with an executable of each that later builds do not replace.
struct FirstBuilds {
    executables: Both<PathBuf>,
    package_count: usize,
    /// Seconds in which each group was linked, by the group's name.
    groups: Vec<(String, f64)>,
    /// Size of all groups in bytes.
    group_size: u64,
}

pub(crate) fn run(tree: &Tree, steps: &mut Steps, profile: Profile) -> Result<Report> {
    ensure!(
        is_platform_supported(),
        "the fork links everything statically on this platform, so there is nothing to show"
    );
    let repository = tree.repository();
    steps.run("tree", |_| tree.materialise(Unexported::Refuse))?;
    let cargo = steps.run("fork", |step| fork::build(repository, step, profile))?;
    let application = Application {
        cargo,
        package: repository.demo().join("app"),
        build_directory: repository.demo().join("build"),
    };
    application::sources(&repository.application())?.write(&application.package)?;

    let of_static = steps.run("static", |step| {
        let build = application.build(step, Linking::Static)?;
        build.require(Linking::Static)?;
        keep(repository, &build, "static")
            .map(|executable| (executable, build.artifacts.package_count()))
    })?;
    let first = steps.run("dynamic", |step| {
        let build = build_dynamic(&application, step)?;
        let (static_executable, package_count) = of_static;
        Ok(FirstBuilds {
            executables: Both {
                of_static: static_executable,
                of_dynamic: keep(repository, &build, "dynamic")?,
            },
            package_count,
            groups: group_times(&application.build_directory)?,
            group_size: total_size(&executable::loaded_groups(&build.executable)?)?,
        })
    })?;
    steps.run("compare", |step| {
        compare(&application, &first.executables)?;
        step.say(&format!(
            "both print what they should: {}",
            SUBCOMMANDS.join(", ")
        ));
        Ok(())
    })?;
    steps.run("measure", |step| {
        let rows = measure(&application, step, &first.executables)?;
        let mut notes = vec![groups_note(&first)];
        notes.push(format!(
            "Medians of {BUILD_SAMPLES} builds and {START_SAMPLES} starts each, in turns; all samples: {}",
            repository.display(step.log_path())
        ));
        notes.push(machine_note(&first, profile)?);
        Ok(Report {
            title: format!("{NAME}: {} packages", first.package_count),
            rows,
            notes,
            next: next_steps(repository),
        })
    })
}

/// The first dynamic build, in which nothing is compiled but the application itself.
fn build_dynamic(application: &Application, step: &mut Step) -> Result<Build> {
    application.remove_groups()?;
    let mut cargo = application.cargo_build();
    cargo.args([Linking::Dynamic.option(), "--timings"]);
    let build = Build::run(step, &mut cargo)?;
    build.require(Linking::Dynamic)?;
    require_compiled(&build, &[NAME])?;
    Ok(build)
}

/// Copies the executable to a place where the next build does not replace it.
fn keep(repository: &Repository, build: &Build, name: &str) -> Result<PathBuf> {
    let directory = repository.demo().join(name);
    let copy = directory.join(NAME);
    fs::create_dir_all(&directory)
        .and_then(|()| fs::copy(&build.executable, &copy))
        .with_context(|| format!("failed to copy the executable to `{}`", copy.display()))?;
    Ok(copy)
}

fn compare(application: &Application, executables: &Both<PathBuf>) -> Result<()> {
    for subcommand in SUBCOMMANDS {
        let printed =
            executables.try_map(|path| Printed::by(path, subcommand, &application.package))?;
        let expected = application.expected(subcommand)?;
        for (linked, printed) in [
            ("statically", &printed.of_static),
            ("dynamically", &printed.of_dynamic),
        ] {
            let what = format!("what `{NAME} {subcommand}` prints when linked {linked}");
            require_equal(&what, &printed.stdout, &expected)?;
        }
    }
    Ok(())
}

fn measure(
    application: &Application,
    step: &mut Step,
    executables: &Both<PathBuf>,
) -> Result<Vec<Row>> {
    let timer = LinkTimer::new(
        application.build_directory.join("link-time"),
        &toolchain::rustc_version()?,
    );
    check_timer(application, step, &timer, executables)?;
    let (main, link) = measure_main(application, step, &timer)?;
    // Before the library is edited: the groups of its older content go when no executable in the build directory needs
    // them any more, and these executables are copies that lie elsewhere.
    let start = measure_start(step, executables)?;
    let library = measure_library(application, step, &timer)?;
    let mut rows = Vec::new();
    for (label, unit, samples) in [
        ("link of the executable", Unit::Seconds, &link),
        (
            "rebuild after an edit of `src/main.rs`",
            Unit::Seconds,
            &main,
        ),
        (
            "rebuild after an edit of the local library",
            Unit::Seconds,
            &library,
        ),
        ("start-up (`--help`)", Unit::Milliseconds, &start),
    ] {
        step.note(&format!("{label}, static: {:?}", samples.of_static))?;
        step.note(&format!("{label}, dynamic: {:?}", samples.of_dynamic))?;
        rows.push(Row {
            label: label.to_owned(),
            unit,
            of_static: median(&samples.of_static),
            of_dynamic: median(&samples.of_dynamic),
        });
    }
    let sizes = executables.try_map(|path| total_size(&[path]))?;
    rows.push(Row {
        label: "size of the executable".to_owned(),
        unit: Unit::Megabytes,
        of_static: sizes.of_static as f64,
        of_dynamic: sizes.of_dynamic as f64,
    });
    Ok(rows)
}

/// Checks that the time is taken of the same link as without it, and fills the caches of incremental compilation.
fn check_timer(
    application: &Application,
    step: &mut Step,
    timer: &LinkTimer,
    executables: &Both<PathBuf>,
) -> Result<()> {
    for (linking, plain) in [
        (Linking::Static, &executables.of_static),
        (Linking::Dynamic, &executables.of_dynamic),
    ] {
        step.sign_of_life("preparing");
        touch(&application.package.join(MAIN))?;
        let (build, _, _) = timed_build(application, step, timer, linking)?;
        require_compiled(&build, &[NAME])?;
        ensure!(
            read(&build.executable)? == read(plain)?,
            "the executable `{}` is another one when its link is timed, so the time would be of no use",
            plain.display()
        );
    }
    Ok(())
}

/// Times of builds after an edit of the executable's own source, and of the link in each.
fn measure_main(
    application: &Application,
    step: &mut Step,
    timer: &LinkTimer,
) -> Result<(Samples, Samples)> {
    let (mut rebuilds, mut links) = (Samples::default(), Samples::default());
    for round in 1..=BUILD_SAMPLES {
        for linking in [Linking::Static, Linking::Dynamic] {
            step.sign_of_life(&format!("edit of `{MAIN}`, {round} of {BUILD_SAMPLES}"));
            touch(&application.package.join(MAIN))?;
            let (build, rebuild, link) = timed_build(application, step, timer, linking)?;
            require_compiled(&build, &[NAME])?;
            rebuilds.get_mut(linking).push(rebuild);
            links.get_mut(linking).push(link);
        }
    }
    Ok((rebuilds, links))
}

/// Times of builds after an edit of the library of the workspace. It is an edit of its own for each: the two ways to
/// link share what is compiled.
fn measure_library(
    application: &Application,
    step: &mut Step,
    timer: &LinkTimer,
) -> Result<Samples> {
    let path = application.package.join(LIBRARY);
    let original = fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    let mut rebuilds = Samples::default();
    let mut edit = 0;
    for round in 1..=BUILD_SAMPLES {
        for linking in [Linking::Static, Linking::Dynamic] {
            step.sign_of_life(&format!("edit of `{LIBRARY}`, {round} of {BUILD_SAMPLES}"));
            edit += 1;
            let edited =
                format!("{original}\n/// Is edited.\npub fn edit() -> u32 {{\n    {edit}\n}}\n");
            fs::write(&path, edited)
                .with_context(|| format!("failed to write `{}`", path.display()))?;
            let (build, rebuild, _) = timed_build(application, step, timer, linking)?;
            require_compiled(&build, &[NAME, LIBRARY_NAME])?;
            rebuilds.get_mut(linking).push(rebuild);
        }
    }
    Ok(rebuilds)
}

fn measure_start(step: &mut Step, executables: &Both<PathBuf>) -> Result<Samples> {
    step.sign_of_life("start-up");
    let mut starts = Samples::default();
    for _ in 0..START_SAMPLES {
        for (linking, executable) in [
            (Linking::Static, &executables.of_static),
            (Linking::Dynamic, &executables.of_dynamic),
        ] {
            let mut command = toolchain::command(executable);
            command.arg("--help").env_remove("LD_LIBRARY_PATH");
            let (_, start) = step.measure(&mut command)?;
            starts.get_mut(linking).push(start);
        }
    }
    Ok(starts)
}

/// A build, its time, and the time of the link in it.
fn timed_build(
    application: &Application,
    step: &mut Step,
    timer: &LinkTimer,
    linking: Linking,
) -> Result<(Build, Duration, Duration)> {
    let mut cargo = application.cargo_build();
    cargo.arg(linking.option());
    timer.attach(&mut cargo)?;
    let (messages, elapsed) = step.measure(&mut cargo)?;
    let build = Build::parse(&messages)?;
    build.require(linking)?;
    Ok((build, elapsed, timer.read()?))
}

/// Fails if a build compiled something else, since its time would be of no use.
fn require_compiled(build: &Build, expected: &[&str]) -> Result<()> {
    let compiled = build.artifacts.compiled();
    ensure!(
        compiled == expected.iter().copied().collect::<BTreeSet<_>>(),
        "a build compiled {compiled:?} in the place of {expected:?}"
    );
    Ok(())
}

/// Makes the file look edited.
fn touch(path: &Path) -> Result<()> {
    fs::File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(SystemTime::now()))
        .with_context(|| format!("failed to set the time of `{}`", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))
}

fn total_size(files: &[impl AsRef<Path>]) -> Result<u64> {
    let mut size = 0;
    for file in files {
        let path = file.as_ref();
        let metadata =
            fs::metadata(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        size += metadata.len();
    }
    Ok(size)
}

fn median(samples: &[Duration]) -> f64 {
    let seconds: Vec<f64> = samples.iter().map(Duration::as_secs_f64).collect();
    statistics::median(&seconds).unwrap_or_default()
}

/// Seconds in which the last build with `--timings` has linked each group.
fn group_times(build_directory: &Path) -> Result<Vec<(String, f64)>> {
    let path = build_directory.join("cargo-timings/cargo-timing.html");
    let report = fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    let timings = Timings::parse(&report).with_context(|| format!("in `{}`", path.display()))?;
    let times: Vec<_> = timings
        .groups()
        .into_iter()
        .map(|(group, seconds)| (group.to_owned(), seconds))
        .collect();
    if times.is_empty() {
        bail!("`{}` has no group that was linked", path.display());
    }
    Ok(times)
}

fn groups_note(first: &FirstBuilds) -> String {
    let parts: Vec<String> = first
        .groups
        .iter()
        .map(|(group, seconds)| format!("{group} {seconds:.2} s"))
        .collect();
    format!(
        "Once, and when dependencies change: the groups are linked ({}).\n\
         They take {:.1} MB, which all executables of a project share.",
        parts.join(", "),
        first.group_size as f64 / 1e6
    )
}

fn machine_note(first: &FirstBuilds, profile: Profile) -> Result<String> {
    let linker = executable::linker(&first.executables.of_static)?;
    Ok(format!(
        "Machine: {} cores, {}\nCompiler: {}\nLinker: {}\nFork: {}",
        machine::cores(),
        machine::processor(),
        toolchain::rustc_version()?,
        linker.unwrap_or_else(|| "one that does not name itself, as GNU ld".to_owned()),
        match profile {
            Profile::Release => "optimised",
            Profile::Dev => "not optimised; for real numbers leave out `--dev`",
        },
    ))
}

fn next_steps(repository: &Repository) -> String {
    format!(
        "Here, once, to make the rustup toolchain `{toolchain}`:\n\
         \x20 cargo xtask install\n\
         Then in a project of your own:\n\
         \x20 cargo +{toolchain} run --dynamic-deps\n\
         Without rustup, call `{executable}` in the place of `cargo`.\n\
         For good, in the project's `Cargo.toml` or in `~/.cargo/config.toml`:\n\
         \x20 [profile.dev]\n\
         \x20 dynamic-deps = true",
        toolchain = fork::TOOLCHAIN,
        executable = repository.fork_executable().display()
    )
}
