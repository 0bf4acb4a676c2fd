//! Who waits for whom: flows (A4), hot keys (A3), minimum interval and debounce (A5).

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use tokio::time::{Instant, sleep, timeout};

use super::state::State;
use super::time::Time;
use super::*;

type Key = (&'static str, u64);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn environment() -> Environment {
    Environment::simulated(1, jiff::Timestamp::UNIX_EPOCH)
}

fn options(flow: bool) -> WorkQueueOptions<Key> {
    let flow: Option<FlowOf<Key>> = flow.then(|| Arc::new(|key: &Key| Flow::of(key.0)) as FlowOf<Key>);
    WorkQueueOptions { flow, ..WorkQueueOptions::named("fair") }
}

/// A queue with workers, and how long requests of one party waited.
struct Workshop {
    queue: WorkQueue<Key>,
    environment: Environment,
    asked: Arc<Mutex<Vec<(Key, Instant)>>>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Workshop {
    /// `work` says how long a key takes and whether it is asked for again at once.
    fn start(options: WorkQueueOptions<Key>, workers: usize, work: fn(&Key) -> (Duration, bool)) -> Self {
        let environment = environment();
        let queue = WorkQueue::new(&environment, options);
        let (asked, waits) = (Arc::new(Mutex::new(Vec::new())), Arc::default());
        let shop = Self { queue, environment, asked, waits };
        for _ in 0..workers {
            let (queue, asked) = (shop.queue.clone(), Arc::clone(&shop.asked));
            let waits = Arc::clone(&shop.waits);
            shop.environment.spawn("worker", async move {
                while let Some(item) = queue.get().await {
                    let position = asked.lock().iter().position(|(key, _)| key == item.key());
                    if let Some(position) = position {
                        waits.lock().push(asked.lock().swap_remove(position).1.elapsed());
                    }
                    let (time, again) = work(item.key());
                    sleep(time).await;
                    if again {
                        queue.add(*item.key());
                    }
                }
            });
        }
        shop
    }

    /// Asks for a key whose wait counts.
    fn ask(&self, key: Key) {
        self.asked.lock().push((key, Instant::now()));
        self.queue.add(key);
    }

    /// The longest wait but for one in a hundred.
    fn p99(&self) -> Duration {
        let mut waits = self.waits.lock().clone();
        waits.sort_unstable();
        assert!(waits.len() >= 100, "{} waits", waits.len());
        waits[waits.len() * 99 / 100 - 1]
    }
}

/// The small party asks for ten keys a second, in pairs or bursts; the large one, who comes first, for a hundred
/// times as much, which is more than the workers can do.
async fn small_party(flow: bool, large: bool, burst: u64) -> Duration {
    let shop = Workshop::start(options(flow), 2, |_| (ms(10), false));
    let mut numbers = 0_u64..;
    for round in 0..400 * burst {
        if large {
            (0..100).for_each(|_| shop.queue.add(("large", numbers.next().unwrap())));
        }
        if round >= 10 && round % burst == 0 {
            (0..burst).for_each(|_| shop.ask(("small", numbers.next().unwrap())));
        }
        sleep(ms(100)).await;
        if shop.waits.lock().len() >= 200 {
            break;
        }
    }
    shop.p99()
}

#[tokio::test(start_paused = true)]
async fn a4_a_namespace_with_a_hundred_times_the_load_at_most_doubles_the_queue_time_of_another() {
    for burst in [2, 10] {
        let (alone, beside) = (small_party(true, false, burst).await, small_party(true, true, burst).await);
        // Who comes to a busy worker waits for it in any case: one service time.
        assert!(beside <= (alone * 2).max(ms(10)), "{beside:?} beside the large one, {alone:?} alone");
    }
    let unfair = timeout(Duration::from_hours(2), small_party(false, true, 10)).await;
    assert!(unfair.is_err() || unfair.is_ok_and(|wait| wait > ms(1000)), "the scene is a hard one");
}

#[test]
fn a4_settled_flows_share_evenly_and_newcomers_do_not_starve_them() {
    let mut state = State::new(&options(true));
    let now = Time::default();
    let add = |state: &mut State<Key>, key| state.add(key, Duration::ZERO, Priority::NORMAL, now);
    for number in 0..300 {
        add(&mut state, ("a", number));
    }
    for number in 0..300 {
        add(&mut state, ("b", number));
    }
    let serve = |state: &mut State<Key>| {
        let taken = state.take(now).unwrap();
        state.done(taken.slot, now);
        taken.key.0
    };
    let head_starts: Vec<_> = (0..33).map(|_| serve(&mut state)).collect();
    assert_eq!(
        head_starts,
        [["a"; 17].as_slice(), ["b"; 16].as_slice()].concat(),
        "16 each, and a turn between"
    );
    let turns: Vec<_> = (0..100).map(|_| serve(&mut state)).collect();
    assert!(turns[1..].windows(2).all(|pair| pair[0] != pair[1]), "they take turns: {turns:?}");
    // An endless procession of parties that nobody has seen before.
    let names: &'static [String] = Box::leak((0..400).map(|n| format!("new-{n}")).collect());
    let mut settled = 0;
    for name in names {
        add(&mut state, (name, 0));
        add(&mut state, (name, 1));
        settled += usize::from(matches!(serve(&mut state), "a" | "b"));
    }
    assert!((20..30).contains(&settled), "one in 17 goes to those that were there: {settled} of 400");
}

#[test]
fn a4_nothing_is_kept_of_flows_that_are_gone() {
    let mut state = State::new(&options(true));
    let names: &'static [String] = Box::leak((0..100).map(|n| format!("party-{n}")).collect());
    for name in names {
        state.add((name.as_str(), 0), Duration::ZERO, Priority::NORMAL, Time::default());
    }
    assert_eq!(state.line.flows(), 100);
    while let Some(taken) = state.take(Time::default()) {
        state.done(taken.slot, Time::default());
    }
    assert_eq!((state.line.flows(), state.entries.len()), (1, 0), "one is kept for the next request");
}

/// Two hot keys that are asked for again as soon as they are done, and take long, beside others that do not.
async fn beside_hot_keys(hot_keys: Option<HotKeys>) -> (Duration, u64) {
    let options = WorkQueueOptions { hot_keys, ..options(false) };
    let shop = Workshop::start(options, 2, |key| match key.0 {
        "hot" => (ms(300), true),
        _ => (ms(10), false),
    });
    shop.queue.add(("hot", 0));
    shop.queue.add(("hot", 1));
    sleep(Duration::from_secs(10)).await;
    shop.waits.lock().clear();
    for number in 0..200 {
        shop.ask(("other", number));
        sleep(ms(100)).await;
    }
    let served = shop.waits.lock().len() as u64;
    (shop.p99(), served)
}

#[tokio::test(start_paused = true)]
async fn a3_hot_keys_have_a_lane_of_their_own_and_others_do_not_wait_for_them() {
    let (open, _) = beside_hot_keys(None).await;
    assert!(open > ms(100), "the scene is a hard one: {open:?}");
    let (apart, served) = beside_hot_keys(Some(HotKeys::above(10))).await;
    assert!(apart <= ms(10), "{apart:?}");
    assert!(served >= 199);
}

#[tokio::test(start_paused = true)]
async fn a3_a_hot_key_stands_behind_others_is_served_nevertheless_and_cools_down() {
    let options = WorkQueueOptions { hot_keys: Some(HotKeys::above(3)), ..options(false) };
    let queue = WorkQueue::new(&environment(), options);
    for _ in 0..3 {
        queue.add(("hot", 0));
        drop(queue.get().await);
    }
    let next = async || queue.get().await.unwrap().key().0;
    queue.add(("hot", 0));
    queue.add_with(("low", 0), Priority::LOW);
    queue.add(("normal", 0));
    assert_eq!([next().await, next().await, next().await], ["normal", "low", "hot"]);
    queue.add(("hot", 0));
    queue.add(("other", 0));
    let held = queue.get().await.unwrap();
    queue.add(("hot", 0));
    drop(held);
    assert_eq!(next().await, "hot", "the fourth in a minute, when nobody else is there");
    sleep(Duration::from_mins(2)).await;
    queue.add(("hot", 0));
    queue.add(("normal", 0));
    assert_eq!([next().await, next().await], ["hot", "normal"], "cooled down");
}

#[tokio::test(start_paused = true)]
async fn a3_of_several_hot_keys_one_is_worked_on_at_once() {
    let options = WorkQueueOptions { hot_keys: Some(HotKeys::above(1)), ..options(false) };
    let queue = WorkQueue::new(&environment(), options);
    for number in [0, 1] {
        queue.add(("hot", number));
        if number == 1 {
            drop((queue.get().await, queue.get().await));
        }
    }
    queue.add(("hot", 0));
    queue.add(("hot", 1));
    let first = queue.get().await.unwrap();
    assert_eq!(queue.len(), 1);
    assert!(timeout(ms(100), queue.get()).await.is_err(), "the lane is full");
    let waiting = {
        let queue = queue.clone();
        environment().spawn("waiting", async move { queue.get().await.map(|item| *item.key()) })
    };
    sleep(ms(1)).await;
    drop(first);
    let second = timeout(ms(1), waiting).await.expect("the lane is free again").unwrap();
    assert_eq!(second, Some(("hot", 1)));
}

/// What is served, when (in ms), and in which state the world is then; the world changes every 10 ms, twenty times.
async fn bursts(options: WorkQueueOptions<Key>) -> Vec<(u128, u64)> {
    let environment = environment();
    let queue = WorkQueue::new(&environment, options);
    let (world, start) = (Arc::new(Mutex::new(0_u64)), Instant::now());
    let served = Arc::new(Mutex::new(Vec::new()));
    {
        let (queue, world, served) = (queue.clone(), Arc::clone(&world), Arc::clone(&served));
        environment.spawn("worker", async move {
            while let Some(_item) = queue.get().await {
                served.lock().push((start.elapsed().as_millis(), *world.lock()));
            }
        });
    }
    for state in 1..=20 {
        *world.lock() = state;
        queue.add(("key", 0));
        sleep(ms(10)).await;
    }
    sleep(ms(1000)).await;
    served.lock().clone()
}

#[tokio::test(start_paused = true)]
async fn a5_within_the_minimum_interval_a_burst_is_one_reconcile_of_the_last_state() {
    assert_eq!(bursts(options(false)).await.len(), 20, "each one without");
    let paced = WorkQueueOptions { minimum_interval: ms(100), ..options(false) };
    assert_eq!(bursts(paced).await, [(0, 1), (100, 11), (200, 20)]);
}

#[tokio::test(start_paused = true)]
async fn a5_debounce_collects_a_burst_and_hides_nothing_for_ever() {
    let collected = WorkQueueOptions { debounce: ms(45), ..options(false) };
    let served = bursts(collected).await;
    assert_eq!(served, [(45, 5), (95, 10), (145, 15), (195, 20)]);
}

#[tokio::test(start_paused = true)]
async fn a5_the_interval_holds_for_retries_and_for_keys_asked_for_while_in_work() {
    let paced = WorkQueueOptions { minimum_interval: ms(100), ..options(false) };
    let queue = WorkQueue::new(&environment(), paced);
    let start = Instant::now();
    queue.add(("key", 0));
    let item = queue.get().await.unwrap();
    queue.add(("key", 0));
    drop(item);
    let item = queue.get().await.unwrap();
    assert_eq!(start.elapsed(), ms(100));
    queue.add_rate_limited(("key", 0));
    drop(item);
    drop(queue.get().await);
    assert_eq!(start.elapsed(), ms(200));
    queue.forget(&("key", 0));
    sleep(ms(100)).await;
    queue.add(("other", 0));
    drop(queue.get().await);
    sleep(ms(100)).await;
    assert!(queue.is_empty());
    assert_eq!(queue.remembered(), 0, "nothing is kept once the interval is over");
}
