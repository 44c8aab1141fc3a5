//! Facts of rlibs: the needs of a library, and the facts that are kept from build to build.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use link_engine::Threads;
use link_engine::for_tests::{KnownRlib, RlibFacts, Stamp, read_rlibs};
use tempfile::TempDir;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// An rlib with an object of each of these C sources, all of a C compiler.
fn rlib(sources: &[&str]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let rlib = directory.path().join("libsample-0123.rlib");
    let objects = sources.iter().zip(0..).map(|(source, number)| {
        let file = directory.path().join(format!("{number}.c"));
        let object = file.with_extension("o");
        fs::write(&file, source).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-c", "-fPIC", "-O1", "-o"]).args([&object, &file]);
        run(&mut cc);
        object
    });
    let objects: Vec<PathBuf> = objects.collect();
    run(Command::new("ar").arg("crs").arg(&rlib).args(objects));
    (directory, rlib)
}

fn one_thread() -> Threads {
    Threads::with_processors(None, 1)
}

fn read(rlib: &Path, known: Option<&KnownRlib>) -> KnownRlib {
    let read = read_rlibs(&[rlib], |_| known.cloned(), &one_thread());
    read.unwrap().remove(0)
}

/// Sets the time of the last modification back by `age`.
fn set_age(file: &Path, age: Duration) {
    let file = File::options().write(true).open(file).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn what_a_library_needs_is_told_by_names_of_c() {
    let (_directory, rlib) = rlib(&[
        "int needed(void); int cpp(void) __asm__(\"_ZN3cpp3runEv\");
         int rust(void) __asm__(\"_RNvCs0_4rust3run\");
         int old(void) __asm__(\"_ZN4rust3run17h0123456789abcdefE\");
         int defined_below(void); __attribute__((weak)) int maybe(void);
         __attribute__((weak)) int elsewhere_needed(void);
         int use(void) {
             return needed() + cpp() + rust() + old() + defined_below()
                 + (maybe ? maybe() : 0) + (elsewhere_needed ? elsewhere_needed() : 0);
         }",
        "int elsewhere_needed(void); static int own(void) { return elsewhere_needed(); }
         __attribute__((visibility(\"hidden\"))) int defined_below(void) { return own(); }
         __asm__(\".data\\n.dc.a _GLOBAL_OFFSET_TABLE_ - .\\n.dc.a __dso_handle\\n.text\");",
    ]);
    let facts = RlibFacts::read(&rlib).unwrap().0;
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    let needed: BTreeSet<String> = names(&["_ZN3cpp3runEv", "elsewhere_needed", "needed"]);
    assert_eq!(facts.unmangled_references, needed);
    let maybe: BTreeSet<String> = names(&["maybe"]);
    assert_eq!(facts.weak_references, maybe);
}

#[test]
fn functions_that_are_chosen_at_load_run_by_themselves() {
    for storage in ["", "static"] {
        let source = format!(
            "int one(void) {{ return 1; }} int (*choose(void))(void) {{ return one; }}
             {storage} int chosen(void) __attribute__((ifunc(\"choose\")));
             int use(void) {{ return chosen(); }}"
        );
        let (_directory, rlib) = rlib(&["int plain;", &source]);
        assert!(
            RlibFacts::read(&rlib).unwrap().0.runs_by_itself,
            "{storage}"
        );
    }
    let (_directory, rlib) = rlib(&["int plain; __thread char small[3]; __thread int zero;"]);
    let facts = RlibFacts::read(&rlib).unwrap().0;
    assert!(!facts.runs_by_itself);
    assert!(facts.thread_local_bytes >= 7);
}

#[test]
fn names_of_the_linker_are_told_unless_they_are_defined() {
    #[track_caller]
    fn check(sources: &[&str], expected: &[&str]) {
        let (_directory, rlib) = rlib(sources);
        let facts = RlibFacts::read(&rlib).unwrap().0;
        assert_eq!(
            facts.linker_defined_references().collect::<Vec<_>>(),
            expected
        );
    }
    const END: &str = "extern char end[]; char *the_end(void) { return end; }";
    check(&[END], &["end"]);
    check(&[END, "char end[1];"], &[]);
    check(
        &[
            "extern const char __ehdr_start __attribute__((visibility(\"hidden\")));
             extern char __stop_slices[] __attribute__((weak));
             const char *header(void) { return &__ehdr_start; }
             char *stop(void) { return __stop_slices; }",
        ],
        &["__ehdr_start", "__stop_slices"],
    );
    // As compilers write it for each variable of a C++ function.
    check(
        &[
            "extern void *__dso_handle; int __cxa_atexit(void (*)(void *), void *, void *);
           int at_exit(void (*run)(void *)) { return __cxa_atexit(run, 0, &__dso_handle); }",
        ],
        &[],
    );
}

/// The crates that come with rustc: some have more objects than a thread takes at once, some
/// have constructors, gathered sections, or objects of a C compiler.
#[test]
fn facts_do_not_depend_on_the_number_of_threads() {
    let libraries = run(Command::new("rustc").args(["--print", "target-libdir"]));
    let files = fs::read_dir(libraries.trim())
        .unwrap()
        .map(|file| file.unwrap());
    let rlibs: Vec<PathBuf> = files
        .map(|file| file.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "rlib")
        })
        .collect();
    assert!(rlibs.len() > 10);
    let rlibs: Vec<&Path> = rlibs.iter().map(PathBuf::as_path).collect();
    let expected: Vec<_> = rlibs
        .iter()
        .map(|rlib| RlibFacts::read(rlib).unwrap())
        .collect();
    for threads in [1, 2, 7] {
        let threads = Threads::with_processors(None, threads);
        let read = read_rlibs(&rlibs, |_| None, &threads).unwrap();
        let read: Vec<_> = read
            .into_iter()
            .map(|known| (known.facts, known.hash))
            .collect();
        assert_eq!(read, expected);
    }
    for (facts, _) in &expected {
        let json = serde_json::to_string(facts).unwrap();
        assert_eq!(&serde_json::from_str::<RlibFacts>(&json).unwrap(), facts);
    }
    assert_eq!(
        serde_json::to_string(&RlibFacts::default()).unwrap(),
        "{}",
        "what is empty takes no space"
    );
}

#[test]
fn an_rlib_with_a_known_stamp_is_not_read() {
    let (_directory, rlib) = rlib(&["int a;"]);
    set_age(&rlib, MINUTE);
    let known = read(&rlib, None);
    assert_eq!(known.stamp, Some(Stamp::of_file(&rlib).unwrap()));
    let other = KnownRlib {
        hash: blake3::hash(b"other"),
        ..known
    };
    assert_eq!(read(&rlib, Some(&other)), other);
}

#[test]
fn an_rlib_that_changed_is_read_again() {
    let (_directory, rlib_a) = rlib(&["int a;"]);
    let (_directory, rlib_b) = rlib(&["int b;"]);
    set_age(&rlib_a, MINUTE);
    set_age(&rlib_b, MINUTE / 2);
    let [a, b] = [&rlib_a, &rlib_b].map(|rlib| read(rlib, None));
    assert_ne!((a.hash, &a.facts), (b.hash, &b.facts));

    // Written in place, and by another file under the name.
    fs::write(&rlib_a, fs::read(&rlib_b).unwrap()).unwrap();
    let written = read(&rlib_a, Some(&a));
    assert_eq!((written.hash, &written.facts), (b.hash, &b.facts));
    fs::rename(&rlib_b, &rlib_a).unwrap();
    assert_eq!(read(&rlib_a, Some(&a)), b);
}

#[test]
fn a_time_alone_does_not_make_other_facts() {
    let (_directory, rlib) = rlib(&["int a;"]);
    set_age(&rlib, MINUTE);
    let known = read(&rlib, None);
    set_age(&rlib, MINUTE / 2);
    // The facts that are known for this content are not computed again.
    let known = KnownRlib {
        facts: RlibFacts::default(),
        ..known
    };
    let read = read(&rlib, Some(&known));
    assert_eq!((read.hash, read.facts), (known.hash, known.facts));
    assert_eq!(read.stamp, Some(Stamp::of_file(&rlib).unwrap()));
}

/// It may be written once more in the same tick of the clock.
#[test]
fn an_rlib_that_was_just_written_is_not_known_by_its_stamp() {
    let (_directory, rlib) = rlib(&["int a;"]);
    let file = File::options().write(true).open(&rlib).unwrap();
    // The time of a file system that has whole seconds.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let second = Duration::from_secs(now.unwrap().as_secs());
    for (modified, is_known) in [
        (SystemTime::now(), false),
        (SystemTime::now() + MINUTE, false),
        (SystemTime::UNIX_EPOCH + second, false),
        (SystemTime::UNIX_EPOCH + second - MINUTE, true),
        (SystemTime::now() - Duration::from_secs(1), true),
    ] {
        file.set_modified(modified).unwrap();
        assert_eq!(read(&rlib, None).stamp.is_some(), is_known, "{modified:?}");
    }
}

#[test]
fn the_first_rlib_that_cannot_be_read_is_named() {
    let (directory, rlib) = rlib(&["int a;"]);
    let broken = directory.path().join("libbroken.rlib");
    fs::write(&broken, "no archive").unwrap();
    let missing = directory.path().join("libmissing.rlib");
    let error = |rlibs: &[&Path]| {
        let threads = Threads::with_processors(None, 4);
        read_rlibs(rlibs, |_| None, &threads)
            .unwrap_err()
            .to_string()
    };
    let broken = error(&[&rlib, &broken, &rlib]);
    assert!(broken.ends_with("libbroken.rlib`"), "{broken}");
    let missing = error(&[&rlib, &missing]);
    assert!(missing.ends_with("libmissing.rlib`"), "{missing}");
}

#[test]
fn what_is_known_is_refused_where_it_is_not_whole() {
    let (_directory, rlib) = rlib(&["int a; __attribute__((visibility(\"hidden\"))) int b;"]);
    set_age(&rlib, MINUTE);
    let known = read(&rlib, None);
    let json = serde_json::to_vec(&known).unwrap();
    let parse = |json: &[u8]| serde_json::from_slice::<KnownRlib>(json).ok();
    assert_eq!(parse(&json), Some(known));
    for end in 0..json.len() {
        assert_eq!(parse(&json[..end]), None);
    }
    for index in 0..json.len() {
        let mut damaged = json.clone();
        damaged[index] ^= 1;
        assert_eq!(parse(&damaged), None, "{index}");
    }
    // Another version wrote other facts, and so another check.
    let mut older: serde_json::Value = serde_json::from_slice(&json).unwrap();
    older["check"] = "0123456789abcdef".into();
    assert_eq!(parse(older.to_string().as_bytes()), None);
}
