//! Hot reloading: the program loads its own library, and again when the file changes.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use awkward_reload::State;
use hot_lib_reloader::LibReloader;

const LIBRARY: &str = "awkward_reload";

fn main() -> Result<(), Box<dyn Error>> {
    // If the loader was called with the program as its argument, `current_exe` is the loader.
    let built = std::env::args_os()
        .next()
        .ok_or("a program without a name")?;
    let built = Path::new(&built)
        .parent()
        .ok_or("a program in no directory")?;
    let directory = std::env::temp_dir().join(format!("{LIBRARY}-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let reloaded = reload(built, &directory);
    fs::remove_dir_all(&directory)?;
    reloaded
}

fn reload(built: &Path, directory: &Path) -> Result<(), Box<dyn Error>> {
    let file = format!("lib{LIBRARY}.so");
    let watched = directory.join(&file);
    fs::copy(built.join(&file), &watched)?;
    let debounce = Some(Duration::from_millis(20));
    let mut library = LibReloader::new(directory, LIBRARY, debounce, None)?;
    let changes = library.subscribe_to_file_changes();
    let mut state = State::default();
    for _ in 0..2 {
        call(&library, &mut state)?;
    }
    // Nothing reads what stands behind the last section.
    OpenOptions::new()
        .append(true)
        .open(&watched)?
        .write_all(b"edited")?;
    while !library.update()? {
        changes.recv()?;
    }
    call(&library, &mut state)?;
    // The library that is linked into the program has not been called yet.
    println!("{}", awkward_reload::step(&mut state));
    println!("{state:?}");
    Ok(())
}

fn call(library: &LibReloader, state: &mut State) -> Result<(), Box<dyn Error>> {
    // SAFETY: the library has the type that stands here, since it comes from the same sources.
    let step = unsafe { library.get_symbol::<fn(&mut State) -> usize>(b"step\0")? };
    println!("{}", step(state));
    println!("{state:?}");
    Ok(())
}
