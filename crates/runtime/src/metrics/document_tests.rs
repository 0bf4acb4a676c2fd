//! `docs/metrics.md` and a scrape of everything that runs say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::Request;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use kube::client::Body;
use pilothouse_machinery::{ResourceType, ResourceVersion};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::cache::{LosslessOptions, SubscriptionOptions};
use crate::client::{Client, ClientOptions};
use crate::controller::{Action, Context, Controller, ReconcileError, Reconciler};
use crate::dependency::Dependency;
use crate::journal::{Journal, JournalBatch, JournalOptions, JournalSink, KnownObject};
use crate::leader::{Election, Elector};
use crate::ledger::{
    HistoryLine, HistoryQuery, Ledger, LedgerChange, LedgerCommand, LedgerError, LedgerRecord, MemoryLedger,
};
use crate::manager::{BoxError, Manager, RunContext, Task};
use crate::metrics::Metrics;
use crate::object::Object;
use crate::testing::{Script, answer, list, object, status, status_object, stream};
use crate::{InformerOptions, Lister};

/// A series as the page or a scrape has it: type, and the names of its labels.
type Shape = (String, BTreeSet<String>);

/// What all series of informers have.
const IDENTITY: [&str; 4] = ["name", "group", "version", "resource"];

/// The rows of the page's tables.
fn documented() -> BTreeMap<String, Shape> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let page = std::fs::read_to_string(path).unwrap();
    let words =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, kind, labels, meaning, ..] = cells[..] else { panic!("{line}") };
        let name = words(name).pop().unwrap();
        let mut labels: BTreeSet<String> = words(labels).into_iter().collect();
        if name.contains("informer_") || name.contains("reflector_") || name.contains("intake_") {
            labels.extend(IDENTITY.map(str::to_owned));
        }
        assert!(!meaning.is_empty(), "{name} means nothing");
        assert!(rows.insert(name.clone(), (kind.to_owned(), labels)).is_none(), "{name} is there twice");
    }
    rows
}

/// The families of a scrape that have series.
fn scraped(text: &str) -> BTreeMap<String, Shape> {
    let mut families = BTreeMap::new();
    let mut kinds: Vec<(&str, &str)> = Vec::new();
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            kinds.push(described.split_once(' ').unwrap());
        } else if let Some((name, rest)) = line.split_once('{') {
            let (family, kind) = *kinds.last().unwrap();
            let labels =
                rest.rsplit_once('}').unwrap().0.split("\",").filter_map(|label| label.split_once('='));
            let labels: BTreeSet<_> =
                labels.map(|(label, _)| label.to_owned()).filter(|label| label != "le").collect();
            let shown = if kind == "histogram" { family } else { name };
            let known: &mut Shape = families.entry(shown.to_owned()).or_default();
            *known = (kind.to_owned(), labels);
        }
    }
    families
}

/// Calls something, and does nothing else.
struct Idle(Dependency);

impl Reconciler for Idle {
    type Object = ConfigMap;

    async fn reconcile(
        &self,
        _: Arc<ConfigMap>,
        context: &Context<ConfigMap>,
    ) -> Result<Action, ReconcileError> {
        context.call(&self.0, async { Ok::<_, BoxError>(()) }).await?;
        Ok(Action::done())
    }
}

/// A sink that fails once.
#[derive(Default)]
struct Sink {
    has_failed: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the database is down")]
struct Down;

impl JournalSink for Sink {
    type Error = Down;

    async fn position(&mut self, _: &ResourceType) -> Result<Option<ResourceVersion>, Down> {
        Ok(Some(ResourceVersion::from_number(3)))
    }

    async fn known(&mut self, _: &ResourceType) -> Result<Vec<KnownObject>, Down> {
        Ok(Vec::new())
    }

    async fn commit(&mut self, _: JournalBatch) -> Result<(), Down> {
        if std::mem::replace(&mut self.has_failed, true) { Ok(()) } else { Err(Down) }
    }
}

/// A ledger to which nothing can be written.
#[derive(Debug)]
struct Full(MemoryLedger);

impl Ledger for Full {
    fn records<'a>(
        &'a self,
        controller: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<LedgerRecord>, LedgerError>> {
        self.0.records(controller)
    }

    fn write<'a>(&'a self, _: &'a [LedgerChange]) -> BoxFuture<'a, Result<(), LedgerError>> {
        let failed = Err(LedgerError::new("write to", "DiskFull", "no space left on device"));
        std::future::ready(failed).boxed()
    }

