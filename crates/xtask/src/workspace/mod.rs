//! The test step `workspace`: what the fork promises, checked on a workspace of 50 crates with tests of all kinds.
//!
//! Static and dynamic builds share one target directory. Everything is measured before anything is judged, so that the
//! report is whole when a promise is broken.

mod outcomes;
mod table;
mod unit;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use link_engine::manifest::GroupManifest;
use measure::executable::groups_needed;
use measure::messages::{self, Artifact};

use crate::workspace::outcomes::Outcomes;
use crate::workspace::table::Table;
use crate::workspace::unit::Unit;
use patch_stack::tree::{Tree, Unexported};
use workshop::fork::{self, Profile};
use workshop::linking::{Linking, is_platform_supported};
use workshop::paths::Repository;
use workshop::sources::{Entries, Sources};
use workshop::steps::Step;

/// What is copied.
const ENTRIES: Entries = &["Cargo.lock", "Cargo.toml", "crates"];

/// Libraries that are edited, those with more dependents first; see [`rebuilds`].
const EDITS: [(&str, &str); 3] = [
    ("base", "crates/base-shape/src/lib.rs"),
    ("middle", "crates/service-chestnut/src/lib.rs"),
    ("leaf", "crates/app-oak/src/lib.rs"),
];

/// How many times the bytes of executables and groups have to go into those of static executables.
const SAVING: u64 = 5;

/// Groups that an executable may load: of the sysroot crates, of frozen and of local ones. Each library in C that only
/// some executables use, of which no executable here has more than two, may be one more.
const MOST_GROUPS: usize = 5;

/// Lines of a list that are shown; the log has the others.
const SHOWN: usize = 10;

pub(crate) fn run(tree: &Tree, step: &mut Step) -> Result<()> {
    if !is_platform_supported() {
        step.say("left out: the fork links everything statically on this platform");
        return Ok(());
    }
    tree.materialise(Unexported::Refuse)?;
    let repository = tree.repository();
    let cargo = fork::build(repository, step, Profile::Dev)?;
    let mut workspace = Workspace::lay_down(repository, cargo)?;
    let mut findings = Findings::default();

    // Before the dynamic build, which puts executables of its own in the places that have no hash in their names.
    let of_static = Tested::run(&workspace, step, Linking::Static)?;
    let static_bytes = bytes(of_static.executables.keys())?;
    let of_dynamic = Tested::run(&workspace, step, Linking::Dynamic)?;
    compare_tests(&mut findings, &of_static, &of_dynamic);
    check_switch(&mut findings, &of_dynamic);
    check_groups(&mut findings, static_bytes, &of_dynamic)?;
    check_no_op(&mut findings, &workspace, step)?;
    let of_static = rebuilds(&mut workspace, step, Linking::Static)?;
    let of_dynamic = rebuilds(&mut workspace, step, Linking::Dynamic)?;
    for ((name, _), (of_static, of_dynamic)) in EDITS.iter().zip(of_static.iter().zip(&of_dynamic))
    {
        compare_rebuilds(&mut findings, name, of_static, of_dynamic);
    }
    findings.report(step, &repository.workspace_builds().join("report.md"))
}

/// What was found: numbers, and promises that are broken.
#[derive(Debug, Default)]
struct Findings {
    table: Table,
    broken: Vec<String>,
}

impl Findings {
    fn require(&mut self, is_kept: bool, promise: String) {
        if !is_kept {
            self.broken.push(promise);
        }
    }

    /// A promise that each of `lines` breaks.
    fn require_none(&mut self, what: &str, lines: &[String]) {
        self.require(lines.is_empty(), listed(what, lines));
    }

    /// Writes and shows the table; fails if a promise is broken.
    fn report(&self, step: &mut Step, path: &Path) -> Result<()> {
        let table = self.table.to_string();
        fs::write(path, &table).with_context(|| format!("failed to write `{}`", path.display()))?;
        step.say(&format!("`{}`\n{}", path.display(), table.trim_end()));
        for promise in &self.broken {
            step.note(promise)?;
        }
        let broken: Vec<String> = self
            .broken
            .iter()
            .map(|promise| shortened(promise))
            .collect();
        ensure!(
            broken.is_empty(),
            "what is promised of a workspace does not hold\n{}\nlog: `{}`",
            broken.join("\n"),
            step.log_path().display()
        );
        Ok(())
    }
}

