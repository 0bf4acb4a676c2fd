//! The rules on objects as clusters write them, and properties over random sequences of facts.

#![expect(clippy::needless_pass_by_value, reason = "objects are written where they are used")]

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn job(status: Value) -> JobFacts {
    JobFacts::of(&json!({
        "metadata": {"creationTimestamp": second(0).to_string()},
        "spec": {"parallelism": 1, "completions": 1},
        "status": status,
    }))
}

fn condition(kind: &str, reason: &str, at: i64) -> Value {
    json!({"type": kind, "status": "True", "reason": reason, "lastTransitionTime": second(at).to_string()})
}

fn pod(phase: &str, scheduled_at: Option<i64>, state: Value) -> PodFacts {
    let scheduled = scheduled_at.map(|at| condition("PodScheduled", "", at));
    PodFacts::of(&json!({
        "metadata": {"creationTimestamp": second(1).to_string()},
        "status": {
            "phase": phase,
            "conditions": scheduled.into_iter().collect::<Vec<_>>(),
            "containerStatuses": [{"restartCount": 0, "state": state}],
        },
    }))
}

fn ended(exit_code: i64, reason: &str) -> Value {
    json!({"terminated": {"exitCode": exit_code, "reason": reason,
        "startedAt": second(3).to_string(), "finishedAt": second(7).to_string()}})
}

fn standing(state: JobState, attempt: i64) -> Standing {
    Standing { state, attempt, since: second(2) }
}

fn states(advance: &Advance) -> Vec<(JobState, bool)> {
    advance.steps.iter().map(|step| (step.to, step.inferred)).collect()
}

#[test]
fn a_job_seen_only_before_and_after_gets_what_it_passed_with_the_pods_own_times() {
    use JobState::{Pending, Running, Starting, Succeeded};
    let complete = job(json!({"succeeded": 1, "startTime": second(1).to_string(),
        "completionTime": second(8).to_string(), "conditions": [condition("Complete", "CompletionsReached", 8)]}));
    let pods = [pod("Succeeded", Some(2), ended(0, "Completed"))];
    let way = advance(Some(standing(Pending, 1)), &complete, &pods, Presence::Present);
    assert_eq!(states(&way), [(Starting, true), (Running, true), (Succeeded, false)]);
    let times: Vec<_> = way.steps.iter().map(|step| step.effective.unwrap()).collect();
    assert_eq!(times.iter().map(|time| time.at).collect::<Vec<_>>(), [second(2), second(3), second(8)]);
    assert_eq!(times[2].source, "job.status.completionTime");
    assert_eq!(way.steps[2].exit_code, Some(0));

    let first_seen = advance(None, &complete, &[], Presence::Present);
    assert_eq!(first_seen.steps.first().map(|step| (step.from, step.to)), Some((None, JobState::Submitted)));
    assert_eq!(first_seen.steps.len(), 5, "a success proves that a pod ran, whether or not it was seen");
    assert_eq!(first_seen.steps[3].effective.unwrap().source, "job.status.startTime");
}

#[test]
fn a_failure_before_any_container_ran_does_not_claim_that_it_ran() {
    let failed = job(json!({"failed": 1, "conditions": [condition("Failed", "DeadlineExceeded", 9)]}));
    let pulling = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
    let pods = [pod("Failed", Some(2), pulling)];
    let way = advance(Some(standing(JobState::Submitted, 1)), &failed, &pods, Presence::Present);
    let passed = [(JobState::Pending, true), (JobState::Starting, true), (JobState::Failed, false)];
    assert_eq!(states(&way), passed);
    let last = way.steps.last().unwrap();
    assert_eq!((last.cause.reason.as_deref(), last.exit_code), (Some("DeadlineExceeded"), None));
}

#[test]
fn a_failing_job_carries_the_reason_of_the_job_and_the_exit_code_of_the_container() {
    let target =
        job(json!({"failed": 1, "conditions": [condition("FailureTarget", "BackoffLimitExceeded", 8)]}));
    let pods = [pod("Failed", Some(2), ended(137, "OOMKilled"))];
    let way = advance(Some(standing(JobState::Running, 1)), &target, &pods, Presence::Present);
    let step = way.steps.last().unwrap();
    assert_eq!((step.to, step.exit_code), (JobState::Failing, Some(137)));
    assert_eq!(step.cause.reason.as_deref(), Some("BackoffLimitExceeded"));
    assert_eq!(pods[0].worst_cause().reason.as_deref(), Some("OOMKilled"));
}

