//! A shared cache of one type.

use std::sync::{Arc, Weak};
use std::time::Duration;

use pilothouse_machinery::{Environment, ResourceType};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::follow::follow;
use super::{Core, Failures, InformerFailure};
use crate::cache::handler::{HandleError, Handler, HandlerOptions, Registration};
use crate::cache::metrics::Instruments;
use crate::cache::reflector::Reflector;
use crate::cache::store::Store;
use crate::cache::subscription::{
    Lag, LosslessOptions, LosslessSubscription, Subscription, SubscriptionOptions,
};
use crate::cache::trouble::Health;
use crate::cache::{InformerOptions, InformerTrouble, NotSynced};
use crate::metrics::Metrics;

/// A cache of all objects of one type, kept up to date by one list and watch, shared by everybody who asks.
///
/// **Flow.** A reflector lists and watches; each batch goes to the [`Store`] first, then to every
/// [`Subscription`].
///
/// **Guarantees.**
///
/// - **S7** each subscriber gets every object once as an initial addition, whenever it subscribes, and after that what
///   changed;
/// - **S9** subscribers do not influence each other, except for a lossless one that asks the informer to stall;
/// - **S14** after a lost watch each subscriber is told one addition, update or deletion per real difference;
/// - **C-I20** it waits for its own server and its own backoff, never for another informer.
///
/// **Assumptions.** Filters of subscribers and functions of indexes are quick: the informer waits for them.
///
/// **Cancellation.** The reflector stops when the last clone of the informer (also in listers and subscriptions) is
/// dropped, or when the [`Informers`](crate::Informers) it came from are shut down. A stopped informer
/// keeps its store and ends its subscriptions; it cannot be started again (S11).
///
/// **Errors.** Following the server is tried again and again: [`trouble`](Self::trouble) says what is in the way.
/// [`NotSynced`] from a wait with a limit; [`HandleError`] when a handler comes too late.
///
/// **Panics.** A panic in the task that keeps the informer up to date stops the informer; see
/// [`failure`](Self::failure).
#[derive(Clone, Debug)]
pub struct Informer {
    core: Arc<Core>,
    stop: Arc<DropGuard>,
}

/// An informer that does not run for this holder's sake.
#[derive(Clone, Debug)]
pub(in crate::cache) struct WeakInformer {
    core: Weak<Core>,
    stop: Weak<DropGuard>,
}

impl WeakInformer {
    /// The informer, if somebody uses it.
    pub(in crate::cache) fn upgrade(&self) -> Option<Informer> {
        Some(Informer { core: self.core.upgrade()?, stop: self.stop.upgrade()? })
    }

    /// Whether somebody uses it.
    pub(in crate::cache) fn is_running(&self) -> bool {
        self.stop.strong_count() > 0
    }
}

/// What an informer is made of.
#[derive(Debug)]
pub(in crate::cache) struct InformerSetup {
    /// The type of the objects.
    pub(in crate::cache) resource: ResourceType,
    /// What is cached and how.
    pub(in crate::cache) options: InformerOptions,
    /// Where handlers run.
    pub(in crate::cache) environment: Environment,
    /// Where the informer shows itself.
    pub(in crate::cache) metrics: Metrics,
    /// Where it reports that its task panicked.
    pub(in crate::cache) failures: Failures,
}

impl Informer {
    /// An informer that stops when `token` is cancelled, and cancels it when nobody holds the informer.
    pub(in crate::cache) fn new(setup: InformerSetup, token: CancellationToken) -> Self {
        Self { core: Core::new(setup, token.clone()), stop: Arc::new(token.drop_guard()) }
    }

    /// An informer that has stopped without having run.
    pub(in crate::cache) fn absent(setup: InformerSetup) -> Self {
        let informer = Self::new(setup, CancellationToken::new());
        informer.core.stopped().raise();
        informer
    }

    /// What keeps the informer up to date. It ends, and with it all subscriptions, when `token` is cancelled.
    pub(in crate::cache) fn follow(
        &self,
        reflector: Reflector,
        token: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        // The task holds the core alone, so that it does not keep itself running.
        follow(Arc::clone(&self.core), reflector, token)
    }

    /// The same informer, without using it.
    pub(in crate::cache) fn downgrade(&self) -> WeakInformer {
        WeakInformer { core: Arc::downgrade(&self.core), stop: Arc::downgrade(&self.stop) }
    }

    /// The type of the objects.
    #[must_use]
    pub fn resource_type(&self) -> &ResourceType {
        self.core.resource()
    }

