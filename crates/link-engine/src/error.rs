use std::path::PathBuf;

/// Why a group could not be made or an executable not be linked.
///
/// The `Display` text is one lower-case phrase; causes are in
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file operation failed.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        /// The action that failed, as a verb: "read", "rename".
        action: &'static str,
        /// The file it was tried on.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A file is not the archive or object file it should be.
    #[error("failed to parse `{}`", path.display())]
    Object {
        /// The file; for an archive member `<archive>(<member>)`.
        path: PathBuf,
        /// What is wrong with it.
        source: object::read::Error,
    },

    /// A manifest or link plan is not what this version of the engine writes.
    #[error("failed to parse `{}`", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },

    /// A program could not be started.
    #[error("failed to run `{}`", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// The linker refused to make the shared object of a group.
    #[error(
        "the linker refused to link a group\n\
         the refused link line is in `{}`\n{stderr}",
        link_line.display()
    )]
    GroupLink {
        /// A response file with the whole link line, for replay.
        link_line: PathBuf,
        /// The linker's own words.
        stderr: String,
    },

    /// rustc failed to link the empty program that shows how it links.
    #[error("failed to ask `{}` how it links a program ({status})\n{stderr}", rustc.display())]
    Probe {
        /// The compiler.
        rustc: PathBuf,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// Its own words.
        stderr: String,
    },

    /// A link line lacks something that every link line of rustc has.
    #[error("the link line of rustc has no {missing}")]
    LinkLine {
        /// The missing thing.
        missing: &'static str,
    },

    /// The list of constructors in a shared object is not as linkers make it.
    #[error("the constructors in `{}` cannot be told from each other", path.display())]
    Constructors {
        /// The shared object.
        path: PathBuf,
    },

    /// A file is not the record of the bytes that binding has overwritten in a shared object.
    #[error("`{}` does not tell what binding has overwritten", path.display())]
    Unbound {
        /// The file.
        path: PathBuf,
    },

    /// A response file that cannot be read as arguments.
    #[error("response file `{}`: {reason}", path.display())]
    ResponseFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Result with the engine's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The error and its causes, one a line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str("\ncaused by: ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    pub(crate) fn object(path: impl Into<PathBuf>) -> impl FnOnce(object::read::Error) -> Error {
        let path = path.into();
        move |source| Error::Object { path, source }
    }

    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io {
            action,
            path,
            source,
        }
    }
}
