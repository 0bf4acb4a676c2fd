//! What informers show, fed by hand.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use crate::cache::fixture::{World, taken};
use crate::cache::{InformerOptions, LosslessOptions, Projection, Selection, SubscriptionOptions};
use crate::metrics::Metrics;
use crate::testing::{ends, float, shown};

const OBJECTS: &str = "pilothouse_informer_objects";

fn named(name: &str) -> InformerOptions {
    InformerOptions::default().with_name(name)
}

/// The value of a series of the informer of this name.
fn of(metrics: &Metrics, name: &str, series: &str) -> Option<f64> {
    shown(metrics, series, &[("name", name), ("group", ""), ("version", "v1"), ("resource", "configmaps")])
}

#[tokio::test(start_paused = true)]
async fn ci17_informers_of_one_type_have_series_of_their_own_named_by_what_they_cache_or_by_the_user() {
    let metrics = Metrics::new();
    let selecting = |selection| InformerOptions::default().with_selection(selection);
    let one = selecting(Selection::in_namespace("one"));
    let all = [
        ("everything", InformerOptions::default()),
        ("namespace one", one.clone()),
        ("namespace one, metadata only", one.clone().with_projection(Projection::MetadataOnly)),
        (
            "everything, fields /a /b",
            InformerOptions::default().with_projection(Projection::fields(["/b", "/a"])),
        ),
        ("mine", one.clone().with_name("mine")),
        ("mine #2", named("mine")),
        ("mine #3", named("mine")),
    ];
    let worlds: Vec<_> = all.iter().map(|(_, options)| World::beside(&metrics, options.clone())).collect();
    for (number, world) in worlds.iter().enumerate() {
        let words: Vec<_> = (0..=number).map(|object| format!("o{object}@5")).collect();
        world.list(&words.join(" "));
    }
    for (number, (name, _)) in all.iter().enumerate() {
        assert_eq!(of(&metrics, name, OBJECTS), Some(float(number + 1)), "{name}");
    }
    let text = metrics.encode();
    assert_eq!(text.matches("# TYPE pilothouse_informer_objects gauge").count(), 1);
    let mut series: Vec<_> = text.lines().filter_map(|line| line.rsplit_once(' ')).collect();
    let count = series.len();
    series.sort_unstable();
    series.dedup_by_key(|(series, _)| *series);
    assert_eq!(series.len(), count, "no series is there twice");
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1);
}

#[tokio::test(start_paused = true)]
async fn ci17_who_has_ended_leaves_the_scrape_and_its_name_is_free() {
    let metrics = Metrics::new();
    let (stopped, dropped, left) = (
        World::beside(&metrics, named("a")),
        World::beside(&metrics, named("b")),
        World::beside(&metrics, named("c")),
    );
    let shows = |name| of(&metrics, name, OBJECTS).is_some();
    assert!(shows("a") && shows("b") && shows("c"));
    stopped.stop();
    drop(dropped);
    assert!(!shows("a") && !shows("b") && shows("c"));
    let again = World::beside(&metrics, named("a"));
    again.list("x@3");
    assert_eq!(of(&metrics, "a", OBJECTS), Some(1.0));
    // Its task has not noticed yet that nobody uses it, and holds what it works on.
    let core = left.informer.downgrade();
    let held = left.informer.core().store().clone();
    drop(left);
    assert!(core.upgrade().is_none() && held.is_empty() && !shows("c"));
}

