//! Groups of small crates, made without Cargo.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use link_engine::LinkTemplate;
use link_engine::Threads;
use link_engine::for_tests::SharedState;
use link_engine::group::Users;
use link_engine::group::{GroupJob, Lasting, Library, Strip};
use link_engine::record::GroupFiles;
use link_engine::record::{GroupManifest, Member, SharedObject};
use tempfile::TempDir;

use crate::programs;

/// A directory in which a test makes groups.
pub(crate) struct Workshop {
    pub(crate) directory: TempDir,
}

impl Workshop {
    /// A directory with a sysroot group, whose shared object is empty: the groups of
    /// these tests are made of libraries that need nothing of it.
    pub(crate) fn new() -> Workshop {
        let workshop = Workshop {
            directory: tempfile::tempdir().unwrap(),
        };
        let status = Command::new("cc")
            .args(["-shared", "-Wl,-soname,sysroot.so", "-o"])
            .arg(workshop.path("sysroot.so"))
            .status()
            .unwrap();
        assert!(status.success());
        let manifest = GroupManifest {
            group: "sysroot".to_owned(),
            objects: vec![SharedObject {
                soname: "sysroot.so".to_owned(),
                members: vec![Member {
                    name: "std".to_owned(),
                    rlib: "libstd-0123.rlib".to_owned(),
                    hash: String::new(),
                    dependencies: Vec::new(),
                    protected_symbols: 0,
                    unmangled_definitions: BTreeSet::new(),
                    shared_state: SharedState::default(),
                    constructors: Vec::new(),
                }],
                effects: BTreeSet::new(),
                needs: Vec::new(),
                binding: None,
                native_libraries: Vec::new(),
                unbundled: Vec::new(),
                open_references: Vec::new(),
                making: None,
            }],
            stays: Vec::new(),
            refusal: None,
            template: Some(LinkTemplate {
                linker: "cc".into(),
                before: Vec::new(),
                after: vec!["-Wl,--eh-frame-hdr".into(), "-lc".into()],
                builtins: Vec::new(),
                builtin_definitions: BTreeSet::new(),
                platform_libraries: Vec::new(),
                packs_relocations: false,
            }),
        };
        manifest.write(&workshop.sysroot()).unwrap();
        workshop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn sysroot(&self) -> PathBuf {
        self.path("sysroot.json")
    }

    /// Adds link args that every program has.
    pub(crate) fn add_link_args(&self, link_args: &[OsString]) {
        let mut sysroot = GroupManifest::read(&self.sysroot()).unwrap();
        let template = sysroot.template.as_mut().unwrap();
        template.after.extend_from_slice(link_args);
        sysroot.write(&self.sysroot()).unwrap();
    }

    /// Has `cc` make `output` of a C source.
    pub(crate) fn cc(&self, output: &str, source: &str, args: &[OsString]) -> PathBuf {
        let file = self.path(&format!("{output}.c"));
        fs::write(&file, source).unwrap();
        let output = self.path(output);
        let mut cc = Command::new("cc");
        cc.arg("-fPIC").arg(&file).args(args).arg("-o").arg(&output);
        programs::run(&mut cc);
        output
    }

    /// Compiles a crate that needs nothing but `core`.
    pub(crate) fn library(&self, name: &str, source: &str) -> Library {
        self.library_above(name, source, &[])
    }

    /// Compiles a crate that needs these and `core`.
    pub(crate) fn library_above(&self, name: &str, source: &str, below: &[&Library]) -> Library {
        let rlib = self.path(&format!("lib{name}-0123.rlib"));
        let source = format!("#![no_std]\n{source}");
        self.rustc(name, &source, below, &["--crate-type=lib"], &rlib);
        let file_name = |library: &&Library| {
            let name = library.rlib.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        Library {
            name: format!("{name} v1.0.0"),
            rlib,
            dependencies: below.iter().map(file_name).collect(),
            key: 0,
            users: Users::default(),
            native_search: Vec::new(),
            native_libraries: Vec::new(),
        }
    }

    /// Compiles a Rust program or crate that needs these.
    pub(crate) fn rustc(
        &self,
        name: &str,
        source: &str,
        below: &[&Library],
        args: &[&str],
        output: &Path,
    ) {
        let file = self.path(&format!("{name}.rs"));
        fs::write(&file, source).unwrap();
        let mut rustc = Command::new("rustc");
        rustc
            .args(["--edition=2021", "-Cpanic=abort", "-O"])
            .args(args)
            .arg("-L")
            .arg(self.directory.path())
            .arg(&file)
            .arg("-o")
            .arg(output);
        for library in below {
            let name = library.name.split(' ').next().unwrap_or_default();
            let mut option = OsString::from(format!("--extern={name}="));
            option.push(&library.rlib);
            rustc.arg(option);
        }
        programs::run(&mut rustc);
    }

    pub(crate) fn job(&self, libraries: Vec<Library>) -> GroupJob {
        GroupJob {
            group: "local".to_owned(),
            files: GroupFiles::new(self.directory.path(), "dynamic-deps-local-1"),
            libraries,
            missing: Vec::new(),
            lasting: Lasting::Build,
            below: vec![self.sysroot()],
            native_search: Vec::new(),
            native_libraries: Vec::new(),
            run_paths: vec!["$ORIGIN".into()],
            strip: Strip::None,
            executable_directories: vec![self.directory.path().to_owned()],
            working_directory: self.directory.path().to_owned(),
            environment: Vec::new(),
            threads: Threads::new(None),
            scratch: self.path("scratch"),
        }
    }
}

/// Calls `check` with the arguments by which a compiler driver uses each linker that is
/// installed.
pub(crate) fn with_each_linker(test: &str, check: impl Fn(&[OsString])) {
    let mut directory = OsString::from("-B");
    directory.push(programs::rust_programs().join("gcc-ld"));
    check(&[directory, "-fuse-ld=lld".into()]);
    check(&["-fuse-ld=bfd".into()]);
    if !programs::are_missing(test, &["mold"]) {
        check(&["-fuse-ld=mold".into()]);
    }
    if !programs::are_missing(test, &["wild"]) {
        // Drivers do not know this linker by name.
        let directory = tempfile::tempdir().unwrap();
        let wild = programs::run(Command::new("which").arg("wild"));
        symlink(wild.trim(), directory.path().join("ld")).unwrap();
        let mut argument = OsString::from("-B");
        argument.push(directory.path());
        check(&[argument]);
    }
}

/// Runs a job; returns its manifest, without times, and how often the linker ran.
pub(crate) fn run(job: &GroupJob) -> (GroupManifest, usize) {
    let mut links = 0;
    let outcome = job.run(&mut |_: &Path, _: &[OsString]| links += 1).unwrap();
    (without_times(outcome.manifest), links)
}

/// The same manifest, without the times, which differ between runs.
pub(crate) fn without_times(mut manifest: GroupManifest) -> GroupManifest {
    for object in &mut manifest.objects {
        object.making = None;
    }
    manifest
}

/// The only shared object of a group.
pub(crate) fn object(manifest: &GroupManifest) -> &SharedObject {
    let [object] = &manifest.objects[..] else {
        panic!("{manifest:?} has not one shared object");
    };
    object
}

/// The soname of the only shared object of a group.
pub(crate) fn soname(manifest: &GroupManifest) -> &str {
    &object(manifest).soname
}
