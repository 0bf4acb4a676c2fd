//! The garbage collector at work: watches every type, keeps the graph, carries out decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse::cache::Synced;
use pilothouse::client::Propagation;
use pilothouse::{
    Change, ChangeKind, Client, ClientError, DeleteOptions, Environment, Informers, Patch, ResourceType,
    Retry, Shutdown, Subscription, WorkQueue, WorkQueueOptions,
};
use pilothouse_machinery::ObjectKey;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::decision::{Decision, decide};
use super::graph::Graph;
use super::node::{Node, Owner};
use crate::discovery::{Discovery, ServedType};

const WORKERS: usize = 4;
const REDISCOVERY: Duration = Duration::from_secs(30);
/// Between a change of the resource definitions and asking for the types again.
const SETTLING: Duration = Duration::from_millis(200);
/// A type whose list does not arrive in this time is left out of the first look.
const FIRST_LISTS: Duration = Duration::from_secs(30);

/// Why an item is tried again later.
#[derive(Debug, thiserror::Error)]
enum CollectError {
    #[error("cannot carry out the decision about {object}")]
    Request {
        object: String,
        #[source]
        source: ClientError,
    },
    #[error("cannot look up the owner {owner}: its type is not known yet")]
    UnknownType { owner: String },
    #[error("cannot decide: the owner {owner} exists and has not been seen yet")]
    Unseen { owner: String },
}

/// The shared parts of one collector.
pub(crate) struct Collector {
    client: Client,
    informers: Informers,
    environment: Environment,
    graph: Mutex<Graph>,
    queue: WorkQueue<Arc<str>>,
    discovery: Mutex<Discovery>,
    types_changed: Notify,
    /// The task behind each type that is watched. It holds the type's informer.
    following: Mutex<BTreeMap<ResourceType, AbortOnDropHandle<()>>>,
}

/// Ends the tasks of a collector however its run ends.
struct EndFollowing(Arc<Collector>);

impl Drop for EndFollowing {
    fn drop(&mut self) {
        self.0.following.lock().clear();
    }
}

impl Collector {
    pub(crate) fn new(client: Client, informers: Informers, environment: Environment) -> Arc<Self> {
        let retry =
            Retry::exponential().starting_at(Duration::from_millis(20)).at_most(Duration::from_secs(10));
        let options = WorkQueueOptions { retry, ..WorkQueueOptions::named("garbage-collector") };
        Arc::new(Self {
            client,
            informers,
            queue: WorkQueue::new(&environment, options),
            environment,
            graph: Mutex::default(),
            discovery: Mutex::default(),
            types_changed: Notify::new(),
            following: Mutex::default(),
        })
    }

    /// Collects until asked to stop.
    pub(crate) async fn run(self: Arc<Self>, shutdown: Shutdown) {
        let _end = EndFollowing(Arc::clone(&self));
        let work = async {
            self.watch_all().await;
            let workers = (0..WORKERS).map(|_| self.work());
            futures::join!(futures::future::join_all(workers), self.keep_types_current());
        };
        tokio::select! {
            biased;
            () = shutdown.requested() => {}
            () = work => {}
        }
        self.queue.shut_down();
    }

    async fn keep_types_current(self: &Arc<Self>) {
        loop {
            tokio::select! {
                biased;
                () = self.types_changed.notified() => tokio::time::sleep(SETTLING).await,
                () = tokio::time::sleep(REDISCOVERY) => {}
            }
            self.watch_all().await;
        }
    }

    /// Watches every type that the server has and that is not watched yet, and no longer those that it does not have
    /// any more; waits for the first lists of the new ones.
    async fn watch_all(self: &Arc<Self>) {
        let discovery = match Discovery::read(&self.client).await {
            Ok(discovery) => discovery,
            Err(error) => {
                tracing::warn!(%error, "cannot discover the server's types; trying again");
                tokio::time::sleep(SETTLING * 5).await;
                return self.types_changed.notify_one();
            }
        };
        let is_collectable = |served: &&ServedType| {
            served.resource.kind != "Event" && ["list", "watch", "delete"].iter().all(|verb| served.can(verb))
        };
        let types: BTreeSet<_> =
            discovery.types.iter().filter(is_collectable).map(|served| served.resource.clone()).collect();
        let synced = self.follow_just(types, discovery.failures.is_empty());
        *self.discovery.lock() = discovery;
        let all = async {
            for synced in synced {
                synced.done().await;
            }
        };
        if tokio::time::timeout(FIRST_LISTS, all).await.is_err() {
            tracing::warn!("some types cannot be listed; collecting without them");
        }
    }

    /// Follows these types, and no others if these are all. Answers what tells of the first lists of the new ones.
    fn follow_just(self: &Arc<Self>, types: BTreeSet<ResourceType>, are_all: bool) -> Vec<Synced> {
        let mut following = self.following.lock();
        // The server deletes the objects before their type and tells so; what is still known of them stays, because
        // nothing may be concluded from a type that is missing.
        following.retain(|resource, _| !are_all || types.contains(resource));
        let mut synced = Vec::new();
        for resource in types {
            following.entry(resource).or_insert_with_key(|resource| {
                let subscription = self.informers.informer(resource).subscribe();
                synced.push(subscription.synced());
                let task = Arc::clone(self).follow(resource.clone(), subscription);
                AbortOnDropHandle::new(self.environment.spawn("garbage-collector-watch", task))
            });
        }
        synced
    }

    async fn follow(self: Arc<Self>, resource: ResourceType, mut changes: Subscription) {
        let is_definitions = resource.kind == "CustomResourceDefinition";
        while let Some(change) = changes.next().await {
            if is_definitions && !change.initial {
                self.types_changed.notify_one();
            }
            for uid in self.take_in(&resource, &change) {
                self.queue.add(uid);
            }
        }
    }

