//! What link lines tell the user's linker: through a driver or directly, for the loader of this
//! system, and once more when somebody runs a line again.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::prelude::*;
use cargo_test_support::registry::Package;

use super::linkers::{OUTPUT, demanding_project, for_host};
use super::{
    LAYERS, brings_linker, contents, entries, groups_of, layered_project, manifest, program,
    same_behaviour, wrappers,
};

#[cargo_test]
fn objects_are_named_in_a_file_that_drivers_pass_on() {
    let keep = "#!/bin/sh\nprintf '%s\\n' \"$@\" >> \"${0%/*}/arguments\"\n";
    let pass_on = format!("{keep}exec cc \"$@\"\n");
    // As `zig cc`, which knows all options of its linker.
    let refuse = format!(
        "{keep}case \"$*\" in *-Wl,@*) echo 'unsupported linker arg' >&2; exit 1;; esac\n\
         exec cc \"$@\"\n"
    );
    let p = demanding_project()
        .executable("passes-on/cc", &pass_on)
        .executable("refuses/cc", &refuse)
        .executable("unknown/driver", &pass_on)
        .build();
    let check = |directory: &str, driver: &str, is_passed: bool, is_named: bool| {
        let driver = p.root().join(directory).join(driver);
        p.change_file(
            ".cargo/config.toml",
            &for_host(&format!("linker = '{}'", driver.display())),
        );
        p.cargo("build --dynamic-deps")
            .env("CARGO_INCREMENTAL", "1")
            .with_stderr_does_not_contain("[WARNING] [..]")
            .run();
        assert_eq!(groups_of(&p.bin("foo")), LAYERS);
        let output = super::run(&p.bin("foo"));
        assert_eq!(super::text(&output.stdout), OUTPUT);
        let arguments = p.read_file(&format!("{directory}/arguments"));
        let has = |text| arguments.lines().any(|argument| argument.contains(text));
        assert_eq!(has("-Wl,@"), is_passed, "{arguments}");
        let of_program = |argument: &str| {
            let file = argument.rsplit('/').next().unwrap();
            file.starts_with("foo") && file.ends_with(".o")
        };
        assert_eq!(arguments.lines().any(of_program), is_named, "{arguments}");
    };
    check("passes-on", "cc", true, false);
    check("refuses", "cc", true, true);
    check("unknown", "driver", false, true);
}

#[cargo_test(requires = "ld.lld")]
fn without_a_driver() {
    // It needs to be told all that a driver knows, and then works as a static linker.
    let directory = Command::new("cc")
        .arg("-print-file-name=crt1.o")
        .output()
        .unwrap();
    let crt1 = PathBuf::from(super::text(&directory.stdout).trim());
    let libraries = crt1.parent().unwrap();
    let libgcc = Command::new("cc")
        .arg("-print-file-name=libgcc_s.so")
        .output()
        .unwrap();
    let libgcc = PathBuf::from(super::text(&libgcc.stdout).trim());
    let libraries_of_gcc = libgcc.parent().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let loader = maps
        .lines()
        .filter_map(|line| line.split(' ').next_back())
        .find(|path| path.contains("/ld-"))
        .unwrap();
    let mut linkers = vec!["ld.lld"];
    // Debian's rustc has none.
    if brings_linker() {
        linkers.push("rust-lld");
    }
    for linker in linkers {
        let p = super::layered_project().build();
        let mut flags = vec![format!("-Clinker={linker}")];
        flags.extend(
            [libraries, libraries_of_gcc].map(|path| format!("-Clink-arg=-L{}", path.display())),
        );
        flags.extend(
            ["Scrt1.o", "crti.o", "crtn.o"]
                .map(|name| format!("-Clink-arg={}", libraries.join(name).display())),
        );
        flags.extend(["-dynamic-linker", loader].map(|arg| format!("-Clink-arg={arg}")));
        for argument in [
            "--no-dynamic-deps",
            "--config profile.dev.dynamic-deps=true",
        ] {
            p.cargo(&format!("build {argument}"))
                .env("RUSTFLAGS", flags.join(" "))
                .run();
            assert_eq!(super::stdout(&p.bin("foo")), super::LAYERED_OUTPUT);
        }
    }
}

#[cargo_test]
fn relative_relocations_are_packed_where_the_loader_takes_them() {
    Package::new("tables", "1.0.0")
        .file("Cargo.toml", &manifest("tables", ""))
        .file(
            "src/lib.rs",
            r#"
                extern "C" { fn getpid() -> i32; }
                pub static NAMES: [&str; 3] = ["one", "two", "three"];
                // Small groups are left as they are.
                pub static LARGE: [u8; 1 << 20] = [1; 1 << 20];
                pub fn id() -> i32 { unsafe { getpid() } }
            "#,
        )
        .publish();
    let p = program(
        &["tables"],
        "fn main() { assert!(tables::id() > 0); println!(\"{:?}\", tables::NAMES); }",
    );
    let printed = same_behaviour(&p).stdout;
    assert_eq!(super::text(&printed), "[\"one\", \"two\", \"three\"]\n");

    let dump = |option: &str, file: &Path| {
        let output = Command::new("readelf").arg(option).arg(file).output();
        super::text(&output.unwrap().stdout).to_owned()
    };
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let c_library = maps
        .split_whitespace()
        .find(|word| word.ends_with("/libc.so.6"))
        .unwrap();
    let has_version = |file: &Path| dump("-VW", file).contains("GLIBC_ABI_DT_RELR");
    let [frozen] = &contents(&p, "frozen")[..] else {
        panic!("{:?}", contents(&p, "frozen"));
    };
    let is_packed = dump("-dW", frozen).contains("(RELRSZ)");
    assert_eq!(is_packed, has_version(Path::new(c_library)));
    assert_eq!(has_version(frozen), is_packed);
}

#[cargo_test]
fn a_link_line_that_is_run_again() {
    // As hot patching does, and whoever looks for a fault in a link.
    let p = layered_project()
        .file(
            "noting.sh",
            "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"${0%/*}/arguments\"\nexec cc \"$@\"\n",
        )
        .build();
    let noting = p.root().join("noting.sh");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&noting, mode).unwrap();
    p.cargo("rustc --dynamic-deps -- -C save-temps -C")
        .arg(format!("linker={}", noting.display()))
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    let arguments = std::fs::read_to_string(p.root().join("arguments")).unwrap();
    let arguments: Vec<&str> = arguments.lines().collect();
    let output = arguments.iter().position(|argument| *argument == "-o");
    let executable = Path::new(arguments[output.unwrap() + 1]);
    std::fs::remove_file(executable).unwrap();
    let cc = Command::new("cc").args(&arguments).output().unwrap();
    assert!(cc.status.success(), "{cc:?}");
    assert_eq!(groups_of(executable), LAYERS);
    assert_eq!(super::stdout(executable), super::LAYERED_OUTPUT);

    // Nothing is kept for linkers that run the line once.
    p.cargo("rustc --dynamic-deps -- --cfg another").run();
    let kept = wrappers(&p)
        .into_iter()
        .flat_map(|wrapper| entries(&wrapper));
    let kept = kept.filter(|path| path.is_dir());
    assert_eq!(kept.count(), 1);
}
