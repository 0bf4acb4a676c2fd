//! Workloads whose knee is known.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse_machinery::ObjectKey;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::recommend::recommend;
use super::{Tuning, TuningReport, TuningStep};
use crate::ClientOptions;
use crate::testing::{Script, answer, object, status};

const CALL: Duration = Duration::from_millis(100);

/// Measures a server that has so many places, each for a tenth of a second; every tenth call fails if it is told to.
async fn measure(tuning: Tuning, places: usize, fails: bool) -> TuningReport {
    let places = Arc::new(Semaphore::new(places));
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let work = move || {
        let (places, calls) = (Arc::clone(&places), Arc::clone(&calls));
        async move {
            let _place = places.acquire().await.map_err(drop)?;
            sleep(CALL).await;
            let number = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if fails && number % 10 == 0 { Err(()) } else { Ok(()) }
        }
    };
    tuning.run(&Script::environment(), work).await
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= other * 0.05
}

#[tokio::test(start_paused = true)]
async fn a_server_with_eight_places_is_worth_eight_workers_and_more_only_wait() {
    let report = measure(Tuning::default(), 8, false).await;
    assert_eq!(report.recommendation.workers, 8, "{report}");
    for step in &report.steps {
        let busy: u32 = step.workers.min(8).try_into().unwrap();
        let turns: u32 = step.workers.div_ceil(8).try_into().unwrap();
        assert!(close(step.per_second, f64::from(busy) * 10.0), "{report}");
        assert!(close(step.p99, f64::from(turns) * 0.1) && close(step.p50, step.p99), "{report}");
    }
    assert_eq!(report, measure(Tuning::default(), 8, false).await, "the same again");
}

#[tokio::test(start_paused = true)]
async fn latency_and_tolerance_move_the_recommendation() {
    let tight = Tuning::default().tolerance(0.0).p99_at_most(Duration::from_millis(150));
    assert_eq!(measure(tight, 5, false).await.recommendation.workers, 4, "eight wait for five places");
    let loose = Tuning::default().tolerance(0.5);
    assert_eq!(measure(loose, 8, false).await.recommendation.workers, 4, "half of the best will do");
    let impossible = Tuning::default().p99_at_most(Duration::from_millis(1));
    let recommendation = measure(impossible, 8, false).await.recommendation;
    assert_eq!(recommendation.workers, 1);
    assert!(recommendation.why.contains("no step is good"));
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_apart_and_the_report_is_a_table_and_json() {
    let report = measure(Tuning::default().steps([4, 2, 0, 2]), 8, true).await;
    assert_eq!(report.steps.iter().map(|step| step.workers).collect::<Vec<_>>(), [2, 4]);
    let TuningStep { succeeded, failed, per_second, .. } = report.steps[0];
    assert!((19..=21).contains(&failed) && (177..=181).contains(&succeeded), "{report}");
    assert!(close(per_second, 18.0));
    let table = report.to_string();
    assert!(table.contains("      4        3") && table.contains("<--"), "{table}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (json["steps"][0]["workers"].as_u64(), json["recommendation"]["workers"].as_u64()),
        (Some(2), Some(4))
    );
}

#[tokio::test(start_paused = true)]
async fn push_back_ends_the_measurement_and_is_not_recommended() {
    // The first step is served, then the server has had enough.
    let good = (0..60).map(|_| answer(200, &object("a", 7)));
    let script = Script::of(good.chain((0..1000).map(|_| status(429, "TooManyRequests"))));
    let client = script.client_with(ClientOptions { attempts: 1, ..ClientOptions::unlimited() });
    let used = client.clone();
    let work = move || {
        let client = used.clone();
        async move {
            sleep(CALL).await;
            client.get::<ConfigMap>(&ObjectKey::new("default", "a")).await.map(drop)
        }
    };
    let times = (Duration::ZERO, Duration::from_secs(5));
    let tuning = Tuning::default().steps([1, 2, 4]).times(times.0, times.1).watching(&client);
    let report = tuning.run(&Script::environment(), work).await;
    assert_eq!((report.steps.len(), report.recommendation.workers), (2, 1), "{report}");
    assert!(report.steps[0].push_backs == 0 && report.steps[1].push_backs > 50, "{report}");
}

#[test]
fn the_fastest_step_is_not_recommended_when_the_server_pushed_back() {
    let step = |workers, per_second, push_backs| TuningStep {
        workers,
        per_second,
        succeeded: 1000,
        failed: 0,
        push_backs,
        p50: 0.1,
        p99: 0.1,
    };
    let recommended = |push_backs| {
        let steps = [step(4, 40.0, 0), step(8, 80.0, push_backs)];
        recommend(&steps, &Tuning::default()).workers
    };
    assert_eq!((recommended(10), recommended(11)), (8, 4), "one in a hundred is borne");
}

#[test]
fn nothing_measured_is_nothing_recommended() {
    assert_eq!(recommend(&[], &Tuning::default()).workers, 0);
}
