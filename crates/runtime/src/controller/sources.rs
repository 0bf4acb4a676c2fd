//! What a controller is told to watch, before it starts and while it runs.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{BoxStream, Stream, StreamExt};
use tokio::sync::mpsc;

use super::Owners;
use super::mapping::{Source, through, to_owner};
use crate::{Object, ObjectKey, ResourceType};

/// One thing that causes reconciles.
pub(super) struct Feed {
    pub(super) number: u64,
    pub(super) supply: Supply,
}

pub(super) enum Supply {
    /// The changes of the objects of a kind.
    Kind(Source),
    /// Keys from elsewhere.
    Keys(BoxStream<'static, ObjectKey>),
}

/// What the handles of a controller's sources ask of it.
pub(super) enum Order {
    Start(Feed),
    Stop(u64),
    /// Be told of the changes of a kind, for those who wait for some of them.
    Follow(ResourceType),
}

/// What a controller of objects of type `T` watches, to add to from anywhere, also while it runs: from a reconciler
/// that learns which types matter, for example. Made by
/// [`ControllerBuilder::sources`](super::ControllerBuilder::sources).
///
/// **Flow.** What is added before the controller starts is part of its start, as if the builder had it. What is added
/// later begins at once (conformance C10): the objects there are cause reconciles at low priority, while the controller
/// goes on working; its reads and own writes count as those of any watched type.
///
/// **Guarantees.** Sources do not wait for each other. A source goes on until it is [stopped](Watch::stop), until its
/// stream ends, or as long as the controller; nobody has to hold a handle.
///
/// **Errors.** None: once the controller has ended, nothing happens.
///
/// Cheap to clone; clones are of the same controller.
pub struct Sources<T> {
    orders: Orders,
    of: PhantomData<fn() -> T>,
}

/// A source that was added, and can be stopped.
#[derive(Clone)]
pub struct Watch {
    number: u64,
    orders: mpsc::UnboundedSender<Order>,
}

impl Watch {
    /// Ends the source: soon, its changes cause no reconciles any more. What is in the queue is still served. Keys
    /// that waited to see a write of theirs in the cache of its type do not wait any longer. The cache stops when
    /// nobody else uses it. To stop what has ended or stopped does nothing.
    pub fn stop(&self) {
        // Refused when the controller has ended, and the source with it.
        let _ = self.orders.send(Order::Stop(self.number));
    }
}

/// The way to the one who carries out orders.
#[derive(Clone)]
pub(super) struct Orders {
    sender: mpsc::UnboundedSender<Order>,
    numbers: Arc<AtomicU64>,
}

impl Orders {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Order>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender, numbers: Arc::default() }, receiver)
    }

    pub(super) fn add(&self, supply: Supply) -> Watch {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let _ = self.sender.send(Order::Start(Feed { number, supply }));
        Watch { number, orders: self.sender.clone() }
    }

    pub(super) fn follow(&self, resource: ResourceType) {
        let _ = self.sender.send(Order::Follow(resource));
    }
}

impl<T: Object> Sources<T> {
    pub(super) fn new(orders: Orders) -> Self {
        Self { orders, of: PhantomData }
    }

    /// As [`ControllerBuilder::owns_with`](super::ControllerBuilder::owns_with).
    pub fn owns<K: Object>(&self, owners: Owners) -> Watch {
        let map = to_owner(T::resource_type(), owners);
        self.orders.add(Supply::Kind(Source { resource: K::resource_type(), map, is_main: false }))
    }

    /// As [`ControllerBuilder::watches`](super::ControllerBuilder::watches).
    pub fn watches<K: Object>(&self, map: impl Fn(&K) -> Vec<ObjectKey> + Send + Sync + 'static) -> Watch {
        let map = through(map);
        self.orders.add(Supply::Kind(Source { resource: K::resource_type(), map, is_main: false }))
    }

    /// As [`ControllerBuilder::triggered_by`](super::ControllerBuilder::triggered_by).
    pub fn triggered_by(&self, keys: impl Stream<Item = ObjectKey> + Send + 'static) -> Watch {
        self.orders.add(Supply::Keys(keys.boxed()))
    }
}

impl<T> Clone for Sources<T> {
    fn clone(&self) -> Self {
        Self { orders: self.orders.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for Sources<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sources").finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").field("number", &self.number).finish_non_exhaustive()
    }
}
