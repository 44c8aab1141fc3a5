//! Says what a file of Rust, or a project of Cargo, is made of: a small program over rust-analyzer's libraries.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use ra_ap_ide::{
    Analysis, AnalysisHost, AssistResolveStrategy, DiagnosticsConfig, FileStructureConfig,
};
use ra_ap_load_cargo::{LoadCargoConfig, ProcMacroServerChoice, load_workspace_at};
use ra_ap_project_model::CargoConfig;

const USAGE: &str = "usage: workload-local-heavy FILE.rs | DIRECTORY";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let Some(path) = env::args().nth(1).filter(|arg| arg != "--help") else {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    };
    let path = Path::new(&path);
    let described = match path.is_dir() {
        true => project(path),
        false => file(path),
    };
    match described {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Items of one file, and what the compiler would say about it.
fn file(path: &Path) -> Result<String> {
    let (analysis, file) = Analysis::from_single_file(fs::read_to_string(path)?);
    let structure = FileStructureConfig {
        exclude_locals: true,
    };
    let items = analysis.file_structure(&structure, file)?;
    let diagnostics = analysis.full_diagnostics(
        &DiagnosticsConfig::test_sample(),
        AssistResolveStrategy::None,
        file,
    )?;
    let names: Vec<_> = items.into_iter().map(|item| item.label).collect();
    Ok(format!(
        "items: {}\ndiagnostics: {}",
        names.join(", "),
        diagnostics.len()
    ))
}

/// Crates of a project and of all that it depends on.
fn project(path: &Path) -> Result<String> {
    let load = LoadCargoConfig {
        load_out_dirs_from_check: false,
        with_proc_macro_server: ProcMacroServerChoice::None,
        prefill_caches: false,
        num_worker_threads: 1,
        proc_macro_processes: 1,
    };
    let (database, files, _) =
        load_workspace_at(path, &CargoConfig::default(), &load, &|message| {
            eprintln!("{message}");
        })?;
    let crates = AnalysisHost::with_database(database)
        .analysis()
        .fetch_crates()?;
    Ok(format!(
        "crates: {}\nfiles: {}",
        crates.len(),
        files.iter().count()
    ))
}
