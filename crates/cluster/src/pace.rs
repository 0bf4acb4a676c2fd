//! How fast simulated work runs, and what time stamps keep.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use parking_lot::Mutex;
use pilothouse_machinery::ObjectKey;

/// The speed of the simulated cluster: how many simulated seconds pass in a real one.
///
/// Every duration of the simulation is divided by it: pulling, running, back-off, grace periods, and also the
/// deadlines and times to live that jobs ask for, so that a faster cluster shows the same course of events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace(f64);

impl Pace {
    /// A pace of `speed` simulated seconds a second; 1 where `speed` is not a positive number.
    #[must_use]
    pub(crate) fn new(speed: f64) -> Self {
        Self(if speed.is_finite() && speed > 0.0 { speed } else { 1.0 })
    }

    /// How long `simulated` takes on the clock.
    #[must_use]
    pub(crate) fn real(self, simulated: Duration) -> Duration {
        Duration::try_from_secs_f64(simulated.as_secs_f64() / self.0).unwrap_or(Duration::MAX)
    }

    /// As [`real`](Self::real), for whole seconds of an API field; negative is zero.
    #[must_use]
    pub(crate) fn real_seconds(self, simulated: i64) -> Duration {
        self.real(Duration::from_secs(u64::try_from(simulated).unwrap_or(0)))
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self(1.0)
    }
}

/// `moment` as an API time stamp, which has whole seconds.
pub(crate) fn stamp(moment: Timestamp) -> Time {
    Time(whole_second(moment))
}

fn whole_second(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// `moment` plus `duration`, or the end of time.
pub(crate) fn after(moment: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| moment.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

/// How long until `moment`; zero when it has passed.
pub(crate) fn until(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// A time stamp and the moment that it means.
type Seen = (Timestamp, Timestamp);

/// What this process saw of moments whose API time stamps have only whole seconds.
///
/// At a high speed a second is long. The first look at a time stamp that is not older than a second notes the
/// moment of the look; later looks answer it again. After a restart the time stamp itself is all there is.
#[derive(Debug, Default)]
pub(crate) struct FineTimes {
    seen: Mutex<BTreeMap<(String, &'static str), Seen>>,
    uids: Mutex<BTreeMap<ObjectKey, String>>,
}

impl FineTimes {
    /// The moment that `coarse` means for `what` of the object with `uid`.
    pub(crate) fn resolve(
        &self,
        uid: &str,
        what: &'static str,
        coarse: Timestamp,
        now: Timestamp,
    ) -> Timestamp {
        let mut seen = self.seen.lock();
        let entry = seen.entry((uid.to_owned(), what)).or_insert((Timestamp::MIN, coarse));
        if entry.0 != coarse {
            let is_fresh = now >= coarse && now.duration_since(coarse) < SignedDuration::from_secs(1);
            *entry = (coarse, if is_fresh { now } else { coarse });
        }
        entry.1
    }

    /// Notes whose times are kept under a key, for [`forget_key`](Self::forget_key).
    pub(crate) fn bind(&self, key: &ObjectKey, uid: &str) {
        let before = self.uids.lock().insert(key.clone(), uid.to_owned());
        if let Some(before) = before.filter(|before| before != uid) {
            self.forget(&before);
        }
    }

    /// Forgets everything about the object that had this key.
    pub(crate) fn forget_key(&self, key: &ObjectKey) {
        let uid = self.uids.lock().remove(key);
        if let Some(uid) = uid {
            self.forget(&uid);
        }
    }

    /// Forgets everything about the object with `uid` and its parts, whose ids are `uid/part`.
    fn forget(&self, uid: &str) {
        let mut seen = self.seen.lock();
        let known = seen.range((uid.to_owned(), "")..).map(|(key, _)| key);
        let known = known.take_while(|(id, _)| id.starts_with(uid)).cloned().collect::<Vec<_>>();
        for key in known.into_iter().filter(|(id, _)| id.split('/').next() == Some(uid)) {
            seen.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_divides_durations_and_refuses_nonsense() {
        assert_eq!(Pace::new(20.0).real(Duration::from_secs(10)), Duration::from_millis(500));
        assert_eq!(Pace::new(0.0), Pace::default());
        assert_eq!(Pace::new(f64::NAN), Pace::default());
        assert_eq!(Pace::new(2.0).real_seconds(-4), Duration::ZERO);
    }

    #[test]
    fn fine_times_keep_the_first_fresh_look_and_trust_old_stamps() {
        let (times, second) = (FineTimes::default(), SignedDuration::from_secs(1));
        let coarse = Timestamp::UNIX_EPOCH;
        let now = Timestamp::from_millisecond(400).unwrap();
        assert_eq!(times.resolve("u", "start", coarse, now), now);
        assert_eq!(times.resolve("u", "start", coarse, now + second), now, "remembered");
        assert_eq!(times.resolve("u", "end", coarse, now + second), coarse, "too old to know better");
        let later = coarse + second * 5;
        assert_eq!(times.resolve("u", "start", later, later), later, "a new stamp is a new moment");
        times.forget("u");
        assert_eq!(times.resolve("u", "start", coarse, now + second), coarse);
    }
}
