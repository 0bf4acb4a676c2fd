//! Who is told what changed.

use std::sync::{Arc, Weak};

use crate::cache::subscription::Listener;

/// The subscribers of one informer.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    listeners: Vec<Weak<dyn Listener>>,
    pub(super) closed: bool,
}

impl Subscribers {
    pub(super) fn add(&mut self, listener: &Arc<dyn Listener>) {
        if self.listeners.len() == self.listeners.capacity() {
            // Of a type where nothing happens, those who come and go must not pile up.
            self.listeners.retain(|listener| listener.strong_count() > 0);
        }
        self.listeners.push(Arc::downgrade(listener));
    }

    /// How many are kept, those included that are gone and were not noticed.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.listeners.len()
    }

    /// Calls `tell` for each subscriber there is and forgets those that are gone.
    pub(super) fn each(&mut self, mut tell: impl FnMut(&dyn Listener)) {
        self.listeners.retain(|listener| {
            let listener = listener.upgrade();
            listener.as_deref().inspect(|listener| tell(*listener)).is_some()
        });
    }
}
