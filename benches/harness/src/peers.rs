//! The ways to build that are compared.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use measure::executable::{is_group, linker, needed};

/// A linker, which we recognise by its version and by its name in the files that it has linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Linker {
    /// rust-lld of the toolchain, which rustc uses by default on x86_64 Linux.
    Lld,
    /// GNU ld.
    Gnu,
    Mold,
    Wild,
}

impl Linker {
    const ALL: [Linker; 4] = [Linker::Lld, Linker::Gnu, Linker::Mold, Linker::Wild];

    /// Name of the program.
    fn program(self) -> &'static str {
        match self {
            Linker::Lld => "rust-lld",
            Linker::Gnu => "ld",
            Linker::Mold => "mold",
            Linker::Wild => "wild",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Linker::Lld => "rust-lld",
            Linker::Gnu => "GNU ld",
            Linker::Mold => "mold",
            Linker::Wild => "wild",
        }
    }

    /// Whether it works in a process that it leaves behind, whose time and memory the kernel reports to nobody.
    pub(crate) fn leaves_process(self) -> bool {
        matches!(self, Linker::Mold | Linker::Wild)
    }

    /// How it begins its name in an executable; GNU ld writes none.
    fn mark(self) -> Option<&'static str> {
        match self {
            Linker::Lld => Some("LLD"),
            Linker::Gnu => None,
            Linker::Mold => Some("mold"),
            Linker::Wild => Some("Wild"),
        }
    }

    fn help(self) -> &'static str {
        match self {
            Linker::Lld => "it is part of the toolchain on x86_64 Linux",
            Linker::Gnu => "install binutils",
            Linker::Mold => "apt-get install mold",
            Linker::Wild => "cargo install wild-linker",
        }
    }
}

/// How an executable gets its dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Copied into it.
    Static,
    /// Copied into it, except for std (`-C prefer-dynamic`).
    SharedStd,
    /// In a Rust `dylib`, by a feature of the workload.
    OwnDylib,
    /// In the fork's groups.
    Groups,
}

/// One way to build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) way: Way,
    pub(crate) linker: Linker,
    /// The fork as it was, which takes part only if its executable is given.
    pub(crate) is_earlier: bool,
    /// Settings for `--config`.
    settings: &'static [&'static str],
}

const fn peer(name: &'static str, title: &'static str, way: Way, linker: Linker) -> Peer {
    Peer {
        name,
        title,
        way,
        linker,
        is_earlier: false,
        settings: &[],
    }
}

/// The peer with which we compare all others: Cargo and rustc with their defaults.
pub(crate) const BASELINE: &str = "static-lld";

/// The fork with the linker of [`BASELINE`].
pub(crate) const OURS: &str = "ours-lld";

/// The fork as it was, with the linker of [`BASELINE`].
pub(crate) const EARLIER: &str = "earlier-lld";

/// All peers, in the order of the report.
pub(crate) const PEERS: [Peer; 12] = [
    peer(
        BASELINE,
        "static, rust-lld (default)",
        Way::Static,
        Linker::Lld,
    ),
    peer("static-gnu", "static, GNU ld", Way::Static, Linker::Gnu),
    peer("static-mold", "static, mold", Way::Static, Linker::Mold),
    peer("static-wild", "static, wild", Way::Static, Linker::Wild),
    Peer {
        settings: &["profile.dev.split-debuginfo=\"unpacked\""],
        ..peer(
            "static-unpacked",
            "static, rust-lld, unpacked debuginfo",
            Way::Static,
            Linker::Lld,
        )
    },
    Peer {
        settings: &["profile.dev.debug=\"line-tables-only\""],
        ..peer(
            "static-lines",
            "static, rust-lld, line tables only",
            Way::Static,
            Linker::Lld,
        )
    },
    peer(
        "prefer-dynamic",
        "rustc's `-C prefer-dynamic`",
        Way::SharedStd,
        Linker::Lld,
    ),
    peer(
        "bevy-dynamic",
        "bevy's `dynamic_linking`",
        Way::OwnDylib,
        Linker::Lld,
    ),
    peer(OURS, "dynamic-deps, rust-lld", Way::Groups, Linker::Lld),
    peer("ours-mold", "dynamic-deps, mold", Way::Groups, Linker::Mold),
    peer("ours-wild", "dynamic-deps, wild", Way::Groups, Linker::Wild),
    Peer {
        is_earlier: true,
        ..peer(
            EARLIER,
            "dynamic-deps as it was, rust-lld",
            Way::Groups,
            Linker::Lld,
        )
    },
];

