//! Which informers run, for whom and how, against a scripted server.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Node};
use pilothouse_machinery::{LabelSelector, ResourceType};
use tokio::time::{sleep, timeout};

use super::*;
use crate::object::Object;
use crate::testing::{Feed, Script, list, object, stream};

const SOON: Duration = Duration::from_millis(100);

fn configmaps() -> ResourceType {
    ConfigMap::resource_type()
}

fn informers(script: &Script) -> Informers {
    Informers::new(script.client(), Script::environment(), script.metrics.clone())
}

/// A server that answers one list with one object and then one watch, as often as there are feeds.
fn followed(times: usize) -> (Script, Vec<Feed>) {
    let (script, mut feeds) = (Script::default(), Vec::new());
    for _ in 0..times {
        let (feed, watch) = stream();
        script.then(list(7, "", &[object("a", 1)]));
        script.then(watch);
        feeds.push(feed);
    }
    (script, feeds)
}

fn selecting(selection: Selection) -> InformerOptions {
    InformerOptions::default().with_selection(selection)
}

fn metadata() -> InformerOptions {
    InformerOptions::default().with_projection(Projection::MetadataOnly)
}

#[tokio::test(start_paused = true)]
async fn an_informer_stops_when_its_last_user_leaves_and_the_next_request_starts_a_fresh_one() {
    let (script, feeds) = followed(2);
    let informers = informers(&script);
    let informer = informers.informer(&configmaps());
    let (lister, clone) = (informers.lister::<ConfigMap>(), informer.clone());
    let mut subscription = informer.subscribe();
    assert!(informers.wait_synced().await);
    assert_eq!(subscription.next().await.unwrap().key().name.as_ref(), "a");
    drop((informer, clone));
    sleep(SOON).await;
    assert!(feeds[0].is_read(), "the lister and the subscription use it");
    drop(lister);
    sleep(SOON).await;
    assert!(feeds[0].is_read() && informers.all().len() == 1, "the subscription uses it");
    let store = informers.informer(&configmaps()).store().clone();
    drop(subscription);
    sleep(SOON).await;
    assert!(!feeds[0].is_read(), "a store is no user");
    assert_eq!((store.snapshot().len(), informers.all().len()), (1, 0), "what was read stays readable");
    let fresh = informers.informer(&configmaps());
    assert!(!fresh.is_synced() && fresh.store().snapshot().is_empty());
    assert!(fresh.wait_synced().await);
    assert_eq!(script.trace(), "LWLW");
}

#[tokio::test(start_paused = true)]
async fn an_informer_that_is_kept_runs_until_the_end() {
    let (script, feeds) = followed(2);
    let informers = informers(&script);
    informers.keep(&informers.informer(&configmaps()));
    sleep(SOON).await;
    assert!(feeds[0].is_read());
    assert!(informers.informer(&configmaps()).is_synced(), "it is the one that was kept");
    informers.shut_down();
    timeout(SOON, informers.wait_stopped()).await.unwrap();
    assert!(!feeds[0].is_read());
    let stopped = informers.informer(&configmaps());
    assert!(stopped.is_stopped());
    assert_eq!(stopped.store().snapshot().len(), 1, "its store keeps what it holds");
    assert!(timeout(SOON, informers.informer_of::<Node>().wait_synced()).await.is_ok_and(|synced| !synced));
    assert_eq!(script.trace(), "LW", "nothing starts any more");
}

#[tokio::test(start_paused = true)]
async fn m8_waiting_for_the_end_includes_informers_that_nobody_holds_any_more() {
    let (script, feeds) = followed(1);
    let informers = informers(&script);
    let informer = informers.informer(&configmaps());
    assert!(informer.wait_synced().await);
    assert!(timeout(SOON, informers.wait_stopped()).await.is_err());
    drop(informer);
    timeout(SOON, informers.wait_stopped()).await.unwrap();
    assert!(!feeds[0].is_read());
}

