//! The rules of listing and watching, against a scripted server.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse_machinery::{FieldSelector, LabelSelector, ResourceVersion};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::*;
use crate::cache::{Informer, Informers, Selection};
use crate::object::Object;
use crate::testing::{Script, Step, answer, list, object, shown, status, status_object, stream};

pub(super) fn reflector(script: &Script, options: ReflectorOptions) -> Reflector {
    let resource = ConfigMap::resource_type();
    let metrics = ReflectorMetrics::new(&script.metrics, "test", &resource);
    Reflector::new(script.client(), resource, options, metrics)
}

/// What comes within `limit`, one word per event.
pub(super) async fn words(reflector: &mut Reflector, limit: Duration) -> Vec<String> {
    let end = Instant::now() + limit;
    let mut words = Vec::new();
    while let Ok(event) = tokio::time::timeout_at(end, reflector.next()).await {
        match event {
            ReflectorEvent::ListStarted(cause) => words.push(format!("list:{cause:?}")),
            ReflectorEvent::ListItems(items) => words.push(format!("items:{}", items.len())),
            ReflectorEvent::ListCompleted(end) => words.push(format!("listed:{}", end.version)),
            ReflectorEvent::WatchOpened => words.push("open".into()),
            ReflectorEvent::Watched(events) => words.extend(events.iter().map(|event| {
                let kind = match event {
                    WatchEvent::Added(_) => '+',
                    WatchEvent::Modified(_) => '~',
                    WatchEvent::Deleted(_) => '-',
                    WatchEvent::Bookmark(_) => '=',
                };
                format!("{kind}{}", event.resource_version())
            })),
        }
    }
    words
}

async fn run(script: &Script, limit: Duration) -> Vec<String> {
    words(&mut reflector(script, ReflectorOptions::default()), limit).await
}