    fn take_in(&self, resource: &ResourceType, change: &Change) -> Vec<Arc<str>> {
        if change.kind == ChangeKind::Deleted {
            return self.graph.lock().forget(resource, change.key());
        }
        let json = match change.object.json() {
            Ok(json) => json,
            Err(error) => {
                tracing::warn!(%error, "cannot read an object's metadata");
                return Vec::new();
            }
        };
        match Node::read(resource, change.key(), &json) {
            Ok(node) => self.graph.lock().observe(&node),
            Err(error) => {
                tracing::warn!(%error, %resource, key = %change.key(), "cannot read an object's metadata");
                Vec::new()
            }
        }
    }

    async fn work(&self) {
        while let Some(item) = self.queue.get().await {
            match self.process(item.key()).await {
                Ok(()) => self.queue.forget(item.key()),
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::debug!(%error, cause, "trying again later");
                    self.queue.add_rate_limited(item.key().clone());
                }
            }
        }
    }

    async fn process(&self, uid: &Arc<str>) -> Result<(), CollectError> {
        let (decision, node) = {
            let graph = self.graph.lock();
            (decide(&graph, uid), graph.node(uid).cloned())
        };
        let Some(node) = node else { return Ok(()) };
        match decision {
            Decision::Nothing => Ok(()),
            Decision::Verify(owners) => self.verify(&node, owners).await,
            Decision::Delete { foreground } => self.delete(&node, foreground).await,
            Decision::DropReferences(gone) => self.drop_references(&node, &gone).await,
            Decision::Unblock => {
                let unblocked = |owner: &Owner| Owner { block_owner_deletion: Some(false), ..owner.clone() };
                let owners: Vec<Owner> = node.owners.iter().map(unblocked).collect();
                self.patch(&node, json!({"ownerReferences": owners})).await
            }
            Decision::Await(dependents) => {
                for dependent in dependents {
                    self.queue.add(dependent);
                }
                Ok(())
            }
            Decision::Release(finalizer) => self.release(&node, finalizer).await,
            Decision::Orphan(dependents) => {
                for dependent in dependents {
                    let dependent = self.graph.lock().node(&dependent).cloned();
                    if let Some(dependent) = dependent {
                        self.drop_references(&dependent, std::slice::from_ref(uid)).await?;
                    }
                }
                self.release(&node, super::node::ORPHAN).await
            }
        }
    }

    /// Looks at the server for owners that the graph does not know.
    async fn verify(&self, node: &Node, owners: Vec<Owner>) -> Result<(), CollectError> {
        for owner in owners {
            let resource = self.discovery.lock().of_kind(&owner.api_version, &owner.kind).cloned();
            let words = format!("{} {}", owner.kind, owner.name);
            let Some(resource) = resource else { return Err(CollectError::UnknownType { owner: words }) };
            let key = match (resource.is_namespaced(), node.key.namespace()) {
                (false, _) => ObjectKey::cluster(owner.name.as_str()),
                (true, Some(namespace)) => ObjectKey::new(namespace, owner.name.as_str()),
                // A cluster-scoped object cannot have a namespaced owner: such a reference never resolves, and
                // the object is not collected.
                (true, None) => return Ok(()),
            };
            match self.client.get_json(&resource.object_path(&key)).await {
                Ok(found) if found["metadata"]["uid"] == *owner.uid => {
                    return Err(CollectError::Unseen { owner: words });
                }
                Err(error) if !error.is_not_found() => return Err(failed(node, error)),
                _ => self.graph.lock().note_absent(&owner, &node.key.namespace),
            }
        }
        self.queue.add(Arc::clone(&node.uid));
        Ok(())
    }

    async fn delete(&self, node: &Node, foreground: bool) -> Result<(), CollectError> {
        let propagation = if foreground { Propagation::Foreground } else { Propagation::Background };
        let options = DeleteOptions {
            resource_version: Some(node.version.clone()),
            ..DeleteOptions::of_uid(&*node.uid).with_propagation(propagation)
        };
        tracing::debug!(resource = %node.resource, key = %node.key, foreground, "deleting a dependent");
        let path = node.resource.object_path(&node.key);
        done(node, self.client.delete_json(&path, &options).await)
    }

    async fn drop_references(&self, node: &Node, gone: &[Arc<str>]) -> Result<(), CollectError> {
        let kept: Vec<&Owner> = node.owners.iter().filter(|owner| !gone.contains(&owner.uid)).collect();
        let kept = if kept.is_empty() { Value::Null } else { json!(kept) };
        self.patch(node, json!({"ownerReferences": kept})).await
    }

    async fn release(&self, node: &Node, finalizer: &str) -> Result<(), CollectError> {
        let kept: Vec<&String> = node.finalizers.iter().filter(|name| *name != finalizer).collect();
        let kept = if kept.is_empty() { Value::Null } else { json!(kept) };
        self.patch(node, json!({"finalizers": kept})).await
    }

    /// Changes metadata of just the version that was decided about.
    async fn patch(&self, node: &Node, mut metadata: Value) -> Result<(), CollectError> {
        metadata["uid"] = json!(&*node.uid);
        metadata["resourceVersion"] = json!(node.version.to_string());
        let patch = Patch::Merge(json!({"metadata": metadata}));
        done(node, self.client.patch_json(&node.resource.object_path(&node.key), &patch).await)
    }
}

fn done(node: &Node, result: Result<Value, ClientError>) -> Result<(), CollectError> {
    match result {
        Err(error) if !error.is_not_found() => Err(failed(node, error)),
        _ => Ok(()),
    }
}

fn failed(node: &Node, source: ClientError) -> CollectError {
    CollectError::Request { object: format!("{} {}", node.resource, node.key), source }
}
