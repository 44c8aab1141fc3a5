//! Link lines for macOS and Windows: what they become, and whether lld takes them.
//!
//! The lines are recorded from `rustc --print link-args` (1.95, run on Linux, with
//! stand-ins for std), with shorter paths. What lld makes of them cannot be run here.

mod programs;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use link_engine::line::link_line::{
    GroupInput, GroupLine, Rewrite, dissect, has_foreign_archives, object_files, output, rlibs,
};
use link_engine::line::pe::{Export, module_definition};
use object::read::NameOrOrdinal;
use object::read::macho::{LoadCommandVariant, MachOFile64};
use object::read::pe::PeFile64;
use object::{Endianness, Object};
use programs::{are_missing, run, rust_programs};
use tempfile::TempDir;

/// `aarch64-apple-darwin` through `cc`.
const DARWIN: &str = "/tmp/rustcJzwzIV/symbols.o app.rcgu.o /t/deps/libdep-1.rlib \
    /s/lib/libstd-2.rlib /s/lib/libcompiler_builtins-3.rlib -lSystem -lc -lm -arch arm64 \
    -mmacosx-version-min=11.0.0 -o /t/deps/app-4 -Wl,-dead_strip -nodefaultlibs";

/// The same by lld itself, as `rust-lld`.
const DARWIN_LLD: &str = "-flavor darwin /tmp/rustcP84K35/symbols.o app.rcgu.o \
    /t/deps/libdep-1.rlib /s/lib/libstd-2.rlib /s/lib/libcompiler_builtins-3.rlib -lSystem -lc \
    -lm -arch arm64 -platform_version macos 11.0.0 11.0.0 -o /t/deps/app-4 -dead_strip";

/// `x86_64-pc-windows-msvc`.
const MSVC: &str = "/NOLOGO /tmp/rustcZem6bY/symbols.o app.rcgu.o /t/deps/libdep-1.rlib \
    /s/lib/libstd-2.rlib /s/lib/libcompiler_builtins-3.rlib kernel32.lib ntdll.lib /NXCOMPAT \
    /LIBPATH:/t/native /OUT:/t/deps/app-4.exe /OPT:REF,NOICF /DEBUG /PDBALTPATH:%_PDB%";

/// The same by lld, as `rust-lld`.
const MSVC_LLD: &str = "-flavor link /NOLOGO /tmp/rustcjk0CbL/symbols.o app.rcgu.o \
    /t/deps/libdep-1.rlib /s/lib/libstd-2.rlib /s/lib/libcompiler_builtins-3.rlib kernel32.lib \
    ntdll.lib /NXCOMPAT /OUT:/t/deps/app-4.exe /OPT:REF,NOICF /DEBUG /PDBALTPATH:%_PDB%";

/// `x86_64-pc-windows-gnu` through `gcc`.
const MINGW: &str = "-fno-use-linker-plugin -Wl,--dynamicbase -Wl,--disable-auto-image-base -m64 \
    -Wl,--high-entropy-va /tmp/rustcIhfZvx/symbols.o app.rcgu.o -Wl,-Bstatic \
    /t/deps/libdep-1.rlib /s/lib/libstd-2.rlib /s/lib/libcompiler_builtins-3.rlib -Wl,-Bdynamic \
    -lkernel32 -lntdll -lgcc_eh -l:libpthread.a -lmsvcrt -lmingwex -lmingw32 -lgcc -lmsvcrt \
    -lmingwex -luser32 -lkernel32 -Wl,--nxcompat -o /t/deps/app-4.exe -Wl,--gc-sections \
    -nodefaultlibs";

/// The same by lld, as `rust-lld`.
const MINGW_LLD: &str = "-flavor gnu --dynamicbase --disable-auto-image-base -m i386pep \
    --high-entropy-va /tmp/rustc92AN1N/symbols.o app.rcgu.o -Bstatic /t/deps/libdep-1.rlib \
    /s/lib/libstd-2.rlib /s/lib/libcompiler_builtins-3.rlib -Bdynamic -lkernel32 -lntdll -lgcc_eh \
    -l:libpthread.a -lmsvcrt -lmingwex -lmingw32 -lgcc -lmsvcrt -lmingwex -luser32 -lkernel32 \
    --nxcompat -o /t/deps/app-4.exe --gc-sections";

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn text(args: &[OsString]) -> String {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    words.join(" ")
}

