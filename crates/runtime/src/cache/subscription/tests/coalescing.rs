//! What a coalescing subscriber is told, per conformance id of the delta queue.

use crate::cache::fixture::{World, key, lossless_word, soon, taken, taken_lossless, word};
use crate::cache::{ChangeKind, LosslessOptions};

#[test]
fn f1_a_waiting_change_of_an_object_that_a_list_omits_becomes_its_deletion_before_what_is_listed() {
    let world = World::listed("a@1 b@2");
    let mut subscription = world.informer.subscribe();
    taken(&mut subscription);
    world.watch("~a@3");
    world.list("c@4 b@5");
    assert_eq!(taken(&mut subscription), "-a@3(1) +c@4 ~b@5(2)");
}

#[test]
fn f2_an_object_that_a_list_omits_is_deleted_once_with_its_last_state() {
    let world = World::listed("a@1 b@2");
    let mut subscription = world.informer.subscribe();
    taken(&mut subscription);
    let known = world.informer.store().get(&key("a")).unwrap();
    world.list("b@2");
    let change = subscription.try_next().unwrap();
    assert!(change.kind == ChangeKind::Deleted && std::sync::Arc::ptr_eq(&change.object, &known));
    world.list("b@2");
    assert_eq!(taken(&mut subscription), "");
}

#[test]
fn f3_a_deletion_that_waits_is_not_told_twice_when_a_list_omits_the_object_too() {
    let world = World::listed("a@1 b@2");
    let (mut subscription, mut lossless) =
        (world.informer.subscribe(), world.informer.subscribe_lossless(LosslessOptions::default()));
    taken(&mut subscription);
    taken_lossless(&mut lossless);
    world.watch("-a@3");
    world.list("b@2");
    assert_eq!(taken(&mut subscription), "-a@3(1)");
    assert_eq!(taken_lossless(&mut lossless), "-a@3(1)");
}

#[test]
fn f4_an_object_deleted_added_again_and_omitted_by_a_list_is_deleted_after_the_addition() {
    let world = World::listed("a@1 b@2");
    let (mut subscription, mut lossless) =
        (world.informer.subscribe(), world.informer.subscribe_lossless(LosslessOptions::default()));
    taken(&mut subscription);
    taken_lossless(&mut lossless);
    world.watch("-a@3 +a@4");
    world.list("b@2");
    assert_eq!(taken(&mut subscription), "-a@4(1)");
    assert_eq!(taken_lossless(&mut lossless), "-a@3(1) +a@4 -a@4(4)");
}

#[test]
fn f6_two_lists_in_a_row_apply_in_their_order() {
    let world = World::listed("a@1");
    let (mut subscription, mut lossless) =
        (world.informer.subscribe(), world.informer.subscribe_lossless(LosslessOptions::default()));
    taken(&mut subscription);
    taken_lossless(&mut lossless);
    world.list("b@3");
    world.list("a@5 b@4");
    assert_eq!(taken_lossless(&mut lossless), "-a@1(1) +b@3 +a@5 ~b@4(3)");
    assert_eq!(taken(&mut subscription), "~a@5(1) +b@4");
    assert_eq!(world.informer.store().snapshot().len(), 2);
}

#[test]
fn f9_changes_come_in_the_order_in_which_objects_first_changed() {
    let world = World::listed("");
    let mut subscription = world.informer.subscribe();
    world.watch("+z@2 +a@3 +m@4");
    world.watch("~a@5 ~z@6 +b@7");
    assert_eq!(taken(&mut subscription), "+z@6 +a@5 +m@4 +b@7");
}

#[test]
fn what_waits_about_one_object_is_the_sum_of_what_happened() {
    for (events, told) in [
        ("~a@2 ~a@3", "~a@3(1)"),
        ("~a@2 -a@3", "-a@3(1)"),
        ("-a@2 +a@3", "~a@3(1)"),
        ("-a@2 +a@3 -a@4", "-a@4(1)"),
        ("+b@2 ~b@3", "+b@3"),
        ("+b@2 -b@3", "-b@3"),
        ("+b@2 -b@3 +b@4", "+b@4(3)"),
        ("+b@2 -b@3 +b@4 ~b@5 -b@6", "-b@6(3)"),
    ] {
        let world = World::listed("a@1");
        let mut subscription = world.informer.subscribe();
        taken(&mut subscription);
        events.split(' ').for_each(|event| world.watch(event));
        assert_eq!(taken(&mut subscription), told, "{events}");
    }
}

