//! What is given up: parked, listed, replayed, dropped, taken back.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret};
use pilothouse::ledger::{HistoryEvent, HistoryQuery, LedgerRecord, Standing};
use pilothouse::{
    Action, Context, Controller, ControllerBuilder, DeadLetterOptions, DeadLetterSelector, DeadLetters,
    Patch, ReconcileError, Reconciler, Retry, ReturnOn,
};
use serde_json::json;
use tokio::time::sleep;

use crate::world::{Run, Scripted, World, key, value};

const SECOND: Duration = Duration::from_secs(1);

type Outcome = BoxFuture<'static, Result<Action, ReconcileError>>;

fn ready(outcome: Result<Action, ReconcileError>) -> Outcome {
    Box::pin(std::future::ready(outcome))
}

fn retryable() -> Outcome {
    ready(Err(ReconcileError::retryable(std::io::Error::other("not yet"))))
}

fn terminal() -> Outcome {
    ready(Err(ReconcileError::terminal("BadValue", "the value is bad, password=hunter2")))
}

/// What the value of an object asks for.
fn by_value(map: &ConfigMap) -> Outcome {
    match value(map) {
        "bad" => terminal(),
        "flaky" => retryable(),
        _ => ready(Ok(Action::done())),
    }
}

fn scripted(world: &World) -> Scripted {
    Scripted::new(world, |map, _, _| by_value(map))
}

fn builder() -> ControllerBuilder<ConfigMap> {
    Controller::of().retry(Retry::exponential().give_up_after(4))
}

fn start(world: &World, builder: ControllerBuilder<ConfigMap>, scripted: &Scripted) -> (Run, DeadLetters) {
    let mut manager = world.manager();
    let letters = manager.dead_letters();
    (world.run(manager.controller(builder, scripted.clone())), letters)
}

fn all(letters: &DeadLetters) -> Vec<LedgerRecord> {
    letters.list(&DeadLetterSelector::all()).iter().map(|record| LedgerRecord::clone(record)).collect()
}

fn names(letters: &DeadLetters) -> Vec<String> {
    all(letters).iter().map(|record| record.identity.key.name.to_string()).collect()
}

async fn history(letters: &DeadLetters, name: &str) -> Vec<(HistoryEvent, String)> {
    let query = HistoryQuery { controller: None, key: Some(key(name)), limit: 100 };
    let lines = letters.history(&query).await.expect("a ledger in memory");
    lines.into_iter().rev().map(|line| (line.event, line.by)).collect()
}

