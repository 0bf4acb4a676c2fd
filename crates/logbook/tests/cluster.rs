//! The logbook of a simulated cluster, all in one process: what it records is what the server did.

mod support;

use pilothouse_logbook::model::{Coverage, JobState, Provenance};
use serde_json::json;
use support::World;

use JobState::{Cancelled, Failed, Lost, Pending, Running, Starting, Submitted, Succeeded};

/// Whether `wanted` appears in `states` in this order, other states between.
fn in_order(states: &[JobState], wanted: &[JobState]) -> bool {
    let mut states = states.iter();
    wanted.iter().all(|state| states.any(|other| other == state))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j1_the_recorded_versions_are_the_servers_and_the_states_come_in_order() {
    let world = World::start(20.0);
    let logbook = world.logbook().await;
    world.create_job("plain", json!({}), &[("run-seconds", "3")]).await;
    world.create_job("quick", json!({}), &[("run-seconds", "0"), ("pull-seconds", "0")]).await;
    let three = json!({"parallelism": 2, "completions": 3});
    world.create_job("three", three, &[("run-seconds", "2")]).await;
    let bad = [("run-seconds", "1"), ("exit-code", "3")];
    world.create_job("bad", json!({"backoffLimit": 0}), &bad).await;
    let second_time = [("run-seconds", "1"), ("fail-first-attempts", "1")];
    world.create_job("retried", json!({"backoffLimit": 2}), &second_time).await;
    world.create_job("cancelled", json!({}), &[("run-seconds", "forever")]).await;
    logbook
        .until("the job to cancel runs", async |store| {
            let jobs = store.list_jobs(&Default::default(), None).await.unwrap().items;
            jobs.iter().any(|job| job.name == "cancelled" && job.state == Running)
        })
        .await;
    world.delete_job("cancelled").await;
    logbook.until_ended(&["plain", "quick", "three", "bad", "retried", "cancelled"]).await;

    let normal = [Submitted, Pending, Starting, Running, Succeeded];
    for name in ["plain", "quick", "three", "retried"] {
        let states = logbook.states(name).await;
        assert!(in_order(&states, &normal), "{name}: {states:?}");
    }
    let states = logbook.transitions("bad").await;
    assert!(
        in_order(&logbook.states("bad").await, &[Submitted, Pending, Starting, Running, Failed]),
        "{states:#?}"
    );
    assert_eq!(logbook.states("cancelled").await.last(), Some(&Cancelled));
    let bad = logbook.job("bad").await;
    assert_eq!((bad.exit_code, bad.reason.as_deref()), (Some(3), Some("BackoffLimitExceeded")));
    assert_eq!((logbook.job("retried").await.attempt, logbook.job("retried").await.exit_code), (2, Some(0)));
    assert_eq!(logbook.job("three").await.attempt, 1);
    for job in logbook.jobs().await {
        assert_eq!(job.coverage, Coverage::Full, "{}", job.name);
    }
    logbook.assert_equals_history(&world).await;
    logbook.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j2_j3_killed_and_started_again_it_resumes_without_a_list_and_misses_nothing() {
    let world = World::start(20.0);
    world.logbook().await.stop().await;
    world.server.clear_request_log();
    let names: Vec<_> = (0..12).map(|number| format!("job-{number}")).collect();
    for (round, names) in names.chunks(3).enumerate() {
        let logbook = world.logbook().await;
        for name in names {
            let annotations = [("run-seconds", "2"), ("pull-seconds", "1")];
            world.create_job(name, json!({"completions": 2, "parallelism": 1}), &annotations).await;
        }
        // Kill it while it writes: some transitions after what was there.
        let before = logbook.store.latest_transition_id().await.unwrap();
        let more = i64::try_from(round).unwrap() * 3 + 2;
        logbook
            .until("some transitions", async |store| {
                store.latest_transition_id().await.unwrap() >= before + more
            })
            .await;
        logbook.kill().await;
    }
    let logbook = world.logbook().await;
    logbook.until_ended(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    logbook.assert_equals_history(&world).await;
    assert!(logbook.store.gaps(1).await.unwrap().is_empty());
    let lists = world.server.request_log().into_iter().filter(|request| request.verb == "list").count();
    assert_eq!(lists, 0, "every start resumed from its position");
    for name in &names {
        assert!(in_order(&logbook.states(name).await, &[Submitted, Pending, Starting, Running, Succeeded]));
    }
    logbook.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j4_what_ended_while_the_history_was_forgotten_is_lost_and_the_gap_is_on_record() {
    let world = World::start(20.0);
    let logbook = world.logbook().await;
    for name in ["gone", "stays"] {
        world.create_job(name, json!({}), &[("run-seconds", "forever")]).await;
    }
    logbook
        .until("both run", async |store| {
            store.counts_by_state(None).await.unwrap().get(&Running).copied() == Some(2)
        })
        .await;
    logbook.stop().await;
    world.delete_job("gone").await;
    let job = pilothouse::ObjectKey::new("default", "gone");
    while world.client.get::<k8s_openapi::api::batch::v1::Job>(&job).await.is_ok() {
        tokio::task::yield_now().await;
    }
    world.create_job("unseen", json!({}), &[("run-seconds", "forever")]).await;
    world.server.compact(None);

    let logbook = world.logbook().await;
    logbook.until("the gap is recorded", async |store| !store.gaps(2).await.unwrap().is_empty()).await;
    logbook.until_ended(&["gone"]).await;
    let lost = logbook.transitions("gone").await.pop().unwrap();
    assert_eq!((lost.to, lost.provenance), (Lost, Provenance::InferredAbsence));
    let gaps = logbook.store.gaps(10).await.unwrap();
    let of_jobs = gaps.iter().find(|gap| gap.resource == "jobs.batch/v1").unwrap();
    assert_eq!((of_jobs.vanished, of_jobs.new, lost.gap_id), (1, 1, Some(of_jobs.id)));
    assert_eq!(logbook.job("stays").await.state, Running);
    assert_eq!(logbook.job("stays").await.coverage, Coverage::Gap);
    assert_eq!(logbook.job("gone").await.coverage, Coverage::Gap);
    logbook
        .until("the new job is known", async |store| {
            store
                .list_jobs(&Default::default(), None)
                .await
                .unwrap()
                .items
                .iter()
                .any(|job| job.name == "unseen")
        })
        .await;
    logbook.stop().await;
}
