//! Nothing to build: this package exists so that Cargo itself fetches upstream at a locked version and checksum.
