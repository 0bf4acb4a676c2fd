//! The server's side of a history: what is done to it, and what it held when.
#![expect(clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use parking_lot::Mutex;
use pilothouse::machinery::LabelSelector;
use pilothouse::{
    Client, ClientOptions, DeleteOptions, Environment, Metrics, ObjectExt, ObjectKey, Selection, Snapshot,
    k8s_openapi, kube,
};
use pilothouse_apiserver::ApiServer;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::time::sleep;

use crate::chaos::{Chaos, Fault};

const NAMES: usize = 6;
const NAMESPACES: [&str; 2] = ["default", "other"];

/// Objects by key: uid and version.
pub(crate) type View = BTreeMap<ObjectKey, (String, u64)>;

/// A whole history.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    /// Which of the selections is followed.
    pub(crate) selected: usize,
    pub(crate) streams: bool,
    pub(crate) page_size: Option<u32>,
    /// How many bytes of a body come at once.
    pub(crate) piece: usize,
    /// What is written before the informer starts.
    pub(crate) before: Vec<Step>,
    /// How its first requests fare.
    pub(crate) first: Vec<Fault>,
    pub(crate) steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Create(usize, bool),
    Touch(usize),
    /// Into or out of the selector.
    Relabel(usize),
    Delete(usize),
    /// Deleted and created again at once: another uid.
    Move(usize),
    /// Several of these, and no time in between.
    Burst(Vec<Self>),
    /// Another subscriber comes.
    Join,
    DropWatches,
    /// The history so far is forgotten.
    Compact,
    /// The server is gone for so many seconds.
    Outage(u64),
    /// The next request of the informer fares so.
    Next(Fault),
    Wait(u64),
    Repair,
}

impl Case {
    pub(crate) fn selection(&self) -> Selection {
        let web = || LabelSelector::parse("app=web").expect("a selector");
        match self.selected {
            0 => Selection::everything().with_labels(web()),
            1 => Selection::in_namespace("default").with_labels(web()),
            2 => Selection::in_namespace("other"),
            _ => Selection::everything(),
        }
    }
}

/// Something is written.
fn write() -> impl Strategy<Value = Step> {
    let object = || 0..2 * NAMES;
    prop_oneof![
        6 => (object(), any::<bool>()).prop_map(|(object, web)| Step::Create(object, web)),
        5 => object().prop_map(Step::Touch),
        4 => object().prop_map(Step::Relabel),
        3 => object().prop_map(Step::Delete),
        2 => object().prop_map(Step::Move),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        18 => write(),
        3 => vec(write(), 2..8).prop_map(Step::Burst),
        1 => Just(Step::Join),
        2 => Just(Step::DropWatches),
        2 => Just(Step::Compact),
        1 => (1_u64..20).prop_map(Step::Outage),
        8 => fault().prop_map(Step::Next),
        6 => prop_oneof![Just(1_u64), Just(2_000), Just(40_000)].prop_map(Step::Wait),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Expired),
        Just(Fault::ExpiredEvent),
        Just(Fault::Busy),
        Just(Fault::Refuse),
        Just(Fault::EndAtOnce),
        (0_usize..1500, any::<bool>()).prop_map(|(after, clean)| Fault::Cut { after, clean }),
        (1500_usize..6000, any::<bool>()).prop_map(|(after, clean)| Fault::Cut { after, clean }),
        Just(Fault::Pass),
        (1_u64..9, any::<bool>()).prop_map(|(milliseconds, stale)| Fault::Late { milliseconds, stale }),
        (1_u64..9).prop_map(Fault::ExpiredLate),
    ]
}

fn cut() -> impl Strategy<Value = Fault> {
    (200_usize..3000, any::<bool>()).prop_map(|(after, clean)| Fault::Cut { after, clean })
}

fn next(faults: Vec<Fault>) -> impl Iterator<Item = Step> {
    faults.into_iter().map(Step::Next)
}