/// A copy of the workspace, and where the fork builds it.
struct Workspace {
    /// Executable of the fork.
    cargo: PathBuf,
    directory: PathBuf,
    build_directory: PathBuf,
    sources: Sources,
    edits: usize,
}

impl Workspace {
    fn lay_down(repository: &Repository, cargo: PathBuf) -> Result<Workspace> {
        let builds = repository.workspace_builds();
        let workspace = Workspace {
            cargo,
            directory: builds.join("source"),
            build_directory: builds.join("build"),
            sources: Sources::read(&repository.workspace(), ENTRIES)?,
            edits: 0,
        };
        workspace.sources.write(&workspace.directory)?;
        Ok(workspace)
    }

    fn cargo_test(&self, linking: Linking) -> Command {
        let mut cargo = fork::command(&self.cargo, &self.directory, &self.build_directory, "test");
        cargo
            .args(["--workspace", linking.option()])
            // CI often sets it. Users do not, and libraries of an incremental build are larger.
            .env_remove("CARGO_INCREMENTAL")
            .env("CARGO_TERM_COLOR", "never");
        cargo
    }

    fn build(&self, step: &mut Step, linking: Linking) -> Result<Vec<Artifact>> {
        let mut cargo = self.cargo_test(linking);
        cargo.args(["--no-run", "--message-format=json-render-diagnostics"]);
        messages::artifacts(&step.capture(&mut cargo)?)
    }

    /// Adds something to a file that the compiler has to put into the object.
    fn edit(&mut self, path: &str) -> Result<()> {
        self.edits += 1;
        let edit = self.edits;
        let text = format!("\n#[used]\nstatic EDIT_{edit}: usize = {edit};\n");
        self.sources.append(path, &text);
        self.sources.write(&self.directory)
    }
}

/// A build of all tests, and what they come to.
struct Tested {
    artifacts: Vec<Artifact>,
    executables: BTreeMap<PathBuf, Unit>,
    outcomes: Outcomes,
    succeeded: bool,
}

impl Tested {
    fn run(workspace: &Workspace, step: &mut Step, linking: Linking) -> Result<Tested> {
        let artifacts = workspace.build(step, linking)?;
        let executables: BTreeMap<PathBuf, Unit> = artifacts
            .iter()
            .filter_map(|artifact| Some((artifact.executable.clone()?, Unit::of(artifact))))
            .collect();
        let mut cargo = workspace.cargo_test(linking);
        let (transcript, succeeded) = step.transcript(cargo.arg("--no-fail-fast"))?;
        Ok(Tested {
            outcomes: Outcomes::parse(&transcript, &executables)?,
            artifacts,
            executables,
            succeeded,
        })
    }
}

fn compare_tests(findings: &mut Findings, of_static: &Tested, of_dynamic: &Tested) {
    let ((tests, doctests), (dynamic_tests, dynamic_doctests)) =
        (of_static.outcomes.counts(), of_dynamic.outcomes.counts());
    let table = &mut findings.table;
    table.row("tests", tests.to_string(), dynamic_tests.to_string());
    table.row(
        "doctests",
        doctests.to_string(),
        dynamic_doctests.to_string(),
    );
    findings.require(
        tests > 0 && doctests > 0,
        "no tests or no doctests are run".to_owned(),
    );
    let differences = of_static.outcomes.differences(&of_dynamic.outcomes);
    findings.require_none("tests come to something else", &differences);
    for (tested, linking) in [(of_static, Linking::Static), (of_dynamic, Linking::Dynamic)] {
        findings.require(
            tested.succeeded,
            format!("`cargo test {}` fails", linking.option()),
        );
    }
}

/// A dynamic build after a static one compiles nothing but what it links.
fn check_switch(findings: &mut Findings, of_dynamic: &Tested) {
    let libraries: Vec<String> = of_dynamic
        .artifacts
        .iter()
        .filter(|artifact| !artifact.fresh && !artifact.is_group() && artifact.executable.is_none())
        .map(|artifact| Unit::of(artifact).to_string())
        .collect();
    let count = libraries.len().to_string();
    findings
        .table
        .row("libraries compiled by switching", String::new(), count);
    findings.require_none("switching compiles libraries", &libraries);
}

