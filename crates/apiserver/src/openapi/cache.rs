//! Documents are made once, and again when something else is served.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::document::{Documents, documents};
use crate::registry::KindRegistry;

/// The documents of the newest version of the registry that was asked for.
#[derive(Debug, Default)]
pub(crate) struct DocumentCache {
    known: Mutex<Option<(u64, Arc<Documents>)>>,
}

impl DocumentCache {
    /// The index: where the document of each group and version is.
    pub(crate) fn index(&self, registry: &KindRegistry) -> Bytes {
        self.current(registry).index.clone()
    }

    /// The document of the group and version at `root`, as `apis/batch/v1`.
    pub(crate) fn document(&self, registry: &KindRegistry, root: &str) -> Option<Bytes> {
        self.current(registry).roots.get(root).cloned()
    }

    fn current(&self, registry: &KindRegistry) -> Arc<Documents> {
        let mut known = self.known.lock();
        // Read before the kinds are: what is made of newer ones is made once more, never kept too long.
        let version = registry.version();
        match &*known {
            Some((made, documents)) if *made == version => documents.clone(),
            _ => known.insert((version, Arc::new(documents(registry)))).1.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_made_anew_only_when_something_else_is_served() {
        let registry = KindRegistry::default();
        crate::kinds::register(&registry);
        let cache = DocumentCache::default();
        let document = || cache.document(&registry, "apis/batch/v1").unwrap();
        let (first, again) = (document(), document());
        assert_eq!(first.as_ptr(), again.as_ptr());
        let index = cache.index(&registry);
        registry.remove("batch", "v1", "cronjobs");
        assert_ne!(document(), first);
        assert_ne!(cache.index(&registry), index);
        registry.remove("batch", "v1", "jobs");
        assert_eq!(cache.document(&registry, "apis/batch/v1"), None);
    }
}
