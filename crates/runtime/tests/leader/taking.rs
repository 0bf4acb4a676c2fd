//! Who takes the lease, and when.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::coordination::v1beta1::LeaseCandidate;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use parking_lot::Mutex;
use pilothouse::leader::{Coordination, Election, Elector, End};
use pilothouse::{DeleteOptions, Environment, Metrics, ObjectKey};
use tokio::time::{Instant, sleep};

use crate::network::{Fate, Network};
use crate::world::{MILLISECOND, SECOND, World, key};

fn spec(lease: Lease) -> LeaseSpec {
    lease.spec.unwrap()
}

#[tokio::test(start_paused = true)]
async fn e1_without_a_lease_the_candidate_creates_it_and_leads() {
    let world = World::new();
    let election = Election::new("test").identity("a").label("app", "demo");
    let one = world.stand(election, Network::new(&world.server));
    assert!(!one.leads());
    one.wait_to_lead(SECOND).await;
    assert_eq!((one.leadership.term(), one.leadership.leader().as_deref()), (Some(0), Some("a")));
    let lease = world.lease().await;
    assert_eq!(lease.metadata.labels.clone().unwrap()["app"], "demo");
    let spec = spec(lease);
    assert_eq!((spec.holder_identity.as_deref(), spec.lease_transitions), (Some("a"), Some(0)));
    assert_eq!(spec.lease_duration_seconds, Some(15));
    assert_eq!(one.metric("leader_election_master_status{name=\"test\"}"), "1");
}

#[tokio::test(start_paused = true)]
async fn e1_a_fresh_lease_is_left_alone_and_a_stale_one_taken_when_it_has_not_changed_for_its_duration() {
    let world = World::new();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    let two = world.candidate("b");
    sleep(60 * SECOND).await;
    assert!(one.leads() && !two.leads());
    assert_eq!(two.leadership.leader().as_deref(), Some("a"));
    one.kill().await;
    let took = two.wait_to_lead(20 * SECOND).await;
    assert!(13 * SECOND <= took && took <= 15 * SECOND + 500 * MILLISECOND, "{took:?}");
    assert_eq!((two.leadership.term(), two.leadership.leader().as_deref()), (Some(1), Some("b")));
}