/// The history is gone, and then the watch; one of the requests of the list that follows fails, and things are written.
fn troubled_list() -> impl Strategy<Value = Vec<Step>> {
    let trouble = prop_oneof![3 => cut(), 2 => (1_u64..5).prop_map(Fault::ExpiredLate), 1 => fault()];
    let faults =
        (1_usize..4, trouble).prop_map(|(good, trouble)| [vec![Fault::Pass; good], vec![trouble]].concat());
    let during = vec(prop_oneof![2 => write(), 3 => (0..2 * NAMES).prop_map(Step::Delete)], 1..8);
    (write(), faults, during).prop_map(|(write, faults, during)| {
        let begin = [write, Step::Compact].into_iter().chain(next(faults)).chain([Step::DropWatches]);
        begin.chain(during).chain([Step::Wait(3_000)]).collect()
    })
}

/// The watch is lost and not opened again for a while; when it is, it breaks off in the midst of what was missed.
fn troubled_watch() -> impl Strategy<Value = Vec<Step>> {
    (cut(), vec(write(), 3..10)).prop_map(|(cut, missed)| {
        let begin = next(vec![Fault::Busy, cut]).chain([Step::DropWatches]);
        begin.chain(missed).chain([Step::Wait(3_000)]).collect()
    })
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let page_size = prop_oneof![Just(None), (1_u32..4).prop_map(Some)];
    let piece = prop_oneof![Just(1 << 20), 40_usize..400];
    let single = step().prop_map(|step| vec![step]);
    let scene = prop_oneof![10 => single, 1 => troubled_list(), 1 => troubled_watch()];
    let steps = vec(scene, 1..60).prop_map(|scenes| scenes.concat());
    let begin = (vec(write(), 0..12), vec(fault(), 0..4));
    (any::<u64>(), 0_usize..4, any::<bool>(), page_size, piece, begin, steps).prop_map(
        |(seed, selected, streams, page_size, piece, (before, first), steps)| Case {
            seed,
            selected,
            streams,
            page_size,
            piece,
            before,
            first,
            steps,
        },
    )
}

/// The server and its memory.
pub(crate) struct World {
    server: ApiServer,
    direct: Client,
    chaos: Chaos,
    pub(crate) environment: Environment,
    pub(crate) metrics: Metrics,
    pub(crate) selection: Selection,
    /// What was selected at each revision at which something changed.
    history: BTreeMap<u64, View>,
}

impl World {
    pub(crate) async fn new(case: &Case) -> Self {
        let environment = Environment::simulated(case.seed, Timestamp::UNIX_EPOCH);
        let server = ApiServer::builder().environment(environment.clone()).build();
        let metrics = Metrics::new();
        let direct = kube::Client::new(server.clone(), "default");
        let direct = Client::new(direct, ClientOptions::unlimited(), &environment, &metrics);
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some("other".into());
        direct.create(&namespace).await.expect("a namespace");
        let faults = Arc::new(Mutex::default());
        let chaos = Chaos { server: server.clone(), faults, piece: case.piece };
        let selection = case.selection();
        let history = BTreeMap::new();
        let mut world = Self { server, direct, chaos, environment, metrics, selection, history };
        world.remember().await;
        world
    }

    pub(crate) fn chaotic_client(&self) -> Client {
        let inner = kube::Client::new(self.chaos.clone(), "default");
        Client::new(inner, ClientOptions::unlimited(), &self.environment, &self.metrics)
    }

    /// What the server has of what is selected.
    pub(crate) async fn selected(&self) -> View {
        let all: Vec<ConfigMap> = self.direct.list(None, &Default::default()).await.expect("a list");
        let is_selected = |object: &&ConfigMap| {
            let labels = object.metadata.labels.clone().unwrap_or_default();
            let here = self.selection.namespace.as_deref();
            here.is_none_or(|here| object.key().namespace() == Some(here))
                && self.selection.labels.matches(|label| labels.get(label).map(String::as_str))
        };
        let entry = |object: &ConfigMap| {
            let version = object.resource_version().number().expect("a number");
            (object.key(), (object.uid().to_owned(), version))
        };
        all.iter().filter(is_selected).map(entry).collect()
    }