pub(super) const SOON: Duration = Duration::from_millis(100);
pub(super) const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn r1_lists_any_state_first_then_watches_from_the_lists_version_with_bookmarks_and_a_timeout() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 3)]), watch]);
    feed.event("MODIFIED", &object("a", 8));
    feed.event("BOOKMARK", &json!({"metadata": {"resourceVersion": "9"}}));
    let words = run(&script, SOON).await;
    assert_eq!(words, ["list:Initial", "items:1", "listed:7", "open", "~8", "=9"]);
    let seen = script.seen();
    assert_eq!(
        (seen[0].path.as_str(), seen[0].parameter("resourceVersion")),
        ("/api/v1/configmaps", Some("0"))
    );
    assert_eq!(seen[0].parameter("limit"), Some("500"));
    assert_eq!(seen[1].parameter("resourceVersion"), Some("7"));
    assert_eq!(seen[1].parameter("allowWatchBookmarks"), Some("true"));
    let seconds: u64 = seen[1].parameter("timeoutSeconds").unwrap().parse().unwrap();
    assert!((300..600).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn lists_pages_and_watches_carry_the_selection() {
    let script = Script::of([list(7, "t1", &[object("a", 1)]), list(7, "", &[object("b", 2)]), stream().1]);
    let selection = Selection::in_namespace("default")
        .with_labels(LabelSelector::parse("app=a").unwrap())
        .with_fields(FieldSelector::parse("metadata.name=a").unwrap());
    let options = ReflectorOptions { selection, ..ReflectorOptions::default() };
    words(&mut reflector(&script, options), SOON).await;
    assert_eq!(script.trace(), "LLW");
    for seen in script.seen() {
        assert_eq!(seen.path, "/api/v1/namespaces/default/configmaps");
        assert_eq!(seen.parameter("labelSelector"), Some("app%3Da"));
        assert_eq!(seen.parameter("fieldSelector"), Some("metadata.name%3Da"));
    }
}

#[tokio::test(start_paused = true)]
async fn r4_an_expired_watch_in_any_form_lists_from_the_last_version_at_once() {
    for form in ["http", "event", "bare"] {
        let (feed, watch) = stream();
        feed.event("ADDED", &object("a", 8));
        let gone = status_object(410, "Expired");
        let mut steps = vec![list(7, "", &[]), watch];
        match form {
            "http" => steps.push(status(410, "Gone")),
            "event" => feed.event("ERROR", &gone),
            _ => feed.text(&format!("{gone}\n")),
        }
        steps.push(list(20, "", &[object("a", 20)]));
        let script = Script::of(steps);
        drop(feed);
        let words = run(&script, SOON).await;
        assert_eq!(&words[2..], ["open", "+8", "list:Expired", "items:1", "listed:20"], "{form}");
        let seen = script.seen();
        let relist = seen.iter().filter(|seen| !seen.is_watch()).nth(1).unwrap();
        assert_eq!(relist.parameter("resourceVersion"), Some("8"), "{form}");
        assert_eq!(relist.parameter("limit"), None, "R9: a list at a version is not paged");
        assert_eq!(seen.last().unwrap().parameter("resourceVersion"), Some("20"));
    }
}

#[tokio::test(start_paused = true)]
async fn r2_r3_a_list_at_a_version_that_is_gone_or_from_the_future_becomes_a_list_of_the_newest_at_once() {
    let too_large = |cause: &str, message: &str| {
        let mut body = status_object(504, "Timeout");
        body["message"] = message.into();
        body["details"] = json!({"causes": [{"reason": cause, "message": cause}]});
        answer(504, &body)
    };
    for refusal in [
        status(410, "Expired"),
        too_large("ResourceVersionTooLarge", "m"),
        too_large("Too large resource version", "m"),
        too_large("", "Too large resource version: 8, current: 3"),
    ] {
        let script = Script::of([list(7, "", &[]), status(410, "Gone"), refusal, list(3, "", &[])]);
        let started = Instant::now();
        let words = run(&script, SOON).await;
        assert_eq!(words.last().unwrap(), "listed:3");
        let seen = script.seen();
        assert_eq!(seen[2].parameter("resourceVersion"), Some("7"));
        assert_eq!((seen[3].parameter("resourceVersion"), seen[3].parameter("limit")), (None, Some("500")));
        assert!(seen[3].at - started < SOON);
        assert_eq!(seen[4].parameter("resourceVersion"), Some("3"), "the new version is where it goes on");
    }
}

#[tokio::test(start_paused = true)]
async fn r5_r6_overload_and_refused_connections_are_answered_by_waiting_and_watching_without_a_list() {
    let (feed, last) = stream();
    let (busy, busy_watch) = stream();
    busy.event("ERROR", &status_object(429, "TooManyRequests"));
    let asked =
        Step::Answer(429, vec![("retry-after", "20")], status_object(429, "TooManyRequests").to_string());
    let script = Script::of([list(7, "", &[]), asked, busy_watch, Step::Refuse, last]);
    feed.event("ADDED", &object("a", 8));
    let words = run(&script, MINUTE).await;
    assert_eq!(words.last().unwrap(), "+8");
    assert_eq!(script.trace(), "LWWWW");
    let seen = script.seen();
    assert!(seen[2].at - seen[1].at >= Duration::from_secs(20), "the server asked for 20 s");
    assert!(seen[4].at - seen[3].at >= Duration::from_millis(800), "no hot loop");
    assert!(seen.iter().skip(1).all(|seen| seen.parameter("resourceVersion") == Some("7")));
}

#[tokio::test(start_paused = true)]
async fn r7_internal_errors_are_watched_through_for_a_window_and_then_listed() {
    let script = Script::of([list(7, "", &[])]);
    for _ in 0..40 {
        let (feed, watch) = stream();
        feed.event("ERROR", &status_object(500, "InternalError"));
        script.then(watch);
    }
    let mut reflector = reflector(&script, ReflectorOptions::default());
    let within = words(&mut reflector, Duration::from_secs(50)).await;
    assert!(!within.iter().any(|word| word == "list:WatchFailed"), "{within:?}");
    let after = words(&mut reflector, Duration::from_mins(2)).await;
    assert!(after.iter().any(|word| word == "list:WatchFailed"), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn r7_the_window_starts_anew_after_a_minute_without_internal_errors() {
    let mut feeds = Vec::new();
    let script = Script::of([list(7, "", &[])]);
    for _ in 0..3 {
        let (feed, watch) = stream();
        script.then(watch);
        feeds.push(feed);
    }
    let error = status_object(500, "InternalError");
    let mut reflector = reflector(&script, ReflectorOptions::default());
    feeds[0].event("ERROR", &error);
    words(&mut reflector, Duration::from_secs(70)).await;
    // More than a window after the first error, and more than a quiet minute.
    feeds[1].event("ERROR", &error);
    words(&mut reflector, Duration::from_secs(10)).await;
    assert_eq!(script.trace(), "LWWW");
    feeds[2].event("ERROR", &error);
    words(&mut reflector, Duration::from_secs(10)).await;
    assert_eq!(script.trace(), "LWWWW");
}

#[tokio::test(start_paused = true)]
async fn r9_a_page_size_that_is_set_is_used_by_every_list_and_none_is_used_at_a_version_otherwise() {
    for (page_size, first, relist) in [(Some(2), "2", Some("2")), (None, "500", None)] {
        let (gone, page) = (|| status(410, "Gone"), || list(7, "", &[]));
        let script = Script::of([page(), gone(), page(), gone(), gone(), page()]);
        let options = ReflectorOptions { page_size, ..ReflectorOptions::default() };
        words(&mut reflector(&script, options), SOON).await;
        assert_eq!(&script.trace()[..6], "LWLWLL");
        let seen = script.seen();
        let limits = [0, 2, 4, 5].map(|index| seen[index].parameter("limit"));
        assert_eq!(limits, [Some(first), relist, relist, Some(first)]);
    }
}

#[tokio::test(start_paused = true)]
async fn r9_r10_pages_are_followed_and_an_expired_token_falls_back_to_one_full_list() {
    let script = Script::of([
        list(7, "t1", &[object("a", 1)]),
        list(7, "", &[object("b", 2)]),
        status(410, "Gone"),
        list(9, "t2", &[object("a", 1)]),
        status(410, "Expired"),
        list(9, "", &[object("a", 1), object("b", 2)]),
    ]);
    let words = run(&script, SOON).await;
    let expected = [
        "list:Initial",
        "items:1",
        "items:1",
        "listed:7",
        "list:Expired",
        "items:1",
        "list:Expired",
        "items:2",
        "listed:9",
    ];
    assert_eq!(words, expected);
    let seen = script.seen();
    assert_eq!((seen[1].parameter("continue"), seen[1].parameter("limit")), (Some("t1"), Some("500")));
    assert_eq!(
        seen[3].parameter("limit"),
        Some("500"),
        "a server that pages any state has no cache: keep paging"
    );
    assert_eq!((seen[5].parameter("limit"), seen[5].parameter("continue")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn r16_a_watch_from_any_state_gives_no_position_before_something_changes() {
    let (feed, watch) = stream();
    let script = Script::of([list(0, "", &[]), watch]);
    let mut reflector = reflector(&script, ReflectorOptions::default());
    feed.event("ADDED", &object("a", 50));
    words(&mut reflector, SOON).await;
    assert_eq!(reflector.last, ResourceVersion::ZERO);
    feed.event("MODIFIED", &object("b", 60));
    words(&mut reflector, SOON).await;
    assert_eq!(reflector.last, ResourceVersion::from_number(60));
}

#[tokio::test(start_paused = true)]
async fn r16_without_a_position_only_a_list_shows_what_was_deleted_between_two_watches() {
    for silent in [false, true] {
        let (feed, watch) = stream();
        let script = Script::of([list(0, "", &[object("a", 1)]), watch, list(0, "", &[])]);
        feed.event("ADDED", &object("a", 1));
        let kept = silent.then_some(feed);
        let words = run(&script, Duration::from_mins(11)).await;
        assert_eq!(&script.trace()[..3], "LWL", "silent: {silent}");
        assert_eq!(words.last().unwrap(), "listed:0");
        drop(kept);
    }
}

#[tokio::test(start_paused = true)]
async fn reasons_that_a_server_makes_up_do_not_become_labels() {
    let (feed, watch) = stream();
    feed.event("ERROR", &status_object(503, "MadeUp3"));
    let script = Script::of([status(500, "MadeUp1"), list(7, "", &[]), status(500, "MadeUp2"), watch]);
    let mut reflector = reflector(&script, ReflectorOptions::default());
    words(&mut reflector, MINUTE).await;
    let metrics = script.metrics.encode();
    assert!(metrics.contains("reason=\"ServerError\"} 3") && !metrics.contains("MadeUp"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn r17_other_types_tables_unknown_events_and_garbage_are_skipped_and_the_stream_lives() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[]), watch]);
    feed.event("ADDED", &json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}}));
    feed.event("ADDED", &json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "t"}}));
    feed.event("ADDED", &json!({"metadata": {}}));
    feed.event("SHUFFLED", &object("a", 8));
    feed.event("ADDED", &object("a", 9));
    let mut reflector = reflector(&script, ReflectorOptions::default());
    assert_eq!(&words(&mut reflector, SOON).await[2..], ["open", "+9"]);
    assert!(feed.is_read());
    assert!(script.metrics.encode().contains("reason=\"UnknownEvent\"} 1"));
}

