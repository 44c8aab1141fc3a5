//! The subcommand `identity`: what must exist once in a process, seen from this crate and from
//! `workload-local`, and the order in which thread locals end.

use std::any::TypeId;
use std::error::Error;
use std::{panic, thread};

use regex::Regex;
use workload_local::identity as local;
use workload_local::identity::{DROPS, DropRecorder, Farewell, NOTE, StationDown};

use crate::panics::silently;

struct Marker;

thread_local! {
    static FIRST: DropRecorder = const { DropRecorder("workload-app, made first") };
    static LAST: DropRecorder = const { DropRecorder("workload-app, made last") };
    static FAREWELL: Farewell = const { Farewell("workload-app") };
}

pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    // Every fact is true in a sound program; `false` is a second copy of something.
    for (fact, holds) in [
        (
            "the type `Regex` is the same",
            TypeId::of::<Regex>() == local::regex_type(),
        ),
        (
            "a boxed `Regex` is known here",
            local::compile("ki").is_ok_and(|boxed| boxed.is::<Regex>()),
        ),
        (
            "a boxed error is known here",
            local::compile("ki[").is_err_and(|error| error.is::<regex::Error>()),
        ),
        ("a static has one address", counter_has_one_address()),
        ("a thread local has one value", note_is_shared()),
        (
            "a thread local is another on another thread",
            thread_has_own_note()?,
        ),
        (
            "a runtime entered here is found by tokio",
            runtime_is_found()?,
        ),
        ("a panic payload is known here", payload_is_known()),
        ("panicking is known while unwinding", panicking_is_known()),
    ] {
        println!("{fact}: {holds}");
    }

    thread::spawn(|| {
        FIRST.with(|_| ());
        local::arm_recorder();
        LAST.with(|_| ());
    })
    .join()
    .map_err(|_| "thread panicked")?;
    for label in DROPS.lock()?.iter() {
        println!("at thread exit: thread local of {label} dropped");
    }

    FAREWELL.with(|_| ());
    local::arm_farewell();
    Ok(())
}

fn counter_has_one_address() -> bool {
    let here = (&raw const local::COUNTER).addr();
    here == local::counter_address()
        && here == local::counter_address_inlined()
        && here == local::counter_address_instantiated::<Marker>()
}

fn note_is_shared() -> bool {
    NOTE.set("written by workload-app".to_owned());
    local::note() == "written by workload-app"
}

fn thread_has_own_note() -> Result<bool, Box<dyn Error>> {
    let there = thread::spawn(local::note)
        .join()
        .map_err(|_| "thread panicked")?;
    Ok(there.is_empty() && !local::note().is_empty())
}

fn runtime_is_found() -> Result<bool, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let before = tokio::runtime::Handle::try_current().is_ok();
    let inside = runtime.block_on(async { tokio::runtime::Handle::try_current().is_ok() });
    Ok(!before && inside)
}

fn payload_is_known() -> bool {
    silently(|| {
        panic::catch_unwind(local::panic_with_station_down).is_err_and(|payload| {
            payload.downcast_ref() == Some(&StationDown { station: "kiruna" })
        })
    })
}

/// Whether std's count of panics is the same for both crates, before, within and after.
fn panicking_is_known() -> bool {
    struct Witness<'a>(&'a mut bool);

    impl Drop for Witness<'_> {
        fn drop(&mut self) {
            *self.0 = thread::panicking() && local::is_panicking();
        }
    }

    let before = local::is_panicking();
    let mut within = false;
    silently(|| {
        let unwinding = panic::AssertUnwindSafe(|| {
            let _witness = Witness(&mut within);
            local::panic_with_station_down();
        });
        panic::catch_unwind(unwinding).is_err()
    });
    !before && within && !local::is_panicking()
}
