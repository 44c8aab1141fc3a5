//! The program that rustc calls as the linker: this one.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use link_engine::WrapperProgram;
use link_engine::executable::{Log, run_if_called_as_linker};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt, registry};

use crate::core::compiler::{BuildRunner, Unit};

/// The program that becomes the linker wrapper when it is called as one.
static WRAPPER_PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Acts as the linker and exits, if rustc called this process as such. A program that can be the
/// linker wrapper calls this first in `main`. Only such a program can link dynamically.
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

/// The file of this program.
///
/// # Panics
/// Without [`is_wrapper_available`].
pub(super) fn own_program() -> &'static Path {
    let program = WRAPPER_PROGRAM.get();
    program.expect("groups are planned only with a linker wrapper")
}

/// The program that becomes the linker wrapper for a unit. If it has to be copied, all units that
/// are built under one lock share a copy.
///
/// # Panics
/// Without [`is_wrapper_available`].
pub(super) fn wrapper_program(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> WrapperProgram {
    let layout = build_runner.files().layout(unit.kind);
    let scripts = layout.build_dir().build();
    WrapperProgram {
        program: own_program().to_owned(),
        copies: scripts.with_file_name("dynamic-deps-linker"),
    }
}

/// Has the events of a link written in the form of Cargo's own events, with the time of each of its
/// phases.
fn subscribe(log: Log) {
    let layer = fmt::layer()
        .with_timer(fmt::time::Uptime::default())
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(log.file)
        .with_filter(EnvFilter::new(log.filter));
    registry().with(layer).init();
}
