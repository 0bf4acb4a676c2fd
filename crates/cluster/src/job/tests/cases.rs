//! One course of events each.

use k8s_openapi::api::batch::v1::JobStatus;
use serde_json::json;

use super::world::World;
use crate::job::conditions;
use crate::job::view;

fn reason(status: &JobStatus, kind: &str) -> String {
    conditions::find_true(status, kind).and_then(|condition| condition.reason.clone()).unwrap_or_default()
}

#[test]
fn a_job_makes_its_pods_counts_them_and_completes_in_two_steps() {
    let mut world = World::new(&json!({"parallelism": 2, "completions": 3}));
    world.settle();
    let status = world.status();
    assert_eq!((world.active(), status.active, status.ready), (2, Some(2), Some(0)));
    assert_eq!(status.start_time.unwrap().0, world.now);
    world.report_all("Running");
    world.settle();
    assert_eq!(world.status().ready, Some(2));
    world.report_all("Succeeded");
    world.settle();
    let status = world.status();
    assert_eq!((world.active(), status.active, status.succeeded), (1, Some(1), Some(2)), "one is left to do");
    world.report_all("Succeeded");
    let first = world.plan();
    world.apply(&first, None);
    assert_eq!(world.conditions(), ["SuccessCriteriaMet"]);
    assert_eq!(world.status().uncounted_terminated_pods.unwrap().succeeded.unwrap().len(), 1);
    let second = world.plan();
    world.apply(&second, None);
    let status = world.status();
    assert_eq!(world.conditions(), ["SuccessCriteriaMet", "Complete"]);
    assert_eq!(reason(&status, "Complete"), "CompletionsReached");
    assert_eq!((status.succeeded, status.active, status.failed), (Some(3), None, None));
    assert!(status.completion_time.is_some() && second.events[0].reason == "Completed");
    assert!(status.uncounted_terminated_pods.unwrap().succeeded.is_none());
    assert!(world.pods.values().all(|pod| !view::is_tracked(pod)));
}

#[test]
fn failures_back_off_and_then_reach_the_limit() {
    let mut world = World::new(&json!({"backoffLimit": 2}));
    for (round, pause) in [(1, 10), (2, 20)] {
        world.settle();
        world.report_all("Failed");
        let plan = world.settle();
        assert_eq!(world.active(), 0);
        assert_eq!(plan.wake_after.unwrap().as_secs(), pause, "round {round}");
        world.advance(i64::try_from(pause).unwrap());
    }
    world.settle();
    assert_eq!(world.active(), 1, "the third attempt");
    world.report_all("Failed");
    world.settle();
    let status = world.status();
    assert_eq!(world.conditions(), ["FailureTarget", "Failed"]);
    assert_eq!(reason(&status, "Failed"), "BackoffLimitExceeded");
    assert_eq!((status.failed, status.completion_time), (Some(3), None));
}

#[test]
fn a_deadline_ends_running_pods_before_the_job_is_failed() {
    let mut world = World::new(&json!({"parallelism": 2, "completions": 2, "activeDeadlineSeconds": 60}));
    assert_eq!(world.settle().wake_after.unwrap().as_secs(), 60);
    world.report_all("Running");
    world.advance(60);
    world.settle();
    assert_eq!(world.conditions(), ["FailureTarget"]);
    assert_eq!((world.status().active, world.status().terminating), (None, Some(2)));
    world.report_all("Failed");
    world.settle();
    assert_eq!(world.conditions(), ["FailureTarget", "Failed"]);
    let status = world.status();
    assert_eq!((reason(&status, "Failed").as_str(), status.failed), ("DeadlineExceeded", Some(2)));
}

#[test]
fn suspending_takes_pods_back_uncounted_and_resuming_starts_the_clock_anew() {
    let mut world = World::new(&json!({"parallelism": 2, "completions": 2, "activeDeadlineSeconds": 100}));
    world.settle();
    world.report_all("Running");
    world.settle();
    world.job.spec.as_mut().unwrap().suspend = Some(true);
    assert_eq!(world.plan().events[0].reason, "Suspended");
    world.settle();
    assert_eq!((world.active(), world.conditions()), (0, vec!["Suspended".to_owned()]));
    assert_eq!(world.status().failed, None);
    world.report_all("Failed");
    world.advance(1000);
    world.settle();
    assert_eq!((world.pods.len(), world.conditions()), (0, vec!["Suspended".to_owned()]), "no deadline");
    world.job.spec.as_mut().unwrap().suspend = Some(false);
    assert_eq!(world.plan().events[0].reason, "Resumed");
    world.settle();
    assert_eq!(world.active(), 2);
    assert_eq!(world.status().start_time.unwrap().0, world.now);
    assert_eq!(conditions::find(&world.status(), "Suspended").unwrap().status, "False");
}

