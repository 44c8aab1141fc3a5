//! The linker of groups and final units.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_util::ProcessBuilder;
use link_engine::group::sysroot::Probe;
use link_plan::rustc_flags::CodegenFlags;

use super::wrapper_program::wrapper_program;
use crate::core::Workspace;
use crate::core::compiler::{BuildRunner, CompileKind, RustcTargetData, Unit};
use crate::util::CargoResult;

/// rustc's default linker for `*-linux-gnu` (rustc 1.95, `TargetOptions::linker`).
pub(super) const DEFAULT_LINKER: &str = "cc";

/// The path of the linker. A relative one starts from the directory in which rustc runs.
pub(super) fn located_linker(
    ws: &Workspace<'_>,
    target_data: &RustcTargetData<'_>,
    linker: Option<&Path>,
) -> PathBuf {
    let linker = linker.unwrap_or(Path::new(DEFAULT_LINKER));
    if linker.components().count() > 1 {
        return ws.root().join(linker);
    }
    // rustc looks there too: it has `rust-lld` there and not in `PATH`.
    let libraries = &target_data.info(CompileKind::Host).sysroot_target_libdir;
    let of_toolchain = libraries.with_file_name("bin").join(linker);
    if of_toolchain.is_file() {
        of_toolchain
    } else {
        linker.to_owned()
    }
}

/// The linker for a group. As for a final unit, the flags override everything else.
pub(super) fn linker(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> PathBuf {
    let flags = CodegenFlags::parse(unit.rustflags.iter());
    let configured = build_runner.compilation.target_linker(unit.kind);
    let linker = flags.linker().map(Path::new).or(configured);
    located_linker(build_runner.bcx.ws, &build_runner.bcx.target_data, linker)
}

/// The probe that asks rustc for the link line of a program that is linked like the users of this
/// group.
pub(super) fn sysroot_probe(build_runner: &BuildRunner<'_, '_>, unit: &Unit) -> Probe {
    let mut rustc = ProcessBuilder::new(&build_runner.bcx.rustc().path);
    unit.kind.add_target_arg(&mut rustc);
    let mut flags: Vec<OsString> = rustc.get_args().cloned().collect();
    // As for a final unit, the flags come after the profile and override it.
    let panic = unit.profile.panic.to_string();
    flags.extend(["-C".into(), format!("panic={panic}").into()]);
    flags.extend(unit.rustflags.iter().map(OsString::from));
    let chosen_panic = CodegenFlags::parse(&flags).panic().map(str::to_owned);
    Probe {
        rustc: build_runner.bcx.rustc().path.clone(),
        flags,
        harness: chosen_panic.as_deref() == Some("unwind"),
        linker: linker(build_runner, unit),
        wrapper: wrapper_program(build_runner, unit),
    }
}

/// The variables that the user's configuration adds to the environment of rustc, and so of its
/// linker.
pub(super) fn environment(
    build_runner: &BuildRunner<'_, '_>,
) -> CargoResult<Vec<(OsString, OsString)>> {
    let variables = build_runner.bcx.gctx.env_config()?.iter();
    Ok(variables
        .map(|(name, value)| (name.into(), value.clone()))
        .collect())
}