    fn history<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryLine>, LedgerError>> {
        self.0.history(query)
    }

    fn commands<'a>(&'a self, controller: &'a str) -> BoxFuture<'a, Result<Vec<LedgerCommand>, LedgerError>> {
        self.0.commands(controller)
    }
}

/// A server on which each type goes by a script of its own.
fn client(scripts: Vec<(&'static str, Script)>, metrics: &Metrics) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        let of_type =
            scripts.iter().find(|(plural, _)| path.ends_with(plural)).map(|(_, script)| script.clone());
        of_type.unwrap_or_default().serve(request)
    });
    let inner = kube::Client::new(service, "default");
    Client::new(inner, ClientOptions::default().with_rate(100.0, 100), &Script::environment(), metrics)
}

/// Reads what makes the other series appear, and goes on until the end.
async fn read(context: RunContext) -> Result<(), Infallible> {
    let limited = InformerOptions::default().with_decoded_budget(1000);
    let maps = context.informers.informer_with(&ConfigMap::resource_type(), limited).unwrap();
    let _subscriptions = (
        maps.subscribe_with(SubscriptionOptions::default().named("test")),
        maps.subscribe_lossless(LosslessOptions::default()),
    );
    assert!(maps.wait_synced().await);
    assert!(Lister::<ConfigMap>::new(maps.clone()).list().is_err(), "one does not fit");
    let denied = context.informers.informer_of::<Secret>();
    // A request that is repeated: the client's own, not a list of an informer.
    let _ = context.client.list::<Service>(None, &Default::default()).await;
    context.shutdown.requested().await;
    drop(denied);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_page_names_each_series_of_a_scrape_with_its_type_and_labels_and_no_other() {
    let metrics = Metrics::new();
    let (feed, watch) = stream();
    let (journal_feed, journal_watch) = stream();
    let mut unfit = object("d", 4);
    unfit["data"] = json!("not a map");
    let mut unreadable = object("b", 2);
    unreadable["metadata"]["labels"] = json!({"a": 7});
    let maps = Script::of([list(7, "", &[object("a", 1), unfit, unreadable]), watch]);
    let denied = Script::default();
    (0..100).for_each(|_| denied.then(status(403, "Forbidden")));
    let pods = Script::of([journal_watch, list(9, "", &[])]);
    let services =
        Script::of([status(503, "ServiceUnavailable"), answer(404, &status_object(404, "NotFound"))]);
    let scripts = vec![("configmaps", maps), ("secrets", denied), ("pods", pods), ("services", services)];
    let (client, environment) = (client(scripts, &metrics), Script::environment());
    let journal = Journal::new(
        client.clone(),
        environment.clone(),
        Pod::resource_type(),
        Sink::default(),
        JournalOptions::default(),
    );
    // Stands in no election, so that the controller works at once.
    let elector = Elector::new(Election::new("test"), &client, &environment, &metrics).unwrap();
    let manager = Manager::new("test").client(client).environment(environment).metrics(metrics.clone());
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
    let pair = crate::testing::certificate();
    std::fs::write(&certificate, pair.0).unwrap();
    std::fs::write(&key, pair.1).unwrap();
    let manager = manager
        .serve_metrics(([127, 0, 0, 1], 0))
        .metrics_certificate(certificate, key)
        .ledger(Full(MemoryLedger::new()))
        .add(Task::new("reader", |context| async move { read(context).await.map_err(BoxError::from) }))
        .controller(Controller::of::<ConfigMap>(), Idle(Dependency::named("billing")))
        .add(journal);
    let run = manager.run_until(sleep(Duration::from_mins(1)));
    let scrape = async {
        sleep(Duration::from_secs(5)).await;
        journal_feed.event("ERROR", &status_object(410, "Expired"));
        drop(feed);
        sleep(Duration::from_secs(20)).await;
        metrics.encode()
    };
    let (ended, text) = timeout(Duration::from_mins(5), async { tokio::join!(run, scrape) }).await.unwrap();
    ended.unwrap();
    drop(elector);
    let (page, shown) = (documented(), scraped(&text));
    let difference: Vec<_> = page
        .iter()
        .filter(|(name, shape)| shown.get(*name) != Some(*shape))
        .map(|(name, shape)| format!("the page: {name} {shape:?}, the scrape: {:?}", shown.get(name)))
        .chain(
            shown
                .keys()
                .filter(|name| !page.contains_key(*name))
                .map(|name| format!("only the scrape: {name}")),
        )
        .collect();
    assert!(difference.is_empty(), "{difference:#?}\n{text}");
}
