//! Random courses of events with crashes between any two writes.

use proptest::prelude::*;
use serde_json::json;

use super::world::World;
use crate::job::conditions;

#[derive(Clone, Debug)]
enum Step {
    Reconcile,
    CrashAfter(usize),
    Report(usize, &'static str),
    DeletePod(usize),
    Suspend(bool),
    Parallelism(i32),
    Advance(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Reconcile),
        3 => (0..8_usize).prop_map(Step::CrashAfter),
        6 => (0..8_usize, prop_oneof![Just("Running"), Just("Succeeded"), Just("Failed")])
            .prop_map(|(pod, phase)| Step::Report(pod, phase)),
        1 => (0..8_usize).prop_map(Step::DeletePod),
        1 => any::<bool>().prop_map(Step::Suspend),
        1 => (0..5_i32).prop_map(Step::Parallelism),
        3 => (1..60_i64).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 1..60)
}

fn take(world: &mut World, step: &Step) {
    let nth = |world: &World, pod: usize| world.pods.keys().nth(pod).cloned().unwrap_or_default();
    match step {
        Step::Reconcile | Step::CrashAfter(_) => {
            let plan = world.plan();
            let limit = usize::try_from(world.job.spec.as_ref().unwrap().parallelism.unwrap()).unwrap();
            if !plan.create.is_empty() {
                let leaving = plan.remove.len();
                assert!(world.active() + plan.create.len() - leaving <= limit, "{plan:?}");
            }
            let writes = if let Step::CrashAfter(writes) = step { Some(*writes) } else { None };
            world.apply(&plan, writes);
        }
        Step::Report(pod, phase) => world.report(&nth(world, *pod), phase),
        Step::DeletePod(pod) => world.delete(&nth(world, *pod)),
        Step::Suspend(suspend) => world.job.spec.as_mut().unwrap().suspend = Some(*suspend),
        Step::Parallelism(parallelism) => {
            world.job.spec.as_mut().unwrap().parallelism = Some(*parallelism);
        }
        Step::Advance(seconds) => world.advance(*seconds),
    }
}

fn check(world: &World, before: &[String]) {
    let (now, status) = (world.conditions(), world.status());
    for kind in before.iter().filter(|kind| *kind != "Suspended") {
        assert!(now.contains(kind), "{kind} was unset");
    }
    assert!(!(now.contains(&"Complete".into()) && now.contains(&"FailureTarget".into())));
    assert!(!(now.contains(&"Failed".into()) && now.contains(&"SuccessCriteriaMet".into())));
    assert_eq!(status.completion_time.is_some(), now.contains(&"Complete".into()));
    assert!(status.succeeded.unwrap_or(0) <= i32::try_from(world.ended["Succeeded"].len()).unwrap());
    if world.is_finished() {
        let uncounted = status.uncounted_terminated_pods.clone().unwrap_or_default();
        assert!(uncounted.succeeded.is_none() && uncounted.failed.is_none());
        assert_eq!((status.active, world.active()), (None, 0));
    }
}

/// Lets every pod succeed and resumes the job, until it is finished.
fn drive_home(world: &mut World) {
    let spec = world.job.spec.as_mut().unwrap();
    (spec.suspend, spec.parallelism) = (Some(false), Some(3));
    for _ in 0..40 {
        world.settle();
        if world.is_finished() {
            return;
        }
        world.report_all("Succeeded");
        world.advance(400);
    }
    panic!("never finished: {:?}", world.status());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_course_of_events_keeps_the_bounds_counts_each_pod_once_and_ends(
        steps in steps(),
        is_indexed in any::<bool>(),
        backoff_limit in 0..6_i32,
    ) {
        let mode = if is_indexed { "Indexed" } else { "NonIndexed" };
        let mut world = World::new(&json!({
            "parallelism": 2, "completions": 4, "completionMode": mode, "backoffLimit": backoff_limit,
        }));
        for step in &steps {
            let before = world.conditions();
            take(&mut world, step);
            check(&world, &before);
        }
        drive_home(&mut world);
        let status = world.status();
        let succeeded = usize::try_from(status.succeeded.unwrap_or(0)).unwrap();
        let failed = usize::try_from(status.failed.unwrap_or(0)).unwrap();
        if conditions::find_true(&status, "Complete").is_some() {
            assert!(succeeded >= 4);
        }
        if !is_indexed {
            assert_eq!(succeeded, world.ended["Succeeded"].difference(&world.stripped).count());
        }
        assert!(failed <= world.ended["Failed"].len() + world.stripped.len() + steps.len());
        let counted_failures = world.ended["Failed"].difference(&world.stripped).count();
        assert!(failed >= counted_failures, "{failed} counted of {counted_failures}");
    }
}
