//! Scheduling and the life of single pods.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its steps fail")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use pilothouse::{DeleteOptions, ListOptions, ObjectExt};
use pilothouse_cluster::{ClusterOptions, SimulatedNode};
use serde_json::{Value, json};
use support::{World, phase};

fn pod(name: &str, requests: &Value, annotations: &Value) -> Value {
    json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"restartPolicy": "Never",
        "containers": [{"name": "main", "image": "busybox",
                        "resources": {"requests": requests, "limits": requests}}]}})
}

fn running_for(seconds: &str) -> Value {
    json!({"simulation.pilothouse.dev/run-seconds": seconds})
}

fn condition(pod: &Pod, kind: &str) -> Option<(String, String, String)> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|one| one.type_ == kind)?.clone();
    Some((found.status, found.reason.unwrap_or_default(), found.message.unwrap_or_default()))
}

#[tokio::test(start_paused = true)]
async fn the_nodes_are_registered_ready_with_their_capacity() {
    let world = World::start(ClusterOptions::default());
    let nodes = world
        .until("three nodes", async || {
            let nodes: Vec<Node> = world.client.list(None, &ListOptions::default()).await.unwrap();
            (nodes.len() == 3 && nodes.iter().all(|node| node.status.is_some())).then_some(nodes)
        })
        .await;
    let accelerators: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            node.status.clone()?.allocatable?.remove("nvidia.com/gpu").map(|quantity| quantity.0)
        })
        .collect();
    assert_eq!(accelerators, ["4"]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_without_room_says_why_and_is_scheduled_when_resources_free_up() {
    let nodes = ["a", "b", "c"].map(|name| SimulatedNode::new(name).with_resource("nvidia.com/gpu", "1"));
    let world = World::start(ClusterOptions::default().with_nodes(nodes));
    let gpu = json!({"nvidia.com/gpu": "1"});
    for number in 0..3 {
        world.create::<Pod>(pod(&format!("first-{number}"), &gpu, &running_for("60"))).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.create::<Pod>(pod("waiting", &gpu, &running_for("1"))).await;
    let unschedulable = world
        .until("it says why", async || condition(&world.get::<Pod>("waiting").await?, "PodScheduled"))
        .await;
    let message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.";
    assert_eq!(unschedulable, ("False".into(), "Unschedulable".into(), message.into()));
    let done = async || world.get::<Pod>("waiting").await.filter(|pod| phase(pod) == "Succeeded");
    let waited = world.until("it ran", done).await;
    assert_eq!(condition(&waited, "PodScheduled").unwrap().0, "True");
    assert_eq!(world.events("waiting").await[..2], ["FailedScheduling", "Scheduled"]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_too_large_for_all_waits_until_a_node_that_fits_is_added() {
    let world = World::start(ClusterOptions::default());
    let large = json!({"cpu": "64"});
    world.create::<Pod>(pod("large", &large, &running_for("1"))).await;
    let message = "0/3 nodes are available: 3 Insufficient cpu.";
    let why = async || {
        let (_, _, why) = condition(&world.get::<Pod>("large").await?, "PodScheduled")?;
        (why == message).then_some(())
    };
    world.until("it says why", why).await;
    let size = json!({"cpu": "96", "pods": "10"});
    let status = json!({"allocatable": size, "capacity": size});
    let node = json!({"metadata": {"name": "big"}, "status": status});
    let mut node: Node = world.create(node).await;
    if node.status.as_ref().is_none_or(|status| status.allocatable.is_none()) {
        node.status = serde_json::from_value(json!({"allocatable": {"cpu": "96", "pods": "10"}})).unwrap();
        world.client.update_status(&node).await.unwrap();
    }
    let done = async || world.get::<Pod>("large").await.filter(|pod| phase(pod) == "Succeeded");
    let pod = world.until("it ran", done).await;
    assert_eq!(pod.spec.unwrap().node_name.as_deref(), Some("big"));
}

#[tokio::test(start_paused = true)]
async fn no_node_is_overcommitted_by_a_crowd_of_pods_also_across_a_restart() {
    let nodes = ["a", "b"].map(|name| SimulatedNode::new(name).with_resource("cpu", "4"));
    let mut world = World::start(ClusterOptions::default().with_nodes(nodes));
    for number in 0..30 {
        world.create::<Pod>(pod(&format!("p{number:02}"), &json!({"cpu": "1"}), &json!({}))).await;
    }
    let mut most = 0;
    for round in 0..4000 {
        let pods = world.pods().await;
        let mut used = BTreeMap::<String, usize>::new();
        for pod in pods.iter().filter(|pod| !matches!(phase(pod), "Succeeded" | "Failed")) {
            if let Some(node) = pod.spec.as_ref().unwrap().node_name.clone() {
                *used.entry(node).or_default() += 1;
            }
        }
        assert!(used.values().all(|count| *count <= 4), "{used:?}");
        most = most.max(used.values().sum());
        if pods.iter().all(|pod| phase(pod) == "Succeeded") {
            break;
        }
        if round == 60 {
            world.stop_cluster().await;
            world.start_cluster();
        }
        assert!(round < 3999, "not all pods ran: {:?}", support::summary(&pods));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(most, 8, "and both nodes were full");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_ends_gracefully_and_is_removed() {
    let world = World::start(ClusterOptions::default());
    let mut annotations = running_for("forever");
    annotations["simulation.pilothouse.dev/stop-seconds"] = json!("5");
    let created: Pod = world.create(pod("web", &json!({}), &annotations)).await;
    let is_running = async || world.get::<Pod>("web").await.filter(|pod| phase(pod) == "Running");
    let running = world.until("it runs", is_running).await;
    let status = running.status.unwrap();
    assert!(status.pod_ip.is_some() && status.host_ip.is_some());
    assert_eq!(condition(&world.get("web").await.unwrap(), "Ready").unwrap().0, "True");
    world.client.delete::<Pod>(&created.key(), &DeleteOptions::default()).await.unwrap();
    let begin = world.environment.now();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(phase(&world.get::<Pod>("web").await.unwrap()), "Running", "it takes its five seconds");
    world.until("it is gone", async || world.get::<Pod>("web").await.is_none().then_some(())).await;
    let took = world.environment.now().duration_since(begin).as_millis();
    assert!((4900..6500).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_image_cannot_be_pulled_says_so() {
    let world = World::start(ClusterOptions::default());
    let annotations = json!({"simulation.pilothouse.dev/image-error": "true"});
    world.create::<Pod>(pod("typo", &json!({}), &annotations)).await;
    let reason = async |wanted: &str| {
        let pod: Pod = world.get("typo").await?;
        let container = pod.status?.container_statuses?.remove(0);
        container.state?.waiting?.reason.filter(|reason| reason == wanted)
    };
    for wanted in ["ContainerCreating", "ErrImagePull", "ImagePullBackOff"] {
        world.until(wanted, async || reason(wanted).await).await;
    }
    assert_eq!(phase(&world.get::<Pod>("typo").await.unwrap()), "Pending");
}
