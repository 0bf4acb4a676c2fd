//! Managers with an election.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use parking_lot::Mutex;
use pilothouse::leader::Election;
use pilothouse::manager::{Group, ManagerHandle, Task};
use pilothouse::{
    Action, BoxError, Client, Context, Controller, Error, Manager, Object, ObjectExt, ReconcileError,
    Reconciler, RunContext,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::network::{Fate, Network};
use crate::world::{MILLISECOND, SECOND, World, client};

type Log = Arc<Mutex<Vec<String>>>;

/// A process with one controller, which notes what it does.
struct Process {
    network: Network,
    log: Log,
    handle: ManagerHandle,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
}

struct Marking(Log, Arc<str>);

impl Reconciler for Marking {
    type Object = ConfigMap;

    async fn reconcile(&self, map: Arc<ConfigMap>, _: &Context<ConfigMap>) -> Result<Action, ReconcileError> {
        self.0.lock().push(format!("{} reconciles {}", self.1, map.key().name));
        Ok(Action::done())
    }
}

/// Notes its start and its end, which takes `slow`.
fn task(name: &'static str, group: Group, slow: std::time::Duration, log: &Log) -> Task {
    let log = Arc::clone(log);
    Task::new(name, move |context: RunContext| async move {
        log.lock().push(format!("{name} starts"));
        context.shutdown.requested().await;
        sleep(slow).await;
        log.lock().push(format!("{name} ends"));
        Ok::<_, BoxError>(())
    })
    .in_group(group)
}

fn process(world: &World, identity: &str, change: impl FnOnce(Manager, &Log) -> Manager) -> Process {
    let network = Network::new(&world.server);
    let log = Log::default();
    let metrics = pilothouse::Metrics::new();
    let manager = Manager::new("test")
        .client(client(&network, &world.environment, &metrics))
        .environment(world.environment.clone())
        .metrics(metrics)
        .election(Election::new("test").identity(identity))
        .controller(Controller::of::<ConfigMap>(), Marking(Arc::clone(&log), identity.into()));
    let manager = change(manager, &log);
    let (stop, stopped) = oneshot::channel::<()>();
    let handle = manager.handle();
    let running = world.environment.spawn("manager", manager.run_until(async move { drop(stopped.await) }));
    Process { network, log, handle, stop, running }
}

impl Process {
    fn log(&self) -> Vec<String> {
        self.log.lock().clone()
    }

    async fn stop(self) -> Result<(), Error> {
        drop(self.stop);
        self.running.await.unwrap()
    }
}

async fn create(client: &Client, name: &str) {
    let mut map = ConfigMap::default();
    (map.metadata.namespace, map.metadata.name) = (Some("default".into()), Some(name.into()));
    client.create(&map).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn e12_c11_a_standby_with_a_warm_cache_reconciles_within_a_second_of_the_leaders_stop() {
    let world = World::new();
    create(&world.client, "one").await;
    let first = process(&world, "a", |manager, _| manager);
    sleep(5 * SECOND).await;
    let second = process(&world, "b", |manager, _| manager);
    sleep(5 * SECOND).await;
    assert_eq!(first.log(), ["a reconciles one"]);
    assert_eq!(second.log(), [""; 0], "no worker before it leads");
    let lists = |process: &Process| {
        let is_first = |path: &str| path.contains("/configmaps") && path.contains("sendInitialEvents");
        process.network.seen.lock().iter().filter(|seen| is_first(&seen.path)).count()
    };
    assert_eq!(lists(&second), 1, "its cache is filled");
    let start = Instant::now();
    first.stop().await.unwrap();
    while second.log().is_empty() {
        sleep(MILLISECOND).await;
        assert!(start.elapsed() < SECOND);
    }
    assert_eq!(second.log(), ["b reconciles one"]);
    assert_eq!(lists(&second), 1, "sources were started once");
}

#[tokio::test(start_paused = true)]
async fn m5_a_process_that_stops_without_having_led_runs_no_leader_work() {
    let world = World::new();
    create(&world.client, "one").await;
    let first = process(&world, "a", |manager, _| manager);
    sleep(5 * SECOND).await;
    let second = process(&world, "b", |manager, log| {
        let slow = task("support", Group::Support, 5 * SECOND, log);
        manager.add(slow).add(task("leader", Group::Leader, SECOND, log))
    });
    sleep(5 * SECOND).await;
    // The lease becomes free while the second one stops.
    let log = Arc::clone(&second.log);
    let stopping = world.environment.spawn("aside", second.stop());
    sleep(SECOND).await;
    first.stop().await.unwrap();
    stopping.await.unwrap().unwrap();
    assert_eq!(*log.lock(), ["support starts", "support ends"]);
    assert_eq!(world.holder().await, "");
}

#[tokio::test(start_paused = true)]
async fn m6_the_lease_is_given_up_only_after_leader_work_has_ended() {
    let world = World::new();
    let first = process(&world, "a", |manager, log| {
        manager.add(task("leader", Group::Leader, 20 * SECOND, log)).add(task(
            "support",
            Group::Support,
            SECOND,
            log,
        ))
    });
    sleep(5 * SECOND).await;
    let log = Arc::clone(&first.log);
    let stopping = world.environment.spawn("aside", first.stop());
    for _ in 0..200 {
        sleep(100 * MILLISECOND).await;
        let has_ended = log.lock().iter().any(|line| line == "leader ends");
        assert!(has_ended || world.holder().await == "a", "{:?}", log.lock());
    }
    stopping.await.unwrap().unwrap();
    assert_eq!(*log.lock(), ["support starts", "leader starts", "leader ends", "support ends"]);
    assert_eq!(world.holder().await, "");
}

#[tokio::test(start_paused = true)]
async fn m7_losing_the_lease_cuts_leader_work_off_without_grace_and_is_an_error() {
    let world = World::new();
    let first = process(&world, "a", |manager, log| {
        manager.add(task("leader", Group::Leader, 20 * SECOND, log)).add(task(
            "support",
            Group::Support,
            SECOND,
            log,
        ))
    });
    sleep(5 * SECOND).await;
    let start = Instant::now();
    first.network.cut();
    let error = first.running.await.unwrap().unwrap_err();
    assert!(start.elapsed() <= 13 * SECOND, "{:?}", start.elapsed());
    let Error::Several { errors } = &error else { panic!("{error:?}") };
    assert!(matches!(&errors[0], Error::LeadershipLost { identity } if identity == "a"), "{error}");
    assert!(matches!(&errors[1], Error::NotStopped { names, .. } if names.contains(&"leader".to_owned())));
    assert_eq!(*first.log.lock(), ["support starts", "leader starts", "support ends"]);
}

#[tokio::test(start_paused = true)]
async fn m7_losing_the_lease_during_a_stop_cuts_leader_work_off_too() {
    let world = World::new();
    let first = process(&world, "a", |manager, log| {
        let slow = task("leader", Group::Leader, 10_000 * SECOND, log);
        manager.add(slow).grace_period(std::time::Duration::MAX)
    });
    sleep(5 * SECOND).await;
    let network = first.network.clone();
    let stopping = world.environment.spawn("aside", first.stop());
    sleep(SECOND).await;
    network.cut();
    let start = Instant::now();
    assert!(stopping.await.unwrap().is_err());
    assert!(start.elapsed() <= 25 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn m4_what_is_added_to_a_running_manager_starts_and_what_comes_after_the_stop_is_refused() {
    let world = World::new();
    create(&world.client, "one").await;
    let first =
        process(&world, "a", |manager, log| manager.add(task("slow", Group::Leader, 5 * SECOND, log)));
    sleep(5 * SECOND).await;
    let log = Arc::clone(&first.log);
    first.handle.add(task("late", Group::Leader, SECOND, &log)).unwrap();
    let late = Controller::of::<ConfigMap>().named("late-controller");
    first.handle.add(late.reconciler(Marking(Arc::clone(&log), "late".into()))).unwrap();
    sleep(SECOND).await;
    assert_eq!(log.lock()[2..], ["late starts", "late reconciles one"]);
    let handle = first.handle.clone();
    let stopping = world.environment.spawn("aside", first.stop());
    sleep(SECOND).await;
    let refused = handle.add(task("too late", Group::Leader, SECOND, &log)).unwrap_err();
    assert_eq!((&*refused.name, refused.reason()), ("too late", "ManagerStopped"));
    stopping.await.unwrap().unwrap();
    assert!(!log.lock().contains(&"too late starts".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn m4_leader_work_added_to_a_standby_waits_until_it_leads_and_a_name_taken_twice_ends_it() {
    let world = World::new();
    let first = process(&world, "a", |manager, _| manager);
    sleep(5 * SECOND).await;
    let second = process(&world, "b", |manager, _| manager);
    sleep(SECOND).await;
    second.handle.add(task("late", Group::Leader, SECOND, &second.log)).unwrap();
    second.handle.add(task("everywhere", Group::Support, SECOND, &second.log)).unwrap();
    sleep(SECOND).await;
    assert_eq!(second.log(), ["everywhere starts"]);
    first.stop().await.unwrap();
    sleep(SECOND).await;
    assert_eq!(second.log(), ["everywhere starts", "late starts"]);
    second.handle.add(task("late", Group::Leader, SECOND, &second.log)).unwrap();
    let error = second.running.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::DuplicateName { name } if name == "late"));
}

#[tokio::test(start_paused = true)]
async fn m9_a_manager_that_is_stopped_while_its_caches_fill_and_its_election_hangs_returns_promptly() {
    let world = World::new();
    let first = process(&world, "a", |manager, _| manager);
    first.network.rule(|_, _| Fate::Hang);
    sleep(5 * SECOND).await;
    let start = Instant::now();
    first.stop().await.unwrap();
    assert!(start.elapsed() <= 3 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn e11_leader_work_gets_a_fenced_client_and_support_does_not() {
    let world = World::new();
    let first = process(&world, "a", |manager, _| manager);
    sleep(5 * SECOND).await;
    let outcomes = Log::default();
    let second = process(&world, "b", |manager, _| {
        let outcomes = Arc::clone(&outcomes);
        let writing = Task::new("support", move |context: RunContext| async move {
            let mut map = ConfigMap::default();
            (map.metadata.namespace, map.metadata.name) = (Some("default".into()), Some("free".into()));
            context.client.create(&map).await?;
            let fenced = context.client.fenced(&context.leadership);
            map.meta_mut().name = Some("fenced".into());
            let refused = fenced.create(&map).await.unwrap_err();
            outcomes.lock().push(refused.reason().to_owned());
            Ok::<_, BoxError>(())
        });
        manager.add(writing.in_group(Group::Support))
    });
    sleep(5 * SECOND).await;
    assert_eq!(*outcomes.lock(), ["NotLeading"]);
    drop((first, second));
}
