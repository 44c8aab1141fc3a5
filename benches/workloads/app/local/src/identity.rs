//! What a program may take to exist once: a static, a thread local, a type. Each is reachable in
//! two ways, by a function that is compiled in this crate and by an item that is compiled again in
//! the crate that uses it; two copies in a process would show as a difference.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use regex::Regex;

/// Counts whatever its users like; only its address matters.
pub static COUNTER: AtomicUsize = AtomicUsize::new(0);

/// Labels of the [`DropRecorder`]s dropped so far, the earliest first.
pub static DROPS: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

thread_local! {
    /// Whatever the current thread stored last.
    pub static NOTE: RefCell<String> = const { RefCell::new(String::new()) };
    static RECORDER: DropRecorder = const { DropRecorder("workload-local") };
    static FAREWELL: Farewell = const { Farewell("workload-local") };
}

/// Adds its label to [`DROPS`] when it is dropped.
pub struct DropRecorder(pub &'static str);

impl Drop for DropRecorder {
    fn drop(&mut self) {
        DROPS.lock().expect("no recorder panics").push(self.0);
    }
}

/// Prints its label when it is dropped, which for a thread local of the main thread is at process
/// exit.
pub struct Farewell(pub &'static str);

impl Drop for Farewell {
    fn drop(&mut self) {
        println!("at process exit: thread local of {} dropped", self.0);
    }
}

/// A panic payload that no other crate defines.
#[derive(Debug, PartialEq)]
pub struct StationDown {
    /// Name of the station.
    pub station: &'static str,
}

/// Address of [`COUNTER`], as this crate's object code sees it.
#[inline(never)]
pub fn counter_address() -> usize {
    (&raw const COUNTER).addr()
}

/// Address of [`COUNTER`], as the object code of the caller's crate sees it.
#[inline(always)]
pub fn counter_address_inlined() -> usize {
    (&raw const COUNTER).addr()
}

/// Address of [`COUNTER`], as the crate sees it that first uses this function with `T`.
pub fn counter_address_instantiated<T>() -> usize {
    (&raw const COUNTER).addr()
}

/// What [`NOTE`] holds on this thread, as this crate's object code sees it.
#[inline(never)]
pub fn note() -> String {
    NOTE.with_borrow(String::clone)
}

/// Type of [`Regex`] as this crate knows it.
#[inline(never)]
pub fn regex_type() -> TypeId {
    TypeId::of::<Regex>()
}

/// A [`Regex`], or why `pattern` is none, each for the caller to downcast.
///
/// # Errors
///
/// A [`regex::Error`] on a bad pattern.
#[inline(never)]
pub fn compile(pattern: &str) -> Result<Box<dyn Any>, Box<dyn Error>> {
    Ok(Box::new(Regex::new(pattern)?))
}

/// Makes this crate's recorder on this thread, to be dropped when the thread ends.
#[inline(never)]
pub fn arm_recorder() {
    RECORDER.with(|_| ());
}

/// Makes this crate's farewell on this thread, to be dropped when the thread ends.
#[inline(never)]
pub fn arm_farewell() {
    FAREWELL.with(|_| ());
}

/// Panics with a [`StationDown`].
#[inline(never)]
pub fn panic_with_station_down() {
    std::panic::panic_any(StationDown { station: "kiruna" });
}

/// Whether this crate's std counts the current thread as panicking.
#[inline(never)]
pub fn is_panicking() -> bool {
    std::thread::panicking()
}
