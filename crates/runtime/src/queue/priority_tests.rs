//! Priorities, delays and retries together: P3, P5, P6, P9, Q14.

use std::time::Duration;

use pilothouse_machinery::Environment;
use tokio::time::{Instant, advance, sleep, timeout};

use super::state::State;
use super::time::Time;
use super::*;
use crate::Metrics;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn environment() -> Environment {
    Environment::simulated(1, jiff::Timestamp::UNIX_EPOCH)
}

fn queue() -> WorkQueue<&'static str> {
    WorkQueue::new(&environment(), WorkQueueOptions::named("test"))
}

async fn take_all<K: QueueKey>(queue: &WorkQueue<K>) -> Vec<K> {
    let mut taken = Vec::new();
    while !queue.is_empty() {
        taken.push(queue.get().await.expect("the queue is open").key().clone());
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn p3_a_ready_key_that_is_asked_for_with_a_delay_stays_ready() {
    let queue = queue();
    queue.add("first");
    queue.add("second");
    queue.add_after("first", ms(50));
    assert_eq!(take_all(&queue).await, ["first", "second"]);
    advance(ms(100)).await;
    assert!(queue.is_empty(), "the delay is gone");
}

#[tokio::test(start_paused = true)]
async fn p3_of_two_delays_of_different_priority_the_earlier_time_and_the_higher_priority_win() {
    let queue = queue();
    let start = Instant::now();
    queue.add_after_with("a", ms(30), Priority::LOW);
    queue.add_after_with("a", ms(60), Priority::HIGH);
    let item = queue.get().await.unwrap();
    assert_eq!((item.priority(), start.elapsed().as_millis()), (Priority::HIGH, 30));
}

#[tokio::test(start_paused = true)]
async fn p5_a_key_asked_for_while_in_work_goes_to_a_waiting_getter_the_moment_it_is_done() {
    let queue = queue();
    queue.add("a");
    let item = queue.get().await.unwrap();
    let start = Instant::now();
    let waiter = {
        let queue = queue.clone();
        environment().spawn("waiter", async move {
            queue.get().await.map(|item| (*item.key(), item.priority(), start.elapsed().as_millis()))
        })
    };
    sleep(ms(1)).await;
    queue.add_with("a", Priority::LOW);
    queue.add_with("a", Priority::HIGH);
    sleep(ms(20)).await;
    assert!(!waiter.is_finished(), "invisible while a worker holds it");
    drop(item);
    let served = timeout(ms(1), waiter).await.expect("woken by the worker that is done").unwrap();
    assert_eq!(served, Some(("a", Priority::HIGH, 21)));
}

#[tokio::test(start_paused = true)]
async fn p6_what_becomes_due_competes_by_priority_and_by_when_it_became_due() {
    let queue = queue();
    queue.add_after_with("low at 5", ms(5), Priority::LOW);
    queue.add_after_with("normal at 20", ms(20), Priority::NORMAL);
    queue.add_after_with("normal at 10", ms(10), Priority::NORMAL);
    queue.add_after_with("high at 25", ms(25), Priority::HIGH);
    advance(ms(15)).await;
    queue.add("normal now, at 15");
    advance(ms(15)).await;
    queue.add("normal now, at 30");
    let expected =
        ["high at 25", "normal at 10", "normal now, at 15", "normal at 20", "normal now, at 30", "low at 5"];
    assert_eq!(take_all(&queue).await, expected);
}

#[test]
fn p6_a_step_makes_a_bounded_number_ready_and_keeps_the_order_of_times() {
    let mut state = State::new(&WorkQueueOptions::named("test"));
    for number in 0..1000_u64 {
        state.add(number, Duration::from_micros(number + 1), Priority::NORMAL, Time::default());
    }
    let now = Time::default().after(ms(10));
    let ready = state.len(now);
    assert!(ready < 1000, "one step made {ready} requests ready");
    state.add(1000, Duration::ZERO, Priority::NORMAL, now);
    let order: Vec<_> = std::iter::from_fn(|| state.take(now).map(|taken| taken.key)).collect();
    assert_eq!(order, (0..=1000).collect::<Vec<_>>(), "what came last is served last");
}

#[tokio::test(start_paused = true)]
async fn p9_the_depths_of_at_most_25_bands_are_told_and_add_up() {
    let metrics = Metrics::new();
    let options =
        WorkQueueOptions { metrics: Some(QueueMetrics::of(&metrics)), ..WorkQueueOptions::named("bands") };
    let queue = WorkQueue::new(&environment(), options);
    let depths = || -> Vec<i64> {
        let text = metrics.encode();
        let lines = text.lines().filter(|line| line.starts_with("workqueue_depth{"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
    };
    for number in 0..40 {
        queue.add_with(number, Priority::new(number));
        queue.add_with(number, Priority::new(number - 1));
        queue.add_after_with(number + 100, ms(5), Priority::new(-number));
    }
    assert_eq!((depths().len(), depths().iter().sum::<i64>()), (25, 40));
    advance(ms(5)).await;
    let mut served = Vec::new();
    while !queue.is_empty() {
        served.push(*queue.get().await.unwrap().key());
        assert!(depths().iter().all(|depth| *depth >= 0), "{:?}", depths());
        assert_eq!(depths().iter().sum::<i64>(), i64::try_from(80 - served.len()).unwrap());
    }
    // The first 23 numbers besides normal and low have bands of their own; the rest shares the nearest.
    let own: Vec<_> = served.iter().copied().filter(|key| (0..23).contains(key)).collect();
    assert_eq!(own, (0..23).rev().collect::<Vec<_>>(), "higher bands first");
}

#[tokio::test(start_paused = true)]
async fn q14_a_burst_of_retries_waits_for_the_bucket_and_no_key_longer_than_its_cap() {
    let cap = Duration::from_secs(30);
    let options = WorkQueueOptions {
        bucket: Some(Bucket::new(10.0, 100).at_most(cap)),
        ..WorkQueueOptions::named("bucket")
    };
    let queue = WorkQueue::new(&environment(), options);
    let delays: Vec<_> = (0..10_000).map(|number| queue.add_rate_limited(number)).collect();
    assert!(delays[..100].iter().all(|delay| *delay == ms(5)), "the burst waits for nobody but itself");
    assert_eq!(delays[199], Duration::from_secs(10), "then ten a second");
    assert_eq!(delays.iter().max(), Some(&cap));
    advance(cap).await;
    assert_eq!(take_all(&queue).await.len(), 10_000);
    advance(cap).await;
    assert_eq!(queue.add_rate_limited(77_777), ms(5), "after the quiet the next is not held back");
}

#[tokio::test(start_paused = true)]
async fn q14_a_key_takes_one_token_however_often_it_fails_and_returns_what_it_did_not_need() {
    let options = WorkQueueOptions {
        bucket: Some(Bucket::new(1.0, 1)),
        retry: Retry::fast_then_slow(ms(1), ms(1), 0),
        ..WorkQueueOptions::named("bucket")
    };
    let queue = WorkQueue::new(&environment(), options);
    assert_eq!(queue.add_rate_limited("burst"), ms(1));
    for _ in 0..100 {
        assert_eq!(queue.add_rate_limited("again and again"), Duration::from_secs(1));
    }
    queue.add("again and again");
    assert_eq!(queue.add_rate_limited("other"), Duration::from_secs(1), "the token was returned");
    queue.add_rate_limited("again and again");
    assert_eq!(queue.add_rate_limited("third"), Duration::from_secs(2), "a ready key needs no token");
}