#[tokio::test(start_paused = true)]
async fn e1_e12_a_lease_without_a_holder_is_taken_at_once_and_counts_a_transition() {
    let world = World::new();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    let two = world.candidate("b");
    sleep(10 * SECOND).await;
    assert_eq!(one.stop().await, End::Stopped);
    let took = two.wait_to_lead(SECOND).await;
    assert!(took < 100 * MILLISECOND, "{took:?}");
    assert_eq!(two.leadership.term(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn e1_of_many_candidates_one_leads() {
    let world = World::new();
    let all: Vec<_> = (0..8).map(|index| world.candidate(&format!("c{index}"))).collect();
    sleep(10 * SECOND).await;
    assert_eq!(all.iter().filter(|one| one.leads()).count(), 1);
    let leader = world.holder().await;
    assert!(all.iter().all(|one| one.leadership.leader().as_deref() == Some(&*leader)));
}

#[tokio::test(start_paused = true)]
async fn e1_a_candidate_whose_watch_is_denied_still_follows_by_reading() {
    let world = World::new();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    let network = Network::new(&world.server);
    network.rule(|method, path| {
        let is_list = method == "GET" && path.contains('?');
        if method == "WATCH" || is_list { Fate::Refuse(403) } else { Fate::Pass }
    });
    let two = world.stand(Election::new("test").identity("b"), network);
    sleep(60 * SECOND).await;
    assert!(!two.leads(), "the lease is renewed");
    one.stop().await;
    let took = two.wait_to_lead(10 * SECOND).await;
    assert!(took <= 5 * SECOND, "a poll of 2 to 4.4 seconds: {took:?}");
    let three = world.candidate("c");
    sleep(5 * SECOND).await;
    two.kill().await;
    three.wait_to_lead(16 * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn e1_a_dead_leader_is_followed_also_by_reading_alone() {
    let world = World::new();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    let network = Network::new(&world.server);
    network.rule(|method, path| {
        if method == "WATCH" || path.contains('?') && method == "GET" {
            Fate::Refuse(403)
        } else {
            Fate::Pass
        }
    });
    let two = world.stand(Election::new("test").identity("b"), network);
    sleep(5 * SECOND).await;
    one.kill().await;
    let took = two.wait_to_lead(25 * SECOND).await;
    assert!(took <= 20 * SECOND, "the lease and one poll: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn e4_wall_clocks_hours_apart_change_nothing() {
    for hours in [-5_i64, 5] {
        let world = World::new();
        let one = world.candidate("a");
        one.wait_to_lead(SECOND).await;
        let epoch = Timestamp::from_second(hours * 3600).unwrap();
        let skewed = Environment::simulated(9, epoch);
        let election = Election::new("test").identity("b");
        let two = world.stand_in(election, Network::new(&world.server), &skewed);
        sleep(60 * SECOND).await;
        assert!(one.leads() && !two.leads(), "{hours} hours");
        one.kill().await;
        let took = two.wait_to_lead(16 * SECOND).await;
        assert!(took >= 13 * SECOND, "{hours} hours: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn e5_a_deleted_lease_makes_no_second_leader_while_the_first_may_believe_in_it() {
    let world = World::new();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    let two = world.candidate("b");
    sleep(5 * SECOND).await;
    one.network.cut();
    world.client.delete::<Lease>(&key(), &DeleteOptions::default()).await.unwrap();
    let start = Instant::now();
    while !two.leads() {
        sleep(100 * MILLISECOND).await;
        assert!(!(one.leads() && two.leads()), "{:?}", start.elapsed());
        assert!(start.elapsed() < 20 * SECOND);
    }
    assert!(!one.leads());
}

#[tokio::test(start_paused = true)]
async fn e5_a_leader_makes_a_lease_anew_that_was_deleted_under_it() {
    let world = World::new();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    let two = world.candidate("b");
    sleep(5 * SECOND).await;
    world.client.delete::<Lease>(&key(), &DeleteOptions::default()).await.unwrap();
    sleep(100 * MILLISECOND).await;
    assert_eq!(world.holder().await, "a");
    sleep(60 * SECOND).await;
    assert!(one.leads() && !two.leads());
}

#[tokio::test(start_paused = true)]
async fn e7_each_new_leader_is_told_once_the_first_one_seen_included_and_the_end_always() {
    let world = World::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let told = |log: &Arc<Mutex<Vec<String>>>| {
        let (started, stopped, leaders) = (Arc::clone(log), Arc::clone(log), Arc::clone(log));
        Election::new("test")
            .on_started(move |term| started.lock().push(format!("leads in term {term}")))
            .on_stopped(move || stopped.lock().push("ended".into()))
            .on_new_leader(move |leader| leaders.lock().push(format!("sees {leader}")))
    };
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    let two = world.stand(told(&log).identity("b"), Network::new(&world.server));
    sleep(30 * SECOND).await;
    assert_eq!(*log.lock(), ["sees a"]);
    one.stop().await;
    two.wait_to_lead(SECOND).await;
    two.stop().await;
    assert_eq!(*log.lock(), ["sees a", "sees b", "leads in term 1", "ended"]);
    let never = Arc::new(Mutex::new(Vec::new()));
    let one = world.candidate("c");
    one.wait_to_lead(SECOND).await;
    let three = world.stand(told(&never).identity("d"), Network::new(&world.server));
    sleep(SECOND).await;
    three.stop().await;
    assert_eq!(*never.lock(), ["sees c", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn e8_an_election_that_cannot_work_is_refused_with_what_would() {
    let world = World::new();
    let refused = |election: Election| {
        let error = Elector::new(election, &world.client, &world.environment, &Metrics::new()).unwrap_err();
        (error.reason(), error.to_string())
    };
    let (reason, text) = refused(Election::new("test").identity(" "));
    assert_eq!(reason, "InvalidElectionName");
    assert!(text.contains("give the pod's name"), "{text}");
    assert!(refused(Election::new("Bad_Name")).1.contains("lower-case"));
    assert!(refused(Election::new("test").in_namespace("a/b")).1.contains("namespace"));
    let timing = pilothouse::leader::Timing { renew_deadline: 20 * SECOND, ..Default::default() };
    assert_eq!(refused(Election::new("test").timing(timing)).0, "InvalidElectionTiming");
}

#[tokio::test(start_paused = true)]
async fn e10_a_coordinated_lease_is_not_taken_but_waited_for() {
    let world = World::new();
    let mut lease = Lease::default();
    (lease.metadata.namespace, lease.metadata.name) = (Some("default".into()), Some("test".into()));
    lease.spec = Some(LeaseSpec { strategy: Some("OldestEmulationVersion".into()), ..LeaseSpec::default() });
    world.client.create(&lease).await.unwrap();
    let one = world.candidate("a");
    sleep(60 * SECOND).await;
    assert!(!one.leads());
    world
        .change(|lease| {
            let spec = lease.spec.as_mut().unwrap();
            (spec.holder_identity, spec.lease_duration_seconds) = (Some("a".into()), Some(5));
        })
        .await;
    one.wait_to_lead(SECOND).await;
    world.change(|lease| lease.spec.as_mut().unwrap().preferred_holder = Some("b".into())).await;
    let successor = tokio::time::timeout(SECOND, one.leadership.asked_to_step_down()).await.unwrap();
    assert_eq!(successor, "b");
    assert!(one.leads(), "until its work has ended");
    one.stop().await;
    let spec = spec(world.lease().await);
    assert_eq!((spec.holder_identity.as_deref(), spec.preferred_holder.as_deref()), (Some(""), Some("b")));
    assert_eq!(spec.strategy.as_deref(), Some("OldestEmulationVersion"));
}

/// The server does not serve the type by itself, as a real one does not by default.
async fn define_candidates(world: &World) {
    let schema = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = serde_json::json!({
        "name": "v1beta1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}
    });
    let definition = serde_json::json!({
        "metadata": {
            "name": "leasecandidates.coordination.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements/pull/4355"}
        },
        "spec": {
            "group": "coordination.k8s.io", "scope": "Namespaced", "versions": [version],
            "names": {"plural": "leasecandidates", "singular": "leasecandidate", "kind": "LeaseCandidate"}
        }
    });
    let definition: CustomResourceDefinition = serde_json::from_value(definition).unwrap();
    world.client.create(&definition).await.unwrap();
    sleep(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn e10_a_coordinated_candidate_is_put_up_answers_pings_and_waits_to_be_picked() {
    let world = World::new();
    define_candidates(&world).await;
    let election =
        Election::new("test").identity("a").coordinated(Coordination::oldest_version_leads("1.4.0"));
    let one = world.stand(election, Network::new(&world.server));
    sleep(5 * SECOND).await;
    assert!(!one.leads());
    assert!(world.client.get::<Lease>(&key()).await.unwrap_err().is_not_found(), "the coordinator makes it");
    let own = ObjectKey::new("default", "a");
    let candidate: LeaseCandidate = world.client.get(&own).await.unwrap();
    assert_eq!((&*candidate.spec.lease_name, &*candidate.spec.binary_version), ("test", "1.4.0"));
    let first = candidate.spec.renew_time.clone().unwrap();
    sleep(100 * SECOND).await;
    let mut candidate: LeaseCandidate = world.client.get(&own).await.unwrap();
    assert_eq!(candidate.spec.renew_time, Some(first.clone()), "nobody asked");
    candidate.spec.ping_time = Some(MicroTime(world.environment.now()));
    world.client.update(&candidate).await.unwrap();
    sleep(SECOND).await;
    let answered: LeaseCandidate = world.client.get(&own).await.unwrap();
    assert!(answered.spec.renew_time >= candidate.spec.ping_time, "the ping is acknowledged");
    sleep(300 * SECOND).await;
    let renewed: LeaseCandidate = world.client.get(&own).await.unwrap();
    assert!(renewed.spec.renew_time > answered.spec.renew_time, "and every five minutes without one");
    let mut lease = Lease::default();
    (lease.metadata.namespace, lease.metadata.name) = (Some("default".into()), Some("test".into()));
    let strategy = Some("OldestEmulationVersion".to_owned());
    let holder_identity = Some("a".to_owned());
    lease.spec = Some(LeaseSpec {
        strategy,
        holder_identity,
        lease_duration_seconds: Some(5),
        ..LeaseSpec::default()
    });
    world.client.create(&lease).await.unwrap();
    one.wait_to_lead(SECOND).await;
    assert_eq!(spec(world.lease().await).lease_duration_seconds, Some(15));
}
