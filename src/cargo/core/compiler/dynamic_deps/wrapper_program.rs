//! The program that rustc calls as the linker: this one.

use std::path::PathBuf;
use std::sync::OnceLock;

use link_engine::executable::{Log, run_if_called_as_linker};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt, registry};

/// The program that becomes the linker wrapper when it is called as one.
static WRAPPER_PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Acts as the linker and exits, if rustc called this process as such. To be
/// called first in `main`, by programs that can be the linker wrapper: linking
/// dynamically is possible only in those.
pub fn enter_linker_wrapper() {
    run_if_called_as_linker(subscribe);
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

/// Has the events of a link written, in the form in which Cargo shows its own, with the time that
/// each of its phases takes.
fn subscribe(log: Log) {
    let layer = fmt::layer()
        .with_timer(fmt::time::Uptime::default())
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(log.file)
        .with_filter(EnvFilter::new(log.filter));
    registry().with(layer).init();
}
