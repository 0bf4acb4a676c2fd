//! Subscribers that see a part.

use pilothouse_machinery::LabelSelector;

use crate::cache::fixture::{World, taken, taken_lossless};
use crate::cache::{LosslessOptions, SubscriptionOptions};

fn red() -> LabelSelector {
    LabelSelector::parse("colour=red").unwrap()
}

#[test]
fn s19_crossing_a_filters_boundary_is_an_addition_or_a_deletion_with_the_last_state_that_matched() {
    let world = World::listed("a@1:red b@2:blue");
    let mut filtered = world.informer.subscribe_with(SubscriptionOptions::default().labels(red()));
    let mut versions = world.informer.subscribe_lossless(LosslessOptions::default().labels(red()));
    let mut all = world.informer.subscribe();
    assert_eq!(taken(&mut all), "!+a@1 !+b@2");
    for (event, told) in [
        ("*2", "!+a@1"),
        ("~b@3:red", "+b@3"),
        ("~b@4:red", "~b@4(3)"),
        ("~b@5:blue", "-b@4(4)"),
        ("~b@6:green", ""),
        ("-b@7:green", ""),
        ("+c@8:blue", ""),
        ("-a@9:red", "-a@9(1)"),
        ("+d@10:red", "+d@10"),
        ("-d@11:blue", "-d@10(10)"),
    ] {
        world.watch(event);
        assert_eq!(taken(&mut filtered), told, "{event}");
        assert_eq!(taken_lossless(&mut versions), told, "{event}");
    }
    assert_eq!(taken(&mut all), "-b@7(2) +c@8 -a@9(1) -d@11", "unfiltered subscribers see everything");
}

#[test]
fn s19_crossings_merge_like_other_changes() {
    let world = World::listed("a@1:red b@2:blue");
    let mut filtered = world.informer.subscribe_with(SubscriptionOptions::default().labels(red()));
    assert_eq!(taken(&mut filtered), "!+a@1");
    world.watch("~a@3:blue ~b@4:red ~b@5:blue ~a@6:red");
    assert_eq!(taken(&mut filtered), "~a@6(1) -b@4");
    let mut late = world.informer.subscribe_with(SubscriptionOptions::default().labels(red()));
    world.watch("~a@7:blue ~b@8:red");
    assert_eq!(taken(&mut late), "+b@8", "what left before it was told is not told, what came is new");
}

#[test]
fn a_filter_that_panics_hides_the_object_and_disturbs_nobody() {
    let world = World::listed("a@1 bad@2");
    let picky = SubscriptionOptions::default().filter(|object| {
        assert!(object.key().name.as_ref() != "bad", "no such thing");
        true
    });
    let (mut filtered, mut all) = (world.informer.subscribe_with(picky), world.informer.subscribe());
    world.watch("~bad@3 ~a@4");
    assert_eq!(taken(&mut filtered), "!+a@4");
    assert_eq!(taken(&mut all), "!+a@4 !+bad@3");
}
