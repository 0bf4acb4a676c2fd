//! Which resource types the server serves at the moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::kind::Kind;

type Path = (String, String, String);

/// All kinds, by group, version and plural. Custom resources come and go at run time.
#[derive(Debug, Default)]
pub(crate) struct KindRegistry {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    kinds: BTreeMap<Path, Arc<Kind>>,
}

fn path_of(kind: &Kind) -> Path {
    let resource = &kind.resource;
    (resource.group.to_string(), resource.version.to_string(), resource.plural.to_string())
}

impl KindRegistry {
    /// Serves `kind` from now on, in place of one of the same group, version and plural.
    pub(crate) fn add(&self, kind: Kind) {
        self.state.write().kinds.insert(path_of(&kind), Arc::new(kind));
    }

    /// Stops serving a type; whether it was served.
    pub(crate) fn remove(&self, group: &str, version: &str, plural: &str) -> bool {
        self.state.write().kinds.remove(&(group.into(), version.into(), plural.into())).is_some()
    }

    /// The kind at a path.
    pub(crate) fn get(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.state.read().kinds.get(&(group.into(), version.into(), plural.into())).cloned()
    }

    /// The kind of a group and plural, in whichever version is served (the greatest in text order).
    pub(crate) fn any_version(&self, group: &str, plural: &str) -> Option<Arc<Kind>> {
        let state = self.state.read();
        state.kinds.values().rev().find(|kind| kind.is(group, plural)).cloned()
    }

    /// All kinds, ordered by group, version and plural.
    pub(crate) fn all(&self) -> Vec<Arc<Kind>> {
        self.state.read().kinds.values().cloned().collect()
    }

    /// Whether any type of `group` is served.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.state.read().kinds.keys().any(|(candidate, _, _)| candidate == group)
    }
}
