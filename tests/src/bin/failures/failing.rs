//! The controller.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::lock::Mutex;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::config::{KubeConfigOptions, Kubeconfig};
use pilothouse::{
    Action, Client, ClientOptions, Context, Controller, DeadLetterOptions, Environment, Manager, Metrics,
    ObjectExt, ObjectKey, ReconcileError, Reconciler, Retry,
};
use pilothouse_ledger::SqlLedger;

use crate::Failure;
use crate::arguments::ControllerOptions;

/// How long a reconcile may take: longer than a call of the API server on a machine that is busy with other things.
const TIMEOUT: Duration = Duration::from_secs(2);
/// As many as there are objects whose reconcile hangs, so that they do not add up.
const WORKERS: usize = 500;
/// After how many failures in a row an object is given up.
const GIVE_UP_AFTER: u64 = 5;

/// Runs until it is killed. Prints the address of its metrics.
pub(crate) async fn run(options: ControllerOptions) -> Result<(), Failure> {
    // A thousand panics say the same.
    std::panic::set_hook(Box::new(|_| {}));
    let (environment, metrics) = (Environment::real(), Metrics::new());
    let file = Kubeconfig::read_from(&options.kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    let client = Client::from_config(config, ClientOptions::unlimited(), &environment, &metrics)?;
    let builder = Controller::of()
        .named("failures")
        .workers(WORKERS)
        .timeout(TIMEOUT)
        .retry(Retry::exponential().give_up_after(GIVE_UP_AFTER))
        .dead_letters(DeadLetterOptions::default().replays_per_second(10_000.0));
    let manager = Manager::new("failures")
        .client(client)
        .environment(environment)
        .metrics(metrics)
        .ledger(SqlLedger::sqlite(&options.ledger).await?)
        .serve_metrics(([127, 0, 0, 1], 0))
        .on_listening(|address| println!("http://{address}"))
        .controller(builder, Failing { is_healed: options.healed, calls: Mutex::default() });
    Ok(manager.run().await?)
}

/// Does with each object what its `how` says.
struct Failing {
    is_healed: bool,
    /// How often each object was reconciled by this process.
    calls: Mutex<BTreeMap<ObjectKey, u64>>,
}

impl Reconciler for Failing {
    type Object = ConfigMap;

    async fn reconcile(
        &self,
        map: Arc<ConfigMap>,
        context: &Context<ConfigMap>,
    ) -> Result<Action, ReconcileError> {
        if self.is_healed {
            return Ok(Action::done());
        }
        let calls = {
            let mut calls = self.calls.lock().await;
            let calls = calls.entry(map.key()).or_default();
            *calls += 1;
            *calls
        };
        let how = map.data.as_ref().and_then(|data| data.get("how"));
        match how.map_or("fine", String::as_str) {
            "terminal" => Err(ReconcileError::terminal("BadValue", "the value is bad")),
            "retryable" => Err(ReconcileError::retryable("not yet")),
            // Not often enough to be given up, also where a kill comes in between.
            "flaky" if calls <= 2 => Err(ReconcileError::retryable("not yet")),
            "panic" => panic!("as it was told to"),
            "hang" => std::future::pending().await,
            "conflict" => {
                let mut stale = ConfigMap::clone(&map);
                stale.metadata.resource_version = Some("1".into());
                stale.data.get_or_insert_default().insert("seen".into(), "yes".into());
                context.update(&stale).await?;
                Ok(Action::done())
            }
            _ => Ok(Action::done()),
        }
    }
}
