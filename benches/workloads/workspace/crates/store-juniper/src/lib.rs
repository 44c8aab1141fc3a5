// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! The crate `store-juniper` and all below it.

mod buffer;
mod fault;

use base_shape::Part;

/// What this crate adds to a score.
const OWN: u64 = 842;

/// This crate, for those above it.
#[derive(base_derive::Named)]
pub struct Component;

/// Adds up what this crate and all below it add, each as often as it is reached, and `number` as often.
///
/// ```
/// assert_eq!(store_juniper::score(98), 2760);
/// ```
pub fn score(number: u64) -> u64 {
    base_tally::visit(Component::NAME);
    let mut number = number;
    number = buffer::carry(number);
    number = fault::carry(number);
    let mut score = OWN + number;
    score += model_fig::score(number);
    score += model_holly::score(number);
    score
}

impl Part for Component {
    fn name(&self) -> &'static str {
        Component::NAME
    }

    fn parts(&self) -> Vec<Box<dyn Part>> {
        vec![
            Box::new(model_fig::Component),
            Box::new(model_holly::Component),
        ]
    }
}

#[cfg(test)]
mod tests {
    use base_testkit::Expected;

    use super::*;

    const EXPECTED: Expected = Expected {
        score: 2760,
        visits: 3,
        crates: 3,
    };

    #[test]
    fn score_is_that_of_all_crates() {
        base_testkit::check(score, 98, &EXPECTED);
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
    #[should_panic(expected = "98 is refused")]
    fn a_panic_comes_through() {
        base_tally::refuse(98);
    }
}
