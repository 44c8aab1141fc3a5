//! Making the shared objects of a group from the rlibs of its members.
//!
//! | module | what it does |
//! |---|---|
//! | [`inputs`] | reads the libraries of this build, and those that earlier builds put into the group |
//! | [`below`] | reads the groups below |
//! | [`native`] | reads what build scripts ask for |
//! | [`link`] | has the linker make one shared object |
//!
//! [`GroupJob::run`] goes through these in order: it reads, decides which libraries stay
//! ([`classify`]) and which share a shared object ([`effects`]), links what is not on disk, and
//! writes the manifest.

mod below;
mod inputs;
mod link;
mod native;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use self::below::{BelowGroups, platform_definitions};
use self::inputs::{Input, Inputs};
use self::link::{GroupLink, MadeObject};
pub(crate) use self::native::settled_libraries;
use crate::classify::{self, Candidate, StayReason};
use crate::content::GroupFiles;
use crate::effects::{self, Effect, Subject, Users};
use crate::manifest::{GroupManifest, LinkTemplate, Refusal, SharedObject, Stay};
use crate::threads::Threads;
use crate::{Error, Result, packed};

/// Changes when the same inputs would give another shared object.
pub const FORMAT: &str = "dynamic-deps 10";

/// A library to be linked into a group.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its name for people: package and version.
    pub name: String,
    /// Names it in the same way in every build.
    pub key: u64,
    /// Its rlib.
    pub rlib: PathBuf,
    /// File names of the rlibs it depends on directly, in this group or below.
    pub dependencies: Vec<String>,
    /// The executables of this build that depend on it.
    pub users: Users,
    /// Directories in which its build script has native libraries looked for.
    pub native_search: Vec<PathBuf>,
    /// What its build script asks to link, as rustc's `-l` takes it.
    pub native_libraries: Vec<String>,
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
    /// Libraries that could not be compiled, and what depends on them, by name.
    pub missing: Vec<String>,
    /// What it lasts for.
    pub lasting: Lasting,
    /// Manifests of the groups below, dependents first; the one of the sysroot is among them and
    /// says how to link.
    pub below: Vec<PathBuf>,
    /// Directories to look for the native libraries of libraries below in.
    pub native_search: Vec<PathBuf>,
    /// What build scripts of libraries below ask to link.
    pub native_libraries: Vec<String>,
    /// Entries for the run path.
    pub run_paths: Vec<OsString>,
    /// What to leave out of the output.
    pub strip: Strip,
    /// Where executables may lie that need an older content of this group.
    pub executable_directories: Vec<PathBuf>,
    /// The directory that relative paths in link args start from.
    pub working_directory: PathBuf,
    /// Variables for rustc and the linker, besides those that this process has.
    pub environment: Vec<(OsString, OsString)>,
    /// How many threads it may use.
    pub threads: Threads,
    /// Directory for files that only this job needs; emptied first. Beside it lies
    /// the link line of a link that the linker refused.
    pub scratch: PathBuf,
}

/// For which builds a group is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Lasting {
    /// Until a library in it changes, for the executables of this build.
    #[default]
    Build,
    /// For all builds, of which each has some of its libraries: a pool.
    Pool {
        /// The libraries that this build does not have, by their keys.
        carried: HashSet<u64>,
        /// What was read of those, by [`GroupFiles::facts`], dependents first.
        facts: Vec<PathBuf>,
    },
    /// For all builds with one toolchain: the sysroot crates.
    Toolchain,
}

/// What became of a job.
#[derive(Debug)]
pub struct Outcome {
    /// What was written.
    pub manifest: GroupManifest,
    /// All libraries of the group.
    pub libraries: Vec<OutcomeLibrary>,
    /// What was done for each shared object, one line each, for those who want to see each step.
    pub steps: Vec<String>,
}

