//! Loss, restarts, gaps and back-pressure, against a scripted server and a sink in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use parking_lot::Mutex;
use pilothouse_machinery::header::Uid;
use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::*;
use crate::manager::Shutdown;
use crate::object::Object;
use crate::testing::{Feed, Script, list, object, status, stream};

const SOON: Duration = Duration::from_millis(200);

/// A database: rows by uid and version, and what each commit was.
#[derive(Clone, Default)]
struct Database(Arc<Mutex<Tables>>);

#[derive(Default)]
struct Tables {
    position: Option<ResourceVersion>,
    rows: Vec<(String, JournalEntry)>,
    unique: BTreeSet<String>,
    live: BTreeMap<ObjectKey, KnownObject>,
    batches: Vec<JournalBatch>,
    /// How many commits fail from now on; with `true` after storing the rows, as a lost acknowledgement.
    failing: (usize, bool),
    commit_time: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("the database is down")]
struct Down;

impl Database {
    fn words(&self) -> Vec<String> {
        self.0.lock().rows.iter().map(|(word, _)| word.clone()).collect()
    }

    fn position(&self) -> Option<u64> {
        self.0.lock().position.as_ref().and_then(ResourceVersion::number)
    }

    fn gaps(&self) -> Vec<JournalGap> {
        self.0.lock().batches.iter().filter_map(|batch| batch.gap.clone()).collect()
    }

    fn know(&self, name: &str, version: u64) {
        let known = KnownObject {
            key: ObjectKey::new("default", name),
            uid: Uid::parse(&format!("uid-{name}")),
            resource_version: ResourceVersion::from_number(version),
        };
        self.0.lock().live.insert(known.key.clone(), known);
    }

    fn at(&self, position: u64) {
        self.0.lock().position = Some(ResourceVersion::from_number(position));
    }
}

impl JournalSink for Database {
    type Error = Down;

    async fn position(&mut self, _: &ResourceType) -> Result<Option<ResourceVersion>, Down> {
        Ok(self.0.lock().position.clone())
    }

    async fn known(&mut self, _: &ResourceType) -> Result<Vec<KnownObject>, Down> {
        Ok(self.0.lock().live.values().cloned().collect())
    }

    async fn commit(&mut self, batch: JournalBatch) -> Result<(), Down> {
        let wait = self.0.lock().commit_time;
        sleep(wait).await;
        let mut tables = self.0.lock();
        let (failures, after_storing) = tables.failing;
        tables.failing.0 = failures.saturating_sub(1);
        if failures > 0 && !after_storing {
            return Err(Down);
        }
        for entry in &batch.entries {
            let sign = match entry.event {
                JournalEvent::Added => '+',
                JournalEvent::Modified => '~',
                JournalEvent::Deleted => '-',
                JournalEvent::Vanished => '?',
            };
            if tables.unique.insert(format!("{}@{}{}", entry.uid, entry.resource_version, sign == '?')) {
                let word = format!("{sign}{}@{}", entry.key.name, entry.resource_version);
                tables.rows.push((word, entry.clone()));
            }
            if matches!(entry.event, JournalEvent::Deleted | JournalEvent::Vanished) {
                tables.live.remove(&entry.key);
            } else {
                let known = KnownObject {
                    key: entry.key.clone(),
                    uid: entry.uid.clone(),
                    resource_version: entry.resource_version.clone(),
                };
                tables.live.insert(entry.key.clone(), known);
            }
        }
        tables.position = Some(batch.position.clone());
        tables.batches.push(batch);
        if failures > 0 { Err(Down) } else { Ok(()) }
    }
}

struct Running {
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<Result<(), JournalError>>,
}

fn start_with(script: &Script, database: &Database, options: JournalOptions) -> Running {
    let environment = Script::environment();
    let resource = ConfigMap::resource_type();
    let journal = Journal::new(script.client(), environment.clone(), resource, database.clone(), options)
        .with_metrics(&script.metrics);
    let shutdown = Shutdown::new();
    let stop = shutdown.clone();
    let task = environment.spawn("journal", async move { journal.run(stop.requested()).await });
    Running { shutdown, task }
}

fn start(script: &Script, database: &Database) -> Running {
    start_with(script, database, JournalOptions::default())
}

impl Running {
    async fn stop(self) {
        self.shutdown.request();
        timeout(SOON, self.task).await.expect("in time").expect("no panic").expect("no error");
    }

