//! An informer that is fed by hand, and words for what happens: `+a@3` for an added object `a` of version 3.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse_machinery::{ObjectKey, ResourceVersion};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::informer::{Failures, InformerSetup};
use super::reflector::{ListEnd, WatchEvent};
use super::store::Written;
use super::subscription::Listener;
use super::{
    CachedObject, Change, ChangeKind, Informer, InformerOptions, Lag, LosslessEvent, LosslessSubscription,
    Snapshot, Subscription,
};
use crate::metrics::Metrics;
use crate::object::Object;
use crate::testing::Script;

/// Longer than anything that happens at once takes.
const SOON: Duration = Duration::from_millis(10);

/// An informer without a server.
pub(super) struct World {
    pub(super) informer: Informer,
    pub(super) metrics: Metrics,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(InformerOptions::default())
    }

    pub(super) fn with(options: InformerOptions) -> Self {
        Self::beside(&Metrics::new(), options)
    }

    /// One that shows itself beside others.
    pub(super) fn beside(metrics: &Metrics, options: InformerOptions) -> Self {
        let metrics = metrics.clone();
        let setup = InformerSetup {
            resource: ConfigMap::resource_type(),
            options,
            environment: Script::environment(),
            metrics: metrics.clone(),
            failures: Failures::default(),
        };
        Self { informer: Informer::new(setup, CancellationToken::new()), metrics }
    }

    /// An informer that has listed `words`.
    pub(super) fn listed(words: &str) -> Self {
        let world = Self::new();
        world.list(words);
        world
    }

    /// Takes in a complete list, `a@3 b@4`, at the version of the newest object, no older than the store.
    pub(super) fn list(&self, words: &str) {
        let list: Vec<_> = words.split_whitespace().map(object).collect();
        let newest = list.iter().filter_map(|object| object.resource_version().number()).max();
        let known = self.informer.store().resource_version().number();
        let version = ResourceVersion::from_number(newest.max(known).unwrap_or_default().max(1));
        self.informer.core().replace(list, &ListEnd { version, ..ListEnd::default() });
    }

    /// Takes in one batch of a watch, `+a@3 ~a@4 -a@5 *6`, the last one a bookmark.
    pub(super) fn watch(&self, words: &str) {
        let event = |word: &str| {
            let (sign, rest) = word.split_at(1);
            match sign {
                "+" => WatchEvent::Added(object(rest)),
                "~" => WatchEvent::Modified(object(rest)),
                "-" => WatchEvent::Deleted(object(rest)),
                _ => WatchEvent::Bookmark(ResourceVersion::parse(rest)),
            }
        };
        let events: Vec<_> = words.split_whitespace().map(event).collect();
        self.informer.core().apply(events);
    }

    pub(super) fn stop(&self) {
        self.informer.core().close(None);
    }
}

/// A subscriber that panics in the informer's task when anything changes, as long as it is held.
#[derive(Debug)]
struct Bomb;

impl Listener for Bomb {
    fn begin(&self, _: &Snapshot, _: &[Written], _: Instant) {}

    fn read_ahead(&self, _: &Snapshot) {}

    fn push(&self, _: &[Written], _: Option<&ResourceVersion>, _: Instant) {
        panic!("out of order");
    }

    fn close(&self) {}

    fn lag(&self, _: Instant) -> Lag {
        Lag::default()
    }
}

/// Makes the informer's task panic, saying `out of order`, at the next change while the result is held.
pub(crate) fn bomb(informer: &Informer) -> impl Send + use<> {
    let bomb: Arc<dyn Listener> = Arc::new(Bomb);
    informer.core().add(Arc::clone(&bomb));
    bomb
}

/// The object `name@version`, or `name@version:colour` with a label.
pub(super) fn object(word: &str) -> Arc<CachedObject> {
    let (name, version) = word.split_once('@').expect("name@version");
    let (version, colour) = version.split_once(':').unwrap_or((version, "none"));
    let mut value = crate::testing::object(name, version.parse().expect("a number"));
    value["metadata"]["labels"] = serde_json::json!({"colour": colour});
    Arc::new(CachedObject::from_value(&value, &ConfigMap::resource_type()).expect("an object"))
}

pub(super) fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

/// `+a@3`, with `!` in front when initial, `(2)` behind with the version before, `=` for a resync.
pub(super) fn word(change: &Change) -> String {
    let sign = match change.kind {
        ChangeKind::Added => '+',
        ChangeKind::Updated => '~',
        ChangeKind::Deleted => '-',
        ChangeKind::Resync => '=',
    };
    let initial = if change.initial { "!" } else { "" };
    let previous = match &change.previous {
        Some(previous) if change.kind != ChangeKind::Resync => format!("({})", previous.resource_version()),
        _ => String::new(),
    };
    format!("{initial}{sign}{}@{}{previous}", change.key().name, change.object.resource_version())
}

/// As [`word`], a gap as `[3..7 x2]`.
pub(super) fn lossless_word(event: &LosslessEvent) -> String {
    match event {
        LosslessEvent::Change(change) => word(change),
        LosslessEvent::Gap(gap) => format!("[{}..{} x{}]", gap.after, gap.until, gap.lost),
    }
}

/// What can be taken now.
pub(super) fn taken(subscription: &mut Subscription) -> String {
    let words: Vec<String> =
        std::iter::from_fn(|| subscription.try_next()).map(|change| word(&change)).collect();
    words.join(" ")
}

/// What can be taken now.
pub(super) fn taken_lossless(subscription: &mut LosslessSubscription) -> String {
    let next = || subscription.try_next();
    let words: Vec<String> = std::iter::from_fn(next).map(|event| lossless_word(&event)).collect();
    words.join(" ")
}

/// Whether `future` completes without time passing to speak of.
pub(super) async fn soon<R>(future: impl Future<Output = R>) -> Option<R> {
    timeout(SOON, future).await.ok()
}