    async fn remember(&mut self) {
        let now = self.server.current_resource_version().number().expect("a number");
        let selected = self.selected().await;
        self.history.insert(now, selected);
    }

    async fn get(&self, object: usize) -> Option<ConfigMap> {
        self.direct.get(&key(object)).await.ok()
    }

    async fn create(&self, object: usize, web: bool) {
        let key = key(object);
        let mut new = ConfigMap::default();
        new.metadata.name = Some(key.name.to_string());
        new.metadata.namespace = key.namespace().map(str::to_owned);
        new.metadata.labels = web.then(web_label);
        self.direct.create(&new).await.expect("created");
    }

    /// How the next requests of the informer fare.
    pub(crate) fn trouble(&self, faults: &[Fault]) {
        self.chaos.faults.lock().extend(faults);
    }

    /// Does one step, and lets the informer run for a moment.
    pub(crate) async fn take(&mut self, step: &Step) {
        match step {
            Step::Burst(writes) => {
                for write in writes {
                    self.write(write).await;
                }
            }
            Step::DropWatches => self.server.drop_watches(),
            Step::Compact => self.server.compact(None),
            Step::Outage(seconds) => {
                self.server.set_available(false);
                sleep(Duration::from_secs(*seconds)).await;
                self.server.set_available(true);
            }
            Step::Next(fault) => self.trouble(&[*fault]),
            Step::Wait(milliseconds) => sleep(Duration::from_millis(*milliseconds)).await,
            Step::Repair => self.chaos.faults.lock().clear(),
            write => self.write(write).await,
        }
        sleep(Duration::from_millis(1)).await;
    }

    async fn write(&mut self, step: &Step) {
        match step {
            Step::Create(object, web) if self.get(*object).await.is_none() => {
                self.create(*object, *web).await;
            }
            Step::Create(object, _) | Step::Touch(object) => {
                if let Some(mut found) = self.get(*object).await {
                    let value = self.environment.random_u64().to_string();
                    found.data = Some(BTreeMap::from([("value".to_owned(), value)]));
                    self.direct.update(&found).await.expect("updated");
                }
            }
            Step::Relabel(object) => {
                if let Some(mut found) = self.get(*object).await {
                    let web = found.metadata.labels.is_none();
                    found.metadata.labels = web.then(web_label);
                    self.direct.update(&found).await.expect("updated");
                }
            }
            Step::Delete(object) | Step::Move(object) => {
                let found = self.get(*object).await;
                if found.is_some() {
                    let options = DeleteOptions::default();
                    self.direct.delete::<ConfigMap>(&key(*object), &options).await.expect("deleted");
                    self.remember().await;
                }
                if let (Step::Move(_), Some(found)) = (step, found) {
                    self.create(*object, found.metadata.labels.is_some()).await;
                }
            }
            _ => {}
        }
        self.remember().await;
    }

    /// A store shows the selected part of exactly the state of its version, and is in sync only when it shows one.
    pub(crate) fn check(&self, snapshot: &Snapshot, is_synced: bool) -> Result<(), TestCaseError> {
        let version = snapshot.resource_version().number().expect("a number");
        prop_assert_eq!(is_synced, version > 0, "in sync at {}", version);
        if is_synced {
            let then = self.history.range(..=version).next_back().expect("since the beginning").1;
            prop_assert_eq!(&view(snapshot), then, "at {}", version);
        } else {
            prop_assert!(snapshot.is_empty());
        }
        Ok(())
    }
}

pub(crate) fn view(snapshot: &Snapshot) -> View {
    let entry = |object: &Arc<pilothouse::CachedObject>| {
        let version = object.resource_version().number().expect("a number");
        (object.key().clone(), (object.uid().to_string(), version))
    };
    snapshot.iter().map(entry).collect()
}

fn key(object: usize) -> ObjectKey {
    ObjectKey::new(NAMESPACES[object % 2], format!("o{}", object / 2))
}

fn web_label() -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), "web".to_owned())])
}
