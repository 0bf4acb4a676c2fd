//! What reflectors count, against a scripted server.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use tokio::time::sleep;

use crate::cache::{Informer, InformerOptions, Informers, Lister};
use crate::object::Object;
use crate::testing::{Feed, Script, Step, answer, float, list, object, shown, status, status_object, stream};

const SOON: Duration = Duration::from_millis(100);

fn informers(script: &Script) -> Informers {
    Informers::new(script.client(), Script::environment(), script.metrics.clone())
}

/// An informer of a server that answers one list and then a watch, and as told after that.
async fn following(script: &Script) -> (Informers, Informer, Feed) {
    let (feed, watch) = stream();
    script.then(list(7, "", &[object("a", 1), object("b", 2)]));
    script.then(watch);
    let informers = informers(script);
    let informer = informers.informer_of::<ConfigMap>();
    sleep(SOON).await;
    assert!(informer.is_synced());
    (informers, informer, feed)
}

fn counted(script: &Script, series: &str, reason: &str) -> Option<f64> {
    let labels = [("name", "everything"), ("resource", "configmaps"), ("reason", reason)];
    shown(&script.metrics, &format!("pilothouse_reflector_{series}_total"), &labels)
}

#[tokio::test(start_paused = true)]
async fn lists_and_ends_of_watches_are_counted_by_reason_and_events_by_type() {
    let script = Script::default();
    let (_informers, _informer, feed) = following(&script).await;
    assert_eq!(counted(&script, "lists", "Initial"), Some(1.0));
    feed.event("ADDED", &object("c", 8));
    feed.event("MODIFIED", &object("c", 9));
    feed.event("MODIFIED", &object("a", 10));
    feed.event("BOOKMARK", &object("x", 11));
    sleep(SOON).await;
    let events = |kind| shown(&script.metrics, "pilothouse_reflector_events_total", &[("type", kind)]);
    let kinds = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"].map(events);
    assert_eq!(kinds, [Some(1.0), Some(2.0), Some(0.0), Some(1.0)]);
    assert_eq!(shown(&script.metrics, "pilothouse_reflector_watches_total", &[]), Some(1.0));

    // A watch that the history is gone for, one the network ends, one the server ends.
    let (second, watch) = stream();
    script.then(list(20, "", &[]));
    script.then(watch);
    feed.event("ERROR", &status_object(410, "Expired"));
    sleep(SOON).await;
    assert_eq!(counted(&script, "watch_restarts", "Expired"), Some(1.0));
    assert_eq!(counted(&script, "lists", "Expired"), Some(1.0));
    let (third, watch) = stream();
    script.then(watch);
    second.event("ADDED", &object("d", 21));
    second.break_off();
    sleep(SOON).await;
    assert_eq!(counted(&script, "watch_restarts", "BrokenOff"), Some(1.0));
    third.event("ADDED", &object("e", 22));
    drop(third);
    sleep(SOON).await;
    assert_eq!(counted(&script, "watch_restarts", "Closed"), Some(1.0));
    assert_eq!(counted(&script, "lists", "Expired"), Some(1.0), "no list for those");
    assert_eq!(script.trace(), "LWLWWW");
}

#[tokio::test(start_paused = true)]
async fn a_refused_watch_is_a_list_with_a_reason() {
    let script = Script::default();
    let (_informers, _informer, feed) = following(&script).await;
    script.then(status(410, "Gone"));
    script.then(list(20, "", &[]));
    script.then(status(400, "BadRequest"));
    drop(feed);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(counted(&script, "watch_restarts", "ShortWatch"), Some(1.0));
    assert_eq!(
        (counted(&script, "lists", "Expired"), counted(&script, "lists", "BadRequest")),
        (Some(1.0), Some(1.0))
    );
    assert_eq!(counted(&script, "failures", "BadRequest"), Some(1.0));
}

fn too_large() -> serde_json::Value {
    let mut refusal = status_object(504, "Timeout");
    refusal["details"] = json!({"causes": [{"reason": "ResourceVersionTooLarge"}]});
    refusal
}

