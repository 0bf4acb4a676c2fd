//! What keeps an informer from being read: others do not notice, and everybody can see why.

use std::time::Duration;

use http::Request;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::client::Body;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::client::{Client, ClientOptions};
use crate::object::Object;
use crate::testing::{Script, list, object, shown, status, stream};

const SECOND: Duration = Duration::from_secs(1);

/// Informers of a server on which config maps go by one script and all else by another.
fn informers(maps: &Script, others: &Script) -> Informers {
    let (one, other) = (maps.clone(), others.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let script = if request.uri().path().contains("configmaps") { &one } else { &other };
        script.clone().serve(request)
    });
    let inner = kube::Client::new(service, "default");
    let environment = Script::environment();
    let client = Client::new(inner, ClientOptions::unlimited(), &environment, &maps.metrics);
    Informers::new(client, environment, maps.metrics.clone())
}

#[tokio::test(start_paused = true)]
async fn r8_an_informer_that_is_denied_delays_no_event_of_another_and_says_what_is_denied() {
    let (feed, watch) = stream();
    let maps = Script::of([list(7, "", &[]), watch]);
    let denied = Script::default();
    for _ in 0..1000 {
        denied.then(status(403, "Forbidden"));
    }
    let informers = informers(&maps, &denied);
    let secrets = informers.informer_of::<Secret>();
    let healthy = informers.informer_of::<ConfigMap>();
    let mut changes = healthy.subscribe();
    assert!(healthy.wait_synced().await);
    for version in 8..308 {
        sleep(SECOND).await;
        let sent = Instant::now();
        feed.event("MODIFIED", &object("a", version));
        let change = timeout(SECOND, changes.next()).await.unwrap().unwrap();
        assert_eq!(change.object.resource_version().number(), Some(version));
        assert_eq!(sent.elapsed(), Duration::ZERO, "event {version}");
    }
    let asked = denied.seen().len();
    assert!((5..60).contains(&asked), "{asked} requests in five minutes");

    let trouble = secrets.trouble().unwrap();
    assert_eq!((trouble.verb(), trouble.reason()), ("list", "Forbidden"));
    let error = informers.wait_synced_within(SECOND).await.unwrap_err();
    assert_eq!((error.caches().len(), error.reason()), (1, "CacheNotSynced"));
    let said = error.to_string();
    for word in
        ["secrets/v1: cannot list", "(Forbidden, 403)", "grant the verbs list and watch on secrets of"]
    {
        assert!(said.contains(word), "{said}");
    }
    assert!(secrets.wait_synced_within(SECOND).await.is_err());
    let counted = [("resource", "secrets"), ("reason", "Forbidden")];
    assert!(shown(&maps.metrics, "pilothouse_reflector_failures_total", &counted) > Some(4.0));
    assert_eq!(healthy.trouble(), None);
}

