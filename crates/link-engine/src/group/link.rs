//! Having the linker make one shared object.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use tracing::{debug, debug_span};

use super::BeforeLink;
use super::Lasting;
use super::line::GroupLine;
use super::linkable::{linkable_below, linkable_rlibs};
use super::make::{GroupLink, Object, constructors_of};
use crate::elf::{self, DynamicInfo, versions};
use crate::finish::{LinkedGroup, packed, private};
use crate::line::response_file;
use crate::line::run::{self, ObjectsBy};
use crate::line::syntax::{Reader, joined};
use crate::line::threads::{is_lld, threads_option};
use crate::system::files::{self, scratch_directory};
use crate::{Error, Result};

impl GroupLink<'_> {
    pub(super) fn link(
        &self,
        soname: &str,
        object: &Object<'_>,
        mut options: Vec<OsString>,
        before_link: BeforeLink<'_>,
    ) -> Result<()> {
        let job = self.job;
        let scratch = scratch_directory(job.scratch.clone())?;
        let content = job.files.content(soname);
        let temporary = files::temporary_beside(&content)?;
        let native_arguments: Vec<_> = object
            .native
            .iter()
            .map(|input| input.argument.clone().into())
            .collect();
        if !self.has_own_versions() {
            let script = scratch.join("versions");
            fs::write(&script, versions::SCRIPT).map_err(Error::io("write", &script))?;
            options.push(joined("--version-script=", script));
        }
        let rlibs = linkable_rlibs(object.members, &scratch)?;
        let linkable_below = linkable_below(object, &scratch)?;
        let line = |options: &[OsString]| {
            let line = GroupLine {
                template: self.template,
                soname,
                output: &temporary,
                rlibs: &rlibs,
                below: &linkable_below,
                native_search: &object.native_search,
                native_libraries: &native_arguments,
                run_paths: &job.run_paths,
                options,
            };
            line.args()
        };
        let mut args = line(&options);
        let linked = self.run_linker(&args, &scratch, before_link);
        let is_packing = options.iter().position(|option| option == packed::PACK[0]);
        match (linked, is_packing) {
            // gold does not know the option.
            (Err(Error::GroupLink { link_line, .. }), Some(first)) => {
                options.drain(first..first + packed::PACK.len());
                args = line(&options);
                self.run_linker(&args, &scratch, before_link)?;
                fs::remove_file(&link_line).map_err(Error::io("remove", &link_line))?;
            }
            (linked, _) => linked?,
        }
        if !packed::is_loadable(&temporary)? {
            Reader::of(&args).push(&mut args, &packed::UNPACK);
            self.run_linker(&args, &scratch, before_link)?;
        }
        let maps: Vec<_> = object
            .below
            .iter()
            .map(|below| Ok((&*below.soname, files::map(&below.path)?)))
            .collect::<Result<_>>()?;
        let below: Vec<(&str, &[u8])> = maps
            .iter()
            .map(|(soname, map)| (*soname, &map[..]))
            .collect();
        let is_bound_anew = job.lasting == Lasting::Build;
        LinkedGroup {
            path: &temporary,
            private: &self.private(&temporary, object)?,
            below: &below,
            constructors: &constructors_of(object.members),
            unbound: is_bound_anew.then(|| job.files.unbound(soname)).as_deref(),
        }
        .finish()?;
        files::persist(temporary, &content)?;
        fs::remove_dir_all(&scratch).map_err(Error::io("remove", &scratch))
    }

    /// The options of the link that decide the bytes of the shared object and are not part of the
    /// template.
    pub(super) fn options(&self, object: &Object<'_>) -> Vec<OsString> {
        let mut options: Vec<OsString> = self.job.strip.option().into_iter().collect();
        let sizes = object.members.iter().map(|input| input.bytes);
        if self.packs_relocations && sizes.sum::<u64>() >= packed::PAYS_FROM {
            options.extend(packed::PACK.map(OsString::from));
        }
        let is_lld = is_lld(self.template);
        // The linker binds calls from a group to itself, so they cost nothing at start. But an inline
        // function of C++ must have one address in a process, and only lld can tell such functions
        // from others. Data stays preemptible for the same reason. `bind` binds that of Rust.
        let mut members = object.members.iter();
        if is_lld {
            options.push("-Bsymbolic-non-weak-functions".into());
        } else if !members.any(|input| input.facts.has_shared_definitions) {
            options.push("-Bsymbolic-functions".into());
        }
        if self.job.lasting == Lasting::Build && is_lld {
            // A part is linked after each edit. Unmerged strings take 3 % more space, and merging
            // them takes a third of the time (lld 22).
            options.push("-O0".into());
        }
        options
    }

    fn run_linker(
        &self,
        args: &[OsString],
        scratch: &Path,
        before_link: BeforeLink<'_>,
    ) -> Result<()> {
        let job = self.job;
        let linker = &self.template.linker;
        before_link(linker, args);
        let mut command = Command::new(linker);
        command
            .current_dir(&job.working_directory)
            .envs(job.environment.iter().cloned());
        let mut args_with_threads = args.to_vec();
        let threads = job.threads.take(MOST_THREADS);
        if let Some(option) = threads_option(self.template, threads.threads()) {
            Reader::of(args).push(&mut args_with_threads, &[option]);
        }
        let output = debug_span!("linker")
            .in_scope(|| run::run(command, args_with_threads, ObjectsBy::Name, scratch))?;
        debug!(status = %output.status, "the linker has ended");
        if output.status.success() {
            return Ok(());
        }
        let link_line = job.scratch.with_file_name("refused-link-line");
        files::write(&link_line, &response_file::format(args))?;
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::GroupLink { link_line, stderr })
    }

    /// Whether link args of the user decide which symbols are shown, or under which versions.
    pub(super) fn has_own_versions(&self) -> bool {
        let mut args = self.template.args();
        args.any(|arg| private::shows_symbols(arg))
    }

    /// The private definitions of the shared object with C names: those to which no group below
    /// refers, and that no shared library names which the shared object needs.
    fn private<'b>(&self, shared_object: &Path, object: &Object<'b>) -> Result<HashSet<&'b str>> {
        let members = object.members.iter();
        let definitions = members.flat_map(|input| &input.facts.unmangled_definitions);
        let mut private: HashSet<&str> = definitions.map(String::as_str).collect();
        private.retain(|name| !object.open_below.contains(*name));
        if private.is_empty() || self.has_own_versions() {
            return Ok(HashSet::new());
        }
        let info = DynamicInfo::read(shared_object)?.unwrap_or_default();
        let is_group = |soname: &String| object.below.iter().any(|below| below.soname == *soname);
        let mut libraries = info.needed;
        libraries.retain(|soname| !is_group(soname));
        for library in self.search.find(&object.native_search, &libraries) {
            let bytes = files::map(&library)?;
            let names = elf::names(&bytes).map_err(Error::object(&library))?;
            private.retain(|name| !names.contains(name.as_bytes()));
        }
        Ok(private)
    }
}

/// More threads than these do not speed up the link of a group, which mostly copies bytes.
const MOST_THREADS: usize = 8;
