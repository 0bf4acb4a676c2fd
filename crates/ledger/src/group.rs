//! Changes in groups that one statement makes.

use std::collections::BTreeSet;

use pilothouse::ledger::{LedgerChange, LedgerIdentity, LedgerRecord};

/// How many rows one statement writes or removes: nine parameters each are fewer than any database allows.
const ROWS: usize = 100;

/// Neighbours of one kind, or one change.
pub(crate) enum Group<'a> {
    Put(Vec<&'a LedgerRecord>),
    Remove(Vec<&'a LedgerIdentity>),
    Other(&'a LedgerChange),
}

/// The same changes in the same order. No group has an identity twice.
pub(crate) fn groups(changes: &[LedgerChange]) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut seen = BTreeSet::new();
    for change in changes {
        let identity = match change {
            LedgerChange::Put(record) => Some(&record.identity),
            LedgerChange::Remove(identity) => Some(identity),
            _ => None,
        };
        let is_new = identity.is_none_or(|identity| seen.insert(identity));
        match (change, groups.last_mut()) {
            (LedgerChange::Put(record), Some(Group::Put(group))) if is_new && group.len() < ROWS => {
                group.push(&**record);
            }
            (LedgerChange::Remove(identity), Some(Group::Remove(group))) if is_new && group.len() < ROWS => {
                group.push(identity);
            }
            _ => {
                seen.clear();
                seen.extend(identity);
                groups.push(match change {
                    LedgerChange::Put(record) => Group::Put(vec![&**record]),
                    LedgerChange::Remove(identity) => Group::Remove(vec![identity]),
                    other => Group::Other(other),
                });
            }
        }
    }
    groups
}
