//! The scheduler at work: one loop over the changes of pods and nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use pilothouse::{
    Change, ChangeKind, Client, ClientError, Environment, Informers, ObjectExt, ObjectKey, Shutdown,
};
use serde_json::json;
use tokio::time::Instant;

use super::events::Events;
use super::fit::{Verdict, choose};
use super::ledger::Ledger;
use super::request::{allocatable, requests};
use crate::pace::stamp;

/// After a failed request.
const RETRY: Duration = Duration::from_secs(1);
const OWN_NAME: &str = "default-scheduler";

/// Binds pods until asked to stop.
pub(crate) async fn run(client: Client, informers: Informers, environment: Environment, shutdown: Shutdown) {
    let (events, post) = Events::new(client.clone(), environment.clone());
    let scheduler = Scheduler {
        client,
        environment,
        events,
        ledger: Ledger::default(),
        nodes: BTreeMap::new(),
        pending: BTreeMap::new(),
        due: BTreeSet::new(),
        uncertain: BTreeSet::new(),
    };
    tokio::select! {
        biased;
        () = shutdown.requested() => {}
        () = async { futures::join!(scheduler.follow(&informers), post); } => {}
    }
}

struct Scheduler {
    client: Client,
    environment: Environment,
    events: Events,
    ledger: Ledger,
    nodes: BTreeMap<String, Node>,
    /// Pods without a node.
    pending: BTreeMap<ObjectKey, Arc<Pod>>,
    /// Those of them that are worth an attempt.
    due: BTreeSet<ObjectKey>,
    /// Those whose binding may have happened: they keep their place in the ledger until the next attempt.
    uncertain: BTreeSet<ObjectKey>,
}