#[test]
fn a_job_made_suspended_starts_nothing() {
    let mut world = World::new(&json!({"suspend": true}));
    world.settle();
    assert_eq!((world.pods.len(), world.status().start_time), (0, None));
}

#[test]
fn a_finished_job_waits_for_its_time_to_live_and_is_then_deleted() {
    let mut world = World::new(&json!({"ttlSecondsAfterFinished": 30}));
    world.settle();
    world.report_all("Succeeded");
    world.settle();
    assert_eq!(world.plan().wake_after.unwrap().as_secs(), 30);
    world.advance(29);
    assert!(!world.plan().delete_job);
    world.advance(1);
    assert!(world.plan().delete_job);
}

#[test]
fn an_indexed_job_retries_the_failed_index_and_ignores_repeats() {
    let spec = json!({"parallelism": 3, "completions": 4, "completionMode": "Indexed"});
    let mut world = World::new(&spec);
    world.settle();
    let by_index = |world: &World, wanted: i32| {
        let pods = world.pods.iter();
        let mut found =
            pods.filter(|(_, pod)| view::completion_index(pod) == Some(wanted) && view::is_active(pod));
        found.next().map(|(name, _)| name.clone())
    };
    let failing = by_index(&world, 1).unwrap();
    assert!(failing.starts_with("train-1-"), "{failing}");
    assert_eq!(world.pods[&failing].spec.as_ref().unwrap().hostname.as_deref(), Some("train-1"));
    let done = by_index(&world, 0).unwrap();
    world.report(&done, "Succeeded");
    world.report(&failing, "Failed");
    world.settle();
    assert_eq!(world.status().completed_indexes.as_deref(), Some("0"));
    world.advance(10);
    world.settle();
    assert!(by_index(&world, 1).is_some() && by_index(&world, 3).is_some() && world.active() == 3);
    world.report_all("Succeeded");
    world.settle();
    let status = world.status();
    assert_eq!((status.completed_indexes.as_deref(), status.succeeded), (Some("0-3"), Some(4)));
    assert_eq!(world.conditions(), ["SuccessCriteriaMet", "Complete"]);
}

#[test]
fn a_work_queue_makes_no_more_pods_after_the_first_success() {
    let mut world = World::new(&json!({"parallelism": 3}));
    world.settle();
    assert_eq!(world.active(), 3);
    let first = world.pods.keys().next().cloned().unwrap();
    world.report(&first, "Succeeded");
    world.settle();
    assert_eq!((world.active(), world.is_finished()), (2, false));
    world.report_all("Succeeded");
    world.settle();
    assert_eq!((world.conditions().len(), world.status().succeeded), (2, Some(3)));
}

#[test]
fn fewer_parallel_pods_are_taken_back_uncounted_and_the_unready_go_first() {
    let mut world = World::new(&json!({"parallelism": 3, "completions": 9}));
    world.settle();
    let ready = world.pods.keys().nth(1).cloned().unwrap();
    world.report(&ready, "Running");
    world.job.spec.as_mut().unwrap().parallelism = Some(1);
    world.settle();
    assert_eq!((world.active(), world.status().failed), (1, None));
    assert!(view::is_active(&world.pods[&ready]));
}

#[test]
fn a_pod_that_somebody_deleted_counts_as_failed_and_is_replaced() {
    let mut world = World::new(&json!({}));
    world.settle();
    world.report_all("Running");
    let name = world.pods.keys().next().cloned().unwrap();
    world.delete(&name);
    world.settle();
    assert_eq!((world.status().failed, world.active()), (Some(1), 1));
    world.report(&name, "Failed");
    world.settle();
    assert_eq!((world.status().failed, world.pods.len()), (Some(1), 1), "counted once");
}

#[test]
fn a_failure_policy_ignores_disruptions_and_fails_at_once_on_a_listed_code() {
    let mut world = World::new(&json!({"backoffLimit": 0, "podFailurePolicy": {"rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}},
    ]}}));
    world.settle();
    world.report_all("Failed");
    let pod = world.pods.values_mut().next().unwrap();
    pod.status.as_mut().unwrap().conditions =
        serde_json::from_value(json!([{"type": "DisruptionTarget", "status": "True"}])).unwrap();
    world.settle();
    assert_eq!((world.status().failed, world.conditions().len()), (None, 0));
    world.advance(10);
    world.settle();
    assert_eq!(world.active(), 1);
    world.report_all("Failed");
    world.settle();
    assert_eq!(reason(&world.status(), "Failed"), "PodFailurePolicy");
}

#[test]
fn a_job_that_is_being_deleted_lets_its_pods_go_and_makes_none() {
    let mut world = World::new(&json!({"parallelism": 2, "completions": 2}));
    world.settle();
    world.job.metadata.deletion_timestamp = Some(crate::pace::stamp(world.now));
    world.settle();
    assert!(world.pods.len() == 2 && world.pods.values().all(|pod| !view::is_tracked(pod)));
}