/// Checks the line of an executable against two groups, and that of the upper group.
#[track_caller]
fn check(line: &str, extension: &str, run_paths: &[&str], executable: &str, group: &str) {
    let run_paths: Vec<OsString> = run_paths.iter().map(OsString::from).collect();
    let args = words(line);
    let input = |name: &str, member: &str| GroupInput {
        shared_object: format!("/t/deps/{name}.{extension}").into(),
        members: [member.to_owned()].into(),
    };
    let groups = [
        input("frozen", "libdep-1.rlib"),
        input("sysroot", "libstd-2.rlib"),
    ];
    let rewritten = Rewrite {
        groups: &groups,
        objects: &HashMap::from([("app.rcgu.o".into(), "/copy/0.o".into())]),
        constructors: &HashMap::new(),
        settled_libraries: &HashSet::new(),
        run_paths: &run_paths,
        replaced: &BTreeSet::new(),
    }
    .apply(&args)
    .unwrap();
    assert_eq!(text(&rewritten), executable);

    let (template, _) = dissect(Path::new("linker"), &args).unwrap();
    let line = GroupLine {
        template: &template,
        soname: "frozen-1",
        output: Path::new("/t/deps/.tmp"),
        rlibs: &["/t/deps/libdep-1.rlib".into()],
        below: &[groups[1].shared_object.clone()],
        native_search: &["/native".into()],
        native_libraries: &[],
        run_paths: &run_paths[..run_paths.len().min(1)],
        options: &[],
    };
    assert_eq!(text(&line.args()), group);
}

#[test]
fn darwin_through_a_driver() {
    check(
        DARWIN,
        "dylib",
        &["@loader_path", "@loader_path/deps"],
        "/tmp/rustcJzwzIV/symbols.o /copy/0.o -Xlinker -export_dynamic \
         -Xlinker -needed_library -Xlinker /t/deps/frozen.dylib \
         -Xlinker -needed_library -Xlinker /t/deps/sysroot.dylib \
         /s/lib/libcompiler_builtins-3.rlib -lSystem -lc -lm -arch arm64 \
         -mmacosx-version-min=11.0.0 -o /t/deps/app-4 -Wl,-dead_strip -nodefaultlibs \
         -Xlinker -rpath -Xlinker @loader_path -Xlinker -rpath -Xlinker @loader_path/deps",
        "-dynamiclib -o /t/deps/.tmp -Xlinker -install_name -Xlinker @rpath/frozen-1 \
         -Xlinker -headerpad_max_install_names -Xlinker -undefined -Xlinker dynamic_lookup \
         -Xlinker -rpath -Xlinker @loader_path \
         -Xlinker -force_load -Xlinker /t/deps/libdep-1.rlib /s/lib/libcompiler_builtins-3.rlib \
         -Xlinker -needed_library -Xlinker /t/deps/sysroot.dylib -L /native -lSystem -lc -lm \
         -arch arm64 -mmacosx-version-min=11.0.0 -nodefaultlibs",
    );
}

#[test]
fn darwin_by_the_linker_itself() {
    check(
        DARWIN_LLD,
        "dylib",
        &["@loader_path"],
        "-flavor darwin /tmp/rustcP84K35/symbols.o /copy/0.o -export_dynamic \
         -needed_library /t/deps/frozen.dylib -needed_library /t/deps/sysroot.dylib \
         /s/lib/libcompiler_builtins-3.rlib -lSystem -lc -lm -arch arm64 \
         -platform_version macos 11.0.0 11.0.0 -o /t/deps/app-4 -dead_strip -rpath @loader_path",
        "-flavor darwin -dylib -o /t/deps/.tmp -install_name @rpath/frozen-1 \
         -headerpad_max_install_names -undefined dynamic_lookup -rpath @loader_path \
         -force_load /t/deps/libdep-1.rlib /s/lib/libcompiler_builtins-3.rlib \
         -needed_library /t/deps/sysroot.dylib -L /native -lSystem -lc -lm -arch arm64 \
         -platform_version macos 11.0.0 11.0.0",
    );
}

