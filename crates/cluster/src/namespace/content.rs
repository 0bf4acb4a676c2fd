//! What is left in a namespace that is being deleted, and the conditions that say so. No I/O.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{NamespaceCondition, NamespaceStatus};
use pilothouse_machinery::ResourceType;
use serde_json::Value;

use crate::pace::stamp;

/// What one pass over the namespace found.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// Objects left by type, as `pods.` or `jobs.batch`.
    remaining: BTreeMap<String, usize>,
    /// Objects left by finalizer.
    finalizers: BTreeMap<String, usize>,
    /// Types that could not be discovered.
    pub(crate) undiscovered: Vec<String>,
    /// Types whose objects could not be listed or deleted.
    pub(crate) failures: Vec<String>,
}

impl Content {
    /// Notes the objects of one type that are left.
    pub(crate) fn add(&mut self, resource: &ResourceType, objects: &[Value]) {
        if objects.is_empty() {
            return;
        }
        let name = format!("{}.{}", resource.plural, resource.group);
        *self.remaining.entry(name).or_default() += objects.len();
        for object in objects {
            for finalizer in object["metadata"]["finalizers"].as_array().into_iter().flatten() {
                let name = finalizer.as_str().unwrap_or_default().to_owned();
                *self.finalizers.entry(name).or_default() += 1;
            }
        }
    }

    /// Whether the namespace may go.
    pub(crate) fn is_empty(&self) -> bool {
        self.remaining.is_empty() && self.undiscovered.is_empty() && self.failures.is_empty()
    }

    /// Writes the conditions, in the words of the namespace controller; transition times move with the status only.
    pub(crate) fn describe(&self, status: &mut NamespaceStatus, now: Timestamp) {
        let counted = |counts: &BTreeMap<String, usize>, verb: &str| {
            let words =
                counts.iter().map(|(name, count)| format!("{name} {verb} {count} resource instances"));
            words.collect::<Vec<_>>().join(", ")
        };
        let entries = [
            (
                "NamespaceDeletionDiscoveryFailure",
                (!self.undiscovered.is_empty()).then(|| {
                    (
                        "DiscoveryFailed",
                        format!("Discovery failed for some groups: {}", self.undiscovered.join(", ")),
                    )
                }),
                ("ResourcesDiscovered", "All resources successfully discovered"),
            ),
            (
                "NamespaceDeletionContentFailure",
                (!self.failures.is_empty()).then(|| {
                    let causes = self.failures.join(", ");
                    ("ContentDeletionFailed", format!("Failed to delete all resource types: {causes}"))
                }),
                ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
            ),
            (
                "NamespaceContentRemaining",
                (!self.remaining.is_empty()).then(|| {
                    let words = counted(&self.remaining, "has");
                    ("SomeResourcesRemain", format!("Some resources are remaining: {words}"))
                }),
                ("ContentRemoved", "All content successfully removed"),
            ),
            (
                "NamespaceFinalizersRemaining",
                (!self.finalizers.is_empty()).then(|| {
                    let words = counted(&self.finalizers, "in");
                    (
                        "SomeFinalizersRemain",
                        format!("Some content in the namespace has finalizers remaining: {words}"),
                    )
                }),
                ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
            ),
        ];
        for (kind, trouble, calm) in entries {
            let value = if trouble.is_some() { "True" } else { "False" };
            let (reason, message) = trouble.unwrap_or((calm.0, calm.1.to_owned()));
            set(status, kind, value, reason, message, now);
        }
    }
}

fn set(status: &mut NamespaceStatus, kind: &str, value: &str, reason: &str, message: String, now: Timestamp) {
    let conditions = status.conditions.get_or_insert_with(Vec::new);
    let position = conditions.iter().position(|condition| condition.type_ == kind);
    let unchanged = position.map(|position| &conditions[position]).filter(|known| known.status == value);
    let transition = unchanged.and_then(|known| known.last_transition_time.clone());
    let condition = NamespaceCondition {
        last_transition_time: transition.or_else(|| Some(stamp(now))),
        message: Some(message),
        reason: Some(reason.to_owned()),
        status: value.to_owned(),
        type_: kind.to_owned(),
    };
    match position {
        Some(position) => conditions[position] = condition,
        None => conditions.push(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_is_counted_by_type_and_finalizer() {
        let pods = ResourceType::namespaced("", "v1", "pods", "Pod");
        let jobs = ResourceType::namespaced("batch", "v1", "jobs", "Job");
        let (mut content, mut status) = (Content::default(), NamespaceStatus::default());
        assert!(content.is_empty());
        content.add(&pods, &[]);
        content.add(&pods, &[json!({"metadata": {"finalizers": ["a/b"]}}), json!({"metadata": {}})]);
        content.add(&jobs, &[json!({"metadata": {}})]);
        content.describe(&mut status, Timestamp::UNIX_EPOCH);
        let message = |status: &NamespaceStatus, kind: &str| {
            let conditions = status.conditions.clone().unwrap();
            let found = conditions.into_iter().find(|condition| condition.type_ == kind).unwrap();
            (found.status, found.message.unwrap(), found.last_transition_time.unwrap().0.as_second())
        };
        let remaining = "Some resources are remaining: jobs.batch has 1 resource instances, \
                         pods. has 2 resource instances";
        assert_eq!(message(&status, "NamespaceContentRemaining"), ("True".into(), remaining.into(), 0));
        let finalizers =
            "Some content in the namespace has finalizers remaining: a/b in 1 resource instances";
        assert_eq!(message(&status, "NamespaceFinalizersRemaining").1, finalizers);
        let later = Timestamp::from_second(9).unwrap();
        Content::default().describe(&mut status, later);
        assert_eq!(message(&status, "NamespaceContentRemaining").2, 9);
        assert_eq!(message(&status, "NamespaceDeletionDiscoveryFailure").2, 0, "did not change");
    }
}
