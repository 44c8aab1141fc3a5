//! Thread locals of dependencies: each thread has one, whichever crate uses it, and drops them at
//! the same time and in the same order as in a static program.

use crate::prelude::*;
use cargo_test_support::registry::Package;
use cargo_test_support::{Project, project};

use super::bystanders::{check, workspace};
use super::{LAYERS, build_script_for_c, groups_of, manifest, same_behaviour, stdout};

/// A program with a frozen crate `store`, which holds thread locals, and a local crate
/// that uses them too.
fn project_with_store(store: &str, local: &str, main: &str) -> Project {
    Package::new("store", "1.0.0")
        .file("src/lib.rs", store)
        .publish();
    let dependency = "[dependencies]\nstore = '1.0'\n";
    project()
        .file(
            "Cargo.toml",
            &manifest(
                "foo",
                &format!("{dependency}local = {{ path = 'local' }}\n"),
            ),
        )
        .file("src/main.rs", main)
        .file("local/Cargo.toml", &manifest("local", dependency))
        .file("local/src/lib.rs", local)
        .build()
}

#[cargo_test]
fn one_for_all_crates_in_a_thread() {
    let p = project_with_store(
        r#"
            use std::cell::{Cell, RefCell};
            thread_local! {
                pub static CONSTANT: Cell<u32> = const { Cell::new(10) };
                pub static LAZY: RefCell<Vec<&'static str>> = RefCell::new(vec!["first"]);
            }
            pub fn next() -> u32 { CONSTANT.set(CONSTANT.get() + 1); CONSTANT.get() }
            #[inline(always)]
            pub fn next_inlined() -> u32 { CONSTANT.set(CONSTANT.get() + 1); CONSTANT.get() }
            pub fn next_generic<T: From<u8>>() -> (u32, T) { (next_inlined(), T::from(0)) }
            pub fn push(text: &'static str) { LAZY.with_borrow_mut(|texts| texts.push(text)) }
        "#,
        r#"
            pub fn next() -> u32 { store::push("local"); store::next_inlined() }
            pub fn address() -> usize { store::CONSTANT.with(|cell| cell as *const _ as usize) }
        "#,
        r#"
            fn all() -> impl std::fmt::Debug {
                store::push("program");
                let counts = (store::next(), store::next_inlined(), store::next_generic::<u64>().0);
                let more = (local::next(), store::CONSTANT.get());
                let own = store::CONSTANT.with(|cell| cell as *const _ as usize);
                (counts, more, own == local::address(), store::LAZY.take())
            }

            fn main() {
                println!("{:?}", all());
                for _ in 0..2 {
                    println!("{:?}", std::thread::spawn(all).join().unwrap());
                }
                println!("{:?}", all());
            }
        "#,
    );
    let output = same_behaviour(&p);
    assert_eq!(groups_of(&p.bin("foo")), LAYERS);
    let of_new = "((11, 12, 13), (14, 14), true, [\"first\", \"program\", \"local\"])\n";
    assert_eq!(
        super::text(&output.stdout),
        format!(
            "{of_new}{of_new}{of_new}((15, 16, 17), (18, 18), true, [\"program\", \"local\"])\n"
        )
    );
}

#[cargo_test]
fn dropped_at_the_end_of_a_thread_and_of_the_program() {
    let p = project_with_store(
        r#"
            pub struct Tracked(pub &'static str, pub fn() -> String);
            impl Drop for Tracked {
                fn drop(&mut self) { println!("{} dropped, {}", self.0, self.1()); }
            }
            thread_local! {
                pub static STORE: Tracked = Tracked("store", || String::new());
                static LATE: Tracked = const { Tracked("late", || format!("{:?}", state())) };
            }
            /// Whether `STORE` is still there.
            pub fn state() -> bool { STORE.try_with(|_| ()).is_ok() }
            pub fn touch() { STORE.with(|_| ()); LATE.with(|_| ()); }
        "#,
        r#"
            thread_local! {
                static LOCAL: store::Tracked = store::Tracked("local", || format!("{:?}", store::state()));
            }
            pub fn touch() { LOCAL.with(|_| ()) }
        "#,
        r#"
            thread_local! {
                static PROGRAM: store::Tracked = store::Tracked("program", || format!("{:?}", store::state()));
            }

            fn main() {
                std::thread::spawn(|| {
                    PROGRAM.with(|_| ());
                    store::touch();
                    local::touch();
                    println!("thread ends");
                })
                .join()
                .unwrap();
                println!("joined");
                local::touch();
                store::touch();
                PROGRAM.with(|_| ());
                println!("main ends");
            }
        "#,
    );
    let output = same_behaviour(&p);
    let stdout = super::text(&output.stdout);
    assert_eq!(stdout.matches("store dropped").count(), 2, "{stdout}");
    assert_eq!(stdout.matches("program dropped").count(), 2, "{stdout}");
    let (of_thread, of_main) = stdout.split_once("joined\n").unwrap();
    assert_eq!(of_thread.matches(" dropped").count(), 4, "{stdout}");
    assert_eq!(of_main.matches(" dropped").count(), 4, "{stdout}");
}

#[cargo_test]
fn dropped_by_a_thread_that_panics() {
    let p = project_with_store(
        r#"
            pub struct Tracked;
            impl Drop for Tracked {
                fn drop(&mut self) { println!("dropped, {}", std::thread::panicking()); }
            }
            thread_local! { pub static STORE: Tracked = Tracked; }
        "#,
        "pub fn fail() { store::STORE.with(|_| ()); panic!(\"in local\") }",
        r#"
            fn main() {
                let thread = std::thread::Builder::new().name("worker".to_owned());
                println!("{}", thread.spawn(local::fail).unwrap().join().is_err());
            }
        "#,
    );
    let output = same_behaviour(&p);
    assert_eq!(super::text(&output.stdout), "dropped, false\ntrue\n");
}

#[cargo_test]
fn thread_locals_of_c() {
    // The second one is compiled for libraries that are there when the program starts.
    for flags in ["", "-ftls-model=initial-exec"] {
        Package::new("native", "1.0.0")
            .file("Cargo.toml", &manifest("native", ""))
            .file("build.rs", &build_script_for_c(flags))
            .file(
                "src/native.c",
                "static __thread int count = 5; _Thread_local int shared = 1;
                 int native_next(void) { return ++count + ++shared; }",
            )
            .file(
                "src/lib.rs",
                r#"
                    extern "C" { fn native_next() -> i32; }
                    pub fn next() -> i32 { unsafe { native_next() } }
                    #[inline(always)]
                    pub fn next_inlined() -> i32 { unsafe { native_next() } }
                "#,
            )
            .publish();
        let p = project()
            .at(format!("foo{flags}"))
            .file(
                "Cargo.toml",
                &manifest("foo", "[dependencies]\nnative = '1.0'\n"),
            )
            .file(
                "src/main.rs",
                r#"
                    fn both() -> (i32, i32) { (native::next(), native::next_inlined()) }
                    fn main() {
                        println!("{:?} {:?}", both(), std::thread::spawn(both).join().unwrap());
                    }
                "#,
            )
            .build();
        let output = same_behaviour(&p);
        assert_eq!(super::text(&output.stdout), "(8, 10) (8, 10)\n");
        assert_eq!(groups_of(&p.bin("foo")), ["frozen", "sysroot"]);
    }
}

#[cargo_test]
fn thread_locals_of_bystanders_do_not_add_up() {
    // A thread with the smallest stack starts in a program that does not use these libraries.
    let bystander = "use std::cell::Cell;
         thread_local! { static BYTES: Cell<[u8; 1990]> = const { Cell::new([1; 1990]) }; }
         pub fn length() -> usize { BYTES.with(|bytes| bytes.get().len()) }";
    let names: Vec<String> = (0..12).map(|number| format!("t{number}")).collect();
    for name in &names {
        Package::new(name, "1.0.0")
            .file("src/lib.rs", bystander)
            .publish();
    }
    Package::new("plain", "1.0.0")
        .file("src/lib.rs", "pub fn plain() -> i32 { 7 }")
        .publish();
    let dependencies: String = names
        .iter()
        .map(|name| format!("{name} = '1.0'\n"))
        .collect();
    let lengths: Vec<String> = names
        .iter()
        .map(|name| format!("{name}::length()"))
        .collect();
    let p = workspace(&[
        (
            "a",
            "plain = '1.0'\n",
            r#"
                use std::ffi::c_void;
                extern "C" {
                    fn pthread_attr_init(attributes: *mut [u64; 8]) -> i32;
                    fn pthread_attr_setstacksize(attributes: *mut [u64; 8], size: usize) -> i32;
                    fn pthread_create(
                        thread: *mut usize,
                        attributes: *const [u64; 8],
                        start: extern "C" fn(*mut c_void) -> *mut c_void,
                        argument: *mut c_void,
                    ) -> i32;
                    fn pthread_join(thread: usize, result: *mut *mut c_void) -> i32;
                }
                extern "C" fn start(argument: *mut c_void) -> *mut c_void { argument }
                fn main() {
                    let (mut attributes, mut thread) = ([0; 8], 0);
                    unsafe {
                        pthread_attr_init(&mut attributes);
                        // PTHREAD_STACK_MIN
                        pthread_attr_setstacksize(&mut attributes, 16384);
                        let null = std::ptr::null_mut();
                        let status = pthread_create(&mut thread, &attributes, start, null);
                        println!("{} {status}", plain::plain());
                        pthread_join(thread, std::ptr::null_mut());
                    }
                }
            "#,
        ),
        (
            "b",
            &format!("plain = '1.0'\n{dependencies}"),
            &format!(
                "fn main() {{ println!(\"{{}}\", plain::plain() as usize + {}); }}",
                lengths.join(" + ")
            ),
        ),
    ])
    .build();
    check(&p, &[&[], &["-p b", "-p a"]]);
    assert_eq!(stdout(&p.bin("a")), "7 0\n");
    assert_eq!(groups_of(&p.bin("b")), ["frozen", "sysroot"]);
}
