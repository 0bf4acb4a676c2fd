//! A server, a client, and somebody who changes things.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::{
    Client, ClientOptions, DeleteOptions, Environment, Informers, Metrics, ObjectExt, ObjectKey,
    ResourceVersion, k8s_openapi,
};
use pilothouse_apiserver::{ApiServer, RequestRecord};

/// A server and what is needed to talk to it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) client: Client,
    pub(crate) environment: Environment,
    pub(crate) metrics: Metrics,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let environment = Environment::simulated(seed, Timestamp::UNIX_EPOCH);
        let server = ApiServer::builder().environment(environment.clone()).build();
        let metrics = Metrics::new();
        let kube = pilothouse::kube::Client::new(server.clone(), "default");
        let client = Client::new(kube, ClientOptions::unlimited(), &environment, &metrics);
        Self { server, client, environment, metrics }
    }

    pub(crate) fn informers(&self) -> Informers {
        Informers::new(self.client.clone(), self.environment.clone(), self.metrics.clone())
    }

    /// Lists and watches of config maps so far: `L` and `W`; `S` for a watch that begins with the state.
    pub(crate) fn trace(&self) -> String {
        let log = self.server.request_log();
        let reads = log.iter().filter(|request| request.path == "/api/v1/configmaps");
        let letter = |request: &RequestRecord| match &*request.verb {
            "watch" if request.query.contains("sendInitialEvents=true") => 'S',
            "watch" => 'W',
            _ => 'L',
        };
        reads.map(letter).collect()
    }

    pub(crate) async fn create(&self, name: &str) -> ConfigMap {
        self.client.create(&config_map(name)).await.unwrap()
    }

    /// Changes an object; its new version.
    pub(crate) async fn touch(&self, name: &str, value: u64) -> ResourceVersion {
        let mut object: ConfigMap = self.client.get(&key(name)).await.unwrap();
        object.data = Some(BTreeMap::from([("value".to_owned(), value.to_string())]));
        self.client.update(&object).await.unwrap().resource_version()
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.client.delete::<ConfigMap>(&key(name), &DeleteOptions::default()).await.unwrap();
    }

    /// Everything the server has, by name: uid and version.
    pub(crate) async fn truth(&self) -> BTreeMap<String, (String, ResourceVersion)> {
        let all: Vec<ConfigMap> = self.client.list(None, &pilothouse::ListOptions::default()).await.unwrap();
        let entry = |object: &ConfigMap| {
            (object.key().name.to_string(), (object.uid().to_owned(), object.resource_version()))
        };
        all.iter().map(entry).collect()
    }
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

pub(crate) fn config_map(name: &str) -> ConfigMap {
    let mut object = ConfigMap::default();
    (object.metadata.name, object.metadata.namespace) = (Some(name.into()), Some("default".into()));
    object
}
