//! Which pod takes what of which node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use pilothouse_machinery::ObjectKey;

use super::request::{self, Amounts};

/// Running totals per node, kept pod by pod.
///
/// A binding that the scheduler has just made counts at once ([`assume`](Self::assume)); what the cache says about
/// the pod afterwards replaces it, unless that is still the pod without its node.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pods: BTreeMap<ObjectKey, Entry>,
    used: BTreeMap<String, Amounts>,
}

#[derive(Debug)]
struct Entry {
    uid: String,
    node: String,
    amounts: Amounts,
}

impl Ledger {
    /// What is taken of each node.
    pub(crate) fn used(&self) -> &BTreeMap<String, Amounts> {
        &self.used
    }

    /// Whether this pod has a node already.
    pub(crate) fn has(&self, key: &ObjectKey, uid: &str) -> bool {
        self.pods.get(key).is_some_and(|entry| entry.uid == uid)
    }

    /// Notes a binding.
    pub(crate) fn assume(&mut self, key: &ObjectKey, pod: &Pod, node: &str) {
        self.remove(key);
        let entry = Entry {
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            node: node.to_owned(),
            amounts: request::requests(pod),
        };
        request::add(self.used.entry(entry.node.clone()).or_default(), &entry.amounts);
        self.pods.insert(key.clone(), entry);
    }

    /// Takes in the pod as the cache has it. Answers whether that freed something.
    pub(crate) fn observe(&mut self, key: &ObjectKey, pod: &Pod) -> bool {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return self.remove(key);
        }
        match pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) {
            Some(node) => {
                let is_known = self.pods.get(key).is_some_and(|entry| entry.uid == uid && entry.node == node);
                if !is_known {
                    self.assume(key, pod, node);
                }
                false
            }
            None if self.has(key, uid) => false,
            None => self.remove(key),
        }
    }

    /// The pod is gone, or its binding failed. Answers whether that freed something.
    pub(crate) fn remove(&mut self, key: &ObjectKey) -> bool {
        let Some(entry) = self.pods.remove(key) else { return false };
        if let Some(used) = self.used.get_mut(&entry.node) {
            request::subtract(used, &entry.amounts);
        }
        true
    }
}
