//! The guide lists the messages about links, in their own words.

use std::fs;
use std::path::Path;

use link_engine::for_tests::{Definer, Unfit};
use link_engine::record::StayReason;

/// A text with `…` in the place of what is quoted in it.
fn without_values(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let parts = line.split('`').enumerate();
        let parts = parts.map(|(index, part)| if index % 2 == 0 { part } else { "`…`" });
        parts.collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../src/doc/src/guide/dynamic-deps-messages.md");
    without_values(&fs::read_to_string(path).unwrap())
}

/// One of each variant. With a missing variant, `position` does not compile.
fn unfits() -> Vec<Unfit> {
    let text = String::new;
    let definer = || Definer::Member("a v1.0.0".to_owned());
    vec![
        Unfit::ChangedRlib { rlib: text() },
        Unfit::NoMember,
        Unfit::Clash {
            symbol: text(),
            one: definer(),
            other: definer(),
        },
        Unfit::Rebound { link_arg: text() },
        Unfit::Scripted { link_arg: text() },
        Unfit::Shown { link_arg: text() },
        Unfit::Unmarked {
            symbol: text(),
            definer: definer(),
        },
        Unfit::ByDistance { symbol: text() },
        Unfit::Unseen {
            symbol: text(),
            definer: definer(),
            user: "…".to_owned(),
        },
        Unfit::Called {
            symbol: text(),
            definer: definer(),
            link_arg: text(),
        },
        Unfit::OfTheExecutable {
            symbol: text(),
            definer: definer(),
        },
        Unfit::WeakReference {
            symbol: text(),
            definer: definer(),
            user: definer(),
        },
        Unfit::OlderVersion {
            symbol: text(),
            library: text(),
            users: Vec::new(),
        },
        Unfit::OpensLibraries {
            users: vec!["a v1.0.0".to_owned()],
        },
        Unfit::OtherSysroot { rlib: text() },
        Unfit::NoStd,
    ]
}

fn position(unfit: &Unfit) -> usize {
    match unfit {
        Unfit::ChangedRlib { .. } => 0,
        Unfit::NoMember => 1,
        Unfit::Clash { .. } => 2,
        Unfit::Rebound { .. } => 3,
        Unfit::Scripted { .. } => 4,
        Unfit::Shown { .. } => 5,
        Unfit::Unmarked { .. } => 6,
        Unfit::ByDistance { .. } => 7,
        Unfit::Unseen { .. } => 8,
        Unfit::Called { .. } => 9,
        Unfit::OfTheExecutable { .. } => 10,
        Unfit::WeakReference { .. } => 11,
        Unfit::OlderVersion { .. } => 12,
        Unfit::OpensLibraries { .. } => 13,
        Unfit::OtherSysroot { .. } => 14,
        Unfit::NoStd => 15,
    }
}

fn reasons() -> Vec<StayReason> {
    let text = String::new;
    vec![
        StayReason::RunsByItself,
        StayReason::LargeThreadLocals,
        StayReason::GatheredSection { section: text() },
        StayReason::LinkerDefined { symbol: text() },
        StayReason::ForeignMember { member: text() },
        StayReason::ProvidesAllocator,
        StayReason::HidesSymbols,
        StayReason::WeakDefinition { symbol: text() },
        StayReason::WeakReference {
            symbol: text(),
            library: text(),
        },
        StayReason::UndeclaredReference {
            symbol: text(),
            library: text(),
        },
        StayReason::Clash {
            symbol: text(),
            library: text(),
        },
        StayReason::Replaces { symbol: text() },
        StayReason::LinkerRefuses { words: text() },
        StayReason::Refused,
        StayReason::NotCompiled,
        StayReason::DependsOn { library: text() },
    ]
}

fn position_of_reason(reason: &StayReason) -> usize {
    match reason {
        StayReason::RunsByItself => 0,
        StayReason::LargeThreadLocals => 1,
        StayReason::GatheredSection { .. } => 2,
        StayReason::LinkerDefined { .. } => 3,
        StayReason::ForeignMember { .. } => 4,
        StayReason::ProvidesAllocator => 5,
        StayReason::HidesSymbols => 6,
        StayReason::WeakDefinition { .. } => 7,
        StayReason::WeakReference { .. } => 8,
        StayReason::UndeclaredReference { .. } => 9,
        StayReason::Clash { .. } => 10,
        StayReason::Replaces { .. } => 11,
        StayReason::LinkerRefuses { .. } => 12,
        StayReason::Refused => 13,
        StayReason::NotCompiled => 14,
        StayReason::DependsOn { .. } => 15,
    }
}

#[test]
fn reasons_against_the_dynamic_link_are_in_the_guide() {
    let guide = guide();
    for (index, unfit) in unfits().iter().enumerate() {
        assert_eq!(position(unfit), index);
        // The guide leaves out who defines a symbol.
        let row = without_values(&unfit.to_string());
        let row = row.replace("by both `…` and `…`", "by both … and …");
        let row = row.replace("is defined by `…`,", "is defined by …,");
        let row = match unfit {
            Unfit::Unmarked { .. } => row.replacen("`…`", "…", 1),
            _ => row,
        };
        assert!(guide.contains(&format!("| {row} |")), "{row}");
    }
}

#[test]
fn reasons_to_stay_are_in_the_guide() {
    let guide = guide();
    for (index, reason) in reasons().iter().enumerate() {
        assert_eq!(position_of_reason(reason), index);
        let row = without_values(&reason.to_string());
        assert!(guide.contains(&format!("| {row} |")), "{row}");
    }
}
