//! First come, first served, for slots: lists that are linked through one shared array.

use super::entries::{Slot, index};
use super::time::Time;

/// No slot.
pub(super) const NIL: u32 = u32::MAX;

/// The places of all slots that stand in some list. A slot stands in one list at most.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Place>);

#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    before: u32,
    after: u32,
    /// The list, by a number that means something to its owner.
    pub(super) list: u32,
    /// When the slot joined the line, which decides between bands.
    pub(super) at: Time,
}

impl Places {
    fn set(&mut self, slot: Slot, place: Place) {
        let vacant = Place { before: NIL, after: NIL, list: NIL, at: Time::default() };
        if self.0.len() <= index(slot) {
            self.0.resize(index(slot) + 1, vacant);
        }
        self.0[index(slot)] = place;
    }

    pub(super) fn get(&self, slot: Slot) -> Place {
        self.0[index(slot)]
    }

    /// Gives memory back after a burst. Nobody may stand in a list.
    pub(super) fn clear(&mut self) {
        const SMALL: usize = 1024;
        if self.0.capacity() > SMALL {
            self.0 = Vec::new();
        }
    }
}

/// One list. Joining and leaving take constant time, also from the middle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fifo {
    first: u32,
    last: u32,
    len: usize,
}

impl Fifo {
    pub(super) const EMPTY: Self = Self { first: NIL, last: NIL, len: 0 };

    pub(super) fn first(&self) -> Option<Slot> {
        (self.first != NIL).then_some(self.first)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, slot: Slot, list: u32, at: Time, places: &mut Places) {
        places.set(slot, Place { before: self.last, after: NIL, list, at });
        match self.last {
            NIL => self.first = slot,
            last => places.0[index(last)].after = slot,
        }
        self.last = slot;
        self.len += 1;
    }

    pub(super) fn remove(&mut self, slot: Slot, places: &mut Places) {
        let Place { before, after, .. } = places.get(slot);
        match before {
            NIL => self.first = after,
            before => places.0[index(before)].after = after,
        }
        match after {
            NIL => self.last = before,
            after => places.0[index(after)].before = before,
        }
        places.0[index(slot)].list = NIL;
        self.len -= 1;
    }

    /// The slots in order.
    pub(super) fn iter<'a>(&self, places: &'a Places) -> impl Iterator<Item = Slot> + use<'a> {
        let next = |slot: Slot| (slot != NIL).then_some(slot);
        std::iter::successors(next(self.first), move |slot| next(places.get(*slot).after))
    }
}
