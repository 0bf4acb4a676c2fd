//! Random legal histories of a server, with random cuts, through a real informer.

#![expect(clippy::expect_used, reason = "a test")]

mod chaos;
mod check;
mod model;

use std::time::Duration;

use pilothouse::cache::InformerOptions;
use pilothouse::machinery::LabelSelector;
use pilothouse::{Informer, Informers, Object, Selection, k8s_openapi};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::time::sleep;

use crate::check::{Told, collect, collect_lossless};
use crate::model::{Case, Step, World, case};

/// One line per step, so that a counterexample reads like a story.
fn check_case(case: &Case) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.map_err(|error| TestCaseError::fail(error.to_string()))?.block_on(follow(case))
}

async fn follow(case: &Case) -> Result<(), TestCaseError> {
    let mut world = World::new(case).await;
    for step in &case.before {
        world.take(step).await;
    }
    world.trouble(&case.first);
    let informers = Informers::new(world.chaotic_client(), world.environment.clone(), world.metrics.clone());
    let options = InformerOptions::default().with_selection(world.selection.clone());
    let options = options.with_streaming_list(case.streams);
    let options = if let Some(size) = case.page_size { options.with_page_size(size) } else { options };
    let resource = k8s_openapi::api::core::v1::ConfigMap::resource_type();
    let informer = informers.informer_with(&resource, options).expect("an informer");
    let mut subscribers: Vec<Told> = Vec::new();
    join(&mut subscribers, &world, &informer);
    let mut reached = informer.store().resource_version();
    for step in &case.steps {
        world.take(step).await;
        if matches!(step, Step::Join) {
            join(&mut subscribers, &world, &informer);
        }
        let snapshot = informer.store().snapshot();
        let version = snapshot.resource_version().clone();
        proptest::prop_assert!(version.is_at_least(&reached), "C-I3: back from {reached} to {version}");
        reached = version;
        world.check(&snapshot, informer.is_synced())?;
        for told in &subscribers {
            told.check()?;
            proptest::prop_assert!(informer.is_synced() || !told.is_synced(), "in sync with what is not");
        }
    }
    // Whatever has been broken, it is not broken any more.
    world.take(&Step::Repair).await;
    sleep(Duration::from_mins(12)).await;
    proptest::prop_assert!(informer.is_synced());
    proptest::prop_assert_eq!(model::view(&informer.store().snapshot()), world.selected().await);
    for told in &subscribers {
        told.check()?;
        proptest::prop_assert_eq!(told.view(), world.selected().await, "what a subscriber was told");
        proptest::prop_assert!(told.is_synced());
    }
    Ok(())
}

/// One more subscriber of each kind: one that looks at once, one that rests for some steps, one that takes every version.
fn join(subscribers: &mut Vec<Told>, world: &World, informer: &Informer) {
    for rest in [0, 7] {
        let told = Told::default();
        let rest = Duration::from_millis(rest);
        world.environment.spawn("subscriber", collect(informer.clone(), told.clone(), rest));
        subscribers.push(told);
    }
    let told = Told::default();
    world.environment.spawn("subscriber", collect_lossless(informer.clone(), told.clone()));
    subscribers.push(told);
}

#[test]
fn r10_r14_s4_s14_s17_s19_any_history_with_any_cuts_ends_in_the_servers_state_over_legal_lifecycles() {
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    match runner.run(&case(), |case| check_case(&case)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => panic!("{reason}\n{case:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// The cuts must be there for the test to mean anything.
#[test]
fn the_histories_hold_every_kind_of_trouble() {
    let mut runner = TestRunner::deterministic();
    let cases: Vec<Case> = (0..60).map(|_| case().new_tree(&mut runner).expect("a case").current()).collect();
    let text = format!("{cases:?}");
    for word in [
        "Expired",
        "ExpiredEvent",
        "Busy",
        "Refuse",
        "EndAtOnce",
        "Cut",
        "Compact",
        "DropWatches",
        "Outage",
        "Pass",
        "Late",
        "ExpiredLate",
        "Burst",
        "Join",
        "Relabel",
        "Delete",
        "Move",
    ] {
        assert!(text.contains(word), "{word}");
    }
    let selector = LabelSelector::parse("app=web").expect("a selector");
    assert!(
        cases.iter().any(|case| case.selection() == Selection::everything().with_labels(selector.clone()))
    );
}
