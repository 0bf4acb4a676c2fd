//! The decision about a deployment: which replica sets there are and how large they are. No I/O.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet, ReplicaSetSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::rollout::{Limits, Sizes};
use crate::hash::{hash, letters};
use crate::pace::stamp;

const TEMPLATE_HASH: &str = "pod-template-hash";
/// The annotation that numbers the templates of a deployment.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";

/// What to write: creation, sizes, removals, revision, status.
#[derive(Debug, Default)]
pub(crate) struct DeploymentPlan {
    pub(crate) create: Option<ReplicaSet>,
    /// Replica sets whose size or revision changes.
    pub(crate) change: Vec<(Arc<ReplicaSet>, i32, u64)>,
    /// Empty replica sets beyond the history that is kept.
    pub(crate) prune: Vec<Arc<ReplicaSet>>,
    /// The revision to note on the deployment, where it is another.
    pub(crate) revision: Option<u64>,
    pub(crate) status: DeploymentStatus,
}

/// Decides about a deployment and the replica sets that it controls.
pub(crate) fn plan(deployment: &Deployment, sets: &[Arc<ReplicaSet>], now: Timestamp) -> DeploymentPlan {
    let Some(spec) = &deployment.spec else { return DeploymentPlan::default() };
    let template_hash = letters(hash(serde_json::to_vec(&spec.template).unwrap_or_default().as_slice()), 10);
    let (new, old): (Vec<_>, Vec<_>) = sets.iter().cloned().partition(|set| {
        set.metadata.labels.as_ref().and_then(|labels| labels.get(TEMPLATE_HASH)) == Some(&template_hash)
    });
    let new = new.into_iter().next();
    let latest = old.iter().map(|set| revision(&set.metadata)).max().unwrap_or(0);
    let revision_now = new.as_ref().map_or(0, |set| revision(&set.metadata)).max(latest + 1);
    let mut plan =
        DeploymentPlan { status: status(deployment, new.as_ref(), sets, now), ..DeploymentPlan::default() };
    if deployment.metadata.deletion_timestamp.is_some() {
        return plan;
    }
    let sizes = Sizes {
        limits: Limits::of(spec),
        new: new.as_ref().map_or((0, 0), |set| size(set)),
        old: old.iter().map(|set| size(set)).collect(),
        lingering: old.iter().map(|set| set.status.as_ref().map_or(0, |status| status.replicas)).sum(),
    };
    let is_paused = spec.paused.unwrap_or(false);
    let (wanted, shrunk) = if is_paused { sizes.paused() } else { sizes.next() };
    match &new {
        None if is_paused => {}
        None => plan.create = Some(replica_set(deployment, &template_hash, wanted, revision_now)),
        Some(set) => {
            if size(set).0 != wanted || revision(&set.metadata) != revision_now {
                plan.change.push((Arc::clone(set), wanted, revision_now));
            }
        }
    }
    for (set, wanted) in old.iter().zip(shrunk) {
        if size(set).0 != wanted {
            plan.change.push((Arc::clone(set), wanted, revision(&set.metadata)));
        }
    }
    let is_noted = revision(&deployment.metadata) == revision_now;
    plan.revision = (!is_noted && !is_paused).then_some(revision_now);
    plan.prune = beyond_history(old, spec.revision_history_limit.unwrap_or(10));
    plan
}

fn beyond_history(mut old: Vec<Arc<ReplicaSet>>, limit: i32) -> Vec<Arc<ReplicaSet>> {
    old.retain(|set| size(set) == (0, 0) && set.status.as_ref().is_some_and(|status| status.replicas == 0));
    old.sort_by_key(|set| revision(&set.metadata));
    let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    old.truncate(surplus);
    old
}

/// Wanted and available pods.
fn size(set: &ReplicaSet) -> (i32, i32) {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    (wanted, set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0))
}

fn revision(metadata: &ObjectMeta) -> u64 {
    let annotations = metadata.annotations.as_ref();
    annotations.and_then(|annotations| annotations.get(REVISION)?.parse().ok()).unwrap_or(0)
}

