//! The user's request: whether to link dependencies dynamically.

use clap::{Arg, ArgAction};

use crate::GlobalContext;
use crate::core::compiler::BuildConfig;
use crate::util::command_prelude::{ArgMatchesExt, flag, heading, opt};

/// The request of the command line and of the `-Z` flag. The profile has the rest.
#[derive(Clone, Debug, Default)]
pub struct DynamicDepsRequest {
    /// `--dynamic-deps` or `--no-dynamic-deps`, or the one that the command allows.
    asked: Option<bool>,
    /// The answer if neither the command line nor the profile has one.
    default: bool,
}

impl DynamicDepsRequest {
    /// The arguments of the commands that link executables.
    ///
    /// The value needs an equals sign. Otherwise `cargo run --dynamic-deps x` would take an
    /// argument of the program as the value.
    pub fn args() -> [Arg; 2] {
        [
            opt(
                "dynamic-deps",
                "Link the dependencies of executables dynamically",
            )
            .value_name("BOOL")
            .value_parser(["true", "false"])
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .action(ArgAction::Set)
            .overrides_with("no-dynamic-deps")
            .help_heading(heading::COMPILATION_OPTIONS),
            flag("no-dynamic-deps", "Link all dependencies statically")
                .overrides_with("dynamic-deps")
                .help_heading(heading::COMPILATION_OPTIONS),
        ]
    }

    /// The request in the arguments of a command, which need not have [`Self::args`].
    pub fn from_args<Args: ArgMatchesExt + ?Sized>(args: &Args) -> DynamicDepsRequest {
        let asked = if args.flag("no-dynamic-deps") {
            Some(false)
        } else {
            args._value_of("dynamic-deps").map(|value| value == "true")
        };
        DynamicDepsRequest {
            asked,
            default: false,
        }
    }

    /// Links dynamically if `-Z dynamic-deps` is given, unless command line or profile say
    /// otherwise.
    pub fn default_on(&mut self, gctx: &GlobalContext) {
        self.default = gctx.cli_unstable().dynamic_deps;
    }

    /// Links statically whatever the profile says: the executables leave the
    /// target directory.
    pub fn force_static(&mut self) {
        self.asked = Some(false);
    }

    /// The answer for a final unit, given the value in its profile.
    pub(super) fn is_on(&self, profile: Option<bool>) -> bool {
        self.asked.or(profile).unwrap_or(self.default)
    }

    /// Whether the user asks for it on the command line, so that Cargo has to report an error if it
    /// is not possible.
    pub(super) fn is_demand(&self) -> bool {
        self.asked == Some(true)
    }
}

impl BuildConfig {
    /// The same, with all dependencies linked statically whatever the profile says.
    pub fn linked_statically(mut self) -> BuildConfig {
        self.dynamic_deps.force_static();
        self
    }
}