#[tokio::test(start_paused = true)]
async fn d2_a_terminal_error_parks_with_reason_chain_attempts_times_and_identity() {
    let world = World::new();
    let created = world.create("a", "bad").await;
    let scripted = scripted(&world);
    sleep(SECOND).await;
    let (run, letters) = start(&world, builder(), &scripted);
    sleep(10_000 * SECOND).await;
    assert_eq!(scripted.times("a").len(), 1, "no retry");
    let records = all(&letters);
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(*record.identity.uid, created.metadata.uid.unwrap());
    assert_eq!((&*record.identity.controller, &record.identity.key), ("configmap", &key("a")));
    assert_eq!(&*record.resource, "configmaps/v1");
    assert_eq!((&*record.reason, record.attempts), ("BadValue", 1));
    assert_eq!(
        record.causes,
        ["cannot reconcile: BadValue", "the value is bad, password=[redacted]"],
        "Z3: nothing secret"
    );
    assert_eq!(record.first_failure, record.last_failure);
    assert_eq!(record.standing, Standing::Parked { since: record.last_failure });
    assert_eq!(record.last_failure.as_second(), 1);
    assert_eq!(history(&letters, "a").await, [(HistoryEvent::Parked, "controller".to_owned())]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d3_after_n_failures_in_a_row_it_is_parked_once_counted_once_and_an_event_tells_of_it() {
    let world = World::new();
    let created = world.create("a", "flaky").await;
    let scripted = scripted(&world);
    let (run, letters) = start(&world, builder(), &scripted);
    sleep(100 * SECOND).await;
    assert_eq!(scripted.times("a").len(), 4);
    let records = all(&letters);
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&*record.reason, record.attempts), ("ReconcileFailed", 4));
    assert_eq!(record.causes, ["cannot reconcile: ReconcileFailed", "not yet"]);
    let between = record.last_failure.duration_since(record.first_failure).as_millis();
    assert!((35..=41).contains(&between), "5 + 10 + 20 ms: {between}");
    let labels = "{controller=\"configmap\",reason=\"ReconcileFailed\"}";
    assert_eq!(world.count(&format!("pilothouse_dead_letters_parked_total{labels}")), 1);
    assert_eq!(world.count(&format!("pilothouse_dead_letters{labels}")), 1);
    let events = world.client.list::<Event>(Some("default"), &Default::default()).await.unwrap();
    let about: Vec<_> = events.iter().filter(|event| event.reason.as_deref() == Some("GivenUp")).collect();
    let [event] = about[..] else { panic!("{events:?}") };
    assert_eq!(event.involved_object.uid, created.metadata.uid);
    assert_eq!((event.type_.as_deref(), event.count), (Some("Warning"), Some(1)));
    let message = event.message.as_deref().unwrap();
    assert!(message.contains("4 attempts") && message.contains("not yet"), "{message}");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d3_a_success_in_between_starts_the_count_over() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, count, _| match count {
        3 => ready(Ok(Action::again_in(SECOND))),
        0..7 => retryable(),
        _ => ready(Ok(Action::done())),
    });
    let (run, letters) = start(&world, builder(), &scripted);
    sleep(100 * SECOND).await;
    assert_eq!((scripted.times("a").len(), names(&letters).len()), (8, 0), "never four in a row");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d3_panics_and_timeouts_and_conflicts_are_failures_of_their_class() {
    let world = World::new();
    for (name, how) in [("a", "panic"), ("b", "hang"), ("c", "conflict")] {
        world.create(name, how).await;
    }
    let scripted = Scripted::new(&world, |map, _, context| match value(map) {
        "panic" => panic!("boo"),
        "hang" => Box::pin(std::future::pending()),
        _ => Box::pin(async move {
            let mut stale = map.clone();
            stale.metadata.resource_version = Some("1".into());
            context.client().update(&stale).await?;
            Ok(Action::done())
        }),
    });
    let (run, letters) = start(&world, builder().timeout(SECOND).workers(3), &scripted);
    sleep(100 * SECOND).await;
    let found: Vec<_> = all(&letters)
        .into_iter()
        .map(|record| (record.identity.key.name.to_string(), record.reason, record.attempts))
        .collect();
    let expected = [("a", "ReconcilerPanicked"), ("b", "ReconcileTimeout"), ("c", "Conflict")];
    assert_eq!(found, expected.map(|(name, reason)| (name.to_owned(), reason.to_owned(), 4)));
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d4_a_change_of_the_object_takes_it_off_the_list_and_reconciles_it() {
    let world = World::new();
    world.create("a", "bad").await;
    let scripted = scripted(&world);
    let (run, letters) = start(&world, builder(), &scripted);
    sleep(SECOND).await;
    assert_eq!(names(&letters), ["a"]);
    world.set("a", "good").await;
    sleep(SECOND).await;
    assert_eq!(names(&letters), Vec::<String>::new());
    assert_eq!(scripted.values("a"), [Some("bad".into()), Some("good".into())]);
    world.set("a", "flaky").await;
    sleep(SECOND).await;
    assert_eq!(scripted.values("a").len(), 6, "four attempts anew");
    let events: Vec<_> = history(&letters, "a").await.into_iter().map(|line| line.0).collect();
    let expected = [HistoryEvent::Parked, HistoryEvent::Left, HistoryEvent::Parked];
    assert_eq!(events, expected, "the history is kept");
    assert_eq!(world.count("pilothouse_dead_letters_returned_total{controller=\"configmap\"}"), 1);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d4_where_only_a_replay_brings_it_back_a_change_does_not_but_its_deletion_does() {
    let world = World::new();
    world.create("a", "bad").await;
    let scripted = scripted(&world);
    let options = DeadLetterOptions::default().return_on(ReturnOn::Replay);
    let (run, letters) = start(&world, builder().dead_letters(options), &scripted);
    sleep(SECOND).await;
    world.set("a", "good").await;
    sleep(SECOND).await;
    assert_eq!((names(&letters).len(), scripted.values("a").len()), (1, 1));
    world.client.delete::<ConfigMap>(&key("a"), &Default::default()).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(names(&letters), Vec::<String>::new());
    assert_eq!(scripted.values("a"), [Some("bad".into()), None], "deleted is told of");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d4_a_change_of_what_is_watched_or_a_key_of_a_stream_brings_it_back_unless_only_its_own_changes_do() {
    for (return_on, expected) in [(ReturnOn::AnyChange, 3), (ReturnOn::OwnChange, 1)] {
        let world = World::new();
        world.create("a", "bad").await;
        let scripted = scripted(&world);
        let (mut sender, keys) = futures::channel::mpsc::channel(1);
        let builder = builder()
            .watches::<Secret>(|_| vec![key("a")])
            .triggered_by(keys)
            .dead_letters(DeadLetterOptions::default().return_on(return_on));
        let (run, letters) = start(&world, builder, &scripted);
        sleep(SECOND).await;
        let mut secret = Secret::default();
        secret.metadata.name = Some("s".into());
        secret.metadata.namespace = Some("default".into());
        world.client.create(&secret).await.unwrap();
        sleep(SECOND).await;
        sender.try_send(key("a")).unwrap();
        sleep(SECOND).await;
        assert_eq!(
            (scripted.times("a").len(), names(&letters)),
            (expected, vec!["a".to_owned()]),
            "{return_on:?}"
        );
        run.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn d4_a_status_that_the_controller_writes_itself_does_not_bring_it_back() {
    let world = World::new();
    let mut job = Job::default();
    job.metadata.name = Some("a".into());
    job.metadata.namespace = Some("default".into());
    let container = json!({"containers": [{"name": "main", "image": "busybox"}], "restartPolicy": "Never"});
    job.spec = serde_json::from_value(json!({"template": {"spec": container}})).unwrap();
    world.client.create(&job).await.unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let run = world.run(world.manager().controller(Controller::of(), Complains(Arc::clone(&calls))));
    sleep(100 * SECOND).await;
    assert_eq!(calls.load(Ordering::Relaxed), 1, "its own complaint is no change");
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"again": "please"}}}));
    world.client.patch::<Job>(&key("a"), &patch).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(calls.load(Ordering::Relaxed), 2, "an annotation is one");
    run.stop().await.unwrap();
}

