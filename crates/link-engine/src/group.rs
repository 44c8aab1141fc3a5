//! Making the shared object of a group from the rlibs of its members.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::classify::{self, Candidate};
use crate::content::{ContentKey, GroupFiles};
use crate::link_line::GroupLine;
use crate::linker::{self, scratch_directory};
use crate::manifest::{GroupManifest, LinkTemplate, Member, Stay};
use crate::rlib::{RlibFacts, copy_with_protected_symbols};
use crate::{Error, Result, files, response_file};

/// Changes when the same inputs would give another shared object.
const FORMAT: &str = "dynamic-deps 1";

/// A library to be linked into a group.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its name for people: package and version.
    pub name: String,
    /// Its rlib.
    pub rlib: PathBuf,
    /// File names of the rlibs it depends on directly, in this group or below.
    pub dependencies: Vec<String>,
}

/// A group to be made.
#[derive(Debug, Clone)]
pub struct GroupJob {
    /// Its name for people, such as `frozen`.
    pub group: String,
    /// Where it goes.
    pub files: GroupFiles,
    /// Its libraries, dependents first.
    pub libraries: Vec<Library>,
    /// Manifests of the groups below; the one of the sysroot is among them and
    /// says how to link.
    pub below: Vec<PathBuf>,
    /// Directories to look for native libraries in.
    pub native_search: Vec<PathBuf>,
    /// What build scripts ask to link, as rustc's `-l` takes it.
    pub native_libraries: Vec<String>,
    /// Entries for the run path.
    pub run_paths: Vec<OsString>,
    /// What to leave out of the output.
    pub strip: Strip,
    /// Where executables may lie that need an older content of this group.
    pub executable_directories: Vec<PathBuf>,
    /// Directory for files that only this job needs; emptied first.
    pub scratch: PathBuf,
}

/// What a linker leaves out of its output, as rustc's `-C strip` names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strip {
    /// Nothing.
    #[default]
    None,
    /// Debugging information.
    DebugInfo,
    /// Debugging information and the symbol table.
    Symbols,
}

impl Strip {
    fn option(self) -> Option<OsString> {
        match self {
            Strip::None => None,
            Strip::DebugInfo => Some("--strip-debug".into()),
            Strip::Symbols => Some("--strip-all".into()),
        }
    }
}

impl GroupJob {
    /// Makes the shared object and the manifest.
    ///
    /// When the content is on disk already, from an earlier build, nothing is linked.
    ///
    /// # Errors
    /// When a file cannot be read or written, is malformed, or the linker fails.
    /// What was there before is left as it was.
    pub fn run(&self) -> Result<GroupManifest> {
        let below: Vec<_> = self
            .below
            .iter()
            .map(|path| Ok((path, GroupManifest::read(path)?)))
            .collect::<Result<_>>()?;
        let template = below
            .iter()
            .find_map(|(_, manifest)| manifest.template.as_ref())
            .ok_or(Error::LinkLine {
                missing: "group of the sysroot crates",
            })?;
        let stays_below = below
            .iter()
            .flat_map(|(_, manifest)| manifest.stays_by_rlib())
            .collect();
        let below: Vec<Below> = below
            .iter()
            .filter(|(_, manifest)| !manifest.members.is_empty())
            .map(|(path, manifest)| Below {
                soname: manifest.soname.clone(),
                shared_object: manifest.shared_object(path),
            })
            .collect();
        link(self, template, &below, &stays_below, None)
    }
}

/// A group below, as its dependents see it.
pub(crate) struct Below {
    pub(crate) soname: String,
    pub(crate) shared_object: PathBuf,
}