#[test]
fn waiting_states_name_the_worst_cause() {
    let active = job(json!({"active": 2, "startTime": second(1).to_string()}));
    let creating = pod("Pending", Some(2), json!({"waiting": {"reason": "ContainerCreating"}}));
    let pulling =
        pod("Pending", Some(3), json!({"waiting": {"reason": "ErrImagePull", "message": "denied"}}));
    let derived = derive(&active, &[creating, pulling], Presence::Present, Some(JobState::Pending)).unwrap();
    assert_eq!((derived.state, derived.cause.reason.as_deref()), (JobState::Starting, Some("ErrImagePull")));
    assert_eq!(derived.effective.unwrap().at, second(2));

    let unbound = |reason: &str| {
        PodFacts::of(
            &json!({"metadata": {"creationTimestamp": second(1).to_string()}, "status": {"phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": reason, "message": "0/3 nodes"}]}}),
        )
    };
    let derived = derive(&active, &[unbound("Unschedulable")], Presence::Present, None).unwrap();
    assert_eq!((derived.state, derived.cause.message.as_deref()), (JobState::Pending, Some("0/3 nodes")));
    let derived = derive(&active, &[unbound("SchedulingGated")], Presence::Present, None).unwrap();
    assert_eq!(derived.state, JobState::Queued);
}

#[test]
fn a_retry_backs_off_and_counts_as_the_next_attempt() {
    let pods = [pod("Failed", Some(2), ended(1, "Error"))];
    let uncounted = job(json!({"active": 0, "failed": 0}));
    let running = Some(standing(JobState::Running, 1));
    assert!(
        advance(running, &uncounted, &pods, Presence::Present).steps.is_empty(),
        "not counted yet: no news"
    );
    let counted = job(json!({"failed": 1}));
    let way = advance(running, &counted, &pods, Presence::Present);
    let step = &way.steps[0];
    assert_eq!((step.to, step.attempt, step.exit_code), (JobState::Pending, 2, Some(1)));
    assert_eq!(step.cause.reason.as_deref(), Some("BackingOff"));
}

#[test]
fn an_attempt_that_failed_without_having_been_seen_running_counts_all_the_same() {
    use JobState::{Pending, Running, Starting};
    let pods = [pod("Failed", Some(2), ended(1, "Error"))];
    for (state, way_to_running) in [(Pending, vec![Starting, Running]), (Starting, vec![Running])] {
        let way = advance(Some(standing(state, 1)), &job(json!({"failed": 1})), &pods, Presence::Present);
        let passed: Vec<_> = way.steps.iter().filter(|step| step.inferred).map(|step| step.to).collect();
        let last = way.steps.last().unwrap();
        assert_eq!((passed, last.to, last.attempt), (way_to_running, Pending, 2));
    }
}

#[test]
fn a_job_of_several_completions_keeps_running_from_pod_to_pod_unless_the_next_is_in_trouble() {
    let midway = job(json!({"active": 1, "succeeded": 1}));
    let done = pod("Succeeded", Some(2), ended(0, "Completed"));
    let next = pod("Pending", Some(8), json!({"waiting": {"reason": "ContainerCreating"}}));
    let running = Some(standing(JobState::Running, 1));
    assert!(advance(running, &midway, &[done.clone(), next], Presence::Present).steps.is_empty());
    let stuck = pod("Pending", Some(8), json!({"waiting": {"reason": "ImagePullBackOff"}}));
    let way = advance(running, &midway, &[done, stuck], Presence::Present);
    assert_eq!(states(&way), [(JobState::Starting, false)]);
}

#[test]
fn suspension_queues_and_resumption_starts_the_next_attempt() {
    let suspended = |active: i64, queue: Option<&str>| {
        JobFacts::of(&json!({"metadata": {"labels": {"kueue.x-k8s.io/queue-name": queue}},
            "spec": {"suspend": true}, "status": {"active": active}}))
    };
    let of = |job: &JobFacts, previous| derive(job, &[], Presence::Present, previous).unwrap().state;
    assert_eq!(of(&suspended(1, None), Some(JobState::Running)), JobState::Suspending);
    assert_eq!(of(&suspended(0, None), Some(JobState::Suspending)), JobState::Suspended);
    assert_eq!(of(&suspended(0, Some("gpu")), None), JobState::Queued);
    let way = advance(Some(standing(JobState::Suspending, 1)), &suspended(0, None), &[], Presence::Present);
    assert_eq!((way.steps[0].to, way.steps[0].attempt), (JobState::Suspended, 2));
    let resumed = job(json!({}));
    assert_eq!(of(&resumed, Some(JobState::Suspended)), JobState::Pending);
}

