//! Renewing the lease, and losing it.

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::leader::End;
use pilothouse::{ClientError, Patch};
use tokio::time::{Instant, sleep};

use crate::network::Fate;
use crate::world::{Candidate, MILLISECOND, SECOND, World};

async fn leader(world: &World) -> Candidate {
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    one
}

#[tokio::test(start_paused = true)]
async fn e2_e3_a_renewal_is_one_write_and_keeps_acquisition_and_transitions() {
    let world = World::new();
    let one = leader(&world).await;
    let before = world.lease().await.spec.unwrap();
    one.network.seen.lock().clear();
    sleep(11 * SECOND).await;
    assert_eq!(one.network.trace(), "PPPPP", "five writes in eleven seconds, and no read");
    let after = world.lease().await.spec.unwrap();
    assert_eq!(
        (before.acquire_time, before.lease_transitions),
        (after.acquire_time, after.lease_transitions)
    );
    assert!(after.renew_time > before.renew_time);
}

#[tokio::test(start_paused = true)]
async fn e3_after_a_conflict_the_lease_is_read_and_written_in_the_same_attempt() {
    let world = World::new();
    let one = leader(&world).await;
    // The watch does not tell in time of somebody's label.
    one.network.rule(|method, _| if method == "WATCH" { Fate::Hang } else { Fate::Pass });
    world.change(|lease| lease.metadata.labels = Some([("team".to_owned(), "blue".to_owned())].into())).await;
    one.network.seen.lock().clear();
    sleep(3 * SECOND).await;
    assert_eq!(one.network.trace(), "PGP");
    assert!(one.leads());
    let lease = world.lease().await;
    assert_eq!(lease.metadata.labels.unwrap()["team"], "blue");
    assert_eq!(one.metric("leader_election_slowpath_total{name=\"test\"}"), "1");
}

#[tokio::test(start_paused = true)]
async fn e3_a_renewal_whose_answer_was_lost_is_found_out_and_the_term_goes_on() {
    let world = World::new();
    let one = leader(&world).await;
    let mut lost = 0;
    one.network.rule(move |method, _| {
        lost += usize::from(method == "PUT");
        if method == "PUT" && lost == 1 { Fate::LoseAnswer } else { Fate::Pass }
    });
    sleep(60 * SECOND).await;
    assert!(one.leads());
}

#[tokio::test(start_paused = true)]
async fn e5_whoever_cannot_renew_stops_before_anybody_else_starts() {
    let world = World::new();
    let one = leader(&world).await;
    let two = world.candidate("b");
    sleep(21 * SECOND).await;
    one.network.cut();
    let start = Instant::now();
    let ended = world.environment.spawn("aside", {
        let leadership = one.leadership.clone();
        async move {
            leadership.lost().await;
            Instant::now()
        }
    });
    two.wait_to_lead(16 * SECOND).await;
    let ended = ended.await.unwrap() - start;
    assert!(ended <= 10 * SECOND, "the renew deadline after the last renewal: {ended:?}");
    assert!(start.elapsed() >= 13 * SECOND, "{:?}", start.elapsed());
    assert!(!one.leads());
    one.network.mend();
    sleep(30 * SECOND).await;
    assert!(two.leads() && !one.leads(), "a lost term does not come back");
    assert_eq!(one.leadership.ended().await, End::Lost);
    assert_eq!(one.metric("leader_election_master_status{name=\"test\"}"), "0");
}

#[tokio::test(start_paused = true)]
async fn e5_a_slow_server_is_no_reason_to_stop_while_renewals_succeed() {
    let world = World::new();
    let one = leader(&world).await;
    one.network.rule(|method, _| if method == "PUT" { Fate::Late(4 * SECOND) } else { Fate::Pass });
    sleep(120 * SECOND).await;
    assert!(one.leads());
    // Answers within the request's time, but the second half of the deadline is not enough for what comes then.
    one.network.rule(|method, _| if method == "PUT" { Fate::Late(6 * SECOND) } else { Fate::Pass });
    sleep(30 * SECOND).await;
    assert!(!one.leads());
}

#[tokio::test(start_paused = true)]
async fn e5_a_lease_taken_by_hand_ends_the_term_as_soon_as_the_watch_tells() {
    let world = World::new();
    let one = leader(&world).await;
    sleep(SECOND).await;
    world.change(|lease| lease.spec.as_mut().unwrap().holder_identity = Some("operator".into())).await;
    sleep(10 * MILLISECOND).await;
    assert!(!one.leads());
    assert_eq!(one.leadership.ended().await, End::Lost);
}

#[tokio::test(start_paused = true)]
async fn e9_a_standby_is_healthy_and_a_leader_that_hangs_is_not() {
    let world = World::new();
    let one = leader(&world).await;
    let two = world.candidate("b");
    sleep(10 * SECOND).await;
    one.leadership.check(20 * SECOND).unwrap();
    one.freezer.freeze_for(100 * SECOND);
    sleep(32 * SECOND).await;
    one.leadership.check(20 * SECOND).unwrap();
    sleep(4 * SECOND).await;
    let error = one.leadership.check(20 * SECOND).unwrap_err();
    assert_eq!(error.reason(), "LeaseNotRenewed");
    two.leadership.check(20 * SECOND).unwrap();
}

#[tokio::test(start_paused = true)]
async fn e11_no_write_of_a_paused_leader_goes_out_after_its_term() {
    let world = World::new();
    let one = leader(&world).await;
    let two = world.candidate("b");
    let fenced = one.client.fenced(&one.leadership);
    let write = |client: pilothouse::Client| async move {
        let patch = Patch::Merge(serde_json::json!({"data": {"written": "yes"}}));
        client.patch::<ConfigMap>(&pilothouse::ObjectKey::new("default", "target"), &patch).await
    };
    let mut target = ConfigMap::default();
    (target.metadata.namespace, target.metadata.name) = (Some("default".into()), Some("target".into()));
    fenced.create(&target).await.unwrap();
    // Everything of the first process stops, with a write on its way that the network holds up.
    one.network.rule(|method, path| {
        if method == "PATCH" && path.contains("target") { Fate::Late(60 * SECOND) } else { Fate::Pass }
    });
    let on_its_way = world.environment.spawn("aside", write(fenced.clone()));
    sleep(MILLISECOND).await;
    one.freezer.freeze_for(40 * SECOND);
    two.wait_to_lead(16 * SECOND).await;
    let refused = write(fenced.clone()).await.unwrap_err();
    assert!(matches!(refused, ClientError::NotLeading { .. }), "{refused:?}");
    assert!(!refused.may_have_been_applied() && !refused.is_retryable());
    let given_up = on_its_way.await.unwrap().unwrap_err();
    assert!(matches!(given_up, ClientError::NotLeading { .. }) && given_up.may_have_been_applied());
    sleep(90 * SECOND).await;
    let target: ConfigMap = fenced.get(&pilothouse::ObjectKey::new("default", "target")).await.unwrap();
    assert_eq!(target.data, None, "and reads pass");
    assert!(write(one.client.fenced(&one.leadership)).await.is_err());
    write(two.client.fenced(&two.leadership)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn e11_a_client_without_an_election_is_not_fenced() {
    let world = World::new();
    let leadership = pilothouse::Leadership::without_election();
    assert!(leadership.is_leader() && leadership.acquired().await);
    let mut map = ConfigMap::default();
    (map.metadata.namespace, map.metadata.name) = (Some("default".into()), Some("free".into()));
    world.client.fenced(&leadership).create(&map).await.unwrap();
}