impl Peer {
    /// The peer that is called `name`.
    pub(crate) fn by_name(name: &str) -> Option<&'static Peer> {
        PEERS.iter().find(|peer| peer.name == name)
    }

    /// Options of every Cargo command, for the platform `host`; those that only commands that build have are left out.
    pub(crate) fn configuration(&self, linkers: &Linkers, host: &str) -> Result<Vec<String>> {
        let mut rustflags = Vec::new();
        if self.linker != Linker::Lld {
            // rustc's default would otherwise override the choice.
            rustflags.push("-Clinker-features=-lld".to_owned());
        }
        if matches!(self.linker, Linker::Mold | Linker::Wild) {
            // Where the C compiler looks for a program named `ld`. Not all compilers know these linkers by `-fuse-ld`.
            let directory = linkers.directory(self.linker)?;
            rustflags.push(format!("-Clink-arg=-B{}", directory.display()));
        }
        if self.way == Way::SharedStd {
            rustflags.push("-Cprefer-dynamic".to_owned());
        }
        let mut settings: Vec<String> = self.settings.iter().map(|&text| text.to_owned()).collect();
        if !rustflags.is_empty() {
            settings.push(format!("target.{host}.rustflags={rustflags:?}"));
        }
        Ok(settings
            .into_iter()
            .flat_map(|setting| ["--config".to_owned(), setting])
            .collect())
    }

    /// Options of the commands that build.
    pub(crate) fn build_options(&self) -> &'static [&'static str] {
        match self.way {
            Way::Static | Way::SharedStd => &[],
            Way::OwnDylib => &["--features", "dynamic"],
            Way::Groups => &["--dynamic-deps"],
        }
    }

    /// The same for the static build beside which [`Peer::build_options`] are used in turns. `None` if the two share
    /// nothing, since other flags for rustc compile everything again.
    pub(crate) fn static_options(&self) -> Option<&'static [&'static str]> {
        match self.way {
            Way::Static | Way::SharedStd => None,
            Way::OwnDylib => Some(&[]),
            Way::Groups => Some(&["--no-dynamic-deps"]),
        }
    }

    /// Whether its executables need help to find the libraries, such as `cargo run` gives.
    pub(crate) fn needs_library_path(&self) -> bool {
        matches!(self.way, Way::SharedStd | Way::OwnDylib)
    }

    /// Fails unless `executable` was linked in this way and by this linker.
    pub(crate) fn require(&self, executable: &Path) -> Result<()> {
        let libraries = needed(executable)?;
        let has = |test: fn(&str) -> bool| libraries.iter().any(|library| test(library));
        let is_as_asked = match self.way {
            Way::Static => !has(is_group) && !has(is_std),
            Way::SharedStd => !has(is_group) && has(is_std),
            Way::OwnDylib => !has(is_group) && has(|library| library.starts_with("libbevy_dylib")),
            Way::Groups => has(is_group),
        };
        ensure!(
            is_as_asked,
            "`{}` should be linked as {}, but it needs {}",
            executable.display(),
            self.title,
            libraries.join(", ")
        );
        let found = linker(executable)?;
        let is_linker = match (self.linker.mark(), &found) {
            (Some(mark), Some(found)) => found.starts_with(mark),
            (None, None) => true,
            _ => false,
        };
        ensure!(
            is_linker,
            "`{}` should be linked by {}, but it was linked by {}",
            executable.display(),
            self.linker.title(),
            found.as_deref().unwrap_or("one that does not name itself")
        );
        Ok(())
    }
}

