//! Every version, and what happens when there is no room.

use std::time::Duration;

use futures::FutureExt;
use tokio::time::advance;

use crate::cache::fixture::{World, object, soon, taken, taken_lossless};
use crate::cache::{LosslessOptions, SubscriptionOptions, WhenFull};

/// Room for this many objects of the fixture.
/// Room for so many updates.
fn room(updates: usize) -> LosslessOptions {
    LosslessOptions::default().limit(updates * (2 * object("a@10").size() + 1024))
}

#[test]
fn f9_every_version_comes_in_the_order_of_arrival_whatever_its_key() {
    let world = World::listed("a@10");
    let mut lossless = world.informer.subscribe_lossless(LosslessOptions::default());
    world.watch("+z@11 ~a@12 ~z@13 ~a@14");
    world.watch("-a@15 +a@16 -z@17 *18");
    let versions = "+z@11 ~a@12(10) ~z@13(11) ~a@14(12) -a@15(14) +a@16 -z@17(13)";
    assert_eq!(taken_lossless(&mut lossless), format!("!+a@10 {versions}"));
}

#[test]
fn an_object_that_changes_before_it_was_read_is_told_as_it_was_and_then_every_version() {
    let world = World::new();
    let mut early = world.informer.subscribe_lossless(LosslessOptions::default());
    let words: Vec<String> = (0..300).map(|index| format!("o{index:03}@{}", index + 1)).collect();
    world.list(&words.join(" "));
    world.watch("~o299@400 ~o299@401 -o298@402 +p@403 ~p@404");
    let told = taken_lossless(&mut early);
    assert!(told.starts_with("!+o299@300 !+o298@299 !+o000@1 !+o001@2 "), "{told}");
    assert!(told.ends_with("!+o297@298 ~o299@400(300) ~o299@401(400) -o298@402(299) +p@403 ~p@404(403)"));
    assert_eq!(told.matches('!').count(), 300);
}

#[tokio::test(start_paused = true)]
async fn f20_a_full_subscription_stalls_the_informer_until_there_is_room() {
    let world = World::listed("a@10");
    let mut stalling = world.informer.subscribe_lossless(room(3));
    let mut other = world.informer.subscribe();
    assert_eq!((taken_lossless(&mut stalling), taken(&mut other)), ("!+a@10".into(), "!+a@10".into()));
    world.watch("~a@11 ~a@12 ~a@13");
    assert!(soon(world.informer.core().room_for_more()).await.is_some(), "full is not too much");
    world.watch("~a@14 ~a@15");
    let core = world.informer.core();
    let mut waiting = Box::pin(core.room_for_more());
    assert!(waiting.as_mut().now_or_never().is_none(), "one batch went beyond the limit");
    assert_eq!(taken(&mut other), "~a@15(10)", "others get what was read");
    stalling.next().await.unwrap();
    assert!(waiting.as_mut().now_or_never().is_none(), "four still wait");
    stalling.next().await.unwrap();
    assert!(soon(waiting).await.is_some());
    assert_eq!(taken_lossless(&mut stalling), "~a@13(12) ~a@14(13) ~a@15(14)", "nothing was lost");
}

#[tokio::test(start_paused = true)]
async fn f20_the_differences_of_one_list_wait_together_beyond_the_limit_and_nothing_after_them() {
    let world = World::listed("a@10");
    let one = object("a@10").size() + 1024;
    let mut stalling = world.informer.subscribe_lossless(LosslessOptions::default().limit(2 * one));
    taken_lossless(&mut stalling);
    world.list("a@11 b@12 c@13 d@14 e@15");
    assert_eq!(
        stalling.bytes(),
        5 * one + object("a@10").size(),
        "the one of a that was replaced counts too"
    );
    let core = world.informer.core();
    for left in [4, 3] {
        stalling.next().await.unwrap();
        assert!(core.room_for_more().now_or_never().is_none(), "{left} wait, two may");
    }
    stalling.next().await.unwrap();
    assert!(core.room_for_more().now_or_never().is_some());
    assert_eq!(taken_lossless(&mut stalling), "+d@14 +e@15");
}

