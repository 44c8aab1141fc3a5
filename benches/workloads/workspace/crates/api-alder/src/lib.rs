// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! The crate `api-alder` and all below it.

mod crowd;
mod table;

use base_shape::Part;

/// What this crate adds to a score.
const OWN: u64 = 314;

/// This crate, for those above it.
#[derive(base_derive::Named)]
pub struct Component;

/// Adds up what this crate and all below it add, each as often as it is reached, and `number` as often.
///
/// ```
/// assert_eq!(api_alder::score(24), 8931);
/// ```
pub fn score(number: u64) -> u64 {
    base_tally::visit(Component::NAME);
    let mut number = number;
    number = crowd::carry(number);
    number = table::carry(number);
    number = base_stamp::carry(number);
    let mut score = OWN + number;
    score += model_lemon::score(number);
    score += service_hawthorn::score(number);
    score += service_box::score(number);
    score
}

impl Part for Component {
    fn name(&self) -> &'static str {
        Component::NAME
    }

    fn parts(&self) -> Vec<Box<dyn Part>> {
        vec![
            Box::new(model_lemon::Component),
            Box::new(service_hawthorn::Component),
            Box::new(service_box::Component),
        ]
    }
}

#[cfg(test)]
mod tests {
    use base_testkit::Expected;

    use super::*;

    const EXPECTED: Expected = Expected {
        score: 8931,
        visits: 16,
        crates: 15,
    };

    #[test]
    fn score_is_that_of_all_crates() {
        base_testkit::check(score, 24, &EXPECTED);
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
    #[should_panic(expected = "24 is refused")]
    fn a_panic_comes_through() {
        base_tally::refuse(24);
    }
}
