//! The rules of streaming lists, against a scripted server.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::tests::{MINUTE, SOON, held, informer, reflector, unreadable, words};
use super::*;
use crate::testing::{Script, Step, answer, list, object, status, status_object, stream};

fn streaming() -> ReflectorOptions {
    ReflectorOptions { streaming_list: true, ..ReflectorOptions::default() }
}

fn server(steps: impl IntoIterator<Item = Step>) -> Script {
    Script::of(steps).with_streams()
}

async fn run(script: &Script, limit: Duration) -> Vec<String> {
    words(&mut reflector(script, streaming()), limit).await
}

fn too_large() -> Value {
    let mut body = status_object(504, "Timeout");
    body["details"] = json!({"causes": [{"reason": "ResourceVersionTooLarge"}]});
    body
}

#[tokio::test(start_paused = true)]
async fn r11_a_stream_shows_nothing_before_its_end_then_all_at_once_and_goes_on_as_the_watch() {
    let (feed, watch) = stream();
    let script = server([watch]);
    let (_informers, informer) = informer(&script);
    let mut subscription = informer.subscribe();
    feed.event("ADDED", &object("a", 3));
    feed.event("ADDED", &object("b", 4));
    sleep(SOON).await;
    assert!(held(&informer).is_empty() && !informer.is_synced() && subscription.is_empty());
    assert!(informer.store().resource_version().is_zero());
    feed.end_of_state(7);
    sleep(SOON).await;
    assert_eq!(held(&informer), ["a@3", "b@4"]);
    assert_eq!(informer.store().resource_version().number(), Some(7));
    assert!(informer.is_synced() && subscription.next().await.unwrap().initial);
    feed.event("MODIFIED", &object("a", 8));
    sleep(SOON).await;
    assert_eq!((held(&informer), script.trace()), (vec!["a@8".to_owned(), "b@4".to_owned()], "S".to_owned()));
    let seen = &script.seen()[0];
    for (name, value) in [
        ("watch", Some("true")),
        ("sendInitialEvents", Some("true")),
        ("resourceVersionMatch", Some("NotOlderThan")),
        ("allowWatchBookmarks", Some("true")),
        ("resourceVersion", None),
    ] {
        assert_eq!(seen.parameter(name), value, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn r11_a_stream_that_ends_after_its_state_is_watched_on_from_the_last_version() {
    let ((feed, watch), (next, second)) = (stream(), stream());
    let script = server([watch, second]);
    feed.event("ADDED", &object("a", 3));
    feed.end_of_state(7);
    feed.event("MODIFIED", &object("a", 8));
    drop(feed);
    next.event("ADDED", &object("b", 9));
    let words = run(&script, SOON).await;
    assert_eq!(words, ["list:Initial", "items:1", "listed:7", "open", "~8", "open", "+9"]);
    assert_eq!((script.trace().as_str(), script.seen()[1].parameter("resourceVersion")), ("SW", Some("8")));
}

#[tokio::test(start_paused = true)]
async fn r12_updates_and_deletions_inside_the_initial_stream_count() {
    let (feed, watch) = stream();
    let script = server([watch]);
    let (_informers, informer) = informer(&script);
    let mut subscription = informer.subscribe();
    for (event, name, version) in [
        ("ADDED", "changed", 1),
        ("ADDED", "gone", 2),
        ("ADDED", "reborn", 3),
        ("ADDED", "same", 4),
        ("MODIFIED", "changed", 5),
        ("DELETED", "gone", 6),
        ("DELETED", "reborn", 7),
        ("ADDED", "reborn", 8),
        ("ADDED", "late", 9),
        ("MODIFIED", "changed", 10),
    ] {
        feed.event(event, &object(name, version));
    }
    feed.end_of_state(10);
    sleep(SOON).await;
    assert_eq!(held(&informer), ["changed@10", "late@9", "reborn@8", "same@4"]);
    let mut told = Vec::new();
    while let Ok(Some(change)) = tokio::time::timeout(SOON, subscription.next()).await {
        told.push(change.key().name.to_string());
    }
    told.sort();
    assert_eq!(told, ["changed", "late", "reborn", "same"], "each once");
}

#[tokio::test(start_paused = true)]
async fn r13_a_bookmark_without_the_annotation_does_not_end_the_state() {
    let (feed, watch) = stream();
    let script = server([watch]);
    feed.event("ADDED", &object("a", 3));
    feed.event("BOOKMARK", &json!({"metadata": {"resourceVersion": "7"}}));
    let other = json!({"k8s.io/initial-events-end": "false", "x": "true"});
    feed.event("BOOKMARK", &json!({"metadata": {"resourceVersion": "7", "annotations": other}}));
    let mut reflector = reflector(&script, streaming());
    assert_eq!(words(&mut reflector, SOON).await, ["list:Initial", "items:1"]);
    feed.event("ADDED", &object("b", 4));
    feed.end_of_state(9);
    assert_eq!(words(&mut reflector, SOON).await, ["items:1", "listed:9", "open"]);
}

#[tokio::test(start_paused = true)]
async fn r14_a_stream_that_is_closed_before_the_end_is_begun_anew_and_clean() {
    for breaks_off in [false, true] {
        let ((feed, watch), (next, second)) = (stream(), stream());
        let script = server([watch, second]);
        let (_informers, informer) = informer(&script);
        feed.event("ADDED", &object("ghost", 3));
        if breaks_off {
            feed.text("{\"type\":\"ADDED\",\"object\":{");
            feed.break_off();
        }
        drop(feed);
        sleep(Duration::from_secs(3)).await;
        assert!(held(&informer).is_empty() && !informer.is_synced());
        next.event("ADDED", &object("a", 4));
        next.end_of_state(9);
        sleep(SOON).await;
        assert_eq!((held(&informer), script.trace()), (vec!["a@4".to_owned()], "SS".to_owned()));
        let seen = script.seen();
        assert!(seen[1].at - seen[0].at >= Duration::from_millis(800), "no hot loop");
    }
}

#[tokio::test(start_paused = true)]
async fn r14_where_streams_die_young_again_and_again_pages_are_read_this_time() {
    let script = server([]);
    (0..3).for_each(|_| script.then(stream().1));
    let (feed, watch) = stream();
    feed.event("ERROR", &status_object(410, "Expired"));
    script.then(list(7, "", &[object("a", 1)]));
    script.then(watch);
    run(&script, MINUTE).await;
    assert_eq!(script.trace(), "SSSLWS", "the next list is tried as a stream again");
    assert_eq!(script.seen()[5].parameter("resourceVersion"), Some("7"));
}

#[tokio::test(start_paused = true)]
async fn r15_a_server_that_refuses_streaming_lists_is_asked_for_pages_at_once_and_from_then_on() {
    for (code, reason) in [
        (422, "Invalid"),
        (400, "BadRequest"),
        (405, "MethodNotAllowed"),
        (406, "NotAcceptable"),
        (415, "UnsupportedMediaType"),
        (501, "NotImplemented"),
    ] {
        for inside in [false, true] {
            let (feed, watch) = stream();
            feed.event("ERROR", &status_object(code, reason));
            let refusal = if inside { watch } else { status(code, reason) };
            let script = server([refusal, list(7, "", &[object("a", 1)]), status(410, "Gone")]);
            script.then(list(9, "", &[]));
            let words = run(&script, SOON).await;
            assert_eq!(script.trace(), "SLWLW", "{code}");
            assert_eq!(words.last().unwrap(), "listed:9", "{code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn r15_a_server_that_ignores_the_parameter_is_found_out_by_its_silence() {
    let (feed, watch) = stream();
    let script = server([watch, list(7, "", &[object("a", 1)]), status(410, "Gone")]);
    script.then(list(9, "", &[]));
    let started = Instant::now();
    feed.event("ADDED", &object("a", 1));
    let words = run(&script, MINUTE).await;
    assert_eq!(words[..5], ["list:Initial", "items:1", "list:Initial", "items:1", "listed:7"]);
    assert_eq!(script.trace(), "SLWLW", "and remembered");
    let waited = script.seen()[1].at - started;
    assert!((30..31).contains(&waited.as_secs()), "{waited:?}");
    assert!(!feed.is_read());
}

#[tokio::test(start_paused = true)]
async fn r15_a_server_that_ignores_the_parameter_is_found_out_however_busy_it_is() {
    for busy_with in ["MODIFIED", "BOOKMARK"] {
        let (feed, watch) = stream();
        let script = server([watch, list(7, "", &[object("a", 1)]), stream().1]);
        feed.event("ADDED", &object("a", 1));
        let mut reflector = reflector(&script, streaming());
        for version in 2..60 {
            feed.event(busy_with, &object("a", version));
            words(&mut reflector, Duration::from_secs(1)).await;
        }
        assert_eq!(&script.trace()[..2], "SL", "{busy_with}");
    }
    // Additions move the end on: the state may be long. A stream that is closed after a while all the same, is not.
    let (feed, watch) = stream();
    let script = server([watch, list(7, "", &[object("a", 1)]), stream().1]);
    let mut reflector = reflector(&script, streaming());
    for version in 2..60 {
        feed.event("ADDED", &object(&format!("o{version}"), version));
        words(&mut reflector, Duration::from_secs(1)).await;
    }
    assert_eq!(script.trace(), "S");
    drop(feed);
    words(&mut reflector, Duration::from_secs(3)).await;
    assert_eq!(&script.trace()[..2], "SL");
}

#[tokio::test(start_paused = true)]
async fn r2_r3_a_stream_at_a_version_that_is_gone_or_from_the_future_becomes_one_of_the_newest_at_once() {
    for refusal in [status_object(410, "Expired"), too_large()] {
        for inside in [false, true] {
            let ((feed, first), (last, third)) = (stream(), stream());
            feed.end_of_state(7);
            drop(feed);
            let code = u16::try_from(refusal["code"].as_u64().unwrap()).unwrap();
            let (again, second) = stream();
            again.event("ADDED", &object("ghost", 1));
            again.event("ERROR", &refusal);
            let second = if inside { second } else { answer(code, &refusal) };
            let script = server([first, status(410, "Gone"), second, third]);
            last.end_of_state(3);
            let started = Instant::now();
            let words = run(&script, SOON).await;
            assert_eq!(script.trace(), "SWSS", "{refusal}");
            assert_eq!(words[words.len() - 3..], ["list:Expired", "listed:3", "open"]);
            let seen = script.seen();
            let asked = |index: usize| seen[index].parameter("resourceVersion");
            assert_eq!((asked(2), asked(3)), (Some("7"), None));
            assert!(seen[3].at - started < SOON);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn r5_r6_an_overloaded_or_unreachable_server_is_asked_for_the_stream_again_after_a_pause() {
    let asked =
        Step::Answer(429, vec![("retry-after", "20")], status_object(429, "TooManyRequests").to_string());
    let (feed, watch) = stream();
    let script = server([asked, Step::Refuse, Step::Hang, status(503, "ServiceUnavailable"), watch]);
    feed.end_of_state(7);
    let words = run(&script, Duration::from_mins(3)).await;
    assert_eq!((script.trace().as_str(), words.last().unwrap().as_str()), ("SSSSS", "open"));
    let seen = script.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(20), "the server asked for 20 s");
    assert!(seen[2].at - seen[1].at >= Duration::from_millis(1600), "no hot loop");
    assert!(seen[3].at - seen[2].at >= MINUTE, "not answered in time");
}

#[tokio::test(start_paused = true)]
async fn where_watching_is_denied_and_listing_is_not_the_state_is_listed() {
    let script = server([status(403, "Forbidden"), list(7, "", &[object("a", 1)]), status(403, "Forbidden")]);
    let words = run(&script, SOON).await;
    assert_eq!((script.trace().as_str(), words.last().unwrap().as_str()), ("SLW", "listed:7"));
}

#[tokio::test(start_paused = true)]
async fn r19_shutting_down_in_a_stream_or_in_the_pause_after_one_is_prompt() {
    for paused in [false, true] {
        let (feed, watch) = stream();
        let script = server([Some(watch).filter(|_| !paused).unwrap_or(Step::Refuse)]);
        let (informers, informer) = informer(&script);
        sleep(SOON).await;
        assert_eq!(feed.is_read(), !paused);
        let asked = Instant::now();
        informers.shut_down();
        informer.wait_stopped().await;
        assert_eq!(asked.elapsed(), Duration::ZERO);
        assert!(!feed.is_read() && !informer.wait_synced().await);
    }
}

#[tokio::test(start_paused = true)]
async fn r17_unreadable_objects_in_the_initial_state_keep_the_version_before_them() {
    let ((feed, watch), (again, second)) = (stream(), stream());
    let script = server([watch, second]);
    let (_informers, informer) = informer(&script);
    for name in ["changed", "gone", "kept", "stays"] {
        feed.event("ADDED", &object(name, 1));
    }
    feed.end_of_state(7);
    feed.event("ERROR", &status_object(410, "Expired"));
    again.event("ADDED", &object("changed", 1));
    again.event("ADDED", &object("gone", 1));
    again.event("ADDED", &unreadable("kept", 8));
    again.event("MODIFIED", &object("changed", 9));
    again.event("MODIFIED", &unreadable("changed", 10));
    again.event("DELETED", &unreadable("gone", 11));
    again.event("SHUFFLED", &object("stays", 12));
    again.end_of_state(12);
    sleep(SOON).await;
    assert_eq!((held(&informer), script.trace()), (vec!["changed@9".into(), "kept@1".into()], "SS".into()));
}

#[tokio::test(start_paused = true)]
async fn r12_r17_an_unreadable_object_that_is_deleted_inside_the_initial_stream_is_gone() {
    let ((feed, watch), (again, second)) = (stream(), stream());
    let script = server([watch, second]);
    let (_informers, informer) = informer(&script);
    for name in ["gone", "stays"] {
        feed.event("ADDED", &object(name, 1));
    }
    feed.end_of_state(7);
    feed.event("ERROR", &status_object(410, "Expired"));
    again.event("ADDED", &unreadable("gone", 8));
    again.event("ADDED", &object("stays", 1));
    again.event("DELETED", &object("gone", 9));
    again.end_of_state(9);
    sleep(SOON).await;
    assert_eq!((held(&informer), script.trace()), (vec!["stays@1".into()], "SS".into()));
}

#[tokio::test(start_paused = true)]
async fn r12_r17_a_deletion_without_a_key_inside_the_initial_stream_makes_a_new_stream() {
    let ((feed, watch), (next, second)) = (stream(), stream());
    let script = server([watch, second]);
    let (_informers, informer) = informer(&script);
    feed.event("ADDED", &object("gone", 1));
    feed.event("DELETED", &json!({"metadata": {"resourceVersion": "3"}}));
    feed.end_of_state(3);
    next.event("ADDED", &object("stays", 2));
    next.end_of_state(4);
    sleep(Duration::from_secs(3)).await;
    assert_eq!((held(&informer), script.trace()), (vec!["stays@2".into()], "SS".into()));
}
