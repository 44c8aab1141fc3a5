//! Fuzz targets: link-engine's readers must refuse or accept every input, and neither panic nor
//! hang. Each function is a target. `tests/malformed.rs` of link-engine calls them with the
//! fuzzer's findings.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use link_engine::for_tests::rebind::{Below, Renamed, Unbound, undo_patches};
use link_engine::for_tests::{
    DynamicInfo, GroupInput, GroupLine, KnownRlib, Names, Patch, Rewrite, RlibFacts, StoredLibrary,
    Wanted, arguments, bind, constructors, definitions_for_the_loader, dynamic_names, has_private,
    library_directories, open_references_in, private_among, read_words, references_among,
    response_file, runtime, seal, stub_bytes, template, undefined_symbols,
};
use link_engine::record::wrapper::WrapperTask;
use link_engine::record::{Fallback, GroupManifest, Making};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An rlib: the target reads its facts and rewrites its hidden symbols.
pub fn rlib(data: &[u8]) {
    let Ok(facts) = RlibFacts::parse(data) else {
        return;
    };
    let mut rewritten = data.to_vec();
    facts.show_hidden_symbols(&mut rewritten);
    assert_eq!(rewritten.len(), data.len());
    let changed = rewritten.iter().zip(data).filter(|(new, old)| new != old);
    let hidden = facts.hidden_definitions.len() + facts.hidden_references.len();
    assert!(changed.count() <= hidden);
    let kept = serde_json::to_vec(&facts).expect("facts can be written");
    let kept: RlibFacts = serde_json::from_slice(&kept).expect("facts can be read");
    assert_eq!(kept, facts);
}

/// An ELF file: an object in an rlib, an executable, a shared object of a group.
pub fn object(data: &[u8]) {
    rlib(&archive_with("object.o", data));
    rlib(&archive_with("object.rcgu.o", data));
    let _ = DynamicInfo::parse(data);
    let _ = bind::referred_to_by_distance_in(data);
    let sealed = seal::seal_patches(data, &private());
    let bound = bind::bind_patches(data, &[("so.so", data), ("other.so", data)]);
    let entries: HashSet<&str> = ["_RNvCs1_1a1b"].into();
    let handed_over =
        constructors::hand_over_patches(data, &entries).map(Option::unwrap_or_default);
    let sysroot = runtime::group_patches(data, true);
    let group = runtime::group_patches(data, false);
    let executable = runtime::executable_patches(data, "so.so");
    let patches = [sealed, bound, handed_over, sysroot, group, executable];
    for patch in patches.into_iter().flatten().flatten() {
        let end = patch.offset.checked_add(patch.bytes.len() as u64);
        assert!(end.is_some_and(|end| end <= data.len() as u64));
    }
    unbound(data);
    rebind(data, data, data);
    library(data);
    let open = open_references_in(data, &[data]);
    let wanted: Names<'_> = ["wanted", "exported", ""]
        .map(str::as_bytes)
        .into_iter()
        .collect();
    let open = open.unwrap_or_default();
    for wanted in [Wanted::All, Wanted::Named(&wanted)] {
        if let Ok(Some(stub)) = stub_bytes(data, "so.so", wanted.into(), &open) {
            let info = DynamicInfo::parse(&stub);
            let soname = info.map(|info| info.and_then(|info| info.soname));
            assert_eq!(soname.ok().flatten().as_deref(), Some("so.so"));
        }
    }
}

/// A shared library from anywhere, of which the target asks for symbols.
fn library(data: &[u8]) {
    let named = ["exported", "wanted", ""];
    if let Ok(found) = definitions_for_the_loader(data, &named.into()) {
        assert!(found.keys().all(|name| named.contains(name)));
    }
    let _ = dynamic_names(data);
    let _ = has_private(data);
    if let Ok(Some(name)) = private_among(data, named) {
        assert!(named.contains(&name));
    }
    let names = named.map(str::to_owned).into();
    if let Ok(found) = references_among(data, &names) {
        assert!(found.is_subset(&names));
    }
}

/// The file beside a shared object with the bytes that binding has overwritten in it.
pub fn unbound(data: &[u8]) {
    if let Some(unbound) = Unbound::parse(data) {
        assert_eq!(Unbound::parse(&unbound.to_bytes()), Some(unbound));
    }
}

/// A shared object with the soname `a.so`, bound to a group with the soname `so.so`, and then to another content of that
/// group with the soname `to.so`.
pub fn rebind(data: &[u8], old: &[u8], new: &[u8]) {
    let Ok((unbound, patches)) = Unbound::of(data, &[("so.so", old)]) else {
        return;
    };
    let bound = patched(data, &patches);
    let layouts = [old, new].map(layout_name);
    let below = Below {
        soname: Renamed {
            old: "so.so",
            new: "to.so",
        },
        layout: layouts[0]
            .zip(layouts[1])
            .map(|(old, new)| Renamed { old, new }),
        bytes: new,
    };
    let soname = Renamed {
        old: "a.so",
        new: "b.so",
    };
    if let Ok(patches) = undo_patches(&bound, &unbound, soname, &[below]) {
        let renamed = patched(&bound, &patches);
        let _ = Unbound::of(&renamed, &[("to.so", new)]);
    }
}

