//! Who shares the queue.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::FixedState;

/// A party among which the queue divides its workers: a namespace, a tenant, a remote cluster.
///
/// Flows of one band are served in turn; each is first come, first served. A flow that has just come goes
/// before those that have been there for a while, for its first 16 requests: who asks rarely is served as if
/// alone. No flow is starved: one request in 17 goes to those that have been there (after the scheme of
/// `fq_codel`, RFC 8290, whose new flows could starve the others).
///
/// It is a hash. Two parties with the same one share a flow, which costs fairness between them and nothing
/// else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flow(u64);

impl Flow {
    /// The flow of whatever names the party.
    #[must_use]
    pub fn of<T: Hash + ?Sized>(party: &T) -> Self {
        Self(hash_of(party))
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// Says to which flow a key belongs.
pub type FlowOf<K> = Arc<dyn Fn(&K) -> Flow + Send + Sync>;

/// The same in every process: runs repeat.
#[inline]
pub(super) fn hash_of<T: Hash + ?Sized>(value: &T) -> u64 {
    FixedState::default().hash_one(value)
}
