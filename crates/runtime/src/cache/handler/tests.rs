//! The promises of handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::*;
use crate::cache::fixture::{World, soon, word};
use crate::cache::{Change, SubscriptionOptions};

type Log = Arc<Mutex<Vec<String>>>;

/// A handler that writes down what it is told.
fn writer(log: &Log) -> impl Handler + use<> {
    let log = Arc::clone(log);
    move |change: Change| {
        log.lock().push(word(&change));
        std::future::ready(())
    }
}

/// Lets tasks work and takes what was written down.
async fn written(log: &Log) -> String {
    sleep(Duration::from_millis(1)).await;
    std::mem::take(&mut *log.lock()).join(" ")
}

#[tokio::test(start_paused = true)]
async fn s7_s8_handlers_get_the_state_as_initial_changes_and_then_changes_one_after_the_other() {
    let world = World::new();
    let (one, two) = (Log::default(), Log::default());
    let early = world.informer.handle(HandlerOptions::default(), writer(&one)).unwrap();
    assert!(soon(early.synced().done()).await.is_none());
    world.list("a@1 b@2");
    assert_eq!(written(&one).await, "!+a@1 !+b@2");
    assert!(early.has_synced());
    let late = world.informer.handle(HandlerOptions::default(), writer(&two)).unwrap();
    assert!(!late.has_synced());
    world.watch("~a@3");
    assert_eq!((written(&one).await, written(&two).await), ("~a@3(1)".into(), "!+a@3 !+b@2".into()));
    assert!(late.has_synced() && !late.is_ended());
}

