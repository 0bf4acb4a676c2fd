//! Which requests go before which.

/// In which band a request stands: the higher number goes first.
///
/// Inside a band requests are served first come, first served (per flow, where the queue is fair). Between
/// bands a request stands where a normal one would that came later by
/// [`ageing`](super::WorkQueueOptions::ageing) times the difference of the numbers in hundreds: it gives way,
/// but never for longer than that. The time of a request that stands in line alone counts from when another one
/// comes: until then it gives way to nobody.
///
/// A queue keeps up to 25 bands apart, as many as controller-runtime's depth metric does; the first 25 numbers
/// get one of their own, further ones share the nearest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(i32);

impl Priority {
    /// Work that nobody waits for: the objects of an initial list, changes that change nothing. -100, which is
    /// controller-runtime's `handler.LowPriority`.
    pub const LOW: Self = Self(-100);
    /// Everything else: 0.
    pub const NORMAL: Self = Self(0);
    /// Work that somebody looks at: 100.
    pub const HIGH: Self = Self(100);

    /// The band of a number.
    #[must_use]
    pub const fn new(number: i32) -> Self {
        Self(number)
    }

    /// The number of the band; the `priority` label of `workqueue_depth`.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }
}
