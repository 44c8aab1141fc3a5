//! Tests: which libraries stay, and for which reason.

use super::*;
use crate::rlib::Constructor;

fn plain() -> RlibFacts {
    RlibFacts::default()
}

fn with_constructor() -> RlibFacts {
    RlibFacts {
        runs_by_itself: true,
        ..RlibFacts::default()
    }
}

fn state(hidden: &[&str], visible: &[&str]) -> SharedState {
    let names = |symbols: &[&str]| symbols.iter().map(|symbol| symbol.to_string()).collect();
    SharedState {
        hidden: names(hidden),
        visible: names(visible),
    }
}

/// A library of a lower group, which defines `symbol`.
fn member_below(name: &str, symbol: &str) -> Member {
    Member {
        name: name.to_owned(),
        rlib: name.to_owned(),
        hash: String::new(),
        dependencies: Vec::new(),
        protected_symbols: 0,
        unmangled_definitions: [symbol.to_owned()].into(),
        shared_state: SharedState::default(),
        constructors: Vec::new(),
    }
}

/// `libraries`: name, facts, dependencies; the facts are about an archive that executables link if
/// the name begins with `beside`. Expected: one `name: reason` a line.
#[track_caller]
fn check(libraries: &[(&str, RlibFacts, &[&str])], below: &[&str], expected: &str) {
    let dependencies: Vec<Vec<String>> = libraries
        .iter()
        .map(|(_, _, dependencies)| dependencies.iter().map(|d| d.to_string()).collect())
        .collect();
    let none = plain();
    let candidates: Vec<_> = libraries
        .iter()
        .zip(&dependencies)
        .map(|((name, facts, _), dependencies)| {
            let is_beside = name.starts_with("beside");
            Candidate {
                rlib: name,
                name,
                dependencies,
                facts: if is_beside { &none } else { facts },
                unbundled: is_beside.then_some(facts).into_iter().collect(),
                has_layout: !name.starts_with("shown"),
                hides_symbols: !facts.hidden_definitions.is_empty(),
                refusal: (*name == "unfit").then_some("cannot be used"),
            }
        })
        .collect();
    let stays = below.iter().map(|name| Stay {
        name: name.to_string(),
        rlib: name.to_string(),
        hash: String::new(),
        reason: StayReason::RunsByItself,
        shared_state: state(&[name], &[]),
    });
    let stays: Vec<Stay> = stays.collect();
    let actual: String = verdicts(
        &candidates,
        &stays,
        &[
            &member_below("below", "deep"),
            &member_below("carried", "now"),
        ],
        &["below"].into(),
        &["rand".to_owned()].into(),
    )
    .into_iter()
    .zip(libraries)
    .filter_map(|(verdict, (name, _, _))| Some(format!("{name}: {}\n", verdict?)))
    .collect();
    assert_eq!(actual, expected);
}

#[test]
fn plain_libraries_are_members() {
    check(&[("a", plain(), &["b"]), ("b", plain(), &[])], &[], "");
}

#[test]
fn what_depends_on_a_stayer_stays() {
    check(
        &[
            ("top", plain(), &["middle", "other"]),
            ("middle", plain(), &["base"]),
            ("base", with_constructor(), &["below"]),
            ("below", plain(), &[]),
            ("other", plain(), &["below"]),
        ],
        &[],
        "top: it depends on `middle`, which stays\n\
         middle: it depends on `base`, which stays\n\
         base: it has code that runs before or after `main`\n",
    );
}

#[test]
fn a_stayer_of_a_lower_group_counts() {
    check(
        &[("a", plain(), &["low"]), ("b", plain(), &[])],
        &["low"],
        "a: it depends on `low`, which stays\n",
    );
}

#[test]
fn each_own_reason_is_told() {
    let linkme = RlibFacts {
        gathered_sections: ["linkme_ROUTES".to_owned()].into(),
        ..RlibFacts::default()
    };
    let bitcode = RlibFacts {
        foreign_member: Some("a.bc".to_owned()),
        ..RlibFacts::default()
    };
    check(
        &[("linkme", linkme, &[]), ("lto", bitcode, &[])],
        &[],
        "linkme: it adds to the section `linkme_ROUTES`, which the linker gathers\n\
         lto: its archive member `a.bc` is no ELF object\n",
    );
}

