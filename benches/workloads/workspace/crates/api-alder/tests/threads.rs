// Made by `cargo xtask generate workspace` with the seed 3: edit the generator, not this file.

//! State of the process and of its threads.

use std::sync::atomic::Ordering;
use std::thread;

use api_alder::score;

#[test]
fn each_thread_counts_for_itself() {
    let threads = 3;
    let before = base_tally::TOTAL.load(Ordering::Relaxed);
    let visits = (0..threads).map(|number| {
        let count = move || {
            score(number);
            base_tally::visits()
        };
        thread::spawn(count).join().expect("nothing panics")
    });
    assert_eq!(visits.sum::<u64>(), threads * 16);
    let after = base_tally::TOTAL.load(Ordering::Relaxed);
    assert!(after >= before + threads * 16);
}

#[test]
fn a_panic_of_another_crate_is_caught() {
    let panic = thread::spawn(|| base_tally::refuse(24)).join();
    let payload = panic.expect_err("it panics");
    let message = payload.downcast::<String>().expect("the message is text");
    assert_eq!(*message, "24 is refused");
}
