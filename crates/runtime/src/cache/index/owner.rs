//! The built-in index by the uids of owners.

use std::sync::Arc;

use pilothouse_machinery::header::Uid;
use pilothouse_machinery::{ObjectHeader, ObjectKey};

use super::Postings;
use crate::cache::CachedObject;

/// From the uids of owners to the objects that name them. What an object was found under is read from its
/// header, so nothing more is kept.
#[derive(Clone, Debug, Default)]
pub(in crate::cache) struct OwnerIndex {
    postings: Postings<Uid>,
}

/// The uids of an object's owners, each once.
fn uids(header: &ObjectHeader) -> impl Iterator<Item = &Uid> {
    let owners = &header.owners;
    let is_first = |at: usize| !owners[..at].iter().any(|earlier| earlier.uid == owners[at].uid);
    (0..owners.len()).filter(move |at| is_first(*at)).map(move |at| &owners[at].uid)
}

impl OwnerIndex {
    pub(in crate::cache) fn of<'a>(objects: impl IntoIterator<Item = &'a Arc<CachedObject>>) -> Self {
        let pairs = objects
            .into_iter()
            .flat_map(|object| uids(object.header()).map(|uid| (uid.clone(), object.key().clone())));
        Self { postings: Postings::from_pairs(pairs) }
    }

    /// An object has come, changed or gone.
    pub(in crate::cache) fn update(&mut self, old: Option<&CachedObject>, new: Option<&CachedObject>) {
        let (old, new) = (old.map(CachedObject::header), new.map(CachedObject::header));
        if let (Some(old), Some(new)) = (old, new)
            && (Arc::ptr_eq(&old.owners, &new.owners) || uids(old).eq(uids(new)))
        {
            return;
        }
        let has = |header: Option<&ObjectHeader>, uid: &Uid| {
            header.is_some_and(|header| header.owners.iter().any(|owner| owner.uid == *uid))
        };
        for (header, uid) in old.into_iter().flat_map(|old| uids(old).map(move |uid| (old, uid))) {
            if !has(new, uid) {
                self.postings.remove(uid, &header.key);
            }
        }
        for (header, uid) in new.into_iter().flat_map(|new| uids(new).map(move |uid| (new, uid))) {
            if !has(old, uid) {
                self.postings.insert(uid.clone(), header.key.clone());
            }
        }
    }

    /// The keys of the objects with an owner of this uid, from those of `namespace` on, or all.
    pub(in crate::cache) fn keys_of<'a>(
        &'a self,
        uid: Uid,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a ObjectKey> + use<'a> {
        self.postings.keys_of(move |known: &Uid| known.cmp(&uid), namespace)
    }

    /// Whether the object of this key has an owner of this uid.
    pub(in crate::cache) fn contains(&self, uid: &Uid, key: &ObjectKey) -> bool {
        self.postings.contains(|known| known.cmp(uid), key)
    }

    #[cfg(any(test, debug_assertions))]
    pub(in crate::cache) fn check_invariants<'a>(
        &self,
        objects: impl Iterator<Item = &'a Arc<CachedObject>>,
    ) {
        let expected = Self::of(objects);
        assert!(
            self.postings.pairs().eq(expected.postings.pairs()),
            "the owner index agrees with the objects"
        );
    }
}
