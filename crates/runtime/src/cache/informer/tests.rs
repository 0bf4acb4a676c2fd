//! What an informer does beside telling: whom it keeps, and when it drops what was replaced.

use std::cell::RefCell;
use std::sync::Arc;

use parking_lot::Mutex;
use pilothouse_machinery::ResourceVersion;
use serde::Deserialize;
use tokio::time::Instant;

use crate::cache::fixture::{World, object};
use crate::cache::reflector::{ListEnd, WatchEvent};
use crate::cache::store::Written;
use crate::cache::subscription::Listener;
use crate::cache::{ChangeKind, Informer, Lag, Snapshot, Store};

#[test]
fn subscribers_that_come_and_go_where_nothing_happens_do_not_pile_up() {
    let world = World::listed("a@1");
    let stays = world.informer.subscribe();
    for _ in 0..10_000 {
        drop(world.informer.subscribe());
    }
    let kept = world.informer.core().kept_subscribers();
    assert!(kept <= 8, "{kept} are kept of one");
    assert_eq!(world.informer.lags().len(), 1, "who stays is told on");
    drop(stays);
}

thread_local! {
    /// Called when a [`Probe`] is dropped.
    static AT_DROP: RefCell<Option<Box<dyn Fn()>>> = RefCell::default();
}

/// A decoded form that notices its end, and with it that of its object.
#[derive(Deserialize)]
struct Probe {}

impl Drop for Probe {
    fn drop(&mut self) {
        // It may outlive the thread's own values where the test has failed.
        let _ = AT_DROP.try_with(|at_drop| at_drop.borrow().as_ref().inspect(|at_drop| at_drop()).is_some());
    }
}

/// Counts the probes that go, and says of each whether the informer and its store were free of locks.
fn watched_drops(informer: &Informer) -> Arc<Mutex<Vec<bool>>> {
    let (informer, drops) = (informer.clone(), Arc::<Mutex<Vec<bool>>>::default());
    let log = Arc::clone(&drops);
    AT_DROP.set(Some(Box::new(move || log.lock().push(informer.core().is_free_of_locks()))));
    drops
}

#[test]
fn what_is_replaced_deleted_or_unchanged_is_dropped_when_no_lock_is_held() {
    let world = World::listed("a@1 b@2 c@3");
    let probe = |word: &str| {
        let object = object(word);
        object.decode::<Probe>().unwrap();
        object
    };
    let core = world.informer.core();
    let list = |words: &[&str], version: u64| {
        let list = words.iter().map(|word| probe(word)).collect();
        core.replace(list, &ListEnd { version: version.into(), ..ListEnd::default() });
    };
    list(&["a@4", "b@5", "c@6"], 6);
    let drops = watched_drops(&world.informer);
    let dropped = || std::mem::take(&mut *drops.lock());
    core.apply(vec![WatchEvent::Modified(probe("a@7")), WatchEvent::Deleted(object("b@8"))]);
    assert_eq!(dropped(), [true, true], "updated, deleted");
    core.apply(vec![WatchEvent::Modified(probe("a@7"))]);
    assert_eq!(dropped(), [true], "unchanged");
    core.apply(vec![WatchEvent::Deleted(probe("nobody@9"))]);
    assert_eq!(dropped(), [true], "unknown");
    list(&["a@7", "d@10"], 10);
    assert_eq!(dropped(), [true, true], "unchanged in a list, and left out of it");
    AT_DROP.set(None);
}

/// Looks into the store when it is told.
#[derive(Debug)]
struct Witness {
    store: Store,
    told: Mutex<Vec<String>>,
}

impl Witness {
    fn add(&self, what: &str) {
        self.told.lock().push(format!("{what} at {}", self.store.resource_version()));
    }
}

impl Listener for Witness {
    fn begin(&self, _: &Snapshot, deletions: &[Written], _: Instant) {
        self.add(&format!("begin -{} of {}", deletions.len(), self.store.len()));
    }

    fn read_ahead(&self, _: &Snapshot) {}

    fn push(&self, written: &[Written], _: Option<&ResourceVersion>, _: Instant) {
        for Written { kind, object, .. } in written {
            let stored = self.store.get(object.key());
            let shown = match kind {
                ChangeKind::Deleted => stored.is_none(),
                _ => stored.is_some_and(|stored| stored.is_same_version(object)),
            };
            self.add(&format!("{kind:?} {}: {shown}", object.key().name));
        }
    }

    fn close(&self) {}

    fn lag(&self, _: Instant) -> Lag {
        Lag::default()
    }
}

#[test]
fn f17_when_a_subscriber_is_told_of_a_list_or_a_batch_the_store_shows_all_of_it() {
    let world = World::new();
    let witness = Arc::new(Witness { store: world.informer.store().clone(), told: Mutex::default() });
    world.informer.core().add(Arc::clone(&witness) as _);
    world.list("a@1 b@2 c@3");
    world.list("z@9 c@8 b@2");
    world.watch("~z@10 -b@11 +y@12");
    let expected = [
        "begin -0 of 3 at 3",
        "Deleted a: true at 9",
        "Added z: true at 9",
        "Updated c: true at 9",
        "Updated z: true at 12",
        "Deleted b: true at 12",
        "Added y: true at 12",
    ];
    assert_eq!(*witness.told.lock(), expected);
}
