//! Tests of the inventory.

use std::process::Command;

use super::*;
use crate::record::wrapper::{ExecutableInTask, KeptLibrary};
use crate::record::{SharedObject, write_json};

const SONAME: &str = "dynamic-deps-local-part.1_0123456789abcdef.so";
const OLDER: &str = "dynamic-deps-frozen-pool.1_0123456789abcdef.so";

/// A directory with an executable under two names that loads a part, and a pool that it does
/// not load.
fn directory() -> (tempfile::TempDir, Places) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for name in ["deps", "wrapper"] {
        fs::create_dir(path(name)).unwrap();
    }
    fs::write(path("main.c"), "int main(void) { return 0; }").unwrap();
    let cc = |command: &mut Command| assert!(command.status().unwrap().success());
    let library = path("deps").join(SONAME);
    cc(Command::new("cc")
        .args(["-shared", &format!("-Wl,-soname,{SONAME}"), "-o"])
        .arg(&library));
    cc(Command::new("cc").args(["-Wl,--no-as-needed", "-o"]).args([
        &path("deps/app-0123"),
        &path("main.c"),
        &library,
    ]));
    fs::hard_link(path("deps/app-0123"), path("app")).unwrap();
    fs::write(path("deps").join(OLDER), "12345").unwrap();
    let manifest = GroupManifest {
        group: "local part 1".to_owned(),
        objects: vec![SharedObject {
            soname: SONAME.to_owned(),
            members: Vec::new(),
            effects: BTreeSet::new(),
            needs: Vec::new(),
            binding: None,
            native_libraries: Vec::new(),
            unbundled: Vec::new(),
            open_references: Vec::new(),
            making: Some(Making {
                at: 7,
                milliseconds: 31,
                bound_anew: false,
            }),
        }],
        stays: Vec::new(),
        refusal: None,
        template: None,
    };
    let manifest_path = path("deps/dynamic-deps-local-0123.json");
    manifest.write(&manifest_path).unwrap();
    let plan = LinkTask {
        executable: Some(ExecutableInTask {
            name: "app v1.0.0 (bin \"app\")".to_owned(),
            file: "app-0123".to_owned(),
            kept: vec![KeptLibrary {
                name: "kept v1.0.0".to_owned(),
                reason: "so".to_owned(),
                by_profile: true,
            }],
        }),
        linker: "cc".into(),
        manifests: vec![manifest_path],
        run_paths: Vec::new(),
        record: false,
        keep: false,
        log: None,
    };
    let wrapper = path("wrapper");
    write_json(&wrapper.join(TASK_FILE), &WrapperTask::Link(plan)).unwrap();
    let places = Places {
        groups: vec![path("deps")],
        executables: vec![directory.path().to_owned(), path("deps"), path("absent")],
        wrappers: [wrapper, path("absent")]
            .map(|directory| WrapperPlace {
                directory,
                outputs: vec![path("absent"), path("deps")],
            })
            .to_vec(),
    };
    (directory, places)
}

#[test]
fn what_is_there_is_told() {
    let (directory, places) = directory();
    let inventory = Inventory::take(&places);
    assert!(inventory.damaged.is_empty(), "{:?}", inventory.damaged);
    let [app] = &inventory.executables[..] else {
        panic!("{:?}", inventory.executables);
    };
    assert_eq!(app.paths[0], directory.path().join("app"));
    assert_eq!(app.paths.len(), 2);
    assert!(app.groups().eq([SONAME]));
    let link = app.link.as_ref().unwrap();
    assert_eq!((&link.making, &link.fallback), (&None, &None));

    let [part, pool] = &inventory.objects[..] else {
        panic!("{:?}", inventory.objects);
    };
    assert_eq!((part.kind, pool.kind), (Kind::Part, Kind::Pool));
    assert_eq!(part.group.as_deref(), Some("local part 1"));
    assert_eq!((&part.users[..], part.made_at()), (&[0][..], 7));
    assert_eq!((pool.bytes, pool.group.as_deref()), (5, None));
    assert!(pool.is_unneeded() && !part.is_unneeded());
    assert_eq!(inventory.groups.len(), 1);
}

/// As with directories for each unit.
#[test]
fn executables_of_one_name_are_told_apart() {
    let (directory, mut places) = directory();
    let path = |name: &str| directory.path().join(name);
    fs::remove_file(path("app")).unwrap();
    places.executables.clear();
    places.wrappers.clear();
    for unit in ["a", "b"] {
        let (wrapper, output) = (path(unit).join("wrapper"), path(unit).join("out"));
        for directory in [&wrapper, &output] {
            fs::create_dir_all(directory).unwrap();
        }
        fs::copy(path("deps/app-0123"), output.join("app")).unwrap();
        let task = LinkTask {
            executable: Some(ExecutableInTask {
                name: unit.to_owned(),
                file: "app".to_owned(),
                kept: Vec::new(),
            }),
            linker: "cc".into(),
            manifests: Vec::new(),
            run_paths: Vec::new(),
            record: false,
            keep: false,
            log: None,
        };
        write_json(&wrapper.join(TASK_FILE), &WrapperTask::Link(task)).unwrap();
        places.executables.push(output.clone());
        places.wrappers.push(WrapperPlace {
            directory: wrapper,
            outputs: vec![output],
        });
    }
    // The order in which units are listed must not matter.
    places.wrappers.reverse();
    let inventory = Inventory::take(&places);
    let names = inventory.executables.iter().map(|executable| {
        let output = executable.path().parent().unwrap();
        (
            output.parent().unwrap().to_owned(),
            executable.name().unwrap(),
        )
    });
    assert_eq!(Vec::from_iter(names), [(path("a"), "a"), (path("b"), "b")]);
}

#[test]
fn what_is_damaged_is_named_and_left_out() {
    let (directory, places) = directory();
    let manifest = directory.path().join("deps/dynamic-deps-local-0123.json");
    fs::write(&manifest, "{").unwrap();
    fs::write(directory.path().join("wrapper").join(LINKED_FILE), "").unwrap();
    let inventory = Inventory::take(&places);
    let damaged = inventory.damaged.iter().map(Error::to_string);
    let damaged: Vec<String> = damaged.collect();
    assert_eq!(damaged.len(), 2, "{damaged:?}");
    assert!(
        damaged.contains(&format!("failed to parse `{}`", manifest.display())),
        "{damaged:?}"
    );
    assert_eq!(inventory.executables.len(), 1);
    assert_eq!(inventory.objects.len(), 2);
    assert!(inventory.groups.is_empty());
}
