//! An allocator in C, chosen by the program: mimalloc.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::mpsc;
use std::thread;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn is_in_heap<T: ?Sized>(value: &T) -> bool {
    // SAFETY: the address is only compared.
    unsafe { libmimalloc_sys::mi_is_in_heap_region((&raw const *value).cast::<c_void>()) }
}

fn main() {
    let local = 0_u8;
    println!("stack {}", is_in_heap(&local));
    println!("box {}", is_in_heap(&*Box::new(1)));
    let directory = std::env::current_dir().expect("a current directory");
    println!("std {}", is_in_heap(directory.as_os_str()));
    let map: HashMap<u32, String> = (0..1000).map(|n| (n, n.to_string())).collect();
    println!("map {}", map.values().all(|text| is_in_heap(text.as_str())));

    // Freed by another thread than the one that allocated.
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let sender = sender.clone();
            thread::spawn(move || {
                for n in 0..1000_usize {
                    sender.send(vec![thread; n % 50]).expect("a receiver");
                }
            })
        })
        .collect();
    drop(sender);
    println!(
        "sum {}",
        receiver.iter().map(|list| list.len()).sum::<usize>()
    );
    for thread in threads {
        thread.join().expect("no panic");
    }
}