#[test]
fn msvc() {
    check(
        MSVC,
        "dll.lib",
        &[],
        "/NOLOGO /tmp/rustcZem6bY/symbols.o /copy/0.o /t/deps/frozen.dll.lib \
         /t/deps/sysroot.dll.lib /s/lib/libcompiler_builtins-3.rlib kernel32.lib ntdll.lib \
         /NXCOMPAT /LIBPATH:/t/native /OUT:/t/deps/app-4.exe /OPT:REF,NOICF /DEBUG \
         /PDBALTPATH:%_PDB%",
        "/NOLOGO /DLL /OUT:/t/deps/.tmp /IMPLIB:/t/deps/.tmp.lib \
         /WHOLEARCHIVE:/t/deps/libdep-1.rlib /s/lib/libcompiler_builtins-3.rlib \
         /t/deps/sysroot.dll.lib /LIBPATH:/native kernel32.lib ntdll.lib /NXCOMPAT \
         /LIBPATH:/t/native /DEBUG /PDBALTPATH:%_PDB%",
    );
}

#[test]
fn mingw_through_a_driver() {
    check(
        MINGW,
        "dll.lib",
        &[],
        "-fno-use-linker-plugin -Wl,--dynamicbase -Wl,--disable-auto-image-base -m64 \
         -Wl,--high-entropy-va /tmp/rustcIhfZvx/symbols.o /copy/0.o -Wl,-Bstatic \
         /t/deps/frozen.dll.lib /t/deps/sysroot.dll.lib /s/lib/libcompiler_builtins-3.rlib \
         -Wl,-Bdynamic -lkernel32 -lntdll -lgcc_eh -l:libpthread.a -lmsvcrt -lmingwex -lmingw32 \
         -lgcc -lmsvcrt -lmingwex -luser32 -lkernel32 -Wl,--nxcompat -o /t/deps/app-4.exe \
         -Wl,--gc-sections -nodefaultlibs",
        "-fno-use-linker-plugin -Wl,--dynamicbase -Wl,--disable-auto-image-base -m64 \
         -Wl,--high-entropy-va -shared -o /t/deps/.tmp -Xlinker --out-implib \
         -Xlinker /t/deps/.tmp.lib -Xlinker --whole-archive /t/deps/libdep-1.rlib \
         -Xlinker --no-whole-archive /s/lib/libcompiler_builtins-3.rlib \
         /t/deps/sysroot.dll.lib -L /native -lkernel32 -lntdll -lgcc_eh -l:libpthread.a -lmsvcrt \
         -lmingwex -lmingw32 -lgcc -lmsvcrt -lmingwex -luser32 -lkernel32 -Wl,--nxcompat \
         -nodefaultlibs",
    );
}

#[test]
fn what_a_line_names_is_found_on_each_platform() {
    for (line, file) in [
        (DARWIN, "/t/deps/app-4"),
        (DARWIN_LLD, "/t/deps/app-4"),
        (MSVC, "/t/deps/app-4.exe"),
        (MSVC_LLD, "/t/deps/app-4.exe"),
        (MINGW, "/t/deps/app-4.exe"),
        (MINGW_LLD, "/t/deps/app-4.exe"),
    ] {
        let args = words(line);
        assert_eq!(output(&args).unwrap(), Path::new(file));
        assert_eq!(object_files(&args).count(), 2, "{line}");
        let rlibs: Vec<&Path> = rlibs(&args).collect();
        assert_eq!(
            rlibs,
            [
                "/t/deps/libdep-1.rlib",
                "/s/lib/libstd-2.rlib",
                "/s/lib/libcompiler_builtins-3.rlib"
            ]
            .map(Path::new),
            "{line}"
        );
    }
    let settled = ["kernel32".to_owned(), "ntdll".to_owned()].into();
    assert!(!has_foreign_archives(&words(MSVC), &settled));
    let with_c = MSVC.replace("kernel32.lib", "zlib.lib kernel32.lib");
    assert!(has_foreign_archives(&words(&with_c), &settled));
    // A whole archive is an option and no rlib.
    let whole = MSVC.replace("kernel32.lib", "/WHOLEARCHIVE:/x/libw-1.rlib kernel32.lib");
    assert_eq!(rlibs(&words(&whole)).count(), 3);
}

