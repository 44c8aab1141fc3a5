// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! The crate `app-ash` and all below it.

mod queue;
mod record;

use base_shape::Part;

/// What this crate adds to a score.
const OWN: u64 = 273;

/// This crate, for those above it.
#[derive(base_derive::Named)]
pub struct Component;

/// Adds up what this crate and all below it add, each as often as it is reached, and `number` as often.
///
/// ```
/// assert_eq!(app_ash::score(68), 31023);
/// ```
pub fn score(number: u64) -> u64 {
    base_tally::visit(Component::NAME);
    let mut number = number;
    number = queue::carry(number);
    number = record::carry(number);
    let mut score = OWN + number;
    score += service_chestnut::score(number);
    score += api_aspen::score(number);
    score += api_alder::score(number);
    score
}

impl Part for Component {
    fn name(&self) -> &'static str {
        Component::NAME
    }

    fn parts(&self) -> Vec<Box<dyn Part>> {
        vec![
            Box::new(service_chestnut::Component),
            Box::new(api_aspen::Component),
            Box::new(api_alder::Component),
        ]
    }
}

#[cfg(test)]
mod tests {
    use base_testkit::Expected;

    use super::*;

    const EXPECTED: Expected = Expected {
        score: 31023,
        visits: 51,
        crates: 28,
    };

    #[test]
    fn score_is_that_of_all_crates() {
        base_testkit::check(score, 68, &EXPECTED);
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
    #[should_panic(expected = "68 is refused")]
    fn a_panic_comes_through() {
        base_tally::refuse(68);
    }
}
