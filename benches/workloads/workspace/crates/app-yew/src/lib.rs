// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! The crate `app-yew` and all below it.

mod archive;
mod mail;

use base_shape::Part;

/// What this crate adds to a score.
const OWN: u64 = 436;

/// This crate, for those above it.
pub struct Component;

impl Component {
    /// Name of the crate.
    pub const NAME: &'static str = "app-yew";
}

/// Adds up what this crate and all below it add, each as often as it is reached, and `number` as often.
///
/// ```
/// assert_eq!(app_yew::score(99), 29371);
/// ```
pub fn score(number: u64) -> u64 {
    base_tally::visit(Component::NAME);
    let mut number = number;
    number = archive::carry(number);
    number = mail::carry(number);
    let mut score = OWN + number;
    score += model_hazel::score(number);
    score += api_apple::score(number);
    score += api_ebony::score(number);
    score
}

impl Part for Component {
    fn name(&self) -> &'static str {
        Component::NAME
    }

    fn parts(&self) -> Vec<Box<dyn Part>> {
        vec![
            Box::new(model_hazel::Component),
            Box::new(api_apple::Component),
            Box::new(api_ebony::Component),
        ]
    }
}

#[cfg(test)]
mod tests {
    use base_testkit::Expected;

    use super::*;

    const EXPECTED: Expected = Expected {
        score: 29371,
        visits: 44,
        crates: 23,
    };

    #[test]
    fn score_is_that_of_all_crates() {
        base_testkit::check(score, 99, &EXPECTED);
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
    #[should_panic(expected = "99 is refused")]
    fn a_panic_comes_through() {
        base_tally::refuse(99);
    }
}