/// A library of a group that was made.
#[derive(Debug)]
pub struct OutcomeLibrary {
    /// See [`Library::key`].
    pub key: u64,
    /// File name of its rlib.
    pub rlib: String,
    /// Size of its rlib.
    pub bytes: u64,
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

/// Gets the linker and its arguments before it runs, to show them to the user.
pub type BeforeLink<'a> = &'a mut dyn FnMut(&Path, &[OsString]);

/// How many libraries are put out of a group, one after the other, until the linker makes a shared
/// object of the rest.
const MOST_REFUSED: usize = 8;

impl GroupJob {
    /// Makes the shared objects and the manifest.
    ///
    /// What is on disk already, from an earlier build, is not linked. Otherwise `before_link` is
    /// called before the linker is.
    ///
    /// A library that the linker refuses stays in the executables, with what depends on it. Where
    /// the linker names none, all do, and the manifest holds its words.
    ///
    /// # Errors
    /// When a file cannot be read or written. What was there before is left as it was.
    pub fn run(&self, before_link: BeforeLink<'_>) -> Result<Outcome> {
        let below = BelowGroups::read(&self.below)?;
        let no_libraries = HashSet::new();
        let (carried, mut stores) = match &self.lasting {
            Lasting::Build | Lasting::Toolchain => (&no_libraries, Vec::new()),
            Lasting::Pool { carried, facts } => (carried, facts.clone()),
        };
        stores.insert(0, self.files.facts());
        let mut inputs = Inputs::read(
            &self.libraries,
            carried,
            &stores,
            self.files.directory(),
            &below,
            &self.threads,
        )?;
        let Some(template) = below.template() else {
            let library = "std".to_owned();
            let verdicts = vec![Some(StayReason::DependsOn { library }); inputs.0.len()];
            return self.finish(&below, &inputs, &verdicts, Made::default());
        };
        let mut link = GroupLink::new(self, template);
        if self.lasting == Lasting::Build {
            // What cannot be read is of no help.
            let earlier = GroupManifest::read(&self.files.manifest()).ok();
            link.earlier = earlier.map_or_else(Vec::new, |manifest| manifest.objects);
        }
        let platform = platform_definitions(template)?;
        let surroundings = below.surroundings(&platform, link.has_own_versions());
        let stays = below.stays();
        let mut refused: HashMap<String, String> = HashMap::new();
        loop {
            let verdicts = verdicts(&inputs.0, &stays, &platform, &refused);
            let divided = self.divide(&mut inputs.0, &verdicts, &surroundings, template);
            let error = match link.make_all(&divided.select(&inputs.0), &below.objects, before_link)
            {
                Ok((objects, steps)) => {
                    let made = Made {
                        objects,
                        steps,
                        refusal: None,
                    };
                    return self.finish(&below, &inputs, &verdicts, made);
                }
                Err(error) => error,
            };
            let culprits = refused_libraries(&error, &inputs.0, &verdicts);
            if culprits.is_empty() || refused.len() + culprits.len() > MOST_REFUSED {
                let made = Made {
                    refusal: Some(Refusal::of(error)?),
                    ..Made::default()
                };
                return self.finish(&below, &inputs, &verdicts, made);
            }
            refused.extend(culprits);
        }
    }