/// What executables load, and the bytes of all of it.
fn check_groups(findings: &mut Findings, static_bytes: u64, of_dynamic: &Tested) -> Result<()> {
    let mut groups = Groups::of(&of_dynamic.artifacts)?;
    let mut all = BTreeSet::new();
    let mut counts = Vec::new();
    for (executable, unit) in &of_dynamic.executables {
        let loaded = groups.loaded(executable)?;
        counts.push((loaded.len(), unit));
        all.extend(loaded);
    }
    let executable_bytes = bytes(of_dynamic.executables.keys())?;
    let group_bytes = bytes(all.iter().map(|soname| &groups.paths[soname]))?;
    let dynamic_bytes = executable_bytes + group_bytes;

    let table = &mut findings.table;
    let executables = of_dynamic.executables.len();
    let shown = |count: usize, bytes: u64| format!("{count}, {}", megabytes(bytes));
    table.row(
        "executables",
        shown(executables, static_bytes),
        shown(executables, executable_bytes),
    );
    table.row(
        "groups that they load",
        String::new(),
        shown(all.len(), group_bytes),
    );
    table.row(
        "together",
        megabytes(static_bytes),
        format!(
            "{}, {:.1} %",
            megabytes(dynamic_bytes),
            100.0 * dynamic_bytes as f64 / static_bytes as f64
        ),
    );
    let of_all = groups.paths.len();
    table.row(
        "groups, those of doctests included",
        String::new(),
        shown(of_all, bytes(groups.paths.values())?),
    );
    let (most, unit) = counts.iter().max().context("there are no executables")?;
    let sum: usize = counts.iter().map(|(count, _)| count).sum();
    table.row(
        "groups of an executable: most, mean",
        String::new(),
        format!("{most}, {:.1}", sum as f64 / counts.len() as f64),
    );
    findings.require(
        dynamic_bytes * SAVING <= static_bytes,
        format!(
            "executables and groups take {dynamic_bytes} bytes, more than a {SAVING}th of the {static_bytes} of static executables"
        ),
    );
    findings.require(
        *most <= MOST_GROUPS,
        format!("{unit} loads {most} groups, more than {MOST_GROUPS}"),
    );
    Ok(())
}

/// The shared objects of the groups of a build, by soname.
struct Groups {
    paths: BTreeMap<String, PathBuf>,
    /// What those that were looked at need.
    needs: BTreeMap<String, Vec<String>>,
}

impl Groups {
    fn of(artifacts: &[Artifact]) -> Result<Groups> {
        let mut paths = BTreeMap::new();
        for path in artifacts.iter().filter_map(manifest_path) {
            for object in GroupManifest::read(path)?.objects {
                paths.insert(object.soname.clone(), object.path(path));
            }
        }
        Ok(Groups {
            paths,
            needs: BTreeMap::new(),
        })
    }

    /// Sonames of the groups that the loader brings in with an executable.
    fn loaded(&mut self, executable: &Path) -> Result<BTreeSet<String>> {
        let mut loaded = BTreeSet::new();
        let mut waiting = groups_needed(executable)?;
        while let Some(soname) = waiting.pop() {
            if loaded.contains(&soname) {
                continue;
            }
            if !self.needs.contains_key(&soname) {
                let path = self.paths.get(&soname).with_context(|| {
                    format!(
                        "`{}` loads `{soname}`, which the build did not make",
                        executable.display()
                    )
                })?;
                self.needs.insert(soname.clone(), groups_needed(path)?);
            }
            waiting.extend(self.needs[&soname].iter().cloned());
            loaded.insert(soname);
        }
        Ok(loaded)
    }
}

fn manifest_path(artifact: &Artifact) -> Option<&Path> {
    let mut files = artifact.filenames.iter().filter(|_| artifact.is_group());
    files
        .find(|file| file.extension() == Some(OsStr::new("json")))
        .map(PathBuf::as_path)
}