    /// What it caches and how. That is settled when the informer starts: nothing changes it later, and who asks for
    /// the informer with other options is told so by an error. What is shown here cannot be changed (conformance S16):
    ///
    /// ```compile_fail,E0507
    /// # use pilothouse::cache::Informer;
    /// fn later(informer: &Informer) {
    ///     informer.options().with_page_size(10);
    /// }
    /// ```
    pub fn options(&self) -> &InformerOptions {
        self.core.options()
    }

    /// The objects.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.core.store()
    }

    /// Changes from now on, with the present state as initial changes first. On a stopped informer the
    /// subscription is over at once.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.subscribe_with(SubscriptionOptions::default())
    }

    /// As [`subscribe`](Self::subscribe), with a filter, a resync or a name.
    #[must_use]
    pub fn subscribe_with(&self, options: SubscriptionOptions) -> Subscription {
        Subscription::new(self.clone(), options)
    }

    /// Every version from now on, with the present state as initial changes first. On a stopped informer the
    /// subscription is over at once.
    #[must_use]
    pub fn subscribe_lossless(&self, options: LosslessOptions) -> LosslessSubscription {
        LosslessSubscription::new(self.clone(), options)
    }

    /// Calls `handler` with each change, the present state as initial changes first, until the registration that
    /// this gives is dropped. Calls come one after the other, from a task of their own.
    ///
    /// ```
    /// # use pilothouse::cache::{Change, HandleError, HandlerOptions, Informer, Registration};
    /// # fn example(informer: &Informer) -> Result<Registration, HandleError> {
    /// informer.handle(HandlerOptions::default(), async |change: Change| {
    ///     println!("{:?} {}", change.kind, change.key());
    /// })
    /// # }
    /// ```
    ///
    /// **Errors.** [`HandleError::Stopped`] when the informer has stopped (conformance S11).
    pub fn handle(
        &self,
        options: HandlerOptions,
        handler: impl Handler,
    ) -> Result<Registration, HandleError> {
        crate::cache::handler::start(self, options, handler)
    }

    /// How far each subscriber is behind, those of handlers included.
    #[must_use]
    pub fn lags(&self) -> Vec<Lag> {
        self.core.lags()
    }

    pub(in crate::cache) fn core(&self) -> &Core {
        &self.core
    }

    /// What keeps the informer from following the server at the moment: the last failure, if nothing has worked since.
    #[must_use]
    pub fn trouble(&self) -> Option<InformerTrouble> {
        self.core.health().trouble()
    }

    pub(in crate::cache) fn health(&self) -> &Health {
        self.core.health()
    }

    /// For how long the informer's task has owed its next step: an event or a bookmark of its watch, the end of that,
    /// an answer, the next try. While it waits for a subscriber it owes none, nor after its end.
    pub(crate) fn overdue(&self) -> Option<Duration> {
        if self.is_stopped() {
            return None;
        }
        self.health().pulse().overdue(tokio::time::Instant::now())
    }

    /// The type, and what is selected of it unless that is everything.
    pub(crate) fn title(&self) -> String {
        let selection = self.options().selection();
        let resource = self.resource_type();
        if selection.is_everything() { resource.to_string() } else { format!("{resource} ({selection})") }
    }

    /// As [`wait_synced`](Self::wait_synced), for so long at most. Dropping the future stops the wait (conformance K5).
    ///
    /// **Errors.** [`NotSynced`], with what keeps the informer from listing.
    pub async fn wait_synced_within(&self, limit: Duration) -> Result<(), NotSynced> {
        match tokio::time::timeout(limit, self.wait_synced()).await {
            Ok(true) => Ok(()),
            _ => Err(NotSynced::of(std::slice::from_ref(self), limit)),
        }
    }

    /// Where everything counts that the informer does.
    pub(in crate::cache) fn instruments(&self) -> &Arc<Instruments> {
        self.core.instruments()
    }

    /// Whether the first list is in the store.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.core.synced().is_raised()
    }

    /// Waits until the first list is in the store; `false` when the informer stopped before (S18). Dropping the
    /// future stops the wait.
    pub async fn wait_synced(&self) -> bool {
        tokio::select! {
            biased;
            () = self.core.synced().raised() => true,
            () = self.core.stopped().raised() => self.is_synced(),
        }
    }

    /// Waits until the informer has stopped: it asks the server for nothing any more.
    #[cfg(test)]
    pub(crate) async fn wait_stopped(&self) {
        self.core.stopped().raised().await;
    }

    /// Why the informer stopped, when its task panicked (conformance R21).
    #[must_use]
    pub fn failure(&self) -> Option<InformerFailure> {
        self.core.failure()
    }

    /// Whether the informer has stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.core.stopped().is_raised()
    }
}
