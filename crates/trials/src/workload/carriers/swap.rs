//! Carries a number in a place that all threads see change at once.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

static PLACE: ArcSwapOption<String> = ArcSwapOption::const_empty();

/// Gives `number` back after it was put in place for all threads.
pub fn carry(number: u64) -> u64 {
    let text = Arc::new(number.to_string());
    PLACE.store(Some(Arc::clone(&text)));
    assert!(PLACE.load().is_some());
    text.parse().expect("the text is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_gives_the_number_back() {
        assert_eq!(carry(17), 17);
    }

    #[test]
    fn swap_gives_the_old_value() {
        let place = ArcSwapOption::from_pointee(1);
        let old = place.swap(None);
        assert_eq!(old.as_deref(), Some(&1));
        assert!(place.load().is_none());
    }
}