#[tokio::test(start_paused = true)]
async fn f13_a_subscriber_that_waits_is_told_of_the_end_at_once() {
    let world = World::listed("a@1");
    let (mut waiting, mut batches) = (world.informer.subscribe(), world.informer.subscribe());
    let mut lossless = world.informer.subscribe_lossless(LosslessOptions::default());
    taken(&mut waiting);
    taken(&mut batches);
    taken_lossless(&mut lossless);
    let stop = async {
        tokio::task::yield_now().await;
        world.stop();
    };
    let ended = async {
        let ((), next, batch, version) =
            tokio::join!(stop, waiting.next(), batches.next_batch(9), lossless.next());
        next.is_none() && batch.is_empty() && version.is_none()
    };
    assert_eq!(soon(ended).await, Some(true));
    assert!(soon(world.informer.subscribe().next()).await.unwrap().is_none(), "S11: over at once");
}

#[tokio::test(start_paused = true)]
async fn f14_a_batch_is_capped_names_each_object_once_and_does_not_cross_the_initial_boundary() {
    let world = World::listed("a@1 b@2 c@3");
    let mut subscription = world.informer.subscribe();
    world.watch("+x@4 +y@5 ~x@6");
    let mut sizes = Vec::new();
    for max in [2, 9, 1, 9] {
        let batch = soon(subscription.next_batch(max)).await.unwrap();
        let mut names: Vec<_> = batch.iter().map(|change| change.key().clone()).collect();
        names.dedup();
        assert_eq!(names.len(), batch.len());
        assert!(batch.iter().all(|change| change.initial) || !batch.iter().any(|change| change.initial));
        sizes.push(batch.iter().map(word).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(sizes, ["!+a@1 !+b@2", "!+c@3", "+x@6", "+y@5"]);
    assert!(soon(subscription.next_batch(9)).await.is_none());
    assert!(subscription.next_batch(0).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn f14_a_repeated_key_starts_a_new_batch_of_versions() {
    let world = World::listed("a@1 b@2");
    let mut lossless = world.informer.subscribe_lossless(LosslessOptions::default());
    world.watch("~a@3 ~b@4 ~b@5 ~a@6 -b@7");
    let mut batches = Vec::new();
    while let Some(batch) = soon(lossless.next_batch(9)).await {
        batches.push(batch.iter().map(lossless_word).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(batches, ["!+a@1 !+b@2", "~a@3(1) ~b@4(2)", "~b@5(4) ~a@6(3)", "-b@7(5)"]);
}

#[test]
fn f17_the_store_shows_a_list_before_anybody_is_told_deletions_first() {
    let world = World::listed("a@1 b@2 c@3");
    let mut subscription = world.informer.subscribe();
    taken(&mut subscription);
    world.list("z@9 c@8 y@7 b@2");
    let mut told = Vec::new();
    while let Some(change) = subscription.try_next() {
        let stored = world.informer.store().get(change.key());
        let expected = (change.kind != ChangeKind::Deleted).then(|| change.object.resource_version().clone());
        assert_eq!(stored.map(|object| object.resource_version().clone()), expected);
        told.push(word(&change));
    }
    assert_eq!(told, ["-a@1(1)", "+z@9", "~c@8(3)", "+y@7"]);
}

#[test]
fn f18_a_bookmark_moves_the_stores_version_in_order_and_is_told_to_nobody() {
    let world = World::listed("a@1");
    let mut subscription = world.informer.subscribe();
    let mut lossless = world.informer.subscribe_lossless(LosslessOptions::default());
    taken(&mut subscription);
    taken_lossless(&mut lossless);
    world.watch("*5");
    assert_eq!(world.informer.store().resource_version().number(), Some(5));
    world.watch("~a@6 *8");
    assert_eq!(world.informer.store().resource_version().number(), Some(8));
    assert_eq!(taken(&mut subscription), "~a@6(1)");
    assert_eq!(taken_lossless(&mut lossless), "~a@6(1)");
}
