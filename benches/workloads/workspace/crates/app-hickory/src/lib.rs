// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! The crate `app-hickory` and all below it.

mod json;
mod stack;

use base_shape::Part;

/// What this crate adds to a score.
const OWN: u64 = 584;

/// This crate, for those above it.
pub struct Component;

impl Component {
    /// Name of the crate.
    pub const NAME: &'static str = "app-hickory";
}

/// Adds up what this crate and all below it add, each as often as it is reached, and `number` as often.
///
/// ```
/// assert_eq!(app_hickory::score(77), 14577);
/// ```
pub fn score(number: u64) -> u64 {
    base_tally::visit(Component::NAME);
    let mut number = number;
    number = json::carry(number);
    number = stack::carry(number);
    let mut score = OWN + number;
    score += model_holly::score(number);
    score += api_plane::score(number);
    score
}

impl Part for Component {
    fn name(&self) -> &'static str {
        Component::NAME
    }

    fn parts(&self) -> Vec<Box<dyn Part>> {
        vec![
            Box::new(model_holly::Component),
            Box::new(api_plane::Component),
        ]
    }
}

#[cfg(test)]
mod tests {
    use base_testkit::Expected;

    use super::*;

    const EXPECTED: Expected = Expected {
        score: 14577,
        visits: 21,
        crates: 14,
    };

    #[test]
    fn score_is_that_of_all_crates() {
        base_testkit::check(score, 77, &EXPECTED);
    }

    #[test]
    fn parts_are_as_many_as_visits() {
        base_testkit::check_parts(&Component, &EXPECTED);
    }

    #[test]
    fn state_is_there_once() {
        let address = base_tally::address();
        assert_eq!(address, &raw const base_tally::TOTAL as usize);
        assert_eq!(base_tally::address_for::<Component>(), (address, 0));
    }

    #[test]
    #[should_panic(expected = "77 is refused")]
    fn a_panic_comes_through() {
        base_tally::refuse(77);
    }
}