    /// Makes the group of the sysroot crates, whose manifest tells the other groups
    /// how to link. All its libraries are members whatever they hold: rustc links
    /// them into every program.
    pub(crate) fn run_as_sysroot(
        &self,
        template: LinkTemplate,
        before_link: BeforeLink<'_>,
    ) -> Result<Outcome> {
        let below = BelowGroups::read(&[])?;
        let mut inputs = Inputs::read(
            &self.libraries,
            &HashSet::new(),
            &[self.files.facts()],
            self.files.directory(),
            &below,
            &self.threads,
        )?;
        for input in &mut inputs.0 {
            // Every program has them, so it does not matter who runs them.
            input.facts.constructors.clear();
        }
        let mut link = GroupLink::new(self, &template);
        link.packs_relocations = link.loader_knows_packed()?;
        let members: Vec<&Input> = inputs.0.iter().collect();
        let (objects, steps) = match link.make_all(&[(BTreeSet::new(), members)], &[], before_link)
        {
            Ok(made) => made,
            Err(error) => return self.refuse(Refusal::of(error)?),
        };
        let verdicts = vec![None; inputs.0.len()];
        let mut template = template.clone();
        if let [(object, _)] = &objects[..] {
            let content = self.files.content(&object.soname);
            template.platform_libraries = link.platform_libraries(&content)?;
            // Whether the linker packs them, so that the loader takes the file.
            template.packs_relocations = packed::are_in(&content)?;
        }
        let platform = platform_definitions(&template)?;
        template.builtin_definitions = link::builtin_definitions(&template, &platform)?;
        let made = Made {
            objects,
            steps,
            refusal: None,
        };
        let mut outcome = self.finish(&below, &inputs, &verdicts, made)?;
        outcome.manifest.template = Some(template);
        outcome.manifest.write(&self.files.manifest())?;
        Ok(outcome)
    }

    /// Makes a group without members, and tells why in its manifest.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Result<Outcome> {
        let below = BelowGroups::read(&[])?;
        let made = Made {
            refusal: Some(refusal),
            ..Made::default()
        };
        self.finish(&below, &Inputs(Vec::new()), &[], made)
    }

    /// Which members share a shared object: those with the same effects.
    fn divide(
        &self,
        inputs: &mut [Input],
        verdicts: &[Option<StayReason>],
        surroundings: &effects::Surroundings<'_>,
        template: &LinkTemplate,
    ) -> Division {
        let members: Vec<usize> = (0..inputs.len())
            .filter(|index| verdicts[*index].is_none())
            .collect();
        let subjects: Vec<Subject<'_>> = members
            .iter()
            .map(|index| {
                let input = &inputs[*index];
                Subject {
                    rlib: &input.rlib,
                    dependencies: &input.library.dependencies,
                    facts: &input.facts,
                    asks_for_library: native::asks_for_shared(
                        &input.library.native_libraries,
                        template,
                    ),
                    users: input.library.users,
                    earlier: input.effect.as_ref(),
                }
            })
            .collect();
        let effects = effects::effects(&subjects, surroundings);
        let users: BTreeSet<Users> = subjects.iter().map(|subject| subject.users).collect();
        let mut by_effects: BTreeMap<BTreeSet<Effect>, Vec<usize>> = BTreeMap::new();
        for (index, effects) in members.iter().zip(&effects) {
            by_effects
                .entry(effects.all.clone())
                .or_default()
                .push(*index);
        }
        for (index, effects) in members.iter().zip(effects) {
            inputs[*index].effect = effects.own;
        }
        // Who depends on one of them depends on all, so it has all of their effects.
        if self.lasting == Lasting::Build && users.len() == 1 {
            let all = by_effects.into_keys().flatten().collect();
            return Division(vec![(all, members)]);
        }
        let mut division: Vec<_> = by_effects.into_iter().collect();
        division.sort_by_key(|(effects, _)| effects.len());
        Division(division)
    }

