//! The operator between an API server and a provider in the same process, in paused time, and the rights that it
//! needs.
#![expect(clippy::unwrap_used, reason = "scenarios of tests")]

mod world;

use std::collections::BTreeSet;
use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use bucket_operator::{Bucket, FINALIZER};
use k8s_openapi::api::core::v1::{ConfigMap, Event};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use pilothouse::{DeadLetterSelector, DeleteOptions, ListOptions, Patch};
use pilothouse_apiserver::{Permissions, RequestRecord, Trouble};
use serde_json::json;
use tokio::time::{Instant, sleep};
use world::{Mood, REGION, WORK, World, account, key};

/// What the operator may do.
const MANIFEST: &str = include_str!("../deploy/rbac.yaml");

/// How many buckets there are where more are wanted than calls may be made at once.
const BUCKETS: usize = 10;

/// Each scenario is a test with the rights in [`MANIFEST`], also where things go wrong; [`whole_suite`] runs all of
/// them for what they ask of the server.
macro_rules! suite {
    ($($scenario:ident),+ $(,)?) => {
        suite!(calm: None, $($scenario),+);
        suite!(with_conflicts: Some(pilothouse_apiserver::Trouble::Conflict), $($scenario),+);
        suite!(with_lost_answers: Some(pilothouse_apiserver::Trouble::LostAnswer), $($scenario),+);
        suite!(on_an_older_server: Some(pilothouse_apiserver::Trouble::NoStreamingLists), $($scenario),+);

        async fn whole_suite() -> Vec<RequestRecord> {
            let mut records = Vec::new();
            for trouble in std::iter::once(None).chain(Trouble::ALL.map(Some)) {
                $(records.extend(run(None, trouble, $scenario).await);)+
            }
            records
        }
    };
    ($module:ident: $trouble:expr, $($scenario:ident),+) => {
        mod $module {
            $(
                #[tokio::test(start_paused = true)]
                async fn $scenario() {
                    super::run(Some(super::MANIFEST), $trouble, super::$scenario).await;
                }
            )+
        }
    };
}

suite! {
    a_bucket_is_made_asked_after_until_it_is_ready_and_looked_after_from_then_on,
    while_the_provider_fails_calls_stop_and_buckets_go_on_by_themselves_when_it_is_back,
    a_provider_that_is_slow_gets_few_calls_at_once_and_holds_nobody_up_who_stops,
    what_the_provider_refuses_is_a_dead_letter_and_the_others_go_on,
    refusals_do_not_speak_against_the_provider,
    a_bucket_goes_when_the_provider_has_deleted_its_own,
    a_crash_between_the_provider_and_the_status_makes_no_second_bucket,
    a_bucket_waits_for_its_policy_without_a_call_or_a_failure,
    another_replica_goes_on_where_the_leader_has_stopped,
}

async fn run(
    manifest: Option<&str>,
    trouble: Option<Trouble>,
    scenario: impl AsyncFn(&mut World),
) -> Vec<RequestRecord> {
    let mut world = World::new(manifest, trouble).await;
    scenario(&mut world).await;
    let records = world.end().await;
    let denied = records.iter().find(|request| request.code == Some(403));
    assert!(denied.is_none(), "{denied:?}");
    records
}

/// The rights in the manifest are just what the suite needs. `PILOTHOUSE_WRITE_RBAC=1` writes the manifest anew.
#[tokio::test(start_paused = true)]
async fn z1_the_manifest_grants_what_the_bucket_operator_does_and_nothing_else() {
    #[expect(clippy::disallowed_methods, reason = "a switch for people who run the test")]
    let rewrite = std::env::var_os("PILOTHOUSE_WRITE_RBAC").is_some();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/rbac.yaml");
    let recorded = Permissions::recorded(&account(), &whole_suite().await);
    if let Err(error) = recorded.check(&file, rewrite) {
        panic!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
    }
}

#[tokio::test(start_paused = true)]
async fn z1_without_the_right_to_set_a_finalizer_nothing_is_made_that_nobody_would_clean_up() {
    let granted = Permissions::in_manifest(&account(), MANIFEST).unwrap();
    let right =
        granted.grants().find(|grant| grant.to_string().starts_with("patch buckets.")).cloned().unwrap();
    let mut world = World::new(Some(&granted.without(&right).manifest()), None).await;
    world.start(None);
    world.create("photos", REGION, None).await;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.provider.calls(), 0);
    let (records, user) = (world.end().await, account().user());
    let denied = records.iter().filter(|request| request.code == Some(403));
    let denied: BTreeSet<_> =
        denied.map(|request| (&*request.user, &*request.verb, &*request.resource)).collect();
    assert_eq!(
        denied,
        BTreeSet::from([(&*user, "patch", "buckets")]),
        "the server says which right is missing"
    );
}

/// Makes buckets `0` and on.
async fn create_some(world: &World, count: usize) {
    for number in 0..count {
        world.create(&number.to_string(), REGION, None).await;
    }
}

