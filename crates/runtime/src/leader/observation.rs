//! The lease as this process has seen it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

use super::record;
use crate::{ObjectExt, ResourceVersion};

/// A state of the lease, and when this process first saw it.
#[derive(Clone, Debug)]
pub(super) struct Observation {
    pub(super) lease: Lease,
    /// By the local monotonic clock, which is the only one that counts (conformance E4).
    at: Instant,
}

impl Observation {
    pub(super) fn new(lease: Lease, at: Instant) -> Self {
        Self { lease, at }
    }

    /// Takes note of `lease`. The time of observation stays where nothing has changed since: a lease that nobody
    /// renews runs out however often it is looked at. An older state than the one known is ignored.
    pub(super) fn update(&mut self, lease: Lease, at: Instant) {
        let (known, new) = (self.lease.resource_version(), lease.resource_version());
        if known == new && self.lease.uid() == lease.uid() {
            return;
        }
        if self.lease.uid() == lease.uid() && is_older(&new, &known) {
            return;
        }
        *self = Self { lease, at };
    }

    /// When the lease is free for others, if nothing changes before.
    pub(super) fn expires(&self, default: Duration) -> Instant {
        self.at + record::duration(&self.lease, default)
    }

    /// Whether another candidate may take the lease at `now` (conformance E1).
    pub(super) fn is_free(&self, now: Instant, default: Duration) -> bool {
        record::holder(&self.lease).is_none() || now >= self.expires(default)
    }
}

/// Whether `one` is known to come before `other`; versions that are no numbers are not ordered (W5).
fn is_older(one: &ResourceVersion, other: &ResourceVersion) -> bool {
    one.compare(other).is_some_and(std::cmp::Ordering::is_lt)
}
