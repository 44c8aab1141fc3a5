//! The link line of a group.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::line::syntax::Reader;
use crate::line::template::LinkTemplate;

/// The inputs of the link of a group.
#[derive(Debug)]
pub struct GroupLine<'a> {
    /// The template of links on this platform.
    pub template: &'a LinkTemplate,
    /// DT_SONAME of the output.
    pub soname: &'a str,
    /// The file to write.
    pub output: &'a Path,
    /// Rlibs of the members, or changed copies of them.
    pub rlibs: &'a [PathBuf],
    /// Shared objects of the groups below, or their stubs.
    pub below: &'a [PathBuf],
    /// Directories to look for native libraries in.
    pub native_search: &'a [PathBuf],
    /// Native libraries, as `-l` arguments.
    pub native_libraries: &'a [OsString],
    /// Entries for the run path.
    pub run_paths: &'a [OsString],
    /// Further linker options, as for stripping.
    pub options: &'a [OsString],
}

impl GroupLine<'_> {
    /// The arguments that make the shared object.
    pub fn args(&self) -> Vec<OsString> {
        let template = self.template;
        let all: Vec<_> = template.args().cloned().collect();
        let reader = Reader::of(&all);
        let mut args = template.before.clone();
        args.push("-shared".into());
        args.push("-o".into());
        args.push(self.output.into());
        reader.push(&mut args, &["-soname", self.soname]);
        reader.push(&mut args, &["--hash-style=gnu"]);
        reader.push(&mut args, &["--enable-new-dtags"]);
        for run_path in self.run_paths {
            reader.push(&mut args, &[OsStr::new("-rpath"), run_path]);
        }
        for option in self.options {
            reader.push(&mut args, &[option]);
        }
        reader.push(&mut args, &["--whole-archive"]);
        args.extend(self.rlibs.iter().map(Into::into));
        reader.push(&mut args, &["--no-whole-archive"]);
        args.extend(template.builtins.iter().map(Into::into));
        reader.push(&mut args, &["--no-as-needed"]);
        args.extend(self.below.iter().map(Into::into));
        reader.push(&mut args, &["--as-needed"]);
        for directory in self.native_search {
            args.push("-L".into());
            args.push(directory.into());
        }
        args.extend(self.native_libraries.iter().cloned());
        args.extend(template.after.iter().cloned());
        args
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::for_tests::{LINE, text, words};
    use crate::line::template::dissect;

    #[test]
    fn a_group_is_linked_whole() {
        let (template, _) = dissect(Path::new("cc"), &words(LINE)).unwrap();
        let line = GroupLine {
            template: &template,
            soname: "frozen-1.so",
            output: Path::new("/t/deps/.tmp"),
            rlibs: &["/t/deps/libdep-1.rlib".into()],
            below: &["/t/deps/sysroot.so".into()],
            native_search: &["/native".into()],
            native_libraries: &["-lz".into()],
            run_paths: &["$ORIGIN".into()],
            options: &[],
        };
        assert_eq!(
            text(&line.args()),
            "-m64 -shared -o /t/deps/.tmp -Xlinker -soname -Xlinker frozen-1.so \
             -Xlinker --hash-style=gnu -Xlinker --enable-new-dtags \
             -Xlinker -rpath -Xlinker $ORIGIN \
             -Xlinker --whole-archive /t/deps/libdep-1.rlib -Xlinker --no-whole-archive \
             /s/lib/libcompiler_builtins-3.rlib -Xlinker --no-as-needed /t/deps/sysroot.so \
             -Xlinker --as-needed -L /native -lz \
             -lgcc_s -lc -B/s/gcc-ld -fuse-ld=lld -Wl,--eh-frame-hdr -L /s/lib -nodefaultlibs"
        );
    }
}
