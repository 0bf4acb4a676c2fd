//! The operator between an API server and a zone in the same process, in paused time, and the rights that it needs.
#![expect(clippy::unwrap_used, reason = "scenarios of tests")]

mod world;

use std::collections::BTreeSet;
use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use pilothouse::ListOptions;
use pilothouse_apiserver::{Permissions, RequestRecord, Trouble};
use records_operator::FINALIZER;
use tokio::time::sleep;
use world::{Mood, World, account};

/// What the operator may do.
const MANIFEST: &str = include_str!("../deploy/rbac.yaml");

const ADDRESS: &str = "192.0.2.1";

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
    many_records_are_few_calls_and_an_idle_operator_makes_none,
    one_bad_record_of_a_batch_is_given_up_and_the_others_are_published,
    while_the_zone_is_away_nothing_is_given_up_and_all_is_published_afterwards,
    a_name_that_is_taken_is_waited_for,
    records_go_together_when_the_zone_has_forgotten_them,
    a_crash_after_the_zone_was_written_changes_nothing,
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
async fn z1_the_manifest_grants_what_the_records_operator_does_and_nothing_else() {
    #[expect(clippy::disallowed_methods, reason = "a switch for people who run the test")]
    let rewrite = std::env::var_os("PILOTHOUSE_WRITE_RBAC").is_some();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/rbac.yaml");
    let recorded = Permissions::recorded(&account(), &whole_suite().await);
    if let Err(error) = recorded.check(&file, rewrite) {
        panic!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
    }
}

#[tokio::test(start_paused = true)]
async fn z1_without_the_right_to_set_a_finalizer_nothing_is_published_that_nobody_would_clean_up() {
    let granted = Permissions::in_manifest(&account(), MANIFEST).unwrap();
    let right =
        granted.grants().find(|grant| grant.to_string().starts_with("patch records.")).cloned().unwrap();
    let mut world = World::new(Some(&granted.without(&right).manifest()), None).await;
    world.start(None);
    create_some(&world, 5).await;
    sleep(Duration::from_mins(1)).await;
    assert!(world.zone.calls().is_empty());
    let (records, user) = (world.end().await, account().user());
    let denied = records.iter().filter(|request| request.code == Some(403));
    let denied: BTreeSet<_> =
        denied.map(|request| (&*request.user, &*request.verb, &*request.resource)).collect();
    assert_eq!(
        denied,
        BTreeSet::from([(&*user, "patch", "records")]),
        "the server says which right is missing"
    );
}

/// Makes records `r0` and on, of the names `host-0` and on.
async fn create_some(world: &World, count: usize) {
    for number in 0..count {
        world.create(&format!("r{number}"), &format!("host-{number}"), ADDRESS).await;
    }
}

async fn until_published(world: &World, count: usize) {
    world.until("published", async |world| world.published().await == count).await;
}

async fn many_records_are_few_calls_and_an_idle_operator_makes_none(world: &mut World) {
    create_some(world, 120).await;
    world.start(None);
    until_published(world, 120).await;
    let calls = world.zone.calls();
    assert!(calls.iter().all(|changes| *changes <= 100), "{calls:?}");
    if world.is_calm() {
        assert_eq!(calls, [100, 20]);
    }
    sleep(Duration::from_secs(30)).await;
    let (calls, writes) = (world.zone.calls().len(), world.writes());
    sleep(Duration::from_hours(1)).await;
    assert_eq!((world.zone.calls().len(), world.writes()), (calls, writes));
}

