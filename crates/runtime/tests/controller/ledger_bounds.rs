//! Failing objects, a ledger that is slow, and one that holds more than there is room for (D4, D5, D7).

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::{Controller, DeadLetterOptions, ReconcileError};
use tokio::time::sleep;

use crate::durability::{all, kill, names, scripted, slow_retry, start};
use crate::ledger::{Kept, Mood};
use crate::world::{Scripted, World, key};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn d7_an_object_is_tried_again_as_soon_as_a_slow_ledger_holds_its_failure() {
    let (world, ledger) = (World::new(), Kept::default());
    let scripted = scripted(&world);
    let (run, _) = start(&world, &ledger, Controller::of(), &scripted);
    sleep(SECOND).await;
    ledger.set(Mood::Slow(Duration::from_millis(200)));
    world.create("a", "flaky").await;
    sleep(SECOND).await;
    let times = scripted.times("a");
    let gap = times[1] - times[0];
    assert!((200..=250).contains(&gap), "{times:?}: when it was written, not when nobody waits any longer");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d5_failures_of_an_object_that_was_replaced_during_an_attempt_do_not_count_for_the_new_one() {
    let (world, ledger) = (World::new(), Kept::default());
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, call, _| {
        Box::pin(async move {
            if call == 2 {
                sleep(5 * SECOND).await;
            }
            Err(ReconcileError::retryable("not yet"))
        })
    });
    let (run, _) = start(&world, &ledger, Controller::of().retry(slow_retry()), &scripted);
    sleep(32 * SECOND).await;
    assert_eq!((scripted.times("a").len(), ledger.attempts("a")), (3, 2), "the third is under way");
    world.client.delete::<ConfigMap>(&key("a"), &Default::default()).await.unwrap();
    world.create("a", "").await;
    sleep(4 * SECOND).await;
    let attempts = ledger.attempts("a");
    assert!(attempts < 3, "{attempts}");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d4_after_a_restart_with_a_smaller_list_what_finds_no_room_is_tried_again() {
    let (world, ledger) = (World::new(), Kept::default());
    for name in ["a", "b", "c"] {
        world.create(name, "bad").await;
    }
    let first = scripted(&world);
    let (run, letters) = start(&world, &ledger, Controller::of(), &first);
    sleep(SECOND).await;
    assert_eq!(names(&letters, &all()), ["a", "b", "c"]);
    kill(run).await;
    let second = scripted(&world);
    let builder = Controller::of().dead_letters(DeadLetterOptions::default().at_most(2));
    let (run, letters) = start(&world, &ledger, builder, &second);
    sleep(SECOND).await;
    assert_eq!((names(&letters, &all()).len(), second.calls.lock().len()), (2, 1));
    run.stop().await.unwrap();
}
