//! What a subscriber is told must be a life.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse::cache::{LosslessEvent, LosslessOptions, Synced};
use pilothouse::{Change, ChangeKind, Informer};
use proptest::prelude::*;
use tokio::time::sleep;

use crate::model::{View, view};

/// The state that a subscriber knows from changes alone, and the first change that made no sense.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    view: View,
    broken: Option<String>,
    synced: Option<Synced>,
    /// Whether every version is told, so that nothing can be missed between two looks.
    is_lossless: bool,
}

impl Told {
    pub(crate) fn view(&self) -> View {
        self.0.lock().view.clone()
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.0.lock().synced.as_ref().is_some_and(Synced::is_done)
    }

    pub(crate) fn check(&self) -> Result<(), TestCaseError> {
        match &self.0.lock().broken {
            Some(broken) => Err(TestCaseError::fail(broken.clone())),
            None => Ok(()),
        }
    }

    fn broken(&self, what: String) {
        self.0.lock().broken.get_or_insert(what);
    }

    /// Added, then updated any number of times, then deleted; versions only grow; what a change replaces is what was
    /// told before.
    fn take(&self, change: &Change) -> Result<(), String> {
        let key = change.key().clone();
        let identity = |object: &pilothouse::CachedObject| {
            (object.uid().to_string(), object.resource_version().number().unwrap_or_default())
        };
        let (now, previous) = (identity(&change.object), change.previous.as_deref().map(identity));
        let State { view, is_lossless, .. } = &mut *self.0.lock();
        let known = view.get(&key).cloned();
        let wrong = |what: &str| Err(format!("{what}: {change:?}, known before: {known:?}"));
        // What was created, deleted and created again between two looks replaces what the subscriber never saw.
        let missed = previous.as_ref().is_some_and(|previous| previous.0 != now.0) && known.is_none();
        match (change.kind, &known) {
            (ChangeKind::Updated | ChangeKind::Deleted, known) if *is_lossless && previous != *known => {
                return wrong("a version is missing");
            }
            (ChangeKind::Updated, None) if missed => {}
            (ChangeKind::Added, Some(_)) => return wrong("added twice"),
            (ChangeKind::Updated, None) => return wrong("updated before it was added"),
            (ChangeKind::Updated, known) if previous != *known => return wrong("replaces another state"),
            (ChangeKind::Updated, Some(known)) if now.1 <= known.1 => return wrong("went back"),
            // Added and deleted between two looks.
            (ChangeKind::Deleted, None) if previous.is_some() => return wrong("deleted twice"),
            (ChangeKind::Deleted, Some(known)) if now.1 < known.1 => return wrong("deleted in the past"),
            _ => {}
        }
        match change.kind {
            ChangeKind::Deleted => view.remove(&key),
            ChangeKind::Added | ChangeKind::Updated => view.insert(key, now),
            ChangeKind::Resync => return Err(format!("not asked for: {change:?}")),
        };
        Ok(())
    }

    /// Takes a change; `in_sync` is what the subscription says while the change is in the subscriber's hands.
    fn hear(&self, change: &Change, in_sync: bool, informer: &Informer) {
        if let Err(broken) = self.take(change) {
            self.broken(broken);
        }
        if in_sync && !informer.is_synced() {
            self.broken("a subscriber is in sync with a cache that is not".into());
        }
        if in_sync && change.initial {
            self.broken("in sync before the last initial change was dealt with".into());
        }
        if !in_sync && !change.initial {
            self.broken("not in sync after the last initial change was dealt with".into());
        }
    }
}

/// Subscribes and takes every change, resting after each: what happens meanwhile is merged.
pub(crate) async fn collect(informer: Informer, told: Told, rest: Duration) {
    let mut subscription = informer.subscribe();
    told.0.lock().synced = Some(subscription.synced());
    while let Some(change) = subscription.next().await {
        told.hear(&change, subscription.has_synced(), &informer);
        if subscription.is_empty() && told.view() != view(&informer.store().snapshot()) {
            told.broken(format!("told {:?}, but the cache differs", told.view()));
        }
        sleep(rest).await;
    }
}

/// Subscribes and takes every version.
pub(crate) async fn collect_lossless(informer: Informer, told: Told) {
    let mut subscription = informer.subscribe_lossless(LosslessOptions::default());
    {
        let mut state = told.0.lock();
        (state.synced, state.is_lossless) = (Some(subscription.synced()), true);
    }
    while let Some(event) = subscription.next().await {
        match event {
            LosslessEvent::Change(change) => told.hear(&change, subscription.has_synced(), &informer),
            LosslessEvent::Gap(gap) => told.broken(format!("nothing was to be lost: {gap:?}")),
        }
    }
}
