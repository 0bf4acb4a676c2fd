//! A server, a manager with the simulated cluster, and a client to look at them with; all in paused time.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its support fails")]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use parking_lot::Mutex;
use pilothouse::manager::Manager;
use pilothouse::{
    Client, ClientError, ClientOptions, Environment, ListOptions, Metrics, Object, ObjectExt, ObjectKey,
    Patch, Shutdown,
};
use pilothouse_apiserver::ApiServer;
use pilothouse_cluster::{ClusterOptions, SimulatedCluster};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

pub struct World {
    pub server: ApiServer,
    pub client: Client,
    pub environment: Environment,
    options: ClusterOptions,
    running: Option<(Shutdown, JoinHandle<()>)>,
    /// What befalls the requests of the cluster's controllers.
    pub fault: Arc<Mutex<Option<FaultOf>>>,
}

/// What befalls a request of this method and address.
pub type FaultOf = Box<dyn FnMut(&str, &str) -> Fault + Send>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The connection breaks before the request arrives.
    Break,
    /// Nothing comes back.
    Silence,
}

impl World {
    /// A server with a running cluster of these options.
    pub fn start(options: ClusterOptions) -> Self {
        let epoch: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let environment = Environment::simulated(7, epoch);
        let server = ApiServer::builder().environment(environment.clone()).build();
        let client = client(&server, &environment);
        let mut world = Self { server, client, environment, options, running: None, fault: Arc::default() };
        world.start_cluster();
        world
    }

    pub fn start_cluster(&mut self) {
        let manager = Manager::new("simulated-cluster")
            .client(self.faulty_client())
            .environment(self.environment.clone());
        let manager = SimulatedCluster::new(self.options.clone()).add_to(manager);
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let running = self.environment.spawn("cluster", async move {
            manager.run_until(async move { stop.requested().await }).await.unwrap();
        });
        self.running = Some((shutdown, running));
    }

    fn faulty_client(&self) -> Client {
        let (server, fault) = (self.server.clone(), Arc::clone(&self.fault));
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (mut server, address) = (server.clone(), request.uri().to_string());
            let mut fault_of = fault.lock();
            let fault = fault_of.as_mut().map_or(Fault::None, |of| of(request.method().as_str(), &address));
            drop(fault_of);
            async move {
                match fault {
                    Fault::None => tower::Service::call(&mut server, request).await.map_err(Into::into),
                    Fault::Break => Err(pilothouse::BoxError::from("connection reset by peer")),
                    Fault::Silence => std::future::pending().await,
                }
            }
        });
        let inner = kube::Client::new(service, "default");
        Client::new(inner, ClientOptions::unlimited(), &self.environment, &Metrics::new())
    }

    pub fn drop_cluster(&mut self) {
        let (_, running) = self.running.take().unwrap();
        running.abort();
    }

    pub async fn stop_cluster(&mut self) {
        let (shutdown, running) = self.running.take().unwrap();
        shutdown.request();
        running.await.unwrap();
    }

    /// Creates any object from its JSON in namespace `default` (or its own).
    pub async fn create<T: Object>(&self, mut object: Value) -> T {
        if T::resource_type().is_namespaced() && object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = json!("default");
        }
        let object: T = serde_json::from_value(object).unwrap();
        self.client.create(&object).await.unwrap()
    }

    /// Creates a job whose pods follow these annotations.
    pub async fn create_job(&self, name: &str, spec: Value, annotations: &[(&str, &str)]) -> Job {
        let annotations: serde_json::Map<_, _> = annotations
            .iter()
            .map(|(name, value)| (format!("simulation.pilothouse.dev/{name}"), json!(value)))
            .collect();
        let mut job = json!({"metadata": {"name": name}, "spec": {"template": {
            "metadata": {"annotations": annotations},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]},
        }}});
        merge(&mut job["spec"], spec);
        self.create(job).await
    }

    pub async fn get<T: Object>(&self, name: &str) -> Option<T> {
        let namespace = if T::resource_type().is_namespaced() { "default" } else { "" };
        match self.client.get(&ObjectKey::new(namespace, name)).await {
            Err(error) if error.is_not_found() => None,
            found => Some(found.unwrap()),
        }
    }

    pub async fn job(&self, name: &str) -> Job {
        self.get(name).await.expect("the job exists")
    }

    pub async fn pods(&self) -> Vec<Pod> {
        self.client.list(None, &ListOptions::default()).await.unwrap()
    }

    pub async fn merge<T: Object>(&self, name: &str, patch: Value) -> T {
        let namespace = if T::resource_type().is_namespaced() { "default" } else { "" };
        self.client.patch(&ObjectKey::new(namespace, name), &Patch::Merge(patch)).await.unwrap()
    }

    /// Waits until `look` answers something, for at most ten simulated minutes.
    pub async fn until<R, F: Future<Output = Option<R>>>(
        &self,
        what: &str,
        mut look: impl FnMut() -> F,
    ) -> R {
        for _ in 0..6000 {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let jobs: Result<Vec<Job>, ClientError> = self.client.list(None, &ListOptions::default()).await;
        panic!("never: {what}; jobs {:#?}; pods {:#?}", jobs, summary(&self.pods().await));
    }

    /// Waits until the job has this condition with status True.
    pub async fn until_condition(&self, name: &str, condition: &str) -> Job {
        self.until(&format!("{name} {condition}"), async || {
            Some(self.job(name).await).filter(|job| reason(job, condition).is_some())
        })
        .await
    }

    /// Reasons of the events about `name`, each once, in the order of their first occurrence.
    pub async fn events(&self, name: &str) -> Vec<String> {
        let mut events: Vec<k8s_openapi::api::core::v1::Event> =
            self.client.list(None, &ListOptions::default()).await.unwrap();
        events.sort_by_key(|event| event.resource_version().number());
        let mut reasons = Vec::new();
        for event in events.into_iter().filter(|event| event.involved_object.name.as_deref() == Some(name)) {
            let reason = event.reason.unwrap_or_default();
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

fn client(server: &ApiServer, environment: &Environment) -> Client {
    let inner = kube::Client::new(server.clone(), "default");
    Client::new(inner, ClientOptions::unlimited(), environment, &Metrics::new())
}

fn merge(target: &mut Value, source: Value) {
    match (target, source) {
        (Value::Object(target), Value::Object(source)) => {
            for (name, value) in source {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, source) => *target = source,
    }
}

/// The reason of a condition that is True.
pub fn reason(job: &Job, condition: &str) -> Option<String> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|one| one.type_ == condition && one.status == "True")?;
    found.reason.clone()
}

pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

pub fn summary(pods: &[Pod]) -> Vec<String> {
    let line = |pod: &Pod| {
        let (node, status) = (pod.spec.as_ref().and_then(|spec| spec.node_name.clone()), pod.status.as_ref());
        let containers = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
        let states: Vec<_> = containers.iter().map(|container| container.state.clone()).collect();
        format!("{} {} on {node:?}, deleting {}: {states:?}", pod.key(), phase(pod), pod.is_deleting())
    };
    pods.iter().map(line).collect()
}
