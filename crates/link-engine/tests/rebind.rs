//! Binding anew: a group that is bound to new groups below has the bytes that another link would
//! give.

#![cfg(target_arch = "x86_64")]

mod chain;
mod programs;
#[allow(dead_code, reason = "no group job runs here")]
mod workshop;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;

use chain::{ABOVE, BELOW, Content, FIRST, Groups, PRINTED, Rebound, SECOND, obstacle};
use link_engine::for_tests::rebind::{Below, Obstacle, Renamed};
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, ObjectSymbolTable as _, RelocationTarget,
};
use workshop::with_each_linker;

/// The bytes of a shared object but for its build id, which says what it was linked from.
fn without_build_id(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let object = object::File::parse(&*bytes).unwrap();
    let section = object.section_by_name(".note.gnu.build-id");
    if let Some((start, size)) = section.and_then(|section| section.file_range()) {
        bytes[start as usize..][..size as usize].fill(0);
    }
    bytes
}

/// What the relocations of a shared object come to, wherever they are: their type, and the name of a
/// symbol or the soname of a group, with a distance from it.
fn resolved(bytes: &[u8], groups: &[&Content]) -> Vec<(String, String, i64)> {
    let mut places = HashMap::new();
    for group in groups {
        let object = object::File::parse(&*group.bytes).unwrap();
        for symbol in object
            .dynamic_symbols()
            .filter(|symbol| symbol.is_definition())
        {
            let place = (group.soname.clone(), symbol.address() as i64);
            places.insert(symbol.name().unwrap().to_owned(), place);
        }
    }
    let object = object::File::parse(bytes).unwrap();
    let symbols = object.dynamic_symbol_table().unwrap();
    let relocations = object.dynamic_relocations().unwrap();
    let resolved = relocations.map(|(_, relocation)| {
        let kind = format!("{:?}", relocation.flags());
        let name = match relocation.target() {
            RelocationTarget::Symbol(index) => {
                let symbol = symbols.symbol_by_index(index).unwrap();
                symbol.name().unwrap().to_owned()
            }
            _ => String::new(),
        };
        let (base, distance) = places.get(&name).cloned().unwrap_or((name, 0));
        (kind, base, distance + relocation.addend())
    });
    let mut resolved: Vec<_> = resolved.collect();
    resolved.sort();
    resolved
}

/// Panics with the place of the first difference.
#[track_caller]
fn check_same(what: &str, bytes: &[u8], expected: &[u8]) {
    let [one, other] = [bytes, expected].map(without_build_id);
    let difference = one.iter().zip(&other).position(|(one, other)| one != other);
    let object = object::File::parse(expected).unwrap();
    let section = difference.and_then(|place| {
        let mut sections = object.sections();
        sections.find(|section| {
            let range = section.file_range();
            range.is_some_and(|(start, size)| (start..start + size).contains(&(place as u64)))
        })
    });
    assert_eq!(
        (difference, section.map(|section| section.name().unwrap())),
        (None, None),
        "{what}"
    );
    assert_eq!(bytes.len(), expected.len());
}

/// The arguments by which a compiler driver uses the lld of rustc.
fn lld() -> Vec<OsString> {
    let mut directory = OsString::from("-B");
    directory.push(programs::rust_programs().join("gcc-ld"));
    vec![directory, "-fuse-ld=lld".into()]
}