async fn until_all_ready(world: &World, count: usize) {
    for number in 0..count {
        world.until("ready", async |world| world.is_ready(&number.to_string()).await).await;
    }
}

async fn a_bucket_is_made_asked_after_until_it_is_ready_and_looked_after_from_then_on(world: &mut World) {
    world.start(None);
    world.create("photos", REGION, None).await;
    world.until("a status", async |world| world.condition("photos").await.is_some()).await;
    assert_eq!(world.condition("photos").await.unwrap().reason, "Creating");
    world.until("ready", async |world| world.is_ready("photos").await).await;
    let name = world.outside("photos").await;
    let status = world.bucket("photos").await.unwrap().status.unwrap();
    assert_eq!((status.observed_generation, status.outside_name), (Some(1), Some(name.clone())));
    let calls = world.provider.calls();
    assert!((3..=8).contains(&calls), "every five seconds for twelve, and not more: {calls}");

    sleep(Duration::from_secs(1)).await;
    let writes = |world: &World| {
        let log = world.server.request_log();
        log.iter().filter(|request| !matches!(&*request.verb, "get" | "list" | "watch")).count()
    };
    let (before, calls) = (writes(world), world.provider.calls());
    sleep(Duration::from_hours(1)).await;
    assert_eq!(writes(world), before);
    assert!((12..=13).contains(&(world.provider.calls() - calls)), "every five minutes");
    // Somebody deletes it by hand: it is seen when it is looked at next, and told of once more.
    for _ in 0..2 {
        world.provider.lose(&name);
        world.until("seen", async |world| !world.is_ready("photos").await).await;
        world.until("made again", async |world| world.is_ready("photos").await).await;
    }
    let events = world.client.list::<Event>(Some("default"), &ListOptions::default()).await.unwrap();
    assert!(events.iter().any(|event| event.reason.as_deref() == Some("Ready")), "{events:?}");
}

async fn while_the_provider_fails_calls_stop_and_buckets_go_on_by_themselves_when_it_is_back(
    world: &mut World,
) {
    world.start(None);
    for mood in [Mood::Failing, Mood::Busy, Mood::Away] {
        world.provider.set_mood(mood);
        create_some(world, BUCKETS).await;
        sleep(Duration::from_secs(8)).await;
        let calls = world.provider.calls();
        sleep(Duration::from_mins(5)).await;
        // Probes after about 10, 20, 40, 80 and 160 seconds.
        let probes = world.provider.calls() - calls;
        assert!((4..=6).contains(&probes), "{probes} calls in five minutes of {mood:?}");
        assert_eq!(world.given_up(), [], "an outage is no bucket's fault");
        assert!(world.condition("0").await.is_none(), "what passes is not told of in each status");
        world.provider.set_mood(Mood::Well);
        until_all_ready(world, BUCKETS).await;
        assert!(world.provider.most_in_flight() <= 4);
        for number in 0..BUCKETS {
            let name = key(&number.to_string());
            world.client.delete::<Bucket>(&name, &DeleteOptions::default()).await.unwrap();
        }
        world.until("all gone outside", async |world| world.provider.names().is_empty()).await;
        world.until("all gone inside", async |world| world.list().await == 0).await;
    }
}

async fn a_provider_that_is_slow_gets_few_calls_at_once_and_holds_nobody_up_who_stops(world: &mut World) {
    world.start(None);
    world.provider.set_mood(Mood::Slow);
    create_some(world, BUCKETS).await;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.provider.most_in_flight(), 4);
    let calls = world.provider.calls();
    assert!(calls <= 12, "five that took too long open the breaker: {calls}");
    let start = Instant::now();
    world.stop().await;
    assert!(start.elapsed() < Duration::from_secs(11), "a call ends after ten seconds");
    world.provider.set_mood(Mood::Well);
    world.start(None);
    until_all_ready(world, BUCKETS).await;
}

async fn what_the_provider_refuses_is_a_dead_letter_and_the_others_go_on(world: &mut World) {
    world.start(None);
    world.provider.set_quota(1);
    world.create("wrong", "nowhere", None).await;
    world.create("first", REGION, None).await;
    world.until("ready", async |world| world.is_ready("first").await).await;
    world.create("second", REGION, None).await;
    let expected = [("second", "QuotaExceeded"), ("wrong", "UnknownRegion")];
    let expected = expected.map(|(name, reason)| (name.to_owned(), reason.to_owned()));
    world.until("two given up", async |world| world.given_up() == expected).await;
    let condition = world.condition("wrong").await.unwrap();
    let told = (&*condition.status, &*condition.reason, &*condition.message);
    assert_eq!(told, ("False", "UnknownRegion", "there is no region nowhere"));
    let calls = world.provider.calls();
    sleep(Duration::from_mins(4)).await;
    assert_eq!(world.provider.calls(), calls, "what is refused is not asked for again");

    // A change of the object brings it back; a change outside, somebody who knows of it.
    world.provider.set_quota(3);
    let patch = Patch::Merge(json!({"spec": {"region": REGION}}));
    world.client.patch::<Bucket>(&key("wrong"), &patch).await.unwrap();
    world.until("ready", async |world| world.is_ready("wrong").await).await;
    assert_eq!(world.given_up(), expected[..1]);
    let second = DeadLetterSelector { name: Some("second".into()), ..DeadLetterSelector::default() };
    assert_eq!(world.letters().replay(&second, "ann"), 1);
    world.until("ready", async |world| world.is_ready("second").await).await;
    assert_eq!(world.given_up(), []);
}