/// After a build, another one has nothing to do.
fn check_no_op(findings: &mut Findings, workspace: &Workspace, step: &mut Step) -> Result<()> {
    let mut cargo = workspace.cargo_test(Linking::Dynamic);
    let (transcript, succeeded) = step.transcript(cargo.args(["--no-run", "--verbose"]))?;
    let work = work(&transcript);
    let count = work.len().to_string();
    findings
        .table
        .row("units made by a build without edits", String::new(), count);
    findings.require(succeeded, "a build without edits fails".to_owned());
    findings.require_none("a build without edits has something to do", &work);
    Ok(())
}

/// Lines in which `cargo --verbose` says that it makes something.
fn work(transcript: &str) -> Vec<String> {
    let lines = transcript.lines().map(str::trim_start);
    lines
        .filter(|line| {
            let verb = line.split(' ').next();
            matches!(verb, Some("Compiling" | "Linking" | "Running" | "Dirty"))
        })
        .map(str::to_owned)
        .collect()
}

/// What a build after an edit made again.
struct Rebuild {
    units: BTreeMap<Unit, usize>,
    groups: usize,
    /// Those groups of which nothing that they are made of was made again.
    idle_groups: Vec<String>,
    elapsed: Duration,
}

/// Edits each library and builds after each edit.
///
/// The first edit makes everything stale that the others do. So the edits of one way to link leave nothing to do for
/// the other way that its own first edit does not ask for.
fn rebuilds(workspace: &mut Workspace, step: &mut Step, linking: Linking) -> Result<Vec<Rebuild>> {
    EDITS
        .iter()
        .map(|(_, path)| {
            workspace.edit(path)?;
            let started = Instant::now();
            let artifacts = workspace.build(step, linking)?;
            Rebuild::of(&artifacts, started.elapsed())
        })
        .collect()
}

impl Rebuild {
    /// Reads the manifests of the groups too, so it has to be called before the next build.
    fn of(artifacts: &[Artifact], elapsed: Duration) -> Result<Rebuild> {
        let rlibs: BTreeSet<&OsStr> = artifacts
            .iter()
            .filter(|artifact| !artifact.fresh)
            .flat_map(|artifact| &artifact.filenames)
            .filter_map(|file| file.file_name())
            .collect();
        let mut groups = 0;
        let mut idle_groups = Vec::new();
        for artifact in artifacts.iter().filter(|artifact| !artifact.fresh) {
            let Some(path) = manifest_path(artifact) else {
                continue;
            };
            let manifest = GroupManifest::read(path)?;
            let members = manifest.members().map(|member| &member.rlib);
            let stays = manifest.stays.iter().map(|stay| &stay.rlib);
            groups += 1;
            if !members
                .chain(stays)
                .any(|rlib| rlibs.contains(OsStr::new(rlib)))
            {
                idle_groups.push(manifest.group.clone());
            }
        }
        Ok(Rebuild {
            units: unit::made(artifacts),
            groups,
            idle_groups,
            elapsed,
        })
    }
}

fn compare_rebuilds(
    findings: &mut Findings,
    name: &str,
    of_static: &Rebuild,
    of_dynamic: &Rebuild,
) {
    let table = &mut findings.table;
    let count = |rebuild: &Rebuild| rebuild.units.values().sum::<usize>().to_string();
    let seconds = |rebuild: &Rebuild| format!("{:.1} s", rebuild.elapsed.as_secs_f64());
    table.row(
        &format!("units made after an edit of the {name}"),
        count(of_static),
        count(of_dynamic),
    );
    table.row(
        &format!("groups made after an edit of the {name}"),
        String::new(),
        of_dynamic.groups.to_string(),
    );
    table.row(
        &format!("time of the build after an edit of the {name}"),
        seconds(of_static),
        seconds(of_dynamic),
    );
    findings.require(
        !of_static.units.is_empty(),
        format!("an edit of the {name} makes nothing stale"),
    );
    findings.require_none(
        &format!("after an edit of the {name}, the two ways to link make other units"),
        &differences(&of_static.units, &of_dynamic.units),
    );
    findings.require_none(
        &format!("after an edit of the {name}, groups are made of which nothing has changed"),
        &of_dynamic.idle_groups,
    );
}

