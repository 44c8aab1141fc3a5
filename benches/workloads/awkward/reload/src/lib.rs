//! What is loaded again while the program runs. It has a std, an allocator and statics of its own.

use std::cell::Cell;
use std::panic;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use regex::Regex;

/// Kept by the program.
#[derive(Debug, Default)]
pub struct State {
    /// Calls of all libraries.
    pub calls: u32,
    /// Calls of the library that was called last.
    pub calls_of_library: u32,
}

static CALLS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static CALLS_OF_THREAD: Cell<u32> = const { Cell::new(0) };
}

/// Goes one step.
#[unsafe(no_mangle)]
pub fn step(state: &mut State) -> usize {
    state.calls += 1;
    state.calls_of_library = CALLS.fetch_add(1, SeqCst) + 1;
    CALLS_OF_THREAD.set(CALLS_OF_THREAD.get() + 1);
    let words = Regex::new(r"\b\w+\b").expect("a regular expression");
    let text = format!("{} and {}", state.calls_of_library, CALLS_OF_THREAD.get());
    let caught = panic::catch_unwind(|| panic::resume_unwind(Box::new(7_u32)));
    let caught = caught.is_err_and(|payload| payload.downcast_ref() == Some(&7_u32));
    words.find_iter(&text).count() + usize::from(caught)
}
