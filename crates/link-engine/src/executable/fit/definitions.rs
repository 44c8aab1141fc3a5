//! Whether each symbol has one definition in the process.

use std::collections::HashMap;

use crate::executable::groups::Group;
use crate::executable::inputs::{Objects, Outside};
use crate::executable::unfit::{Definer, Unfit};

/// Checks that each symbol that matters beyond its own library has one definition among the groups,
/// the libraries outside of them, and the program. A static link takes the definition that it meets
/// first; shared objects would each keep their own.
pub(in crate::executable) fn check(
    groups: &[Group],
    objects: &Objects,
    outside: &[Outside],
) -> Result<(), Unfit> {
    let members = groups.iter().enumerate().flat_map(|(index, group)| {
        let members = group.object.members.iter();
        members.map(move |member| (index, member))
    });
    // Two definitions outside of groups clash as they do in a static link. So we compare only the
    // definitions in groups with all others.
    let mut in_groups: HashMap<&str, &str> = HashMap::new();
    let mut with_state = Vec::new();
    for (group, member) in members {
        let definer = Definer::Member(member.name.clone());
        for symbol in &member.unmangled_definitions {
            if let Some(other) = in_groups.insert(symbol, &member.name) {
                return Err(clash(symbol, definer, Definer::Member(other.to_owned())));
            }
        }
        if !member.shared_state.is_empty() {
            with_state.push((group, definer, &member.shared_state));
        }
    }
    let program = [(Definer::Program, &objects.shared)];
    let others = outside.iter().map(|outside| {
        let definer = Definer::Outside(outside.name.clone());
        (definer, &outside.shared)
    });
    for (definer, shared) in others.chain(program) {
        // A static link takes a weak definition for all users or for none; with groups, some would
        // get it.
        for symbol in shared.unmangled_definitions.union(&shared.weak_definitions) {
            if let Some(other) = in_groups.get(symbol.as_str()) {
                return Err(clash(symbol, definer, Definer::Member(other.to_string())));
            }
        }
        for symbol in &shared.weak_references {
            if let Some(other) = in_groups.get(symbol.as_str()) {
                return Err(Unfit::WeakReference {
                    symbol: symbol.clone(),
                    definer: Definer::Member(other.to_string()),
                    user: definer,
                });
            }
        }
        if !shared.state.is_empty() {
            with_state.push((groups.len(), definer, &shared.state));
        }
    }
    // The linker makes one variable of all definitions within one output.
    for (index, (output, definer, state)) in with_state.iter().enumerate() {
        let others = with_state[..index].iter();
        for (_, other, other_state) in others.filter(|(other, ..)| other != output) {
            if let Some(symbol) = state.divided(other_state) {
                return Err(clash(symbol, definer.clone(), other.clone()));
            }
        }
    }
    Ok(())
}

fn clash(symbol: &str, one: Definer, other: Definer) -> Unfit {
    Unfit::Clash {
        symbol: symbol.to_owned(),
        one,
        other,
    }
}
