//! What is done to linked bytes.

pub mod bind;
pub mod constructors;
pub mod layout;
pub(crate) mod packed;
pub mod private;
pub mod rebind;
pub mod runtime;
