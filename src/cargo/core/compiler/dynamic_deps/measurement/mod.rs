//! `cargo report dynamic-deps --measure`: measures what the user's own project would gain.
//!
//! The command builds a program statically and dynamically, in turns, after edits such as people
//! make: of the program itself, of a local library near the top, and of the lowest one. It builds
//! in a [copy](copy) with a target directory of its own. Both kinds of builds share that directory,
//! as they do for people who switch, so rustc compiles libraries once.
//!
//! | module    | what it does                                            |
//! |-----------|---------------------------------------------------------|
//! | `subject` | chooses the program and the libraries to edit           |
//! | `copy`    | makes a copy of the sources, in which files are edited  |
//! | `builds`  | runs Cargo, and reads what it has compiled              |
//! | `outcome` | prints the outcome                                      |

mod builds;
mod copy;
mod outcome;
mod subject;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Command;

use self::builds::{Builder, Way};
use self::copy::Copy;
use self::outcome::{Outcome, Row, Sizes};
use self::subject::{Library, Subject};
use crate::core::Workspace;
use crate::drop_println;
use crate::util::command_prelude::{ArgMatches, ArgMatchesExt as _, CommandExt as _, flag, opt};
use crate::util::{CargoResult, GlobalContext};

/// Name of the directory, in the target directory.
const DIRECTORY: &str = "dynamic-deps-measure";

/// After this time, a case gets no further round, even if the user asked for more.
const ENOUGH: Duration = Duration::from_secs(60);

/// Adds the options of a measurement to the report.
pub(super) fn add_options(command: Command) -> Command {
    command
        .arg(
            flag("measure", "Build a program both ways, and measure rebuilds")
                .conflicts_with("format"),
        )
        .arg(
            opt(
                "bin",
                "Measure this program, not that with the most dependencies",
            )
            .value_name("NAME")
            .requires("measure"),
        )
        .arg(
            opt("rounds", "How often each kind of build is measured")
                .value_name("N")
                .value_parser(clap::value_parser!(u32).range(1..))
                .default_value("5"),
        )
        .arg_features()
        .mut_args(|arg| match arg.get_id().as_str() {
            "features" | "all-features" | "no-default-features" => arg.requires("measure"),
            _ => arg,
        })
}

/// An edit, or none, before each build.
struct Case<'a> {
    /// The edited thing, for people.
    name: String,
    /// The file that is edited, if one is.
    file: Option<&'a Path>,
}

/// Measures a program of the workspace, and prints the outcome.
pub(super) fn measure(
    gctx: &GlobalContext,
    args: &ArgMatches,
    ws: &Workspace<'_>,
) -> CargoResult<()> {
    let subject = Subject::choose(ws, args._value_of("bin"))?;
    gctx.shell().status("Measuring", &subject.name)?;
    if subject.is_one_of_several {
        gctx.shell().note("`--bin` chooses another program")?;
    }
    let reader_target = ws.target_dir().into_path_unlocked();
    let directory = reader_target.join(DIRECTORY);
    let copy = Copy::make(
        directory.join("sources"),
        &subject.packages,
        &own_files(ws, &subject),
        &reader_target,
    )?;
    let builder = Builder {
        gctx,
        args,
        subject: &subject,
        manifest: copy.path(&subject.manifest),
        target_directory: directory.join("target"),
    };
    // This build takes longest, so Cargo shows its progress.
    let first = builder.build_aloud(Way::Static)?;
    let static_bytes = first.executable_bytes()?;
    let sizes = Sizes::new(static_bytes, &builder, &builder.build_aloud(Way::Dynamic)?)?;
    let rounds = args.get_one::<u32>("rounds").copied().unwrap_or(1);
    let mut rows = Vec::new();
    // No edit may repeat one of an earlier measurement, whose shared objects are still there.
    let mut number = super::project_report::now() as u32;
    for case in cases(&subject, |library| first.has(&copy.path(&library.root))) {
        gctx.shell().status(
            "Measuring",
            format_args!("builds after an edit of {}", case.name),
        )?;
        rows.push(measure_case(&builder, &copy, case, rounds, &mut number)?);
    }
    let directory = directory.strip_prefix(gctx.cwd()).unwrap_or(&directory);
    drop_println!(
        gctx,
        "{}",
        Outcome {
            rows,
            sizes,
            directory
        }
    );
    Ok(())
}

/// The files of the copy that are no links: those that are edited, and those that Cargo may write.
fn own_files(ws: &Workspace<'_>, subject: &Subject) -> Vec<PathBuf> {
    let lock_file = ws.root().join("Cargo.lock");
    let edited = subject.libraries.iter().map(|library| &library.root);
    edited
        .chain([&subject.root, &ws.root_manifest().to_owned()])
        .chain(lock_file.is_file().then_some(&lock_file))
        .cloned()
        .collect()
}

/// The cases: the program, a library near the top and the lowest, of those that are built, and no
/// edit.
fn cases<'s>(subject: &'s Subject, is_built: impl Fn(&Library) -> bool) -> Vec<Case<'s>> {
    let libraries: Vec<&Library> = subject.libraries.iter().filter(|it| is_built(it)).collect();
    let edited = match libraries.as_slice() {
        [] => Vec::new(),
        [only] => vec![("a local library", *only)],
        [top, .., lowest] => vec![
            ("a library near the top", *top),
            ("the lowest library", *lowest),
        ],
    };
    let mut cases = vec![Case {
        name: "the program".to_owned(),
        file: Some(&subject.root),
    }];
    cases.extend(edited.into_iter().map(|(what, library)| Case {
        name: format!("{what}, `{}`", library.name),
        file: Some(&library.root),
    }));
    cases.push(Case {
        name: "nothing".to_owned(),
        file: None,
    });
    cases
}

fn measure_case(
    builder: &Builder<'_>,
    copy: &Copy,
    case: Case<'_>,
    rounds: u32,
    number: &mut u32,
) -> CargoResult<Row> {
    let start = Instant::now();
    let mut times = [Vec::new(), Vec::new()];
    let mut compiled = 0;
    // The first round builds what the case before has left stale, and does not count.
    for round in 0..=rounds {
        for (way, times) in Way::BOTH.into_iter().zip(&mut times) {
            if let Some(file) = case.file {
                *number = number.wrapping_add(1);
                copy.edit(file, *number)?;
            }
            let build = builder.build(way)?;
            compiled = build.compiled();
            if round > 0 {
                times.push(build.time);
            }
        }
        if round > 0 && start.elapsed() > ENOUGH {
            break;
        }
    }
    Ok(Row {
        name: case.name,
        compiled,
        times: times.map(outcome::median),
    })
}
