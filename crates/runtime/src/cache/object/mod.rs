//! Objects in caches: how they come in, how they are kept, how they are read.
//!
//! **Flow.** Bytes of one object go into the [`Intake`] of their informer and come out as a [`CachedObject`]: scanned,
//! checked, transformed if asked for, cut to the [`Projection`], kept as the [`Residence`] says. Whoever reads does not
//! see a difference between residences, but for the time it takes:
//!
//! | residence | held per pod of 5 kB | bytes | typed object, first and later |
//! |---|---|---|---|
//! | [`Lazy`](Residence::Lazy) | the bytes | free | decoded, then free |
//! | [`Typed`](Residence::Typed) | bytes and decoded form | free | free |
//! | [`Compact`](Residence::Compact) | a tenth of the bytes | some microseconds | decompressed and decoded, then free |
//!
//! Guarantees have ids and stand where they are kept: C-I6, C-I7, C-I15 and C-I16 at [`Intake`],
//! C-I8 and C-I9 at [`CachedObject`],
//! C-I10 and C-I11 at the budget for decoded forms, C-I12 and C-I13 at compact residence.

mod body;
mod cached;
#[cfg(feature = "compact")]
mod compact;
mod error;
mod from_json;
mod headroom;
mod intake;
mod memo;
mod metrics;
mod projection;
mod residence;
mod select;
#[cfg(test)]
mod tests;
mod type_decoder;

pub use body::Encoding;
pub use cached::CachedObject;
pub use error::{DecodeError, Rejected};
pub use intake::Intake;
pub use metrics::IntakeMetrics;
pub use projection::Projection;
pub use residence::Residence;
pub use type_decoder::TypeDecoder;
