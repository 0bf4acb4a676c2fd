//! Deployments from their creation to their deletion.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its steps fail")]

mod support;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use pilothouse::{DeleteOptions, ListOptions, ObjectKey};
use pilothouse_cluster::ClusterOptions;
use serde_json::json;
use support::{World, phase};

async fn start(world: &World) {
    world
        .create::<Deployment>(json!({"metadata": {"name": "web"}, "spec": {
            "replicas": 4, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                         "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}},
        }}))
        .await;
}

/// Waits until the rollout is over: this many pods, all of this image and available.
async fn until_rolled_out(world: &World, replicas: i32, image: &str) {
    world
        .until(&format!("{replicas} of {image}"), async || {
            let deployment: Deployment = world.get("web").await?;
            let status = deployment.status?;
            let is_observed = status.observed_generation == deployment.metadata.generation;
            let counts = [status.replicas, status.updated_replicas, status.available_replicas];
            let pods = world.pods().await;
            let is_current = |pod: &Pod| {
                pod.spec.as_ref().unwrap().containers[0].image.as_deref() == Some(image)
                    && phase(pod) == "Running"
            };
            let is_done = is_observed && counts == [Some(replicas); 3] && pods.iter().all(is_current);
            (is_done && pods.len() == usize::try_from(replicas).unwrap()).then_some(())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_deployment_runs_scales_rolls_out_and_goes() {
    let world = World::start(ClusterOptions::default());
    start(&world).await;
    until_rolled_out(&world, 4, "nginx:1").await;
    world.merge::<Deployment>("web", json!({"spec": {"replicas": 6}})).await;
    until_rolled_out(&world, 6, "nginx:1").await;
    let image =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}}}});
    world.merge::<Deployment>("web", image).await;
    let sampled = async {
        loop {
            let pods = world.pods().await;
            let live: Vec<_> = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
            let ready = live.iter().filter(|pod| phase(pod) == "Running").count();
            assert!(live.len() <= 8 && ready >= 5, "{:?}", support::summary(&pods));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        biased;
        () = until_rolled_out(&world, 6, "nginx:2") => {}
        () = sampled => {}
    }
    let sets: Vec<ReplicaSet> = world.client.list(None, &ListOptions::default()).await.unwrap();
    let mut sizes: Vec<_> = sets.iter().map(|set| set.spec.as_ref().unwrap().replicas).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [Some(0), Some(6)], "the old set stays as history");
    let web: Deployment = world.get("web").await.unwrap();
    assert_eq!(web.metadata.annotations.unwrap()["deployment.kubernetes.io/revision"], "2");
    let key = ObjectKey::new("default", "web");
    world.client.delete::<Deployment>(&key, &DeleteOptions::default()).await.unwrap();
    world
        .until("everything is gone", async || {
            let sets: Vec<ReplicaSet> = world.client.list(None, &ListOptions::default()).await.unwrap();
            (sets.is_empty() && world.pods().await.is_empty()).then_some(())
        })
        .await;
}
