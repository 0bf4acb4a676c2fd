//! The series: `docs/metrics.md` says what each means and when to worry.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Reading;
use super::instruments::EVENT_TYPES;
use super::scrape::Writer;
use crate::cache::Lag;

/// client-go shows so many digits of a version: a gauge is a float, which has no more.
const VERSION_DIGITS: u64 = 1_000_000_000_000_000;

fn now(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// What reflectors show, those of journals too.
pub(super) fn reflectors(writer: &mut Writer<'_, '_>) -> fmt::Result {
    writer.reasons("pilothouse_reflector_lists", "Lists, by reason", |own| &own.totals.lists)?;
    let described = ("pilothouse_reflector_watches", "Watches opened", MetricType::Counter);
    let watches = |reading: &Reading| vec![(None, now(&reading.instruments.totals.watches))];
    writer.family(described, watches, ConstCounter::new)?;
    let help = "Watches that were over, by reason";
    writer.reasons("pilothouse_reflector_watch_restarts", help, |own| &own.totals.watch_restarts)?;
    let described = ("pilothouse_reflector_events", "Events of watches, by type", MetricType::Counter);
    let events = |reading: &Reading| {
        let counts = EVENT_TYPES.iter().zip(&reading.instruments.totals.events);
        counts.map(|(name, count)| (Some(("type", *name)), now(count))).collect()
    };
    writer.family(described, events, ConstCounter::new)?;
    let help = "Events and items of lists that were skipped, by reason";
    writer.reasons("pilothouse_reflector_skipped", help, |own| &own.totals.skipped)?;
    let help = "Failed lists and watches, by reason";
    writer.reasons("pilothouse_reflector_failures", help, |own| &own.totals.failures)?;
    let help = "Seconds since the server last sent objects, events or a bookmark";
    let described = ("pilothouse_reflector_last_event_age_seconds", help, MetricType::Gauge);
    let at = writer.now();
    let silence = |reading: &Reading| {
        reading.instruments.silence(at).iter().map(|silence| (None, silence.as_secs_f64())).collect()
    };
    writer.family(described, silence, ConstGauge::new)
}

/// What caches show.
pub(super) fn informers(writer: &mut Writer<'_, '_>) -> fmt::Result {
    let help = "Objects in the cache";
    writer.gauge("pilothouse_informer_objects", help, |informer| Some(informer.objects as u64))?;
    let help = "Bytes kept of objects, without headers and decoded forms";
    writer.gauge("pilothouse_informer_bytes", help, |informer| Some(informer.bytes))?;
    let help = "Last 15 digits of the cache's version, where it is a number";
    writer.gauge("informer_store_resource_version", help, |informer| {
        informer.version.map(|version| version % VERSION_DIGITS)
    })?;
    let help = "Whether the first list is in the cache";
    writer.gauge("pilothouse_informer_synced", help, |informer| Some(u64::from(informer.synced)))?;
    let help = "1 while this keeps the informer from following the server";
    let trouble = |reading: &Reading| {
        let reason = reading.informer.as_ref().and_then(|informer| informer.trouble);
        reason.into_iter().map(|reason| (Some(("reason", reason)), 1_u64)).collect()
    };
    writer.family(("pilothouse_informer_trouble", help, MetricType::Gauge), trouble, ConstGauge::new)?;
    let help = "Reads of objects that do not fit the type asked for, by reason";
    writer.reasons("pilothouse_informer_unreadable", help, |own| &own.totals.unreadable)?;
    let help = "Lists that took the cache back to an earlier version: the server was restored";
    writer.counter("pilothouse_informer_history_resets", help, |own| now(&own.totals.history_resets))?;
    let help = "Time from the write of a batch to the cache until all subscribers are told";
    let described = ("informer_processing_latency_seconds", help, MetricType::Histogram);
    let latency = |reading: &Reading| {
        let latency = &reading.instruments.totals.latency;
        reading.informer.iter().map(|_| (None, latency.clone())).collect()
    };
    writer.family(described, latency, |latency| latency)
}

/// What shows where bytes become objects, and objects typed.
pub(super) fn intakes(writer: &mut Writer<'_, '_>) -> fmt::Result {
    let help = "Objects that do not fit the type that the informer decodes them into";
    writer.counter("pilothouse_intake_unreadable", help, |own| own.intake.unreadable())?;
    let help = "Objects decoded and kept decoded";
    writer.counter("pilothouse_informer_decoded", help, |own| own.intake.decoded())?;
    let help = "Decoded forms dropped because they exceeded the budget";
    writer.counter("pilothouse_informer_decoded_dropped", help, |own| own.intake.decoded_dropped())?;
    let help = "Compression dictionaries trained for caches in compact residence";
    writer.counter("pilothouse_informer_dictionaries", help, |own| own.intake.dictionaries())?;
    let help = "Estimated bytes of the decoded forms kept";
    writer.gauge("pilothouse_informer_decoded_bytes", help, |informer| Some(informer.decoded_bytes))?;
    let help = "Bytes of decoded forms that may be kept, where there is a limit";
    writer.gauge("pilothouse_informer_decoded_budget_bytes", help, |informer| {
        informer.decoded_budget.map(|bytes| bytes as u64)
    })
}

/// What the subscribers of one name show together.
#[derive(Clone, Copy, Default)]
struct Group {
    subscribers: u64,
    queued: u64,
    longest: u64,
    bytes: u64,
    oldest: Duration,
}

impl Group {
    fn and(self, lag: &Lag) -> Self {
        let queued = lag.queued as u64;
        Self {
            subscribers: self.subscribers + 1,
            queued: self.queued + queued,
            longest: self.longest.max(queued),
            bytes: self.bytes + lag.bytes as u64,
            oldest: self.oldest.max(lag.oldest.unwrap_or_default()),
        }
    }
}

/// How far subscribers are behind.
pub(super) fn subscribers(writer: &mut Writer<'_, '_>) -> fmt::Result {
    let help = "Changes that wait for subscribers";
    writer.gauge("informer_queued_items", help, |informer| {
        Some(informer.lags.iter().map(|lag| lag.queued as u64).sum())
    })?;
    by_name(writer, "pilothouse_informer_subscribers", "Subscribers, by name", |group| group.subscribers)?;
    let help = "Changes that wait, by name of the subscriber";
    by_name(writer, "pilothouse_informer_subscriber_queued_items", help, |group| group.queued)?;
    let help = "Most changes that wait for one subscriber of a name";
    by_name(writer, "pilothouse_informer_subscriber_queued_items_max", help, |group| group.longest)?;
    let help = "Bytes of objects that wait for lossless subscribers, by name";
    by_name(writer, "pilothouse_informer_subscriber_queued_bytes", help, |group| group.bytes)?;
    let help = "Longest that the next change of a subscriber of a name has waited";
    by_name(writer, "pilothouse_informer_subscriber_lag_seconds", help, |group| group.oldest.as_secs_f64())
}

fn by_name<V>(writer: &mut Writer<'_, '_>, name: &str, help: &str, value: fn(Group) -> V) -> fmt::Result
where
    ConstGauge<V>: EncodeMetric,
{
    let rows =
        |reading| groups(reading).map(|(name, group)| (Some(("subscriber", name)), value(group))).collect();
    writer.family((name, help, MetricType::Gauge), rows, ConstGauge::new)
}

/// The subscribers of an informer by their names; those without one are called nothing.
fn groups(reading: &Reading) -> impl Iterator<Item = (&str, Group)> {
    let mut groups = BTreeMap::<&str, Group>::new();
    for lag in reading.informer.iter().flat_map(|informer| &informer.lags) {
        let group = groups.entry(lag.name.as_deref().unwrap_or_default()).or_default();
        *group = group.and(lag);
    }
    groups.into_iter()
}
