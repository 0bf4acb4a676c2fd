//! Journals into a sink in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::journal::{JournalEvent, JournalGap, KnownObject, Provenance};
use pilothouse::{
    Journal, JournalBatch, JournalOptions, JournalSink, Object, ObjectExt, ResourceType, ResourceVersion,
    k8s_openapi,
};
use tokio::time::sleep;

use crate::world::{World, config_map, key};

/// What a database would hold.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    position: Option<ResourceVersion>,
    live: BTreeMap<String, KnownObject>,
    /// Versions of each uid, in the order recorded.
    versions: BTreeMap<String, Vec<(JournalEvent, u64)>>,
    unique: BTreeSet<(String, String, bool)>,
    repeated: usize,
    provenances: BTreeSet<&'static str>,
    gaps: Vec<JournalGap>,
}

impl JournalSink for Memory {
    type Error = Infallible;

    async fn position(&mut self, _: &ResourceType) -> Result<Option<ResourceVersion>, Infallible> {
        Ok(self.0.lock().unwrap().position.clone())
    }

    async fn known(&mut self, _: &ResourceType) -> Result<Vec<KnownObject>, Infallible> {
        Ok(self.0.lock().unwrap().live.values().cloned().collect())
    }

    async fn commit(&mut self, batch: JournalBatch) -> Result<(), Infallible> {
        sleep(Duration::from_millis(3)).await;
        let mut tables = self.0.lock().unwrap();
        for entry in batch.entries {
            let gone = entry.event == JournalEvent::Vanished;
            tables.provenances.insert(match entry.provenance {
                Provenance::Watch => "watch",
                Provenance::Resume => "resume",
                Provenance::InitialList => "initial",
                Provenance::ListAfterGap => "gap",
                Provenance::InferredAbsence => "absence",
            });
            let identity = (entry.uid.to_string(), entry.resource_version.to_string(), gone);
            if !tables.unique.insert(identity) {
                tables.repeated += 1;
                continue;
            }
            let number = entry.resource_version.number().unwrap();
            tables.versions.entry(entry.uid.to_string()).or_default().push((entry.event, number));
            if gone || entry.event == JournalEvent::Deleted {
                tables.live.remove(&entry.uid.to_string());
            } else {
                let known =
                    KnownObject { key: entry.key, uid: entry.uid, resource_version: entry.resource_version };
                tables.live.insert(known.uid.to_string(), known);
            }
        }
        tables.position = Some(batch.position);
        tables.gaps.extend(batch.gap);
        Ok(())
    }
}

fn start(world: &World, memory: &Memory) -> tokio::task::JoinHandle<()> {
    let journal = Journal::new(
        world.client.clone(),
        world.environment.clone(),
        ConfigMap::resource_type(),
        memory.clone(),
        JournalOptions::default(),
    );
    world.environment.spawn("journal", async move {
        journal.run(std::future::pending()).await.unwrap();
    })
}

/// Changes something; notes in `written` what was done to which uid.
async fn change(world: &World, written: &mut BTreeMap<String, Vec<u64>>, deleted: &mut BTreeSet<String>) {
    let name = format!("o{}", world.environment.random_index(6));
    let note = |written: &mut BTreeMap<String, Vec<u64>>, object: &ConfigMap| {
        let version = object.resource_version().number().unwrap();
        written.entry(object.uid().to_owned()).or_default().push(version);
    };
    match world.client.get::<ConfigMap>(&key(&name)).await {
        Ok(object) if world.environment.random_index(5) == 0 => {
            world.delete(&name).await;
            deleted.insert(object.uid().to_owned());
        }
        Ok(mut object) => {
            object.data =
                Some(BTreeMap::from([("v".to_owned(), world.environment.random_u64().to_string())]));
            note(written, &world.client.update(&object).await.unwrap());
        }
        Err(_) => note(written, &world.client.create(&config_map(&name)).await.unwrap()),
    }
}

#[tokio::test(start_paused = true)]
async fn j1_j2_j3_every_version_is_recorded_once_through_kills_and_lost_watches() {
    for seed in 0..3 {
        let world = World::new(seed);
        let memory = Memory::default();
        let mut journal = start(&world, &memory);
        sleep(Duration::from_secs(1)).await;
        let (mut written, mut deleted) = (BTreeMap::new(), BTreeSet::new());
        for _ in 0..400 {
            change(&world, &mut written, &mut deleted).await;
            match world.environment.random_index(40) {
                0 => world.server.drop_watches(),
                1 => {
                    journal.abort();
                    sleep(Duration::from_millis(world.environment.random_u64() % 2000)).await;
                    journal = start(&world, &memory);
                }
                2 => {
                    world.server.set_available(false);
                    sleep(Duration::from_secs(5)).await;
                    world.server.set_available(true);
                }
                _ => sleep(Duration::from_millis(world.environment.random_u64() % 12)).await,
            }
        }
        sleep(Duration::from_mins(2)).await;
        let tables = memory.0.lock().unwrap();
        for (uid, versions) in &written {
            let recorded = &tables.versions[uid];
            let puts: Vec<u64> =
                recorded.iter().filter(|(e, _)| *e != JournalEvent::Deleted).map(|(_, v)| *v).collect();
            assert_eq!(&puts, versions, "seed {seed}, {uid}");
            let ends = recorded.iter().filter(|(e, _)| *e == JournalEvent::Deleted).count();
            assert_eq!(ends, usize::from(deleted.contains(uid)), "seed {seed}, {uid}");
            assert!(recorded.windows(2).all(|pair| pair[0].1 < pair[1].1), "in order, the deletion last");
        }
        assert!(tables.gaps.is_empty(), "seed {seed}: no history was lost");
        drop(tables);
        assert_eq!(world.trace().matches('L').count(), 1, "seed {seed}: the first list is the only one");
        journal.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn j4_j5_history_lost_while_the_journal_was_down_is_a_recorded_gap_and_the_end_state_is_right() {
    for seed in 0..3 {
        let world = World::new(seed);
        let memory = Memory::default();
        let (mut written, mut deleted) = (BTreeMap::new(), BTreeSet::new());
        let mut outages = 0;
        for _ in 0..6 {
            let journal = start(&world, &memory);
            sleep(Duration::from_secs(1)).await;
            for _ in 0..20 {
                change(&world, &mut written, &mut deleted).await;
            }
            sleep(Duration::from_secs(1)).await;
            journal.abort();
            let before = world.server.current_resource_version();
            for _ in 0..world.environment.random_index(15) {
                change(&world, &mut written, &mut deleted).await;
            }
            world.server.compact(None);
            outages += usize::from(world.server.current_resource_version() != before);
        }
        let journal = start(&world, &memory);
        sleep(Duration::from_mins(1)).await;
        let truth = world.truth().await;
        let tables = memory.0.lock().unwrap();
        let live: BTreeMap<_, _> = tables
            .live
            .values()
            .map(|known| {
                (known.key.name.to_string(), (known.uid.to_string(), known.resource_version.clone()))
            })
            .collect();
        assert_eq!(live, truth, "seed {seed}");
        assert!(tables.gaps.len() >= outages, "seed {seed}: {} gaps, {outages} outages", tables.gaps.len());
        assert!(tables.gaps.windows(2).all(|pair| pair[1].from.is_at_least(&pair[0].to)), "seed {seed}");
        drop(tables);
        journal.abort();
    }
}
