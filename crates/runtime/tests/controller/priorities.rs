//! In which band a key stands when it comes again.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use pilothouse::{Action, Controller, Priority, ReconcileError, Retry};
use tokio::time::sleep;

use crate::world::{Scripted, World, config_map};

const SECOND: Duration = Duration::from_secs(1);

/// What the first reconcile of an object does.
type First = fn() -> Result<Action, ReconcileError>;

/// One worker. `first` reconciles and comes again after a second, while the worker is busy with `busy` for longer;
/// `rival`, a real change, comes `rival_after`. Returns the names in the order of the calls.
async fn contest(first: &'static str, is_initial: bool, ends: First, rival_after: Duration) -> Vec<String> {
    let world = World::new();
    if is_initial {
        world.create(first, "").await;
    }
    let scripted = Scripted::new(&world, move |map, count, _| {
        let (is_first, is_busy) = (
            map.metadata.name.as_deref() == Some(first) && count == 0,
            map.metadata.name.as_deref() == Some("busy"),
        );
        Box::pin(async move {
            if is_busy {
                sleep(5 * SECOND).await;
            }
            if is_first { ends() } else { Ok(Action::done()) }
        })
    });
    let builder = Controller::of().retry(Retry::exponential().starting_at(SECOND));
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(Duration::from_millis(100)).await;
    if !is_initial {
        world.client.create(&config_map(first, "")).await.unwrap();
    }
    sleep(Duration::from_millis(400)).await;
    world.client.create(&config_map("busy", "")).await.unwrap();
    sleep(rival_after).await;
    world.client.create(&config_map("rival", "")).await.unwrap();
    sleep(20 * SECOND).await;
    run.stop().await.unwrap();
    scripted.names()
}

#[tokio::test(start_paused = true)]
async fn c4_what_comes_again_keeps_its_priority() {
    let again: First = || Ok(Action::again_in(SECOND));
    let failed: First = || Err(ReconcileError::retryable("not yet"));
    for first in [again, failed] {
        let of_the_list = contest("first", true, first, 3 * SECOND).await;
        assert_eq!(of_the_list, ["first", "busy", "rival", "first"], "low as the list that it came with");
        let of_a_change = contest("first", false, first, 3 * SECOND).await;
        assert_eq!(of_a_change, ["first", "busy", "first", "rival"], "it came before the rival");
    }
}

#[tokio::test(start_paused = true)]
async fn c4_the_action_sets_another_priority() {
    let high: First = || Ok(Action::again_in(SECOND).with_priority(Priority::HIGH));
    let low: First = || Ok(Action::again_in(SECOND).with_priority(Priority::LOW));
    let raised = contest("first", true, high, SECOND / 10).await;
    assert_eq!(raised, ["first", "busy", "first", "rival"], "the rival came first");
    let lowered = contest("first", false, low, 3 * SECOND).await;
    assert_eq!(lowered, ["first", "busy", "rival", "first"]);
}
