//! A cluster with the operator in it, in paused time.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::CustomResourceExt;
use pilothouse::{Client, ClientOptions, Election, Environment, Metrics, ObjectKey, Patch};
use pilothouse_apiserver::{
    ApiServer, Authorization, RequestRecord, ServiceAccount, Trouble, Unreliable, User, UserService,
};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use website_operator::{Website, WebsiteSpec, WebsiteStatus, operator};

pub(crate) const NAMESPACE: &str = "website-system";

const GRACE: Duration = Duration::from_secs(10);

/// Who the operator is.
pub(crate) fn account() -> ServiceAccount {
    ServiceAccount::new(NAMESPACE, "website-operator")
}

pub(crate) struct World {
    pub(crate) server: ApiServer,
    /// The tests' own way to the server.
    pub(crate) client: Client,
    environment: Environment,
    trouble: Option<Trouble>,
    running: Vec<Running>,
}

/// An operator at work: dropping the first ends it.
type Running = (oneshot::Sender<()>, JoinHandle<Result<(), pilothouse::Error>>);

impl World {
    /// A server that knows websites. Some requests of the operator meet `trouble`.
    ///
    /// The operator has the rights in the manifest; without one, all, so that everything it needs is on record.
    pub(crate) async fn new(manifest: Option<&str>, trouble: Option<Trouble>) -> Self {
        let environment = Environment::simulated(5, Timestamp::UNIX_EPOCH);
        let authorization = manifest.map_or(Authorization::AlwaysAllow, |_| Authorization::Rbac);
        let server =
            ApiServer::builder().environment(environment.clone()).authorization(authorization).build();
        let client = connect(server.as_user(User::admin()), None, &environment);
        let namespace = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {NAMESPACE}}}}}");
        server.install(&namespace).expect("the namespace is new");
        server.install(manifest.unwrap_or_default()).expect("a manifest");
        client.create(&Website::crd()).await.expect("the type is new");
        Self { server, client, environment, trouble, running: Vec::new() }
    }

    /// Starts the operator; with an identity as one of several replicas.
    pub(crate) fn start(&mut self, identity: Option<&str>) {
        let user = User::service_account(NAMESPACE, "website-operator");
        let client = connect(self.server.as_user(user), self.trouble, &self.environment);
        let manager =
            operator(NAMESPACE).client(client).environment(self.environment.clone()).grace_period(GRACE);
        let election =
            |identity| Election::new("website-operator").in_namespace(NAMESPACE).identity(identity);
        let manager = match identity {
            Some(identity) => manager.election(election(identity)),
            None => manager,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let run = manager.run_until(async move { drop(stopped.await) });
        self.running.push((stop, self.environment.spawn("operator", run)));
    }

    /// Stops what was started first and still runs.
    pub(crate) async fn stop(&mut self) {
        let (stop, operator) = self.running.remove(0);
        let start = Instant::now();
        drop(stop);
        operator.await.expect("no panic").expect("an orderly end");
        assert!(start.elapsed() < GRACE, "{:?}", start.elapsed());
    }

    /// How what was started first ends by itself.
    pub(crate) async fn outcome(&mut self) -> Result<(), pilothouse::Error> {
        let (_stop, operator) = self.running.remove(0);
        operator.await.expect("no panic")
    }

    /// Ends the world; what was asked of its server.
    pub(crate) async fn end(mut self) -> Vec<RequestRecord> {
        while !self.running.is_empty() {
            self.stop().await;
        }
        self.server.request_log()
    }

    /// Whether nothing goes wrong.
    pub(crate) fn is_calm(&self) -> bool {
        self.trouble.is_none()
    }

    pub(crate) async fn create(&self, replicas: i32) -> Website {
        let spec = WebsiteSpec { image: "shop:1".into(), replicas, host: "shop.example".into() };
        let mut site = Website::new("shop", spec);
        site.metadata.namespace = Some("default".into());
        self.client.create(&site).await.expect("created")
    }

    pub(crate) async fn scale(&self, replicas: i32) {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        self.client.patch::<Website>(&shop(), &patch).await.expect("scaled");
    }

    /// Stands in for the deployment controller: says how many replicas are ready.
    pub(crate) async fn ready(&self, replicas: i32) {
        let patch = Patch::Merge(json!({"status": {"readyReplicas": replicas}}));
        self.client.patch_status::<Deployment>(&shop(), &patch).await.expect("ready");
    }

    pub(crate) async fn site(&self) -> Option<Website> {
        self.client.get(&shop()).await.ok()
    }

    pub(crate) async fn deployment(&self) -> Option<Deployment> {
        self.client.get(&shop()).await.ok()
    }

    pub(crate) async fn replicas(&self) -> Option<i32> {
        self.deployment().await?.spec?.replicas
    }

    /// The host for which the site has a route.
    pub(crate) async fn routed(&self) -> Option<String> {
        let route: ConfigMap = self.client.get(&route()).await.ok()?;
        route.data?.remove("host")
    }

    pub(crate) async fn status(&self) -> WebsiteStatus {
        self.site().await.expect("the site is there").status.unwrap_or_default()
    }

    /// Whether a condition holds; `None` where it is not told.
    pub(crate) async fn condition(&self, kind: &str) -> Option<bool> {
        let conditions = self.status().await.conditions;
        conditions
            .iter()
            .find(|condition| condition.type_ == kind)
            .map(|condition| condition.status == "True")
    }

    /// Waits until `check` holds; fails after two minutes.
    pub(crate) async fn until(&self, what: &str, mut check: impl AsyncFnMut(&Self) -> bool) {
        let start = Instant::now();
        while !check(self).await {
            assert!(start.elapsed() < Duration::from_mins(2), "not within two minutes: {what}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

pub(crate) fn shop() -> ObjectKey {
    ObjectKey::new("default", "shop")
}

/// Where the route of [`shop`] is.
pub(crate) fn route() -> ObjectKey {
    ObjectKey::new(NAMESPACE, "default.shop")
}

fn connect(server: UserService, trouble: Option<Trouble>, environment: &Environment) -> Client {
    let every = match trouble {
        None => 0,
        Some(Trouble::NoStreamingLists) => 1,
        Some(_) => 3,
    };
    let inner = Unreliable::every(every, trouble.unwrap_or(Trouble::Conflict), server);
    let options = match trouble {
        // What the client sends again by itself would never be in doubt.
        Some(Trouble::LostAnswer) => ClientOptions { attempts: 1, ..ClientOptions::default() },
        _ => ClientOptions::default(),
    };
    Client::new(kube::Client::new(inner, "default"), options, environment, &Metrics::new())
}
