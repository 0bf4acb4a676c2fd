//! Dead letters over restarts, from beside the process, and with a ledger that fails (D5, D6, D7).
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::ledger::{HistoryEvent, HistoryQuery, LedgerChange, LedgerCommand, Verb};
use pilothouse::{
    Action, Controller, ControllerBuilder, DeadLetterOptions, DeadLetterSelector, DeadLetters, Ledger, Patch,
    ReconcileError, Retry,
};
use pilothouse_machinery::LabelSelector;
use serde_json::json;
use tokio::time::sleep;

use crate::ledger::{Kept, Mood};
use crate::world::{Run, Scripted, World, key, value};

const SECOND: Duration = Duration::from_secs(1);

/// Fails by the value of the object: `bad` for good, `flaky` each time.
pub(crate) fn scripted(world: &World) -> Scripted {
    Scripted::new(world, |map, _, _| {
        let outcome = match value(map) {
            "bad" => Err(ReconcileError::terminal("BadValue", "the value is bad")),
            "flaky" => Err(ReconcileError::retryable("not yet")),
            _ => Ok(Action::done()),
        };
        Box::pin(std::future::ready(outcome))
    })
}

/// Retries after 10, 20, 40, ... seconds.
pub(crate) fn slow_retry() -> Retry {
    Retry::exponential().starting_at(10 * SECOND)
}

pub(crate) fn start(
    world: &World,
    ledger: &Kept,
    builder: ControllerBuilder<ConfigMap>,
    scripted: &Scripted,
) -> (Run, DeadLetters) {
    let mut manager = world.manager().ledger(ledger.clone());
    let letters = manager.dead_letters();
    (world.run(manager.controller(builder, scripted.clone())), letters)
}

/// Ends a manager as a crash does.
pub(crate) async fn kill(run: Run) {
    run.handle.abort();
    // Its tasks end when they next yield.
    let _ = run.handle.await;
    sleep(Duration::from_millis(1)).await;
}

pub(crate) fn names(letters: &DeadLetters, selector: &DeadLetterSelector) -> Vec<String> {
    letters.list(selector).iter().map(|record| record.identity.key.name.to_string()).collect()
}

pub(crate) fn all() -> DeadLetterSelector {
    DeadLetterSelector::all()
}

