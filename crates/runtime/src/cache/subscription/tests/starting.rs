//! The state that subscribers start from.

use std::fmt::Write;

use crate::cache::LosslessOptions;
use crate::cache::fixture::{World, object, soon, taken, taken_lossless};

#[test]
fn s7_subscribers_before_and_after_the_first_list_get_each_object_once_then_changes_only() {
    let world = World::new();
    let mut early = world.informer.subscribe();
    assert_eq!(taken(&mut early), "");
    world.list("b@2 a@1");
    let mut late = world.informer.subscribe();
    for subscription in [&mut early, &mut late] {
        assert_eq!(taken(subscription), "!+a@1 !+b@2", "in key order");
    }
    world.watch("~a@3");
    assert_eq!(taken(&mut early) + &taken(&mut late), "~a@3(1)~a@3(1)");
}

#[test]
fn s7_s8_what_changes_before_it_was_told_is_told_once_and_what_comes_later_is_no_start() {
    let world = World::listed("a@1 b@2 c@3 d@4");
    let mut late = world.informer.subscribe();
    assert_eq!(late.try_next().unwrap().key().name.as_ref(), "a");
    world.watch("~a@5 ~b@6 -c@7 +c@8 -d@9 +e@10 +f@11 -f@12");
    assert!(!late.has_synced());
    assert_eq!(late.try_next().unwrap().object.resource_version().number(), Some(6), "b in its newest state");
    assert!(!late.has_synced(), "b is in the subscriber's hands");
    // `c` was told to nobody before it went: it is new. Of `d` the subscriber never hears.
    assert_eq!(taken(&mut late), "~a@5(1) +c@8 +e@10 -f@12");
    assert!(late.has_synced());
}

/// `o00000@1 o00001@2 …`
fn many(count: usize) -> String {
    (0..count).fold(String::new(), |mut words, index| {
        let _ = write!(words, "o{index:05}@{} ", index + 1);
        words
    })
}

#[test]
fn s7_a_large_state_is_read_piece_by_piece_while_it_changes() {
    let world = World::listed(&many(1000));
    let mut late = world.informer.subscribe();
    let mut lossless = world.informer.subscribe_lossless(LosslessOptions::default());
    for _ in 0..200 {
        late.try_next().unwrap();
    }
    assert!(late.len() < 200, "only a part is read ahead");
    // Told; read ahead; not yet read; new before and after the cursor.
    world.watch(
        "~o00100@2001 ~o00210@2002 -o00211@2003 ~o00900@2004 -o00901@2005 +o00000x@2006 +o00950x@2007",
    );
    let mut initial = 0;
    let mut rest = Vec::new();
    while let Some(change) = late.try_next() {
        if change.initial {
            assert!(rest.is_empty(), "initial changes come first");
            initial += 1;
        } else {
            rest.push(crate::cache::fixture::word(&change));
        }
        let newest = match &*change.key().name {
            "o00210" => Some(2002),
            "o00900" => Some(2004),
            _ => continue,
        };
        assert_eq!(change.object.resource_version().number(), newest);
    }
    assert_eq!(initial, 1000 - 200 - 2, "two went before they were told");
    assert_eq!(rest, ["~o00100@2001(101)", "+o00000x@2006", "+o00950x@2007"]);
    let told = taken_lossless(&mut lossless);
    assert_eq!(told.matches('!').count(), 1000, "every object in the state at the time of the subscription");
    let after = told.rsplit_once('!').unwrap().1.split_once(' ').unwrap().1;
    let versions =
        "~o00100@2001(101) ~o00210@2002(211) -o00211@2003(212) ~o00900@2004(901) -o00901@2005(902)";
    assert_eq!(after, format!("{versions} +o00000x@2006 +o00950x@2007"));
}

#[test]
fn a_late_subscriber_that_does_not_read_holds_no_state() {
    let world = World::listed(&many(1000));
    let late = world.informer.subscribe();
    let held: Vec<_> = world.informer.store().snapshot().iter().map(std::sync::Arc::downgrade).collect();
    world.list("z@5000");
    let alive = held.iter().filter(|object| object.strong_count() > 0).count();
    assert!(alive <= 128, "{alive} of 1000 old objects are held");
    assert_eq!(late.len(), 1, "the new object waits, and nothing of the old state");
}

#[tokio::test(start_paused = true)]
async fn f10_synced_when_the_last_initial_change_was_dealt_with() {
    let world = World::listed("a@1 b@2 c@3");
    let (mut subscription, mut batches) = (world.informer.subscribe(), world.informer.subscribe());
    let mut lossless = world.informer.subscribe_lossless(LosslessOptions::default());
    for _ in 0..3 {
        assert!(!subscription.has_synced() && !lossless.has_synced());
        subscription.next().await.unwrap();
        lossless.next().await.unwrap();
    }
    assert!(!subscription.has_synced() && !lossless.has_synced(), "the last is in the subscriber's hands");
    assert!(subscription.try_next().is_none() && lossless.try_next().is_none());
    assert!(subscription.has_synced() && lossless.has_synced());
    assert_eq!(batches.next_batch(3).await.len(), 3);
    assert!(!batches.has_synced());
    assert!(batches.try_next().is_none() && batches.has_synced());
}

#[tokio::test(start_paused = true)]
async fn f11_synced_at_once_when_there_is_nothing_to_start_from() {
    let empty = World::new();
    let subscription = empty.informer.subscribe();
    let lossless = empty.informer.subscribe_lossless(LosslessOptions::default());
    assert!(!subscription.has_synced());
    empty.list("");
    assert!(soon(subscription.synced().done()).await.is_some() && lossless.has_synced());
    assert!(empty.informer.subscribe().has_synced());
    let unlisted = World::new();
    let mut subscription = unlisted.informer.subscribe();
    unlisted.watch("+a@1");
    assert!(subscription.has_synced() && unlisted.informer.is_synced());
    assert_eq!(taken(&mut subscription), "+a@1");
}

#[test]
fn f12_deletions_that_come_with_the_first_list_belong_to_the_start() {
    let world = World::new();
    let mut subscription = world.informer.subscribe();
    let mut lossless = world.informer.subscribe_lossless(LosslessOptions::default());
    // The store holds an object that subscribers were not told of.
    world.informer.store().replace(vec![object("old@1")], &[], &1.into());
    world.list("a@2");
    let first = subscription.try_next().unwrap();
    assert!(first.initial && &*first.key().name == "old");
    assert!(!subscription.has_synced());
    assert_eq!(taken(&mut subscription), "!+a@2");
    assert!(subscription.has_synced());
    assert_eq!(taken_lossless(&mut lossless), "!-old@1(1) !+a@2");
    assert!(lossless.has_synced());
}

#[test]
fn s14_after_a_lost_watch_each_difference_is_one_change_that_is_not_initial() {
    let world = World::listed("changed@1 gone@2 same@3");
    let mut subscription = world.informer.subscribe();
    taken(&mut subscription);
    world.list("changed@15 new@16 same@3");
    assert_eq!(taken(&mut subscription), "-gone@2(2) ~changed@15(1) +new@16");
}
