// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! The crate `api-cedar` and all below it.

mod bag;
mod words;

use base_shape::Part;

/// What this crate adds to a score.
const OWN: u64 = 194;

/// This crate, for those above it.
pub struct Component;

impl Component {
    /// Name of the crate.
    pub const NAME: &'static str = "api-cedar";
}

/// Adds up what this crate and all below it add, each as often as it is reached, and `number` as often.
///
/// ```
/// assert_eq!(api_cedar::score(40), 15726);
/// ```
pub fn score(number: u64) -> u64 {
    base_tally::visit(Component::NAME);
    let mut number = number;
    number = bag::carry(number);
    number = words::carry(number);
    let mut score = OWN + number;
    score += store_linden::score(number);
    score += service_pear::score(number);
    score += service_box::score(number);
    score += service_larch::score(number);
    score
}

impl Part for Component {
    fn name(&self) -> &'static str {
        Component::NAME
    }

    fn parts(&self) -> Vec<Box<dyn Part>> {
        vec![
            Box::new(store_linden::Component),
            Box::new(service_pear::Component),
            Box::new(service_box::Component),
            Box::new(service_larch::Component),
        ]
    }
}

#[cfg(test)]
mod tests {
    use base_testkit::Expected;

    use super::*;

    const EXPECTED: Expected = Expected {
        score: 15726,
        visits: 26,
        crates: 19,
    };

    #[test]
    fn score_is_that_of_all_crates() {
        base_testkit::check(score, 40, &EXPECTED);
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
    #[should_panic(expected = "40 is refused")]
    fn a_panic_comes_through() {
        base_tally::refuse(40);
    }
}
