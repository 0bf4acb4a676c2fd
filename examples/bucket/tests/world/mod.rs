//! A cluster and a provider with the operator between them, in paused time.
#![expect(clippy::expect_used, reason = "helpers of tests")]

mod provider;

use std::time::Duration;

use bucket_operator::{Bucket, BucketSpec, operator, outside_name};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResourceExt;
use pilothouse::{
    Client, ClientOptions, DeadLetterSelector, DeadLetters, Election, Environment, Metrics, ObjectKey,
};
use pilothouse_apiserver::{
    ApiServer, Authorization, RequestRecord, ServiceAccount, Trouble, Unreliable, User, UserService,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub(crate) use provider::{Mood, REGION, Scripted, WORK};

pub(crate) const NAMESPACE: &str = "bucket-system";

const GRACE: Duration = Duration::from_secs(15);

/// Who the operator is.
pub(crate) fn account() -> ServiceAccount {
    ServiceAccount::new(NAMESPACE, "bucket-operator")
}

pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) provider: Scripted,
    /// The tests' own way to the server.
    pub(crate) client: Client,
    environment: Environment,
    trouble: Option<Trouble>,
    running: Vec<Running>,
}

/// An operator at work: dropping the first ends it.
struct Running {
    stop: oneshot::Sender<()>,
    operator: JoinHandle<Result<(), pilothouse::Error>>,
    letters: DeadLetters,
}

impl World {
    /// A server that knows buckets, and a provider. Some requests of the operator to the server meet `trouble`.
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
        client.create(&Bucket::crd()).await.expect("the type is new");
        Self { server, provider: Scripted::new(), client, environment, trouble, running: Vec::new() }
    }

    /// Starts the operator; with an identity as one of several replicas.
    pub(crate) fn start(&mut self, identity: Option<&str>) {
        let user = User::service_account(NAMESPACE, "bucket-operator");
        let client = connect(self.server.as_user(user), self.trouble, &self.environment);
        let environment = self.environment.clone();
        let manager = operator(self.provider.connect()).client(client).environment(environment);
        let election = |identity| Election::new("bucket-operator").in_namespace(NAMESPACE).identity(identity);
        let mut manager = match identity {
            Some(identity) => manager.election(election(identity)),
            None => manager,
        }
        .grace_period(GRACE);
        let letters = manager.dead_letters();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = manager.run_until(async move { drop(stopped.await) });
        self.running.push(Running { stop, operator: self.environment.spawn("operator", run), letters });
    }

    /// Stops what was started first and still runs.
    pub(crate) async fn stop(&mut self) {
        let Running { stop, operator, .. } = self.running.remove(0);
        drop(stop);
        operator.await.expect("no panic").expect("an orderly end");
    }

    /// Ends what was started first in the midst of whatever it does.
    pub(crate) async fn kill(&mut self) {
        let Running { operator, .. } = self.running.remove(0);
        operator.abort();
        assert!(operator.await.is_err_and(|error| error.is_cancelled()));
    }

    /// Ends the world; what was asked of its server.
    pub(crate) async fn end(mut self) -> Vec<RequestRecord> {
        while !self.running.is_empty() {
            self.stop().await;
        }
        self.server.request_log()
    }

    /// The dead letters of what was started first.
    pub(crate) fn letters(&self) -> &DeadLetters {
        &self.running[0].letters
    }

    /// Name and reason of each dead letter, by name.
    pub(crate) fn given_up(&self) -> Vec<(String, String)> {
        let records = self.letters().list(&DeadLetterSelector::default());
        let told = records.iter().map(|record| (record.identity.key.name.to_string(), record.reason.clone()));
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    }

    pub(crate) async fn create(&self, name: &str, region: &str, policy: Option<&str>) -> Bucket {
        let spec = BucketSpec { region: region.into(), policy: policy.map(str::to_owned) };
        let mut bucket = Bucket::new(name, spec);
        bucket.metadata.namespace = Some("default".into());
        self.client.create(&bucket).await.expect("created")
    }

    pub(crate) async fn bucket(&self, name: &str) -> Option<Bucket> {
        self.client.get(&key(name)).await.ok()
    }

    /// How many buckets there are in the cluster.
    pub(crate) async fn list(&self) -> usize {
        let buckets = self.client.list::<Bucket>(None, &pilothouse::ListOptions::default()).await;
        buckets.expect("listed").len()
    }

    /// What a bucket is called at the provider.
    pub(crate) async fn outside(&self, name: &str) -> String {
        outside_name(&self.bucket(name).await.expect("the bucket is there"))
    }

    /// The condition `Ready` of a bucket.
    pub(crate) async fn condition(&self, name: &str) -> Option<Condition> {
        self.bucket(name).await?.status?.conditions.into_iter().find(|condition| condition.type_ == "Ready")
    }

    pub(crate) async fn is_ready(&self, name: &str) -> bool {
        self.condition(name).await.is_some_and(|condition| condition.status == "True")
    }

    /// Waits until `check` holds; fails after ten minutes.
    pub(crate) async fn until(&self, what: &str, mut check: impl AsyncFnMut(&Self) -> bool) {
        let start = Instant::now();
        while !check(self).await {
            assert!(start.elapsed() < Duration::from_mins(10), "not within ten minutes: {what}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
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
