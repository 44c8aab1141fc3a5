//! rustc's link line, and how it changes when groups take the place of rlibs.
//!
//! The wrapper edits the line and never composes a new one. Arguments of rustc, of the user or of a
//! build script stay where they are. The wrapper changes only arguments that it understands, and
//! passes on unknown ones as they came.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::unfit::Unfit;
use crate::line::arguments::{LibraryState, Meaning, meaning};
use crate::line::syntax::Reader;

/// A group, as the link line of an executable names it.
#[derive(Debug, Clone)]
pub struct GroupInput {
    /// Path of the shared object, or of the stub that the linker reads in its place.
    pub shared_object: PathBuf,
    /// File names of the rlibs inside.
    pub members: HashSet<String>,
}

/// The changes to the link line of an executable.
#[derive(Debug)]
pub struct Rewrite<'a> {
    /// The groups, dependents first.
    pub groups: &'a [GroupInput],
    /// Object files to be replaced: path on the link line to path of the copy.
    pub objects: &'a HashMap<PathBuf, PathBuf>,
    /// Object files that run the constructors of libraries in the groups, by the file names of
    /// the rlibs in whose places they go.
    pub constructors: &'a HashMap<String, PathBuf>,
    /// Native libraries that the executable has to load even if the linker finds no use of them.
    pub to_load: &'a HashSet<String>,
    /// Entries for the run path, in order.
    pub run_paths: &'a [OsString],
    /// Symbols of the platform that the groups use and that a library on the line defines
    /// in its place. A linker takes nothing from an archive for a reference that it does
    /// not see.
    pub replaced: &'a BTreeSet<String>,
}

impl Rewrite<'_> {
    /// The link line with the groups in it.
    ///
    /// The shared objects go where the first of their rlibs was. The executable needs them whether
    /// or not its own objects refer to them, since one group may need another.
    ///
    /// # Errors
    /// When the groups do not fit what rustc links.
    pub fn apply(&self, args: &[OsString]) -> Result<Vec<OsString>, Unfit> {
        let reader = Reader::of(args);
        let members: HashSet<&str> = self
            .groups
            .iter()
            .flat_map(|group| &group.members)
            .map(String::as_str)
            .collect();
        let mut rewritten = Vec::with_capacity(args.len());
        let mut state = LibraryState::default();
        let mut placed = false;
        for arg in args {
            state.read(arg);
            match meaning(arg) {
                Meaning::Rlib(path) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    if members.contains(&*name) {
                        if is_temporary_copy(path) {
                            return Err(Unfit::ChangedRlib {
                                rlib: name.into_owned(),
                            });
                        }
                        if !placed {
                            placed = true;
                            self.place_groups(reader, &state, &mut rewritten);
                        }
                        rewritten.extend(self.constructors.get(&*name).map(Into::into));
                        continue;
                    }
                }
                Meaning::NativeLibrary(name) if state.as_needed && self.to_load.contains(name) => {
                    // Its users are now in groups, and the linker does not look there when it
                    // decides which libraries are needed.
                    reader.push(&mut rewritten, &["--no-as-needed"]);
                    rewritten.push(arg.clone());
                    reader.push(&mut rewritten, &["--as-needed"]);
                    continue;
                }
                Meaning::Object(path) => {
                    if let Some(copy) = self.objects.get(path) {
                        rewritten.push(copy.into());
                        continue;
                    }
                }
                Meaning::NativeLibrary(_) | Meaning::LibraryState | Meaning::Other => {}
            }
            rewritten.push(arg.clone());
        }
        if !placed {
            return Err(Unfit::NoMember);
        }
        for run_path in self.run_paths {
            reader.push(&mut rewritten, &[OsStr::new("-rpath"), run_path]);
        }
        Ok(rewritten)
    }

    fn place_groups(&self, reader: Reader, state: &LibraryState, rewritten: &mut Vec<OsString>) {
        reader.push(rewritten, &["--enable-new-dtags"]);
        // A copy relocation would give a variable a second address.
        reader.push(rewritten, &["-z", "nocopyreloc"]);
        // GNU ld and lld check these references by default; other linkers leave them to the loader.
        reader.push(rewritten, &["--no-allow-shlib-undefined"]);
        for symbol in self.replaced {
            reader.push(rewritten, &["-u", symbol]);
        }
        reader.push(rewritten, &["-Bdynamic"]);
        reader.push(rewritten, &["--no-as-needed"]);
        let groups = self.groups.iter();
        rewritten.extend(groups.map(|group| group.shared_object.as_os_str().to_owned()));
        if state.as_needed {
            reader.push(rewritten, &["--as-needed"]);
        }
        if !state.prefer_shared {
            reader.push(rewritten, &["-Bstatic"]);
        }
    }
}