async fn refusals_do_not_speak_against_the_provider(world: &mut World) {
    world.start(None);
    for number in 0..BUCKETS {
        world.create(&format!("wrong-{number}"), "nowhere", None).await;
    }
    world.until("all given up", async |world| world.given_up().len() == BUCKETS).await;
    let start = Instant::now();
    world.create("photos", REGION, None).await;
    world.until("ready", async |world| world.is_ready("photos").await).await;
    assert!(start.elapsed() < WORK + Duration::from_secs(6), "no breaker opens: {:?}", start.elapsed());
}

async fn a_bucket_goes_when_the_provider_has_deleted_its_own(world: &mut World) {
    world.start(None);
    world.create("photos", REGION, None).await;
    world.until("ready", async |world| world.is_ready("photos").await).await;
    world.provider.set_mood(Mood::Away);
    world.client.delete::<Bucket>(&key("photos"), &DeleteOptions::default()).await.unwrap();
    sleep(Duration::from_mins(10)).await;
    let bucket = world.bucket("photos").await.unwrap();
    assert_eq!(bucket.metadata.finalizers, Some(vec![FINALIZER.to_owned()]));
    world.provider.set_mood(Mood::Well);
    world
        .until("gone", async |world| {
            // Looked at in this order, the one outside is seen whenever the object went before it.
            let (gone, outside) = (world.bucket("photos").await.is_none(), world.provider.names());
            assert!(!gone || outside.is_empty(), "the object is gone and {outside:?} is not");
            gone
        })
        .await;
    world.create("photos", REGION, None).await;
    world.until("ready", async |world| world.is_ready("photos").await).await;
    // An object of the same name elsewhere has a bucket of its own.
    let mut other = world.bucket("photos").await.unwrap();
    other.metadata = ObjectMeta {
        name: Some("photos".into()),
        namespace: Some("kube-public".into()),
        ..ObjectMeta::default()
    };
    world.client.create(&other).await.unwrap();
    world.until("two of them", async |world| world.provider.names().len() == 2).await;
}

async fn a_crash_between_the_provider_and_the_status_makes_no_second_bucket(world: &mut World) {
    world.start(None);
    world.provider.set_mood(Mood::Mute);
    world.create("photos", REGION, None).await;
    world.until("made outside", async |world| world.provider.made() == 1).await;
    world.kill().await;
    assert!(world.condition("photos").await.is_none(), "nothing is written down");
    sleep(WORK).await;
    world.provider.set_mood(Mood::Well);
    world.start(None);
    world.until("ready", async |world| world.is_ready("photos").await).await;
    assert_eq!((world.provider.made(), world.provider.names()), (1, vec![world.outside("photos").await]));
    // The same with a deletion after the crash: nothing is left behind.
    world.provider.set_mood(Mood::Mute);
    world.create("music", REGION, None).await;
    world.until("made outside", async |world| world.provider.made() == 2).await;
    world.kill().await;
    world.client.delete::<Bucket>(&key("music"), &DeleteOptions::default()).await.unwrap();
    world.provider.set_mood(Mood::Well);
    world.start(None);
    world.until("gone", async |world| world.bucket("music").await.is_none()).await;
    assert_eq!(world.provider.names(), [world.outside("photos").await]);
}

async fn a_bucket_waits_for_its_policy_without_a_call_or_a_failure(world: &mut World) {
    world.start(None);
    world.create("photos", REGION, Some("readers")).await;
    sleep(Duration::from_mins(30)).await;
    assert_eq!((world.provider.calls(), world.given_up()), (0, Vec::new()));
    let map = json!({"metadata": {"name": "readers", "namespace": "default"}, "data": {"policy": "all"}});
    let start = Instant::now();
    world.client.create::<ConfigMap>(&serde_json::from_value(map).unwrap()).await.unwrap();
    world.until("asked for", async |world| world.provider.made() == 1).await;
    assert!(start.elapsed() < Duration::from_secs(2), "at once, and not when it is tried again");
    world.until("ready", async |world| world.is_ready("photos").await).await;
    assert_eq!(world.provider.policy(&world.outside("photos").await).as_deref(), Some("all"));
}

async fn another_replica_goes_on_where_the_leader_has_stopped(world: &mut World) {
    world.start(Some("a"));
    world.create("photos", REGION, None).await;
    world.until("ready", async |world| world.is_ready("photos").await).await;
    world.start(Some("b"));
    sleep(Duration::from_mins(1)).await;
    world.stop().await;
    world.create("music", REGION, None).await;
    world.until("ready", async |world| world.is_ready("music").await).await;
}
