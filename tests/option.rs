//! The option: profiles, configuration, command line and `-Z`.

use crate::prelude::*;
use cargo_test_support::{project, str};

use super::{
    LAYERED_OUTPUT, LAYERS, STATIC, groups_of, layered_manifest, layered_project, manifest, stdout,
};

#[cargo_test]
fn profile_in_manifest() {
    let p = layered_project().build();
    p.change_file(
        "Cargo.toml",
        &layered_manifest("[profile.dev]\ndynamic-deps = true\n"),
    );
    p.cargo("build").run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);

    p.cargo("run").with_stdout_data(LAYERED_OUTPUT).run();
}

#[cargo_test]
fn profile_in_config_file() {
    let p = layered_project()
        .file(".cargo/config.toml", "profile.dev.dynamic-deps = true")
        .build();
    p.cargo("build").run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
}

#[cargo_test]
fn profile_in_environment() {
    let p = layered_project().build();
    p.cargo("build")
        .env("CARGO_PROFILE_DEV_DYNAMIC_DEPS", "true")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
}

#[cargo_test]
fn profile_on_command_line() {
    let p = layered_project().build();
    p.cargo("build --config profile.dev.dynamic-deps=true")
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
}

#[cargo_test]
fn inherited_profile() {
    let p = layered_project().build();
    p.change_file(
        "Cargo.toml",
        &layered_manifest(
            "
            [profile.dev]
            dynamic-deps = true

            [profile.quick]
            inherits = 'dev'

            [profile.strict]
            inherits = 'dev'
            dynamic-deps = false
            ",
        ),
    );
    p.cargo("build --profile quick").run();
    assert_eq!(
        groups_of(&p.target_debug_dir().with_file_name("quick").join("foo")),
        LAYERS
    );
    p.cargo("build --profile strict").run();
    assert_eq!(
        groups_of(&p.target_debug_dir().with_file_name("strict").join("foo")),
        STATIC
    );
    p.cargo("build --release").run();
    assert_eq!(groups_of(&p.release_bin("foo")), STATIC);
}

#[cargo_test]
fn package_that_stays() {
    let p = layered_project().build();
    p.change_file(
        "Cargo.toml",
        &layered_manifest(
            "
            [profile.dev.package.local]
            dynamic-deps = false
            ",
        ),
    );
    p.cargo("build --dynamic-deps").run();
    assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn what_depends_on_a_package_that_stays() {
    let p = layered_project().build();
    p.change_file(
        "Cargo.toml",
        &layered_manifest(
            "
            [profile.dev.package.frozen]
            dynamic-deps = false
            ",
        ),
    );
    p.cargo("build --dynamic-deps").run();
    assert_eq!(groups_of(&p.bin("foo")), ["sysroot"]);
    assert_eq!(stdout(&p.bin("foo")), LAYERED_OUTPUT);
}

#[cargo_test]
fn command_line_overrides_profile() {
    let p = layered_project()
        .file(".cargo/config.toml", "profile.dev.dynamic-deps = false")
        .build();
    p.cargo("build --dynamic-deps").run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    p.cargo("build --dynamic-deps=false").run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);

    p.change_file(".cargo/config.toml", "profile.dev.dynamic-deps = true");
    p.cargo("build --no-dynamic-deps").run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    p.cargo("build --no-dynamic-deps --dynamic-deps=true").run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    p.cargo("build --dynamic-deps --no-dynamic-deps").run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}

