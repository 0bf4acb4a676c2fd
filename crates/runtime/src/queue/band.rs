//! One band of the line: flows that take turns.

use std::collections::VecDeque;

use hashbrown::HashTable;
use slab::Slab;

use super::entries::{Slot, index, number};
use super::fifo::{Fifo, Places};
use super::flow::Flow;
use super::time::Time;

/// How many requests a flow that has just come may have served before those that were there, and how many in a
/// row all such flows together.
const HEAD_START: u8 = 16;

/// The flows of one band. A flow that comes joins the fresh ones; once it has had its head start, or has
/// nothing more, it moves behind the settled ones, and leaves when it has nothing at its turn there.
#[derive(Debug, Default)]
pub(super) struct Band {
    flows: Slab<FlowLine>,
    by_flow: HashTable<u32>,
    fresh: VecDeque<u32>,
    settled: VecDeque<u32>,
    /// How often in a row a fresh flow was served.
    streak: u8,
    len: usize,
}

#[derive(Debug)]
struct FlowLine {
    flow: Flow,
    requests: Fifo,
    head_start: u8,
}

impl Band {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(super) fn flows(&self) -> usize {
        self.flows.len()
    }

    pub(super) fn push(&mut self, slot: Slot, flow: Flow, at: Time, places: &mut Places) {
        let line = self.line_of(flow);
        self.flows[index(line)].requests.push(slot, line, at, places);
        self.len += 1;
    }

    /// Takes out a slot wherever it stands.
    pub(super) fn remove(&mut self, slot: Slot, places: &mut Places) {
        let line = places.get(slot).list;
        self.flows[index(line)].requests.remove(slot, places);
        self.len -= 1;
    }

    /// Who is next. Flows that have had their turn change places on the way, so that asking twice gives the
    /// same answer.
    pub(super) fn first(&mut self) -> Option<Slot> {
        if self.len == 0 {
            return None;
        }
        loop {
            let (line, is_fresh) = self.turn()?;
            let flow = &self.flows[index(line)];
            match flow.requests.first() {
                Some(slot) if !is_fresh || flow.head_start > 0 => return Some(slot),
                Some(_) => self.settle(line),
                None if is_fresh => self.settle(line),
                None => self.forget(line),
            }
        }
    }

    /// Takes out the one that is next.
    pub(super) fn pop(&mut self, places: &mut Places) -> Option<Slot> {
        let slot = self.first()?;
        let (line, is_fresh) = self.turn()?;
        self.remove(slot, places);
        if is_fresh {
            self.flows[index(line)].head_start -= 1;
            self.streak = self.streak.saturating_add(1);
        } else {
            self.streak = 0;
            self.settled.rotate_left(1);
        }
        if self.len == 0 {
            self.reset();
        }
        Some(slot)
    }

    /// Whose turn it is, and whether that is a fresh flow.
    fn turn(&self) -> Option<(u32, bool)> {
        let (fresh, settled) = (self.fresh.front(), self.settled.front());
        match (fresh, settled) {
            (Some(fresh), None) => Some((*fresh, true)),
            (Some(fresh), Some(_)) if self.streak < HEAD_START => Some((*fresh, true)),
            (_, settled) => settled.map(|settled| (*settled, false)),
        }
    }

    fn settle(&mut self, line: u32) {
        self.fresh.pop_front();
        self.settled.push_back(line);
    }

    fn forget(&mut self, line: u32) {
        self.settled.pop_front();
        self.drop_line(line);
    }

    fn drop_line(&mut self, line: u32) {
        let hash = self.flows[index(line)].flow.number();
        if let Ok(found) = self.by_flow.find_entry(hash, |other| *other == line) {
            found.remove();
        }
        self.flows.remove(index(line));
    }

    /// Nobody waits for anybody: all flows start afresh. One flow is kept for the next request, which is likely
    /// to be of the same.
    fn reset(&mut self) {
        while self.fresh.len() + self.settled.len() > 1 {
            if let Some(line) = self.settled.pop_front().or_else(|| self.fresh.pop_front()) {
                self.drop_line(line);
            }
        }
        self.fresh.append(&mut self.settled);
        if let Some(line) = self.fresh.front() {
            self.flows[index(*line)].head_start = HEAD_START;
        }
        self.streak = 0;
    }

    fn line_of(&mut self, flow: Flow) -> u32 {
        let flows = &self.flows;
        if let Some(line) = self.by_flow.find(flow.number(), |line| flows[index(*line)].flow == flow) {
            return *line;
        }
        let new = FlowLine { flow, requests: Fifo::EMPTY, head_start: HEAD_START };
        let line = number(self.flows.insert(new));
        let flows = &self.flows;
        self.by_flow.insert_unique(flow.number(), line, |line| flows[index(*line)].flow.number());
        self.fresh.push_back(line);
        line
    }

    /// The slots of each flow in order, flow by flow; for checks.
    pub(super) fn iter<'a>(&'a self, places: &'a Places) -> impl Iterator<Item = Slot> + 'a {
        self.flows.iter().flat_map(move |(_, line)| line.requests.iter(places))
    }

    /// Panics where the lists do not fit each other.
    pub(super) fn check(&self, places: &Places) {
        assert_eq!(self.iter(places).count(), self.len, "Q-I5: requests in the flows of a band");
        let turns = self.fresh.len() + self.settled.len();
        assert_eq!((turns, self.by_flow.len()), (self.flows.len(), self.flows.len()), "Q-I5: turns of flows");
        let lengths: usize = self.flows.iter().map(|(_, line)| line.requests.len()).sum();
        assert_eq!(lengths, self.len, "Q-I5: lengths of the flows of a band");
    }
}
