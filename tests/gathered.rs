//! Data that come together from many crates without a call: slices that the linker gathers, and
//! registries that constructors fill.

use std::fs;
use std::path::Path;

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::{LAYERS, groups_of, manifest, same_behaviour};

/// A program with the frozen crate `registry`, whose code is given, a frozen `plugin`
/// and a local one which are registered in it, and `plain`, which is not. The bin
/// `other` depends on the same packages and names the `registry` alone.
fn project_with_plugins(registry: &str) -> Project {
    let plugin = |name: &str| {
        format!(
            "#[inline(never)] pub fn touch() {{}}
             mod apart {{ registry::submit!(\"{name}\"); }}"
        )
    };
    Package::new("registry", "1.0.0")
        .file("src/lib.rs", registry)
        .publish();
    Package::new("plugin", "1.0.0")
        .file("src/lib.rs", &plugin("frozen"))
        .dep("registry", "1.0")
        .publish();
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "pub fn plain() -> u32 { 9 }")
        .publish();
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [dependencies]
                registry = "1.0"
                plugin = "1.0"
                plain = "1.0"
                local = { path = "local" }
                "#,
            ),
        )
        .file(
            "local/Cargo.toml",
            &manifest("local", "[dependencies]\nregistry = '1.0'\n"),
        )
        .file("local/src/lib.rs", &plugin("local"))
        .file(
            "src/main.rs",
            r#"
                registry::submit!("program");
                fn main() {
                    plugin::touch();
                    local::touch();
                    println!("{:?} {}", registry::names(), plain::plain());
                }
            "#,
        )
        .file(
            "src/bin/other.rs",
            "fn main() { println!(\"{:?} {}\", registry::names(), plain::plain()); }",
        )
        .build()
}

/// Checks what both programs of [`project_with_plugins`] print, static and dynamic, and which
/// groups the first one loads.
#[track_caller]
fn check_plugins(p: &Project, groups: &[&str]) {
    let output = same_behaviour(p);
    let stdout = super::text(&output.stdout);
    for name in ["frozen", "local", "program"] {
        assert_eq!(stdout.matches(name).count(), 1, "{name} in {stdout}");
    }
    assert_eq!(groups_of(&p.bin("foo")), groups);

    let of_dynamic = super::stdout(&p.bin("other"));
    p.cargo("build --no-dynamic-deps").run();
    assert_eq!(super::stdout(&p.bin("other")), of_dynamic);
}