/// An object of another kind, group or version than the watch is about.
fn foreign(kind: &str, api_version: &str, name: &str, version: u64) -> serde_json::Value {
    let mut object = object(name, version);
    (object["kind"], object["apiVersion"]) = (kind.into(), api_version.into());
    object
}

const FOREIGN: [(&str, &str); 4] =
    [("Secret", "v1"), ("Table", "meta.k8s.io/v1"), ("ConfigMap", "v2"), ("ConfigMap", "example.org/v1")];

#[tokio::test(start_paused = true)]
async fn r17_what_is_of_another_kind_group_or_version_neither_changes_nor_deletes_nor_makes_a_list() {
    for (kind, api_version) in FOREIGN {
        let (feed, watch) = stream();
        let script = Script::of([list(7, "", &[object("a", 1)]), watch]);
        let (_informers, informer) = informer(&script);
        for (event, version) in [("ADDED", 8), ("MODIFIED", 9), ("DELETED", 10)] {
            feed.event(event, &foreign(kind, api_version, "a", version));
        }
        feed.event("ADDED", &foreign("ConfigMap", "v1", "b", 11));
        tokio::time::sleep(MINUTE).await;
        assert_eq!(held(&informer), ["a@1", "b@11"], "{kind} {api_version}");
        assert_eq!(script.trace(), "LW", "{kind} {api_version}");
        assert!(script.metrics.encode().contains("reason=\"WrongType\"} 3"));
    }
}

