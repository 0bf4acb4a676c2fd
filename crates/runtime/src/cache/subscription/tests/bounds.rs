//! What a subscriber that does not look costs.

use std::sync::{Arc, Weak};

use crate::cache::fixture::{World, object, taken_lossless};
use crate::cache::reflector::WatchEvent;
use crate::cache::subscription::slots::UNSEEN_DELETIONS;
use crate::cache::{CachedObject, LosslessOptions, WhenFull};

/// Tells the informer of an event and keeps an eye on its object.
fn tell(world: &World, event: impl Fn(Arc<CachedObject>) -> WatchEvent, word: &str) -> Weak<CachedObject> {
    let object = object(word);
    let held = Arc::downgrade(&object);
    world.informer.core().apply(vec![event(object)]);
    held
}

fn alive(probes: &[Weak<CachedObject>]) -> usize {
    probes.iter().filter(|probe| probe.strong_count() > 0).count()
}

#[test]
fn f20_a_subscriber_that_never_looks_holds_no_more_than_its_bound_and_others_lose_nothing() {
    let world = World::listed("a@1 b@2 c@3");
    let mut never = world.informer.subscribe();
    while never.try_next().is_some() {}
    let mut diligent = world.informer.subscribe_lossless(LosslessOptions::default());
    let mut seen = taken_lossless(&mut diligent).matches('+').count();
    let mut probes = Vec::new();
    let mut version = 3;
    for round in 0..6000 {
        for (event, name) in [
            (WatchEvent::Added as fn(_) -> _, format!("job-{round:05}")),
            (WatchEvent::Modified, "a".to_owned()),
            (WatchEvent::Deleted, format!("job-{round:05}")),
        ] {
            version += 1;
            probes.push(tell(&world, event, &format!("{name}@{version}")));
        }
        while diligent.try_next().is_some() {
            seen += 1;
        }
    }
    assert_eq!(seen, 3 + 3 * 6000);
    assert_eq!(never.len(), 1 + UNSEEN_DELETIONS);
    let alive = alive(&probes);
    assert!(alive <= UNSEEN_DELETIONS + 1, "{alive} objects are held");
    let first = never.try_next().unwrap();
    assert_eq!(&*first.key().name, "a");
    assert_eq!(&*never.try_next().unwrap().key().name, "job-04976", "the newest deletions are kept");
}

#[test]
fn f20_deletions_of_what_a_subscriber_knows_are_never_forgotten() {
    let names: Vec<String> = (0..2000).map(|index| format!("o{index:04}")).collect();
    let words: Vec<String> = names.iter().zip(1..).map(|(name, at)| format!("{name}@{at}")).collect();
    let world = World::listed(&words.join(" "));
    let mut subscription = world.informer.subscribe();
    while subscription.try_next().is_some() {}
    world.list("z@9000");
    for round in 0..3000 {
        world.watch(&format!("+x{round}@{} -x{round}@{}", 10_000 + round, 20_000 + round));
    }
    let told: Vec<_> = std::iter::from_fn(|| subscription.try_next()).collect();
    let known = told.iter().filter(|change| change.previous.is_some()).map(|change| &*change.key().name);
    assert!(known.eq(names.iter().map(String::as_str)));
    assert_eq!(told.len(), 2000 + 1 + UNSEEN_DELETIONS);
}

#[test]
fn f20_the_same_object_coming_and_going_unseen_takes_one_place() {
    let world = World::listed("");
    let mut subscription = world.informer.subscribe();
    for round in 0..3 * UNSEEN_DELETIONS {
        world.watch(&format!("+x@{} -x@{}", 2 * round + 1, 2 * round + 2));
    }
    world.watch("+y@100000");
    assert_eq!(subscription.len(), 2);
    assert_eq!(&*subscription.try_next().unwrap().key().name, "x");
}

#[test]
fn f20_lossless_subscribers_that_never_look_are_bounded_by_bytes() {
    let world = World::listed("a@1");
    let size = object("a@1").size() + 1024;
    let options = LosslessOptions::default().limit(10 * size).when_full(WhenFull::RecordGap);
    let never = world.informer.subscribe_lossless(options.clone().named("never"));
    let mut probes = Vec::new();
    for version in 2..2000 {
        probes.push(tell(&world, WatchEvent::Modified, &format!("a@{version}")));
    }
    assert!(never.bytes() <= 10 * size + 1024, "{} bytes", never.bytes());
    assert!(alive(&probes) <= 12, "{} objects are held", alive(&probes));
    let lag = &world.informer.lags()[0];
    assert_eq!((lag.name.as_deref(), lag.bytes), (Some("never"), never.bytes()));
}

#[test]
fn f20_what_a_change_replaced_counts_in_the_bound_of_a_lossless_subscriber() {
    // Large ones, so that the objects count and not the changes around them.
    let names: Vec<String> = (0..100).map(|index| format!("o{index:02}{}", "x".repeat(2000))).collect();
    let world = World::listed("");
    let size = object(&format!("{}@1", names[0])).size();
    let options = LosslessOptions::default().limit(30 * size).when_full(WhenFull::RecordGap);
    let mut probes = Vec::new();
    for (name, version) in names.iter().zip(1..) {
        probes.push(tell(&world, WatchEvent::Added, &format!("{name}@{version}")));
    }
    let mut never = world.informer.subscribe_lossless(options);
    for _ in &names {
        never.try_next().unwrap();
    }
    assert!(never.try_next().is_none());
    for round in 1..=3 {
        for (name, version) in names.iter().zip(100 * round + 1..) {
            probes.push(tell(&world, WatchEvent::Modified, &format!("{name}@{version}")));
        }
    }
    // Of each version that waits, what it replaced is held too; the newest of each object is the cache's.
    assert!(alive(&probes) <= 100 + 30, "{} objects are held", alive(&probes));
}