/// The name of the version of a group's layout.
pub fn layout_name(group: &[u8]) -> Option<&str> {
    let prefix = b"DYNAMIC_DEPS_LAYOUT_";
    let start = group
        .windows(prefix.len())
        .position(|bytes| bytes == prefix)?;
    let name = group.get(start..start + prefix.len() + 16)?;
    str::from_utf8(name).ok()
}

/// The data, with the bytes of these patches in it.
pub fn patched(data: &[u8], patches: &[Patch]) -> Vec<u8> {
    let mut data = data.to_vec();
    for patch in patches {
        data[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
    data
}

/// Names of C that the shared object of a group is to hide.
pub fn private() -> HashSet<&'static str> {
    ["exported", "element"].into()
}

/// An archive with one member.
fn archive_with(name: &str, object: &[u8]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    let size = object.len();
    archive.extend(format!("{:<16}{:<32}{:<10}`\n", format!("{name}/"), "", size).bytes());
    archive.extend(object);
    archive
}

/// The text of a response file.
pub fn response_file(text: &[u8]) {
    if let Ok(args) = response_file::parse(text) {
        assert_eq!(
            response_file::parse(&response_file::format(&args)),
            Ok(args)
        );
    }
}

/// A link line, with an argument on each line: the target reads it, and rewrites it for a group.
pub fn link_line(text: &[u8]) {
    let lines = text.split(|byte| *byte == b'\n');
    let args: Vec<OsString> = lines.map(|line| OsStr::from_bytes(line).into()).collect();
    let to_load: HashSet<String> = ["c".to_owned()].into();
    let _ = arguments::output(&args);
    // The files of this machine are no part of the input.
    if !text.contains(&b'@') {
        let _ = read_words(&args);
    }
    rewrite(&args, &to_load);

    let Ok((template, rlibs)) = template::dissect(Path::new("cc"), &args) else {
        return;
    };
    let line = GroupLine {
        template: &template,
        soname: "group.so",
        output: Path::new("/out/group.so"),
        rlibs: &rlibs,
        below: &[],
        native_search: &[],
        native_libraries: &[],
        run_paths: &["$ORIGIN".into()],
        options: &[],
    };
    let group = line.args();
    for rlib in &rlibs {
        assert!(
            is_named(&group, rlib),
            "{} is lost in {group:?}",
            rlib.display()
        );
    }
}

/// Each argument except the rlib of the group and the object with a copy has to be there
/// afterwards, in its order.
fn rewrite(args: &[OsString], to_load: &HashSet<String>) {
    let groups = [GroupInput {
        shared_object: "/groups/frozen.so".into(),
        members: ["libdep-1.rlib".to_owned()].into(),
    }];
    let object = args.iter().find(|arg| arguments::is_object(arg));
    let copy = object.map(|object| (PathBuf::from(object), PathBuf::from("/copy/0.o")));
    let rewrite = Rewrite {
        groups: &groups,
        objects: &HashMap::from_iter(copy.clone()),
        constructors: &HashMap::new(),
        to_load,
        run_paths: &["$ORIGIN".into()],
        replaced: &BTreeSet::new(),
    };
    let Ok(rewritten) = rewrite.apply(args) else {
        return;
    };
    let is_replaced = |arg: &OsString| {
        let path = Path::new(arg);
        path.file_name() == Some(OsStr::new("libdep-1.rlib"))
            || copy.as_ref().is_some_and(|(object, _)| path == object)
    };
    let mut rest = rewritten.iter();
    for arg in args.iter().filter(|arg| !is_replaced(arg)) {
        assert!(
            rest.any(|found| found == arg),
            "{arg:?} is lost in {rewritten:?}"
        );
    }
    assert!(is_named(&rewritten, Path::new("/groups/frozen.so")));
}

/// Whether an argument is the path, or an option joined with it.
fn is_named(args: &[OsString], path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    args.iter().any(|arg| arg.as_bytes().ends_with(path))
}

/// Messages of compilers and linkers, of which we read some words.
pub fn messages(text: &[u8]) {
    let of_linker = String::from_utf8_lossy(text);
    let symbols = undefined_symbols(&of_linker);
    assert!(symbols.iter().all(|symbol| of_linker.contains(*symbol)));
    assert!(library_directories(text).all(|directory| directory.is_absolute()));
}

/// A JSON file of the engine.
pub fn manifest(text: &[u8]) {
    files_of_this_form(text);
}

/// As how many kinds of files a text can be read.
pub fn files_of_this_form(text: &[u8]) -> usize {
    let read = [
        round_trip::<GroupManifest>(text),
        round_trip::<WrapperTask>(text),
        round_trip::<Fallback>(text),
        round_trip::<Making>(text),
        round_trip::<KnownRlib>(text),
        round_trip::<Vec<StoredLibrary>>(text),
        round_trip::<Vec<OsString>>(text),
    ];
    read.into_iter().filter(|is_read| *is_read).count()
}

/// Whether this can be read. If so, writing and reading it again must give the same.
fn round_trip<T: DeserializeOwned + Serialize + PartialEq + Debug>(text: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<T>(text) else {
        return false;
    };
    let written = serde_json::to_vec(&value).expect("what was read can be written");
    let again = serde_json::from_slice::<T>(&written).expect("what was written can be read");
    assert_eq!(again, value);
    true
}
