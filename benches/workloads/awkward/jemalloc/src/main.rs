//! Asks where memory of the program, of the standard library and of a thread comes from.

use std::thread;

use awkward_jemalloc::{is_allocated_here, is_prefixed};

fn main() {
    let local = 0_u8;
    println!("stack {}", is_allocated_here(&local));
    println!("box {}", is_allocated_here(&*Box::new(1)));
    let directory = std::env::current_dir().expect("a current directory");
    println!("std {}", is_allocated_here(directory.as_os_str()));
    let text = thread::spawn(|| vec![String::from("text"); 100])
        .join()
        .expect("no panic");
    println!(
        "thread {}",
        text.iter().all(|text| is_allocated_here(text.as_str()))
    );
    println!("malloc {}", is_prefixed());
}
