//! Rollouts: bounds by property, plans by table.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::rollout::{Limits, Sizes};
use super::{deployment, replica_set};
use crate::pace::Pace;

fn deployment(image: &str, extra: &Value) -> Deployment {
    let mut object = json!({
        "metadata": {"name": "web", "namespace": "default", "generation": 1},
        "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]},
        }},
    });
    for (name, value) in extra.as_object().unwrap() {
        object["spec"][name] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn with_status(mut set: ReplicaSet, available: i32) -> Arc<ReplicaSet> {
    let status = json!({"replicas": available, "readyReplicas": available, "availableReplicas": available});
    set.status = serde_json::from_value(status).unwrap();
    Arc::new(set)
}

#[test]
fn limits_follow_numbers_and_percentages() {
    let limits = |extra: Value| Limits::of(deployment("a", &extra).spec.as_ref().unwrap());
    let usual = Limits { replicas: 4, surge: 1, unavailable: 1, recreates: false };
    assert_eq!(limits(json!({})), usual);
    let odd = limits(json!({"replicas": 5}));
    assert_eq!((odd.surge, odd.unavailable), (2, 1), "surge rounds up, unavailability down");
    let none = json!({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}});
    assert_eq!(limits(none).unavailable, 1, "something has to give");
    assert!(limits(json!({"strategy": {"type": "Recreate"}})).recreates);
}

#[test]
fn a_new_template_gets_a_new_set_with_the_next_revision_and_an_old_one_comes_back() {
    let now = Timestamp::UNIX_EPOCH;
    let plan = deployment::plan(&deployment("a", &json!({})), &[], now);
    let first = plan.create.unwrap();
    let labels = first.metadata.labels.clone().unwrap();
    let hash = &labels["pod-template-hash"];
    assert_eq!((plan.revision, first.metadata.name.clone()), (Some(1), Some(format!("web-{hash}"))));
    assert_eq!(first.spec.as_ref().unwrap().replicas, Some(4));
    let first = with_status(first, 4);
    let sets = [Arc::clone(&first)];
    let same = deployment::plan(&deployment("a", &json!({})), &sets, now);
    assert!(same.create.is_none() && same.change.is_empty());
    let conditions = same.status.conditions.unwrap();
    assert_eq!(conditions[0].status, "True");
    assert_eq!(conditions[1].reason.as_deref(), Some("NewReplicaSetAvailable"));
    let next = deployment::plan(&deployment("b", &json!({})), &sets, now);
    let second = next.create.unwrap();
    assert_eq!((next.revision, second.spec.as_ref().unwrap().replicas), (Some(2), Some(1)));
    assert_eq!(next.change[0].1, 3, "one may be unavailable");
    let back = deployment::plan(&deployment("a", &json!({})), &[first, with_status(second, 0)], now);
    assert_eq!((back.create, back.revision, back.change[0].2), (None, Some(3), 3));
}

#[test]
fn recreating_waits_until_the_old_pods_are_gone() {
    let limits = Limits { replicas: 3, surge: 0, unavailable: 3, recreates: true };
    let sizes = |new, old, lingering| Sizes { limits, new, old: vec![old], lingering };
    assert_eq!(sizes((0, 0), (3, 3), 3).next(), (0, vec![0]));
    assert_eq!(sizes((0, 0), (0, 0), 2).next(), (0, vec![0]));
    assert_eq!(sizes((0, 0), (0, 0), 0).next(), (3, vec![0]));
}

#[test]
fn a_replica_set_makes_what_is_missing_and_removes_the_least_useful_first() {
    let set = deployment::plan(&deployment("a", &json!({})), &[], Timestamp::UNIX_EPOCH).create.unwrap();
    let pod = |name: &str, node: Option<&str>, is_ready: bool| -> Arc<Pod> {
        let ready = if is_ready { "True" } else { "False" };
        let pod = json!({"metadata": {"name": name}, "spec": {"nodeName": node, "containers": []},
                         "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        Arc::new(serde_json::from_value(pod).unwrap())
    };
    let mut pods = vec![pod("a", Some("n"), true), pod("b", None, false)];
    let plan = replica_set::plan(&set, &pods, Timestamp::UNIX_EPOCH, Pace::default());
    assert_eq!((plan.create, plan.remove.len()), (2, 0));
    assert_eq!((plan.status.replicas, plan.status.available_replicas), (2, Some(1)));
    pods.extend(["c", "d", "e", "f"].map(|name| pod(name, Some("n"), name != "e")));
    let plan = replica_set::plan(&set, &pods, Timestamp::UNIX_EPOCH, Pace::default());
    let names: Vec<_> = plan.remove.iter().map(|pod| pod.metadata.name.clone().unwrap()).collect();
    assert_eq!(names, ["b", "e"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rollout_stays_within_its_limits_and_ends(
        replicas in 0..12_i32, surge in 0..4_i32, unavailable in 0..4_i32,
        readiness in prop::collection::vec(0..5_i32, 80),
    ) {
        let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable }.min(replicas.max(0));
        let limits = Limits { replicas, surge, unavailable, recreates: false };
        let mut sizes = Sizes { limits, new: (0, 0), old: vec![(replicas, replicas)], lingering: 0 };
        for becoming_ready in readiness.into_iter().chain([100; 80]) {
            let (grown, shrunk) = sizes.next();
            sizes.new = (grown, sizes.new.1.min(grown));
            sizes.old = sizes.old.iter().zip(shrunk).map(|(size, wanted)| (wanted, size.1.min(wanted))).collect();
            let old = sizes.old[0];
            prop_assert!(sizes.new.0 + old.0 <= replicas + surge, "{sizes:?}");
            prop_assert!(sizes.new.1 + old.1 >= replicas - unavailable, "{sizes:?}");
            sizes.new.1 = sizes.new.0.min(sizes.new.1 + becoming_ready);
        }
        prop_assert_eq!((sizes.new, sizes.old[0].0), ((replicas, replicas), 0));
    }
}
