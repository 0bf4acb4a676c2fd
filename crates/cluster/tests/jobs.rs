//! Jobs from their creation to their end.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its steps fail")]

mod support;

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use pilothouse::{ObjectExt, ObjectKey};
use pilothouse_cluster::ClusterOptions;
use serde_json::json;
use support::{World, phase, reason};

#[tokio::test(start_paused = true)]
async fn a_job_runs_its_pods_on_nodes_and_completes() {
    let world = World::start(ClusterOptions::default());
    world.create_job("train", json!({"parallelism": 2, "completions": 3}), &[("run-seconds", "5")]).await;
    let job = world.until_condition("train", "Complete").await;
    let status = job.status.clone().unwrap();
    assert_eq!((status.succeeded, status.failed, status.active), (Some(3), None, None));
    assert_eq!(reason(&job, "SuccessCriteriaMet").as_deref(), Some("CompletionsReached"));
    assert!(status.start_time < status.completion_time);
    let pods = world.pods().await;
    assert_eq!(pods.len(), 3);
    for pod in &pods {
        assert_eq!(phase(pod), "Succeeded");
        assert!(pod.spec.as_ref().unwrap().node_name.is_some());
        assert!(pod.metadata.finalizers.as_ref().is_none_or(Vec::is_empty));
        assert_eq!(pod.controller().unwrap().uid, job.uid());
        let name = pod.metadata.name.clone().unwrap();
        assert!(name.starts_with("train-"), "{name}");
        let events = world.events(&name).await;
        assert!(["Scheduled", "Pulled", "Started"].iter().all(|one| events.iter().any(|event| event == one)));
    }
    assert_eq!(world.events("train").await, ["SuccessfulCreate", "Completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_job_backs_off_and_reaches_its_limit() {
    let world = World::start(ClusterOptions::default());
    let spec = json!({"backoffLimit": 2});
    world
        .create_job("broken", spec, &[("exit-code", "3"), ("run-seconds", "1"), ("pull-seconds", "0")])
        .await;
    let begin = world.environment.now();
    let job = world.until_condition("broken", "Failed").await;
    assert_eq!(reason(&job, "Failed").as_deref(), Some("BackoffLimitExceeded"));
    assert_eq!(reason(&job, "FailureTarget").as_deref(), Some("BackoffLimitExceeded"));
    assert_eq!(job.status.unwrap().failed, Some(3));
    let took = world.environment.now().duration_since(begin).as_secs();
    assert!((30..40).contains(&took), "10 s and 20 s of back-off: {took}");
    assert!(world.events("broken").await.contains(&"BackoffLimitExceeded".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_flaky_job_succeeds_at_the_attempt_that_its_annotation_says() {
    let world = World::start(ClusterOptions::default().with_speed(10.0));
    world.create_job("flaky", json!({}), &[("fail-first-attempts", "2"), ("run-seconds", "1")]).await;
    let status = world.until_condition("flaky", "Complete").await.status.unwrap();
    assert_eq!((status.succeeded, status.failed), (Some(1), Some(2)));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_stops_the_pods_and_fails_the_job() {
    let world = World::start(ClusterOptions::default());
    let spec = json!({"activeDeadlineSeconds": 20});
    world.create_job("late", spec, &[("run-seconds", "forever"), ("stop-seconds", "3")]).await;
    let job = world.until_condition("late", "FailureTarget").await;
    assert_eq!(reason(&job, "Failed"), None, "its pod still runs");
    let job = world.until_condition("late", "Failed").await;
    assert_eq!(reason(&job, "Failed").as_deref(), Some("DeadlineExceeded"));
    assert_eq!(job.status.unwrap().failed, Some(1));
    world.until("the pod is gone", async || world.pods().await.is_empty().then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn suspending_stops_the_pods_and_resuming_runs_them_again() {
    let world = World::start(ClusterOptions::default());
    world.create_job("paused", json!({"parallelism": 2, "completions": 2}), &[("run-seconds", "60")]).await;
    let running = async || {
        let pods = world.pods().await;
        (pods.len() == 2 && pods.iter().all(|pod| phase(pod) == "Running")).then_some(pods)
    };
    let first = world.until("both run", running).await;
    world.merge::<Job>("paused", json!({"spec": {"suspend": true}})).await;
    world.until_condition("paused", "Suspended").await;
    world.until("no pod is left", async || world.pods().await.is_empty().then_some(())).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    let job = world.job("paused").await;
    assert_eq!((world.pods().await.len(), job.status.clone().unwrap().failed), (0, None));
    world.merge::<Job>("paused", json!({"spec": {"suspend": false}})).await;
    let second = world.until("both run again", running).await;
    assert!(second.iter().all(|pod| first.iter().all(|old| old.uid() != pod.uid())));
    let resumed = world.job("paused").await.status.unwrap().start_time.unwrap().0;
    assert_eq!(job.status.unwrap().start_time, None);
    assert!(world.environment.now().duration_since(resumed).as_secs() < 10, "the clock starts anew");
    assert_eq!(world.until_condition("paused", "Complete").await.status.unwrap().succeeded, Some(2));
    let events = world.events("paused").await;
    assert!(events.contains(&"Suspended".into()) && events.contains(&"Resumed".into()), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn parallelism_is_never_exceeded_also_across_a_restart_of_the_controllers() {
    let mut world = World::start(ClusterOptions::default());
    let spec = json!({"parallelism": 3, "completions": 12});
    world.create_job("wide", spec, &[]).await;
    let mut most = 0;
    for round in 0.. {
        let pods = world.pods().await;
        let active = pods.iter().filter(|pod| !matches!(phase(pod), "Succeeded" | "Failed")).count();
        most = most.max(active);
        assert!(active <= 3 && pods.len() <= 12, "{:?}", support::summary(&pods));
        if reason(&world.job("wide").await, "Complete").is_some() {
            break;
        }
        if matches!(round, 20 | 90) {
            world.stop_cluster().await;
            world.start_cluster();
        }
        assert!(round < 4000, "never completes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((most, world.pods().await.len()), (3, 12));
    assert_eq!(world.job("wide").await.status.unwrap().succeeded, Some(12));
}

#[tokio::test(start_paused = true)]
async fn a_pod_deleted_by_somebody_is_counted_as_failed_once_and_replaced() {
    let world = World::start(ClusterOptions::default());
    world.create_job("robbed", json!({}), &[("run-seconds", "30")]).await;
    let running = async || {
        let pods = world.pods().await;
        pods.into_iter().find(|pod| phase(pod) == "Running")
    };
    let victim = world.until("it runs", running).await;
    world.client.delete::<Pod>(&victim.key(), &pilothouse::DeleteOptions::default()).await.unwrap();
    let status = world.until_condition("robbed", "Complete").await.status.unwrap();
    assert_eq!((status.succeeded, status.failed), (Some(1), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_and_its_pods_go_when_their_time_to_live_is_over() {
    let world = World::start(ClusterOptions::default());
    world.create_job("brief", json!({"ttlSecondsAfterFinished": 30}), &[("run-seconds", "1")]).await;
    world.until_condition("brief", "Complete").await;
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(world.pods().await.len(), 1, "not before its time");
    world
        .until("job and pod are gone", async || {
            let is_gone = world.get::<Job>("brief").await.is_none() && world.pods().await.is_empty();
            is_gone.then_some(())
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_indexed_job_gives_each_index_its_pod() {
    let world = World::start(ClusterOptions::default());
    let spec = json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed"});
    world.create_job("shards", spec, &[("run-seconds", "1"), ("fail-first-attempts", "1")]).await;
    let status = world.until_condition("shards", "Complete").await.status.unwrap();
    assert_eq!(status.completed_indexes.as_deref(), Some("0-2"));
    assert_eq!((status.succeeded, status.failed), (Some(3), Some(3)), "each index failed once");
}

#[tokio::test(start_paused = true)]
async fn restarts_in_place_count_towards_the_limit() {
    let world = World::start(ClusterOptions::default());
    let spec = json!({"backoffLimit": 2, "template": {"spec": {"restartPolicy": "OnFailure"}}});
    world.create_job("stubborn", spec, &[("exit-code", "1"), ("run-seconds", "1")]).await;
    let job = world.until_condition("stubborn", "Failed").await;
    assert_eq!(reason(&job, "Failed").as_deref(), Some("BackoffLimitExceeded"));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_job_takes_its_running_pods_with_it() {
    let world = World::start(ClusterOptions::default());
    world.create_job("gone", json!({"parallelism": 2, "completions": 2}), &[("run-seconds", "600")]).await;
    world
        .until("both run", async || {
            let pods = world.pods().await;
            (pods.len() == 2 && pods.iter().all(|pod| phase(pod) == "Running")).then_some(())
        })
        .await;
    let key = ObjectKey::new("default", "gone");
    world.client.delete::<Job>(&key, &pilothouse::DeleteOptions::default()).await.unwrap();
    world.until("the pods are gone", async || world.pods().await.is_empty().then_some(())).await;
}