const STD: &str = "libstd-2.rlib";
const DEP: &str = "libdep-1.rlib";

/// What is linked with the lld of rustc, from C that clang compiles for a platform.
struct Foreign {
    directory: TempDir,
    target_triple: &'static str,
    /// The recorded line, less what is not here.
    line: String,
}

impl Foreign {
    /// Starts from a recorded line; of its rlibs only these will be made.
    fn new(target_triple: &'static str, line: &str, rlibs: &[&str]) -> Foreign {
        let directory = tempfile::tempdir().unwrap();
        let line: Vec<&str> = line
            .split_whitespace()
            .filter(|arg| rlibs.iter().any(|rlib| arg.ends_with(rlib)) || !arg.ends_with(".rlib"))
            .filter(|arg| !arg.starts_with("-l") && !arg.ends_with(".lib"))
            .filter(|arg| !arg.ends_with("symbols.o"))
            .collect();
        Foreign {
            line: line.join(" "),
            directory,
            target_triple,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn object(&self, name: &str, source: &str) -> PathBuf {
        let (c, object) = (self.path("source.c"), self.path(name));
        fs::write(&c, source).unwrap();
        run(Command::new("clang")
            .arg(format!("--target={}", self.target_triple))
            .args(["-c", "-O1", "-o"])
            .args([&object, &c]));
        object
    }

    /// Links a group of one rlib, which is made of the source; returns what the linker
    /// reads for it.
    fn group(
        &self,
        name: &str,
        rlib: &str,
        source: &str,
        below: &[PathBuf],
        options: &[OsString],
    ) -> Result<PathBuf, String> {
        let object = self.object(&format!("{name}.o"), source);
        let rlib = self.path(rlib);
        run(Command::new("ar").arg("rcs").args([&rlib, &object]));
        let output = self.path(name);
        let (template, _) = dissect(&rust_programs().join("rust-lld"), &words(&self.line)).unwrap();
        let line = GroupLine {
            template: &template,
            soname: name,
            output: &output,
            rlibs: &[rlib],
            below,
            native_search: &[self.directory.path().to_owned()],
            native_libraries: &[],
            run_paths: &["@loader_path".into()][..usize::from(name.ends_with(".dylib"))],
            options,
        };
        self.lld(&line.args())?;
        Ok(match name.ends_with(".dylib") {
            true => output,
            false => GroupLine::import_library(&output),
        })
    }

    /// Links an executable of the source against groups, given what the linker reads for
    /// them and their rlibs.
    fn executable(
        &self,
        source: &str,
        groups: &[(PathBuf, &str)],
        more: &[&str],
    ) -> Result<PathBuf, String> {
        let object = self.object("app.rcgu.o", source);
        let output = self.path("app");
        let mut args: Vec<OsString> = words(&self.line)
            .into_iter()
            .map(|arg| match arg.to_str() {
                Some("app.rcgu.o") => object.clone().into(),
                Some("/t/deps/app-4") => output.clone().into(),
                Some("/OUT:/t/deps/app-4.exe") => format!("/OUT:{}", output.display()).into(),
                Some("/t/deps/app-4.exe") => output.clone().into(),
                _ => arg,
            })
            .collect();
        args.extend(more.iter().map(OsString::from));
        let groups: Vec<GroupInput> = groups
            .iter()
            .map(|(file, rlib)| GroupInput {
                shared_object: file.clone(),
                members: [rlib.to_string()].into(),
            })
            .collect();
        let run_paths: &[OsString] = match self.target_triple {
            "arm64-apple-macos11" => &["@loader_path".into(), "/t/deps".into()],
            _ => &[],
        };
        let rewritten = Rewrite {
            groups: &groups,
            objects: &HashMap::new(),
            constructors: &HashMap::new(),
            settled_libraries: &HashSet::new(),
            run_paths,
            replaced: &BTreeSet::new(),
        }
        .apply(&args)
        .unwrap();
        self.lld(&rewritten)?;
        Ok(output)
    }

    /// Runs the linker; the error is what it says.
    fn lld(&self, args: &[OsString]) -> Result<(), String> {
        let Output { status, stderr, .. } = Command::new(rust_programs().join("rust-lld"))
            .args(args)
            .output()
            .unwrap();
        match status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&stderr).into_owned()),
        }
    }

    /// The option that names a module definition.
    fn definition(&self, dll: &str, exports: &[(&str, bool)]) -> OsString {
        let exports: Vec<Export> = exports
            .iter()
            .map(|&(name, is_data)| Export {
                name: name.to_owned(),
                is_data,
            })
            .collect();
        let file = self.path(&format!("{dll}.def"));
        fs::write(&file, module_definition(dll, &exports).unwrap()).unwrap();
        match self.target_triple {
            "x86_64-pc-windows-msvc" => format!("/DEF:{}", file.display()).into(),
            _ => file.into(),
        }
    }
}

