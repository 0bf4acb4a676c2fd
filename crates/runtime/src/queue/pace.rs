//! Keys that come too often: what holds them back, and how long they are remembered.

use std::collections::VecDeque;
use std::time::Duration;

use super::entries::{Pace, Slot};
use super::time::Time;

const MINUTE: Duration = Duration::from_mins(1);

/// What counts as a hot key, and what becomes of it.
///
/// The requests of a hot key stand in the slow lane: behind everything that was asked for up to twice
/// [`ageing`](super::WorkQueueOptions::ageing) later, and with a bounded number of workers. A key cools down as
/// time passes, within two minutes at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotKeys {
    per_minute: u32,
    at_once: usize,
}

impl HotKeys {
    /// Keys that are handed out more than `per_minute` times a minute (at least 1) are hot; one at a time is
    /// worked on.
    #[must_use]
    pub fn above(per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1), at_once: 1 }
    }

    /// How many hot keys are worked on at once; at least one.
    #[must_use]
    pub fn at_once(mut self, workers: usize) -> Self {
        self.at_once = workers.max(1);
        self
    }

    pub(super) fn workers(&self) -> usize {
        self.at_once
    }
}

/// The rules about how often a key is served, and the keys they are remembered for.
#[derive(Debug)]
pub(super) struct Pacing {
    pub(super) debounce: Duration,
    interval: Duration,
    hot: Option<HotKeys>,
    /// Keys in the order of when to look whether they can be forgotten.
    remembered: VecDeque<(Time, Slot)>,
}

impl Pacing {
    pub(super) fn new(debounce: Duration, interval: Duration, hot: Option<HotKeys>) -> Self {
        Self { debounce, interval, hot, remembered: VecDeque::new() }
    }

    /// Before when a key must not be handed out.
    pub(super) fn earliest(&self, pace: &Pace) -> Time {
        match pace.last {
            Some(last) if !self.interval.is_zero() => last.after(self.interval),
            _ => Time::default(),
        }
    }

    pub(super) fn is_hot(&self, pace: &Pace, now: Time) -> bool {
        // One request of the limit is always let through: the comparison is with a full minute.
        self.hot.is_some_and(|hot| pace.heat.since(now) > MINUTE.saturating_sub(MINUTE / hot.per_minute))
    }

    /// Notes a hand-out; whether the key must be remembered for it.
    pub(super) fn handed_out(&self, pace: &mut Pace, now: Time) -> bool {
        if let Some(hot) = self.hot {
            let heat = pace.heat.max(now).after(MINUTE / hot.per_minute);
            pace.heat = heat.min(now.after(MINUTE * 2));
        }
        pace.last = Some(now);
        self.hot.is_some() || !self.interval.is_zero()
    }

    pub(super) fn remember(&mut self, slot: Slot, pace: &Pace, now: Time) {
        let until = self.forgettable(pace).max(now);
        self.remembered.push_back((until, slot));
    }

    /// From when on nothing that is known of the key's pace matters.
    pub(super) fn forgettable(&self, pace: &Pace) -> Time {
        self.earliest(pace).max(pace.heat)
    }

    /// Whether no key is remembered.
    pub(super) fn is_empty(&self) -> bool {
        self.remembered.is_empty()
    }

    /// A key that may be forgotten, if it is time to look.
    pub(super) fn next_to_forget(&mut self, now: Time) -> Option<Slot> {
        self.remembered.pop_front_if(|(until, _)| *until <= now).map(|(_, slot)| slot)
    }

    pub(super) fn remembered(&self) -> impl Iterator<Item = Slot> {
        self.remembered.iter().map(|(_, slot)| *slot)
    }
}
