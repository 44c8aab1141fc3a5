//! Checks that the tests of other crates share.

use base_shape::Part;

/// What a crate must come to.
#[derive(Clone, Debug)]
pub struct Expected {
    /// What the score of a number is.
    pub score: u64,
    /// How often crates are visited on the way.
    pub visits: u64,
    /// How many crates are visited.
    pub crates: usize,
}

/// Checks the score of `number` and the visits on the way.
#[track_caller]
pub fn check(score: fn(u64) -> u64, number: u64, expected: &Expected) {
    base_tally::reset();
    assert_eq!(score(number), expected.score);
    assert_eq!(base_tally::visits(), expected.visits);
    assert_eq!(base_tally::names().len(), expected.crates);
}

/// Checks the same without a visit, by the parts of a crate.
#[track_caller]
pub fn check_parts(part: &dyn Part, expected: &Expected) {
    assert_eq!(part.weight(), expected.visits);
    let (names, types) = base_shape::reached(part);
    assert_eq!((names, types), (expected.crates, expected.crates));
}

/// Visits once, in the tally that this crate uses.
pub fn visit_once() {
    base_tally::visit("base-testkit");
}

/// Where the total of the tally lies that this crate uses.
pub fn address_of_total() -> usize {
    base_tally::address()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_is_seen() {
        base_tally::reset();
        visit_once();
        assert_eq!(base_tally::visits(), 1);
        assert_eq!(address_of_total(), base_tally::address_for::<()>().0);
    }

    #[test]
    #[should_panic]
    fn a_wrong_score_is_found() {
        let expected = Expected {
            score: 2,
            visits: 0,
            crates: 0,
        };
        check(|number| number, 1, &expected);
    }
}
