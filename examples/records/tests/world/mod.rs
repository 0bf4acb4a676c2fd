//! A cluster and a zone with the operator between them, in paused time.
#![expect(clippy::expect_used, reason = "helpers of tests")]

mod zone;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResourceExt;
use pilothouse::{
    Client, ClientOptions, DeadLetterSelector, DeadLetters, DeleteOptions, Election, Environment,
    ListOptions, Metrics, ObjectKey, Patch,
};
use pilothouse_apiserver::{
    ApiServer, Authorization, RequestRecord, ServiceAccount, Trouble, Unreliable, User, UserService,
};
use records_operator::{Record, RecordSpec, operator};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub(crate) use zone::{Mood, Scripted};

pub(crate) const NAMESPACE: &str = "records-system";

const GRACE: Duration = Duration::from_secs(15);

/// Who the operator is.
pub(crate) fn account() -> ServiceAccount {
    ServiceAccount::new(NAMESPACE, "records-operator")
}

pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) zone: Scripted,
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
    /// A server that knows records, and a zone. Some requests of the operator to the server meet `trouble`.
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
        client.create(&Record::crd()).await.expect("the type is new");
        Self { server, zone: Scripted::new(), client, environment, trouble, running: Vec::new() }
    }

    /// Starts the operator; with an identity as one of several replicas.
    pub(crate) fn start(&mut self, identity: Option<&str>) {
        let user = User::service_account(NAMESPACE, "records-operator");
        let client = connect(self.server.as_user(user), self.trouble, &self.environment);
        let environment = self.environment.clone();
        let manager = operator(self.zone.clone()).client(client).environment(environment);
        let election =
            |identity| Election::new("records-operator").in_namespace(NAMESPACE).identity(identity);
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

    /// Name and reason of each dead letter, by name.
    pub(crate) fn given_up(&self) -> Vec<(String, String)> {
        let records = self.running[0].letters.list(&DeadLetterSelector::default());
        let told = records.iter().map(|record| (record.identity.key.name.to_string(), record.reason.clone()));
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    }

    /// Whether nothing goes wrong between the operator and the server.
    pub(crate) fn is_calm(&self) -> bool {
        self.trouble.is_none()
    }

    pub(crate) async fn create(&self, object: &str, name: &str, address: &str) {
        let mut record = Record::new(object, RecordSpec { name: name.into(), address: address.into() });
        record.metadata.namespace = Some("default".into());
        self.client.create(&record).await.expect("created");
    }

    /// Changes what a record asks for.
    pub(crate) async fn change(&self, object: &str, name: &str, address: &str) {
        let patch = Patch::Merge(json!({"spec": {"name": name, "address": address}}));
        self.client.patch::<Record>(&key(object), &patch).await.expect("changed");
    }

    pub(crate) async fn delete(&self, object: &str) {
        self.client.delete::<Record>(&key(object), &DeleteOptions::default()).await.expect("deleted");
    }

    pub(crate) async fn record(&self, object: &str) -> Option<Record> {
        self.client.get(&key(object)).await.ok()
    }

    /// The condition `Published` of each record that has one, with the generation that it is about.
    pub(crate) async fn conditions(&self) -> BTreeMap<String, Condition> {
        let records = self.client.list::<Record>(None, &ListOptions::default()).await.expect("listed");
        let condition = |record: Record| {
            let generation = record.metadata.generation;
            let status = record.status.filter(|status| status.observed_generation == generation)?;
            Some((record.metadata.name?, status.conditions.into_iter().next()?))
        };
        records.into_iter().filter_map(condition).collect()
    }

    /// The reason of the condition of a record.
    pub(crate) async fn reason(&self, object: &str) -> Option<String> {
        Some(self.conditions().await.remove(object)?.reason)
    }

    /// How many records are published in their present generation.
    pub(crate) async fn published(&self) -> usize {
        self.conditions().await.values().filter(|condition| condition.status == "True").count()
    }

    /// How many records there are.
    pub(crate) async fn count(&self) -> usize {
        self.client.list::<Record>(None, &ListOptions::default()).await.expect("listed").len()
    }

    /// How many requests of the operator changed something.
    pub(crate) fn writes(&self) -> usize {
        let log = self.server.request_log();
        let is_write = |request: &&RequestRecord| !matches!(&*request.verb, "get" | "list" | "watch");
        log.iter().filter(|request| request.user == account().user()).filter(is_write).count()
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