fn replica_set(deployment: &Deployment, template_hash: &str, replicas: i32, revision: u64) -> ReplicaSet {
    let spec = deployment.spec.clone().unwrap_or_default();
    let mut template = spec.template;
    let label = || (TEMPLATE_HASH.to_owned(), template_hash.to_owned());
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.extend([label()]);
    let labels = labels.clone();
    let mut selector = spec.selector;
    selector.match_labels.get_or_insert_default().extend([label()]);
    ReplicaSet {
        metadata: ObjectMeta {
            name: Some(format!(
                "{}-{template_hash}",
                deployment.metadata.name.as_deref().unwrap_or_default()
            )),
            namespace: deployment.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: Some(BTreeMap::from([(REVISION.to_owned(), revision.to_string())])),
            ..ObjectMeta::default()
        },
        spec: Some(ReplicaSetSpec {
            min_ready_seconds: spec.min_ready_seconds,
            replicas: Some(replicas),
            selector,
            template: Some(template),
        }),
        status: None,
    }
}

fn status(
    deployment: &Deployment,
    new: Option<&Arc<ReplicaSet>>,
    sets: &[Arc<ReplicaSet>],
    now: Timestamp,
) -> DeploymentStatus {
    let sum = |part: fn(&ReplicaSet) -> i32| sets.iter().map(|set| part(set)).sum::<i32>();
    let replicas = sum(|set| set.status.as_ref().map_or(0, |status| status.replicas));
    let ready = sum(|set| set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0));
    let available = sum(|set| size(set).1);
    let updated = new.and_then(|set| set.status.as_ref()).map_or(0, |status| status.replicas);
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let limits = deployment.spec.as_ref().map(Limits::of).unwrap_or_default();
    let nonzero = |number: i32| (number != 0).then_some(number);
    let mut status = DeploymentStatus {
        replicas: nonzero(replicas),
        ready_replicas: nonzero(ready),
        available_replicas: nonzero(available),
        updated_replicas: nonzero(updated),
        unavailable_replicas: nonzero((wanted.max(replicas) - available).max(0)),
        observed_generation: deployment.metadata.generation,
        ..deployment.status.clone().unwrap_or_default()
    };
    let (is_available, name) = (
        available >= wanted - limits.unavailable,
        new.and_then(|set| set.metadata.name.clone()).unwrap_or_default(),
    );
    let enough = if is_available {
        ("MinimumReplicasAvailable", "Deployment has minimum availability.".to_owned())
    } else {
        ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.".to_owned())
    };
    set_condition(&mut status, "Available", is_available, enough, now);
    let is_complete = updated == wanted && replicas == wanted && available >= wanted;
    let progress = if is_complete {
        ("NewReplicaSetAvailable", format!("ReplicaSet \"{name}\" has successfully progressed."))
    } else {
        ("ReplicaSetUpdated", format!("ReplicaSet \"{name}\" is progressing."))
    };
    set_condition(&mut status, "Progressing", true, progress, now);
    status
}

fn set_condition(
    status: &mut DeploymentStatus,
    kind: &str,
    value: bool,
    (reason, message): (&str, String),
    now: Timestamp,
) {
    let value = if value { "True" } else { "False" };
    let conditions = status.conditions.get_or_insert_default();
    let position = conditions.iter().position(|one| one.type_ == kind);
    let before = position.map(|position| conditions.remove(position));
    let same_value = before.as_ref().filter(|before| before.status == value);
    let same_words = same_value.filter(|before| {
        before.reason.as_deref() == Some(reason) && before.message.as_deref() == Some(message.as_str())
    });
    let or_now = |time: Option<_>| time.or_else(|| Some(stamp(now)));
    let condition = DeploymentCondition {
        type_: kind.to_owned(),
        status: value.to_owned(),
        last_transition_time: or_now(same_value.and_then(|before| before.last_transition_time.clone())),
        last_update_time: or_now(same_words.and_then(|before| before.last_update_time.clone())),
        reason: Some(reason.to_owned()),
        message: Some(message),
    };
    conditions.insert(position.unwrap_or(conditions.len()), condition);
}
