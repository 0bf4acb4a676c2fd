//! An API server with a running cluster, and a logbook that can be started, stopped and killed. Real time: SQLite
//! works on its own threads, which a paused clock does not wait for.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its support fails")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use pilothouse::manager::Manager;
use pilothouse::{Client, ClientOptions, Environment, Metrics, ObjectKey, Shutdown};
use pilothouse_apiserver::ApiServer;
use pilothouse_cluster::{ClusterOptions, SimulatedCluster};
use pilothouse_logbook::model::{JobRow, JobState, Transition};
use pilothouse_logbook::store::Store;
use pilothouse_logbook::{Logbook, LogbookOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_mins(1);

/// One version of one object: uid, resource version, and whether it is the deletion.
pub type Version = (String, String, bool);

pub struct World {
    pub server: ApiServer,
    pub client: Client,
    pub environment: Environment,
    start: String,
    folder: TempDir,
    cluster: JoinHandle<()>,
}

pub struct Running {
    pub store: Store,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl World {
    /// A server and a cluster that runs at this speed; no logbook yet.
    pub fn start(speed: f64) -> Self {
        let environment = Environment::seeded(11);
        let server = ApiServer::builder().environment(environment.clone()).build();
        let start = server.current_resource_version().to_string();
        let manager =
            Manager::new("cluster").client(client(&server, &environment)).environment(environment.clone());
        let manager = SimulatedCluster::new(ClusterOptions::default().with_speed(speed)).add_to(manager);
        let running = async move { manager.run_until(std::future::pending()).await.unwrap() };
        let cluster = environment.spawn("cluster", running);
        let client = client(&server, &environment);
        Self { server, client, environment, start, folder: tempfile::tempdir().unwrap(), cluster }
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("logbook.sqlite")
    }

    /// Starts a logbook and waits until it follows both streams.
    pub async fn logbook(&self) -> Running {
        let own = client(&self.server, &self.environment);
        let logbook = self.open(&own).await;
        let manager = Manager::new("logbook").client(own).environment(self.environment.clone());
        let manager = logbook.add_to(manager);
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let run = async move { manager.run_until(async move { stop.requested().await }).await.unwrap() };
        let task = self.environment.spawn("logbook", run);
        let running = Running { store: logbook.store().clone(), shutdown, task };
        running
            .until("both streams have a position", async |store| store.streams().await.unwrap().len() == 2)
            .await;
        running
    }

    /// Opens the logbook, once the tasks of the one before it have let go of the database.
    async fn open(&self, client: &Client) -> Logbook {
        let opening = async {
            loop {
                let options = LogbookOptions::new(self.database()).cluster("test");
                match Logbook::open(options, client.clone(), self.environment.clone()).await {
                    Err(error) if error.reason() == "DatabaseInUse" => tokio::task::yield_now().await,
                    opened => return opened.unwrap(),
                }
            }
        };
        tokio::time::timeout(PATIENCE, opening).await.expect("the database is free again")
    }

    /// Creates a job whose pods follow these annotations of the simulation.
    pub async fn create_job(&self, name: &str, spec: Value, annotations: &[(&str, &str)]) {
        let annotations: serde_json::Map<_, _> = annotations
            .iter()
            .map(|(name, value)| (format!("simulation.pilothouse.dev/{name}"), json!(value)))
            .collect();
        let mut job = json!({"metadata": {"name": name, "namespace": "default"}, "spec": {"template": {
            "metadata": {"annotations": annotations},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]},
        }}});
        for (field, value) in spec.as_object().unwrap() {
            job["spec"][field] = value.clone();
        }
        let job: Job = serde_json::from_value(job).unwrap();
        self.client.create(&job).await.unwrap();
    }

    pub async fn delete_job(&self, name: &str) {
        let key = ObjectKey::new("default", name);
        self.client.delete::<Job>(&key, &Default::default()).await.unwrap();
    }

    /// What the server's own history says about jobs and pods since the start.
    pub async fn history(&self) -> BTreeSet<Version> {
        let mut versions = BTreeSet::new();
        for path in ["/apis/batch/v1/jobs", "/api/v1/pods"] {
            let uri = format!("{path}?watch=true&timeoutSeconds=1&resourceVersion={}", self.start);
            let request = http::Request::get(uri).body(Vec::new()).unwrap();
            let text = self.client.kube().request_text(request).await.unwrap();
            for line in text.lines() {
                let event: Value = serde_json::from_str(line).unwrap();
                let said = |field: &str| event["object"]["metadata"][field].as_str().unwrap().to_owned();
                versions.insert((said("uid"), said("resourceVersion"), event["type"] == "DELETED"));
            }
        }
        versions
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.cluster.abort();
    }
}

