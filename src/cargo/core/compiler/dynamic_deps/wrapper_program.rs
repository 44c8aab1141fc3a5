//! The program that rustc calls as the linker: this one.

use std::path::PathBuf;
use std::sync::OnceLock;

use link_engine::executable::run_if_called_as_linker;

/// The program that becomes the linker wrapper when it is called as one.
static WRAPPER_PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Acts as the linker and exits, if rustc called this process as such. To be
/// called first in `main`, by programs that can be the linker wrapper: linking
/// dynamically is possible only in those.
pub fn enter_linker_wrapper() {
    run_if_called_as_linker();
    if let Ok(program) = std::env::current_exe() {
        let _ = WRAPPER_PROGRAM.set(program);
    }
}

/// Whether this process can name a program that becomes the linker wrapper.
pub(super) fn is_wrapper_available() -> bool {
    WRAPPER_PROGRAM.get().is_some()
}

/// # Panics
/// Without [`is_wrapper_available`].
pub(super) fn wrapper_program() -> PathBuf {
    let program = WRAPPER_PROGRAM.get();
    program
        .expect("groups are planned only with a linker wrapper")
        .clone()
}
