//! Which node a pod goes to, or why none. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};

use super::request::{Amounts, PODS, allocatable};

/// The decision about one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The name of the node.
    Bind(String),
    /// The message for the `PodScheduled` condition, as the default scheduler words it.
    Unschedulable(String),
}

/// Chooses the node with the largest free share left after the pod; the first by name among equals.
pub(crate) fn choose(
    pod: &Pod,
    wanted: &Amounts,
    nodes: &BTreeMap<String, Node>,
    used: &BTreeMap<String, Amounts>,
) -> Verdict {
    let nothing = Amounts::new();
    let mut best: Option<(u64, &str)> = None;
    let mut reasons = BTreeMap::<String, usize>::new();
    for (name, node) in nodes {
        let used = used.get(name).unwrap_or(&nothing);
        let refusals = refusals(pod, wanted, node, used);
        if refusals.is_empty() {
            let score = free_share(wanted, node, used);
            if best.is_none_or(|(best, _)| score > best) {
                best = Some((score, name));
            }
        }
        for refusal in refusals {
            *reasons.entry(refusal).or_default() += 1;
        }
    }
    match best {
        Some((_, name)) => Verdict::Bind(name.to_owned()),
        None => Verdict::Unschedulable(message(nodes.len(), &reasons)),
    }
}

fn message(nodes: usize, reasons: &BTreeMap<String, usize>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let mut reasons: Vec<String> =
        reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    reasons.sort();
    format!("0/{nodes} nodes are available: {}.", reasons.join(", "))
}

/// Why the pod does not fit; resources only where nothing else is in the way.
fn refusals(pod: &Pod, wanted: &Amounts, node: &Node, used: &Amounts) -> Vec<String> {
    let spec = node.spec.as_ref();
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    if spec.and_then(|spec| spec.unschedulable).unwrap_or(false) {
        return vec!["node(s) were unschedulable".to_owned()];
    }
    let taints = spec.and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let mut repelling = taints.iter().filter(|taint| taint.effect != "PreferNoSchedule");
    if let Some(taint) = repelling.find(|taint| !tolerations.iter().any(|one| tolerates(one, taint))) {
        return vec![format!(
            "node(s) had untolerated taint {{{}: {}}}",
            taint.key,
            taint.value.as_deref().unwrap_or_default()
        )];
    }
    let labels = node.metadata.labels.clone().unwrap_or_default();
    let selector = pod.spec.as_ref().and_then(|spec| spec.node_selector.as_ref());
    if selector.into_iter().flatten().any(|(name, value)| labels.get(name) != Some(value)) {
        return vec!["node(s) didn't match Pod's node affinity/selector".to_owned()];
    }
    let offered = allocatable(node);
    let is_short = |name: &str, amount: i128| {
        amount > 0 && amount + used.get(name).copied().unwrap_or(0) > offered.get(name).copied().unwrap_or(0)
    };
    let short = wanted.iter().filter(|(name, amount)| is_short(name, **amount));
    short
        .map(
            |(name, _)| {
                if name == PODS { "Too many pods".to_owned() } else { format!("Insufficient {name}") }
            },
        )
        .collect()
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let key = toleration.key.as_deref().unwrap_or_default();
    let is_existence = toleration.operator.as_deref() == Some("Exists");
    (effect.is_empty() || effect == taint.effect)
        && (key == taint.key || (key.is_empty() && is_existence))
        && (is_existence
            || toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default())
}

/// The smallest free share, in millionths, of the resources that the node would have with the pod on it.
fn free_share(wanted: &Amounts, node: &Node, used: &Amounts) -> u64 {
    let shares = allocatable(node).into_iter().filter(|(_, offered)| *offered > 0).map(|(name, offered)| {
        let taken = used.get(&name).copied().unwrap_or(0) + wanted.get(&name).copied().unwrap_or(0);
        u64::try_from((offered - taken).max(0) * 1_000_000 / offered).unwrap_or(0)
    });
    shares.min().unwrap_or(0)
}
