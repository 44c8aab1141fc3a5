//! Writes a table, with the help of another crate of the workspace.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let names = ["FirstClass", "ByAir", "Registered"].map(base_wording::kebab);
    let table = format!("pub const STAMPS: [&str; {}] = {names:?};\n", names.len());
    let directory = env::var_os("OUT_DIR").expect("Cargo names the directory");
    fs::write(Path::new(&directory).join("stamps.rs"), table).expect("the directory is there");
    println!("cargo::rustc-env=STAMP_MASK={}", 0x5555);
}
