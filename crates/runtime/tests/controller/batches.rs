//! Several objects in one reconcile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::ConfigMap;
use parking_lot::Mutex;
use pilothouse::{
    Action, BatchItem, BatchReconciler, BatchResults, Batches, Context, Controller, ObjectKey, Patch,
    ReconcileError, Retry,
};
use serde_json::json;
use tokio::time::sleep;

use crate::world::{World, key, value};

const SECOND: Duration = Duration::from_secs(1);

type Answer = Result<BatchResults, ReconcileError>;
type Step = Box<dyn for<'a> Fn(&'a [BatchItem<ConfigMap>], usize) -> BoxFuture<'a, Answer> + Send + Sync>;

/// When a batch began, in milliseconds, and the names in it.
type Batch = (u128, Vec<String>);

/// Notes its batches, and does what a script says for the n-th one (from 0).
#[derive(Clone)]
struct Noted {
    batches: Arc<Mutex<Vec<Batch>>>,
    deleted: Arc<Mutex<Vec<String>>>,
    /// The keys that are being reconciled.
    at_work: Arc<Mutex<BTreeSet<String>>>,
    start: tokio::time::Instant,
    step: Arc<Step>,
}

impl Noted {
    fn new<F>(world: &World, step: F) -> Self
    where
        F: for<'a> Fn(&'a [BatchItem<ConfigMap>], usize) -> BoxFuture<'a, Answer> + Send + Sync + 'static,
    {
        let step: Arc<Step> = Arc::new(Box::new(step));
        let (batches, deleted, at_work) = (Arc::default(), Arc::default(), Arc::default());
        Self { batches, deleted, at_work, start: world.start, step }
    }

    /// All done, a second later.
    fn idle(world: &World) -> Self {
        Self::new(world, |_, _| sleep(SECOND).map(|()| Ok(BatchResults::all_done())).boxed())
    }

    fn sizes(&self) -> Vec<usize> {
        self.batches.lock().iter().map(|(_, names)| names.len()).collect()
    }

    fn times(&self) -> Vec<u128> {
        self.batches.lock().iter().map(|(at, _)| *at).collect()
    }

    /// How many batches this name was in.
    fn count(&self, name: &str) -> usize {
        self.batches.lock().iter().filter(|(_, names)| names.iter().any(|one| one == name)).count()
    }
}

impl BatchReconciler for Noted {
    type Object = ConfigMap;

    async fn reconcile_batch(&self, batch: &[BatchItem<ConfigMap>]) -> Answer {
        let names: Vec<String> = batch.iter().map(|item| item.key().name.to_string()).collect();
        for name in &names {
            assert!(self.at_work.lock().insert(name.clone()), "{name} is at work already");
        }
        let _leave = Leave(names.clone(), Arc::clone(&self.at_work));
        let number = {
            let mut batches = self.batches.lock();
            batches.push((self.start.elapsed().as_millis(), names));
            batches.len() - 1
        };
        (self.step)(batch, number).await
    }

    async fn deleted(&self, key: &ObjectKey, _: &Context<ConfigMap>) -> Result<Action, ReconcileError> {
        self.deleted.lock().push(key.name.to_string());
        Ok(Action::done())
    }
}

/// Says that the keys are not at work any more, however that ended.
struct Leave(Vec<String>, Arc<Mutex<BTreeSet<String>>>);

impl Drop for Leave {
    fn drop(&mut self) {
        for name in &self.0 {
            self.1.lock().remove(name);
        }
    }
}

