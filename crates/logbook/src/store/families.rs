//! Jobs with their pods, kept in memory so that an event need not read all of them again.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::StoreError;
use super::error::Doing;
use super::write_job::{StoredJob, stored_job};
use super::write_pod::read_facts;
use crate::model::PodFacts;

/// How many jobs and pods are kept at most: a few tens of megabytes.
const MAXIMUM: usize = 20_000;

/// A job, if it is recorded, and the pods that name it as their controller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Family {
    pub(crate) job: Option<StoredJob>,
    /// Oldest first.
    facts: Vec<PodFacts>,
    /// In the order of `facts`.
    versions: Vec<String>,
    places: BTreeMap<String, usize>,
    used_at: u64,
}

impl Family {
    /// The facts of all its pods, oldest first.
    pub(crate) fn pods(&self) -> &[PodFacts] {
        &self.facts
    }

    /// The newest recorded version of a pod, with what it says.
    pub(crate) fn pod(&self, uid: &str) -> Option<(&str, &PodFacts)> {
        let place = *self.places.get(uid)?;
        Some((self.versions.get(place)?, self.facts.get(place)?))
    }

    /// Takes in a pod's newest version.
    pub(crate) fn put_pod(&mut self, uid: &str, resource_version: &str, facts: PodFacts) {
        if let Some(place) = self.places.get(uid) {
            self.facts[*place] = facts;
            resource_version.clone_into(&mut self.versions[*place]);
        } else {
            self.places.insert(uid.to_owned(), self.facts.len());
            self.facts.push(facts);
            self.versions.push(resource_version.to_owned());
        }
    }

    fn weight(&self) -> usize {
        1 + self.facts.len()
    }
}

/// The families used last. What is not here is read from the database.
///
/// **Invariant.** Between transactions it holds what is committed: a transaction takes all of it and gives it back by
/// its commit; one that fails keeps it, and everything is read again.
#[derive(Debug, Default)]
pub(crate) struct Families {
    kept: BTreeMap<(i64, String), Family>,
    weight: usize,
    clock: u64,
}

const ACTION: &str = "read a job's pods";

impl Families {
    /// Hands out a family, from the database if it is not here. Give it back with [`put`](Self::put).
    pub(crate) async fn take(
        &mut self,
        connection: &mut SqliteConnection,
        cluster_id: i64,
        owner_uid: &str,
    ) -> Result<Family, StoreError> {
        if let Some(family) = self.kept.remove(&(cluster_id, owner_uid.to_owned())) {
            self.weight -= family.weight();
            return Ok(family);
        }
        let job = stored_job(connection, cluster_id, owner_uid).await?;
        let mut family = Family { job, ..Family::default() };
        let rows = sqlx::query(
            "SELECT uid, resource_version, facts FROM pod WHERE cluster_id = $1 AND owner_uid = $2 ORDER BY id",
        )
        .bind(cluster_id)
        .bind(owner_uid)
        .fetch_all(connection)
        .await
        .doing(ACTION)?;
        for row in &rows {
            let facts = read_facts(row.try_get("facts").doing(ACTION)?)?;
            let version = row.try_get("resource_version").doing(ACTION)?;
            family.put_pod(row.try_get("uid").doing(ACTION)?, version, facts);
        }
        Ok(family)
    }

    /// Takes a family back.
    pub(crate) fn put(&mut self, cluster_id: i64, owner_uid: &str, mut family: Family) {
        self.clock += 1;
        family.used_at = self.clock;
        self.weight += family.weight();
        self.kept.insert((cluster_id, owner_uid.to_owned()), family);
    }

    /// Whether a pod is known to be of this family.
    pub(crate) fn has_pod(&self, cluster_id: i64, owner_uid: &str, uid: &str) -> bool {
        let family = self.kept.get(&(cluster_id, owner_uid.to_owned()));
        family.is_some_and(|family| family.places.contains_key(uid))
    }

    /// Lets go of the families unused for longest when there are too many: of half of them, so that it is rare.
    pub(super) fn trim(&mut self) {
        if self.weight <= MAXIMUM {
            return;
        }
        let mut oldest: Vec<_> =
            self.kept.iter().map(|(key, family)| (family.used_at, key.clone(), family.weight())).collect();
        oldest.sort();
        for (_, key, weight) in oldest {
            if self.weight <= MAXIMUM / 2 {
                break;
            }
            self.kept.remove(&key);
            self.weight -= weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_is_kept_and_the_rest_is_bounded() {
        let mut families = Families::default();
        for number in 0..MAXIMUM {
            let mut family = Family::default();
            family.put_pod("pod", "1", PodFacts::default());
            families.put(1, &number.to_string(), family);
            families.trim();
            assert!(families.weight <= MAXIMUM);
        }
        let weights: usize = families.kept.values().map(Family::weight).sum();
        assert_eq!(weights, families.weight);
        assert!(families.has_pod(1, &(MAXIMUM - 1).to_string(), "pod"));
        assert!(!families.has_pod(1, "0", "pod") && !families.has_pod(2, &(MAXIMUM - 1).to_string(), "pod"));
    }
}
