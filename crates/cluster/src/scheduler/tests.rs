//! The decisions of this module, by table and as a state machine.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};
use pilothouse_machinery::ObjectKey;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fit::{Verdict, choose};
use super::ledger::Ledger;
use super::request::{allocatable, requests};

fn nodes(count: usize, allocatable: &Value) -> BTreeMap<String, Node> {
    let node = |name: &str| -> Node {
        let labels = json!({"kubernetes.io/hostname": name});
        serde_json::from_value(
            json!({"metadata": {"name": name, "labels": labels}, "status": {"allocatable": allocatable}}),
        )
        .unwrap()
    };
    (1..=count).map(|number| format!("node-{number}")).map(|name| (name.clone(), node(&name))).collect()
}

fn pod(name: &str, requests: &Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "uid": name},
        "spec": {"containers": [{"name": "main", "resources": {"requests": requests}}]},
    }))
    .unwrap()
}

fn decide(pod: &Pod, nodes: &BTreeMap<String, Node>, ledger: &Ledger) -> Verdict {
    choose(pod, &requests(pod), nodes, ledger.used())
}

#[test]
fn a_pod_goes_to_the_node_with_the_most_room_and_none_is_filled_beyond_its_size() {
    let nodes = nodes(2, &json!({"cpu": "2", "pods": "10"}));
    let (mut ledger, mut placed) = (Ledger::default(), Vec::new());
    for number in 0..5 {
        let pod = pod(&format!("p{number}"), &json!({"cpu": "1"}));
        match decide(&pod, &nodes, &ledger) {
            Verdict::Bind(node) => {
                ledger.assume(&ObjectKey::new("default", pod.metadata.name.clone().unwrap()), &pod, &node);
                placed.push(node);
            }
            Verdict::Unschedulable(message) => placed.push(message),
        }
    }
    let full = "0/2 nodes are available: 2 Insufficient cpu.";
    assert_eq!(placed, ["node-1", "node-2", "node-1", "node-2", full]);
}

#[test]
fn the_message_counts_the_reasons_as_the_default_scheduler_does() {
    let mut nodes = nodes(3, &json!({"cpu": "1", "memory": "1Gi", "pods": "10"}));
    let gpu = pod("gpu", &json!({"nvidia.com/gpu": "1"}));
    let expected = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.";
    assert_eq!(decide(&gpu, &nodes, &Ledger::default()), Verdict::Unschedulable(expected.into()));
    nodes.get_mut("node-1").unwrap().spec = serde_json::from_value(json!({"unschedulable": true})).unwrap();
    nodes.get_mut("node-2").unwrap().spec =
        serde_json::from_value(json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]})).unwrap();
    let large = pod("large", &json!({"cpu": "4", "memory": "4Gi"}));
    let expected = "0/3 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, \
                    1 node(s) had untolerated taint {gpu: }, 1 node(s) were unschedulable.";
    assert_eq!(decide(&large, &nodes, &Ledger::default()), Verdict::Unschedulable(expected.into()));
    let nobody = "no nodes available to schedule pods";
    assert_eq!(decide(&large, &BTreeMap::new(), &Ledger::default()), Verdict::Unschedulable(nobody.into()));
}

#[test]
fn selectors_and_tolerations_are_obeyed() {
    let mut nodes = nodes(2, &json!({"cpu": "1", "pods": "10"}));
    let mut chosen = pod("chosen", &json!({"cpu": "1"}));
    let spec = chosen.spec.as_mut().unwrap();
    spec.node_selector = Some(BTreeMap::from([("kubernetes.io/hostname".to_owned(), "node-2".to_owned())]));
    assert_eq!(decide(&chosen, &nodes, &Ledger::default()), Verdict::Bind("node-2".into()));
    nodes.get_mut("node-2").unwrap().spec =
        serde_json::from_value(json!({"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}))
            .unwrap();
    assert!(matches!(decide(&chosen, &nodes, &Ledger::default()), Verdict::Unschedulable(_)));
    chosen.spec.as_mut().unwrap().tolerations =
        serde_json::from_value(json!([{"key": "gpu", "operator": "Exists"}])).unwrap();
    assert_eq!(decide(&chosen, &nodes, &Ledger::default()), Verdict::Bind("node-2".into()));
}

#[test]
fn a_stale_view_of_a_bound_pod_does_not_free_its_place_and_its_end_does() {
    let (key, mut ledger) = (ObjectKey::new("default", "p"), Ledger::default());
    let mut pod = pod("p", &json!({"cpu": "1"}));
    ledger.assume(&key, &pod, "node-1");
    assert!(!ledger.observe(&key, &pod) && ledger.has(&key, "p"), "the cache has not seen the binding yet");
    pod.spec.as_mut().unwrap().node_name = Some("node-1".into());
    assert!(!ledger.observe(&key, &pod));
    assert_eq!(ledger.used()["node-1"]["cpu"], 1000);
    pod.status = serde_json::from_value(json!({"phase": "Succeeded"})).unwrap();
    assert!(ledger.observe(&key, &pod));
    assert!(ledger.used()["node-1"].is_empty() && !ledger.remove(&key));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_node_is_ever_given_more_than_it_offers(
        steps in prop::collection::vec((0..12_usize, 1..4_u32, any::<bool>()), 1..80),
    ) {
        let nodes = nodes(3, &json!({"cpu": "5", "pods": "4"}));
        let mut ledger = Ledger::default();
        for (number, cpu, is_arrival) in steps {
            let key = ObjectKey::new("default", format!("p{number}"));
            let pod = pod(&format!("p{number}"), &json!({"cpu": cpu.to_string()}));
            if !is_arrival {
                ledger.remove(&key);
            } else if !ledger.has(&key, pod.metadata.uid.as_deref().unwrap())
                && let Verdict::Bind(node) = decide(&pod, &nodes, &ledger)
            {
                ledger.assume(&key, &pod, &node);
            }
            for (node, used) in ledger.used() {
                let offered = allocatable(&nodes[node]);
                prop_assert!(used.iter().all(|(name, amount)| (0..=offered[name]).contains(amount)));
            }
        }
    }
}
