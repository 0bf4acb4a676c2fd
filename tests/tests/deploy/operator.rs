//! A manager with something of everything to do, over HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use pilothouse::dependency::{BreakerOptions, Dependency};
use pilothouse::{
    Action, Client, ClientOptions, Context, Controller, Environment, Error, Manager, Metrics, ReconcileError,
    Reconciler, Retry,
};
use pilothouse_apiserver::ApiServer;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Does with each config map what its `how` says.
struct Everything {
    billing: Dependency,
}

#[derive(Debug, thiserror::Error)]
#[error("billing is down")]
struct Down;

impl Reconciler for Everything {
    type Object = ConfigMap;

    async fn reconcile(
        &self,
        map: Arc<ConfigMap>,
        context: &Context<ConfigMap>,
    ) -> Result<Action, ReconcileError> {
        match map.data.as_ref().and_then(|data| data.get("how")).map_or("", String::as_str) {
            "apply" => {
                let mut secret = Secret::default();
                secret.metadata.name.clone_from(&map.metadata.name);
                let now = context.now().to_string();
                secret.string_data = Some(BTreeMap::from([("at".to_owned(), now)]));
                context.apply(secret).await?;
                Ok(Action::again_in(Duration::from_millis(200)))
            }
            "call" => {
                context.call(&self.billing, async { Err::<(), _>(Down) }).await?;
                Ok(Action::done())
            }
            "terminal" => Err(ReconcileError::terminal("BadValue", "the value is bad")),
            _ => Err(ReconcileError::retryable("not yet")),
        }
    }
}

/// A manager that runs.
pub(crate) struct Operator {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
}

impl Operator {
    pub(crate) async fn start() -> Self {
        let environment = Environment::real();
        let server = ApiServer::builder().environment(environment.clone()).build();
        let (metrics, inner) = (Metrics::new(), kube::Client::new(server, "website-system"));
        let client = Client::new(inner, ClientOptions::default(), &environment, &metrics);
        for (number, how) in ["apply", "call", "call", "call", "terminal", "again"].into_iter().enumerate() {
            let mut map = ConfigMap::default();
            map.metadata.name = Some(format!("map-{number}"));
            map.metadata.namespace = Some("default".to_owned());
            map.data = Some(BTreeMap::from([("how".to_owned(), how.to_owned())]));
            client.create(&map).await.unwrap();
        }
        let retry = Retry::exponential().at_most(Duration::from_millis(500));
        let breaker = BreakerOptions { minimum_calls: 3, ..BreakerOptions::default() };
        let everything = Everything { billing: Dependency::named("billing").breaker(breaker) };
        let controller = Controller::of().named("everything").owns::<Secret>().workers(1..=4).retry(retry);
        let (report, reported) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let manager = Manager::new("website-operator")
            .client(client)
            .environment(environment.clone())
            .metrics(metrics)
            .election(pilothouse::Election::new("website-operator").in_namespace("default"))
            .serve_metrics(([127, 0, 0, 1], 0))
            .on_listening(move |address| {
                let _ = report.send(address);
            })
            .controller(controller, everything);
        let run = manager.run_until(async { drop(stopped.await) });
        let running = environment.spawn("manager", run);
        Self { address: reported.await.unwrap(), stop, running }
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.running.await.unwrap().unwrap();
    }
}
