//! Which resource types the server serves at the moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::kind::Kind;

type Path = (String, String, String);

/// All kinds, by group, version and plural. Custom resources come and go at run time.
#[derive(Debug, Default)]
pub(crate) struct KindRegistry {
    state: RwLock<State>,
    /// Held while a definition is read and served, so that the newest one is served in the end.
    pub(crate) serving: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    kinds: BTreeMap<Path, Arc<Kind>>,
    /// Rises with every change.
    version: u64,
}

fn path_of(kind: &Kind) -> Path {
    let resource = &kind.resource;
    (resource.group.to_string(), resource.version.to_string(), resource.plural.to_string())
}

impl KindRegistry {
    /// Serves `kind` from now on, in place of one of the same group, version and plural.
    pub(crate) fn add(&self, kind: Kind) {
        let mut state = self.state.write();
        state.version += 1;
        state.kinds.insert(path_of(&kind), Arc::new(kind));
    }

    /// Stops serving a type; whether it was served.
    pub(crate) fn remove(&self, group: &str, version: &str, plural: &str) -> bool {
        let mut state = self.state.write();
        state.version += 1;
        state.kinds.remove(&(group.into(), version.into(), plural.into())).is_some()
    }

    /// A number that changes whenever something else is served.
    pub(crate) fn version(&self) -> u64 {
        self.state.read().version
    }

    /// The kinds of a group and plural, one for each version served.
    pub(crate) fn versions(&self, group: &str, plural: &str) -> Vec<Arc<Kind>> {
        self.state.read().kinds.values().filter(|kind| kind.is(group, plural)).cloned().collect()
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
