//! What a controller watches and how it behaves.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{Stream, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;

use super::batch::{BatchReconciler, Batches};
use super::batch_worker::{Batched, serve_batch};
use super::mapping::{Mapper, Owners, Source, only, own_key, through, to_owner};
use super::options::{ControllerOptions, Workers};
use super::predicate::Predicate;
use super::run::{Controller, Plan};
use super::sources::{Order, Orders, Sources, Supply};
use super::worker::Turn;
use super::{DeadLetterOptions, Reconciler};
use crate::queue::{Bucket, Flow, HotKeys, Retry};
use crate::{Change, Object, ObjectKey, ResourceType};

type Wanted = Box<dyn Fn(&Change) -> bool + Send + Sync>;

/// Says what a controller of objects of type `T` watches and how it behaves. Made by [`Controller::of`].
#[must_use]
pub struct ControllerBuilder<T> {
    name: String,
    orders: Orders,
    ordered: UnboundedReceiver<Order>,
    reads: BTreeSet<ResourceType>,
    predicates: Vec<Wanted>,
    options: ControllerOptions,
    of: PhantomData<fn() -> T>,
}

impl Controller {
    /// A controller of objects of type `T`, named after the kind in lower case.
    pub fn of<T: Object>() -> ControllerBuilder<T> {
        let resource = T::resource_type();
        let (orders, ordered) = Orders::new();
        ControllerBuilder {
            name: resource.kind.to_lowercase(),
            orders,
            ordered,
            reads: BTreeSet::new(),
            predicates: Vec::new(),
            options: ControllerOptions::default(),
            of: PhantomData,
        }
    }
}

impl<T: Object> ControllerBuilder<T> {
    /// Names the controller: in logs, metrics, events and the field manager. Unique within a manager.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Reconciles the controlling owner of each object of type `K` that changes; also the former owner.
    pub fn owns<K: Object>(self) -> Self {
        self.owns_with::<K>(Owners::Controlling)
    }

    /// As [`owns`](Self::owns), of these owners of each object.
    pub fn owns_with<K: Object>(self, owners: Owners) -> Self {
        let map = to_owner(T::resource_type(), owners);
        self.source(K::resource_type(), map)
    }

    /// As [`owns`](Self::owns), where `wanted` says so. Deletions always count.
    pub fn owns_where<K: Object>(self, wanted: impl Predicate) -> Self {
        let map = to_owner(T::resource_type(), Owners::Controlling);
        self.source(K::resource_type(), only(wanted, map))
    }

    /// As [`watches`](Self::watches), where `wanted` says so. Deletions always count.
    pub fn watches_where<K: Object>(
        self,
        wanted: impl Predicate,
        map: impl Fn(&K) -> Vec<ObjectKey> + Send + Sync + 'static,
    ) -> Self {
        self.source(K::resource_type(), only(wanted, through(map)))
    }

    /// Reconciles what `map` names for each object of type `K` that changes: for its state before and after.
    pub fn watches<K: Object>(self, map: impl Fn(&K) -> Vec<ObjectKey> + Send + Sync + 'static) -> Self {
        self.source(K::resource_type(), through(map))
    }

    fn source(self, resource: ResourceType, map: Mapper) -> Self {
        self.orders.add(Supply::Kind(Source { resource, map, is_main: false }));
        self
    }

    /// Reconciles the keys that come from elsewhere: a webhook, a queue, another system. A key without an object
    /// reconciles nothing, and that of a dead letter does not bring it back.
    ///
    /// Nothing is taken from the stream before the controller starts: what waits in it is delivered then, and who fills
    /// a bounded one waits until then, without holding up other sources. The end of the stream is no error (C12).
    /// `futures::channel::mpsc::channel` makes one that can be sent to from anywhere.
    pub fn triggered_by(self, keys: impl Stream<Item = ObjectKey> + Send + 'static) -> Self {
        self.orders.add(Supply::Keys(keys.boxed()));
        self
    }

    /// A handle to add sources and to stop them, also while the controller runs.
    pub fn sources(&self) -> Sources<T> {
        Sources::new(self.orders.clone())
    }

    /// Makes each read through [`Context::lister`](super::Context::lister) of a type that is neither declared nor
    /// watched an error, instead of starting a cache of it: as controller-runtime's `ReaderFailOnMissingInformer`.
    pub fn refuse_undeclared_reads(mut self) -> Self {
        self.options.refuses_undeclared = true;
        self
    }