#[test]
fn what_names_a_symbol_of_the_linker_stays() {
    let names = |symbols: &[&str]| symbols.iter().map(|symbol| symbol.to_string()).collect();
    let refers = |strong: &[&str], weak: &[&str]| RlibFacts {
        unmangled_references: names(strong),
        weak_references: names(weak),
        ..RlibFacts::default()
    };
    let defines_end = RlibFacts {
        unmangled_definitions: names(&["end"]),
        ..RlibFacts::default()
    };
    check(
        &[
            ("image", refers(&["__ehdr_start", "memcpy"], &[]), &[]),
            ("slices", refers(&[], &["__start_slices"]), &[]),
            ("above", plain(), &["image"]),
            ("text", refers(&["end"], &[]), &["own"]),
            ("own", defines_end, &[]),
        ],
        &[],
        "image: it asks for `__ehdr_start`, which the linker defines for each output\n\
         slices: it asks for `__start_slices`, which the linker defines for each output\n\
         above: it depends on `image`, which stays\n",
    );
}

#[test]
fn what_defines_the_same_symbol_stays() {
    let defines = |symbols: &[&str]| RlibFacts {
        unmangled_definitions: symbols.iter().map(|symbol| symbol.to_string()).collect(),
        ..RlibFacts::default()
    };
    check(
        &[
            ("one", defines(&["a", "zlib_init"]), &[]),
            ("other", defines(&["b", "zlib_init"]), &[]),
            ("third", defines(&["c"]), &["one"]),
            ("fourth", defines(&["d"]), &[]),
        ],
        &[],
        "one: it defines `zlib_init`, as `other` does\n\
         other: it defines `zlib_init`, as `one` does\n\
         third: it depends on `one`, which stays\n",
    );
}

#[test]
fn what_the_program_decides_stays_with_it() {
    let allocator = RlibFacts {
        provides_allocator: true,
        ..RlibFacts::default()
    };
    let weak = RlibFacts {
        weak_definition: Some("hook".to_owned()),
        ..RlibFacts::default()
    };
    check(
        &[("mimalloc", allocator, &[]), ("hooked", weak, &[])],
        &[],
        "mimalloc: it provides the global allocator\n\
         hooked: it defines `hook` unless the program does\n",
    );
}

#[test]
fn what_executables_link_counts() {
    let names = |symbols: &[&str]| symbols.iter().map(|symbol| symbol.to_string()).collect();
    let gathers = RlibFacts {
        gathered_sections: names(&["routes"]),
        ..RlibFacts::default()
    };
    let of_itself = RlibFacts {
        weak_references_to_itself: names(&["hook"]),
        ..RlibFacts::default()
    };
    let other = RlibFacts {
        unmangled_definitions: names(&["own", "shared"]),
        unmangled_references: names(&["end"]),
        ..RlibFacts::default()
    };
    check(
        &[
            ("beside_starts", with_constructor(), &[]),
            ("beside_gathers", gathers, &[]),
            ("beside_itself", of_itself, &[]),
            // The archive is in the executable both ways.
            ("beside_one", other.clone(), &[]),
            ("beside_two", other, &[]),
            ("above", plain(), &["beside_starts", "beside_one"]),
        ],
        &[],
        "beside_starts: it has code that runs before or after `main`\n\
         beside_gathers: it adds to the section `routes`, which the linker gathers\n\
         beside_itself: a weak reference to `hook` joins it with `beside_itself`, and a static link \
         may leave that open\n\
         above: it depends on `beside_starts`, which stays\n",
    );
}

#[test]
fn constructors_stay_where_nobody_can_run_them() {
    let constructors = || RlibFacts {
        constructors: vec![Constructor {
            section: ".init_array".to_owned(),
            entry: "ENTRY".to_owned(),
        }],
        ..RlibFacts::default()
    };
    check(
        &[
            ("shown", constructors(), &[]),
            ("hidden", constructors(), &[]),
            ("beside", constructors(), &[]),
        ],
        &[],
        "shown: it has code that runs before or after `main`\n\
         beside: it has code that runs before or after `main`\n",
    );
}

#[test]
fn what_hides_symbols_stays_where_all_are_shown() {
    let hides = || RlibFacts {
        hidden_definitions: vec![8],
        ..RlibFacts::default()
    };
    check(
        &[
            ("shown", hides(), &[]),
            ("hidden", hides(), &[]),
            ("shown plain", plain(), &[]),
        ],
        &[],
        "shown: what the program loads would see symbols that it hides\n",
    );
}