impl Running {
    /// Waits until `holds` does, looking again after each commit.
    pub async fn until(&self, what: &str, holds: impl AsyncFn(&Store) -> bool) {
        let mut commits = self.store.subscribe();
        let waiting = async {
            while !holds(&self.store).await {
                commits.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let jobs = self.jobs().await;
            let states: Vec<_> = jobs.iter().map(|job| (&job.name, job.state, &job.reason)).collect();
            panic!("never: {what}; {states:#?}");
        }
    }

    pub async fn until_ended(&self, names: &[&str]) {
        self.until("all jobs have ended", async |store| {
            let jobs = store.list_jobs(&Default::default(), None).await.unwrap().items;
            let ended = |name: &&str| jobs.iter().any(|job| job.name == **name && job.state.is_terminal());
            names.iter().all(ended)
        })
        .await;
    }

    pub async fn jobs(&self) -> Vec<JobRow> {
        self.store.list_jobs(&Default::default(), None).await.unwrap().items
    }

    pub async fn job(&self, name: &str) -> JobRow {
        self.jobs().await.into_iter().find(|job| job.name == name).expect("the job is recorded")
    }

    /// The transitions of a job, checked to be a legal chain.
    pub async fn transitions(&self, name: &str) -> Vec<Transition> {
        let transitions = self.store.transitions(self.job(name).await.id).await.unwrap();
        let mut previous = None;
        for (transition, sequence) in transitions.iter().zip(1..) {
            assert_eq!((transition.from, transition.sequence), (previous, sequence), "{name}");
            assert!(transition.to.may_follow(previous), "{name}: {previous:?} -> {}", transition.to);
            previous = Some(transition.to);
        }
        transitions
    }

    pub async fn states(&self, name: &str) -> Vec<JobState> {
        self.transitions(name).await.iter().map(|transition| transition.to).collect()
    }

    /// Every version recorded, each exactly once.
    pub async fn recorded(&self) -> BTreeSet<Version> {
        let mut versions = BTreeSet::new();
        for job in self.jobs().await {
            for revision in self.store.revisions(job.id).await.unwrap() {
                let is_deletion = revision.event.as_str() == "deleted";
                let version = (revision.uid, revision.resource_version, is_deletion);
                assert!(versions.insert(version.clone()), "recorded twice: {version:?}");
            }
        }
        versions
    }

    /// Waits until the recorded versions are those of the server's history.
    pub async fn assert_equals_history(&self, world: &World) {
        let expected = world.history().await;
        self.until("as many versions as the server has", async |_| {
            self.recorded().await.len() >= expected.len()
        })
        .await;
        let recorded = self.recorded().await;
        let missing: Vec<_> = expected.difference(&recorded).collect();
        let surplus: Vec<_> = recorded.difference(&expected).collect();
        assert!(missing.is_empty() && surplus.is_empty(), "missing {missing:#?}, surplus {surplus:#?}");
    }

    pub async fn stop(self) {
        self.shutdown.request();
        self.task.await.unwrap();
    }

    /// Drops everything where it stands, as a kill would.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

pub fn client(server: &ApiServer, environment: &Environment) -> Client {
    let inner = kube::Client::new(server.clone(), "default");
    let options = ClientOptions::unlimited();
    Client::new(inner, options, environment, &Metrics::new())
}
