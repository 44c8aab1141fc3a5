//! Which allocations lie in mimalloc's heap, asked of mimalloc itself.

use std::thread;

use rayon::prelude::*;
use regex::Regex;

/// Allocations made in different crates and on different threads; each with whether it lies in
/// mimalloc's heap. All of Rust must, SQLite's own and the stack must not.
pub(crate) fn ownership() -> Vec<(&'static str, bool)> {
    let boxed = Box::new(1_u64);
    let from_std = std::env::args().next().unwrap_or_default();
    let from_regex = Regex::new("k").map(|pattern| pattern.replace("kiruna", "K").into_owned());
    let from_rayon: Vec<String> = (0..100)
        .into_par_iter()
        .map(|n: u32| n.to_string())
        .collect();
    let from_thread = thread::spawn(|| "kiruna".repeat(1000))
        .join()
        .unwrap_or_default();
    let from_serde = serde_json::from_str::<Vec<String>>(r#"["kiruna"]"#).unwrap_or_default();
    let on_stack = 1_u64;
    vec![
        ("box", is_in_heap(&*boxed)),
        ("string of std", is_in_heap(from_std.as_ptr())),
        (
            "string of regex",
            from_regex.is_ok_and(|text| is_in_heap(text.as_ptr())),
        ),
        (
            "strings of rayon",
            from_rayon.iter().all(|text| is_in_heap(text.as_ptr())),
        ),
        ("string of another thread", is_in_heap(from_thread.as_ptr())),
        (
            "string of serde_json",
            from_serde.iter().all(|text| is_in_heap(text.as_ptr())),
        ),
        ("memory of SQLite", is_sqlite_memory_in_heap()),
        ("stack", is_in_heap(&on_stack)),
    ]
}

#[expect(unsafe_code, reason = "mimalloc offers the question in C only")]
fn is_in_heap<T>(address: *const T) -> bool {
    // SAFETY: mimalloc compares the address with its own regions and reads nothing there.
    unsafe { libmimalloc_sys::mi_is_in_heap_region(address.cast()) }
}

/// SQLite takes memory from the C library, which mimalloc replaces only when asked to.
#[expect(
    unsafe_code,
    reason = "rusqlite gives access to SQLite's memory in C only"
)]
fn is_sqlite_memory_in_heap() -> bool {
    // SAFETY: SQLite allows this call at any time; a null pointer lies in no heap and may be freed.
    let memory = unsafe { rusqlite::ffi::sqlite3_malloc(64) };
    let owned = is_in_heap(memory);
    // SAFETY: `memory` was returned by `sqlite3_malloc` above and is freed once.
    unsafe { rusqlite::ffi::sqlite3_free(memory) };
    owned
}
