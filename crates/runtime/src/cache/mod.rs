//! Caches of objects: reflectors that follow the server, stores that are read without blocking, informers
//! that tell subscribers what changed.
//!
//! Per object, a reader sees a subsequence of what the server said, in order. Objects are
//! [bytes until somebody looks](CachedObject). A slow subscriber does not grow: it gets the newest state of
//! each object that changed, and what it last saw of it.

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
mod not_synced;
mod object;
mod options;
mod own_writes;
#[cfg(test)]
mod own_writes_tests;
mod query;
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

pub use change::{Change, ChangeKind};
pub use handler::{HandleError, Handler, HandlerOptions, HandlerPanic, OnPanic, Registration};
pub use index::{Index, IndexError, IndexView};
pub use informer::{Informer, InformerFailure};
pub use informer_error::InformerError;
pub use informers::Informers;
pub use lister::{Lister, Readable};
pub use not_synced::NotSynced;
pub use object::{
    BatchError, CachedObject, DecodeError, Encoding, Intake, IntakeMetrics, Projection, Rejected, Residence,
    TypeDecoder,
};
pub use options::{InformerOptions, WireFormat};
pub use own_writes::OwnWrites;
pub use query::Query;
pub use selection::Selection;
pub use snapshot::Snapshot;
pub use store::Store;
pub use subscription::{
    Gap, Lag, LosslessEvent, LosslessOptions, LosslessSubscription, Subscription, SubscriptionOptions,
    Synced, WhenFull,
};
pub use transform::Transform;
pub use trouble::InformerTrouble;
