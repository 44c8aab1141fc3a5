//! Libraries that stay in the executable, whatever their rlibs hold.

use std::fmt;

use link_plan::image::{ImageUser, image_user};

use super::units::reachable_libraries;
use crate::core::compiler::Unit;
use crate::core::compiler::unit_graph::UnitGraph;
use crate::core::profiles::Profiles;

/// Why a library stays in the executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// The user said so.
    ByProfile,
    /// Its code counts on lying in the executable.
    TakesImage(&'static ImageUser),
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::ByProfile => f.write_str("its profile says `dynamic-deps = false`"),
            Kept::TakesImage(user) => write!(f, "{} ({})", user.reason, user.source),
        }
    }
}

/// The libraries below `unit` that have to stay in it, with the reasons.
pub(super) fn kept_libraries<'g>(
    graph: &'g UnitGraph,
    profiles: &Profiles,
    unit: &Unit,
) -> impl Iterator<Item = (&'g Unit, Kept)> {
    let libraries = reachable_libraries(graph, unit).into_iter();
    libraries.filter_map(|library| Some((library, kept(profiles, library)?)))
}

/// The reason to keep a library in the executable, if there is one.
///
/// `false` in the profile of a package counts. `false` for the whole profile does not, since a
/// request on the command line overrides it. `true` in the profile of a package that counts on
/// lying in the executable puts it into a group.
pub(super) fn kept(profiles: &Profiles, library: &Unit) -> Option<Kept> {
    let is_opted_out = library.profile.dynamic_deps == Some(false);
    if is_opted_out && profiles.base_profile().dynamic_deps != Some(false) {
        return Some(Kept::ByProfile);
    }
    let user = image_user(library.pkg.name().as_str())?;
    let of_package = profiles.package_dynamic_deps(library.pkg.package_id());
    (of_package != Some(true)).then_some(Kept::TakesImage(user))
}