#[tokio::test(start_paused = true)]
async fn a_stalling_subscription_that_is_dropped_releases_the_informer_at_once() {
    let world = World::listed("a@10");
    let stalling = world.informer.subscribe_lossless(room(1));
    world.watch("~a@11 ~a@12 ~a@13");
    let core = world.informer.core();
    let mut waiting = Box::pin(core.room_for_more());
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(stalling);
    assert!(waiting.now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn each_of_several_stalling_subscriptions_is_waited_for() {
    let world = World::listed("a@10");
    let mut one = world.informer.subscribe_lossless(room(1));
    let two = world.informer.subscribe_lossless(room(1));
    world.watch("~a@11 ~a@12 ~a@13");
    let core = world.informer.core();
    let mut waiting = Box::pin(core.room_for_more());
    assert!(waiting.as_mut().now_or_never().is_none());
    taken_lossless(&mut one);
    assert!(waiting.as_mut().now_or_never().is_none(), "the other is still full");
    drop(two);
    assert!(waiting.now_or_never().is_some());
}

#[test]
fn what_does_not_fit_is_a_gap_that_says_what_was_lost_and_the_rest_goes_on_after_it() {
    let world = World::listed("a@10");
    let mut lossless = world.informer.subscribe_lossless(room(2).when_full(WhenFull::RecordGap));
    let mut other = world.informer.subscribe_lossless(LosslessOptions::default());
    assert_eq!(taken_lossless(&mut lossless), "!+a@10");
    world.watch("~a@11 ~a@12 ~a@13 ~a@14");
    world.watch("~a@15");
    assert_eq!(taken_lossless(&mut lossless), "~a@11(10) ~a@12(11) [12..15 x3]");
    world.watch("~a@16");
    assert_eq!(taken_lossless(&mut lossless), "~a@16(15)", "it goes on when there is room");
    world.list("b@30 c@31 d@32");
    assert_eq!(taken_lossless(&mut lossless), "-a@16(16) +b@30 [32..32 x2]");
    let all =
        "!+a@10 ~a@11(10) ~a@12(11) ~a@13(12) ~a@14(13) ~a@15(14) ~a@16(15) -a@16(16) +b@30 +c@31 +d@32";
    assert_eq!(taken_lossless(&mut other), all, "others lose nothing");
}

#[test]
fn one_change_that_is_larger_than_the_limit_passes_when_nothing_waits() {
    let world = World::listed("a@10");
    let options = LosslessOptions::default().limit(1).when_full(WhenFull::RecordGap);
    let mut lossless = world.informer.subscribe_lossless(options);
    taken_lossless(&mut lossless);
    world.watch("~a@11 ~a@12");
    assert_eq!(taken_lossless(&mut lossless), "~a@11(10) [11..12 x1]");
}

#[tokio::test(start_paused = true)]
async fn lag_tells_names_numbers_ages_and_bytes() {
    let world = World::listed("a@10");
    let mut named = world.informer.subscribe().named("controller");
    let mut lossless = world.informer.subscribe_lossless(LosslessOptions::default().named("journal"));
    let gone = world.informer.subscribe_with(SubscriptionOptions::default().named("gone"));
    taken(&mut named);
    taken_lossless(&mut lossless);
    drop(gone);
    world.watch("~a@11 +b@12");
    advance(Duration::from_secs(3)).await;
    world.watch("~a@13");
    advance(Duration::from_secs(2)).await;
    let lags = world.informer.lags();
    let told: Vec<_> = lags.iter().map(|lag| (lag.name.as_deref(), lag.queued, lag.oldest)).collect();
    let oldest = Some(Duration::from_secs(5));
    assert_eq!(told, [(Some("controller"), 2, oldest), (Some("journal"), 3, oldest)]);
    assert_eq!(lags[1].bytes, lossless.bytes());
    taken_lossless(&mut lossless);
    let lag = &world.informer.lags()[1];
    assert_eq!((lag.queued, lag.oldest, lag.bytes), (0, None, 0));
}