#[cargo_test]
fn command_line_value_needs_an_equals_sign() {
    let p = project()
        .file(
            "src/main.rs",
            "fn main() { println!(\"{:?}\", std::env::args().nth(1)); }",
        )
        .build();
    p.cargo("run --dynamic-deps x")
        .with_stdout_data(str![[r#"
Some("x")

"#]])
        .run();
}

#[cargo_test]
fn command_line_value_is_checked() {
    let p = project().file("src/main.rs", "fn main() {}").build();
    p.cargo("build --dynamic-deps=maybe")
        .with_status(1)
        .with_stderr_data(str![[r#"
[ERROR] invalid value 'maybe' for '--dynamic-deps[=<BOOL>]'
  [possible values: true, false]

For more information, try '--help'.

"#]])
        .run();
}

#[cargo_test]
fn commands_that_link_executables_have_the_option() {
    let p = layered_project()
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_eq!(frozen::count(), 1); }",
        )
        .file("benches/be.rs", "")
        .build();
    p.cargo("run --dynamic-deps")
        .with_stdout_data(LAYERED_OUTPUT)
        .run();
    p.cargo("test --dynamic-deps").run();
    p.cargo("bench --dynamic-deps").run();
    p.cargo("rustc --dynamic-deps --bin foo -- --cfg extra")
        .run();
    p.cargo("check --dynamic-deps")
        .with_status(1)
        .with_stderr_contains("[ERROR] unexpected argument '--dynamic-deps' found")
        .run();
}

#[cargo_test]
fn wrong_type_in_manifest() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                r#"
                [profile.dev]
                dynamic-deps = "yes"
                "#,
            ),
        )
        .file("src/main.rs", "fn main() {}")
        .build();
    p.cargo("build")
        .with_status(101)
        .with_stderr_data(str![[r#"
[ERROR] invalid type: string "yes", expected a boolean
 --> Cargo.toml:8:32
  |
8 |                 dynamic-deps = "yes"
  |                                ^^^^^

"#]])
        .run();
}

#[cargo_test]
fn wrong_type_in_config() {
    let p = project()
        .file(".cargo/config.toml", "[profile.dev]\ndynamic-deps = 1\n")
        .file("src/main.rs", "fn main() {}")
        .build();
    p.cargo("build")
        .with_status(101)
        .with_stderr_data(str![[r#"
[ERROR] error in [ROOT]/foo/.cargo/config.toml: could not load config key `profile.dev`

Caused by:
  error in [ROOT]/foo/.cargo/config.toml: `profile.dev.dynamic-deps` expected true/false, but found a integer

"#]])
        .run();
}

#[cargo_test]
fn unstable_flag_is_for_run_and_test() {
    let p = layered_project()
        .file(
            "tests/it.rs",
            "#[test] fn it() { assert_eq!(frozen::count(), 1); }",
        )
        .build();
    let z = "-Z dynamic-deps";
    p.cargo(&format!("build {z}"))
        .masquerade_as_nightly_cargo(&["dynamic-deps"])
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
    p.cargo(&format!("run {z}"))
        .masquerade_as_nightly_cargo(&["dynamic-deps"])
        .with_stdout_data(LAYERED_OUTPUT)
        .run();
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    p.cargo(&format!("test {z} -v"))
        .masquerade_as_nightly_cargo(&["dynamic-deps"])
        .with_stderr_contains("[RUNNING] `rustc --crate-name it [..]-C linker=[..]/linker/linker`")
        .run();

    p.change_file(
        "Cargo.toml",
        &layered_manifest("[profile.dev]\ndynamic-deps = false\n"),
    );
    p.cargo(&format!("run {z}"))
        .masquerade_as_nightly_cargo(&["dynamic-deps"])
        .run();
    assert_eq!(groups_of(&p.bin("foo")), STATIC);
}

#[cargo_test]
fn unstable_flag_is_refused_on_stable() {
    let p = project().file("src/main.rs", "fn main() {}").build();
    p.cargo("run -Z dynamic-deps")
        .with_status(101)
        .with_stderr_data(str![[r#"
[ERROR] the `-Z` flag is only accepted on the nightly channel of Cargo, but this is the `stable` channel
See https://doc.rust-lang.org/book/appendix-07-nightly-rust.html for more information about Rust release channels.

"#]])
        .run();
}

#[cargo_test]
fn install_is_always_static() {
    let p = layered_project().build();
    p.cargo("install --path . --root ../root")
        .env("CARGO_PROFILE_RELEASE_DYNAMIC_DEPS", "true")
        .run();
    let installed = p.root().parent().unwrap().join("root/bin/foo");
    assert_eq!(groups_of(&installed), STATIC);
}

#[cargo_test]
fn a_build_override_has_no_say() {
    let p = project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                "[profile.dev.build-override]\ndynamic-deps = false\n",
            ),
        )
        .file("src/main.rs", "fn main() {}")
        .build();
    p.cargo("build")
        .with_status(101)
        .with_stderr_contains(
            "[..]`dynamic-deps` may not be specified in a `build-override` profile",
        )
        .run();
}
