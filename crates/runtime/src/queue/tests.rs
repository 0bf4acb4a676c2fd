//! The promises of the work queue, one test each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use tokio::time::{Instant, advance, sleep, timeout};

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

/// What can be taken right now, in order; all of it is done at once.
async fn take_all(queue: &WorkQueue<&'static str>) -> Vec<&'static str> {
    let mut taken = Vec::new();
    while !queue.is_empty() {
        taken.push(*queue.get().await.expect("the queue is open").key());
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn q1_a_key_added_often_is_handed_out_once() {
    let queue = queue();
    for key in ["a", "b", "a", "a", "b"] {
        queue.add(key);
    }
    assert_eq!(take_all(&queue).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn q2_readd_while_processing_is_served_once_after_done() {
    let queue = queue();
    queue.add("a");
    let item = queue.get().await.unwrap();
    queue.add("a");
    queue.add("a");
    assert_eq!(queue.len(), 0, "invisible until done");
    assert!(timeout(ms(50), queue.get()).await.is_err());
    drop(item);
    assert_eq!(take_all(&queue).await, ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn q3_no_key_is_ever_with_two_workers_and_none_is_lost() {
    let environment = Environment::real();
    let queue = WorkQueue::new(&environment, WorkQueueOptions::named("hammer"));
    let held = Arc::new(Mutex::new(BTreeMap::<u64, u64>::new()));
    let served = Arc::new(Mutex::new(BTreeMap::<u64, u64>::new()));
    let wanted = Arc::new(Mutex::new(BTreeMap::<u64, u64>::new()));
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (queue, held, served, wanted) = (queue.clone(), held.clone(), served.clone(), wanted.clone());
            environment.spawn("worker", async move {
                while let Some(item) = queue.get().await {
                    *held.lock().entry(*item.key()).or_default() += 1;
                    assert_eq!(held.lock()[item.key()], 1, "two workers hold {item:?}");
                    let seen = wanted.lock()[item.key()];
                    tokio::task::yield_now().await;
                    served.lock().insert(*item.key(), seen);
                    *held.lock().entry(*item.key()).or_default() -= 1;
                }
            })
        })
        .collect();
    let adders: Vec<_> = (0..4_u64)
        .map(|adder| {
            let (queue, wanted, environment) = (queue.clone(), wanted.clone(), environment.clone());
            environment.clone().spawn("adder", async move {
                for step in 0..2000_u64 {
                    let key = environment.random_u64() % 20;
                    *wanted.lock().entry(key).or_default() += 1;
                    match step % 3 {
                        0 => queue.add_after(key, Duration::from_micros(200 * adder)),
                        1 => queue.add_with(key, Priority::LOW),
                        _ => queue.add(key),
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for adder in adders {
        adder.await.unwrap();
    }
    let complete = async {
        while *served.lock() != *wanted.lock() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), complete).await.expect("the last request of every key is served");
    queue.shut_down();
    for worker in workers {
        worker.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn q4_shutdown_ignores_adds_drains_what_is_ready_and_wakes_every_getter() {
    let queue = queue();
    let getters: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            environment().spawn("getter", async move { queue.get().await.is_none() })
        })
        .collect();
    sleep(ms(1)).await;
    queue.shut_down();
    for getter in getters {
        assert!(timeout(ms(1), getter).await.expect("wakes at once").unwrap());
    }
    let queue = self::queue();
    queue.add("ready");
    queue.add_after("waiting", ms(5));
    queue.shut_down();
    queue.add("late");
    assert_eq!(*queue.get().await.unwrap().key(), "ready");
    assert!(queue.get().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn q5_draining_waits_for_work_in_progress_and_what_was_asked_meanwhile() {
    let queue = queue();
    queue.add("a");
    let item = queue.get().await.unwrap();
    queue.add("a");
    let drain = {
        let queue = queue.clone();
        environment().spawn("drain", async move { queue.shut_down_with_drain().await })
    };
    sleep(ms(10)).await;
    drop(item);
    let again = queue.get().await.expect("asked for before the shutdown");
    sleep(ms(10)).await;
    assert!(!drain.is_finished(), "the second round is still in progress");
    drop(again);
    timeout(ms(1), drain).await.expect("drained").unwrap();
}

#[tokio::test(start_paused = true)]
async fn q5_a_plain_shutdown_ends_a_drain_that_would_wait_for_ever() {
    let queue = queue();
    queue.add("stuck");
    let _held = queue.get().await.unwrap();
    let (drained, ()) = tokio::join!(timeout(ms(100), queue.shut_down_with_drain()), async {
        sleep(ms(10)).await;
        queue.shut_down();
    });
    assert!(drained.is_ok());
}

#[tokio::test(start_paused = true)]
async fn q6_nothing_is_kept_of_a_key_that_is_done() {
    let queue = WorkQueue::new(&environment(), WorkQueueOptions::named("test"));
    let key = Arc::<str>::from("key");
    queue.add_rate_limited(key.clone());
    let item = queue.get().await.unwrap();
    queue.forget(item.key());
    drop(item);
    assert_eq!(Arc::strong_count(&key), 1);
}

#[tokio::test(start_paused = true)]
async fn q7_a_delayed_key_comes_neither_before_nor_long_after_its_time() {
    let queue = queue();
    let start = Instant::now();
    queue.add_after("later", ms(250));
    queue.add_after("now", Duration::ZERO);
    assert_eq!(*queue.get().await.unwrap().key(), "now");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(*queue.get().await.unwrap().key(), "later");
    assert!((ms(250)..ms(252)).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn q8_of_two_delays_the_earlier_wins_and_the_key_comes_once() {
    let queue = queue();
    let start = Instant::now();
    queue.add_after("a", ms(50));
    queue.add_after("a", ms(30));
    queue.add_after("a", ms(70));
    drop(queue.get().await);
    assert!(start.elapsed() < ms(32), "{:?}", start.elapsed());
    assert!(timeout(ms(200), queue.get()).await.is_err(), "the later ones are gone");
    queue.add_after("a", ms(50));
    queue.add("a");
    drop(queue.get().await);
    assert!(timeout(ms(200), queue.get()).await.is_err(), "an add does not leave the delay behind");
}

#[tokio::test(start_paused = true)]
async fn q8_an_earlier_delay_reaches_a_getter_that_already_sleeps() {
    let queue = queue();
    let start = Instant::now();
    queue.add_after("late", ms(500));
    let getters: Vec<_> = (0..2)
        .map(|_| {
            let queue = queue.clone();
            environment().spawn("getter", async move {
                let item = queue.get().await.unwrap();
                (*item.key(), start.elapsed().as_millis() / 100)
            })
        })
        .collect();
    sleep(ms(1)).await;
    queue.add_after("early", ms(100));
    let mut served = Vec::new();
    for getter in getters {
        served.push(getter.await.unwrap());
    }
    served.sort_unstable();
    assert_eq!(served, [("early", 1), ("late", 5)]);
}

#[tokio::test(start_paused = true)]
async fn q9_delayed_keys_come_in_the_order_of_their_times() {
    let queue = queue();
    for (key, delay) in [("c", 30), ("a", 10), ("b", 20)] {
        queue.add_after(key, ms(delay));
    }
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(*queue.get().await.unwrap().key());
    }
    assert_eq!(order, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn q10_a_jump_of_the_clock_makes_everything_due_appear_in_order() {
    let queue = queue();
    for (key, delay) in [("c", 3000), ("a", 1000), ("d", 9_000_000), ("b", 2000)] {
        queue.add_after(key, ms(delay));
    }
    advance(Duration::from_hours(1)).await;
    assert_eq!(take_all(&queue).await, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn q11_failures_count_per_key_and_forget_starts_over() {
    let queue = queue();
    let delays: Vec<_> = (0..3).map(|_| queue.add_rate_limited("a")).collect();
    assert_eq!(delays, [ms(5), ms(10), ms(20)]);
    assert_eq!(queue.add_rate_limited("b"), ms(5));
    assert_eq!((queue.failures(&"a"), queue.failures(&"b")), (3, 1));
    queue.forget(&"a");
    assert_eq!((queue.failures(&"a"), queue.add_rate_limited("a")), (0, ms(5)));
}

#[tokio::test(start_paused = true)]
async fn q13_metrics_follow_a_scripted_history() {
    let registry = Metrics::new();
    let options =
        WorkQueueOptions { metrics: Some(QueueMetrics::of(&registry)), ..WorkQueueOptions::named("jobs") };
    let queue = WorkQueue::new(&environment(), options);
    queue.add("a");
    queue.add("a");
    queue.add("b");
    queue.add_after("c", Duration::from_mins(1));
    advance(ms(2000)).await;
    let item = queue.get().await.unwrap();
    advance(ms(5000)).await;
    let text = registry.encode();
    let labels = "name=\"jobs\",controller=\"jobs\"";
    let expect = |text: &str, line: &str| {
        let line = line.replace("LABELS", labels);
        assert!(text.lines().any(|candidate| candidate == line), "{line} in\n{text}");
    };
    expect(&text, "workqueue_depth{LABELS,priority=\"0\"} 1");
    expect(&text, "workqueue_depth{LABELS,priority=\"-100\"} 0");
    expect(&text, "workqueue_adds_total{LABELS} 2");
    expect(&text, "workqueue_retries_total{LABELS} 1");
    expect(&text, "workqueue_queue_duration_seconds_sum{LABELS} 2.0");
    expect(&text, "workqueue_unfinished_work_seconds{LABELS} 5.0");
    expect(&text, "workqueue_longest_running_processor_seconds{LABELS} 5.0");
    drop(item);
    let text = registry.encode();
    expect(&text, "workqueue_work_duration_seconds_sum{LABELS} 5.0");
    expect(&text, "workqueue_unfinished_work_seconds{LABELS} 0.0");
    let _held = queue.get().await.unwrap();
    queue.shut_down();
    advance(ms(5000)).await;
    expect(&registry.encode(), "workqueue_unfinished_work_seconds{LABELS} 0.0");
}

#[tokio::test(start_paused = true)]
async fn p1_normal_goes_before_low_and_each_band_is_first_come_first_served() {
    let queue = queue();
    queue.add_with("low-1", Priority::LOW);
    queue.add_with("low-2", Priority::LOW);
    queue.add("normal-1");
    queue.add("normal-2");
    assert_eq!(take_all(&queue).await, ["normal-1", "normal-2", "low-1", "low-2"]);
}

#[tokio::test(start_paused = true)]
async fn p2_a_raised_key_goes_to_the_tail_of_its_new_band_and_is_never_lowered() {
    let queue = queue();
    queue.add_with("raised", Priority::LOW);
    queue.add_with("low", Priority::LOW);
    queue.add("normal");
    queue.add("raised");
    queue.add_with("normal", Priority::LOW);
    assert_eq!(queue.len(), 3);
    assert_eq!(take_all(&queue).await, ["normal", "raised", "low"]);
}

#[tokio::test(start_paused = true)]
async fn p4_waiting_keys_are_not_counted() {
    let queue = queue();
    queue.add_after("a", ms(10));
    assert_eq!(queue.len(), 0);
    advance(ms(10)).await;
    assert_eq!(queue.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn p7_a_steady_stream_of_normal_keys_starves_a_low_one_no_longer_than_the_ageing_bound() {
    let queue = WorkQueue::new(&environment(), WorkQueueOptions::named("test"));
    let start = Instant::now();
    queue.add_with(u64::MAX, Priority::LOW);
    queue.add(0);
    for number in 1.. {
        queue.add(number);
        advance(ms(1)).await;
        if *queue.get().await.unwrap().key() == u64::MAX {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(11), "starved");
    }
    assert!(start.elapsed() >= Duration::from_secs(10), "normal work goes first: {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn p8_a_cancelled_getter_hands_its_duty_to_keep_the_time_to_another() {
    let queue = queue();
    queue.add_after("a", ms(100));
    let first = {
        let queue = queue.clone();
        environment().spawn("first", async move { queue.get().await.is_some() })
    };
    sleep(ms(1)).await;
    let second = {
        let queue = queue.clone();
        environment().spawn("second", async move { *queue.get().await.unwrap().key() })
    };
    sleep(ms(1)).await;
    first.abort();
    assert_eq!(timeout(ms(200), second).await.expect("somebody keeps the time").unwrap(), "a");
}
