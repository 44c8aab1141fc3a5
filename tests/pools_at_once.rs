//! Several jobs of one build at the same time: none takes files away from the job of a pool.

use std::collections::BTreeSet;

use crate::prelude::*;
use cargo_test_support::project;

use super::pools::{new_pools, pools, publish, recorded_pools};
use super::{STATIC, groups_of, manifest, stdout};

#[cargo_test]
fn two_link_settings() {
    publish("leaf", "1.0.0", &[]);
    publish("above", "1.0.0", &["leaf"]);
    let p = project()
        .file(
            "Cargo.toml",
            &manifest("foo", "[dependencies]\nabove = '1.0'\n"),
        )
        .file(
            "src/lib.rs",
            r#"
                //! ```
                //! assert_eq!(foo::text(), "above 1.0.0 leaf 1.0.0 ");
                //! ```
                pub fn text() -> String { above::name() }
                #[test] fn unit() { assert_eq!(text(), "above 1.0.0 leaf 1.0.0 "); }
            "#,
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", foo::text()); }",
        )
        // Doctests do not get it, so they are linked in another way.
        .file(
            ".cargo/config.toml",
            "build.rustflags = ['-C', 'link-arg=-L.']\n",
        )
        .build();
    let test = || {
        let mut cargo = p.cargo("test --dynamic-deps -v");
        cargo
            .with_stderr_does_not_contain("[WARNING] [..]")
            .with_stdout_contains("test unit ... ok")
            .with_stdout_contains("test src/lib.rs - (line 2) ... ok");
        cargo
    };
    test().run();
    let before = pools(&p);
    let stores = before.keys().map(|name| name.split('_').next().unwrap());
    assert_eq!(stores.collect::<BTreeSet<_>>().len(), 2);
    // Each knows its pool the next time.
    let recorded = recorded_pools(&p);
    assert_eq!(recorded.len(), 2);
    assert_eq!(recorded[0], recorded[1]);
    for command in ["test", "build", "test --doc", "test"] {
        let mut cargo = match command {
            "test" => test(),
            _ => p.cargo(&format!("{command} --dynamic-deps -v")),
        };
        cargo
            .with_stderr_does_not_contain("[..]Linking frozen [..]")
            .run();
        assert_eq!(new_pools(&p, &before), STATIC, "{command}");
    }
    test()
        .with_stderr_does_not_contain("[RUNNING] `rustc [..]")
        .with_stderr_does_not_contain("[..]Linking [..]")
        .run();
    assert_eq!(stdout(&p.bin("foo")), "above 1.0.0 leaf 1.0.0 \n");
    assert_eq!(groups_of(&p.bin("foo")), ["local", "frozen", "sysroot"]);
}