    /// Writes the manifest, and removes what it replaces.
    fn finish(
        &self,
        below: &BelowGroups,
        inputs: &Inputs,
        verdicts: &[Option<StayReason>],
        made: Made,
    ) -> Result<Outcome> {
        let by_rlib: HashMap<&str, &Input> =
            inputs.0.iter().map(|input| (&*input.rlib, input)).collect();
        let mut objects: Vec<SharedObject> = made
            .objects
            .into_iter()
            .map(|(object, rlibs)| {
                let members = rlibs
                    .iter()
                    .map(|rlib| by_rlib[&**rlib].member(&object.constructors));
                SharedObject {
                    members: members.collect(),
                    soname: object.soname,
                    effects: object.effects,
                    needs: object.needs,
                    binding: object.binding,
                    native_libraries: object.native_libraries,
                    open_references: object.open_references,
                }
            })
            .collect();
        objects.reverse();
        let refused = made.refusal.as_ref().map(|_| StayReason::Refused);
        let stays = inputs
            .0
            .iter()
            .zip(verdicts)
            .filter_map(|(input, verdict)| {
                let reason = verdict.clone().or(refused.clone())?;
                Some(input.stay(reason))
            });
        let missing = self.missing.iter().map(|name| Stay {
            name: name.clone(),
            rlib: String::new(),
            hash: String::new(),
            reason: StayReason::NotCompiled,
            shared_state: Default::default(),
        });
        let manifest = GroupManifest {
            group: self.group.clone(),
            objects,
            stays: stays.chain(missing).collect(),
            refusal: made.refusal,
            template: None,
        };
        manifest.write(&self.files.manifest())?;
        inputs.keep(&self.files.facts(), below)?;
        let current = manifest.objects.iter().map(|object| &*object.soname);
        self.files
            .remove_unneeded(&current.collect(), &self.executable_directories)?;
        let libraries = inputs.0.iter();
        Ok(Outcome {
            libraries: libraries
                .map(|input| OutcomeLibrary {
                    key: input.library.key,
                    rlib: input.rlib.clone(),
                    bytes: input.bytes,
                })
                .collect(),
            manifest,
            steps: made.steps,
        })
    }
}

/// Whether the group whose facts are in the file `facts` is of libraries that are there no more.
pub(crate) fn is_stale(facts: &Path) -> bool {
    inputs::is_stale(facts)
}

impl Library {
    fn file_name(&self) -> String {
        let name = self.rlib.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// The members of each shared object, by position among the inputs, with its effects; each after
/// those it may need.
struct Division(Vec<(BTreeSet<Effect>, Vec<usize>)>);

impl Division {
    fn select<'a>(&self, inputs: &'a [Input]) -> Vec<(BTreeSet<Effect>, Vec<&'a Input>)> {
        let objects = self.0.iter();
        objects
            .map(|(effects, members)| {
                let members = members.iter().map(|index| &inputs[*index]);
                (effects.clone(), members.collect())
            })
            .collect()
    }
}

/// The shared objects of a group on disk, each with the rlibs in it, and after those it needs.
#[derive(Default)]
struct Made {
    objects: Vec<(MadeObject, Vec<String>)>,
    steps: Vec<String>,
    /// Set when there was no linking them.
    refusal: Option<Refusal>,
}

fn verdicts(
    inputs: &[Input],
    stays: &[Stay],
    platform: &HashSet<String>,
    refused: &HashMap<String, String>,
) -> Vec<Option<StayReason>> {
    let candidates: Vec<_> = inputs
        .iter()
        .map(|input| Candidate {
            rlib: &input.rlib,
            name: &input.library.name,
            dependencies: &input.library.dependencies,
            facts: &input.facts,
            refusal: refused.get(&input.rlib).map(String::as_str),
        })
        .collect();
    classify::verdicts(&candidates, stays, platform)
}

/// The members that the linker names where it refuses a group, with its words.
fn refused_libraries(
    error: &Error,
    inputs: &[Input],
    verdicts: &[Option<StayReason>],
) -> HashMap<String, String> {
    let Error::GroupLink { stderr, .. } = error else {
        return HashMap::new();
    };
    let named = |is_counted: fn(&&str) -> bool| -> HashMap<String, String> {
        let members = inputs.iter().zip(verdicts);
        members
            .filter(|(input, verdict)| {
                let mut lines = stderr.lines().filter(is_counted);
                verdict.is_none() && lines.any(|line| line.contains(&*input.rlib))
            })
            .map(|(input, _)| (input.rlib.clone(), stderr.clone()))
            .collect()
    };
    // GNU ld 2.40 names the file of a relocation that it refuses in a warning only.
    let of_errors = named(|line| !line.contains("warning:"));
    if of_errors.is_empty() {
        named(|_| true)
    } else {
        of_errors
    }
}
