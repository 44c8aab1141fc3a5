// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! The crate `service-lime` and all below it.

mod record;
mod stack;

use base_shape::Part;

/// What this crate adds to a score.
const OWN: u64 = 102;

/// This crate, for those above it.
pub struct Component;

impl Component {
    /// Name of the crate.
    pub const NAME: &'static str = "service-lime";
}

/// Adds up what this crate and all below it add, each as often as it is reached, and `number` as often.
///
/// ```
/// assert_eq!(service_lime::score(61), 4444);
/// ```
pub fn score(number: u64) -> u64 {
    base_tally::visit(Component::NAME);
    let mut number = number;
    number = record::carry(number);
    number = stack::carry(number);
    let mut score = OWN + number;
    score += model_olive::score(number);
    score += store_plum::score(number);
    score += store_juniper::score(number);
    score
}

impl Part for Component {
    fn name(&self) -> &'static str {
        Component::NAME
    }

    fn parts(&self) -> Vec<Box<dyn Part>> {
        vec![
            Box::new(model_olive::Component),
            Box::new(store_plum::Component),
            Box::new(store_juniper::Component),
        ]
    }
}

#[cfg(test)]
mod tests {
    use base_testkit::Expected;

    use super::*;

    const EXPECTED: Expected = Expected {
        score: 4444,
        visits: 8,
        crates: 8,
    };

    #[test]
    fn score_is_that_of_all_crates() {
        base_testkit::check(score, 61, &EXPECTED);
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
    #[should_panic(expected = "61 is refused")]
    fn a_panic_comes_through() {
        base_tally::refuse(61);
    }
}
