//! The line of ready requests: bands of different priority, and the slow lane.

use std::cmp::Reverse;
use std::time::Duration;

use super::Priority;
use super::band::Band;
use super::entries::Slot;
use super::fifo::{Fifo, NIL, Places};
use super::flow::Flow;
use super::time::Time;

/// As many bands as controller-runtime's depth metric keeps apart.
pub(super) const MOST_BANDS: usize = 25;

/// Which of the bands.
pub(super) type BandNumber = usize;

#[derive(Debug)]
pub(super) struct Line {
    places: Places,
    bands: Vec<Rank>,
    slow: SlowLane,
    ageing: Duration,
}

#[derive(Debug)]
struct Rank {
    priority: Priority,
    /// By how many nanoseconds the band stands behind the normal one.
    handicap: i64,
    band: Band,
}

/// Where hot keys stand: behind everybody, and only some at once.
#[derive(Debug)]
struct SlowLane {
    requests: Fifo,
    at_work: usize,
    most_at_work: usize,
    handicap: i64,
}

impl Line {
    pub(super) fn new(ageing: Duration, most_slow: usize) -> Self {
        let handicap = nanoseconds(ageing).saturating_mul(2);
        let slow = SlowLane { requests: Fifo::EMPTY, at_work: 0, most_at_work: most_slow, handicap };
        let mut line = Self { places: Places::default(), bands: Vec::new(), slow, ageing };
        for priority in [Priority::NORMAL, Priority::LOW] {
            line.add_band(priority);
        }
        line
    }

    fn add_band(&mut self, priority: Priority) -> BandNumber {
        let steps = i128::from(priority.number());
        let handicap = -i128::from(nanoseconds(self.ageing)) * steps / 100;
        let handicap = i64::try_from(handicap).unwrap_or(if steps > 0 { i64::MIN } else { i64::MAX });
        self.bands.push(Rank { priority, handicap, band: Band::default() });
        self.bands.len() - 1
    }

    /// The band of a priority: its own, or once there are enough the nearest (the lower of two as near).
    pub(super) fn band(&mut self, priority: Priority) -> BandNumber {
        if let Some(band) = self.bands.iter().position(|rank| rank.priority == priority) {
            return band;
        }
        if self.bands.len() < MOST_BANDS {
            return self.add_band(priority);
        }
        let distance = |rank: &Rank| (rank.priority.number().abs_diff(priority.number()), rank.priority);
        let nearest = self.bands.iter().enumerate().min_by_key(|(_, rank)| distance(rank));
        nearest.map_or(0, |(band, _)| band)
    }

    pub(super) fn push(&mut self, slot: Slot, priority: Priority, flow: Flow, at: Time) {
        let band = self.band(priority);
        self.bands[band].band.push(slot, flow, at, &mut self.places);
    }

    pub(super) fn push_slow(&mut self, slot: Slot, at: Time) {
        self.slow.requests.push(slot, NIL, at, &mut self.places);
    }

    /// Takes a request out of its band to stand in another one.
    pub(super) fn remove(&mut self, slot: Slot, priority: Priority) {
        let band = self.band(priority);
        self.bands[band].band.remove(slot, &mut self.places);
    }

    /// Takes out who is next, and whether that was from the slow lane.
    pub(super) fn pop(&mut self) -> Option<(Slot, bool)> {
        let normal = self.first();
        let slow = self.slow.first(&self.places);
        let is_slow = match (normal, slow) {
            (Some((rank, ..)), Some((slow, _))) => slow <= rank,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let slot = if is_slow {
            let (_, slot) = slow?;
            self.slow.requests.remove(slot, &mut self.places);
            self.slow.at_work += 1;
            slot
        } else {
            let (_, band) = normal?;
            self.bands[band].band.pop(&mut self.places)?
        };
        if self.is_empty() {
            self.places.clear();
        }
        Some((slot, is_slow))
    }

    /// The band whose next request came first, counting from where its priority puts it.
    fn first(&mut self) -> Option<(i64, BandNumber)> {
        let mut best: Option<((i64, Reverse<Priority>), BandNumber)> = None;
        for (number, rank) in self.bands.iter_mut().enumerate() {
            let Some(slot) = rank.band.first() else { continue };
            let at = self.places.get(slot).at.rank().saturating_add(rank.handicap);
            let candidate = (at, Reverse(rank.priority));
            if best.is_none_or(|(best, _)| candidate < best) {
                best = Some((candidate, number));
            }
        }
        best.map(|((at, _), number)| (at, number))
    }

    /// A worker is done with a key from the slow lane.
    pub(super) fn slow_done(&mut self) {
        self.slow.at_work = self.slow.at_work.saturating_sub(1);
    }

    /// Whether there is a request that may be taken.
    pub(super) fn has_first(&self) -> bool {
        self.bands.iter().any(|rank| rank.band.len() > 0) || self.slow.is_open()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.bands.iter().map(|rank| rank.band.len()).sum::<usize>() + self.slow.requests.len()
    }

    /// How many requests stand in each band, in the order in which bands were first used.
    pub(super) fn depths(&self) -> impl Iterator<Item = (Priority, usize)> {
        self.bands.iter().map(|rank| (rank.priority, rank.band.len()))
    }

    /// How many requests stand in the slow lane.
    pub(super) fn slow_depth(&self) -> usize {
        self.slow.requests.len()
    }

    /// How many flows have a turn.
    #[cfg(test)]
    pub(super) fn flows(&self) -> usize {
        self.bands.iter().map(|rank| rank.band.flows()).sum()
    }

    /// The slots that stand in line, in no order that means anything; for checks.
    pub(super) fn iter(&self) -> impl Iterator<Item = Slot> {
        let slow = self.slow.requests.iter(&self.places);
        self.bands.iter().flat_map(|rank| rank.band.iter(&self.places)).chain(slow)
    }

    /// Panics where the parts do not fit each other, given how many keys of the slow lane are at work.
    pub(super) fn check(&self, slow_at_work: usize) {
        for rank in &self.bands {
            rank.band.check(&self.places);
        }
        assert!(self.bands.len() <= MOST_BANDS, "Q-I5: number of bands");
        assert_eq!(self.slow.at_work, slow_at_work, "Q-I6: keys of the slow lane in workers' hands");
        assert!(slow_at_work <= self.slow.most_at_work, "Q-I6: room of the slow lane");
    }
}

impl SlowLane {
    fn is_open(&self) -> bool {
        self.at_work < self.most_at_work && self.requests.len() > 0
    }

    fn first(&self, places: &Places) -> Option<(i64, Slot)> {
        let slot = self.requests.first().filter(|_| self.is_open())?;
        Some((places.get(slot).at.rank().saturating_add(self.handicap), slot))
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