#[tokio::test(start_paused = true)]
async fn r17_a_list_that_names_something_of_another_type_does_not_show_that_ours_exists() {
    for (kind, api_version) in FOREIGN {
        for streams in [false, true] {
            let ((feed, watch), (again, second)) = (stream(), stream());
            let items = [foreign(kind, api_version, "a", 8), object("b", 2)];
            let script = if streams {
                feed.event("ADDED", &object("a", 1));
                feed.event("ADDED", &object("b", 2));
                feed.end_of_state(7);
                for item in &items {
                    again.event("ADDED", item);
                }
                again.end_of_state(9);
                Script::of([watch, second]).with_streams()
            } else {
                Script::of([
                    list(7, "", &[object("a", 1), object("b", 2)]),
                    watch,
                    list(9, "", &items),
                    second,
                ])
            };
            let (_informers, informer) = informer(&script);
            tokio::time::sleep(SOON).await;
            assert_eq!(held(&informer), ["a@1", "b@2"]);
            feed.event("ERROR", &status_object(410, "Expired"));
            tokio::time::sleep(SOON).await;
            assert_eq!(held(&informer), ["b@2"], "{kind} {api_version}, streams: {streams}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f15_f19_of_a_list_and_of_a_batch_only_what_can_be_read_is_told_and_the_rest_is_counted_by_reason() {
    let (feed, watch) = stream();
    let listed = [unreadable("bad", 2), object("a", 1), foreign("Secret", "v1", "s", 3), object("b", 4)];
    let script = Script::of([list(7, "", &listed), watch]);
    let (_informers, informer) = informer(&script);
    let mut subscription = informer.subscribe();
    let first = timeout(SOON, subscription.next()).await.unwrap().unwrap();
    let mut told = vec![crate::cache::fixture::word(&first)];
    feed.event("ADDED", &object("c", 8));
    feed.event("MODIFIED", &unreadable("a", 9));
    feed.event("ADDED", &json!({"metadata": {}}));
    feed.event("ADDED", &foreign("Secret", "v1", "s", 10));
    feed.event("MODIFIED", &object("b", 11));
    while let Ok(Some(change)) = timeout(SOON, subscription.next()).await {
        told.push(crate::cache::fixture::word(&change));
    }
    assert_eq!(told, ["!+a@1", "!+b@4", "+c@8", "~b@11(4)"]);
    for (reason, count) in [("InvalidStructure", 2.0), ("WrongType", 2.0), ("MissingName", 1.0)] {
        let counted = shown(&script.metrics, "pilothouse_reflector_skipped_total", &[("reason", reason)]);
        assert_eq!(counted, Some(count), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn r17_a_list_with_an_object_that_does_not_even_show_its_key_deletes_nothing_and_is_read_again() {
    for streams in [false, true] {
        let ((feed, watch), (again, second), (last, third)) = (stream(), stream(), stream());
        let nameless = json!({"metadata": {"resourceVersion": "8"}});
        let (before, between) = ([object("a", 1), object("b", 2)], [object("b", 8), nameless]);
        let script = if streams {
            for (feed, items, version) in
                [(&feed, &before[..], 7), (&again, &between[..], 9), (&last, &[object("b", 8)][..], 12)]
            {
                for item in items {
                    feed.event("ADDED", item);
                }
                feed.end_of_state(version);
            }
            Script::of([watch, second, third]).with_streams()
        } else {
            let lists = [list(7, "", &before), list(9, "", &between), list(12, "", &[object("b", 8)])];
            let [one, two, three] = lists;
            Script::of([one, watch, two, second, three, third])
        };
        let (_informers, informer) = informer(&script);
        tokio::time::sleep(SOON).await;
        feed.event("ERROR", &status_object(410, "Expired"));
        tokio::time::sleep(SOON).await;
        assert_eq!(held(&informer), ["a@1", "b@8"], "`a` may be what cannot be read; streams: {streams}");
        again.event("ADDED", &object("c", 10));
        tokio::time::sleep(MINUTE).await;
        assert_eq!(held(&informer), ["a@1", "b@8", "c@10"], "the watch goes on");
        drop(again);
        tokio::time::sleep(SOON).await;
        assert_eq!(held(&informer), ["b@8"], "the next list is whole");
        drop(last);
        tokio::time::sleep(MINUTE).await;
        let expected = if streams { "SSSW" } else { "LWLWLWW" };
        assert!(script.trace().starts_with(expected), "{}", script.trace());
    }
}

#[tokio::test(start_paused = true)]
async fn r18_an_error_event_that_only_a_list_gets_past_lists() {
    let (feed, watch) = stream();
    feed.event("ERROR", &status_object(500, "StorageReadError"));
    let script = Script::of([list(7, "", &[object("a", 1)]), watch, list(9, "", &[])]);
    let words = run(&script, MINUTE).await;
    assert_eq!(&words[3..], ["open", "list:WatchFailed", "listed:9"]);
}

#[tokio::test(start_paused = true)]
async fn r19_dropping_the_reflector_at_any_point_ends_its_request() {
    let (list_feed, slow_list) = stream();
    let script = Script::of([slow_list]);
    let mut one = reflector(&script, ReflectorOptions::default());
    list_feed.text("{\"items\":[");
    assert!(timeout(SOON, one.next()).await.is_ok(), "the list has started");
    assert!(timeout(SOON, one.next()).await.is_err() && list_feed.is_read(), "in a list");
    drop(one);
    assert!(!list_feed.is_read());
    let mut one = reflector(&script, ReflectorOptions::default());
    let (feed, watch) = stream();
    script.then(list(7, "", &[]));
    script.then(watch);
    words(&mut one, SOON).await;
    assert!(feed.is_read());
    drop(one);
    assert!(!feed.is_read(), "in a watch");
}

#[tokio::test(start_paused = true)]
async fn r1_r20_watches_that_end_at_once_without_events_are_failures_and_pause() {
    let script = Script::of([list(7, "", &[])]);
    for _ in 0..100 {
        script.then(stream().1);
    }
    run(&script, MINUTE).await;
    let asked =
        |seen: &crate::testing::Seen| seen.parameter("timeoutSeconds").unwrap().parse::<u64>().unwrap();
    let timeouts: Vec<u64> = script.seen()[1..].iter().map(asked).collect();
    assert!(timeouts.iter().all(|seconds| (300..600).contains(seconds)), "{timeouts:?}");
    assert!(timeouts.windows(2).any(|pair| pair[0] != pair[1]), "R1: no jitter");
    let watches = script.seen().len() - 1;
    assert!((2..12).contains(&watches), "{watches} watches in a minute");
    assert_eq!(script.trace().matches('L').count(), 1);
}

#[tokio::test(start_paused = true)]
async fn r22_a_silent_watch_is_ended_by_the_client_and_opened_again_from_the_last_version() {
    let (silent, watch) = stream();
    let (feed, second) = stream();
    let script = Script::of([list(7, "", &[]), watch, second]);
    silent.event("ADDED", &object("a", 8));
    feed.event("ADDED", &object("b", 9));
    let words = run(&script, Duration::from_secs(640)).await;
    assert_eq!(&words[2..], ["open", "+8", "open", "+9"]);
    assert!(!silent.is_read());
    let seen = script.seen();
    let asked: u64 = seen[1].parameter("timeoutSeconds").unwrap().parse().unwrap();
    assert!(seen[2].at - seen[1].at >= Duration::from_secs(asked + 30));
    assert_eq!(seen[2].parameter("resourceVersion"), Some("8"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_off_inside_an_event_goes_on_after_the_last_whole_one() {
    let (feed, watch) = stream();
    let (next, second) = stream();
    let script = Script::of([list(7, "", &[]), watch, second]);
    feed.event("ADDED", &object("a", 8));
    feed.text("{\"type\":\"ADDED\",\"object\":{\"meta");
    feed.break_off();
    next.event("ADDED", &object("b", 9));
    assert_eq!(&run(&script, SOON).await[2..], ["open", "+8", "open", "+9"]);
    assert_eq!(script.seen()[2].parameter("resourceVersion"), Some("8"));
}

#[tokio::test(start_paused = true)]
async fn j5_a_list_that_breaks_off_is_never_complete() {
    let (feed, broken) = stream();
    let script = Script::of([broken, list(7, "", &[object("a", 1), object("b", 2)])]);
    feed.text(&format!("{{\"metadata\":{{\"resourceVersion\":\"7\"}},\"items\":[{},", object("a", 1)));
    drop(feed);
    let words = run(&script, MINUTE).await;
    assert_eq!(words, ["list:Initial", "items:1", "list:Initial", "items:2", "listed:7"]);
}

#[tokio::test(start_paused = true)]
async fn n4_errors_of_a_watch_compact_or_pretty_printed_are_read_as_their_status() {
    for pretty in [false, true] {
        let gone = status_object(410, "Expired");
        let body = if pretty { format!("{gone:#}") } else { gone.to_string() };
        let script = Script::of([list(7, "", &[]), Step::Answer(410, Vec::new(), body)]);
        let words = run(&script, SOON).await;
        assert_eq!(words.last().unwrap(), "list:Expired", "pretty: {pretty}");
    }
}

#[tokio::test(start_paused = true)]
async fn j5_an_answer_that_is_no_list_is_a_failure_and_not_an_empty_list() {
    let script = Script::of([
        answer(200, &status_object(401, "Unauthorized")),
        answer(200, &json!({})),
        answer(200, &object("a", 1)),
        list(7, "", &[object("a", 1)]),
    ]);
    let words = run(&script, MINUTE).await;
    assert_eq!(words.iter().filter(|word| word.starts_with("listed:")).collect::<Vec<_>>(), ["listed:7"]);
}

#[tokio::test(start_paused = true)]
async fn r22_an_error_whose_body_never_comes_holds_up_neither_lists_nor_watches() {
    let (feed, watch) = stream();
    let script = Script::of([Step::Stall(500), list(7, "", &[]), Step::Stall(500), watch]);
    feed.event("ADDED", &object("a", 8));
    let words = run(&script, Duration::from_mins(5)).await;
    assert_eq!((script.trace().as_str(), words.last().unwrap().as_str()), ("LLWW", "+8"));
}

#[tokio::test(start_paused = true)]
async fn r22_a_watch_that_is_not_answered_is_asked_for_again_after_the_request_timeout() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[]), Step::Hang, watch]);
    feed.event("ADDED", &object("a", 8));
    let words = run(&script, Duration::from_mins(2)).await;
    assert_eq!(words.last().unwrap(), "+8");
    let seen = script.seen();
    assert!((60..65).contains(&(seen[2].at - seen[1].at).as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_for_what_it_asks_is_answered_by_a_list_and_else_asked_for_again() {
    for (code, reason, lists) in [
        (400, "BadRequest", true),
        (404, "NotFound", true),
        (405, "MethodNotAllowed", true),
        (422, "Invalid", true),
        (401, "Unauthorized", false),
        (403, "Forbidden", false),
        (503, "ServiceUnavailable", false),
    ] {
        let script = Script::of([list(7, "", &[]), status(code, reason)]);
        script.then(if lists { list(9, "", &[]) } else { stream().1 });
        let words = run(&script, Duration::from_secs(10)).await;
        assert_eq!(words.contains(&"list:WatchFailed".to_owned()), lists, "{code}");
        let seen = script.seen();
        assert!(seen[2].at - seen[1].at >= Duration::from_millis(800), "{code}: no hot loop");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_the_future_that_stays_refused_ends_in_a_list() {
    let mut refusal = status_object(504, "Timeout");
    refusal["details"] = json!({"causes": [{"reason": "ResourceVersionTooLarge"}]});
    let script = Script::of([list(7, "", &[])]);
    for _ in 0..8 {
        script.then(answer(504, &refusal));
    }
    let mut reflector = reflector(&script, ReflectorOptions::default());
    let within = words(&mut reflector, Duration::from_secs(50)).await;
    assert!(!within.contains(&"list:WatchFailed".to_owned()), "a replica that lags behind catches up");
    let after = words(&mut reflector, Duration::from_mins(3)).await;
    assert!(after.contains(&"list:WatchFailed".to_owned()), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn events_that_are_there_together_come_in_one_batch_and_in_order() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[]), watch]);
    let mut reflector = reflector(&script, ReflectorOptions::default());
    (8..1008).for_each(|version| feed.event("MODIFIED", &object("a", version)));
    let (mut batches, mut versions) = (Vec::new(), Vec::new());
    while let Ok(event) = timeout(SOON, reflector.next()).await {
        let ReflectorEvent::Watched(events) = event else { continue };
        batches.push(events.len());
        versions.extend(events.iter().map(|event| event.resource_version().number().unwrap()));
    }
    // Tokio lets a task have 128 messages of a channel at a time.
    assert!(batches.len() < 10 && batches.iter().all(|events| *events <= 256), "{batches:?}");
    assert_eq!(versions, (8..1008).collect::<Vec<u64>>());
    // Large ones fill a batch by their bytes.
    let large = |version: u64| {
        let mut object = object("a", version);
        object["data"]["filler"] = "x".repeat(100 << 10).into();
        object
    };
    (2000..2007).for_each(|version| feed.event("MODIFIED", &large(version)));
    let mut batches = Vec::new();
    while let Ok(ReflectorEvent::Watched(events)) = timeout(SOON, reflector.next()).await {
        batches.push(events.len());
    }
    assert_eq!(batches, [3, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn items_are_handed_over_while_the_list_still_arrives() {
    let (feed, page) = stream();
    let script = Script::of([page]);
    let mut reflector = reflector(&script, ReflectorOptions::default());
    feed.text(&format!("{{\"metadata\":{{\"resourceVersion\":\"7\"}},\"items\":[{},", object("a", 1)));
    assert_eq!(words(&mut reflector, SOON).await, ["list:Initial", "items:1"]);
    feed.text(&format!("{},{}]}}", object("b", 2), object("c", 3)));
    drop(feed);
    assert_eq!(words(&mut reflector, SOON).await, ["items:2", "listed:7"]);
}

/// An object with a key, whose metadata makes no sense otherwise.
pub(super) fn unreadable(name: &str, version: u64) -> serde_json::Value {
    let mut object = object(name, version);
    object["metadata"]["labels"] = json!({"a": 7});
    object
}

pub(super) fn informer(script: &Script) -> (Informers, Informer) {
    let informers = Informers::new(script.client(), Script::environment(), script.metrics.clone());
    let informer = informers.informer(&ConfigMap::resource_type());
    (informers, informer)
}

/// What the cache holds: `a@3`.
pub(super) fn held(informer: &Informer) -> Vec<String> {
    let snapshot = informer.store().snapshot();
    snapshot.iter().map(|object| format!("{}@{}", object.key().name, object.resource_version())).collect()
}

#[tokio::test(start_paused = true)]
async fn r17_an_object_that_is_listed_but_cannot_be_read_keeps_the_version_before_it() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1), object("b", 2), object("c", 3)]), watch]);
    script.then(list(9, "", &[unreadable("a", 8), object("c", 9), unreadable("new", 9)]));
    let (_informers, informer) = informer(&script);
    tokio::time::sleep(SOON).await;
    feed.event("ERROR", &status_object(410, "Expired"));
    tokio::time::sleep(SOON).await;
    assert_eq!((held(&informer), script.trace()), (vec!["a@1".into(), "c@9".into()], "LWLW".into()));
    let metrics = script.metrics.encode();
    assert!(metrics.contains("pilothouse_reflector_skipped_total") && metrics.contains("\"} 2"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn r17_of_an_object_that_is_no_text_the_key_is_read_all_the_same() {
    let body = json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "9"},
        "items": [object("a", 8), object("c", 9)]});
    let mut body = body.to_string().into_bytes();
    let broken = body.windows(4).position(|text| text == b"\"8\"}").unwrap() + 1;
    body[broken] = 0xff;
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1), object("b", 2), object("c", 3)]), watch]);
    script.then(Step::Binary("application/json", body));
    script.then(stream().1);
    let (_informers, informer) = informer(&script);
    tokio::time::sleep(SOON).await;
    feed.event("ERROR", &status_object(410, "Expired"));
    tokio::time::sleep(SOON).await;
    assert_eq!(held(&informer), ["a@1", "c@9"], "b is gone, a is not");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(script.trace().starts_with("LWLWW"), "it is known what is gone: {}", script.trace());
}

