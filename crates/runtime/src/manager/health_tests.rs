//! When a process is to be restarted, and when it is not: false alarms first.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::client::Body;
use parking_lot::Mutex;
use pilothouse_apiserver::ApiServer;
use pilothouse_machinery::Environment;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::health::Health;
use super::*;
use crate::cache::{LosslessOptions, SubscriptionOptions};
use crate::leader::Election;
use crate::ledger::{
    HistoryLine, HistoryQuery, Ledger, LedgerChange, LedgerCommand, LedgerError, LedgerRecord, MemoryLedger,
};
use crate::testing::{Script, list, stream};
use crate::{Action, Client, ClientOptions, Context, Controller, Error, Metrics, ReconcileError, Reconciler};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// How the network behaves.
#[derive(Clone, Copy, Default, PartialEq)]
enum Network {
    #[default]
    Up,
    /// Connections are refused.
    Refusing,
    /// Nothing comes back.
    Silent,
}

/// A cluster, and the way to it.
#[derive(Clone)]
struct World {
    server: ApiServer,
    environment: Environment,
    network: Arc<Mutex<Network>>,
}

impl World {
    fn new() -> Self {
        let environment = Environment::simulated(5, Timestamp::UNIX_EPOCH);
        let server = ApiServer::builder().environment(environment.clone()).build();
        Self { server, environment, network: Arc::default() }
    }

    fn client(&self) -> Client {
        let world = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let mut world = world.clone();
            async move {
                let network = *world.network.lock();
                match network {
                    Network::Up => {}
                    Network::Refusing => return Err(BoxError::from("connection refused")),
                    Network::Silent => return world.silence().await,
                }
                let response = tower::Service::call(&mut world.server, request).await?;
                Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
            }
        });
        let inner = kube::Client::new(service, "default");
        Client::new(inner, ClientOptions::default(), &self.environment, &Metrics::new())
    }

    async fn silence(&self) -> Result<Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError> {
        std::future::pending().await
    }

    fn manager(&self) -> Manager {
        Manager::new("test").client(self.client()).environment(self.environment.clone())
    }

    fn be(&self, network: Network) {
        *self.network.lock() = network;
    }

    async fn create(&self, name: &str) {
        let mut map = ConfigMap::default();
        map.metadata.name = Some(name.to_owned());
        self.client().create(&map).await.unwrap();
    }
}

/// The health of a manager that runs, for code beside it.
#[derive(Clone, Default)]
struct Probe(Arc<Mutex<Option<Health>>>);

impl Probe {
    /// What hands the health out.
    fn task(&self) -> Task {
        let probe = self.clone();
        let run = |context: RunContext| async move {
            *probe.0.lock() = Some(Health {
                readiness: context.readiness.clone(),
                liveness: context.liveness.clone(),
                informers: context.informers.clone(),
                leadership: context.leadership.clone(),
                reach: Arc::clone(context.client.reach()),
            });
            context.shutdown.requested().await;
            Ok::<_, BoxError>(())
        };
        Task::new("probe", run).in_group(Group::Support)
    }

    fn live(&self) -> (StatusCode, String) {
        self.0.lock().as_ref().expect("the manager runs").live(false)
    }

    fn ready(&self) -> (StatusCode, String) {
        self.0.lock().as_ref().expect("the manager runs").ready()
    }

    fn is_live(&self) -> bool {
        self.live().0 == StatusCode::OK
    }

    fn is_ready(&self) -> bool {
        self.ready().0 == StatusCode::OK
    }

    /// Looks each ten seconds; whether the process was live every time.
    async fn stays_live(&self, how_long: Duration) -> bool {
        for _ in 0..how_long.as_secs() / 10 {
            sleep(10 * SECOND).await;
            if !self.is_live() {
                return false;
            }
        }
        true
    }
}

