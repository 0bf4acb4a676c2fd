//! What changes while the server runs: versions of objects, and orders to the open watch.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::catalogue::FIRST_OBJECT_VERSION;
use crate::process::monotonic_nanoseconds;

/// The version of the first list; all versions have nine digits.
pub(crate) const LIST_VERSION: u32 = 200_000_000;
/// How far a loss of history takes the version.
pub(crate) const RELIST_STEP: u32 = 10_000_000;
/// Of each hundred objects, how many have changed when history is lost.
const CHANGED_PERCENT: usize = 10;

/// What the open watch is told to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Send this many events, so many per second (0: as fast as they go), about so many objects (0: all).
    Events { count: u32, rate: u32, among: u32 },
    /// End the stream.
    Close,
}

/// The changing part of the server.
#[derive(Debug, Default)]
pub(crate) struct State {
    inner: Mutex<Inner>,
    ordered: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    version: u32,
    /// No watch from an older version.
    oldest: u32,
    events: u64,
    /// When each event was sent.
    sent: Vec<u64>,
    versions: Vec<u32>,
    spoke_protobuf: bool,
    orders: VecDeque<Order>,
}

/// The object that the event of this number, counted from a client's first, changes: events visit all objects out of
/// list order.
pub(crate) fn event(number: u64, objects: usize) -> usize {
    /// Shares no factor with any number of pods people ask for.
    const STRIDE: u64 = 7919;
    usize::try_from(number * STRIDE % objects.max(1) as u64).unwrap_or(0)
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything as at the start, for the next client.
    pub(crate) fn reset(&self, objects: usize) {
        let versions =
            (0..objects).map(|number| FIRST_OBJECT_VERSION + u32::try_from(number).unwrap_or(0)).collect();
        *self.lock() = Inner { version: LIST_VERSION, versions, ..Inner::default() };
    }

    pub(crate) fn version(&self) -> u32 {
        self.lock().version
    }

    /// Notes that a client was answered in protobuf.
    pub(crate) fn speak_protobuf(&self) {
        self.lock().spoke_protobuf = true;
    }

    /// Whether a client was answered in protobuf since the last reset.
    pub(crate) fn spoke_protobuf(&self) -> bool {
        self.lock().spoke_protobuf
    }

    pub(crate) fn oldest(&self) -> u32 {
        self.lock().oldest
    }

    /// The versions of the objects in this range.
    pub(crate) fn versions(&self, range: std::ops::Range<usize>) -> Vec<u32> {
        self.lock().versions.get(range).unwrap_or_default().to_vec()
    }

    pub(crate) fn order(&self, order: Order) {
        self.lock().orders.push_back(order);
        self.ordered.notify_one();
    }

    /// Loses the history: some objects change, watches end and cannot go on.
    pub(crate) fn lose_history(&self) {
        let mut inner = self.lock();
        inner.version = inner.version / RELIST_STEP * RELIST_STEP + RELIST_STEP;
        inner.oldest = inner.version;
        let version = inner.version;
        for (index, of_object) in inner.versions.iter_mut().enumerate() {
            if index % 100 < CHANGED_PERCENT {
                *of_object = version;
            }
        }
        drop(inner);
        self.order(Order::Close);
    }

    /// The next order. One watch is open at a time.
    pub(crate) async fn next_order(&self) -> Order {
        loop {
            if let Some(order) = self.lock().orders.pop_front() {
                return order;
            }
            self.ordered.notified().await;
        }
    }

    /// When each event since the reset was sent, in nanoseconds of the monotonic clock.
    pub(crate) fn sent(&self) -> Vec<u64> {
        self.lock().sent.clone()
    }

    /// The next object to change, of so many (0: of all), and its new version.
    pub(crate) fn change(&self, among: u32) -> (usize, u32) {
        let mut inner = self.lock();
        let all = inner.versions.len();
        let among = usize::try_from(among).unwrap_or(all);
        let index = event(inner.events, if among == 0 { all } else { among.min(all) });
        inner.events += 1;
        inner.sent.push(monotonic_nanoseconds());
        inner.version += 1;
        let version = inner.version;
        inner.versions[index] = version;
        (index, version)
    }
}