/// rustc links an rlib by its own path, unless it had to take something out: then it links a copy
/// in its temporary directory `rustcXXXXXX`.
fn is_temporary_copy(rlib: &Path) -> bool {
    rlib.parent()
        .and_then(Path::file_name)
        .is_some_and(|name| name.as_bytes().starts_with(b"rustc") && name.len() == 11)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::line::for_tests::{LINE, text, words};

    fn group(file: &str, members: &[&str]) -> GroupInput {
        GroupInput {
            shared_object: file.into(),
            members: members.iter().map(|member| member.to_string()).collect(),
        }
    }

    fn rewrite(line: &str, groups: &[GroupInput]) -> Result<String, Unfit> {
        let objects = HashMap::from([("app.rcgu.o".into(), "/copy/0.o".into())]);
        Rewrite {
            groups,
            objects: &objects,
            constructors: &HashMap::new(),
            to_load: &["z".to_owned()].into(),
            run_paths: &["$ORIGIN".into(), "/t/a,b/deps".into()],
            replaced: &["rand".to_owned()].into(),
        }
        .apply(&words(line))
        .map(|args| text(&args))
    }

    #[test]
    fn groups_take_the_place_of_their_members() {
        let groups = [
            group("/t/deps/frozen.so", &["libdep-1.rlib"]),
            group("/t/deps/sysroot.so", &["libstd-2.rlib"]),
        ];
        assert_eq!(
            rewrite(LINE, &groups).unwrap(),
            "-m64 /tmp/rustcAbCdEf/symbols.o /copy/0.o -Wl,--as-needed -Wl,-Bstatic \
             -Xlinker --enable-new-dtags -Xlinker -z -Xlinker nocopyreloc \
             -Xlinker --no-allow-shlib-undefined -Xlinker -u -Xlinker rand -Xlinker -Bdynamic -Xlinker --no-as-needed \
             /t/deps/frozen.so /t/deps/sysroot.so -Xlinker --as-needed -Xlinker -Bstatic \
             /s/lib/libcompiler_builtins-3.rlib \
             -Wl,-Bdynamic -lgcc_s -lc -L /tmp/rustcAbCdEf/raw-dylibs -B/s/gcc-ld -fuse-ld=lld \
             -Wl,--eh-frame-hdr -L /s/lib -o /t/deps/app-4 -Wl,--gc-sections -pie -nodefaultlibs \
             -Xlinker -rpath -Xlinker $ORIGIN -Xlinker -rpath -Xlinker /t/a,b/deps"
        );
    }

    #[test]
    fn a_library_that_stays_keeps_its_place() {
        let groups = [group("/t/deps/sysroot.so", &["libstd-2.rlib"])];
        let line = rewrite(LINE, &groups).unwrap();
        let stays = line.find("/t/deps/libdep-1.rlib").unwrap();
        assert!(stays < line.find("/t/deps/sysroot.so").unwrap(), "{line}");
        assert!(!line.contains("libstd-2"), "{line}");
    }

    #[test]
    fn a_linker_without_driver_gets_bare_options() {
        let line = "--as-needed -Bstatic /s/libstd-2.rlib -Bdynamic -lc --eh-frame-hdr -o app";
        assert_eq!(
            rewrite(line, &[group("/sysroot.so", &["libstd-2.rlib"])]).unwrap(),
            "--as-needed -Bstatic --enable-new-dtags -z nocopyreloc --no-allow-shlib-undefined -u rand \
             -Bdynamic --no-as-needed /sysroot.so --as-needed -Bstatic \
             -Bdynamic -lc --eh-frame-hdr -o app -rpath $ORIGIN -rpath /t/a,b/deps"
        );
    }

    #[test]
    fn a_native_library_of_a_member_is_kept() {
        let line = LINE.replace("-lgcc_s", "-lz -lother -lgcc_s");
        let groups = [group("/sysroot.so", &["libstd-2.rlib"])];
        let line = rewrite(&line, &groups).unwrap();
        assert!(
            line.contains("-Xlinker --no-as-needed -lz -Xlinker --as-needed -lother -lgcc_s -lc"),
            "{line}"
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let line = LINE.replace("/t/deps/libdep-1", "/tmp/rustcAbCdEf/libdep-1");
        let groups = [group("/t/deps/frozen.so", &["libdep-1.rlib"])];
        assert_eq!(
            rewrite(&line, &groups),
            Err(Unfit::ChangedRlib {
                rlib: "libdep-1.rlib".into()
            })
        );
        assert_eq!(
            rewrite(LINE, &[group("/o.so", &["libother-9.rlib"])]),
            Err(Unfit::NoMember)
        );
    }

    proptest! {
        /// All other arguments stay on the line, in their order.
        #[test]
        fn no_other_argument_is_lost(
            words in prop::collection::vec("[-@a-zA-Z0-9,.=/]{1,12}", 0..20),
            position: prop::sample::Index,
        ) {
            let mut line: Vec<OsString> = words.iter().map(OsString::from).collect();
            let position = position.index(line.len() + 1);
            line.insert(position, "/s/libstd-2.rlib".into());
            let rewritten = Rewrite {
                groups: &[group("/sysroot.so", &["libstd-2.rlib"])],
                objects: &HashMap::new(),
                constructors: &HashMap::new(),
                to_load: &HashSet::new(),
                run_paths: &[],
                replaced: &BTreeSet::new(),
            }
            .apply(&line)
            .unwrap();
            let mut rest = rewritten.iter();
            for word in &words {
                prop_assert!(rest.any(|arg| arg == word.as_str()), "{word} in {rewritten:?}");
            }
            prop_assert!(rewritten.contains(&OsString::from("/sysroot.so")));
        }
    }
}
