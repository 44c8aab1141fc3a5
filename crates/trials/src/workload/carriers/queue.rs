//! Carries a number from one thread to another.

use std::thread;

/// Gives `number` back after another thread had it.
pub fn carry(number: u64) -> u64 {
    let (there, arrived) = crossbeam_channel::bounded(1);
    let (back, returned) = crossbeam_channel::bounded(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            for number in arrived {
                back.send(number).expect("someone waits");
            }
        });
        there.send(number).expect("the thread runs");
        drop(there);
        returned.recv().expect("the thread sends it back")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_gives_the_number_back() {
        assert_eq!(carry(31), 31);
    }

    #[test]
    fn queue_ends_with_its_senders() {
        let (sender, receiver) = crossbeam_channel::unbounded::<u8>();
        drop(sender);
        assert!(receiver.recv().is_err());
    }
}