fn name(name: NameOrOrdinal<&[u8]>) -> String {
    match name {
        NameOrOrdinal::Name(name) => String::from_utf8_lossy(name).into_owned(),
        NameOrOrdinal::Ordinal(ordinal) => format!("#{ordinal}"),
    }
}

/// What a Mach-O file says to the loader: its own name, the libraries it loads, its run
/// path, and what it exports.
#[derive(Debug, Default, PartialEq)]
struct MachO {
    id: Option<String>,
    needed: Vec<String>,
    run_path: Vec<String>,
    exports: Vec<String>,
}

impl MachO {
    fn read(path: &Path) -> MachO {
        let data = fs::read(path).unwrap();
        let file = MachOFile64::<Endianness>::parse(&*data).unwrap();
        let mut read = MachO::default();
        let mut commands = file.macho_load_commands().unwrap();
        while let Some(command) = commands.next().unwrap() {
            let text = |string| {
                let bytes = command.string(Endianness::Little, string).unwrap();
                String::from_utf8(bytes.to_vec()).unwrap()
            };
            match command.variant().unwrap() {
                LoadCommandVariant::IdDylib(id) => read.id = Some(text(id.dylib.name)),
                LoadCommandVariant::Dylib(dylib) => read.needed.push(text(dylib.dylib.name)),
                LoadCommandVariant::Rpath(rpath) => read.run_path.push(text(rpath.path)),
                _ => {}
            }
        }
        read.exports = file
            .exports()
            .unwrap()
            .map(|export| name(export.unwrap().name()))
            .collect();
        read.exports.sort();
        read
    }
}