#[tokio::test(start_paused = true)]
async fn s8_a_late_handler_is_in_sync_when_its_call_for_the_last_initial_object_has_returned() {
    let world = World::listed("a@1 b@2");
    let (started, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (begin, wait) = (Arc::clone(&started), Arc::clone(&go));
    let slow = move |_: Change| {
        let (begin, wait) = (Arc::clone(&begin), Arc::clone(&wait));
        async move {
            begin.add_permits(1);
            wait.acquire().await.unwrap().forget();
        }
    };
    let late = world.informer.handle(HandlerOptions::default(), slow).unwrap();
    for _ in ["a", "b"] {
        soon(started.acquire()).await.unwrap().unwrap().forget();
        assert!(!late.has_synced() && soon(late.synced().done()).await.is_none());
        go.add_permits(1);
    }
    assert!(soon(late.synced().done()).await.is_some() && late.has_synced());
}

#[tokio::test(start_paused = true)]
async fn s9_removing_a_handler_twice_or_after_the_stop_is_fine_and_others_lose_nothing() {
    let world = World::listed("a@1");
    let (one, two) = (Log::default(), Log::default());
    let first = world.informer.handle(HandlerOptions::default(), writer(&one)).unwrap();
    let second = world.informer.handle(HandlerOptions::default(), writer(&two)).unwrap();
    assert_eq!((written(&one).await, written(&two).await), ("!+a@1".into(), "!+a@1".into()));
    world.watch("~a@2");
    assert!(soon(first.remove()).await.is_some() && soon(first.remove()).await.is_some());
    world.watch("~a@3");
    assert_eq!(written(&one).await, "", "nothing is told after the removal");
    assert_eq!(written(&two).await, "~a@2(1) ~a@3(2)");
    assert_eq!(soon(first.wait()).await, Some(Ok(())));
    world.stop();
    assert_eq!(soon(second.wait()).await, Some(Ok(())));
    assert!(soon(second.remove()).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn s9_a_registration_removes_its_own_handler_whatever_others_there_are_here_and_elsewhere() {
    let (here, elsewhere) = (World::listed("a@1"), World::listed("a@1"));
    let logs = [(); 4].map(|()| Log::default());
    let worlds = [&here, &elsewhere, &here, &elsewhere];
    let handle = |(world, log): (&&World, &Log)| {
        world.informer.handle(HandlerOptions::default(), writer(log)).unwrap()
    };
    let registrations: Vec<_> = worlds.iter().zip(&logs).map(handle).collect();
    for log in &logs {
        written(log).await;
    }
    // The first one removed came first elsewhere, the next one last here.
    for (round, (removed, left)) in [(1, vec![0, 2, 3]), (2, vec![0, 3])].into_iter().enumerate() {
        let version = round + 2;
        assert!(soon(registrations[removed].remove()).await.is_some());
        here.watch(&format!("~a@{version}"));
        elsewhere.watch(&format!("~a@{version}"));
        for (number, log) in logs.iter().enumerate() {
            assert_eq!(!written(log).await.is_empty(), left.contains(&number), "handler {number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s10_when_a_removal_returns_no_call_is_running_and_none_will_come() {
    let world = World::listed("a@1 b@2");
    let (started, go, done) =
        (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let (begin, wait, end) = (Arc::clone(&started), Arc::clone(&go), Arc::clone(&done));
    let slow = move |_: Change| {
        let (begin, wait, end) = (Arc::clone(&begin), Arc::clone(&wait), Arc::clone(&end));
        async move {
            begin.add_permits(1);
            wait.acquire().await.unwrap().forget();
            end.store(true, Ordering::SeqCst);
        }
    };
    let registration = world.informer.handle(HandlerOptions::default(), slow).unwrap();
    started.acquire().await.unwrap().forget();
    assert!(soon(registration.remove()).await.is_none(), "a call is running");
    go.add_permits(9);
    assert!(soon(registration.remove()).await.is_some() && done.load(Ordering::SeqCst));
    assert_eq!(
        (started.available_permits(), go.available_permits()),
        (0, 8),
        "no call for the second object"
    );
}

#[tokio::test(start_paused = true)]
async fn s10_a_handler_of_an_informer_without_a_list_is_removed_at_once_also_by_another_handler() {
    let world = World::new();
    let log = Log::default();
    let first = world.informer.handle(HandlerOptions::default(), writer(&log)).unwrap();
    assert!(soon(first.remove()).await.is_some());
    let victim = Arc::new(world.informer.handle(HandlerOptions::default(), writer(&log)).unwrap());
    let target = Arc::clone(&victim);
    let remover = move |_: Change| {
        let target = Arc::clone(&target);
        async move { target.remove().await }
    };
    let remover = world.informer.handle(HandlerOptions::default(), remover).unwrap();
    world.list("a@1");
    written(&log).await;
    assert!(victim.is_ended() && !remover.is_ended());
    world.watch("~a@2");
    assert_eq!(written(&log).await, "");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_registration_removes_the_handler_and_detaching_leaves_it() {
    let world = World::listed("a@1");
    let (one, two) = (Log::default(), Log::default());
    let dropped = world.informer.handle(HandlerOptions::default(), writer(&one)).unwrap();
    world.informer.handle(HandlerOptions::default(), writer(&two)).unwrap().detach();
    written(&one).await;
    written(&two).await;
    drop(dropped);
    world.watch("~a@2");
    assert_eq!((written(&one).await, written(&two).await), (String::new(), "~a@2(1)".into()));
    assert_eq!(world.informer.lags().len(), 1, "its queue is gone");
}

#[tokio::test(start_paused = true)]
async fn s11_a_handler_of_a_stopped_informer_is_refused() {
    let world = World::listed("a@1");
    world.stop();
    let error = world.informer.handle(HandlerOptions::default(), writer(&Log::default())).unwrap_err();
    assert_eq!(error.reason(), "InformerStopped");
    assert_eq!(error.to_string(), "cannot handle changes of configmaps/v1: the informer has stopped");
    assert!(world.informer.is_stopped());
}

/// Panics about what is called `bad`.
fn fragile(log: &Log) -> impl Handler + use<> {
    let log = Arc::clone(log);
    move |change: Change| {
        let log = Arc::clone(&log);
        async move {
            assert!(change.key().name.as_ref() != "bad", "a bad object");
            log.lock().push(word(&change));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s15_a_panic_ends_the_handler_alone_and_waiting_for_it_tells_the_panic() {
    let world = World::listed("a@1 bad@2 c@3");
    let (one, two) = (Log::default(), Log::default());
    let stopping = world.informer.handle(HandlerOptions::default(), fragile(&one)).unwrap();
    let other = world.informer.handle(HandlerOptions::default(), writer(&two)).unwrap();
    let panic = soon(stopping.wait()).await.unwrap().unwrap_err();
    assert_eq!((panic.message(), panic.reason()), ("a bad object", "HandlerPanicked"));
    assert_eq!(written(&one).await, "!+a@1");
    assert_eq!(written(&two).await, "!+a@1 !+bad@2 !+c@3");
    assert!(soon(stopping.remove()).await.is_some() && !other.is_ended());
    assert!(!stopping.has_synced() && !world.informer.is_stopped());
}

#[tokio::test(start_paused = true)]
async fn s15_a_panic_is_skipped_counted_and_followed_by_a_pause_where_that_is_asked_for() {
    let world = World::listed("a@1 bad@2 c@3");
    let log = Log::default();
    let skip = HandlerOptions::default().on_panic(OnPanic::Skip { pause: Duration::from_secs(5) });
    let registration = world.informer.handle(skip, fragile(&log)).unwrap();
    assert_eq!(written(&log).await, "!+a@1");
    assert_eq!(registration.panics(), 1);
    sleep(Duration::from_millis(4900)).await;
    assert_eq!(written(&log).await, "", "it pauses");
    sleep(Duration::from_millis(100)).await;
    assert_eq!(written(&log).await, "!+c@3");
    assert!(registration.has_synced());
    world.watch("~bad@4");
    sleep(Duration::from_millis(1)).await;
    let before = Instant::now();
    registration.remove().await;
    assert!(before.elapsed() < Duration::from_secs(1), "a removal does not wait for the pause");
    assert_eq!((registration.panics(), registration.wait().await), (2, Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_handler_has_the_options_of_a_subscription() {
    let world = World::listed("a@1 b@2");
    let log = Log::default();
    let subscription = SubscriptionOptions::default()
        .named("handler")
        .filter(|object| object.key().name.as_ref() == "a")
        .resync(Duration::from_secs(1));
    let options = HandlerOptions::default().subscription(subscription);
    let registration = world.informer.handle(options, writer(&log)).unwrap();
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(written(&log).await, "!+a@1 =a@1");
    assert_eq!(world.informer.lags()[0].name.as_deref(), Some("handler"));
    registration.remove().await;
}
