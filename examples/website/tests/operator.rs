//! The operator against an API server in the same process, in paused time.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Event;
use kube::CustomResourceExt;
use pilothouse::{
    Client, ClientOptions, DeleteOptions, Environment, ListOptions, Metrics, ObjectExt, ObjectKey, Patch,
};
use pilothouse_apiserver::ApiServer;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use website_operator::{Website, WebsiteSpec, WebsiteStatus, operator};

const GRACE: Duration = Duration::from_secs(10);

struct World {
    server: ApiServer,
    client: Client,
    stop: oneshot::Sender<()>,
    operator: JoinHandle<Result<(), pilothouse::Error>>,
}

impl World {
    /// A server that knows websites, and the operator at work.
    async fn start() -> Self {
        let environment = Environment::simulated(5, Timestamp::UNIX_EPOCH);
        let server = ApiServer::builder().environment(environment.clone()).build();
        let inner = kube::Client::new(server.clone(), "default");
        let client = Client::new(inner, ClientOptions::default(), &environment, &Metrics::new());
        client.create(&Website::crd()).await.expect("the type is new");
        let (stop, stopped) = oneshot::channel::<()>();
        let manager = operator().client(client.clone()).environment(environment.clone()).grace_period(GRACE);
        let run = manager.run_until(async move { drop(stopped.await) });
        Self { server, client, stop, operator: environment.spawn("operator", run) }
    }

    async fn scale(&self, replicas: i32) {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        self.client.patch::<Website>(&shop(), &patch).await.expect("scaled");
    }

    /// Stands in for the deployment controller: says how many replicas are ready.
    async fn ready(&self, replicas: i32) {
        let patch = Patch::Merge(json!({"status": {"readyReplicas": replicas}}));
        self.client.patch_status::<Deployment>(&shop(), &patch).await.expect("ready");
    }

    async fn deployment(&self) -> Option<Deployment> {
        self.client.get(&shop()).await.ok()
    }

    async fn replicas(&self) -> Option<i32> {
        self.deployment().await?.spec?.replicas
    }

    async fn status(&self) -> WebsiteStatus {
        let site: Website = self.client.get(&shop()).await.expect("the site is there");
        site.status.unwrap_or_default()
    }

    /// Waits until `check` holds; fails after two minutes.
    async fn until(&self, what: &str, mut check: impl AsyncFnMut(&Self) -> bool) {
        let start = Instant::now();
        while !check(self).await {
            assert!(start.elapsed() < Duration::from_mins(2), "not within two minutes: {what}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn stop(self) {
        let start = Instant::now();
        drop(self.stop);
        self.operator.await.expect("no panic").expect("an orderly end");
        assert!(start.elapsed() < GRACE, "{:?}", start.elapsed());
    }
}

fn shop() -> ObjectKey {
    ObjectKey::new("default", "shop")
}

fn website(replicas: i32) -> Website {
    let spec = WebsiteSpec { image: "shop:1".into(), replicas, host: "shop.example".into() };
    let mut site = Website::new("shop", spec);
    site.metadata.namespace = Some("default".into());
    site
}

#[tokio::test(start_paused = true)]
async fn a_website_becomes_a_deployment_and_its_status_follows() {
    let world = World::start().await;
    let site = world.client.create(&website(3)).await.unwrap();
    world.until("a deployment of 3", async |world| world.replicas().await == Some(3)).await;
    let deployment = world.deployment().await.unwrap();
    assert_eq!(deployment.controller().unwrap().uid, site.uid());
    world.until("a status", async |world| !world.status().await.conditions.is_empty()).await;
    let status = world.status().await;
    assert_eq!((status.conditions[0].status.as_str(), status.url), ("False", None));
    world.ready(3).await;
    world.until("ready", async |world| world.status().await.url.is_some()).await;
    let status = world.status().await;
    assert_eq!(status.url.as_deref(), Some("https://shop.example/"));
    assert_eq!((status.ready_replicas, status.conditions[0].status.as_str()), (3, "True"));
    world.scale(5).await;
    world.until("a deployment of 5", async |world| world.replicas().await == Some(5)).await;
    world.until("not ready", async |world| world.status().await.url.is_none()).await;
    assert_eq!(world.status().await.observed_generation, Some(2));
    let events = world.client.list::<Event>(Some("default"), &ListOptions::default()).await.unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_others_change_or_delete_is_put_back() {
    let world = World::start().await;
    world.client.create(&website(2)).await.unwrap();
    world.until("a deployment", async |world| world.replicas().await == Some(2)).await;
    let patch = Patch::Merge(json!({"spec": {"replicas": 9}}));
    world.client.patch::<Deployment>(&shop(), &patch).await.unwrap();
    world.until("scaled back", async |world| world.replicas().await == Some(2)).await;
    world.client.delete::<Deployment>(&shop(), &DeleteOptions::default()).await.unwrap();
    world.until("made anew", async |world| world.replicas().await == Some(2)).await;
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_operator_survives_a_dropped_watch_and_a_restart_of_the_server() {
    let world = World::start().await;
    world.client.create(&website(1)).await.unwrap();
    world.until("a deployment", async |world| world.replicas().await == Some(1)).await;
    world.server.drop_watches();
    world.scale(2).await;
    world.until("scaled after the dropped watch", async |world| world.replicas().await == Some(2)).await;

    world.scale(3).await;
    world.server.set_available(false);
    sleep(Duration::from_mins(5)).await;
    world.server.compact(None);
    world.server.set_available(true);
    world.until("scaled after the outage", async |world| world.replicas().await == Some(3)).await;
    world.ready(3).await;
    world.until("ready", async |world| world.status().await.ready_replicas == 3).await;
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_operator_stops_within_its_grace_period_also_while_the_server_is_away() {
    let world = World::start().await;
    world.client.create(&website(1)).await.unwrap();
    world.until("a deployment", async |world| world.replicas().await == Some(1)).await;
    world.server.set_available(false);
    sleep(Duration::from_secs(30)).await;
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_operator_writes_nothing() {
    let world = World::start().await;
    world.client.create(&website(1)).await.unwrap();
    world.until("a status", async |world| !world.status().await.conditions.is_empty()).await;
    sleep(Duration::from_secs(5)).await;
    let writes = |world: &World| {
        let log = world.server.request_log();
        log.iter().filter(|request| !matches!(&*request.verb, "get" | "list" | "watch")).count()
    };
    let before = writes(&world);
    sleep(Duration::from_hours(1)).await;
    assert_eq!(writes(&world), before);
    world.stop().await;
}
