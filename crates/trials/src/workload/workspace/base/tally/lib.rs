//! Counts visits, in state of which there is one in the process or one in each thread.
//!
//! If a link put two copies of this crate in one process, the numbers would not add up.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// Visits in all threads. Public, so that other crates refer to the static itself.
pub static TOTAL: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static VISITS: Cell<u64> = const { Cell::new(0) };
    static NAMES: RefCell<BTreeSet<&'static str>> = RefCell::default();
}

/// Counts a visit to the crate `name`.
pub fn visit(name: &'static str) {
    TOTAL.fetch_add(1, Ordering::Relaxed);
    VISITS.set(VISITS.get() + 1);
    NAMES.with_borrow_mut(|names| names.insert(name));
}

/// Visits in this thread since [`reset`]. Inlined, so that other crates read the variable of the thread themselves.
///
/// ```
/// base_tally::visit("one");
/// base_tally::visit("one");
/// assert_eq!(base_tally::visits(), 2);
/// assert_eq!(base_tally::names(), ["one"]);
/// ```
#[inline(always)]
pub fn visits() -> u64 {
    VISITS.get()
}

/// The crates that were visited in this thread since [`reset`], in alphabetical order.
pub fn names() -> Vec<&'static str> {
    NAMES.with_borrow(|names| names.iter().copied().collect())
}

/// Forgets the visits in this thread.
pub fn reset() {
    VISITS.set(0);
    NAMES.take();
}

/// Where [`TOTAL`] lies, as this crate sees it.
#[inline(never)]
pub fn address() -> usize {
    &raw const TOTAL as usize
}

/// The same, as the crate sees it that asks: a generic function is compiled there.
pub fn address_for<T>() -> (usize, usize) {
    (&raw const TOTAL as usize, size_of::<T>())
}

/// Panics.
///
/// ```should_panic
/// base_tally::refuse(3);
/// ```
pub fn refuse(number: u64) -> ! {
    panic!("{number} is refused")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_are_counted() {
        reset();
        visit("two");
        visit("one");
        visit("two");
        assert_eq!(visits(), 3);
        assert_eq!(names(), ["one", "two"]);
        assert_eq!(address_for::<u64>(), (address(), 8));
    }

    #[test]
    fn the_library_of_the_test_kit_is_another_crate() {
        reset();
        base_testkit::visit_once();
        assert_eq!(visits(), 0);
        assert_ne!(address(), base_testkit::address_of_total());
    }

    #[test]
    #[should_panic(expected = "3 is refused")]
    fn refusal_is_a_panic() {
        refuse(3);
    }
}
