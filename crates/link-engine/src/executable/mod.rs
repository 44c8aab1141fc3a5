//! The linker wrapper.

pub mod loaded;
pub mod wrapper;
