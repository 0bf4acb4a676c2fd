//! What a Lease says.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::Timing;

/// How long a lease that was given up pretends to last, in seconds: a Lease cannot say none.
const RELEASED_SECONDS: i32 = 1;

/// The holder; `None` when the lease is free.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// Who a coordinator would rather see lead; `None` when it has said nothing.
pub(super) fn preferred(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.preferred_holder.as_deref().filter(|holder| !holder.is_empty())
}

/// Whether a coordinator picks the holder.
pub(super) fn is_coordinated(lease: &Lease) -> bool {
    lease.spec.as_ref().is_some_and(|spec| spec.strategy.as_deref().is_some_and(|text| !text.is_empty()))
}

/// How often the lease has changed hands.
pub(super) fn transitions(lease: &Lease) -> u64 {
    let count = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
    u64::try_from(count).unwrap_or(0)
}

/// How long the lease lasts from when it was last seen to change. `default` where it does not say.
pub(super) fn duration(lease: &Lease, default: Duration) -> Duration {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    seconds.and_then(|seconds| u64::try_from(seconds).ok()).map_or(default, Duration::from_secs)
}

/// The lease as `identity` takes or renews it (conformance E1, E2). All that is not about the holder stays: labels,
/// strategy, and what others put there (E10).
pub(super) fn held(lease: &Lease, identity: &str, timing: Timing, now: Timestamp) -> Lease {
    let mut lease = lease.clone();
    let is_renewal = holder(&lease) == Some(identity);
    let is_new = lease.metadata.resource_version.is_none();
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    if !is_renewal {
        let transitions = spec.lease_transitions.unwrap_or(0);
        spec.lease_transitions = Some(if is_new { 0 } else { transitions.saturating_add(1) });
        spec.acquire_time = Some(MicroTime(now));
        spec.holder_identity = Some(identity.to_owned());
    }
    spec.renew_time = Some(MicroTime(now));
    spec.lease_duration_seconds = i32::try_from(timing.lease_duration.as_secs()).ok();
    lease
}

/// The lease as its holder gives it up. The transitions stay: they number the terms.
pub(super) fn released(lease: &Lease, now: Timestamp) -> Lease {
    let mut lease = lease.clone();
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    spec.holder_identity = Some(String::new());
    spec.lease_duration_seconds = Some(RELEASED_SECONDS);
    spec.renew_time = Some(MicroTime(now));
    spec.acquire_time = Some(MicroTime(now));
    lease
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn stored(mut lease: Lease) -> Lease {
        lease.metadata.resource_version = Some("7".into());
        lease
    }

    #[test]
    fn e2_a_renewal_keeps_the_time_of_acquisition_and_the_number_of_transitions() {
        let first = stored(held(&Lease::default(), "a", Timing::default(), at(10)));
        assert_eq!((holder(&first), transitions(&first)), (Some("a"), 0));
        let renewed = held(&first, "a", Timing::default(), at(20));
        let (first, renewed) = (first.spec.expect("a spec"), renewed.spec.expect("a spec"));
        assert_eq!(renewed.acquire_time, first.acquire_time);
        assert_eq!(renewed.lease_transitions, Some(0));
        assert_eq!(renewed.renew_time, Some(MicroTime(at(20))));
    }

    #[test]
    fn e1_each_change_of_hands_is_one_transition_also_after_a_release() {
        let first = stored(held(&Lease::default(), "a", Timing::default(), at(10)));
        let second = stored(held(&first, "b", Timing::default(), at(20)));
        assert_eq!((holder(&second), transitions(&second)), (Some("b"), 1));
        let free = stored(released(&second, at(30)));
        assert_eq!((holder(&free), transitions(&free)), (None, 1));
        assert_eq!(transitions(&held(&free, "b", Timing::default(), at(40))), 2);
    }

    #[test]
    fn e10_labels_strategy_and_preferred_holder_stay_as_they_are() {
        let mut lease = stored(Lease::default());
        lease.metadata.labels = Some([("team".to_owned(), "blue".to_owned())].into());
        let strategy = Some("OldestEmulationVersion".to_owned());
        lease.spec = Some(LeaseSpec { strategy, preferred_holder: Some("c".into()), ..LeaseSpec::default() });
        let taken = stored(held(&lease, "a", Timing::default(), at(1)));
        let renewed = stored(held(&taken, "a", Timing::default(), at(2)));
        for lease in [taken, renewed.clone(), released(&renewed, at(3))] {
            assert_eq!(lease.metadata.labels.as_ref().map(std::collections::BTreeMap::len), Some(1));
            assert!(is_coordinated(&lease));
            assert_eq!(preferred(&lease), Some("c"));
        }
    }
}
