//! What was read from the server and not yet committed, bounded by bytes.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Provenance;
use crate::cache::CachedObject;
use crate::cache::reflector::{ListCause, ListEnd, WatchEvent};

/// One step of the reflector, on its way to the sink.
#[derive(Debug)]
pub(super) enum Read {
    ListStarted(ListCause),
    ListItems(Vec<Arc<CachedObject>>),
    ListCompleted(ListEnd),
    Watched(Vec<WatchEvent>, Provenance),
}

/// A [`Read`] with the time it was made and its share of the buffer, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Buffered {
    pub(super) read: Read,
    pub(super) at: Timestamp,
    pub(super) share: OwnedSemaphorePermit,
}

/// The end that the reader holds.
#[derive(Debug)]
pub(super) struct Sender {
    room: Arc<Semaphore>,
    size: u32,
    queue: mpsc::UnboundedSender<Buffered>,
}

/// A buffer of this many bytes.
pub(super) fn buffer(bytes: usize) -> (Sender, mpsc::UnboundedReceiver<Buffered>) {
    let size = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
    let (queue, receiver) = mpsc::unbounded_channel();
    (Sender { room: Arc::new(Semaphore::new(size as usize)), size, queue }, receiver)
}

impl Sender {
    /// Waits for room and hands over. What is larger than the buffer waits until it is empty. `false` when
    /// nobody reads any more.
    pub(super) async fn send(&self, read: Read, at: Timestamp) -> bool {
        let weight = u32::try_from(read.weight()).unwrap_or(u32::MAX).clamp(1, self.size);
        let Ok(share) = Arc::clone(&self.room).acquire_many_owned(weight).await else { return false };
        self.queue.send(Buffered { read, at, share }).is_ok()
    }
}

impl Read {
    /// Bytes of the objects in it.
    fn weight(&self) -> usize {
        match self {
            Self::ListStarted(_) | Self::ListCompleted(_) => 0,
            Self::ListItems(items) => items.iter().map(|object| object.size()).sum(),
            Self::Watched(events, _) => events
                .iter()
                .map(|event| match event {
                    WatchEvent::Added(object)
                    | WatchEvent::Modified(object)
                    | WatchEvent::Deleted(object) => object.size(),
                    WatchEvent::Bookmark(_) => 0,
                })
                .sum(),
        }
    }
}