fn differences(
    of_static: &BTreeMap<Unit, usize>,
    of_dynamic: &BTreeMap<Unit, usize>,
) -> Vec<String> {
    let units: BTreeSet<&Unit> = of_static.keys().chain(of_dynamic.keys()).collect();
    let count = |units: &BTreeMap<Unit, usize>, unit| units.get(unit).copied().unwrap_or_default();
    units
        .into_iter()
        .map(|unit| (unit, count(of_static, unit), count(of_dynamic, unit)))
        .filter(|(_, of_static, of_dynamic)| of_static != of_dynamic)
        .map(|(unit, of_static, of_dynamic)| {
            format!("{unit}: {of_static} static, {of_dynamic} dynamic")
        })
        .collect()
}

/// Bytes of all these files.
fn bytes<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Result<u64> {
    let mut sum = 0;
    for file in files {
        let metadata = fs::metadata(file)
            .with_context(|| format!("failed to read the size of `{}`", file.display()))?;
        sum += metadata.len();
    }
    Ok(sum)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A heading and what is listed below it.
fn listed(heading: &str, lines: &[String]) -> String {
    let mut text = format!("{heading}:");
    for line in lines {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

/// The heading and the first lines below it.
fn shortened(list: &str) -> String {
    let lines: Vec<&str> = list.lines().collect();
    match lines.len().checked_sub(SHOWN + 1) {
        None | Some(0) => list.to_owned(),
        Some(left_out) => format!("{}\n  and {left_out} more", lines[..=SHOWN].join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::unit::tests::unit;
    use workshop::steps::{Chatter, Steps};

    #[test]
    fn libraries_that_are_edited_exist() {
        let workspace = Repository::of_this_build().workspace();
        for (_, path) in EDITS {
            assert!(workspace.join(path).is_file(), "{path}");
        }
    }

    #[test]
    fn work_is_told_from_what_is_fresh() {
        let transcript = "       Fresh regex v1.12.3\n       Dirty a v0.1.0: the file `src/lib.rs` has changed\n   \
             Compiling a v0.1.0 (/w/a)\n     Running `rustc`\n  Executable unittests src/lib.rs (/d/Running)\n";
        let expected = [
            "Dirty a v0.1.0: the file `src/lib.rs` has changed",
            "Compiling a v0.1.0 (/w/a)",
            "Running `rustc`",
        ];
        assert_eq!(work(transcript), expected);
    }

    #[test]
    fn units_that_only_one_way_makes_are_told() {
        let made = |units: &[(&str, usize)]| -> BTreeMap<Unit, usize> {
            let units = units.iter();
            units
                .map(|(name, count)| (unit("elm", "lib", name), *count))
                .collect()
        };
        let of_static = made(&[("a", 1), ("b", 2), ("c", 1)]);
        let of_dynamic = made(&[("b", 1), ("c", 1), ("d", 1)]);
        assert_eq!(
            differences(&of_static, &of_dynamic),
            [
                "elm lib a (tests): 1 static, 0 dynamic",
                "elm lib b (tests): 2 static, 1 dynamic",
                "elm lib d (tests): 0 static, 1 dynamic",
            ]
        );
    }

    #[test]
    fn long_lists_are_cut() {
        let lines = |count: usize| (0..count).map(|line| line.to_string()).collect::<Vec<_>>();
        let short = listed("units", &lines(SHOWN));
        assert_eq!(shortened(&short), short);
        let long = shortened(&listed("units", &lines(SHOWN + 5)));
        assert!(long.ends_with("\n  9\n  and 5 more"), "{long}");
    }

    #[test]
    fn promise_that_is_broken_fails_after_the_report() {
        let directory = tempfile::tempdir().unwrap();
        let mut steps = Steps::new(directory.path().to_path_buf(), Chatter::None);
        let path = directory.path().join("report.md");
        let mut findings = Findings::default();
        findings.table.row("tests", "3".to_owned(), "2".to_owned());
        findings.require_none("nothing", &[]);
        findings.require(true, "kept".to_owned());
        let report = |findings: &Findings, steps: &mut Steps| {
            steps.run("workspace", |step| findings.report(step, &path))
        };
        report(&findings, &mut steps).unwrap();
        findings.require_none("tests fail", &["a".to_owned()]);
        let error = format!("{:#}", report(&findings, &mut steps).unwrap_err());
        assert!(
            error.contains("does not hold\ntests fail:\n  a\nlog: `"),
            "{error}"
        );
        let report = fs::read_to_string(&path).unwrap();
        assert_eq!(report, findings.table.to_string());
    }
}