#[track_caller]
fn check(linker: &[OsString]) {
    let groups = Groups::new(linker, SECOND);
    let [old, new] = groups.linked();
    let (old_below, new_below) = (&groups.old_below, &groups.new_below);
    // There is something to do: places differ, and references are bound to them.
    assert_ne!(old_below.layout, new_below.layout);
    assert_eq!(old.layout, new.layout);
    assert!(old.bytes != new.bytes);

    let rebound = groups.rebind([&old, old_below], &new.soname, new_below);
    let Rebound { bytes, unbound } = rebound.unwrap();
    let what = format!("{linker:?}");
    let keeps_order = |linker_option: &str| linker.contains(&linker_option.into());
    if !["-fuse-ld=lld", "-fuse-ld=mold"]
        .into_iter()
        .any(keeps_order)
    {
        // GNU ld puts references, and slots for their addresses, in the order of a hash of name and
        // version, and wild 0.10 in another one too.
        let below = [new_below, &groups.base];
        assert_eq!(resolved(&bytes, &below), resolved(&new.bytes, &below));
    } else {
        check_same(&what, &bytes, &new.bytes);
        assert!(unbound == fs::read(&new.unbound).unwrap());
    }

    // The new content can be bound anew as well: to the old group, and it is as it was.
    fs::write(&new.file, &bytes).unwrap();
    fs::write(&new.unbound, &unbound).unwrap();
    assert_eq!(groups.run(&new), PRINTED);
    let rebound = groups.rebind([&new, new_below], &old.soname, old_below);
    let Rebound { bytes, unbound } = rebound.unwrap();
    assert!(bytes == old.bytes);
    assert!(unbound == fs::read(&old.unbound).unwrap());
}

#[test]
fn what_is_bound_anew_is_what_is_linked_anew() {
    with_each_linker("what_is_bound_anew_is_what_is_linked_anew", check);
}

#[test]
fn packed_relocations_stay_as_they_are() {
    let mut linker = lld();
    linker.push("-Wl,-z,pack-relative-relocs".into());
    check(&linker);
}

#[test]
fn a_symbol_that_is_not_defined_as_before_is_an_obstacle() {
    let name = |obstacle| match obstacle {
        Obstacle::Symbol(name) => name,
        other => panic!("{other:?}"),
    };
    let hide = ["plain", "plain_table", "below_local"];
    let show = ["plain_table", "below_local"];
    let second = format!("{SECOND}{BELOW}");

    let gone = second
        .replace("fn twice", "fn double")
        .replace("twice", "double");
    let groups = Groups::with(
        &[],
        ABOVE,
        (FIRST, &hide),
        (&format!("fn twice() {{}}{gone}"), &hide),
    );
    assert!(name(groups.obstacle()).contains("twice"));

    // A name of C that is shown now, or no longer.
    let groups = Groups::with(&[], ABOVE, (FIRST, &hide), (SECOND, &show));
    assert_eq!(name(groups.obstacle()), "plain");
    let groups = Groups::with(&[], ABOVE, (FIRST, &show), (SECOND, &hide));
    assert_eq!(name(groups.obstacle()), "plain");

    // A variable where there was a function.
    let variable = second.replace(
        "pub extern \"C\" fn plain() -> i32 { 5 }",
        "pub static plain: i32 = 5;",
    );
    let groups = Groups::with(&[], ABOVE, (FIRST, &hide), (&variable, &hide));
    assert_eq!(name(groups.obstacle()), "plain");

    // A symbol that nothing defined.
    let defining = format!("{SECOND}#[no_mangle] pub extern \"C\" fn above_open() -> i32 {{ 9 }}");
    let groups = Groups::new(&[], &defining);
    assert_eq!(name(groups.obstacle()), "above_open");

    // A symbol to which nothing below referred.
    let referring = format!(
        "{SECOND}extern \"C\" {{ fn above_plain() -> i32; }}
         pub fn refers() -> i32 {{ unsafe {{ above_plain() }} }}"
    );
    let groups = Groups::new(&[], &referring);
    assert_eq!(name(groups.obstacle()), "above_plain");
}

#[test]
fn a_symbol_that_is_public_before_and_after_is_none() {
    let show = ["plain_table", "below_local"];
    let groups = Groups::with(&lld(), ABOVE, (FIRST, &show), (SECOND, &show));
    let [old, new] = groups.linked();
    let rebound = groups.rebind([&old, &groups.old_below], &new.soname, &groups.new_below);
    let rebound = rebound.unwrap();
    check_same("public", &rebound.bytes, &new.bytes);
}

