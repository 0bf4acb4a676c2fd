//! What a manager writes while it leads: its name and its term, into several objects and in several ways.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::{
    Action, Client, ClientError, Context, DeleteOptions, Leadership, ObjectExt, ObjectKey, Patch,
    ReconcileError, Reconciler,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::clock;
use crate::trace::{ACCEPTED, Line};

/// The objects that are written; each is named after the way.
pub(crate) const TARGETS: [&str; 4] = ["apply", "create", "merge", "update"];

/// How long a writer rests between the look at its term and the write.
const PAUSE: Duration = Duration::from_millis(8);

/// Writes into each target again and again.
#[derive(Clone)]
pub(crate) struct Writing {
    identity: String,
    leadership: Arc<OnceLock<Leadership>>,
    count: Arc<AtomicU64>,
}

impl Writing {
    pub(crate) fn new(identity: String) -> Self {
        Self { identity, leadership: Arc::default(), count: Arc::default() }
    }

    /// Where to look up the term, once that is known.
    pub(crate) fn leadership(&self) -> Arc<OnceLock<Leadership>> {
        Arc::clone(&self.leadership)
    }

    fn term(&self) -> Option<u64> {
        self.leadership.get()?.term()
    }

    /// Writes from the beginning of the term on and for ever, which is what the trial must not let pass.
    pub(crate) async fn without_fence(self, client: Client) {
        let mut last = None;
        loop {
            sleep(PAUSE).await;
            last = self.term().or(last);
            if let Some(term) = last {
                self.note("merge", term, &client).await;
            }
        }
    }

    /// Writes once, and notes how that went.
    async fn note(&self, way: &str, term: u64, client: &Client) {
        // The term was looked at, then the process may be paused, then it writes: what a fence is for.
        sleep(PAUSE).await;
        let number = self.count.fetch_add(1, Ordering::SeqCst).to_string();
        let data = json!({"term": term.to_string(), "process": self.identity, "number": number});
        let sent = clock::now();
        let written = self.write(way, client, &data).await;
        let outcome = written.map_or_else(|error| error.reason(), |()| ACCEPTED).to_owned();
        Line::Wrote { sent, answered: clock::now(), term, verb: way.to_owned(), outcome }.note();
    }

    async fn write(&self, way: &str, client: &Client, data: &Value) -> Result<(), ClientError> {
        let key = ObjectKey::new("default", way);
        match way {
            "apply" => {
                let metadata = json!({"name": way, "namespace": "default"});
                let object =
                    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
                let patch = Patch::Apply { object, manager: String::new(), force: true };
                client.patch::<ConfigMap>(&key, &patch).await.map(drop)
            }
            "merge" => client.patch::<ConfigMap>(&key, &Patch::Merge(json!({"data": data}))).await.map(drop),
            "update" => {
                let mut map: ConfigMap = client.get(&key).await?;
                map.data = serde_json::from_value(data.clone()).ok();
                client.update(&map).await.map(drop)
            }
            _ => {
                let mut map = ConfigMap::default();
                let name = format!("made-{}-{}", self.identity, data["number"].as_str().unwrap_or_default());
                (map.metadata.namespace, map.metadata.name) = (Some("default".into()), Some(name));
                map.data = serde_json::from_value(data.clone()).ok();
                let made = client.create(&map).await?;
                client.delete::<ConfigMap>(&made.key(), &DeleteOptions::of_uid(made.uid())).await
            }
        }
    }
}

impl Reconciler for Writing {
    type Object = ConfigMap;

    async fn reconcile(
        &self,
        map: Arc<ConfigMap>,
        context: &Context<ConfigMap>,
    ) -> Result<Action, ReconcileError> {
        let name = map.key().name.to_string();
        if !TARGETS.contains(&&*name) {
            return Ok(Action::done());
        }
        if let Some(term) = self.term() {
            self.note(&name, term, context.client()).await;
        }
        Ok(Action::again_in(PAUSE))
    }
}
