//! How controllers end, and what outages do to them.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use pilothouse::{Action, Controller, Error};
use tokio::time::sleep;

use crate::world::{Scripted, World};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_reconcile_in_progress_is_finished_and_no_other_started() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.create(name, "").await;
    }
    let scripted = Scripted::new(&world, |_, _, _| {
        Box::pin(async {
            sleep(4 * SECOND).await;
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(SECOND).await;
    run.stop().await.unwrap();
    assert_eq!((scripted.names(), world.elapsed_ms() / 1000), (vec!["a".to_owned()], 4));
}

#[tokio::test(start_paused = true)]
async fn m3_a_reconcile_that_outlasts_the_grace_period_is_cut_off() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, _, _| Box::pin(std::future::pending()));
    let manager = world.manager().grace_period(5 * SECOND).controller(Controller::of(), scripted);
    let run = world.run(manager);
    sleep(SECOND).await;
    let error = run.stop().await.unwrap_err();
    assert!(matches!(&error, Error::NotStopped { names, .. } if names == &["configmap"]), "{error:?}");
    assert_eq!(world.elapsed_ms() / 1000, 6);
}

#[tokio::test(start_paused = true)]
async fn m3_asking_what_became_of_a_write_does_not_hold_the_stop_up_while_the_server_is_silent() {
    let world = World::impatient();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, _, context| {
        Box::pin(async move {
            let mut secret = Secret::default();
            secret.metadata.generate_name = Some("made-".into());
            context.create(secret).await?;
            Ok(Action::done())
        })
    });
    let builder = Controller::of().owns::<Secret>();
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    world.lose(Some(|method, address| method == "POST" && address.contains("secrets")));
    sleep(SECOND / 2).await;
    world.hold(Some(|method, _| method == "GET"));
    sleep(SECOND).await;
    let asked = "pilothouse_reconcile_confirmations_total{controller=\"configmap\"}";
    assert_eq!((scripted.names().len(), world.count(asked)), (1, 1), "it asks");
    run.stop().await.unwrap();
    assert_eq!(world.elapsed_ms(), 1500);
}

#[tokio::test(start_paused = true)]
async fn m8_after_the_stop_nothing_talks_to_the_server_any_more() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, _, _| Box::pin(async { Ok(Action::again_in(SECOND)) }));
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(5 * SECOND).await;
    run.stop().await.unwrap();
    let (requests, calls) = (world.server.request_log().len(), scripted.names().len());
    world.server.drop_watches();
    sleep(3600 * SECOND).await;
    assert_eq!((world.server.request_log().len(), scripted.names().len()), (requests, calls));
}

#[tokio::test(start_paused = true)]
async fn changes_during_an_outage_are_reconciled_after_it() {
    let world = World::new();
    world.create("a", "1").await;
    let scripted = Scripted::idle(&world);
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(SECOND).await;
    world.server.drop_watches();
    world.set("a", "2").await;
    sleep(60 * SECOND).await;
    world.set("a", "3").await;
    world.server.set_available(false);
    sleep(120 * SECOND).await;
    world.server.set_available(true);
    sleep(60 * SECOND).await;
    let seen: Vec<_> = scripted.values("a").into_iter().flatten().collect();
    assert_eq!(seen, ["1", "2", "3"]);
    run.stop().await.unwrap();
}