    /// Fills the cache of `K` before the first reconcile, without reconciling anything on its changes.
    pub fn reads<K: Object>(mut self) -> Self {
        self.reads.insert(K::resource_type());
        self
    }

    /// How many reconciles run at once: a number, or a range to move in. Default 1.
    ///
    /// In a range, workers are hired while all are busy. When the API server pushes back (429 or 503 to any request of
    /// this client), half as many may work as did, at once; then one more each second, until it pushes back again.
    pub fn workers(mut self, workers: impl Into<Workers>) -> Self {
        self.options.workers = workers.into();
        self
    }

    /// How long one reconcile may take before it is dropped and counts as failed. Default two minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// How long failing keys wait, and after how many failures they are given up. Default [`Retry::exponential`],
    /// which never gives up.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = retry;
        self
    }

    /// How many objects may be given up at once, and what brings them back.
    pub fn dead_letters(mut self, options: DeadLetterOptions) -> Self {
        self.options.dead_letters = options;
        self
    }

    /// How many retries the whole controller asks for per second, beside each key's own delays. Default: any
    /// number.
    pub fn retry_bucket(mut self, bucket: Bucket) -> Self {
        self.options.queue.bucket = Some(bucket);
        self
    }

    /// How long a change waits for others of the same object, so that a burst is one reconcile. The wait is
    /// not prolonged by what joins it. Default zero.
    pub fn debounce(mut self, wait: Duration) -> Self {
        self.options.queue.debounce = wait;
        self
    }

    /// The shortest time between the starts of two reconciles of an object, whatever causes them. Default zero.
    pub fn minimum_interval(mut self, interval: Duration) -> Self {
        self.options.queue.minimum_interval = interval;
        self
    }

    /// Objects that are reconciled more often than this wait for all others, and keep few workers busy.
    /// Default: none do.
    pub fn hot_keys(mut self, hot_keys: HotKeys) -> Self {
        self.options.queue.hot_keys = Some(hot_keys);
        self
    }

    /// Among whom the workers are divided: each object belongs to the flow that `flow` says, and flows take
    /// turns. Default: each namespace is one.
    pub fn fairness(mut self, flow: impl Fn(&ObjectKey) -> Flow + Send + Sync + 'static) -> Self {
        self.options.queue.flow = Arc::new(flow);
        self
    }

    /// Reconciles on changes of the objects themselves only where `wanted` says so; several must all say so.
    /// Deletions, and changes of owned or watched objects, always count. See [`predicate`](super::predicate).
    pub fn predicate(mut self, wanted: impl Predicate) -> Self {
        self.predicates.push(Box::new(wanted));
        self
    }

    /// How long the first lists of the caches may take before the controller fails. Default two minutes.
    pub fn sync_timeout(mut self, timeout: Duration) -> Self {
        self.options.sync_timeout = timeout;
        self
    }

    /// How long a key waits for its controller's own last write to come back through the watch, before it is
    /// reconciled on a live read. Default five seconds; zero turns the waiting off.
    pub fn own_write_wait(mut self, wait: Duration) -> Self {
        self.options.own_write_wait = wait;
        self
    }

    /// Whether it works only where this process leads. Default true. Without an election it always does; one that does
    /// not need to lead gets a client without a fence, and runs on each replica.
    pub fn needs_leadership(mut self, needed: bool) -> Self {
        self.options.needs_leadership = needed;
        self
    }

    /// The controller, to add to a manager.
    pub fn reconciler<R: Reconciler<Object = T>>(self, reconciler: R) -> Controller {
        self.finish(reconciler, None)
    }

    /// The controller, to add to a manager, where several objects are reconciled together. [`workers`](Self::workers)
    /// is the number of batches at once.
    pub fn batch_reconciler<B: BatchReconciler<Object = T>>(
        self,
        batches: Batches,
        reconciler: B,
    ) -> Controller {
        self.finish(Batched::new(reconciler, batches), Some(serve_batch::<B>))
    }

    fn finish<R: Reconciler<Object = T>>(mut self, reconciler: R, turn: Option<Turn<R>>) -> Controller {
        let predicates = std::mem::take(&mut self.predicates);
        let wanted = move |change: &Change| predicates.iter().all(|predicate| predicate(change));
        let map = only(wanted, own_key());
        let main = Source { resource: T::resource_type(), map, is_main: true };
        let Self { name, orders, ordered, reads, options, .. } = self;
        Controller::new(Plan { name, main, orders, ordered, reads }, options, reconciler, turn)
    }
}

impl<T> fmt::Debug for ControllerBuilder<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ControllerBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
