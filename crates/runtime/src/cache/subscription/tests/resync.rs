//! Being told again.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::cache::fixture::{World, taken, word};
use crate::cache::{ChangeKind, InformerOptions, Subscription, SubscriptionOptions};

fn every(seconds: u64) -> SubscriptionOptions {
    SubscriptionOptions::default().resync(Duration::from_secs(seconds))
}

/// What comes in this time: `1.0: =a@1 =b@2; 2.0: …` with the seconds since `start`.
async fn told(subscription: &mut Subscription, start: Instant, seconds: u64) -> String {
    let end = start + Duration::from_secs(seconds) + Duration::from_millis(500);
    let mut told: Vec<(f64, Vec<String>)> = Vec::new();
    while let Ok(Some(change)) = timeout(end.duration_since(Instant::now()), subscription.next()).await {
        let at = start.elapsed().as_secs_f64();
        match told.last_mut() {
            Some((last, words)) if (at - *last).abs() < 0.1 => words.push(word(&change)),
            _ => told.push((at, vec![word(&change)])),
        }
    }
    let words = told.into_iter().map(|(at, words)| format!("{at:.0}: {}", words.join(" ")));
    words.collect::<Vec<_>>().join("; ")
}

#[tokio::test(start_paused = true)]
async fn s12_f8_periods_of_0_2_and_3_seconds_tell_each_object_once_per_period_at_multiples_of_the_tick() {
    let world = World::listed("a@1 b@2 c@3 d@4 e@5 f@6");
    let start = Instant::now();
    let subscribe = |seconds| {
        let mut subscription = world.informer.subscribe_with(every(seconds));
        taken(&mut subscription);
        subscription
    };
    let (mut never, mut two, mut three) = (subscribe(0), subscribe(2), subscribe(3));
    let (never, two, three) =
        tokio::join!(told(&mut never, start, 7), told(&mut two, start, 4), told(&mut three, start, 4));
    assert_eq!(never, "");
    assert_eq!(two, "1: =a@1 =b@2 =c@3; 2: =d@4 =e@5 =f@6; 3: =a@1 =b@2 =c@3; 4: =d@4 =e@5 =f@6");
    assert_eq!(three, "1: =a@1 =b@2; 2: =c@3 =d@4; 3: =e@5 =f@6; 4: =a@1 =b@2");
}

#[tokio::test(start_paused = true)]
async fn s12_a_period_below_the_informers_shortest_is_raised_to_it_and_others_to_its_multiple() {
    let shortest = InformerOptions::default().with_shortest_resync(Duration::from_secs(2));
    let world = World::with(shortest);
    world.list("a@1 b@2");
    let start = Instant::now();
    tokio::time::advance(Duration::from_millis(700)).await;
    let (mut one, mut three) =
        (world.informer.subscribe_with(every(1)), world.informer.subscribe_with(every(3)));
    taken(&mut one);
    taken(&mut three);
    let (one, three) = tokio::join!(told(&mut one, start, 6), told(&mut three, start, 6));
    assert_eq!(one, "2: =a@1 =b@2; 4: =a@1 =b@2; 6: =a@1 =b@2");
    assert_eq!(three, "2: =a@1; 4: =b@2; 6: =a@1");
}

#[tokio::test(start_paused = true)]
async fn f7_an_object_with_a_change_that_waits_is_not_told_again_in_an_older_state() {
    let world = World::listed("a@1 b@2");
    let mut subscription = world.informer.subscribe_with(every(1));
    taken(&mut subscription);
    tokio::time::advance(Duration::from_millis(1500)).await;
    world.watch("~b@3 -a@4");
    // Both are due, and both changed: what changed comes first, and what is told again is what was told last.
    assert_eq!(taken(&mut subscription), "~b@3(2) -a@4(1) =b@3");
}

#[tokio::test(start_paused = true)]
async fn f7_what_changes_in_the_middle_of_a_round_is_not_overtaken() {
    let world = World::listed("a@1 b@2 c@3");
    let mut subscription = world.informer.subscribe_with(every(1));
    taken(&mut subscription);
    tokio::time::advance(Duration::from_millis(1500)).await;
    assert_eq!(word(&subscription.try_next().unwrap()), "=a@1");
    world.watch("~c@4 +bb@5 -b@6");
    assert_eq!(taken(&mut subscription), "~c@4(3) +bb@5 -b@6(2) =bb@5 =c@4");
}

#[tokio::test(start_paused = true)]
async fn f8_without_objects_and_before_the_start_was_dealt_with_nothing_is_told_again() {
    let empty = World::listed("");
    let mut subscription = empty.informer.subscribe_with(every(1));
    assert_eq!(told(&mut subscription, Instant::now(), 5).await, "");
    let world = World::listed("a@1 b@2");
    let mut slow = world.informer.subscribe_with(every(1));
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(taken(&mut slow), "!+a@1 !+b@2");
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(taken(&mut slow), "=a@1 =b@2", "rounds that were missed are not made up for");
}

#[tokio::test(start_paused = true)]
async fn f8_the_periods_of_a_subscriber_that_waited_for_the_first_list_begin_with_its_sync() {
    let world = World::new();
    let start = Instant::now();
    let mut early = world.informer.subscribe_with(every(2));
    assert_eq!(told(&mut early, start, 5).await, "");
    world.list("a@1 b@2");
    assert_eq!(told(&mut early, start, 7).await, "6: !+a@1 !+b@2; 6: =a@1; 7: =b@2");
}

#[tokio::test(start_paused = true)]
async fn s13_an_unchanged_version_in_a_list_is_told_to_nobody_but_those_who_resync() {
    let world = World::listed("a@1 b@2");
    let (mut resyncing, mut other) = (world.informer.subscribe_with(every(1)), world.informer.subscribe());
    taken(&mut resyncing);
    taken(&mut other);
    world.list("a@1 b@5");
    assert_eq!(taken(&mut other), "~b@5(2)");
    assert_eq!(taken(&mut resyncing), "~b@5(2)");
    tokio::time::advance(Duration::from_millis(1100)).await;
    assert_eq!((taken(&mut other), taken(&mut resyncing)), (String::new(), "=a@1 =b@5".into()));
}

#[tokio::test(start_paused = true)]
async fn a_resync_shows_what_the_filter_shows_and_batches_hold_it_too() {
    let world = World::listed("a@1 b@2 c@3");
    let options = every(1).filter(|object| object.key().name.as_ref() != "b");
    let mut subscription = world.informer.subscribe_with(options);
    taken(&mut subscription);
    let batch = subscription.next_batch(9).await;
    assert_eq!(batch.iter().map(word).collect::<Vec<_>>(), ["=a@1", "=c@3"]);
    assert!(batch.iter().all(|change| change.kind == ChangeKind::Resync && !change.initial));
}