#[tokio::test(start_paused = true)]
async fn d5_after_a_kill_parked_objects_stay_parked_and_what_changed_meanwhile_does_not() {
    let (world, ledger) = (World::new(), Kept::default());
    for name in ["changed", "deleted", "replaced", "same"] {
        world.create(name, "bad").await;
    }
    let first = scripted(&world);
    let (run, letters) = start(&world, &ledger, Controller::of(), &first);
    sleep(SECOND).await;
    let before = letters.list(&all());
    kill(run).await;
    world.set("changed", "good").await;
    for name in ["deleted", "replaced"] {
        world.client.delete::<ConfigMap>(&key(name), &Default::default()).await.unwrap();
    }
    world.create("replaced", "bad").await;
    let second = scripted(&world);
    let (run, letters) = start(&world, &ledger, Controller::of(), &second);
    sleep(60 * SECOND).await;
    assert_eq!(second.names(), ["changed", "replaced"], "each once");
    assert_eq!(names(&letters, &all()), ["replaced", "same"]);
    let same = |records: &[std::sync::Arc<pilothouse::ledger::LedgerRecord>]| {
        records.iter().find(|record| record.identity.key == key("same")).cloned().unwrap()
    };
    assert_eq!(same(&letters.list(&all())), same(&before), "as it was");
    assert_eq!(ledger.all().len(), 2, "the ledger holds no more than that");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d5_after_a_kill_delays_and_attempts_go_on_where_they_were() {
    let (world, ledger) = (World::new(), Kept::default());
    world.create("a", "flaky").await;
    let builder = || Controller::of().retry(slow_retry().give_up_after(4));
    let first = scripted(&world);
    let (run, _) = start(&world, &ledger, builder(), &first);
    sleep(25 * SECOND).await;
    assert_eq!(
        (first.times("a").len(), ledger.attempts("a")),
        (2, 2),
        "at 0 and 10 s; the next is due at 30 s"
    );
    kill(run).await;
    let second = scripted(&world);
    let (run, letters) = start(&world, &ledger, builder(), &second);
    sleep(SECOND).await;
    assert_eq!(second.times("a"), Vec::<u128>::new(), "not before its time");
    sleep(100 * SECOND).await;
    let times = second.times("a");
    assert!((30_000..30_050).contains(&times[0]) && (70_000..70_050).contains(&times[1]), "{times:?}");
    assert_eq!((times.len(), letters.list(&all())[0].attempts), (2, 4), "four attempts in all");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d5_a_change_does_not_wait_for_the_delay_of_an_earlier_process() {
    let (world, ledger) = (World::new(), Kept::default());
    world.create("a", "flaky").await;
    let first = scripted(&world);
    let (run, _) = start(&world, &ledger, Controller::of().retry(slow_retry()), &first);
    sleep(25 * SECOND).await;
    kill(run).await;
    world.set("a", "good").await;
    let second = scripted(&world);
    let (run, _) = start(&world, &ledger, Controller::of().retry(slow_retry()), &second);
    sleep(SECOND).await;
    assert_eq!(second.values("a"), [Some("good".into())]);
    assert_eq!(ledger.all(), [], "it has succeeded");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d5_killed_at_any_moment_no_attempt_is_lost_or_doubled_by_more_than_one() {
    for pause_ms in [1_u64, 7, 16, 33, 60, 110, 250, 700] {
        let (world, ledger) = (World::new(), Kept::default());
        ledger.set(Mood::Slow(Duration::from_millis(30)));
        world.create("a", "flaky").await;
        let scripted = scripted(&world);
        let mut kept = 0;
        for _ in 0..3 {
            let (run, _) = start(&world, &ledger, Controller::of(), &scripted);
            sleep(Duration::from_millis(40 + pause_ms)).await;
            kill(run).await;
            kept += 1;
            let (done, known) = (scripted.times("a").len() as u64, ledger.attempts("a"));
            assert!(done <= known + kept, "{done} attempts, {known} known after {kept} kills");
            assert!(known <= done, "{known} known of {done}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d6_replay_of_one_some_or_all_reconciles_each_once_at_a_bounded_rate_and_drop_removes() {
    let (world, ledger) = (World::new(), Kept::default());
    for name in ["a", "b", "c", "d", "e"] {
        world.create(name, "bad").await;
    }
    let label = |value: &str| Patch::Merge(json!({"metadata": {"labels": {"team": value}}}));
    for (name, team) in [("a", "x"), ("b", "x"), ("c", "y")] {
        world.client.patch::<ConfigMap>(&key(name), &label(team)).await.unwrap();
    }
    let scripted = scripted(&world);
    let options = DeadLetterOptions::default().replays_per_second(2.0);
    let (run, letters) = start(&world, &ledger, Controller::of().workers(4).dead_letters(options), &scripted);
    sleep(SECOND).await;
    let one = DeadLetterSelector { name: Some("d".into()), ..all() };
    assert_eq!(letters.replay(&one, "ann"), 1);
    assert_eq!((letters.replay(&one, "ann"), names(&letters, &one).len()), (0, 0), "it is on its way");
    sleep(10 * SECOND).await;
    assert_eq!((scripted.times("d").len(), names(&letters, &one).len()), (2, 1), "once, and parked again");

    let labels = Some(LabelSelector::parse("team=x").unwrap());
    assert_eq!(letters.replay(&DeadLetterSelector { labels, ..all() }, "ann"), 2);
    sleep(10 * SECOND).await;
    assert_eq!(scripted.times("a").len() + scripted.times("b").len() + scripted.times("c").len(), 5);

    let start = world.elapsed_ms();
    assert_eq!(letters.replay(&all(), "ann"), 5);
    sleep(20 * SECOND).await;
    let mut times: Vec<u128> =
        scripted.calls.lock().iter().map(|call| call.at_ms).filter(|at| *at >= start).collect();
    times.sort_unstable();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(times.len() == 5 && gaps.iter().all(|gap| (495..=505).contains(gap)), "{gaps:?}");

    let some =
        DeadLetterSelector { reason: Some("BadValue".into()), namespace: Some("default".into()), ..all() };
    assert_eq!(letters.discard(&some, "bob"), 5);
    assert_eq!((letters.list(&all()).len(), letters.discard(&all(), "bob")), (0, 0));
    sleep(100 * SECOND).await;
    assert_eq!((scripted.calls.lock().len(), ledger.all().len()), (13, 0), "dropped is not tried");
    let query = HistoryQuery { controller: Some("configmap".into()), key: Some(key("d")), limit: 100 };
    let lines = letters.history(&query).await.unwrap();
    let lines: Vec<_> = lines.iter().rev().map(|line| (line.event, &*line.by)).collect();
    assert_audit(&lines);
    let count = |what: &str| {
        world.count(&format!("pilothouse_dead_letters_{what}_total{{controller=\"configmap\"}}"))
    };
    assert_eq!((count("replayed"), count("dropped")), (8, 5));
    run.stop().await.unwrap();
}

fn assert_audit(lines: &[(HistoryEvent, &str)]) {
    let parked = (HistoryEvent::Parked, "controller");
    let replayed = (HistoryEvent::Replayed, "ann");
    let expected = [parked, replayed, parked, replayed, parked, (HistoryEvent::Dropped, "bob")];
    assert_eq!(lines, expected, "who did what");
}

#[tokio::test(start_paused = true)]
async fn d6_a_replay_that_waits_for_its_turn_survives_a_kill() {
    let (world, ledger) = (World::new(), Kept::default());
    for name in ["a", "b"] {
        world.create(name, "bad").await;
    }
    let builder = || Controller::of().dead_letters(DeadLetterOptions::default().replays_per_second(0.1));
    let first = scripted(&world);
    let (run, letters) = start(&world, &ledger, builder(), &first);
    sleep(SECOND).await;
    assert_eq!(letters.replay(&all(), "ann"), 2);
    sleep(SECOND).await;
    kill(run).await;
    assert_eq!(first.calls.lock().len(), 3, "one of two has had its turn");
    let second = scripted(&world);
    let (run, letters) = start(&world, &ledger, builder(), &second);
    sleep(60 * SECOND).await;
    assert_eq!((second.names().len(), letters.list(&all()).len()), (1, 2), "the other one has it now");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d6_what_is_asked_beside_the_process_is_done_once_by_a_running_controller_or_at_its_next_start() {
    let (world, ledger) = (World::new(), Kept::default());
    for name in ["a", "b", "c"] {
        world.create(name, "bad").await;
    }
    let first = scripted(&world);
    let (run, _) = start(&world, &ledger, Controller::of(), &first);
    sleep(SECOND).await;
    let ask = |name: &str, verb: Verb| {
        let record = ledger.all().into_iter().find(|record| record.identity.key == key(name)).unwrap();
        let (by, at) = ("ann".to_owned(), world.environment.now());
        LedgerChange::Ask(LedgerCommand { id: name.into(), identity: record.identity, verb, by, at })
    };
    ledger.write(&[ask("a", Verb::Replay)]).await.unwrap();
    sleep(60 * SECOND).await;
    assert_eq!(first.times("a").len(), 2, "once");
    run.stop().await.unwrap();
    ledger.write(&[ask("b", Verb::Replay), ask("c", Verb::Drop)]).await.unwrap();
    let second = scripted(&world);
    let (run, letters) = start(&world, &ledger, Controller::of(), &second);
    sleep(60 * SECOND).await;
    assert_eq!(second.names(), ["b"]);
    assert_eq!(names(&letters, &all()), ["a", "b"]);
    assert_eq!(ledger.commands("configmap").await.unwrap(), []);
    run.stop().await.unwrap();
}

async fn readyz(world: &World, mood: Mood) -> (usize, String) {
    let ledger = Kept::default();
    ledger.set(mood);
    for number in 0..20 {
        world.create(&format!("flaky-{number}"), "flaky").await;
        world.create(&format!("bad-{number}"), "bad").await;
    }
    let scripted = scripted(world);
    let retry = Retry::exponential().at_most(SECOND);
    let mut manager = world.manager().ledger(ledger.clone());
    let letters = manager.dead_letters();
    let (say, said) = tokio::sync::oneshot::channel();
    let probe = pilothouse::manager::Task::new("probe", |context: pilothouse::RunContext| async move {
        sleep(60 * SECOND).await;
        let _ = say.send((context.readiness.is_ready(), context.readiness.trouble()));
        context.shutdown.requested().await;
        Ok::<_, pilothouse::BoxError>(())
    });
    let run =
        world.run(manager.add(probe).controller(Controller::of().retry(retry).workers(4), scripted.clone()));
    sleep(61 * SECOND).await;
    let (is_ready, trouble) = said.await.unwrap();
    assert!(is_ready, "a ledger does not make the process unready");
    let trouble: Vec<_> = trouble.iter().map(|(part, why)| format!("{part}: {why}")).collect();
    assert_eq!(letters.list(&all()).len(), 20, "what is given up is listed all the same");
    let attempts = scripted.calls.lock().len();
    ledger.set(Mood::Fine);
    sleep(60 * SECOND).await;
    assert_eq!(ledger.all().len(), 40, "written anew when it answers again");
    assert_eq!(world.count("pilothouse_ledger_pending{controller=\"configmap\"}"), 0);
    run.stop().await.unwrap();
    (attempts, trouble.concat())
}

#[tokio::test(start_paused = true)]
async fn d7_a_full_ledger_stops_nothing_and_metrics_and_readiness_say_so() {
    let world = World::new();
    let (attempts, trouble) = readyz(&world, Mood::Full).await;
    assert!(attempts > 20 * 60, "{attempts}: each flaky object once a second");
    assert!(trouble.starts_with("ledger of configmap: cannot be written to (DiskFull)"), "{trouble}");
    let failures = "pilothouse_ledger_failures_total{controller=\"configmap\",reason=\"DiskFull\"}";
    assert!(world.count(failures) > 3);
}

#[tokio::test(start_paused = true)]
async fn d7_a_ledger_that_never_answers_stops_nothing_either() {
    let world = World::new();
    let (attempts, trouble) = readyz(&world, Mood::Hung).await;
    assert!(attempts > 20 * 45, "{attempts}: the start waits ten seconds for it");
    assert!(trouble.contains("LedgerTimeout"), "{trouble}");
}

#[tokio::test(start_paused = true)]
async fn d7_objects_wait_a_second_at_most_for_a_slow_ledger() {
    let (world, ledger) = (World::new(), Kept::default());
    world.create("a", "flaky").await;
    let scripted = scripted(&world);
    let (run, _) = start(&world, &ledger, Controller::of(), &scripted);
    ledger.set(Mood::Slow(5 * SECOND));
    sleep(7 * SECOND).await;
    let lag = world.metric("pilothouse_ledger_lag_seconds{controller=\"configmap\"}");
    assert!((1.0..3.0).contains(&lag), "{lag}");
    sleep(60 * SECOND).await;
    let times = scripted.times("a");
    let early: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).take(6).collect();
    assert!(early.iter().all(|gap| *gap <= 1005), "{early:?}");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d7_the_list_is_bounded_and_what_does_not_fit_is_tried_again_late() {
    let (world, ledger) = (World::new(), Kept::default());
    for number in 0..10 {
        world.create(&format!("bad-{number}"), "bad").await;
    }
    let scripted = scripted(&world);
    let builder = Controller::of().dead_letters(DeadLetterOptions::default().at_most(4));
    let (run, letters) = start(&world, &ledger, builder, &scripted);
    sleep(SECOND).await;
    assert_eq!((letters.list(&all()).len(), scripted.names().len(), ledger.all().len()), (4, 10, 8));
    sleep(1000 * SECOND).await;
    assert_eq!(scripted.names().len(), 16, "the six others once more");
    assert_eq!(world.count("pilothouse_dead_letters_refused_total{controller=\"configmap\"}"), 12);
    assert!(world.count("pilothouse_ledger_untracked_failures_total{controller=\"configmap\"}") > 0);
    run.stop().await.unwrap();
}
