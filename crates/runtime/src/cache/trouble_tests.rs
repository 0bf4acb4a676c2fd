//! One informer is denied; the others do not notice, and everybody can see why.

use std::time::Duration;

use http::Request;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::client::Body;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::client::{Client, ClientOptions};
use crate::object::Object;
use crate::testing::{Script, list, object, status, stream};

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
    let metrics = maps.metrics.encode();
    let counted = "pilothouse_reflector_failures_total{resource=\"secrets/v1\",reason=\"Forbidden\"}";
    assert!(metrics.contains(counted), "{metrics}");
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