#[test]
fn a_name_that_cannot_be_replaced_is_an_obstacle() {
    let groups = Groups::new(&[], SECOND);
    let [old, new] = groups.linked();
    let below = groups.old_below.below_to(&groups.new_below);
    let base = groups.base.below_to(&groups.base);
    let soname = old.soname_to(&new);
    let check = |soname: Renamed<'_>, below: Below<'_>, name: &str| {
        let rebound = groups.rebind_with(&old, soname, &[below, base]);
        assert_eq!(obstacle(rebound), Obstacle::Name(name.to_owned()));
    };
    let longer = "above-00000000000000002.so";
    let renamed = Renamed {
        new: longer,
        ..soname
    };
    check(renamed, below, longer);
    let foreign = "other-0000000000000001.so";
    let renamed = Renamed {
        old: foreign,
        ..soname
    };
    check(renamed, below, foreign);
    let renamed = Renamed {
        old: foreign,
        ..below.soname
    };
    let other = Below {
        soname: renamed,
        ..below
    };
    check(soname, other, foreign);
    let layout = below.layout.unwrap();
    let renamed = Renamed {
        old: layout.new,
        ..layout
    };
    let other = Below {
        layout: Some(renamed),
        ..below
    };
    check(soname, other, layout.old);
    // The bytes are those of another layout than is said.
    let renamed = Renamed {
        new: layout.old,
        ..layout
    };
    let other = Below {
        layout: Some(renamed),
        ..below
    };
    check(soname, other, layout.old);
    // Not all groups are told.
    let rebound = groups.rebind_with(&old, soname, &[base]);
    assert_eq!(obstacle(rebound), Obstacle::Name(layout.old.to_owned()));
}

/// GNU ld lets a string be the end of a longer one.
#[test]
fn a_name_that_is_a_part_of_another_string_is_an_obstacle() {
    let prefixed = "_below-0000000000000001.so";
    for (symbol, old) in [
        (prefixed, "below-0000000000000001.so"),
        ("ve-0000000000000001.so", "above-0000000000000001.so"),
        ("below-0000000000000001.so", "below-0000000000000001.so"),
    ] {
        let above = format!("{ABOVE}#[export_name = \"{symbol}\"] pub static STRING: i32 = 1;");
        let hide = ["plain", "plain_table", "below_local"];
        let linker = ["-fuse-ld=bfd".into()];
        let groups = Groups::with(&linker, &above, (FIRST, &hide), (SECOND, &hide));
        println!("{symbol}");
        assert_eq!(groups.obstacle(), Obstacle::Name(old.to_owned()));
    }
}

#[test]
fn what_is_kept_of_another_file_is_an_obstacle() {
    let groups = Groups::new(&[], SECOND);
    let [old, new] = groups.linked();
    let check = |expected: fn(&Obstacle) -> bool| {
        let rebound = groups.rebind([&old, &groups.old_below], &new.soname, &groups.new_below);
        let obstacle = obstacle(rebound);
        assert!(expected(&obstacle), "{obstacle:?}");
    };
    let is_of_another = |obstacle: &Obstacle| *obstacle == Obstacle::OtherFile;
    let is_unreadable = |obstacle: &Obstacle| matches!(obstacle, Obstacle::Unreadable(_));
    let kept = fs::read(&old.unbound).unwrap();
    fs::copy(&new.unbound, &old.unbound).unwrap();
    check(is_of_another);
    let mut damaged = kept.clone();
    let last = damaged.len() - 1;
    // The offset of the first piece.
    damaged[60] ^= 1;
    fs::write(&old.unbound, &damaged).unwrap();
    check(is_of_another);
    fs::write(&old.unbound, &kept[..last]).unwrap();
    check(is_unreadable);
    fs::remove_file(&old.unbound).unwrap();
    check(is_unreadable);
    fs::write(&old.unbound, &kept).unwrap();
    let linked = fs::read(&old.file).unwrap();
    fs::write(&old.file, &linked[..linked.len() - 1]).unwrap();
    check(is_of_another);
    fs::write(&old.file, "no object").unwrap();
    check(|obstacle| *obstacle == Obstacle::NotBound);
    fs::remove_file(&old.file).unwrap();
    check(is_unreadable);
}