/// Reads, judges and links the libraries of a job. `own_template` is what the
/// group of the sysroot crates has to tell the others; its libraries are members
/// whatever they hold, since rustc links them into every program as a whole.
pub(crate) fn link(
    job: &GroupJob,
    template: &LinkTemplate,
    below: &[Below],
    stays_below: &HashMap<String, String>,
    own_template: Option<LinkTemplate>,
) -> Result<GroupManifest> {
    let read: Vec<(RlibFacts, blake3::Hash)> = job
        .libraries
        .iter()
        .map(|library| RlibFacts::read(&library.rlib))
        .collect::<Result<_>>()?;
    let file_names: Vec<String> = job.libraries.iter().map(Library::file_name).collect();
    let candidates: Vec<_> = job
        .libraries
        .iter()
        .zip(&read)
        .zip(&file_names)
        .map(|((library, (facts, _)), rlib)| Candidate {
            rlib,
            name: &library.name,
            dependencies: &library.dependencies,
            facts,
        })
        .collect();
    let verdicts = match own_template {
        Some(_) => vec![None; candidates.len()],
        None => classify::verdicts(&candidates, stays_below),
    };

    let mut members = Vec::new();
    let mut stays = Vec::new();
    let mut inputs = Vec::new();
    for (((library, (facts, hash)), rlib), verdict) in job
        .libraries
        .iter()
        .zip(&read)
        .zip(file_names)
        .zip(verdicts)
    {
        let name = library.name.clone();
        match verdict {
            Some(reason) => stays.push(Stay { name, rlib, reason }),
            None => {
                inputs.push((library, facts, hash));
                members.push(Member {
                    name,
                    rlib,
                    protected_symbols: facts.hidden_symbols.len(),
                });
            }
        }
    }

    let native_libraries: Vec<NativeLibrary> = job
        .native_libraries
        .iter()
        .filter_map(|text| NativeLibrary::parse(text))
        .collect();
    let key = content_key(job, template, below, &inputs, &native_libraries);
    let manifest = GroupManifest {
        group: job.group.clone(),
        soname: job.files.soname(&key),
        members,
        stays,
        needs: below.iter().map(|group| group.soname.clone()).collect(),
        native_libraries: native_libraries
            .iter()
            .map(|library| library.name.clone())
            .collect(),
        template: own_template,
    };
    let content = job.files.content(&manifest.soname);
    if content.exists() {
        // Whoever compares times must see that this build vouches for it.
        touch(&content)?;
    } else {
        let scratch = scratch_directory(job.scratch.clone())?;
        let rlibs = linkable_rlibs(&inputs, &scratch)?;
        link_content(
            job,
            template,
            below,
            &rlibs,
            &native_libraries,
            &manifest,
            &scratch,
        )?;
        fs::remove_dir_all(&scratch).map_err(Error::io("remove", &scratch))?;
    }
    files::link_or_copy(&content, &job.files.shared_object())?;
    manifest.write(&job.files.manifest())?;
    job.files
        .remove_unneeded(&manifest.soname, &job.executable_directories)?;
    Ok(manifest)
}