/// Writes another status each time, and fails for good.
struct Complains(Arc<AtomicUsize>);

impl Reconciler for Complains {
    type Object = Job;

    async fn reconcile(&self, job: Arc<Job>, context: &Context<Job>) -> Result<Action, ReconcileError> {
        let calls = self.0.fetch_add(1, Ordering::Relaxed);
        let failed = i32::try_from(calls).ok().map(|calls| calls + 1);
        context.update_status(&job, |status| status.failed = failed).await?;
        Err(ReconcileError::terminal("Broken", "nothing can be done"))
    }
}

#[tokio::test(start_paused = true)]
async fn d4_a_change_that_comes_during_the_last_attempt_is_not_lost() {
    let world = World::new();
    world.create("a", "slow").await;
    let scripted = Scripted::new(&world, |map, _, _| {
        let is_slow = value(map) == "slow";
        Box::pin(async move {
            if is_slow {
                sleep(10 * SECOND).await;
                return Err(ReconcileError::terminal("Slow", "too slow"));
            }
            Ok(Action::done())
        })
    });
    let (run, letters) = start(&world, builder(), &scripted);
    sleep(5 * SECOND).await;
    world.set("a", "fast").await;
    sleep(10 * SECOND).await;
    assert_eq!(scripted.values("a"), [Some("slow".into()), Some("fast".into())]);
    assert_eq!(names(&letters), Vec::<String>::new());
    run.stop().await.unwrap();
}