impl Scheduler {
    async fn follow(mut self, informers: &Informers) {
        let mut pods = informers.informer_of::<Pod>().subscribe();
        let mut nodes = informers.informer_of::<Node>().subscribe();
        let synced = (pods.synced(), nodes.synced());
        let mut synced = pin!(async move {
            synced.0.done().await;
            synced.1.done().await;
        });
        // Nothing is bound before everything that is bound already has been counted.
        let mut is_synced = false;
        // Other changes neither cancel nor postpone the next attempt of what failed.
        let mut retry_at: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                change = nodes.next() => match change {
                    Some(change) => self.take_node(&change),
                    None => return,
                },
                change = pods.next() => match change {
                    Some(change) => self.take_pod(&change),
                    None => return,
                },
                () = &mut synced, if !is_synced => is_synced = true,
                () = tokio::time::sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => {
                    retry_at = None;
                    self.retry();
                }
            }
            if is_synced && pods.is_empty() && !self.schedule().await {
                retry_at.get_or_insert_with(|| Instant::now() + RETRY);
            }
        }
    }

    fn take_node(&mut self, change: &Change) {
        let name = change.key().name.to_string();
        match change.object.decode::<Node>() {
            // A node that has not reported its size yet is none.
            Ok(node) if change.kind != ChangeKind::Deleted && !allocatable(&node).is_empty() => {
                let before = self.nodes.insert(name, Node::clone(&node));
                let is_news = before.is_none_or(|before| {
                    before.spec != node.spec
                        || before.metadata.labels != node.metadata.labels
                        || before.status.and_then(|status| status.allocatable)
                            != node.status.as_ref().and_then(|status| status.allocatable.clone())
                });
                if is_news {
                    self.due.extend(self.pending.keys().cloned());
                }
            }
            Ok(_) => drop(self.nodes.remove(&name)),
            Err(error) => tracing::warn!(%error, "cannot read a node"),
        }
    }

    fn take_pod(&mut self, change: &Change) {
        let (key, pod) = (change.key(), change.object.decode::<Pod>());
        let freed = match pod {
            Ok(_) if change.kind == ChangeKind::Deleted => {
                self.drop_pending(key);
                self.ledger.remove(key)
            }
            Ok(pod) => {
                let is_assumed = self.ledger.has(key, pod.uid()) && !self.uncertain.contains(key);
                if is_waiting(&pod) && !is_assumed {
                    let before = self.pending.insert(key.clone(), Arc::clone(&pod));
                    // Its own Unschedulable condition is no reason to try it again.
                    if before.is_none_or(|before| before.uid() != pod.uid() || before.spec != pod.spec) {
                        self.due.insert(key.clone());
                    }
                } else {
                    self.drop_pending(key);
                }
                self.ledger.observe(key, &pod)
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read a pod");
                false
            }
        };
        if freed {
            self.due.extend(self.pending.keys().cloned());
        }
    }

    fn drop_pending(&mut self, key: &ObjectKey) {
        self.pending.remove(key);
        self.due.remove(key);
        self.uncertain.remove(key);
    }

    fn retry(&mut self) {
        for key in std::mem::take(&mut self.uncertain) {
            self.ledger.remove(&key);
        }
        self.due.extend(self.pending.keys().cloned());
    }

    /// Tries the pods that are due, by priority, then age. Answers whether all requests went well.
    async fn schedule(&mut self) -> bool {
        let mut order: Vec<(ObjectKey, Arc<Pod>)> = std::mem::take(&mut self.due)
            .into_iter()
            .filter_map(|key| self.pending.get(&key).map(|pod| (key.clone(), Arc::clone(pod))))
            .collect();
        order.sort_by_key(|(key, pod)| {
            let priority = pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0);
            (std::cmp::Reverse(priority), pod.metadata.creation_timestamp.clone(), key.clone())
        });
        let mut all_well = true;
        for (key, pod) in order {
            let verdict = choose(&pod, &requests(&pod), &self.nodes, self.ledger.used());
            let outcome = match verdict {
                Verdict::Bind(node) => self.bind(&key, &pod, &node).await,
                Verdict::Unschedulable(message) => self.report(&pod, message).await,
            };
            match outcome {
                Ok(()) => {}
                // The pod changed or is gone; its next change says more.
                Err(error) if error.is_conflict() || error.is_not_found() => {}
                Err(error) => {
                    tracing::warn!(%error, %key, "cannot schedule a pod; trying again");
                    all_well = false;
                }
            }
        }
        all_well
    }

    async fn bind(&mut self, key: &ObjectKey, pod: &Pod, node: &str) -> Result<(), ClientError> {
        self.ledger.assume(key, pod, node);
        let binding = json!({
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": &*key.name, "namespace": &*key.namespace, "uid": pod.uid()},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        });
        let path = format!("/api/v1/namespaces/{}/pods/{}/binding", key.namespace, key.name);
        match self.client.post_json(&path, &binding).await {
            Ok(_) => {
                self.pending.remove(key);
                let message = format!("Successfully assigned {key} to {node}");
                self.events.record(pod, "Normal", "Scheduled", message);
                Ok(())
            }
            Err(error) => {
                if error.may_have_been_applied() {
                    self.uncertain.insert(key.clone());
                } else {
                    self.ledger.remove(key);
                }
                Err(error)
            }
        }
    }

    async fn report(&self, pod: &Pod, message: String) -> Result<(), ClientError> {
        let mut pod = pod.clone();
        let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
        let known = conditions.iter().position(|condition| condition.type_ == "PodScheduled");
        let before = known.map(|known| conditions.remove(known));
        if before.as_ref().is_some_and(|before| before.message.as_ref() == Some(&message)) {
            return Ok(());
        }
        let transition = before.and_then(|before| before.last_transition_time);
        conditions.push(PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "False".to_owned(),
            reason: Some("Unschedulable".to_owned()),
            message: Some(message.clone()),
            last_transition_time: transition.or_else(|| Some(stamp(self.environment.now()))),
            ..PodCondition::default()
        });
        self.client.update_status(&pod).await?;
        self.events.record(&pod, "Warning", "FailedScheduling", message);
        Ok(())
    }
}

/// Whether the pod wants a node from this scheduler.
fn is_waiting(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let is_pending = matches!(phase, None | Some("Pending" | ""));
    let Some(spec) = &pod.spec else { return false };
    let is_gated = spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
    let is_ours = spec.scheduler_name.as_deref().is_none_or(|name| name == OWN_NAME);
    spec.node_name.is_none()
        && is_pending
        && is_ours
        && !is_gated
        && pod.metadata.deletion_timestamp.is_none()
}