    /// As a crash would.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn bookmark(feed: &Feed, version: u64) {
    feed.event("BOOKMARK", &json!({"metadata": {"resourceVersion": version.to_string()}}));
}

#[tokio::test(start_paused = true)]
async fn j1_every_version_reaches_the_sink_once_and_in_order_with_the_position_that_covers_it() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "t", &[object("a", 1)]), list(7, "", &[object("b", 2)]), watch]);
    let database = Database::default();
    let running = start(&script, &database);
    let mut expected = vec!["+a@1".to_owned(), "+b@2".to_owned()];
    for version in 8..700_u64 {
        let (event, sign) = if version == 8 { ("ADDED", '+') } else { ("MODIFIED", '~') };
        feed.event(event, &object("c", version));
        expected.push(format!("{sign}c@{version}"));
    }
    feed.event("DELETED", &object("c", 700));
    expected.push("-c@700".into());
    sleep(SOON).await;
    assert_eq!(database.words(), expected);
    assert_eq!(database.position(), Some(700));
    {
        let tables = database.0.lock();
        assert!(tables.batches.iter().all(|batch| batch.entries.len() <= 200));
        for batch in &tables.batches[1..] {
            assert_eq!(batch.position, batch.entries.last().unwrap().resource_version);
        }
        let provenances: Vec<_> = tables.rows.iter().map(|(_, entry)| entry.provenance).collect();
        assert_eq!((provenances[1], provenances[2]), (Provenance::InitialList, Provenance::Watch));
        assert!(tables.batches.iter().all(|batch| batch.gap.is_none()));
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn j3_a_restart_goes_on_at_the_committed_position_without_a_list_and_without_a_gap() {
    let (feed, watch) = stream();
    let script = Script::of([watch]);
    let database = Database::default();
    database.at(40);
    let running = start(&script, &database);
    feed.event("MODIFIED", &object("a", 41));
    sleep(SOON).await;
    assert_eq!(script.trace(), "W");
    assert_eq!(script.seen()[0].parameter("resourceVersion"), Some("40"));
    sleep(Duration::from_secs(1)).await;
    feed.event("MODIFIED", &object("a", 42));
    sleep(SOON).await;
    let provenances: Vec<_> = database.0.lock().rows.iter().map(|(_, entry)| entry.provenance).collect();
    assert_eq!(
        provenances,
        [Provenance::Resume, Provenance::Watch],
        "the first was missed, the second is new"
    );
    assert_eq!((database.position(), database.gaps().len()), (Some(42), 0));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn j4_when_the_history_is_gone_a_list_is_compared_with_the_sink_and_the_gap_is_recorded() {
    let script = Script::of([
        status(410, "Gone"),
        list(90, "t", &[object("changed", 85), object("same", 20)]),
        list(90, "", &[object("new", 88)]),
        stream().1,
    ]);
    let database = Database::default();
    database.at(40);
    for (name, version) in [("changed", 10), ("same", 20), ("gone", 30)] {
        database.know(name, version);
    }
    let running = start(&script, &database);
    sleep(SOON).await;
    assert_eq!(database.words(), ["~changed@85", "+new@88", "?gone@30"]);
    let gaps = database.gaps();
    assert_eq!((gaps.len(), gaps[0].cause), (1, GapCause::Expired));
    assert_eq!((gaps[0].changed, gaps[0].new, gaps[0].vanished), (1, 1, 1));
    let version = ResourceVersion::from_number;
    assert_eq!((&gaps[0].from, &gaps[0].to, gaps[0].from_at), (&version(40), &version(90), None));
    let provenances: Vec<_> = database.0.lock().rows.iter().map(|(_, entry)| entry.provenance).collect();
    let after = Provenance::ListAfterGap;
    assert_eq!(provenances, [after, after, Provenance::InferredAbsence]);
    let seen = script.seen();
    assert_eq!(seen[1].parameter("resourceVersion"), None, "the list shows the newest state");
    assert_eq!(seen[1].parameter("limit"), Some("500"));
    assert_eq!(seen[3].parameter("resourceVersion"), Some("90"));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn j4_an_object_deleted_and_created_again_in_the_gap_is_one_that_vanished_and_one_that_is_new() {
    let mut again = object("a", 88);
    again["metadata"]["uid"] = "another".into();
    let script = Script::of([status(410, "Gone"), list(90, "", &[again]), stream().1]);
    let database = Database::default();
    database.at(40);
    database.know("a", 10);
    let running = start(&script, &database);
    sleep(SOON).await;
    assert_eq!(database.words(), ["+a@88", "?a@10"]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn j5_a_list_that_fails_midway_infers_nothing_and_moves_no_position() {
    let script =
        Script::of([status(410, "Gone"), list(90, "t", &[object("a", 80)]), status(500, "InternalError")]);
    let database = Database::default();
    database.at(40);
    for (name, version) in [("a", 10), ("b", 20)] {
        database.know(name, version);
    }
    let running = start(&script, &database);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(database.words(), ["~a@80"]);
    assert_eq!((database.position(), database.gaps().len()), (Some(40), 0));
    running.kill().await;
    // The next life finds the same position, the same 410, and what the first has stored.
    let script =
        Script::of([status(410, "Gone"), list(95, "", &[object("a", 80), object("b", 20)]), stream().1]);
    let running = start(&script, &database);
    sleep(SOON).await;
    assert_eq!(database.words(), ["~a@80"]);
    assert_eq!((database.position(), database.gaps().len()), (Some(95), 1));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn j2_a_lost_acknowledgement_and_a_failing_sink_lose_and_double_nothing() {
    for after_storing in [false, true] {
        let (feed, watch) = stream();
        let script = Script::of([watch]);
        let database = Database::default();
        database.at(7);
        database.0.lock().failing = (6, after_storing);
        let running = start(&script, &database);
        for version in 8..30 {
            feed.event("MODIFIED", &object("a", version));
        }
        sleep(Duration::from_secs(30)).await;
        let expected: Vec<String> = (8..30).map(|version| format!("~a@{version}")).collect();
        assert_eq!(database.words(), expected, "after storing: {after_storing}");
        assert_eq!(database.position(), Some(29));
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn j2_killed_at_any_moment_the_sink_ends_up_the_same() {
    let history: Vec<u64> = (8..60).collect();
    let environment = Script::environment();
    for kill_after in 0..40_u64 {
        let database = Database::default();
        database.at(7);
        database.0.lock().commit_time = Duration::from_millis(environment.random_u64() % 30);
        let mut life = 0;
        loop {
            // Each life is served the history since the position it asks for, a few events at a time.
            let (feed, watch) = stream();
            let running = start(&Script::of([watch]), &database);
            let position = database.position().unwrap();
            let mut elapsed = 0;
            for version in history.iter().filter(|version| **version > position) {
                feed.event("MODIFIED", &object("a", *version));
                sleep(Duration::from_millis(3)).await;
                elapsed += 3;
                if life < 4 && elapsed > kill_after * (life + 1) {
                    break;
                }
            }
            if life >= 4 {
                sleep(Duration::from_secs(1)).await;
            }
            running.kill().await;
            life += 1;
            if life > 4 {
                break;
            }
        }
        let expected: Vec<String> = history.iter().map(|version| format!("~a@{version}")).collect();
        assert_eq!(database.words(), expected, "killed after {kill_after} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn j5_an_object_that_is_listed_but_cannot_be_read_has_not_vanished() {
    let database = Database::default();
    database.at(7);
    database.know("a", 3);
    database.know("b", 3);
    let mut unreadable = object("a", 8);
    unreadable["metadata"]["labels"] = json!({"a": 7});
    let script = Script::of([status(410, "Gone"), list(9, "", &[unreadable, object("c", 9)])]);
    let running = start(&script, &database);
    sleep(SOON).await;
    assert_eq!(database.words(), ["+c@9", "?b@3"], "b is gone, a is not");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn j5_nothing_vanishes_in_a_list_with_an_object_that_does_not_even_show_its_key() {
    let database = Database::default();
    database.at(7);
    database.know("a", 3);
    let (feed, watch) = stream();
    let nameless = json!({"metadata": {"resourceVersion": "8"}});
    let script = Script::of([status(410, "Gone"), list(9, "", &[nameless, object("c", 9)]), watch]);
    script.then(list(12, "", &[object("c", 9)]));
    let running = start(&script, &database);
    sleep(SOON).await;
    assert_eq!(database.words(), ["+c@9"]);
    drop(feed);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(database.words(), ["+c@9", "?a@3"], "the next list is whole");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn j6_a_slow_sink_stops_the_reading_at_the_bound_and_loses_nothing() {
    let (feed, watch) = stream();
    let script = Script::of([watch]);
    let database = Database::default();
    database.at(7);
    database.0.lock().commit_time = Duration::from_secs(5);
    let one = object("a", 100).to_string().len();
    let options = JournalOptions { buffer_bytes: 10 * one, batch_entries: 4, ..JournalOptions::default() };
    let running = start_with(&script, &database, options);
    let sent = 200;
    let read = || {
        let metrics = script.metrics.encode();
        let line = metrics.lines().find(|line| line.contains("type=\"MODIFIED\"")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    for version in 100..100 + sent {
        feed.event("MODIFIED", &object("a", version));
    }
    sleep(Duration::from_secs(4)).await;
    assert!(
        (4..=12).contains(&read()),
        "{} events read, 10 fit the buffer {}",
        read(),
        script.metrics.encode()
    );
    sleep(Duration::from_secs(1000)).await;
    let expected: Vec<String> = (100..100 + sent).map(|version| format!("~a@{version}")).collect();
    assert_eq!(database.words(), expected);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn j6_what_is_left_of_a_piece_after_a_commit_in_its_middle_still_counts_against_the_bound() {
    let (feed, watch) = stream();
    let script = Script::of([watch]);
    let database = Database::default();
    database.at(7);
    database.0.lock().commit_time = Duration::from_secs(5);
    let one = script_object_length();
    let options = JournalOptions { buffer_bytes: 10 * one, batch_entries: 4, ..JournalOptions::default() };
    let running = start_with(&script, &database, options);
    let line = |version: u64| format!("{}\n", json!({"type": "MODIFIED", "object": object("a", version)}));
    feed.text(&(100..108).map(line).collect::<String>());
    (108..150).for_each(|version| feed.text(&line(version)));
    sleep(Duration::from_secs(9)).await;
    assert_eq!(database.words().len(), 4, "the second half of the piece is being committed");
    let metrics = script.metrics.encode();
    let read = metrics.lines().find(|line| line.contains("type=\"MODIFIED\"")).unwrap();
    let read: u64 = read.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(read <= 12, "{read} events read, 10 fit the buffer");
    running.kill().await;
}

/// How many bytes of the buffer one object takes.
fn script_object_length() -> usize {
    let resource = ConfigMap::resource_type();
    crate::cache::CachedObject::from_value(&object("a", 100), &resource).unwrap().size()
}

#[tokio::test(start_paused = true)]
async fn bookmarks_alone_move_the_committed_position_but_not_often() {
    let (feed, watch) = stream();
    let script = Script::of([watch]);
    let database = Database::default();
    database.at(7);
    let running = start(&script, &database);
    for version in 8..108 {
        bookmark(&feed, version);
        sleep(Duration::from_millis(300)).await;
    }
    sleep(Duration::from_secs(11)).await;
    assert_eq!(database.position(), Some(107));
    assert!(database.0.lock().batches.len() <= 5, "100 bookmarks in 30 s");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_asked_to_stop_commits_what_it_has_and_a_hanging_sink_does_not_keep_it() {
    let (feed, watch) = stream();
    let script = Script::of([watch]);
    let database = Database::default();
    database.at(7);
    let options = JournalOptions { batch_wait: Duration::from_mins(1), ..JournalOptions::default() };
    let running = start_with(&script, &database, options.clone());
    feed.event("MODIFIED", &object("a", 8));
    sleep(SOON).await;
    assert_eq!(database.words().len(), 0);
    running.stop().await;
    assert_eq!((database.words().len(), database.position()), (1, Some(8)));
    database.0.lock().commit_time = Duration::MAX / 4;
    let (feed, watch) = stream();
    let running = start_with(&Script::of([watch]), &database, options);
    feed.event("MODIFIED", &object("a", 9));
    sleep(SOON).await;
    running.shutdown.request();
    let outcome = timeout(Duration::from_secs(6), running.task).await.unwrap().unwrap();
    assert_eq!(outcome.unwrap_err().reason(), "GraceExceeded");
}

/// The sink's error type may be one that cannot occur.
#[test]
fn a_sink_may_be_infallible() {
    struct Nothing;
    impl JournalSink for Nothing {
        type Error = Infallible;
        async fn position(&mut self, _: &ResourceType) -> Result<Option<ResourceVersion>, Infallible> {
            Ok(None)
        }
        async fn known(&mut self, _: &ResourceType) -> Result<Vec<KnownObject>, Infallible> {
            Ok(Vec::new())
        }
        async fn commit(&mut self, _: JournalBatch) -> Result<(), Infallible> {
            Ok(())
        }
    }
    fn accepts<S: JournalSink>(_: S) {}
    accepts(Nothing);
}