fn is_std(library: &str) -> bool {
    library.starts_with("libstd-")
}

/// The linkers of this machine.
pub(crate) struct Linkers {
    /// First line of what each says about itself, or why it cannot take part.
    versions: BTreeMap<Linker, Result<String, String>>,
    /// Has a directory for each that rustc is not told of by name.
    directory: PathBuf,
}

impl Linkers {
    /// Asks all linkers for their version. `programs` has the programs of the toolchain; `directory` is for links.
    pub(crate) fn find(programs: &Path, directory: PathBuf) -> Linkers {
        let versions = Linker::ALL.map(|linker| {
            let mut command = match linker {
                Linker::Lld => Command::new(programs.join(linker.program())),
                _ => Command::new(linker.program()),
            };
            if linker == Linker::Lld {
                command.args(["-flavor", "gnu"]);
            }
            let version = first_line(command.arg("--version"))
                // LLD adds where it was built.
                .map(|line| line.split(" (/").next().unwrap_or(&line).to_owned())
                .map_err(|_| {
                    let program = linker.program();
                    format!("there is no `{program}` (help: {})", linker.help())
                });
            (linker, version)
        });
        Linkers {
            versions: versions.into(),
            directory,
        }
    }

    /// The version, or why the linker cannot take part.
    pub(crate) fn version(&self, linker: Linker) -> Result<&str, &str> {
        match self.versions.get(&linker) {
            Some(version) => version.as_deref().map_err(String::as_str),
            None => Err("it was not looked for"),
        }
    }

    /// A directory in which the linker is called `ld`.
    fn directory(&self, linker: Linker) -> Result<PathBuf> {
        let directory = self.directory.join(linker.program());
        let describe = || format!("failed to write `{}`", directory.display());
        let program = find_program(linker.program())
            .with_context(|| format!("there is no `{}`", linker.program()))?;
        fs::create_dir_all(&directory).with_context(describe)?;
        let link = directory.join("ld");
        if fs::read_link(&link).ok().as_deref() != Some(&program) {
            let _ = fs::remove_file(&link);
            symlink(&program, &link).with_context(describe)?;
        }
        Ok(directory)
    }
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let candidates = env::split_paths(&path).map(|directory| directory.join(OsStr::new(name)));
    candidates.into_iter().find(|file| file.is_file())
}

/// The first line that a short command prints.
pub(crate) fn first_line(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("failed to run `{program}`"))?;
    ensure!(output.status.success(), "`{program}` failed");
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(name: &str, linkers: &Linkers) -> Vec<String> {
        Peer::by_name(name)
            .unwrap()
            .configuration(linkers, "x86_64-unknown-linux-gnu")
            .unwrap()
    }

    #[test]
    fn names_are_unique() {
        for peer in &PEERS {
            assert_eq!(Peer::by_name(peer.name).unwrap().title, peer.title);
        }
        assert!(Peer::by_name("static").is_none());
    }

    #[test]
    fn configuration_says_linker_and_profile() {
        let linkers = Linkers::find(Path::new("/nonexistent"), PathBuf::from("/linkers"));
        assert!(configuration(BASELINE, &linkers).is_empty());
        assert!(configuration(OURS, &linkers).is_empty());
        assert_eq!(
            configuration("static-gnu", &linkers),
            [
                "--config",
                r#"target.x86_64-unknown-linux-gnu.rustflags=["-Clinker-features=-lld"]"#
            ]
        );
        assert_eq!(
            configuration("static-lines", &linkers),
            ["--config", r#"profile.dev.debug="line-tables-only""#]
        );
        let missing = linkers.version(Linker::Lld).unwrap_err();
        assert!(missing.starts_with("there is no `rust-lld` (help: "));
    }

    #[test]
    fn the_program_that_runs_this_test_is_static() {
        let program = env::current_exe().unwrap();
        let error = Peer::by_name(OURS).unwrap().require(&program).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("should be linked as dynamic-deps, rust-lld, but it needs "),
            "{text}"
        );
    }
}
