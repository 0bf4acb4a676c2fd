//! What is kept of one failing object.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ObjectKey;

/// Whose failures these are: one life of one object, with one controller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LedgerIdentity {
    /// The controller.
    pub controller: Arc<str>,
    /// The object's namespace and name.
    #[serde(flatten, with = "flat_key")]
    pub key: ObjectKey,
    /// The object's uid; empty where the object was gone before anything failed.
    pub uid: Arc<str>,
}

/// The version of the object that was known when it failed last. What differs from it is a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.generation`; 0 where the type has none.
    pub generation: i64,
}

/// What becomes of a failing object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state")]
pub enum Standing {
    /// It is tried again.
    Retrying {
        /// When, by the clock of the process that failed.
        due: Timestamp,
    },
    /// It was given up: a dead letter.
    Parked {
        /// Since when.
        since: Timestamp,
    },
}

/// What is kept of one failing object: three and a half kilobytes at most.
///
/// Nothing secret: messages are cut to one kilobyte together, and what looks like a token, a password or a key is
/// replaced (see [`DeadLetters`](crate::DeadLetters)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerRecord {
    /// Whose failures these are.
    #[serde(flatten)]
    pub identity: LedgerIdentity,
    /// The object's type, as `deployments.apps/v1`.
    pub resource: Arc<str>,
    /// What becomes of it.
    #[serde(flatten)]
    pub standing: Standing,
    /// Why the last attempt failed: a stable `CamelCase` word.
    pub reason: String,
    /// The last error and its causes, outermost first.
    pub causes: Vec<String>,
    /// How often in a row it has failed; 0 while a replay waits for its turn.
    pub attempts: u64,
    /// The first failure in the row.
    pub first_failure: Timestamp,
    /// The last failure.
    pub last_failure: Timestamp,
    /// The version known at the last failure.
    pub seen: Seen,
    /// The object's labels; `None` where they are unknown, or longer than a kilobyte together.
    pub labels: Option<BTreeMap<String, String>>,
}

impl LedgerRecord {
    /// Whether it is a dead letter.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        matches!(self.standing, Standing::Parked { .. })
    }
}

/// A key as two fields beside others.
pub(super) mod flat_key {
    use super::{Arc, Deserialize, ObjectKey, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Flat {
        namespace: Arc<str>,
        name: Arc<str>,
    }

    pub(in super::super) fn serialize<S: serde::Serializer>(
        key: &ObjectKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let ObjectKey { namespace, name } = key.clone();
        Flat { namespace, name }.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ObjectKey, D::Error> {
        Flat::deserialize(deserializer).map(|Flat { namespace, name }| ObjectKey { namespace, name })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn d2_a_record_reads_back_what_it_writes_and_is_flat() {
        let at = Timestamp::UNIX_EPOCH;
        let record = LedgerRecord {
            identity: LedgerIdentity {
                controller: "web".into(),
                key: ObjectKey::new("ns", "a"),
                uid: "u".into(),
            },
            resource: "configmaps/v1".into(),
            standing: Standing::Parked { since: at },
            reason: "BadValue".into(),
            causes: vec!["one".into(), "two".into()],
            attempts: 3,
            first_failure: at,
            last_failure: at,
            seen: Seen { resource_version: "7".into(), generation: 2 },
            labels: Some(BTreeMap::from([("app".into(), "x".into())])),
        };
        let value = serde_json::to_value(&record).unwrap();
        assert_eq!(
            (&value["controller"], &value["namespace"], &value["name"], &value["uid"], &value["state"]),
            (&json!("web"), &json!("ns"), &json!("a"), &json!("u"), &json!("Parked"))
        );
        assert_eq!(value["since"], json!("1970-01-01T00:00:00Z"));
        assert_eq!(serde_json::from_value::<LedgerRecord>(value).unwrap(), record);
    }
}
