//! The key of a shared object: a hash of everything from which its bytes follow.

use std::ffi::OsString;
use std::rc::Rc;

use super::FORMAT;
use super::below::BelowObject;
use super::make::{GroupLink, Object};
use crate::line::linker::linker_identity;
use crate::record::{ContentKey, NativeLibrary};

impl GroupLink<'_> {
    /// Hashes everything that decides the bytes that the linker writes, except the groups below:
    /// the members, the linker and its options, the contents of native archives, and the sonames and
    /// interfaces of native shared libraries.
    pub(super) fn link_key(&self, object: &Object<'_>, options: &[OsString]) -> ContentKey {
        let mut hasher = blake3::Hasher::new();
        put(&mut hasher, FORMAT.as_bytes());
        put(
            &mut hasher,
            linker_identity(&self.template.linker).as_bytes(),
        );
        for input in object.members {
            put(&mut hasher, input.rlib.as_bytes());
            put(&mut hasher, input.hash.as_bytes());
            for archive in &input.archives {
                put_library(&mut hasher, &archive.library);
            }
        }
        let template = self.template.args();
        for arg in template.chain(&self.job.run_paths).chain(options) {
            put(&mut hasher, arg.as_encoded_bytes());
        }
        for builtins in &self.template.builtins {
            put(&mut hasher, builtins.as_os_str().as_encoded_bytes());
        }
        for (name, value) in &self.job.environment {
            put(&mut hasher, name.as_encoded_bytes());
            put(&mut hasher, value.as_encoded_bytes());
        }
        let directory = self.job.working_directory.as_os_str();
        put(&mut hasher, directory.as_encoded_bytes());
        for input in &object.native {
            put(&mut hasher, input.argument.as_bytes());
            put_library(&mut hasher, &input.library);
        }
        ContentKey::new(&hasher)
    }
}

/// The key of a shared object with this `link_key` above these shared objects.
pub(super) fn content_key(link_key: &ContentKey, below: &[Rc<BelowObject>]) -> ContentKey {
    let mut hasher = blake3::Hasher::new();
    put(&mut hasher, link_key.as_str().as_bytes());
    for below in below {
        put(&mut hasher, below.soname.as_bytes());
        put(
            &mut hasher,
            below.layout.as_deref().unwrap_or_default().as_bytes(),
        );
    }
    ContentKey::new(&hasher)
}

fn put_library(hasher: &mut blake3::Hasher, library: &NativeLibrary) {
    put(hasher, &(library.files.len() as u64).to_le_bytes());
    for file in &library.files {
        put(hasher, file.content.as_bytes());
    }
}

fn put(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