#[tokio::test(start_paused = true)]
async fn trouble_is_over_when_something_works_again() {
    let (_feed, watch) = stream();
    let script = Script::of([status(403, "Forbidden"), list(7, "", &[]), status(403, "Forbidden"), watch]);
    let informers = informers(&script, &script);
    let one = InformerOptions::default().with_selection(Selection::in_namespace("one"));
    let informer = informers.informer_with(&ConfigMap::resource_type(), one).unwrap();
    sleep(Duration::from_millis(100)).await;
    let said = informer.trouble().unwrap().to_string();
    assert!(said.contains("(namespace one)") && said.contains("by a Role in namespace one"), "{said}");
    assert!(informer.wait_synced().await);
    assert_eq!(informer.wait_synced_within(SECOND).await, Ok(()));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(informer.trouble().map(|trouble| trouble.verb()), Some("watch"));
    sleep(10 * SECOND).await;
    assert_eq!(informer.trouble(), None);
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_that_is_denied_is_trouble_like_a_list_that_is_denied() {
    let script = Script::of([status(403, "Forbidden")]).with_streams();
    let informers = informers(&script, &script);
    let informer = informers.informer_of::<Secret>();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(script.trace(), "SL", "the list has no answer yet");
    let trouble = informer.trouble().expect("trouble");
    assert_eq!((trouble.verb(), trouble.reason()), ("watch", "Forbidden"));
    assert_eq!(trouble.resource_type(), informer.resource_type());
    assert!(trouble.remedy().is_some_and(|remedy| remedy.contains("list and watch on secrets")));
}

#[tokio::test(start_paused = true)]
async fn k3_a_read_of_a_namespace_that_the_cache_does_not_hold_is_an_error_with_a_remedy() {
    let (_feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1)]), watch]);
    let informers = informers(&script, &script);
    let options = InformerOptions::default().with_selection(Selection::in_namespace("default"));
    let informer = informers.informer_with(&ConfigMap::resource_type(), options).unwrap();
    let lister = Lister::<ConfigMap>::new(informer.clone());
    assert!(informer.wait_synced().await);
    let key = |namespace| pilothouse_machinery::ObjectKey::new(namespace, "a");
    assert!(lister.get(&key("default")).unwrap().is_some());
    assert_eq!(lister.in_namespace("default").unwrap().len(), 1);
    assert_eq!(lister.list().unwrap().len(), 1);
    let errors = [
        lister.get(&key("other")).unwrap_err(),
        lister.in_namespace("other").unwrap_err(),
        lister.find(|query| query.namespace("other")).unwrap_err(),
        lister.by_index("namespace", "other").unwrap_err(),
    ];
    for error in errors {
        let said = error.to_string();
        assert_eq!((error.reason(), error.key()), ("OutsideSelection", None));
        for word in ["configmaps/v1 in namespace other", "a cache of namespace default", "with_selection"] {
            assert!(said.contains(word), "{said}");
        }
    }
    let names = |object: &CachedObject| vec![object.key().name.to_string()];
    let by_name = informer.add_index("by name", names).unwrap();
    let name = "a".to_owned();
    assert_eq!(lister.find(|query| query.index(&by_name, &name)).unwrap().len(), 1, "of what is held");
    let error = lister.find(|query| query.index(&by_name, &name).namespace("other")).unwrap_err();
    assert_eq!(error.reason(), "OutsideSelection");
    let elsewhere = Lister::<ConfigMap>::new(informers.informer_of::<ConfigMap>());
    assert!(elsewhere.get(&key("other")).is_ok_and(|found| found.is_none()), "all namespaces are held");
}

#[tokio::test(start_paused = true)]
async fn k3_a_read_of_a_name_or_of_labels_that_the_cache_does_not_hold_is_an_error_and_others_are_about_what_it_holds()
 {
    let (_feed, watch) = stream();
    let mut web = object("a", 1);
    web["metadata"]["labels"] = serde_json::json!({"app": "web"});
    let script = Script::of([list(7, "", &[web]), watch]);
    let informers = informers(&script, &script);
    let labels = |text| pilothouse_machinery::LabelSelector::parse(text).unwrap();
    let fields = pilothouse_machinery::FieldSelector::parse("metadata.name=a").unwrap();
    let selection = Selection::everything().with_labels(labels("app=web")).with_fields(fields);
    let options = InformerOptions::default().with_selection(selection);
    let informer = informers.informer_with(&ConfigMap::resource_type(), options).unwrap();
    let lister = Lister::<ConfigMap>::new(informer.clone());
    assert!(informer.wait_synced().await);
    let key = |name| pilothouse_machinery::ObjectKey::new("default", name);
    assert!(lister.get(&key("a")).unwrap().is_some());
    let said = lister.get(&key("b")).unwrap_err().to_string();
    assert!(
        said.contains("configmaps/v1 named b from a cache of labels app=web, fields metadata.name=a"),
        "{said}"
    );
    let said = lister.labelled(&labels("app=db")).unwrap_err().to_string();
    assert!(said.contains("with labels app=db"), "{said}");
    assert_eq!(lister.labelled(&labels("app in (db,web)")).unwrap().len(), 1);
    assert_eq!((lister.list().unwrap().len(), lister.select(|_| true).unwrap().len()), (1, 1));
    assert!(lister.by_owner_uid("nobody").unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn k5_a_wait_that_is_given_up_returns_at_once_and_keeps_no_informer_running() {
    let script = Script::default();
    let informers = informers(&script, &script);
    let informer = informers.informer_of::<ConfigMap>();
    let begun = Instant::now();
    let waits = async { tokio::join!(informer.wait_synced(), informers.wait_synced()) };
    assert!(timeout(SECOND, waits).await.is_err());
    assert_eq!(begun.elapsed(), SECOND);
    drop(informer);
    sleep(SECOND).await;
    assert!(informers.all().is_empty(), "a wait that was given up uses nothing");
}
