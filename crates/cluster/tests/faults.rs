//! Controllers of the cluster that meet failing requests, long outages and stale caches.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its steps fail")]

mod support;

use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use pilothouse::{DeleteOptions, ObjectKey};
use pilothouse_cluster::ClusterOptions;
use serde_json::json;
use support::{Fault, World};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_binding_that_failed_is_tried_again_although_other_pods_keep_changing() {
    let world = World::start(ClusterOptions::default());
    sleep(Duration::from_secs(2)).await;
    let mut is_first = true;
    *world.fault.lock() = Some(Box::new(move |method, address| {
        let fails = method == "POST" && address.contains("/binding") && std::mem::take(&mut is_first);
        if fails { Fault::Break } else { Fault::None }
    }));
    let pod = |name: &str, gate: bool| {
        let gates = if gate { json!([{"name": "example.com/wait"}]) } else { json!([]) };
        json!({"metadata": {"name": name}, "spec": {
            "schedulingGates": gates, "containers": [{"name": "main", "image": "busybox"}],
        }})
    };
    world.create::<Pod>(pod("noise", true)).await;
    world.create::<Pod>(pod("unlucky", false)).await;
    for number in 0..30 {
        sleep(Duration::from_millis(300)).await;
        world.merge::<Pod>("noise", json!({"metadata": {"labels": {"number": number.to_string()}}})).await;
    }
    let node = world.get::<Pod>("unlucky").await.unwrap().spec.unwrap().node_name;
    assert!(node.is_some(), "bound at the second attempt");
}

#[tokio::test(start_paused = true)]
async fn after_a_long_outage_jobs_go_on_within_half_a_minute() {
    let world = World::start(ClusterOptions::default());
    world.create_job("long", json!({"parallelism": 2, "completions": 4}), &[("run-seconds", "5")]).await;
    sleep(Duration::from_secs(4)).await;
    world.server.set_available(false);
    sleep(Duration::from_mins(40)).await;
    world.server.set_available(true);
    let start = Instant::now();
    world.until_condition("long", "Complete").await;
    // The watches' own pause is up to a minute.
    assert!(start.elapsed() < Duration::from_secs(100), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_cannot_go_is_looked_at_less_and_less_often() {
    let world = World::start(ClusterOptions::default());
    world.create::<Namespace>(json!({"metadata": {"name": "stuck"}})).await;
    let held =
        json!({"metadata": {"name": "held", "namespace": "stuck", "finalizers": ["example.com/hold"]}});
    world.create::<ConfigMap>(held).await;
    let key = ObjectKey::cluster("stuck");
    world.client.delete::<Namespace>(&key, &DeleteOptions::default()).await.unwrap();
    sleep(Duration::from_mins(10)).await;
    world.server.clear_request_log();
    sleep(Duration::from_mins(2)).await;
    let looks = world.server.request_log();
    let looks = looks.iter().filter(|request| request.path.ends_with("/namespaces/stuck/configmaps")).count();
    assert!((2..=20).contains(&looks), "{looks} requests for one type in two minutes");
}

#[tokio::test(start_paused = true)]
async fn a_replica_set_makes_no_pod_twice_while_the_watch_of_pods_is_dead() {
    let world = World::start(ClusterOptions::default());
    sleep(Duration::from_secs(2)).await;
    *world.fault.lock() = Some(Box::new(|_, address| {
        let is_pods = address.starts_with("/api/v1/pods?") && address.contains("watch=");
        if is_pods { Fault::Silence } else { Fault::None }
    }));
    world.server.drop_watches();
    sleep(Duration::from_secs(5)).await;
    world
        .create::<ReplicaSet>(json!({"metadata": {"name": "web"}, "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                         "spec": {"containers": [{"name": "main", "image": "web"}]}},
        }}))
        .await;
    for number in 0..20 {
        sleep(Duration::from_secs(6)).await;
        world
            .merge::<ReplicaSet>("web", json!({"metadata": {"labels": {"number": number.to_string()}}}))
            .await;
    }
    assert_eq!(world.pods().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_dropped_leaves_no_request_behind() {
    let mut world = World::start(ClusterOptions::default());
    sleep(Duration::from_secs(5)).await;
    world.drop_cluster();
    sleep(Duration::from_secs(1)).await;
    world.server.clear_request_log();
    world.server.drop_watches();
    sleep(Duration::from_mins(5)).await;
    assert_eq!(world.server.request_log().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_answered_with_few_requests() {
    let world = World::start(ClusterOptions::default());
    world.create_job("long", json!({"parallelism": 3, "completions": 9}), &[("run-seconds", "5")]).await;
    sleep(Duration::from_secs(7)).await;
    world.server.set_available(false);
    let counter = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&counter);
    *world.fault.lock() = Some(Box::new(move |_, _| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Fault::None
    }));
    sleep(Duration::from_mins(5)).await;
    counter.store(0, std::sync::atomic::Ordering::Relaxed);
    sleep(Duration::from_mins(10)).await;
    let per_minute = counter.load(std::sync::atomic::Ordering::Relaxed) / 10;
    assert!(per_minute < 150, "{per_minute} requests a minute");
}
