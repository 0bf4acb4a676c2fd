//! Caches of objects: reflectors that follow the server, stores that are read without blocking, informers
//! that tell subscribers what changed.
//!
//! **Flow.** [`Informers`] starts one [`Informer`] per type, [`Selection`] and [`Projection`], for whoever asks first.
//! Its reflector lists and watches; each batch is written to the [`Store`] and then told to subscribers. Objects are
//! [bytes until somebody looks](CachedObject).
//!
//! ```
//! use std::{error::Error, time::Duration};
//!
//! use k8s_openapi::api::core::v1::Pod;
//! use pilothouse::cache::{ChangeKind, Informers};
//! # use pilothouse::k8s_openapi;
//!
//! async fn watch_pods(informers: &Informers) -> Result<(), Box<dyn Error>> {
//!     let pods = informers.lister::<Pod>(); // Starts one list and watch, or joins the one that runs.
//!     pods.informer().wait_synced_within(Duration::from_secs(30)).await?;
//!     println!("{} pods in default", pods.in_namespace("default")?.len());
//!
//!     let mut changes = pods.informer().subscribe();
//!     while let Some(change) = changes.next().await {
//!         if change.kind == ChangeKind::Deleted {
//!             println!("{} is gone", change.key());
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! **Guarantees.** Ids with an I are invariants: they stand in the code where they hold, and in `ARCHITECTURE.md`. The
//! others are behaviours of `docs/conformance.md`, which names the tests that show them.
//!
//! - **C-I1** per object, a reader sees a subsequence of what the server said, in order;
//! - **C-I2** a read takes a pointer to one state: it neither waits for a writer's work nor makes it wait;
//! - **C-I3** a store's resource version advances, and goes back only with a complete list;
//! - **C-I8**, **C-I9** an object in a cache is immutable and valid JSON: a typed read of it fails on types only;
//! - **C-I14** an informer runs as long as somebody uses it, and nobody lists and watches what another running
//!   informer of whole objects has;
//! - **C-I15** a bad object is rejected by name, without an effect on others;
//! - **C-I20** an informer that is refused or gets no answer delays no other;
//! - **B-I1**, **B-I2** a slow subscriber does not grow: it gets the newest state of each object that changed, and what
//!   it last saw of it;
//! - **F20** a subscriber that wants every version is bounded in bytes, and says beforehand what happens when it is
//!   full;
//! - **S7**, **S9** each subscriber gets every object once and then what changed, whatever others do; only a lossless
//!   one that is full and asked for a [stall](WhenFull::Stall) makes others wait.
//!
//! **Assumptions.** The server keeps the rules of list and watch; versions that are not numbers are compared for
//! equality only. Transforms, filters and index functions depend on the object alone and are quick.
//!
//! **Cancellation.** An informer stops when its last user leaves or [`Informers::shut_down`] is called. Dropping the
//! future of a wait stops the wait and loses nothing.
//!
//! **Errors.** Following the server never fails: it is tried again, and [`Informer::trouble`] says what is in the way;
//! a wait with a limit answers with [`NotSynced`]. Conflicting options are an [`InformerError`]. An object that does
//! not fit its type fails the read that meets it with a [`DecodeError`], and no other. What is sent and is no object of
//! the type is skipped, logged and counted by reason; the cache keeps the version before it. Where a list holds an
//! object that does not even show its key, nothing of that list counts as gone, and the next list comes when the watch
//! ends.
//!
//! **Panics.** A panic in the task of an informer stops it with an [`InformerFailure`] and ends its manager.

mod change;
mod contents;
#[cfg(test)]
pub(crate) mod fixture;
mod flag;
mod handler;
mod index;
mod informer;
mod informer_error;
mod informers;
mod lister;
pub(crate) mod metrics;
mod not_synced;
mod object;
mod options;
mod own_writes;
#[cfg(test)]
mod own_writes_tests;
mod pulse;
mod query;
mod read_error;
pub(crate) mod reflector;
mod registry;
#[cfg(test)]
mod registry_tests;
mod selection;
mod snapshot;
mod store;
mod subscription;
#[cfg(test)]
mod tests;
mod transform;
mod tree;
mod trouble;
#[cfg(test)]
mod trouble_tests;
mod wanted;

pub use change::{Change, ChangeKind};
pub use handler::{HandleError, Handler, HandlerOptions, HandlerPanic, OnPanic, Registration};
pub use index::{Index, IndexError, IndexView};
pub use informer::{Informer, InformerFailure};
pub use informer_error::InformerError;
pub use informers::Informers;
pub use lister::{Lister, Readable};
pub use not_synced::NotSynced;
pub use object::{
    CachedObject, DecodeError, Encoding, Intake, IntakeMetrics, Projection, Rejected, Residence, TypeDecoder,
};
pub use options::{InformerOptions, WireFormat};
pub use own_writes::OwnWrites;
pub use query::Query;
pub use read_error::ReadError;
pub use selection::Selection;
pub use snapshot::Snapshot;
pub use store::Store;
pub use subscription::{
    Gap, Lag, LosslessEvent, LosslessOptions, LosslessSubscription, Subscription, SubscriptionOptions,
    Synced, WhenFull,
};
pub use transform::Transform;
pub use trouble::InformerTrouble;
