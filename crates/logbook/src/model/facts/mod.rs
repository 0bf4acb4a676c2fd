//! What the logbook keeps of an object to derive states from: a few fields, read leniently.
//!
//! An object that lacks a field, or carries something unexpected in it, still gives facts: no event is ever
//! dropped because an object did not fit.

mod fields;
mod job;
mod pod;

pub use job::{Condition, JobFacts};
pub use pod::{Cause, ContainerEnd, ContainerFacts, PodFacts};
