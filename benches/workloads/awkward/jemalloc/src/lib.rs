//! An allocator in C, chosen by a library: jemalloc.

use std::ffi::{c_uint, c_void};
use std::ptr::null_mut;

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Whether jemalloc allocated what lies at this address.
pub fn is_allocated_here<T: ?Sized>(value: &T) -> bool {
    let mut address = (&raw const *value).cast::<c_void>();
    let mut arena: c_uint = 0;
    let mut length = size_of_val(&arena);
    // SAFETY: the documentation of `arenas.lookup`: an unsigned number out, a pointer in; a
    // pointer of another allocator is an error.
    let error = unsafe {
        tikv_jemalloc_sys::mallctl(
            c"arenas.lookup".as_ptr(),
            (&raw mut arena).cast(),
            &raw mut length,
            (&raw mut address).cast(),
            size_of_val(&address),
        )
    };
    error == 0
}

/// Whether the loader found the `malloc` of the C library and not one of jemalloc, which has a prefix.
pub fn is_prefixed() -> bool {
    // SAFETY: what is allocated is freed by the same allocator.
    unsafe {
        let pointer = tikv_jemalloc_sys::malloc(10);
        assert!(pointer != null_mut());
        let is_here = is_allocated_here(&*pointer.cast::<u8>());
        tikv_jemalloc_sys::free(pointer);
        is_here
    }
}
