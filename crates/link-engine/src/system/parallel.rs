//! Threads for work of a few milliseconds during a link.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

/// Does something with each item, each in a thread of its own except the last. The results are in
/// the order of the items. If the system gives no thread for an item, this thread does its work: a
/// link must not fail for that.
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

/// Does something with each item, by so many threads, of which this one is one. The results are in
/// the order of the items. Each thread takes the next item when it has done one.
pub(crate) fn map_by<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take_items = || {
        let mut results = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(index)
        {
            results.push((index, work(item)));
        }
        results
    };
    let others = threads.min(items.len()).saturating_sub(1);
    let mut results = thread::scope(|scope| {
        // If the system gives no thread, the others do its work.
        let spawn = |_| Builder::new().spawn_scoped(scope, take_items).ok();
        let threads: Vec<_> = (0..others).filter_map(spawn).collect();
        let mut results = take_items();
        for thread in threads {
            results.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
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
        for threads in [0, 1, 3, 40] {
            assert_eq!(
                map_by(threads, &items, |item| item * 2),
                map(&items, |item| item * 2)
            );
            assert!(map_by(threads, &[], |item: &usize| *item).is_empty());
        }
    }

    #[test]
    #[should_panic(expected = "of the first")]
    fn a_panic_is_passed_on() {
        map(&["first", "second"], |item| {
            assert_ne!(*item, "first", "of the first")
        });
    }

    #[test]
    #[should_panic(expected = "of the first")]
    fn a_panic_of_any_thread_is_passed_on() {
        map_by(2, &["first", "second"], |item| {
            assert_ne!(*item, "first", "of the first")
        });
    }
}
