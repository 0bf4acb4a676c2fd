//! Where records are published.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use pilothouse::ObjectKey;

/// What a zone is to hold for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The object. It has one entry at most.
    pub owner: ObjectKey,
    /// Its entry: name and address as somebody wrote them; `None` to have none.
    pub entry: Option<(String, String)>,
}

/// Why a zone does not take an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another object has the name.
    #[error("{name} is the name of {owner}")]
    NameTaken {
        /// The name.
        name: String,
        /// The other object.
        owner: ObjectKey,
    },
    /// No host may have this name.
    #[error("{0:?} is no name of a host")]
    BadName(String),
    /// This is no address.
    #[error("{0:?} is no IPv4 address")]
    BadAddress(String),
}

/// Why a zone cannot be changed at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot change the zone")]
pub struct ZoneError(#[source] pub std::io::Error);

/// Somewhere to publish records, in batches.
pub trait Zone: Send + Sync + 'static {
    /// Makes all changes with one write; what became of each, in their order. What is refused stays as it was.
    ///
    /// May be repeated: a change that is there already is no change. After an error, or when the future is dropped,
    /// all of them may have been made, or none.
    fn change(
        &self,
        changes: &[Change],
    ) -> impl Future<Output = Result<Vec<Result<(), Refusal>>, ZoneError>> + Send;
}

/// One entry of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose it is.
    pub owner: ObjectKey,
    /// What the name stands for.
    pub address: Ipv4Addr,
}

/// The entries of a zone by name: the rules, without a place to keep them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneState {
    /// Lower-case name to entry.
    pub entries: BTreeMap<String, Entry>,
}

impl ZoneState {
    /// Makes one change.
    pub fn apply(&mut self, change: &Change) -> Result<(), Refusal> {
        let Some((name, address)) = &change.entry else {
            self.entries.retain(|_, entry| entry.owner != change.owner);
            return Ok(());
        };
        let name = name.to_ascii_lowercase();
        if !is_host_name(&name) {
            return Err(Refusal::BadName(name));
        }
        let parsed: Option<Ipv4Addr> = address.parse().ok();
        let Some(address) = parsed else { return Err(Refusal::BadAddress(address.clone())) };
        let holder = self.entries.get(&name).filter(|entry| entry.owner != change.owner);
        if let Some(Entry { owner, .. }) = holder.cloned() {
            return Err(Refusal::NameTaken { name, owner });
        }
        self.entries.retain(|_, entry| entry.owner != change.owner);
        self.entries.insert(name, Entry { owner: change.owner.clone(), address });
        Ok(())
    }
}

/// Letters, digits and hyphens, in labels of up to 63 characters with dots between them (RFC 1123, 2.1).
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 200 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(owner: &str, entry: Option<(&str, &str)>) -> Change {
        let entry = entry.map(|(name, address)| (name.to_owned(), address.to_owned()));
        Change { owner: ObjectKey::new("default", owner), entry }
    }

    #[test]
    fn an_object_has_one_entry_and_a_name_one_owner() {
        let mut zone = ZoneState::default();
        zone.apply(&change("a", Some(("www", "192.0.2.1")))).unwrap();
        zone.apply(&change("a", Some(("WWW", "192.0.2.2")))).unwrap();
        let taken = zone.apply(&change("b", Some(("www", "192.0.2.3")))).unwrap_err();
        assert_eq!(taken.to_string(), "www is the name of default/a");
        zone.apply(&change("a", Some(("shop", "192.0.2.2")))).unwrap();
        assert_eq!(zone.entries.keys().collect::<Vec<_>>(), ["shop"]);
        zone.apply(&change("b", Some(("www", "192.0.2.3")))).unwrap();
        zone.apply(&change("a", None)).unwrap();
        assert_eq!(zone.entries.keys().collect::<Vec<_>>(), ["www"]);
    }

    #[test]
    fn what_is_no_name_or_address_is_refused_and_leaves_what_was_there() {
        let mut zone = ZoneState::default();
        zone.apply(&change("a", Some(("www", "192.0.2.1")))).unwrap();
        let before = zone.clone();
        for name in ["", "-a", "a-", "a..b", "a b", "a\nb", "ü", &"a".repeat(64)] {
            let refusal = zone.apply(&change("a", Some((name, "192.0.2.1")))).unwrap_err();
            assert_eq!(refusal, Refusal::BadName(name.to_ascii_lowercase()));
        }
        assert!(matches!(zone.apply(&change("a", Some(("www", "::1")))), Err(Refusal::BadAddress(_))));
        assert_eq!(zone, before);
    }
}