#[tokio::test(start_paused = true)]
async fn r17_an_update_that_cannot_be_read_keeps_the_version_before_it_and_a_deletion_makes_a_list() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1), object("b", 2)]), watch]);
    let (_informers, informer) = informer(&script);
    tokio::time::sleep(SOON).await;
    feed.event("MODIFIED", &unreadable("a", 8));
    feed.event("MODIFIED", &object("b", 9));
    tokio::time::sleep(SOON).await;
    assert_eq!((held(&informer), script.trace()), (vec!["a@1".into(), "b@9".into()], "LW".into()));
    feed.event("DELETED", &unreadable("a", 10));
    script.then(list(10, "", &[object("b", 9)]));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((held(&informer), script.trace()), (vec!["b@9".into()], "LWLW".into()));
}

#[tokio::test(start_paused = true)]
async fn r21_a_panic_while_listing_ends_the_informer_and_says_why() {
    for streams in [false, true] {
        let script = Script::of([Step::Panic]);
        let script = if streams { script.with_streams() } else { script };
        let (informers, informer) = informer(&script);
        assert!(!timeout(MINUTE, informer.wait_synced()).await.unwrap(), "who waits is told");
        assert!(informer.is_stopped());
        let failure = informer.failure().unwrap();
        assert!(failure.to_string().contains("configmaps") && format!("{failure:?}").contains("scripted"));
        drop(informers);
    }
}