#[tokio::test(start_paused = true)]
async fn a_restored_server_is_a_list_and_a_reset_of_the_history() {
    let script = Script::default();
    let (_informers, informer, feed) = following(&script).await;
    let (_restored, watch) = stream();
    feed.event("ADDED", &object("c", 100));
    sleep(SOON).await;
    // The server is back at an earlier version, and refuses what asks for a later one until the cache lists anew.
    (0..600).for_each(|_| script.then(answer(504, &too_large())));
    drop(feed);
    sleep(Duration::from_secs(3)).await;
    let is_listed = || counted(&script, "lists", "ResourceVersionTooLarge") == Some(1.0);
    for _ in 0..600 {
        if is_listed() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert!(is_listed(), "{}", script.metrics.encode());
    script.drain();
    script.then(list(50, "", &[object("a", 1)]));
    script.then(watch);
    sleep(Duration::from_mins(2)).await;
    assert_eq!(informer.store().resource_version().number(), Some(50), "{}", script.trace());
    assert_eq!(shown(&script.metrics, "pilothouse_informer_history_resets_total", &[]), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_object_and_what_does_not_fit_its_type_are_counted_by_reason() {
    let script = Script::default();
    let mut unlabelled = object("b", 2);
    unlabelled["metadata"]["labels"] = json!({"a": 7});
    let mut other = object("c", 3);
    (other["apiVersion"], other["kind"]) = (json!("v1"), json!("Secret"));
    let mut unfit = object("d", 4);
    unfit["data"] = json!("hunter2");
    script.then(list(7, "", &[object("a", 1), unlabelled, other, unfit]));
    let informers = informers(&script);
    let lister = informers.lister::<ConfigMap>();
    sleep(SOON).await;
    let text = script.metrics.encode();
    let skipped: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("pilothouse_reflector_skipped_total"))
        .filter_map(|line| line.split("reason=\"").nth(1))
        .collect();
    assert_eq!(skipped.len(), 2, "{text}");
    assert!(skipped.contains(&"WrongType\"} 1"), "{skipped:?}");
    assert!(lister.list().is_err());
    let unreadable =
        || shown(&script.metrics, "pilothouse_informer_unreadable_total", &[("reason", "UnreadableObject")]);
    assert_eq!(unreadable(), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn decoded_forms_and_their_budget_show_per_informer() {
    let script =
        Script::of([list(7, "", &[object("a", 1)]), Step::Hang, list(7, "", &[object("a", 1)]), Step::Hang]);
    let informers = informers(&script);
    let resource = ConfigMap::resource_type();
    let limited = InformerOptions::default().with_name("limited").with_decoded_budget(1_000_000);
    let limited = Lister::<ConfigMap>::new(informers.informer_with(&resource, limited).unwrap());
    sleep(SOON).await;
    let selection = crate::cache::Selection::in_namespace("default");
    let other = InformerOptions::default().with_selection(selection);
    let other = Lister::<ConfigMap>::new(informers.informer_with(&resource, other).unwrap());
    sleep(SOON).await;
    assert_eq!((limited.list().unwrap().len(), other.informer().is_synced()), (1, true));
    let shows = |series: &str, name| {
        shown(&script.metrics, &format!("pilothouse_informer_{series}"), &[("name", name)])
    };
    assert_eq!(
        (shows("decoded_total", "limited"), shows("decoded_total", "namespace default")),
        (Some(1.0), Some(0.0))
    );
    let bytes = limited.informer().store().snapshot().iter().map(|object| object.size()).sum::<usize>();
    assert_eq!(shows("decoded_bytes", "limited"), Some(float(bytes * 6)));
    assert_eq!(shows("decoded_bytes", "namespace default"), Some(0.0));
    assert_eq!(shows("decoded_budget_bytes", "limited"), Some(1_000_000.0));
    assert_eq!(shows("decoded_budget_bytes", "namespace default"), None);
}

#[tokio::test(start_paused = true)]
async fn the_age_of_the_last_event_starts_anew_with_lists_events_and_bookmarks_and_not_with_a_new_watch() {
    let script = Script::default();
    let age = || shown(&script.metrics, "pilothouse_reflector_last_event_age_seconds", &[]);
    let (_informers, _informer, feed) = following(&script).await;
    assert_eq!(age(), Some(0.1));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(age(), Some(5.1));
    feed.event("ADDED", &object("c", 8));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(age(), Some(2.0));
    feed.event("BOOKMARK", &object("x", 9));
    sleep(Duration::from_secs(3)).await;
    assert_eq!(age(), Some(3.0));
    let (_next, watch) = stream();
    script.then(watch);
    drop(feed);
    sleep(Duration::from_secs(4)).await;
    assert_eq!((age(), script.trace()), (Some(7.0), "LWW".into()));
}

#[tokio::test(start_paused = true)]
async fn ci18_what_an_informer_counted_goes_on_when_one_of_its_identity_starts_again() {
    let script = Script::default();
    let (informers, informer, feed) = following(&script).await;
    feed.event("ADDED", &object("c", 8));
    sleep(SOON).await;
    let latency = || shown(&script.metrics, "informer_processing_latency_seconds_count", &[]);
    assert_eq!((counted(&script, "lists", "Initial"), latency()), (Some(1.0), Some(2.0)));
    drop(informer);
    assert_eq!(
        counted(&script, "lists", "Initial"),
        None,
        "it has left, though its task has not noticed yet"
    );
    let (_feed, watch) = stream();
    script.then(list(9, "", &[object("a", 1)]));
    script.then(watch);
    let again = informers.informer_of::<ConfigMap>();
    let gauges = |series: &str| shown(&script.metrics, &format!("pilothouse_informer_{series}"), &[]);
    assert_eq!((gauges("objects"), gauges("bytes")), (Some(0.0), Some(0.0)), "gauges are its own");
    assert_eq!(shown(&script.metrics, "pilothouse_reflector_last_event_age_seconds", &[]), None);
    sleep(SOON).await;
    assert!(again.is_synced());
    assert_eq!((counted(&script, "lists", "Initial"), latency()), (Some(2.0), Some(3.0)));
    let added = shown(&script.metrics, "pilothouse_reflector_events_total", &[("type", "ADDED")]);
    assert_eq!(added, Some(1.0));
}