impl Library {
    fn file_name(&self) -> String {
        let name = self.rlib.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

type Input<'a> = (&'a Library, &'a RlibFacts, &'a blake3::Hash);

/// Hashes all that decides on the bytes of the shared object: the members, the
/// link line but for its paths, and what the groups below are.
fn content_key(
    job: &GroupJob,
    template: &LinkTemplate,
    below: &[Below],
    inputs: &[Input<'_>],
    native_libraries: &[NativeLibrary],
) -> ContentKey {
    let mut hasher = blake3::Hasher::new();
    let mut put = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    put(FORMAT.as_bytes());
    for (library, _, hash) in inputs {
        put(library.file_name().as_bytes());
        put(hash.as_bytes());
    }
    for group in below {
        put(group.soname.as_bytes());
    }
    let options = job.strip.option();
    put(template.linker.as_os_str().as_encoded_bytes());
    for arg in template
        .before
        .iter()
        .chain(&template.after)
        .chain(&job.run_paths)
        .chain(&options)
    {
        put(arg.as_encoded_bytes());
    }
    for library in native_libraries {
        put(library.argument.as_bytes());
    }
    ContentKey::new(&hasher)
}

/// The rlibs to give to the linker: those of the members, or copies of them in
/// `scratch` where hidden symbols have to be seen from outside.
fn linkable_rlibs(inputs: &[Input<'_>], scratch: &Path) -> Result<Vec<PathBuf>> {
    inputs
        .iter()
        .map(|(library, facts, _)| {
            if facts.hidden_symbols.is_empty() {
                return Ok(library.rlib.clone());
            }
            let copy = scratch.join(library.file_name());
            copy_with_protected_symbols(&library.rlib, facts, &copy)?;
            Ok(copy)
        })
        .collect()
}

fn link_content(
    job: &GroupJob,
    template: &LinkTemplate,
    below: &[Below],
    rlibs: &[PathBuf],
    native_libraries: &[NativeLibrary],
    manifest: &GroupManifest,
    scratch: &Path,
) -> Result<()> {
    let content = job.files.content(&manifest.soname);
    let temporary = files::temporary_beside(&content)?;
    let below: Vec<_> = below
        .iter()
        .map(|group| group.shared_object.clone())
        .collect();
    let native_arguments: Vec<_> = native_libraries
        .iter()
        .map(|library| library.argument.clone().into())
        .collect();
    let options: Vec<_> = job.strip.option().into_iter().collect();
    let args = GroupLine {
        template,
        soname: &manifest.soname,
        output: &temporary,
        rlibs,
        below: &below,
        native_search: &job.native_search,
        native_libraries: &native_arguments,
        run_paths: &job.run_paths,
        options: &options,
    }
    .args();
    let output = linker::run(&template.linker, args.clone(), scratch)?;
    if !output.status.success() {
        let link_line = scratch.join("link-line");
        files::write(&link_line, &response_file::format(&args))?;
        return Err(Error::GroupLink {
            group: job.group.clone(),
            status: output.status,
            link_line,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    files::persist(temporary, &content)
}

fn touch(path: &Path) -> Result<()> {
    fs::File::open(path)
        .and_then(|file| file.set_modified(SystemTime::now()))
        .map_err(Error::io("update the time of", path))
}

/// A shared native library that a build script asks for.
#[derive(Debug, PartialEq, Eq)]
struct NativeLibrary {
    /// As the linker's `-l` takes it.
    argument: String,
    /// Its name.
    name: String,
}

impl NativeLibrary {
    /// Reads `[KIND[:MODIFIERS]=]NAME[:RENAME]`, the value of rustc's `-l`.
    ///
    /// `None` for a static library: rustc puts it into the rlib, or, with the
    /// modifier `-bundle`, on the link line of the executable, from where it
    /// serves the groups.
    fn parse(text: &str) -> Option<NativeLibrary> {
        let (kind, name) = text.split_once('=').unwrap_or(("dylib", text));
        let (kind, modifiers) = kind.split_once(':').unwrap_or((kind, ""));
        if kind != "dylib" {
            return None;
        }
        let verbatim = modifiers.split(',').any(|modifier| modifier == "+verbatim");
        let name = name.rsplit(':').next().unwrap_or(name);
        Some(NativeLibrary {
            argument: if verbatim {
                format!("-l:{name}")
            } else {
                format!("-l{name}")
            },
            name: name.to_owned(),
        })
    }
}

/// The names that the executables of these groups need not look after.
pub(crate) fn settled_libraries<'a>(
    manifests: impl IntoIterator<Item = &'a GroupManifest>,
) -> HashSet<String> {
    let mut settled = HashSet::new();
    for manifest in manifests {
        settled.extend(manifest.native_libraries.iter().cloned());
        let platform = manifest
            .template
            .iter()
            .flat_map(|template| &template.after);
        settled.extend(platform.filter_map(|arg| {
            let name = arg.to_str()?.strip_prefix("-l")?;
            Some(name.to_owned())
        }));
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_libraries_are_read_as_rustc_does() {
        #[track_caller]
        fn check(text: &str, expected: Option<(&str, &str)>) {
            let expected = expected.map(|(argument, name)| NativeLibrary {
                argument: argument.into(),
                name: name.into(),
            });
            assert_eq!(NativeLibrary::parse(text), expected);
        }
        check("z", Some(("-lz", "z")));
        check("dylib=ssl", Some(("-lssl", "ssl")));
        check("dylib:+as-needed=ssl", Some(("-lssl", "ssl")));
        check("dylib=ssl:crypto", Some(("-lcrypto", "crypto")));
        check(
            "dylib:+verbatim=libz.so.1",
            Some(("-l:libz.so.1", "libz.so.1")),
        );
        check("static=sqlite3", None);
        check("static:-bundle=sqlite3", None);
        check("framework=Foundation", None);
    }
}
