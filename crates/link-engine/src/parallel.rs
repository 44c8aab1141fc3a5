//! Threads for work of a few milliseconds on the way of a link.

use std::panic::resume_unwind;
use std::thread::{self, Builder};

/// Does something with each item, each in a thread of its own but for the last; the results are
/// in the order of the items. What the system gives no thread for is done without one: a link
/// does not fail for that.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let Some((last, others)) = items.split_last() else {
        return Vec::new();
    };
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = others
            .iter()
            .map(|item| (item, Builder::new().spawn_scoped(scope, || work(item))))
            .collect();
        let of_last = work(last);
        let mut results: Vec<R> = threads
            .into_iter()
            .map(|(item, thread)| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => work(item),
            })
            .collect();
        results.push(of_last);
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..20).collect();
        assert_eq!(
            map(&items, |item| item * 2),
            (0..40).step_by(2).collect::<Vec<_>>()
        );
        assert!(map(&[], |item: &usize| *item).is_empty());
    }

    #[test]
    #[should_panic(expected = "of the first")]
    fn a_panic_is_passed_on() {
        map(&["first", "second"], |item| {
            assert_ne!(*item, "first", "of the first")
        });
    }
}
