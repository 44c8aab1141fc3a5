//! Crates that count on lying in the executable, although their symbols do not show it.
//!
//! An *image* is what the loader maps from one file: the executable, or a shared object. A static
//! program has one image for all crates, and some crates count on that. For example, a crate names
//! a function to another process of the same program by its distance from a function of its own, or
//! reads data that the linker has written into the image. The symbols of such a crate do not show
//! this. So [`IMAGE_USERS`] lists these crates. They stay in the executable, with all crates that
//! depend on them.

/// A package that stays in the executable unless its profile says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageUser {
    /// Name of the package on crates.io.
    pub package: &'static str,
    /// What it does, as a phrase that begins with "it".
    pub reason: &'static str,
    /// Where that can be read.
    pub source: &'static str,
}

/// All packages that are known, by name.
pub const IMAGE_USERS: [ImageUser; 5] = [
    ImageUser {
        package: "buildid",
        reason: "it reads the build id of the image that its code lies in",
        source: "https://docs.rs/buildid/1.0.3/buildid/",
    },
    ImageUser {
        package: "crossmist",
        reason: "it sends addresses to other processes as distances from a function of its own",
        source: "https://github.com/purplesyringa/crossmist/blob/\
                 071c0edbd533bd1a4c61da6bd73622b2cb4a6616/src/relocation.rs",
    },
    ImageUser {
        package: "mitosis",
        reason: "it names functions to other processes by their distance from one of its own",
        source: "https://github.com/Manishearth/mitosis/blob/\
                 471d40095e90349e615a313ff2c484acf2d0019f/src/lib.rs",
    },
    ImageUser {
        package: "procspawn",
        reason: "it names functions to other processes by their distance from one of its own",
        source: "https://github.com/mitsuhiko/procspawn/blob/\
                 037720ff22362b37779eb61591bc435ce01c44ba/src/core.rs",
    },
    ImageUser {
        package: "relative",
        reason: "it sends addresses to other processes as distances from a variable of its own",
        source: "https://docs.rs/relative/0.2.2/src/relative/lib.rs.html",
    },
];

/// Why a package stays in the executable, if it is one of [`IMAGE_USERS`].
pub fn image_user(package: &str) -> Option<&'static ImageUser> {
    IMAGE_USERS.iter().find(|user| user.package == package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_says_why() {
        assert!(IMAGE_USERS.is_sorted_by(|one, other| one.package < other.package));
        for user in &IMAGE_USERS {
            assert!(user.reason.starts_with("it "), "{user:?}");
            assert!(user.source.starts_with("https://"), "{user:?}");
            assert_eq!(image_user(user.package), Some(user));
        }
        assert_eq!(image_user("serde"), None);
    }
}