/// Runs `manager` beside `story`, and ends it after that.
fn beside<'a, T: 'a>(
    manager: Manager,
    story: impl Future<Output = T> + 'a,
) -> LocalBoxFuture<'a, (Result<(), Error>, T)> {
    let (stop, stopped) = oneshot::channel::<()>();
    let story = async {
        sleep(SECOND).await;
        let outcome = story.await;
        drop(stop);
        outcome
    };
    async { tokio::join!(manager.run_until(stopped.map(drop)), story) }.boxed_local()
}

/// Moves the paused clock on while the thread is held up.
fn block_for(duration: Duration) {
    let mut advance = pin!(tokio::time::advance(duration));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(
        matches!(advance.as_mut().poll(&mut context), Poll::Pending),
        "the clock moves at the first poll"
    );
}

/// Does what a closure says, once per reconcile.
struct Does<F>(F);

impl<F: Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static> Reconciler for Does<F> {
    type Object = ConfigMap;

    async fn reconcile(&self, _: Arc<ConfigMap>, _: &Context<ConfigMap>) -> Result<Action, ReconcileError> {
        (self.0)().await;
        Ok(Action::done())
    }
}

fn idle() -> Does<impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static> {
    Does(|| std::future::ready(()).boxed())
}

fn controller() -> crate::ControllerBuilder<ConfigMap> {
    Controller::of::<ConfigMap>().named("maps")
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_never_changes_is_no_reason_to_restart() {
    let (world, probe) = (World::new(), Probe::default());
    let manager = world.manager().controller(controller(), idle()).add(probe.task());
    let (ended, is_live) = beside(manager, async {
        let is_live = probe.stays_live(180 * MINUTE).await;
        assert!(probe.is_ready(), "{:?}", probe.ready());
        is_live
    })
    .await;
    ended.unwrap();
    assert!(is_live, "{:?}", probe.live());
}

#[tokio::test(start_paused = true)]
async fn r22_a_server_without_bookmarks_is_silent_for_as_long_as_a_watch_lasts_and_that_is_no_alarm() {
    let streams: Vec<_> = (0..30).map(|_| stream()).collect();
    let (feeds, watches): (Vec<_>, Vec<_>) = streams.into_iter().unzip();
    let script = Script::of(std::iter::once(list(7, "", &[])).chain(watches));
    let probe = Probe::default();
    let manager = Manager::new("test").client(script.client()).environment(Script::environment());
    let manager = manager.controller(controller(), idle()).add(probe.task());
    let (ended, is_live) = beside(manager, probe.stays_live(180 * MINUTE)).await;
    ended.unwrap();
    assert!(is_live, "{:?}", probe.live());
    assert!((10..30).contains(&script.trace().matches('W').count()), "{}", script.trace());
    drop(feeds);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_makes_the_process_unready_and_never_unlive() {
    for outage in [Network::Refusing, Network::Silent] {
        let (world, probe) = (World::new(), Probe::default());
        let manager = world.manager().controller(controller(), idle()).add(probe.task());
        let (ended, ()) = beside(manager, async {
            assert!(probe.is_live() && probe.is_ready());
            world.be(outage);
            assert!(probe.stays_live(15 * MINUTE).await, "{:?}", probe.live());
            let (status, body) = probe.ready();
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(body.contains("[-] API server not ready: no answer for"), "{body}");
            assert!(probe.stays_live(120 * MINUTE).await, "{:?}", probe.live());
            assert!(!probe.is_ready());
            world.be(Network::Up);
            assert!(probe.stays_live(2 * MINUTE).await);
            assert!(probe.is_ready(), "{:?}", probe.ready());
        })
        .await;
        ended.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_beside_others_that_are_answered_is_no_outage() {
    let (world, probe) = (World::new(), Probe::default());
    let client = world.client();
    let manager = Manager::new("test").client(client.clone()).environment(world.environment.clone());
    let (ended, ()) = beside(manager.add(probe.task()), async {
        world.be(Network::Silent);
        let mut lost = Box::pin(client.get_json("/lost").fuse());
        // Past the limiter and the queue of the connection.
        for _ in 0..5 {
            assert!((&mut lost).now_or_never().is_none());
            sleep(Duration::from_millis(1)).await;
        }
        world.be(Network::Up);
        for _ in 0..70 {
            sleep(SECOND).await;
            let _ = client.get_json("/there").await;
            let _ = (&mut lost).now_or_never();
            assert!(probe.is_ready(), "{:?}", probe.ready());
        }
    })
    .await;
    ended.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_hangs_in_a_filter_is_named() {
    let (world, probe) = (World::new(), Probe::default());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let manager = world.manager().add(probe.task());
    let (ended, ()) = beside(manager, async {
        let informers = probe.0.lock().as_ref().unwrap().informers.clone();
        let informer = informers.informer_of::<ConfigMap>();
        let (in_filter, log) = (probe.clone(), Arc::clone(&seen));
        let slow = move |object: &crate::CachedObject| {
            if object.key().name.as_ref() == "a" {
                block_for(359 * SECOND);
                log.lock().push(in_filter.live());
                block_for(2 * SECOND);
                log.lock().push(in_filter.live());
            }
            true
        };
        let subscription = informer.subscribe_with(SubscriptionOptions::default().filter(slow));
        sleep(SECOND).await;
        world.create("a").await;
        sleep(SECOND).await;
        drop(subscription);
    })
    .await;
    ended.unwrap();
    let seen = seen.lock();
    assert_eq!(seen[0], (StatusCode::OK, "ok\n".into()));
    assert_eq!(seen[1].0, StatusCode::INTERNAL_SERVER_ERROR);
    let body = &seen[1].1;
    assert!(body.contains("[-] informer of configmaps/v1: stuck") && body.ends_with("not live\n"), "{body}");
    assert!(probe.is_live(), "it went on");
}

#[tokio::test(start_paused = true)]
async fn an_informer_that_waits_for_a_full_subscriber_is_alive() {
    let (world, probe) = (World::new(), Probe::default());
    let manager = world.manager().add(probe.task());
    let (ended, ()) = beside(manager, async {
        let informers = probe.0.lock().as_ref().unwrap().informers.clone();
        let informer = informers.informer_of::<ConfigMap>();
        let full = informer.subscribe_lossless(LosslessOptions::default().limit(1));
        sleep(SECOND).await;
        for name in ["a", "b", "c"] {
            world.create(name).await;
            sleep(SECOND).await;
        }
        let lister = crate::Lister::<ConfigMap>::new(informer);
        assert!(lister.list().unwrap().len() < 3, "it waits");
        assert!(probe.stays_live(60 * MINUTE).await, "{:?}", probe.live());
        drop(full);
        sleep(SECOND).await;
        assert_eq!(lister.list().unwrap().len(), 3);
    })
    .await;
    ended.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_blocks_beyond_its_timeout_is_named_and_a_timeout_is_no_alarm() {
    let (world, probe) = (World::new(), Probe::default());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, inside) = (Arc::clone(&seen), probe.clone());
    let block = Does(move || {
        let (log, inside) = (Arc::clone(&log), inside.clone());
        async move {
            if log.lock().is_empty() {
                block_for(179 * SECOND);
                let early = inside.live();
                block_for(2 * SECOND);
                let late = inside.live();
                *log.lock() = vec![early, late];
            }
            // From the second time on it hangs, and is cut off.
            std::future::pending::<()>().await;
        }
        .boxed()
    });
    let manager = world.manager().controller(controller().timeout(2 * MINUTE), block).add(probe.task());
    world.create("a").await;
    let (ended, ()) = beside(manager, async {
        assert!(probe.stays_live(30 * MINUTE).await, "{:?}", probe.live());
    })
    .await;
    ended.unwrap();
    let seen = seen.lock();
    assert_eq!(seen[0].0, StatusCode::OK, "{:?}", seen[0]);
    assert_eq!(seen[1].0, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(seen[1].1.contains("[-] workers of maps: workers are stuck: 1 did not end"), "{}", seen[1].1);
}

#[tokio::test(start_paused = true)]
async fn tasks_of_the_manager_that_died_are_named() {
    let (world, probe) = (World::new(), Probe::default());
    let manager = world
        .manager()
        .ledger(Panicking(MemoryLedger::new()))
        .controller(controller(), Fails)
        .add(probe.task());
    world.create("a").await;
    let (ended, (status, body)) = beside(manager, async {
        sleep(MINUTE).await;
        probe.live()
    })
    .await;
    ended.unwrap();
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.contains("[-] ledger keeper of maps: its task has ended"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn e9_a_standby_is_live_and_ready_for_as_long_as_it_stands_by() {
    let (world, leads, stands_by) = (World::new(), Probe::default(), Probe::default());
    let election = |identity: &str| Election::new("test").identity(identity);
    let one = world.manager().election(election("one")).controller(controller(), idle()).add(leads.task());
    let two =
        world.manager().election(election("two")).controller(controller(), idle()).add(stands_by.task());
    let (ended, _) = beside(one, async {
        beside(two, async {
            assert!(stands_by.stays_live(60 * MINUTE).await, "{:?}", stands_by.live());
            assert!(stands_by.is_ready() && leads.is_live() && leads.is_ready());
            let leader = |probe: &Probe| probe.0.lock().as_ref().unwrap().leadership.is_leader();
            assert!(leader(&leads) && !leader(&stands_by));
        })
        .await
    })
    .await;
    ended.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_stops_is_not_restarted_however_long_its_work_takes_to_end() {
    let (world, probe) = (World::new(), Probe::default());
    let (inside, seen) = (probe.clone(), Arc::new(Mutex::new(Vec::new())));
    let log = Arc::clone(&seen);
    let slow = Task::new("slow", move |context: RunContext| async move {
        let _check = context.liveness.check("slow", || Err("always".to_owned()));
        assert!(!inside.is_live());
        context.shutdown.requested().await;
        for _ in 0..10 {
            sleep(2 * SECOND).await;
            log.lock().push((inside.is_live(), inside.is_ready()));
        }
        Ok::<_, BoxError>(())
    });
    let manager = world.manager().election(Election::new("test")).add(probe.task()).add(slow);
    beside(manager, sleep(MINUTE)).await.0.unwrap();
    assert_eq!(*seen.lock(), [(true, false); 10]);
}

#[tokio::test(start_paused = true)]
async fn verbose_names_what_was_looked_at() {
    let (world, probe) = (World::new(), Probe::default());
    let manager = world.manager().controller(controller(), idle()).add(probe.task());
    let (ended, body) = beside(manager, async { probe.0.lock().as_ref().unwrap().live(true).1 }).await;
    ended.unwrap();
    let expected = "[+] leader election ok\n[+] informer of configmaps/v1 ok\n[+] event recorder of maps ok\n\
                    [+] ledger keeper of maps ok\n[+] workers of maps ok\nok\n";
    assert_eq!(body, expected);
}

/// Fails each time.
struct Fails;

impl Reconciler for Fails {
    type Object = ConfigMap;

    async fn reconcile(&self, _: Arc<ConfigMap>, _: &Context<ConfigMap>) -> Result<Action, ReconcileError> {
        Err(ReconcileError::terminal("Bad", "it is bad"))
    }
}

/// A ledger with a fault.
#[derive(Debug)]
struct Panicking(MemoryLedger);

impl Ledger for Panicking {
    fn records<'a>(
        &'a self,
        controller: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<LedgerRecord>, LedgerError>> {
        self.0.records(controller)
    }

    fn write<'a>(&'a self, _: &'a [LedgerChange]) -> BoxFuture<'a, Result<(), LedgerError>> {
        panic!("a fault in the ledger")
    }

    fn history<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryLine>, LedgerError>> {
        self.0.history(query)
    }

    fn commands<'a>(&'a self, controller: &'a str) -> BoxFuture<'a, Result<Vec<LedgerCommand>, LedgerError>> {
        self.0.commands(controller)
    }
}