#[tokio::test(start_paused = true)]
async fn informers_of_different_selections_are_different_and_each_asks_for_its_own() {
    let script = Script::default();
    let informers = informers(&script);
    let one = selecting(Selection::in_namespace("one"));
    let web = selecting(Selection::everything().with_labels(LabelSelector::parse("app=web").unwrap()));
    let held = [
        informers.informer(&configmaps()),
        informers.informer_with(&configmaps(), one.clone()).unwrap(),
        informers.informer_with(&configmaps(), web).unwrap(),
        informers.informer_with(&configmaps(), one).unwrap(),
    ];
    sleep(SOON).await;
    let seen = script.seen();
    let asked: Vec<_> = seen.iter().map(|seen| (&*seen.path, seen.parameter("labelSelector"))).collect();
    let expected = [
        ("/api/v1/configmaps", None),
        ("/api/v1/namespaces/one/configmaps", None),
        ("/api/v1/configmaps", Some("app%3Dweb")),
    ];
    assert_eq!(asked, expected);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn an_informer_of_whole_objects_serves_those_who_ask_for_a_part_and_not_the_other_way_round() {
    let (script, _feeds) = followed(2);
    let informers = informers(&script);
    let whole = informers.informer(&configmaps());
    let part = informers.informer_with(&configmaps(), metadata()).unwrap();
    assert_eq!(part.options().projection(), Projection::Whole);
    assert!(part.wait_synced().await);
    assert_eq!((script.trace().as_str(), informers.all().len()), ("LW", 1), "no second watch");
    let other = selecting(Selection::in_namespace("one")).or(metadata());
    let part_of_one = informers.informer_with(&configmaps(), other).unwrap();
    assert_eq!(part_of_one.options().projection(), Projection::MetadataOnly, "the selection is another");
    drop((whole, part, part_of_one));

    let part = informers.informer_with(&configmaps(), metadata()).unwrap();
    let whole = informers.informer(&configmaps());
    assert_eq!(part.options().projection(), Projection::MetadataOnly);
    assert_eq!(whole.options().projection(), Projection::Whole);
    let fields = InformerOptions::default().with_projection(Projection::fields(["/data"]));
    let fields = informers.informer_with(&configmaps(), fields).unwrap();
    assert_eq!((fields.options(), informers.all().len()), (whole.options(), 2));
}

#[tokio::test(start_paused = true)]
async fn s16_options_left_open_are_as_the_informer_runs_and_others_that_differ_are_refused_with_both() {
    let informers = informers(&Script::default());
    let running =
        informers.informer_with(&configmaps(), InformerOptions::default().with_page_size(10)).unwrap();
    assert_eq!(informers.informer(&configmaps()).options(), running.options());
    let alike = InformerOptions::default().with_page_size(10).with_format(running.options().format());
    assert!(informers.informer_with(&configmaps(), alike).is_ok());
    let open = InformerOptions::default;
    for (other, words) in [
        (
            open().with_transform(Transform::new("strip", |_| ())),
            "transform is none where it runs and strip where",
        ),
        (open().with_page_size(20), "page size is 10 where it runs and 20 where"),
        (open().with_residence(Residence::Compact), "residence is Lazy where it runs and Compact where"),
        (open().with_streaming_list(!open().streaming_list()), "streaming list is"),
        (open().with_decoded_budget(1 << 20), "is without limit where it runs and 1048576 where"),
        (open().with_shortest_resync(Duration::from_mins(1)), "shortest resync is 1s where it runs and 60s"),
        (open().with_name("pods of mine"), "name is none where it runs and pods of mine where"),
        (metadata().with_page_size(20), "page size is 10"),
    ] {
        let error = informers.informer_with(&configmaps(), other).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.reason(), "ConflictingOptions");
    }
    assert_eq!(informers.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn s16_a_transform_asked_for_after_the_start_is_refused_and_the_one_that_runs_goes_on() {
    let (script, feeds) = followed(1);
    let informers = informers(&script);
    let marks = |mark: &'static str| {
        let mark_it =
            move |object: &mut serde_json::Value| object["metadata"]["labels"]["mark"] = mark.into();
        InformerOptions::default().with_transform(Transform::new(mark, mark_it))
    };
    let running = informers.informer_with(&configmaps(), marks("one")).unwrap();
    // Before its task has begun, and after.
    for version in [None, Some(8)] {
        assert_eq!(
            informers.informer_with(&configmaps(), marks("two")).unwrap_err().reason(),
            "ConflictingOptions"
        );
        assert!(informers.informer_with(&configmaps(), marks("one")).is_ok());
        assert_eq!(running.options().transform().map(Transform::name), Some("one"));
        sleep(SOON).await;
        version.inspect(|version| feeds[0].event("MODIFIED", &object("a", *version)));
        sleep(SOON).await;
        let held = running.store().get(&pilothouse_machinery::ObjectKey::new("default", "a")).unwrap();
        assert_eq!(held.resource_version().number(), version.or(Some(1)));
        assert_eq!(held.labels().get("mark"), Some("one"));
    }
}

#[tokio::test(start_paused = true)]
async fn k4_what_a_request_leaves_open_is_as_for_its_type_and_then_as_for_all_types() {
    let script = Script::default();
    let strip = || Transform::new("strip", |_| ());
    let all = selecting(Selection::in_namespace("one")).with_page_size(10).with_transform(strip());
    let informers = informers(&script).with_defaults(all);
    let of_type = selecting(Selection::in_namespace("two")).with_page_size(20);
    informers.configure(&configmaps(), of_type).unwrap();
    let held = informers.informer(&configmaps());
    let options = held.options();
    assert_eq!(options.selection(), Selection::in_namespace("two"));
    assert_eq!((options.page_size(), options.transform()), (Some(20), Some(&strip())));
    let three = selecting(Selection::in_namespace("three")).with_page_size(30);
    let third = informers.informer_with(&configmaps(), three).unwrap();
    assert_eq!((third.options().page_size(), third.options().transform()), (Some(30), Some(&strip())));
    let secrets = informers.informer_of::<k8s_openapi::api::core::v1::Secret>();
    assert_eq!(secrets.options().selection(), Selection::in_namespace("one"));
    let nodes = informers.informer_of::<Node>();
    assert_eq!(nodes.options().selection(), Selection::everything(), "nodes live in no namespace");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_with_a_remedy() {
    let informers = informers(&Script::default());
    let one = selecting(Selection::in_namespace("one"));
    let error = informers.informer_with(&Node::resource_type(), one.clone()).unwrap_err();
    assert_eq!(error.reason(), "NotNamespaced");
    assert!(
        error.to_string().contains("nodes/v1 in namespace one: they are cluster-scoped; leave"),
        "{error}"
    );
    assert_eq!(informers.configure(&Node::resource_type(), one.clone()), Err(error));
    let held = informers.informer(&configmaps());
    let error = informers.configure(&configmaps(), one.clone()).unwrap_err();
    assert_eq!(error.reason(), "InformerRuns");
    assert!(error.to_string().contains("configure them before"), "{error}");
    drop(held);
    assert_eq!(informers.configure(&configmaps(), one), Ok(()));
}
