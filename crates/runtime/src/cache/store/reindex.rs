//! Adding an index to a store that is in use.

use std::sync::Arc;

use super::Store;
use crate::cache::Snapshot;
use crate::cache::contents::compare_keys;
use crate::cache::index::{AnyDefinition, AnyIndex, IndexError, NAMESPACE, OWNER};

impl Store {
    /// Adds an index; objects present are in it at once (conformance S3).
    ///
    /// It is built aside, from a snapshot, while writers go on; then it catches up with what they wrote.
    pub(in crate::cache) fn add_index(&self, definition: &Arc<dyn AnyDefinition>) -> Result<(), IndexError> {
        let name = definition.name();
        if [OWNER, NAMESPACE].contains(&&**name) || !self.shared.writer.lock().names.insert(Arc::clone(name))
        {
            return Err(IndexError::Duplicate(name.to_string()));
        }
        let built_on = self.snapshot();
        let mut index = Arc::clone(definition).build(&mut built_on.iter());
        let mut writer = self.shared.writer.lock();
        let current = self.snapshot();
        if let Some(index) = Arc::get_mut(&mut index) {
            catch_up(index, definition, &built_on, &current);
        }
        // Held any longer, the contents would have to be copied.
        drop((built_on, current));
        let mut published = self.shared.published.write();
        Arc::make_mut(&mut published).indexes.push(index);
        drop(published);
        writer.definitions.push(Arc::clone(definition));
        Ok(())
    }
}

/// Brings an index from one state to a later one. Walks over both: objects that are in both cost one look.
fn catch_up(index: &mut dyn AnyIndex, definition: &Arc<dyn AnyDefinition>, from: &Snapshot, to: &Snapshot) {
    let (mut old, mut new) = (from.iter().peekable(), to.iter().peekable());

    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(one), Some(two)) if Arc::ptr_eq(one, two) => {
                old.next();
                new.next();
                continue;
            }
            (Some(one), Some(two)) => compare_keys(one.key(), two.key()),
        };
        let gone = if order.is_le() { old.next() } else { None };
        let come = if order.is_ge() { new.next() } else { None };
        match (gone, come) {
            (_, Some(object)) => index.set(object.key(), definition.prepare(object)),
            (Some(object), None) => index.remove(object.key()),
            (None, None) => return,
        }
    }
}
