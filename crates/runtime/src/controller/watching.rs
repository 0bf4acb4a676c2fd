//! Starts and stops the sources of one controller.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::task::AbortOnDropHandle;

use super::context::Shared;
use super::mapping::Source;
use super::parking::Parking;
use super::pump::{Pump, pump_keys};
use super::sources::{Feed, Order, Supply};
use crate::cache::{SubscriptionOptions, Synced};
use crate::queue::WorkQueue;
use crate::{Informer, ObjectKey, ResourceType};

/// The sources of one controller: a task for each, so that a slow or failing one holds up no other. They end when
/// this is dropped.
pub(super) struct Watching {
    shared: Arc<Shared>,
    queue: WorkQueue<ObjectKey>,
    parking: Arc<Parking>,
    orders: UnboundedReceiver<Order>,
    running: BTreeMap<u64, Running>,
    /// Give the number of each source that ends.
    ends: FuturesUnordered<BoxFuture<'static, u64>>,
    /// Numbers of sources that nobody has a handle of, from the other end.
    unnamed: u64,
}

struct Running {
    /// The kind whose changes it hands on, if it is that of one.
    resource: Option<ResourceType>,
    abort: AbortHandle,
}

impl Watching {
    pub(super) fn new(
        shared: &Arc<Shared>,
        queue: &WorkQueue<ObjectKey>,
        parking: &Arc<Parking>,
        orders: UnboundedReceiver<Order>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            queue: queue.clone(),
            parking: Arc::clone(parking),
            orders,
            running: BTreeMap::new(),
            ends: FuturesUnordered::new(),
            unnamed: u64::MAX,
        }
    }

    /// Starts the source of the reconciled objects and everything that was ordered before the start. Returns what
    /// has to be filled.
    pub(super) fn start(&mut self, main: Source) -> Vec<(Informer, Synced)> {
        let mut filling = vec![self.start_kind(u64::MAX, main)];
        while let Ok(order) = self.orders.try_recv() {
            filling.extend(self.obey(order));
        }
        filling
    }

    /// Carries out orders until the changes of a kind end without having been told to; returns the kind. Dropping the
    /// future loses nothing.
    pub(super) async fn lost(&mut self) -> ResourceType {
        loop {
            let number = tokio::select! {
                biased;
                Some(order) = self.orders.recv() => {
                    self.obey(order);
                    continue;
                }
                Some(number) = self.ends.next() => number,
                else => std::future::pending().await,
            };
            match self.running.remove(&number) {
                Some(Running { resource: Some(resource), .. }) => return resource,
                // A stream of keys that has been closed (C12).
                Some(Running { resource: None, .. }) => {
                    tracing::debug!(controller = self.shared.controller, "a stream of keys has ended");
                }
                None => {}
            }
        }
    }

    fn obey(&mut self, order: Order) -> Option<(Informer, Synced)> {
        match order {
            Order::Start(Feed { number, supply: Supply::Kind(source) }) => {
                return Some(self.start_kind(number, source));
            }
            Order::Start(Feed { number, supply: Supply::Keys(keys) }) => {
                let pump = pump_keys(keys, self.queue.clone(), Arc::clone(&self.parking));
                let task = self.shared.environment.spawn("controller source", pump);
                self.note(number, None, task);
            }
            Order::Stop(number) => self.stop(number),
            Order::Follow(resource) if self.shared.own_writes.informer(&resource).is_none() => {
                self.unnamed -= 1;
                self.start_kind(self.unnamed, Source::followed(resource));
            }
            Order::Follow(_) => {}
        }
        None
    }

    fn start_kind(&mut self, number: u64, source: Source) -> (Informer, Synced) {
        let (shared, resource) = (&self.shared, source.resource.clone());
        let informer = shared.declared(&resource).unwrap_or_else(|| shared.informers.informer(&resource));
        shared.own_writes.watch(informer.clone());
        let options = SubscriptionOptions::default().named(&*shared.controller);
        let subscription = informer.subscribe_with(options);
        let synced = subscription.synced();
        let parking = Arc::clone(&self.parking);
        let pump = Pump { shared: Arc::clone(shared), queue: self.queue.clone(), parking, source };
        let task = shared.environment.spawn("controller source", pump.run(subscription));
        self.note(number, Some(resource), task);
        (informer, synced)
    }

    fn note(&mut self, number: u64, resource: Option<ResourceType>, task: JoinHandle<()>) {
        let task = AbortOnDropHandle::new(task);
        self.running.insert(number, Running { resource, abort: task.abort_handle() });
        // A panic ends a source like any other end.
        self.ends.push(task.map(move |_| number).boxed());
    }

    /// Ends a source, and the waits for writes that only its events could end.
    fn stop(&mut self, number: u64) {
        let Some(Running { resource, abort }) = self.running.remove(&number) else { return };
        abort.abort();
        let Some(resource) = resource else { return };
        for key in self.shared.own_writes.unwatch(&resource) {
            self.queue.add(key);
        }
        if self.shared.waits.includes(&resource) {
            self.obey(Order::Follow(resource));
        }
    }
}
