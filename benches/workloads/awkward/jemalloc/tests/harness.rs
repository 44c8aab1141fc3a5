//! The test harness has the allocator of the library that it names.

use awkward_jemalloc::is_allocated_here;

#[test]
fn std_has_it_too() {
    let directory = std::env::current_dir().expect("a current directory");
    assert!(is_allocated_here(directory.as_os_str()));
}

#[test]
#[should_panic(expected = "of a panic")]
fn a_payload_is_freed_where_it_was_allocated() {
    std::panic::panic_any(String::from("of a panic"));
}
