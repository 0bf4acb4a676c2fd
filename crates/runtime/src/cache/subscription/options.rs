//! What a subscriber asks for.

use std::sync::Arc;
use std::time::Duration;

use pilothouse_machinery::LabelSelector;

use super::Filter;
use crate::cache::CachedObject;

/// Bytes of objects that may wait for a lossless subscription when nothing else is said.
const LIMIT: usize = 64 << 20;

/// What a [`Subscription`](super::Subscription) shows, and how.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SubscriptionOptions {
    pub(in crate::cache) name: Option<Arc<str>>,
    pub(in crate::cache) filter: Filter,
    pub(in crate::cache) resync: Option<Duration>,
}

impl SubscriptionOptions {
    /// Names the subscriber in metrics.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Shows only objects for which `wanted` holds. It must depend on the object alone and be quick: it is called
    /// while the cache is written. An object that comes to match appears as added, one that ceases to match as
    /// deleted (conformance S19). Replaces an earlier filter. A panic of `wanted` counts as `false`.
    pub fn filter(mut self, wanted: impl Fn(&CachedObject) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Filter::new(wanted);
        self
    }

    /// Shows only objects whose labels `selector` matches; see [`filter`](Self::filter).
    pub fn labels(self, selector: LabelSelector) -> Self {
        self.filter(by_labels(selector))
    }

    /// Tells of each known object again once per period, as [`ChangeKind::Resync`](crate::ChangeKind::Resync).
    ///
    /// The period is rounded up to a multiple of the informer's shortest one (see
    /// [`InformerOptions::with_shortest_resync`](crate::InformerOptions::with_shortest_resync)), as client-go's
    /// shared informer does with periods below its check period; zero means never. A share of the objects is due
    /// at each multiple of the shortest period, so that they spread over the period. What is due is told when
    /// nothing else waits; a subscriber that does not keep up skips whole rounds instead of piling them up.
    pub fn resync(mut self, period: Duration) -> Self {
        self.resync = (!period.is_zero()).then_some(period);
        self
    }
}

/// What happens when a lossless subscription is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The informer reads nothing more from the server before there is room: nothing is lost, but the cache and
    /// all other subscribers wait too. One batch may go beyond the limit: what the watch had ready, up to 256 KiB and
    /// one piece of its body, or all differences that one list shows, since a list is written as a whole.
    #[default]
    Stall,
    /// What does not fit is dropped, and a [`Gap`](super::Gap) stands in its place. Nobody waits.
    RecordGap,
}

/// What a [`LosslessSubscription`](super::LosslessSubscription) shows, and how much of it may wait.
#[derive(Clone, Debug)]
#[must_use]
pub struct LosslessOptions {
    pub(in crate::cache) name: Option<Arc<str>>,
    pub(in crate::cache) filter: Filter,
    pub(in crate::cache) limit: usize,
    pub(in crate::cache) when_full: WhenFull,
}

impl Default for LosslessOptions {
    fn default() -> Self {
        Self { name: None, filter: Filter::default(), limit: LIMIT, when_full: WhenFull::default() }
    }
}

impl LosslessOptions {
    /// Names the subscriber in metrics.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Shows only objects for which `wanted` holds; see [`SubscriptionOptions::filter`].
    pub fn filter(mut self, wanted: impl Fn(&CachedObject) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Filter::new(wanted);
        self
    }

    /// Shows only objects whose labels `selector` matches; see [`SubscriptionOptions::filter`].
    pub fn labels(self, selector: LabelSelector) -> Self {
        self.filter(by_labels(selector))
    }

    /// How many bytes of objects may wait; each change counts as its object, the one it replaced and 1 KiB.
    /// Default: 64 MiB. A single change that is larger passes when nothing else waits.
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// What happens beyond the limit. Default: [`WhenFull::Stall`].
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }
}

fn by_labels(selector: LabelSelector) -> impl Fn(&CachedObject) -> bool + Send + Sync + 'static {
    move |object| selector.matches(|key| object.labels().get(key))
}
