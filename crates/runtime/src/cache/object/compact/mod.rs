//! Compact residence: objects as zstd frames, compressed with a dictionary of their kind.
//!
//! Objects of one type are alike: most of a frame would repeat what all others say. A dictionary says it once.
//!
//! **Flow.** The first [`EARLY`](packer) objects are compressed without a dictionary. Then one is trained on a part of
//! them, spread evenly, and they are packed again with it, in place; nobody who holds one notices. When later objects
//! compress clearly worse than those did, a dictionary is trained on new ones. Old frames keep theirs until they go.
//!
//! **Guarantees.**
//!
//! - **C-I12** what is unpacked is byte for byte what was packed;
//! - **C-I13** an object is never larger packed than plain: what does not compress stays as it is.
//!
//! **Errors.** A frame that does not unpack is an error that names the object.
//!
//! **Panics.** Never. Where zstd cannot get memory, objects stay plain.

mod dictionary;
mod frame;
mod late;
mod packer;
#[cfg(test)]
mod tests;

pub(super) use frame::{Frame, FrameError};
pub(super) use late::Late;
pub(super) use packer::Packer;