#[cargo_test]
fn a_distributed_slice() {
    // What `linkme` does. A slice of which no element is left is empty, not an error:
    // hence the two bounds in a section of their own crate.
    let p = project_with_plugins(
        r#"
            pub struct Element(pub &'static str, pub fn() -> usize);

            extern "C" {
                #[link_name = "__start_elements"] static START: Element;
                #[link_name = "__stop_elements"] static STOP: Element;
            }
            #[used]
            #[link_section = "elements"]
            static NONE: [Element; 0] = [];

            /// In the order in which the linker gathered them.
            pub fn names() -> Vec<(&'static str, usize)> {
                let start = &raw const START;
                let length = unsafe { (&raw const STOP).offset_from(start) } as usize;
                let elements = unsafe { std::slice::from_raw_parts(start, length) };
                elements.iter().map(|element| (element.0, element.1())).collect()
            }

            #[macro_export]
            macro_rules! submit {
                ($name:literal) => {
                    #[used]
                    #[link_section = "elements"]
                    static ELEMENT: $crate::Element = $crate::Element($name, || $name.len());
                };
            }
        "#,
    );
    // `plain`, which is registered nowhere, is in a group.
    check_plugins(&p, &["frozen", "sysroot"]);
}

/// What `inventory` does.
const REGISTRY: &str = r#"
        use std::ptr::null_mut;
        use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

        pub struct Node { name: &'static str, next: AtomicPtr<Node> }

        static HEAD: AtomicPtr<Node> = AtomicPtr::new(null_mut());

        impl Node {
            pub const fn new(name: &'static str) -> Node {
                Node { name, next: AtomicPtr::new(null_mut()) }
            }
            pub fn submit(&'static self) {
                self.next.store(HEAD.load(SeqCst), SeqCst);
                HEAD.store(self as *const Node as *mut Node, SeqCst);
            }
        }

        /// The last one that was submitted comes first.
        pub fn names() -> Vec<&'static str> {
            let mut names = Vec::new();
            let mut next = HEAD.load(SeqCst);
            while let Some(node) = unsafe { next.as_ref() } {
                names.push(node.name);
                next = node.next.load(SeqCst);
            }
            names
        }

        #[macro_export]
        macro_rules! submit {
            ($name:literal) => {
                const _: () = {
                    static NODE: $crate::Node = $crate::Node::new($name);
                    extern "C" fn start() { NODE.submit() }
                    #[used]
                    #[link_section = ".init_array"]
                    static START: extern "C" fn() = start;
                };
            };
        }
    "#;

#[cargo_test]
fn a_registry_that_constructors_fill() {
    check_plugins(&project_with_plugins(REGISTRY), &LAYERS);
}

#[cargo_test]
fn a_registry_in_a_program_that_shows_its_symbols() {
    let p = project_with_plugins(REGISTRY);
    p.change_file(
        ".cargo/config.toml",
        "[build]\nrustflags = ['-Clink-arg=-rdynamic']\n",
    );
    // Without a hidden name for the layout, no executable can run the constructors of a group.
    check_plugins(&p, &["frozen", "sysroot"]);
}

/// Whether lld has linked a file, which it notes in `.comment`.
fn is_linked_by_lld(file: &Path) -> bool {
    let mark = b"Linker: LLD";
    let bytes = fs::read(file).unwrap();
    bytes.windows(mark.len()).any(|window| window == mark)
}

#[cargo_test]
fn sections_that_a_linker_script_gathers() {
    // Whatever their names are, and wherever the script is named.
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[dependencies]\nregistry = { path = 'registry' }\nplugin = { path = 'plugin' }\n",
            ),
        )
        .file(
            "src/main.rs",
            r#"
                #[link_section = ".registry.app"] #[used] static APP: u32 = 300;
                fn main() { println!("{:?} {}", registry::items(), plugin::seen()); }
            "#,
        )
        .file("registry/Cargo.toml", &manifest("registry", ""))
        .file(
            "registry/src/lib.rs",
            r#"
                extern "C" { static registry_start: u32; static registry_end: u32; }
                #[link_section = ".registry.own"] #[used] static OWN: u32 = 1;
                pub fn items() -> (usize, u32) {
                    let (start, end) = (&raw const registry_start, &raw const registry_end);
                    let items = unsafe {
                        std::slice::from_raw_parts(start, end.offset_from(start) as usize)
                    };
                    (items.len(), items.iter().sum())
                }
            "#,
        )
        .file(
            "plugin/Cargo.toml",
            &manifest("plugin", "[dependencies]\nregistry = { path = '../registry' }\n"),
        )
        .file(
            "plugin/src/lib.rs",
            r#"
                #[link_section = ".registry.plugin"] #[used] static PLUGIN: u32 = 20;
                pub fn seen() -> usize { registry::items().0 }
            "#,
        )
        .file(
            "gather.ld",
            "SECTIONS { .registry : { registry_start = .; KEEP(*(.registry.*)) registry_end = .; } }
             INSERT AFTER .data;",
        )
        .build();
    let script = p.root().join("gather.ld");
    let script = script.display();
    p.change_file("options", &format!("-T {script}"));
    let options = p.root().join("options");
    let options = options.display();
    let spellings = [
        format!("-Wl,-T,{script}"),
        format!("-Wl,--script={script}"),
        format!("-Wl,@{options}"),
        format!("@{options}"),
        format!("{script}"),
    ];
    // GNU ld 2.40 refuses `INSERT` in a script that no option names, in a static link too.
    let is_understood =
        |spelling: &&String| **spelling != script.to_string() || is_linked_by_lld(&p.bin("foo"));
    for spelling in spellings.iter().filter(is_understood) {
        p.change_file(
            "build.rs",
            &format!("fn main() {{ println!(\"cargo::rustc-link-arg={spelling}\"); }}"),
        );
        assert_eq!(super::same_output(&p), "(3, 321) 3\n", "{spelling}");
    }
    p.change_file("build.rs", "fn main() {}");
    for spelling in spellings.iter().filter(is_understood) {
        let run = |argument: &str| {
            p.cargo(&format!("build {argument}"))
                .env("RUSTFLAGS", format!("-Clink-arg={spelling}"))
                .run();
            super::stdout(&p.bin("foo"))
        };
        assert_eq!(run("--no-dynamic-deps"), "(3, 321) 3\n", "{spelling}");
        assert_eq!(run("--dynamic-deps"), "(3, 321) 3\n", "{spelling}");
    }
    p.cargo("build --dynamic-deps")
        .env("RUSTFLAGS", format!("-Clink-arg=-Wl,-T,{script}"))
        .with_stderr_contains(
            "[WARNING] linked the dependencies of `foo` statically: the link arg \
             `-Wl,-T,[ROOT]/foo/gather.ld` brings a linker script, which may gather what is in groups",
        )
        .run();
}