#[tokio::test(start_paused = true)]
async fn the_size_and_version_of_a_cache_show_and_only_versions_that_are_numbers() {
    let world = World::new();
    let metrics = &world.metrics;
    let version = || of(metrics, "everything", "informer_store_resource_version");
    let synced = || of(metrics, "everything", "pilothouse_informer_synced");
    assert_eq!((version(), synced(), of(metrics, "everything", OBJECTS)), (None, Some(0.0), Some(0.0)));
    world.list("a@3 b@4");
    assert_eq!((version(), synced(), of(metrics, "everything", OBJECTS)), (Some(4.0), Some(1.0), Some(2.0)));
    world.watch("*1234567890123456789");
    assert_eq!(version(), Some(567_890_123_456_789.0), "the last 15 digits, as client-go");
    world.watch("*opaque");
    assert_eq!(version(), None);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_takes_the_cache_back_to_an_earlier_version_is_counted() {
    let world = World::listed("a@3 b@9");
    let resets = || of(&world.metrics, "everything", "pilothouse_informer_history_resets_total");
    assert_eq!(resets(), Some(0.0));
    let end = crate::cache::reflector::ListEnd {
        version: pilothouse_machinery::ResourceVersion::from_number(5),
        ..Default::default()
    };
    world.informer.core().replace(Vec::new(), &end);
    assert_eq!(resets(), Some(1.0));
    world.list("a@7");
    assert_eq!(resets(), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn lag_shows_by_name_of_the_subscriber_summed_up_and_at_its_worst() {
    let world = World::listed("a@1 b@2");
    let subscribe = |name: &str| world.informer.subscribe_with(SubscriptionOptions::default().named(name));
    let (mut quick, mut slower, mut slow, nameless) =
        (subscribe("quick"), subscribe("slow"), subscribe("slow"), world.informer.subscribe());
    let lossless = world.informer.subscribe_lossless(LosslessOptions::default().named("journal"));
    let shows = |series: &str, subscriber: &str| {
        shown(
            &world.metrics,
            &format!("pilothouse_informer_subscriber{series}"),
            &[("subscriber", subscriber)],
        )
    };
    taken(&mut quick);
    taken(&mut slow);
    taken(&mut slower);
    world.watch("~a@3");
    taken(&mut slow);
    sleep(Duration::from_secs(4)).await;
    world.watch("~b@4 +c@5");
    sleep(Duration::from_secs(2)).await;
    taken(&mut quick);
    assert_eq!((shows("s", "quick"), shows("s", "slow"), shows("s", "")), (Some(1.0), Some(2.0), Some(1.0)));
    assert_eq!((shows("_queued_items", "quick"), shows("_lag_seconds", "quick")), (Some(0.0), Some(0.0)));
    let lags = world.informer.lags();
    let queued: Vec<usize> =
        lags.iter().filter(|lag| lag.name.as_deref() == Some("slow")).map(|lag| lag.queued).collect();
    assert_eq!(queued.len(), 2);
    assert!(queued[0] != queued[1], "{queued:?} would show no difference of sum and maximum");
    assert_eq!(shows("_queued_items", "slow"), Some(float(queued.iter().sum())));
    assert_eq!(shows("_queued_items_max", "slow"), Some(float(queued[0].max(queued[1]))));
    assert_eq!(shows("_lag_seconds", "slow"), Some(6.0));
    assert!(shows("_queued_bytes", "journal") > Some(0.0) && shows("_queued_bytes", "slow") == Some(0.0));
    let all: usize = lags.iter().map(|lag| lag.queued).sum();
    assert_eq!(of(&world.metrics, "everything", "informer_queued_items"), Some(float(all)));
    drop((nameless, lossless));
    assert_eq!((shows("s", ""), shows("s", "journal")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn each_batch_is_one_observation_of_the_latency_in_the_buckets_of_client_go() {
    let world = World::listed("a@1");
    world.watch("+b@2 +c@3 ~a@4");
    world.watch("-b@5");
    world.watch("*6");
    let latency =
        |part: &str| of(&world.metrics, "everything", &format!("informer_processing_latency_seconds_{part}"));
    assert_eq!(latency("count"), Some(3.0), "a bookmark alone is not processed");
    let text = world.metrics.encode();
    let bounds: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("informer_processing_latency_seconds_bucket"))
        .filter_map(|line| line.split("le=\"").nth(1)?.split('"').next())
        .collect();
    let peers = [
        "0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf",
    ];
    assert_eq!(bounds, peers);
}

#[tokio::test(start_paused = true)]
async fn trouble_shows_by_its_reason_while_it_lasts() {
    let world = World::new();
    let resource = world.informer.resource_type();
    let status = pilothouse_machinery::Status::failure(pilothouse_machinery::StatusReason::Forbidden, "no");
    let trouble = crate::cache::InformerTrouble::refused("list", resource, &Selection::everything(), &status);
    let shows = || shown(&world.metrics, "pilothouse_informer_trouble", &[]);
    assert_eq!(shows(), None);
    world.informer.health().set(Some(trouble));
    assert!(world.metrics.encode().contains("resource=\"configmaps\",reason=\"Forbidden\"} 1\n"));
    world.informer.health().set(None);
    assert_eq!(shows(), None);
}

#[test]
fn ci19_a_scrape_does_not_wait_for_a_filter_that_runs_and_a_filter_may_ask_for_metrics_meanwhile() {
    let (entered, in_filter) = mpsc::channel();
    let (scraped, after_scrape) = mpsc::channel();
    let after_scrape = parking_lot::Mutex::new(after_scrape);
    let metrics = Metrics::new();
    let counting = metrics.clone();
    let world = Arc::new(World::beside(&metrics, InformerOptions::default()));
    world.list("a@1");
    let filter = move |object: &crate::cache::CachedObject| {
        if object.resource_version().number() == Some(2) {
            let _ = entered.send(());
            let in_time = after_scrape.lock().recv_timeout(Duration::from_secs(10)).is_ok();
            let name = if in_time { "scraped_meanwhile" } else { "scrape_waited" };
            counting.counter(name, "What the filter saw").with(&[]).inc();
        }
        true
    };
    let subscription =
        world.informer.subscribe_with(SubscriptionOptions::default().filter(filter).named("one"));
    assert_eq!(shown(&metrics, "pilothouse_informer_subscribers", &[("subscriber", "one")]), Some(1.0));
    let fed = Arc::clone(&world);
    let reader = metrics.clone();
    assert!(ends(move || {
        let feeding = move || assert!(ends(move || fed.watch("~a@2")));
        let feeding = in_background(feeding);
        in_filter.recv().unwrap();
        let text = reader.encode();
        scraped.send(()).unwrap();
        feeding.recv().unwrap();
        assert!(text.contains("subscriber=\"one\""), "as it was at the scrape before: {text}");
    }));
    assert_eq!(shown(&metrics, "scraped_meanwhile_total", &[]), Some(1.0), "{}", metrics.encode());
    assert_eq!(subscription.len(), 1);
}

/// Runs `work` beside; tells when it has ended.
fn in_background(work: impl FnOnce() + Send + 'static) -> mpsc::Receiver<()> {
    let (done, end) = mpsc::channel();
    #[expect(clippy::disallowed_methods, reason = "a filter that blocks needs a thread to block")]
    std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    end
}

#[test]
fn ci19_a_filter_may_itself_scrape() {
    assert!(ends(|| {
        let world = World::listed("a@1");
        let metrics = world.metrics.clone();
        let filter = move |_: &crate::cache::CachedObject| metrics.encode().contains(OBJECTS);
        let mut subscription = world.informer.subscribe_with(SubscriptionOptions::default().filter(filter));
        world.watch("+b@2");
        assert_eq!(taken(&mut subscription), "!+a@1 +b@2");
    }));
}

/// An object beside its size.
fn sizes() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec((0..6_u8, 0..4_u8), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_bytes_of_a_cache_are_the_sum_of_what_it_holds_whatever_happened(steps in sizes()) {
        let world = World::new();
        let mut version = 1;
        for (name, what) in steps {
            version += 7_u64.pow(u32::from(what));
            match what {
                0 => world.watch(&format!("-o{name}@{version}")),
                1 => world.list(&format!("o{name}@{version} o{}@{version}", name + 1)),
                2 => world.watch(&format!("+o{name}@{version} ~o{name}@{} -p@{}", version + 1, version + 2)),
                _ => world.watch(&format!("~o{name}@{version}")),
            }
            version += 2;
            let snapshot = world.informer.store().snapshot();
            let held: usize = snapshot.iter().map(|object| object.size()).sum();
            let shows = of(&world.metrics, "everything", "pilothouse_informer_bytes");
            prop_assert_eq!(shows, Some(float(held)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_reading_is_that_of_the_runtime() {
    let begun = Instant::now();
    let world = World::listed("a@1");
    sleep(Duration::from_secs(3)).await;
    world.informer.instruments().heard(Instant::now());
    sleep(Duration::from_millis(4500)).await;
    let age = of(&world.metrics, "everything", "pilothouse_reflector_last_event_age_seconds");
    assert_eq!((age, begun.elapsed()), (Some(4.5), Duration::from_millis(7500)));
}