async fn one_bad_record_of_a_batch_is_given_up_and_the_others_are_published(world: &mut World) {
    create_some(world, 9).await;
    world.create("bad", "no name", ADDRESS).await;
    world.start(None);
    until_published(world, 9).await;
    world.until("one given up", async |world| world.given_up().len() == 1).await;
    assert_eq!(world.given_up(), [("bad".to_owned(), "BadName".to_owned())]);
    let condition = world.conditions().await.remove("bad").unwrap();
    let told = (&*condition.status, &*condition.reason, &*condition.message);
    assert_eq!(told, ("False", "BadName", "\"no name\" is no name of a host"));
    assert_eq!(world.zone.entries().len(), 9);
    // Right, wrong in another way, and right again.
    world.change("bad", "good", ADDRESS).await;
    until_published(world, 10).await;
    world.change("bad", "good", "::1").await;
    world.until("given up", async |world| world.given_up().len() == 1).await;
    assert_eq!(world.reason("bad").await.as_deref(), Some("BadAddress"));
    world.change("bad", "good", ADDRESS).await;
    until_published(world, 10).await;
    assert_eq!(world.given_up(), []);
    let events = world.client.list::<Event>(Some("default"), &ListOptions::default()).await.unwrap();
    assert!(events.iter().any(|event| event.reason.as_deref() == Some("GivenUp")), "{events:?}");
}

async fn while_the_zone_is_away_nothing_is_given_up_and_all_is_published_afterwards(world: &mut World) {
    world.zone.set_mood(Mood::Away);
    create_some(world, 20).await;
    world.start(None);
    sleep(Duration::from_mins(10)).await;
    assert_eq!((world.given_up(), world.conditions().await.len()), (Vec::new(), 0));
    world.zone.set_mood(Mood::Well);
    until_published(world, 20).await;
}

async fn a_name_that_is_taken_is_waited_for(world: &mut World) {
    world.create("first", "www", ADDRESS).await;
    world.start(None);
    until_published(world, 1).await;
    world.create("second", "www", "192.0.2.2").await;
    world
        .until("told", async |world| world.reason("second").await.as_deref() == Some("WaitsForDependency"))
        .await;
    // A change that comes while the batch runs is one more look.
    sleep(Duration::from_secs(30)).await;
    let calls = world.zone.calls().len();
    sleep(Duration::from_mins(9)).await;
    assert_eq!((world.zone.calls().len() - calls, world.given_up()), (0, Vec::new()));
    assert_eq!(world.zone.entries(), [("www".to_owned(), "first".to_owned())]);
    world.delete("first").await;
    until_published(world, 1).await;
    assert_eq!(world.zone.entries(), [("www".to_owned(), "second".to_owned())]);
}

async fn records_go_together_when_the_zone_has_forgotten_them(world: &mut World) {
    create_some(world, 20).await;
    world.start(None);
    until_published(world, 20).await;
    world.zone.set_mood(Mood::Away);
    for number in 0..20 {
        world.delete(&format!("r{number}")).await;
    }
    sleep(Duration::from_mins(5)).await;
    assert_eq!(world.record("r7").await.unwrap().metadata.finalizers, Some(vec![FINALIZER.to_owned()]));
    assert_eq!((world.count().await, world.zone.entries().len()), (20, 20));
    world.zone.set_mood(Mood::Well);
    world
        .until("all gone", async |world| {
            // Looked at in this order, an entry is seen whenever its object went before it.
            let (objects, entries) = (world.count().await, world.zone.entries().len());
            assert!(entries <= objects, "{entries} entries of {objects} objects");
            objects == 0
        })
        .await;
}

async fn a_crash_after_the_zone_was_written_changes_nothing(world: &mut World) {
    world.zone.set_mood(Mood::Mute);
    create_some(world, 5).await;
    world.start(None);
    world.until("in the zone", async |world| world.zone.entries().len() == 5).await;
    world.kill().await;
    assert!(world.conditions().await.is_empty(), "nothing is written down");
    world.delete("r0").await;
    world.zone.set_mood(Mood::Well);
    world.start(None);
    until_published(world, 4).await;
    world.until("gone", async |world| world.record("r0").await.is_none()).await;
    assert_eq!(world.zone.entries().len(), 4);
}

async fn another_replica_goes_on_where_the_leader_has_stopped(world: &mut World) {
    world.start(Some("a"));
    world.create("first", "www", ADDRESS).await;
    until_published(world, 1).await;
    world.start(Some("b"));
    sleep(Duration::from_mins(1)).await;
    world.stop().await;
    world.create("second", "shop", ADDRESS).await;
    until_published(world, 2).await;
}