/// Calls what the executable defines, as std calls the allocator shim.
const SYSROOT: &str = "int allocate(int);
    __attribute__((visibility(\"hidden\"))) int hidden(void) { return 1; }
    int counter = 40;
    int base(int value) { return allocate(value) + counter + hidden(); }";

const FROZEN: &str = "int base(int); int dep(int value) { return base(value); }";

const APP: &str = "int dep(int); extern int counter;
    int allocate(int value) { return value * 2; }
    int main(void) { counter++; return dep(1); }";

#[test]
fn lld_links_a_mach_o_executable_against_groups() {
    if are_missing("lld_links_a_mach_o_executable_against_groups", &["clang"]) {
        return;
    }
    let foreign = Foreign::new("arm64-apple-macos11", DARWIN_LLD, &[STD, DEP]);
    let system = "--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos ]\n\
                  install-name: '/usr/lib/libSystem.B.dylib'\nexports:\n  \
                  - targets: [ arm64-macos ]\n    symbols: [ dyld_stub_binder ]\n...\n";
    fs::write(foreign.path("libSystem.tbd"), system).unwrap();
    let system = ["-lSystem".into()];
    let sysroot = foreign
        .group("sysroot-1.dylib", STD, SYSROOT, &[], &system)
        .unwrap();
    let below = [sysroot.clone()];
    let frozen = foreign
        .group("frozen-1.dylib", DEP, FROZEN, &below, &system)
        .unwrap();
    let directory = foreign.directory.path().display();
    let groups = [(frozen.clone(), DEP), (sysroot.clone(), STD)];
    let app = foreign
        .executable(APP, &groups, &[&format!("-L{directory}"), "-lSystem"])
        .unwrap();

    let own = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    const SYSTEM: &str = "/usr/lib/libSystem.B.dylib";
    assert_eq!(
        MachO::read(&sysroot),
        MachO {
            id: Some("@rpath/sysroot-1.dylib".to_owned()),
            needed: own(&[SYSTEM]),
            run_path: own(&["@loader_path"]),
            exports: own(&["_base", "_counter"]),
        }
    );
    assert_eq!(
        MachO::read(&frozen),
        MachO {
            id: Some("@rpath/frozen-1.dylib".to_owned()),
            needed: own(&[SYSTEM, "@rpath/sysroot-1.dylib"]),
            run_path: own(&["@loader_path"]),
            exports: own(&["_dep"]),
        }
    );
    assert_eq!(
        MachO::read(&app),
        MachO {
            id: None,
            needed: own(&["@rpath/frozen-1.dylib", "@rpath/sysroot-1.dylib", SYSTEM]),
            run_path: own(&["@loader_path", "/t/deps"]),
            exports: own(&["__mh_execute_header", "_allocate", "_main"]),
        }
    );
}

/// What a PE file imports, as `dll: symbol`.
fn imports(path: &Path) -> Vec<String> {
    let data = fs::read(path).unwrap();
    let file = PeFile64::parse(&*data).unwrap();
    file.imports()
        .unwrap()
        .map(|import| {
            let import = import.unwrap();
            let dll = String::from_utf8_lossy(import.library());
            format!("{dll}: {}", name(import.name()))
        })
        .collect()
}

/// Without what the executable or data of another file would have to give.
const FIT_FOR_PE: &str = "int counter = 40; int base(int value) { return value + counter; }
    int DllMainCRTStartup(void *a, unsigned b, void *c) { return 1; }
    int _DllMainCRTStartup(void *a, unsigned b, void *c) { return 1; }";

#[test]
fn lld_links_an_msvc_executable_against_functions_of_a_group_only() {
    if are_missing(
        "lld_links_an_msvc_executable_against_functions_of_a_group_only",
        &["clang"],
    ) {
        return;
    }
    let foreign = Foreign::new("x86_64-pc-windows-msvc", MSVC_LLD, &[STD]);
    let exports = [("base", false), ("counter", true)];
    let definition = foreign.definition("sysroot-1.dll", &exports);
    let group = |source: &str| {
        let options = [definition.clone()];
        foreign.group("sysroot-1.dll", STD, source, &[], &options)
    };
    let executable = |source: &str, library: PathBuf| {
        let more = ["/ENTRY:main", "/SUBSYSTEM:CONSOLE"];
        foreign.executable(source, &[(library, STD)], &more)
    };
    let calls = "int base(int); int main(void) { return base(1); }";
    let app = executable(calls, group(FIT_FOR_PE).unwrap()).unwrap();
    assert_eq!(imports(&app), ["sysroot-1.dll: base"]);

    // Why executables for this platform are linked statically.
    let reads = "extern int counter; int main(void) { return counter; }";
    let refused = executable(reads, group(FIT_FOR_PE).unwrap()).unwrap_err();
    assert!(refused.contains("undefined symbol: counter"), "{refused}");
    let refused = group(SYSROOT).unwrap_err();
    assert!(refused.contains("undefined symbol: allocate"), "{refused}");
}

#[test]
fn lld_links_a_mingw_executable_against_a_group() {
    if are_missing("lld_links_a_mingw_executable_against_a_group", &["clang"]) {
        return;
    }
    let foreign = Foreign::new("x86_64-pc-windows-gnu", MINGW_LLD, &[STD]);
    let exports = [("base", false), ("counter", true)];
    let definition = [foreign.definition("sysroot-1.dll", &exports)];
    let group = |source: &str| foreign.group("sysroot-1.dll", STD, source, &[], &definition);
    let library = group(FIT_FOR_PE).unwrap();
    let app = "int base(int); extern int counter; void __main(void) {}
               int start(void) { return base(1) + counter; }";
    let app = foreign
        .executable(app, &[(library, STD)], &["-e", "start"])
        .unwrap();
    let mut imports = imports(&app);
    imports.sort();
    assert_eq!(imports, ["sysroot-1.dll: base", "sysroot-1.dll: counter"]);

    let refused = group(SYSROOT).unwrap_err();
    assert!(refused.contains("undefined symbol: allocate"), "{refused}");
}