async fn create(world: &World, count: usize) {
    for number in 0..count {
        world.create(&number.to_string(), "").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a6_keys_are_grouped_up_to_the_most_and_the_last_ones_wait_for_more_for_the_time_given() {
    let world = World::new();
    create(&world, 10).await;
    let noted = Noted::idle(&world);
    let controller = Controller::of().batch_reconciler(Batches::of(4).within(SECOND / 2), noted.clone());
    let run = world.run(world.manager().add(controller));
    sleep(10 * SECOND).await;
    assert_eq!(noted.sizes(), [4, 4, 2]);
    let times = noted.times();
    let (pause, wait) = (times[1] - times[0], times[2] - times[1]);
    assert!((1000..1010).contains(&pause), "a full batch starts at once: {times:?}");
    assert!((1500..1510).contains(&wait), "the other one after its time: {times:?}");
    let done = world.count("controller_runtime_reconcile_total{controller=\"configmap\",result=\"success\"}");
    assert_eq!(done, 10, "counted by key");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a6_keys_that_come_one_by_one_join_one_batch_however_many_workers_wait() {
    let world = World::new();
    let noted = Noted::idle(&world);
    let batches = Batches::of(20).within(SECOND);
    let run =
        world.run(world.manager().add(Controller::of().workers(4).batch_reconciler(batches, noted.clone())));
    sleep(SECOND).await;
    for number in 0..8 {
        world.create(&number.to_string(), "").await;
        sleep(SECOND / 10).await;
    }
    sleep(5 * SECOND).await;
    assert_eq!(noted.sizes(), [8]);
    // More than fit: the first batch is full and starts, the rest waits.
    for number in 10..32 {
        world.create(&number.to_string(), "").await;
    }
    sleep(5 * SECOND).await;
    assert_eq!(noted.sizes(), [8, 20, 2]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a6_a_key_that_fails_is_retried_alone_and_one_without_a_result_counts_as_failed() {
    let world = World::new();
    create(&world, 4).await;
    let noted = Noted::new(&world, |batch, number| {
        let results = batch.iter().filter(|item| number > 0 || &*item.key().name != "3").map(|item| {
            let fails = number < 2 && &*item.key().name == "1";
            let failed = || Err(ReconcileError::retryable("not yet"));
            (item.key().clone(), if fails { failed() } else { Ok(Action::done()) })
        });
        let results: BatchResults = results.collect();
        async move { Ok(results) }.boxed()
    });
    let retry = Retry::exponential().starting_at(SECOND);
    let controller = Controller::of().retry(retry).batch_reconciler(Batches::of(10), noted.clone());
    let run = world.run(world.manager().add(controller));
    sleep(60 * SECOND).await;
    let batches: Vec<Vec<String>> = noted.batches.lock().iter().map(|(_, names)| names.clone()).collect();
    assert_eq!(batches, [vec!["0", "1", "2", "3"], vec!["1", "3"], vec!["1"]]);
    let times = noted.times();
    assert!((2000..2100).contains(&(times[2] - times[1])), "its second delay is its own: {times:?}");
    assert_eq!(world.count("controller_runtime_reconcile_errors_total{controller=\"configmap\"}"), 3);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a6_an_error_a_panic_or_a_timeout_of_the_batch_is_a_failure_of_each_of_its_keys() {
    let world = World::new();
    create(&world, 3).await;
    let noted = Noted::new(&world, |_, number| {
        async move {
            match number {
                0 => Err(ReconcileError::retryable_because("Down", "the database is down")),
                1 => panic!("boo"),
                2 => std::future::pending().await,
                _ => Ok(BatchResults::all_done()),
            }
        }
        .boxed()
    });
    let retry = Retry::exponential().starting_at(SECOND).give_up_after(4);
    let controller = Controller::of().retry(retry).timeout(10 * SECOND);
    let run = world.run(world.manager().add(controller.batch_reconciler(Batches::of(3), noted.clone())));
    sleep(60 * SECOND).await;
    assert_eq!(noted.sizes(), [3, 3, 3, 3]);
    let count =
        |name| world.count(&format!("controller_runtime_reconcile_{name}_total{{controller=\"configmap\"}}"));
    assert_eq!((count("errors"), count("panics"), count("timeouts")), (9, 1, 1));
    let done = world.count("controller_runtime_reconcile_total{controller=\"configmap\",result=\"success\"}");
    assert_eq!(done, 3, "after three failures each");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a6_a_key_that_changes_meanwhile_is_in_the_next_batch_and_never_in_two_at_once() {
    let world = World::new();
    create(&world, 6).await;
    let noted = Noted::idle(&world);
    let batches = Batches::of(3).within(SECOND / 10);
    let run =
        world.run(world.manager().add(Controller::of().workers(4).batch_reconciler(batches, noted.clone())));
    for round in 0..40 {
        let name = (world.environment.random_index(6)).to_string();
        world.set(&name, &round.to_string()).await;
        sleep(SECOND / 4).await;
    }
    sleep(5 * SECOND).await;
    assert!(noted.sizes().iter().all(|size| (1..=3).contains(size)));
    assert!(noted.at_work.lock().is_empty() && noted.sizes().len() > 10);
    let before = noted.count("0");
    world.set("0", "last").await;
    sleep(SECOND / 2).await;
    world.set("0", "while it is at work").await;
    sleep(5 * SECOND).await;
    assert_eq!(noted.count("0"), before + 2);
    // An assertion in the reconciler would be a panic of the batch.
    assert_eq!(world.count("controller_runtime_reconcile_panics_total{controller=\"configmap\"}"), 0);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a6_own_writes_are_waited_for_by_key_and_deleted_objects_are_served_alone() {
    let world = World::new();
    create(&world, 3).await;
    *world.watch_delay.lock() = 2 * SECOND;
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let noted = Noted::new(&world, move |batch, number| {
        let notes = Arc::clone(&notes);
        async move {
            let mut results = BatchResults::all_done();
            for item in batch {
                if &*item.key().name != "1" {
                    continue;
                }
                notes.lock().push(value(item.object()).to_owned());
                if number == 0 {
                    let patch = Patch::Merge(json!({"data": {"value": "written"}}));
                    item.context().patch::<ConfigMap>(item.key(), &patch).await?;
                    results.set(item.key().clone(), Ok(Action::again_in(Duration::ZERO)));
                }
            }
            Ok(results)
        }
        .boxed()
    });
    let run =
        world.run(world.manager().add(Controller::of().batch_reconciler(Batches::of(5), noted.clone())));
    sleep(10 * SECOND).await;
    assert_eq!(*seen.lock(), ["", "written"], "not on a cache that does not show the write");
    assert_eq!((noted.count("0"), noted.count("1")), (1, 2));
    let put_aside = world.count("pilothouse_reconcile_put_aside_total{controller=\"configmap\"}");
    assert!(put_aside >= 1);
    world.client.delete::<ConfigMap>(&key("2"), &Default::default()).await.unwrap();
    sleep(10 * SECOND).await;
    assert_eq!((noted.deleted.lock().clone(), noted.count("2")), (vec!["2".to_owned()], 1));
    run.stop().await.unwrap();
}