#[test]
fn deletion_cancels_only_what_had_not_ended_and_absence_is_never_a_failure() {
    let complete = job(json!({"succeeded": 1, "conditions": [condition("Complete", "", 8)]}));
    let open = job(json!({"active": 1}));
    let of = |job: &JobFacts, presence, previous| derive(job, &[], presence, previous).unwrap().state;
    let running = Some(JobState::Running);
    assert_eq!(of(&complete, Presence::Deleted, running), JobState::Succeeded);
    assert_eq!(of(&open, Presence::Deleted, running), JobState::Cancelled);
    assert_eq!(of(&open, Presence::Absent, running), JobState::Lost);
    assert_eq!(of(&open, Presence::Absent, Some(JobState::Cancelling)), JobState::Cancelled);
}

fn any_condition() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        12 => Just(None),
        1 => Just(Some("Complete")),
        1 => Just(Some("Failed")),
        1 => Just(Some("FailureTarget")),
        1 => Just(Some("SuccessCriteriaMet")),
        1 => Just(Some("Suspended")),
    ]
}

fn any_job() -> impl Strategy<Value = JobFacts> {
    let counts = (0..3_i64, 0..2_i64, 0..2_i64);
    (any_condition(), counts, prop::bool::weighted(0.15), prop::bool::weighted(0.05), 0..40_i64).prop_map(
        |(kind, (active, succeeded, failed), suspended, deleting, at)| {
            let conditions: Vec<_> = kind.map(|kind| condition(kind, "R", at)).into_iter().collect();
            let status =
                json!({"active": active, "succeeded": succeeded, "failed": failed, "conditions": conditions});
            let deletion_requested_at = deleting.then(|| second(at));
            JobFacts { deletion_requested_at, suspended, ..job(status) }
        },
    )
}

fn any_pod() -> impl Strategy<Value = PodFacts> {
    let state = prop_oneof![
        Just(json!({"waiting": {"reason": "ContainerCreating"}})),
        Just(json!({"waiting": {"reason": "ImagePullBackOff"}})),
        Just(json!({"running": {"startedAt": second(3).to_string()}})),
        Just(ended(0, "Completed")),
        Just(ended(2, "Error")),
    ];
    let phase = prop::sample::select(vec!["Pending", "Running", "Succeeded", "Failed"]);
    (phase, prop::option::of(0..9_i64), state, prop::bool::weighted(0.2))
        .prop_map(|(phase, scheduled_at, state, gone)| PodFacts { gone, ..pod(phase, scheduled_at, state) })
}

fn any_facts() -> impl Strategy<Value = (JobFacts, Vec<PodFacts>, Presence)> {
    let presence = prop_oneof![
        20 => Just(Presence::Present),
        1 => Just(Presence::Deleted),
        1 => Just(Presence::Absent),
    ];
    (any_job(), prop::collection::vec(any_pod(), 0..4), presence)
}

proptest! {
    #[test]
    fn any_sequence_of_facts_gives_a_legal_chain_that_never_leaves_its_end(
        sequence in prop::collection::vec(any_facts(), 1..12)
    ) {
        let mut now: Option<Standing> = None;
        for (moment, (job, pods, presence)) in (0_i64..).zip(&sequence) {
            let before = now;
            let way = advance(now, job, pods, *presence);
            prop_assert_eq!(&way, &advance(now, job, pods, *presence), "the same facts, the same way");
            for step in &way.steps {
                prop_assert_eq!(step.from, now.map(|standing| standing.state));
                prop_assert!(step.to.may_follow(step.from), "{:?} -> {}", step.from, step.to);
                let attempt = now.map_or(1, |standing| standing.attempt);
                prop_assert!(step.attempt == attempt || step.attempt == attempt + 1);
                now = Some(Standing { state: step.to, attempt: step.attempt, since: second(moment) });
            }
            if before.is_some_and(|standing| standing.state.is_terminal()) {
                prop_assert_eq!(before, now);
            }
            prop_assert_eq!(way.steps.iter().rev().skip(1).filter(|step| !step.inferred).count(), 0);
            if *presence != Presence::Present || job.holding("Complete").is_some() {
                prop_assert!(now.is_some_and(|standing| standing.state.is_terminal()));
            }
        }
    }
}
