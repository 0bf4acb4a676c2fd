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
    /// The only request, if it came when there was none: it stands in no list, as most requests never meet another.
    lone: Option<Lone>,
    /// How many requests there are, the lone one and the slow lane included.
    len: usize,
    ageing: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Lone {
    slot: Slot,
    band: BandNumber,
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
        let bands = Vec::new();
        let mut line = Self { places: Places::default(), bands, slow, lone: None, len: 0, ageing };
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

    /// A request joins the line. Where it is alone, its time counts from when another one comes: until then it gives
    /// way to nobody.
    pub(super) fn push(&mut self, slot: Slot, priority: Priority, at: Time, flow_of: impl Fn(Slot) -> Flow) {
        let band = self.band(priority);
        if self.len == 0 {
            self.lone = Some(Lone { slot, band });
        } else {
            self.settle(at, &flow_of);
            self.bands[band].band.push(slot, flow_of(slot), at, &mut self.places);
        }
        self.len += 1;
    }

    pub(super) fn push_slow(&mut self, slot: Slot, at: Time, flow_of: impl Fn(Slot) -> Flow) {
        self.settle(at, &flow_of);
        self.slow.requests.push(slot, NIL, at, &mut self.places);
        self.len += 1;
    }

    /// The lone request gets company.
    fn settle(&mut self, at: Time, flow_of: &impl Fn(Slot) -> Flow) {
        if let Some(Lone { slot, band }) = self.lone.take() {
            self.bands[band].band.push(slot, flow_of(slot), at, &mut self.places);
        }
    }

    /// Takes a request out of its band to stand in another one.
    pub(super) fn remove(&mut self, slot: Slot, priority: Priority) {
        self.len -= 1;
        if self.lone.take().is_none() {
            let band = self.band(priority);
            self.bands[band].band.remove(slot, &mut self.places);
        }
    }

    /// Takes out who is next, and whether that was from the slow lane.
    pub(super) fn pop(&mut self) -> Option<(Slot, bool)> {
        if let Some(lone) = self.lone.take() {
            self.len -= 1;
            return Some((lone.slot, false));
        }
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
        self.len -= 1;
        if self.len == 0 {
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
        self.len > self.slow.requests.len() || self.slow.is_open()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many requests stand in each band, in the order in which bands were first used.
    pub(super) fn depths(&self) -> impl Iterator<Item = (Priority, usize)> {
        let lone = self.lone.map(|lone| lone.band);
        let alone = move |band| usize::from(lone == Some(band));
        self.bands.iter().enumerate().map(move |(band, rank)| (rank.priority, rank.band.len() + alone(band)))
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
        let lone = self.lone.iter().map(|lone| lone.slot);
        self.bands.iter().flat_map(|rank| rank.band.iter(&self.places)).chain(slow).chain(lone)
    }

    /// Panics where the parts do not fit each other, given how many keys of the slow lane are at work.
    pub(super) fn check(&self, slow_at_work: usize) {
        for rank in &self.bands {
            rank.band.check(&self.places);
        }
        let listed = self.bands.iter().map(|rank| rank.band.len()).sum::<usize>() + self.slow.requests.len();
        assert_eq!(listed + usize::from(self.lone.is_some()), self.len, "Q-I5: requests in line");
        assert!(self.lone.is_none() || listed == 0, "Q-I5: who is alone");
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
