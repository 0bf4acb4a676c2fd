//! The circuit breaker, step by step and at random.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::BreakerOptions;
use super::breaker::{Breaker, BreakerState, Pass, Refusal, Turn};
use super::window::{Tally, Window};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn options() -> BreakerOptions {
    BreakerOptions { minimum_calls: 4, ..BreakerOptions::default() }
}

/// A breaker and its time.
struct Test {
    breaker: Breaker,
    now: Instant,
}

impl Test {
    fn new(options: BreakerOptions) -> Self {
        Self { breaker: Breaker::new(options), now: Instant::now() }
    }

    /// One call that takes this long.
    fn call(&mut self, failed: bool, took: Duration) -> Turn {
        let pass = self.breaker.enter(self.now).unwrap();
        self.now += took;
        self.breaker.leave(pass, failed, took, self.now, 0.0)
    }

    fn calls(&mut self, failed: bool, count: usize) -> Vec<Turn> {
        (0..count).map(|_| self.call(failed, ms(1))).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a7_the_breaker_opens_when_enough_calls_in_the_window_failed_and_not_for_few() {
    let mut test = Test::new(options());
    assert_eq!(test.calls(true, 3), [Turn::None; 3], "fewer than the least number of calls");
    assert!(matches!(test.call(true, ms(1)), Turn::Opened { .. }));
    let mut test = Test::new(options());
    test.calls(false, 10);
    assert_eq!(test.calls(true, 9), [Turn::None; 9], "9 of 19 is less than half");
    let Turn::Opened { until } = test.call(true, ms(1)) else { panic!("10 of 20 is half") };
    assert_eq!(until, test.now + secs(10));
    assert_eq!(test.breaker.enter(until - ms(1)), Err(Refusal::Open { until }));
}

#[tokio::test(start_paused = true)]
async fn a7_calls_that_left_the_window_count_no_more() {
    let mut test = Test::new(options());
    test.calls(true, 3);
    test.now += secs(61);
    assert_eq!(test.calls(true, 3), [Turn::None; 3], "three in the window, and six in all");
    let start = Instant::now();
    let mut window = Window::new(secs(10));
    window.add(true, false, start);
    assert_eq!(window.add(false, true, start + ms(9900)), Tally { calls: 2, failed: 1, slow: 1 });
    assert_eq!(window.add(false, false, start + ms(10_100)), Tally { calls: 2, failed: 0, slow: 1 });
    assert_eq!(window.add(false, false, start + secs(10_000)), Tally { calls: 1, failed: 0, slow: 0 });
}

#[tokio::test(start_paused = true)]
async fn a7_slow_calls_open_the_breaker_though_they_succeed() {
    let mut test = Test::new(BreakerOptions { slow_after: Some(secs(1)), slow_rate: 0.75, ..options() });
    let turns: Vec<Turn> = [ms(1), ms(1001), ms(1001)].map(|took| test.call(false, took)).into();
    assert_eq!(turns, [Turn::None; 3]);
    assert!(matches!(test.call(false, ms(1001)), Turn::Opened { .. }), "three of four");
    let mut test = Test::new(options());
    assert!((0..20).all(|_| test.call(false, secs(1)) == Turn::None), "without a limit nothing is slow");
}

#[tokio::test(start_paused = true)]
async fn a7_one_probe_decides_and_each_that_fails_doubles_the_time_up_to_the_longest() {
    let mut test = Test::new(BreakerOptions { open_at_most: secs(30), ..options() });
    test.calls(true, 4);
    for open_for in [10, 20, 30, 30] {
        let opened = test.now;
        assert_eq!(test.breaker.enter(opened + secs(open_for) - ms(1)).map_err(|_| ()), Err(()));
        test.now = opened + secs(open_for);
        assert_eq!(test.breaker.state(), BreakerState::Open);
        let probe = test.breaker.enter(test.now).unwrap();
        assert_eq!(test.breaker.enter(test.now + secs(1000)), Err(Refusal::Probing), "one call only");
        assert!(matches!(test.breaker.leave(probe, true, ms(1), test.now, 0.0), Turn::Opened { .. }));
    }
    test.now += secs(30);
    assert_eq!(test.call(false, ms(1)), Turn::Closed);
    assert_eq!(test.calls(true, 3), [Turn::None; 3], "what was before it closed is forgotten");
    let Turn::Opened { until } = test.call(true, ms(1)) else { panic!("four of four") };
    assert_eq!(until, test.now + secs(10), "and the times start over");
}

#[tokio::test(start_paused = true)]
async fn a7_calls_from_before_the_breaker_opened_decide_nothing() {
    let mut test = Test::new(options());
    let early: Vec<Pass> = (0..6).map(|_| test.breaker.enter(test.now).unwrap()).collect();
    test.calls(true, 4);
    assert_eq!(test.breaker.leave(early[0], true, secs(1), test.now, 0.0), Turn::None);
    test.now += secs(10);
    let probe = test.breaker.enter(test.now).unwrap();
    assert_eq!(test.breaker.leave(early[1], false, secs(1), test.now, 0.0), Turn::None, "not the probe");
    assert_eq!(test.breaker.state(), BreakerState::HalfOpen);
    assert_eq!(test.breaker.leave(probe, false, secs(1), test.now, 0.0), Turn::Closed);
    for pass in &early[2..] {
        assert_eq!(test.breaker.leave(*pass, true, secs(1), test.now, 0.0), Turn::None);
    }
    assert_eq!(test.breaker.state(), BreakerState::Closed);
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Enter,
    Leave { which: prop::sample::Index, failed: bool, stretch: f64 },
}

fn step() -> impl Strategy<Value = Step> {
    let leave = (any::<prop::sample::Index>(), any::<bool>(), 0.0..1.0)
        .prop_map(|(which, failed, stretch)| Step::Leave { which, failed, stretch });
    prop_oneof![
        (0_u64..20_000).prop_map(Step::Wait),
        Just(Step::Enter),
        Just(Step::Enter),
        leave.clone(),
        leave
    ]
}

proptest! {
    /// X-I1: nothing passes while it is open; then one call at most until that one has ended; and nothing is refused
    /// while it is closed.
    #[test]
    fn a7_whatever_happens_one_probe_passes_after_the_open_time_and_it_alone_decides(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let options = BreakerOptions { open_at_most: secs(40), ..options() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let _entered = runtime.enter();
        let mut test = Test::new(options);
        let mut flights: Vec<(Pass, bool)> = Vec::new();
        let mut until = None;
        for step in steps {
            let before = test.breaker.state();
            match step {
                Step::Wait(time) => test.now += ms(time),
                Step::Enter => match test.breaker.enter(test.now) {
                    Ok(pass) => {
                        prop_assert!(before != BreakerState::HalfOpen);
                        prop_assert!(before == BreakerState::Closed || until.is_some_and(|until| test.now >= until));
                        flights.push((pass, before == BreakerState::Open));
                    }
                    Err(_) => prop_assert!(before != BreakerState::Closed),
                },
                Step::Leave { which, failed, stretch } if !flights.is_empty() => {
                    let (pass, is_probe) = flights.swap_remove(which.index(flights.len()));
                    let turn = test.breaker.leave(pass, failed, ms(1), test.now, stretch);
                    if before == BreakerState::HalfOpen {
                        prop_assert_eq!(is_probe, turn != Turn::None);
                        prop_assert_eq!(turn == Turn::Closed, is_probe && !failed);
                    } else {
                        prop_assert!(turn != Turn::Closed);
                    }
                    if let Turn::Opened { until: at } = turn {
                        prop_assert!((secs(10)..=secs(44)).contains(&(at - test.now)), "{:?}", at - test.now);
                        until = Some(at);
                    }
                }
                Step::Leave { .. } => {}
            }
            let probes = flights.iter().filter(|(_, is_probe)| *is_probe).count();
            prop_assert_eq!(probes, usize::from(test.breaker.state() == BreakerState::HalfOpen));
        }
    }
}
