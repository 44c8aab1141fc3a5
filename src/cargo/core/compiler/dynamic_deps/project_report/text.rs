//! The report for people.

use std::fmt;
use std::path::Path;

use itertools::Itertools;
use link_engine::record::Making;
use link_engine::record::inventory::{Executable, Kind, Object};

use super::Found;
use super::stays::{fallback, refusals, staying_libraries};
use crate::util::HumanBytes;

/// The largest number of executables to name for a shared object.
const MOST_NAMED: usize = 3;

/// The directory of a profile, described.
pub(super) struct Text<'a> {
    /// The directory from which paths are relative.
    pub(super) root: &'a Path,
    pub(super) found: &'a Found,
    /// Seconds since 1970 (UTC).
    pub(super) now: u64,
    /// Whether libraries and files are listed that would otherwise be counted.
    pub(super) is_verbose: bool,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = &self.found.directory;
        write!(f, "profile `{}`", directory.profile_name())?;
        if let Some(target) = &directory.target {
            write!(f, " for `{target}`")?;
        }
        writeln!(f, ", in `{}`", self.path(&directory.path))?;
        self.executables(f)?;
        self.objects(f)?;
        self.stays(f)?;
        self.unneeded(f)
    }
}

impl Text<'_> {
    fn executables(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let executables = &self.found.inventory.executables;
        let bytes = executables.iter().map(|executable| executable.bytes).sum();
        writeln!(
            f,
            "\nexecutables: {}, {:.1}",
            executables.len(),
            HumanBytes(bytes)
        )?;
        for executable in executables {
            let bytes = HumanBytes(executable.bytes);
            let linking = if executable.is_dynamic() {
                "dynamic"
            } else {
                "static"
            };
            let path = self.path(executable.path());
            write!(f, "  `{path}`: {bytes:.1}, {linking}, loads ")?;
            let loaded = executable.groups().count();
            let others = executable.needs.len() - loaded;
            if loaded > 0 {
                write!(f, "{} of groups and ", shared_objects(loaded))?;
            }
            write!(f, "{} of the system", shared_objects(others))?;
            writeln!(f, "{}", self.link(executable.making()))?;
            if let Some(name) = executable.name() {
                writeln!(f, "    {name}")?;
            }
            let profile = self.found.profile_name();
            for line in fallback(executable, profile)
                .iter()
                .flat_map(|text| text.lines())
            {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }

    fn objects(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects = &self.found.inventory.objects;
        let bytes = objects.iter().map(|object| object.bytes).sum();
        writeln!(
            f,
            "\nshared objects: {}, {:.1}",
            objects.len(),
            HumanBytes(bytes)
        )?;
        for object in objects {
            let name = match (&object.group, object.kind) {
                (Some(group), _) => group.as_str(),
                (None, Kind::Part) => "local part of earlier builds",
                (None, Kind::Pool) => "frozen pool of earlier builds",
                (None, Kind::Sysroot) => "sysroot of earlier builds",
            };
            let bytes = HumanBytes(object.bytes);
            let made = match &object.making {
                Some(making) => self.link(Some(making)),
                None => format!(", {} old", age(self.now, object.made_at())),
            };
            writeln!(
                f,
                "  {name}: {bytes:.1}{made}, loaded by {}",
                self.users(object)
            )?;
            if self.is_verbose {
                writeln!(f, "    `{}`", object.soname)?;
                for library in &object.libraries {
                    writeln!(f, "    {library}")?;
                }
            } else if !object.libraries.is_empty() {
                let count = object.libraries.len();
                let libraries = if count == 1 { "library" } else { "libraries" };
                writeln!(f, "    {count} {libraries} in `{}`", object.soname)?;
            }
        }
        Ok(())
    }

    fn stays(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found {
            directory,
            inventory,
        } = self.found;
        let profile = directory.profile_name();
        for refusal in refusals(inventory, profile) {
            writeln!(f, "\n{refusal}")?;
        }
        let stays = staying_libraries(inventory, profile);
        if stays.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nlibraries that stay in the executables that use them: {}",
            stays.len()
        )?;
        for stay in stays {
            writeln!(f, "  {}: {}", stay.name, stay.reason)?;
            if let Some(help) = stay.help {
                writeln!(f, "    help: {help}")?;
            }
        }
        Ok(())
    }

    fn unneeded(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unneeded: Vec<&Object> = self.found.inventory.unneeded().collect();
        let bytes = unneeded.iter().map(|object| object.bytes).sum();
        if unneeded.is_empty() {
            return write!(f, "\ndisk that could be freed: none");
        }
        write!(
            f,
            "\ndisk that could be freed: {:.1} in {} that no executable here loads",
            HumanBytes(bytes),
            shared_objects(unneeded.len())
        )?;
        if self.is_verbose {
            for object in unneeded {
                write!(f, "\n  `{}`", self.path(&object.path))?;
            }
            Ok(())
        } else {
            write!(f, "\n  help: `-v` lists the files, which can be deleted")
        }
    }

    /// The time that a link took and its age, after a comma.
    fn link(&self, making: Option<&Making>) -> String {
        let Some(making) = making else {
            return String::new();
        };
        let verb = if making.bound_anew {
            "bound anew"
        } else {
            "linked"
        };
        let age = age(self.now, making.at);
        format!(", {verb} in {} ms {age} ago", making.milliseconds)
    }

    fn users(&self, object: &Object) -> String {
        let executables = &self.found.inventory.executables;
        let users: Vec<&Executable> = object
            .users
            .iter()
            .map(|user| &executables[*user])
            .collect();
        if users.is_empty() {
            return "no executable".to_owned();
        }
        if users.len() == executables.len() && users.len() > 1 {
            return format!("all {} executables", users.len());
        }
        let named = users.iter().take(MOST_NAMED);
        let named = named.map(|user| {
            let name = user.path().file_name().unwrap_or_default();
            format!("`{}`", name.to_string_lossy())
        });
        let named = named.format(", ").to_string();
        match users.len().saturating_sub(MOST_NAMED) {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }

    fn path(&self, path: &Path) -> String {
        let path = path.strip_prefix(self.root).unwrap_or(path);
        path.display().to_string()
    }
}

fn shared_objects(count: usize) -> String {
    let objects = if count == 1 { "object" } else { "objects" };
    format!("{count} shared {objects}")
}

/// Roughly how long ago `then` was. A time in the future counts as now.
fn age(now: u64, then: u64) -> String {
    let seconds = now.saturating_sub(then);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
