//! Any history of cuts, pauses, delays and stops: never two leaders, and no write of an old term after a new one.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use k8s_openapi::api::core::v1::ConfigMap;
use parking_lot::Mutex;
use pilothouse::leader::{Election, Timing};
use pilothouse::{ObjectKey, Patch};
use proptest::prelude::*;
use tokio::time::sleep;

use crate::network::{Fate, Network};
use crate::world::{Candidate, MILLISECOND, SECOND, World};

#[derive(Clone, Debug)]
enum Step {
    Cut(usize),
    Mend(usize),
    Freeze(usize, u64),
    Slow(usize, u64),
    LoseAnswers(usize),
    DenyWatch(usize),
    Replace(usize),
    Kill(usize),
    Wait(u64),
}

const CANDIDATES: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let one = 0..CANDIDATES;
    prop_oneof![
        2 => one.clone().prop_map(Step::Cut),
        3 => one.clone().prop_map(Step::Mend),
        2 => (one.clone(), 500_u64..20_000).prop_map(|(one, time)| Step::Freeze(one, time)),
        2 => (one.clone(), 1_u64..4_000).prop_map(|(one, time)| Step::Slow(one, time)),
        1 => one.clone().prop_map(Step::LoseAnswers),
        1 => one.clone().prop_map(Step::DenyWatch),
        2 => one.clone().prop_map(Step::Replace),
        1 => one.prop_map(Step::Kill),
        6 => (10_u64..8_000).prop_map(Step::Wait),
    ]
}

/// The writes that the server accepted, in its order.
type Accepted = Arc<Mutex<Vec<Bytes>>>;

fn terms(accepted: &Accepted) -> Vec<u64> {
    let term = |body: &Bytes| {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        body["data"]["term"].as_str().unwrap().parse().unwrap()
    };
    accepted.lock().iter().map(term).collect()
}

struct Cluster {
    world: World,
    all: Vec<Option<Candidate>>,
    accepted: Accepted,
    born: usize,
}

impl Cluster {
    async fn new() -> Self {
        let world = World::new();
        let mut target = ConfigMap::default();
        (target.metadata.namespace, target.metadata.name) = (Some("default".into()), Some("target".into()));
        world.client.create(&target).await.unwrap();
        let mut cluster = Self { world, all: Vec::new(), accepted: Accepted::default(), born: 0 };
        for _ in 0..CANDIDATES {
            let candidate = cluster.bear();
            cluster.all.push(Some(candidate));
        }
        cluster
    }

    /// A candidate that writes as often as it can while it leads, and stops with its process.
    fn bear(&mut self) -> Candidate {
        self.born += 1;
        let timing = Timing { lease_duration: 5 * SECOND, renew_deadline: 3 * SECOND, retry_period: SECOND };
        let election = Election::new("test").identity(format!("c{}", self.born)).timing(timing);
        let network = Network { accepted: Arc::clone(&self.accepted), ..Network::new(&self.world.server) };
        let one = self.world.stand(election, network);
        let (client, leadership) = (one.client.fenced(&one.leadership), one.leadership.clone());
        let work = async move {
            leadership.acquired().await;
            while let Some(term) = leadership.term() {
                // The term is looked at, then the process may be paused, then it writes.
                sleep(80 * MILLISECOND).await;
                let patch = Patch::Merge(serde_json::json!({"data": {"term": term.to_string()}}));
                let target = ObjectKey::new("default", "target");
                // What the server accepts is counted there.
                let _ = client.patch::<ConfigMap>(&target, &patch).await;
            }
        };
        drop(self.world.environment.spawn("worker", one.freezer.hold(work)));
        one
    }

    async fn perform(&mut self, step: &Step) {
        let network = |one: usize| self.all[one].as_ref().map(|one| one.network.clone());
        let rule = |one: usize, rule: fn(&str) -> Fate| {
            if let Some(network) = network(one) {
                network.rule(move |method, _| rule(method));
            }
        };
        match *step {
            Step::Cut(one) => rule(one, |_| Fate::Hang),
            Step::Mend(one) => drop(network(one).map(|network| network.mend())),
            Step::LoseAnswers(one) => {
                rule(one, |method| if method == "PUT" { Fate::LoseAnswer } else { Fate::Pass });
            }
            Step::DenyWatch(one) => {
                rule(one, |method| if method == "WATCH" { Fate::Refuse(403) } else { Fate::Pass });
            }
            Step::Slow(one, time) => {
                if let Some(network) = network(one) {
                    let time = Duration::from_millis(time);
                    network
                        .rule(move |method, _| if method == "WATCH" { Fate::Pass } else { Fate::Late(time) });
                }
            }
            Step::Freeze(one, time) => {
                if let Some(one) = &self.all[one] {
                    one.freezer.freeze_for(Duration::from_millis(time));
                }
            }
            Step::Replace(one) => {
                let new = self.bear();
                if let Some(old) = self.all[one].replace(new) {
                    old.ask_to_stop();
                    let _ = tokio::time::timeout(10 * SECOND, old.stop()).await;
                }
            }
            Step::Kill(one) => {
                if let Some(one) = self.all[one].take() {
                    one.kill().await;
                }
            }
            Step::Wait(time) => self.watch_for(Duration::from_millis(time)).await,
        }
    }

    /// Lets time pass, and looks often.
    async fn watch_for(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let piece = left.min(50 * MILLISECOND);
            sleep(piece).await;
            left -= piece;
            let leaders = self.all.iter().flatten().filter(|one| one.leads()).count();
            assert!(leaders <= 1, "{leaders} leaders");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn e5_e11_never_two_leaders_and_no_write_of_an_old_term(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let mut cluster = Cluster::new().await;
            for step in &steps {
                cluster.perform(step).await;
            }
            for one in cluster.all.iter().flatten() {
                one.network.mend();
            }
            cluster.watch_for(30 * SECOND).await;
            let accepted = terms(&cluster.accepted);
            let back = accepted.windows(2).position(|pair| pair[0] > pair[1]);
            assert!(back.is_none(), "a write of an old term: {:?}", back.map(|at| &accepted[at..at + 2]));
            // Whatever happened, somebody who lives and has not lost leads in the end.
            let alive = || cluster.all.iter().flatten();
            let standing = alive().filter(|one| !one.leads() && one.leadership.end().is_none()).count();
            let leaders = alive().filter(|one| one.leads()).count();
            assert!(leaders == 1 || standing == 0, "nobody leads");
        });
    }
}
