//! The job of a group, from its libraries to its manifest.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tracing::{debug, debug_span};

use super::below::{BelowGroups, reached};
use super::classify::{self, Candidate};
use super::effects::{self, Subject, Users};
use super::inputs::{Input, Inputs};
use super::make::{GroupLink, MadeObject};
use super::platform::builtin_definitions;
use super::refused::{MOST_REFUSED, refused_libraries};
use super::{BeforeLink, GroupJob, Lasting, Outcome, OutcomeLibrary, native, split_debug};
use crate::finish::packed;
use crate::line::template::LinkTemplate;
use crate::record::{Effect, GroupManifest, Refusal, SharedObject, Stay, StayReason, remove};
use crate::{Error, Result};

impl GroupJob {
    /// Makes the shared objects and the manifest.
    ///
    /// It does not link a shared object that an earlier build left on disk. Otherwise it calls
    /// `before_link` before the linker.
    ///
    /// A library that the linker refuses stays in the executables, with the libraries that depend
    /// on it. If the linker names no library, all stay, and the manifest holds its message.
    ///
    /// # Errors
    /// When a file cannot be read or written. The files of earlier builds stay as they were.
    pub fn run(&self, before_link: BeforeLink<'_>) -> Result<Outcome> {
        let _job = debug_span!("group", name = self.group).entered();
        let reading = debug_span!("read").entered();
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
        drop(reading);
        let Some(template) = below.template() else {
            let library = "std".to_owned();
            let verdicts = vec![Some(StayReason::DependsOn { library }); inputs.0.len()];
            return self.finish(&below, &inputs, &verdicts, Made::default());
        };
        let link = GroupLink::new(self, template);
        inputs.add_archives(&link.search);
        let platform = template.platform_definitions()?;
        let libraries = inputs.0.iter().map(|input| &input.library);
        let dependencies = libraries.flat_map(|library| &library.dependencies);
        let reached = reached(dependencies, &below.objects);
        let surroundings = below.surroundings(&reached, &platform, link.has_own_versions());
        let stays = below.stays();
        let members_below = below.members();
        let mut refused: HashMap<String, String> = HashMap::new();
        loop {
            let has_layout = !link.has_own_versions();
            let candidates = candidates(&inputs.0, has_layout, &refused);
            let verdicts =
                classify::verdicts(&candidates, &stays, &members_below, &reached, &platform);
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
            let names_none = culprits.is_empty();
            refused.extend(culprits);
            if names_none || refused.len() > MOST_REFUSED {
                let mut refusal = Refusal::of(error)?;
                if !names_none {
                    let inputs = inputs.0.iter();
                    let named = inputs.filter(|input| refused.contains_key(&input.rlib));
                    refusal.libraries = named.map(|input| input.library.name.clone()).collect();
                }
                let made = Made {
                    refusal: Some(refusal),
                    ..Made::default()
                };
                return self.finish(&below, &inputs, &verdicts, made);
            }
            debug!(libraries = ?refused.keys(), "the linker refuses libraries");
        }
    }

    /// Makes the group of the sysroot crates, whose manifest has the template for the links of
    /// other groups. All its libraries are members whatever they hold, since rustc links them into
    /// every program.
    pub(crate) fn run_as_sysroot(
        &self,
        template: LinkTemplate,
        before_link: BeforeLink<'_>,
    ) -> Result<Outcome> {
        let _job = debug_span!("group", name = self.group).entered();
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
            // Every program has these constructors, so the group may run them.
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
            // Whether the linker packs relocations in a way that the loader takes.
            template.packs_relocations = packed::are_in(&content)?;
        }
        let platform = template.platform_definitions()?;
        template.builtin_definitions = builtin_definitions(&template, &platform)?;
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

    /// Makes a group without members, with the reason in its manifest.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Result<Outcome> {
        let below = BelowGroups::read(&[])?;
        let made = Made {
            refusal: Some(refusal),
            ..Made::default()
        };
        self.finish(&below, &Inputs(Vec::new()), &[], made)
    }

    /// Makes a group without members after an error, so that executables are linked statically. A
    /// later build may make the group after all.
    ///
    /// # Errors
    /// When it can neither write that manifest nor remove the one of an earlier build, against
    /// whose shared objects executables would be linked.
    pub fn give_up(&self, error: &Error) -> Result<GroupManifest> {
        debug!(group = self.group, %error, "the group is given up");
        let stays = self.libraries.iter().map(|library| Stay {
            name: library.name.clone(),
            rlib: library.file_name(),
            hash: String::new(),
            reason: StayReason::Refused,
            shared_state: Default::default(),
        });
        let manifest = GroupManifest {
            group: self.group.clone(),
            objects: Vec::new(),
            stays: stays.collect(),
            refusal: Some(Refusal {
                stderr: error.chain(),
                link_line: None,
                libraries: Vec::new(),
                may_pass: true,
            }),
            template: None,
        };
        let path = self.files.manifest();
        if manifest.write(&path).is_err() {
            remove(&path)?;
        }
        Ok(manifest)
    }

    /// Divides the members into shared objects, by their effects.
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
                    asks_for_library: native::asks_for_shared(input.library_requests(), template),
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
        // An executable that depends on one of them depends on all, so it has all of their effects.
        if self.lasting == Lasting::Build && users.len() == 1 {
            let all = by_effects.into_keys().flatten().collect();
            return Division(vec![(all, members)]);
        }
        let mut division: Vec<_> = by_effects.into_iter().collect();
        division.sort_by_key(|(effects, _)| effects.len());
        Division(division)
    }

    /// Writes the manifest, and removes the files that it replaces.
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
                    unbundled: object.unbundled,
                    open_references: object.open_references,
                    making: object.making,
                }
            })
            .collect();
        objects.reverse();
        if self.lasting != Lasting::Toolchain {
            let members = objects.iter().flat_map(|object| &object.members);
            split_debug::unpack(members.map(|member| by_rlib[&*member.rlib]))?;
        }
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
        for stay in &manifest.stays {
            debug!(
                library = stay.name,
                "stays in the executables: {}", stay.reason
            );
        }
        for object in &manifest.objects {
            let effects: Vec<&str> = object.effects.iter().map(Effect::as_str).collect();
            let members = object.members.len();
            debug!(object.soname, members, ?effects, "a shared object");
        }
        manifest.write(&self.files.manifest())?;
        inputs.keep(&self.files, below)?;
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
    /// The refusal, if they could not be linked.
    refusal: Option<Refusal>,
}

fn candidates<'a>(
    inputs: &'a [Input],
    has_layout: bool,
    refused: &'a HashMap<String, String>,
) -> Vec<Candidate<'a>> {
    let candidates = inputs.iter().map(|input| Candidate {
        rlib: &input.rlib,
        name: &input.library.name,
        dependencies: &input.library.dependencies,
        facts: &input.facts,
        unbundled: input.unbundled.iter().map(|one| &one.facts).collect(),
        has_layout,
        hides_symbols: input.hides_symbols(),
        refusal: refused.get(&input.rlib).map(String::as_str),
    });
    candidates.collect()
}
