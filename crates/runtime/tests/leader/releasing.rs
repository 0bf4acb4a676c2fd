//! Giving the lease up.

use pilothouse::leader::{Election, End};
use tokio::time::{Instant, sleep};

use crate::network::{Fate, Network};
use crate::world::{MILLISECOND, SECOND, World};

#[tokio::test(start_paused = true)]
async fn e6_a_leader_that_stops_leaves_the_lease_without_a_holder_at_whatever_moment_it_stops() {
    // Every 50 milliseconds of a renewal that takes 400, and of the wait before it.
    for step in 0..60_u32 {
        let world = World::new();
        let network = Network::new(&world.server);
        network.rule(|method, _| if method == "PUT" { Fate::Late(400 * MILLISECOND) } else { Fate::Pass });
        let one = world.stand(Election::new("test").identity("a"), network);
        one.wait_to_lead(SECOND).await;
        sleep(step * 50 * MILLISECOND).await;
        assert_eq!(one.stop().await, End::Stopped);
        sleep(5 * SECOND).await;
        assert_eq!(world.holder().await, "", "stopped {step} steps after it led");
        let spec = world.lease().await.spec.unwrap();
        assert_eq!((spec.lease_duration_seconds, spec.lease_transitions), (Some(1), Some(0)));
    }
}

#[tokio::test(start_paused = true)]
async fn e6_a_candidate_that_stops_in_the_middle_of_its_first_attempt_leaves_nothing_behind() {
    for step in 0..40_u32 {
        let world = World::new();
        let network = Network::new(&world.server);
        network.rule(|method, _| match method {
            "GET" | "POST" => Fate::Late(400 * MILLISECOND),
            _ => Fate::Pass,
        });
        let one = world.stand(Election::new("test").identity("a"), network);
        sleep(step * 25 * MILLISECOND).await;
        one.stop().await;
        sleep(5 * SECOND).await;
        let lease = world.client.get::<k8s_openapi::api::coordination::v1::Lease>(&crate::world::key()).await;
        let holder = lease.ok().and_then(|lease| lease.spec.unwrap().holder_identity).unwrap_or_default();
        assert_eq!(holder, "", "stopped after {step} steps");
    }
}

#[tokio::test(start_paused = true)]
async fn e6_a_conflict_while_giving_up_is_tried_again() {
    let world = World::new();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    one.network.rule(|method, _| if method == "WATCH" { Fate::Hang } else { Fate::Pass });
    world.change(|lease| lease.metadata.labels = Some([("team".to_owned(), "blue".to_owned())].into())).await;
    one.stop().await;
    assert_eq!(world.holder().await, "");
}

#[tokio::test(start_paused = true)]
async fn e6_whoever_does_not_lead_gives_nothing_up() {
    let world = World::new();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    let two = world.candidate("b");
    sleep(5 * SECOND).await;
    two.network.seen.lock().clear();
    let network = two.network.clone();
    two.stop().await;
    assert_eq!(network.trace(), "");
    assert_eq!(world.holder().await, "a");
}

#[tokio::test(start_paused = true)]
async fn e6_without_release_the_lease_stays_until_it_runs_out() {
    let world = World::new();
    let election = Election::new("test").identity("a").release_on_stop(false);
    let one = world.stand(election, Network::new(&world.server));
    one.wait_to_lead(SECOND).await;
    let two = world.candidate("b");
    sleep(SECOND).await;
    one.stop().await;
    assert_eq!(world.holder().await, "a");
    assert!(two.wait_to_lead(16 * SECOND).await > 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn e6_a_server_that_does_not_answer_holds_the_stop_up_for_a_bounded_time() {
    let world = World::new();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    one.network.cut();
    let start = Instant::now();
    one.stop().await;
    assert!(start.elapsed() <= 10 * SECOND, "{:?}", start.elapsed());
}