#[test]
fn what_the_linker_refuses_stays() {
    check(
        &[
            ("above", plain(), &["unfit"]),
            ("unfit", plain(), &[]),
            ("other", plain(), &[]),
        ],
        &[],
        "above: it depends on `unfit`, which stays\n\
         unfit: the linker makes no shared object with it\n",
    );
}

#[test]
fn what_replaces_the_platform_stays() {
    let defines = |symbol: &str| RlibFacts {
        unmangled_definitions: [symbol.to_owned()].into(),
        ..RlibFacts::default()
    };
    check(
        &[("one", defines("rand"), &[]), ("other", defines("c"), &[])],
        &[],
        "one: it defines `rand`, as the platform does\n",
    );
}

#[test]
fn what_shares_a_hidden_variable_with_a_stayer_stays() {
    let shares = |hidden: &[&str], visible: &[&str]| RlibFacts {
        shared_state: state(hidden, visible),
        ..RlibFacts::default()
    };
    let starts = RlibFacts {
        shared_state: state(&["count"], &["total", "other"]),
        ..with_constructor()
    };
    check(
        &[
            ("starts", starts, &[]),
            ("hidden", shares(&["count"], &["next"]), &[]),
            ("mixed", shares(&["total"], &[]), &[]),
            ("visible", shares(&[], &["other"]), &[]),
            ("follows", shares(&["next"], &[]), &[]),
            ("under", shares(&[], &["low"]), &[]),
            ("alone", shares(&["own"], &[]), &[]),
        ],
        &["low"],
        "starts: it has code that runs before or after `main`\n\
         hidden: it defines `count`, as `starts` does\n\
         mixed: it defines `total`, as `starts` does\n\
         follows: it defines `next`, as `hidden` does\n\
         under: it defines `low`, as `low` does\n",
    );
}

#[test]
fn a_weak_reference_keeps_who_defines_the_symbol() {
    let names = |symbol: &str| [symbol.to_owned()].into();
    let asks = |symbol| RlibFacts {
        weak_references: names(symbol),
        ..RlibFacts::default()
    };
    let defines = RlibFacts {
        unmangled_definitions: names("hook"),
        ..RlibFacts::default()
    };
    let of_itself = RlibFacts {
        weak_references_to_itself: names("own"),
        ..RlibFacts::default()
    };
    check(
        &[
            ("asks", asks("hook"), &[]),
            ("defines", defines, &[]),
            ("above", plain(), &["defines"]),
            ("alone", asks("nowhere"), &[]),
            ("both", of_itself, &[]),
            ("over", asks("deep"), &[]),
        ],
        &[],
        "defines: a weak reference to `hook` joins it with `asks`, and a static link may leave that \
         open\n\
         above: it depends on `defines`, which stays\n\
         both: a weak reference to `own` joins it with `both`, and a static link may leave that open\n\
         over: a weak reference to `deep` joins it with `below`, and a static link may leave that \
         open\n",
    );
}

#[test]
fn a_reference_to_a_library_that_is_no_dependency_keeps_who_refers() {
    let names = |symbol: &str| [symbol.to_owned()].into();
    let refers = |symbol| RlibFacts {
        unmangled_references: names(symbol),
        ..RlibFacts::default()
    };
    let defines = |symbol| RlibFacts {
        unmangled_definitions: names(symbol),
        ..RlibFacts::default()
    };
    check(
        &[
            ("above", plain(), &["asks"]),
            ("asks", refers("now"), &[]),
            ("mock", defines("now"), &[]),
            ("declares", refers("now"), &["between"]),
            ("between", plain(), &["mock"]),
            ("asks-below", refers("deep"), &["mock"]),
            ("declares-below", refers("deep"), &["below"]),
            ("of-the-platform", refers("rand"), &[]),
            ("replaces", defines("rand"), &[]),
        ],
        &[],
        "above: it depends on `asks`, which stays\n\
         asks: it refers to `now` of `mock`, on which it does not depend\n\
         asks-below: it refers to `deep` of `below`, on which it does not depend\n\
         replaces: it defines `rand`, as the platform does\n",
    );
}
