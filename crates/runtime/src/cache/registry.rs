//! Which informers run, for whom, and with which options.

use std::collections::BTreeMap;

use pilothouse_machinery::ResourceType;

use super::informer::WeakInformer;
use super::{Informer, InformerError, InformerOptions, Projection, Selection};

/// What tells informers apart.
type InformerKey = (ResourceType, Selection, Projection);

fn key(resource: &ResourceType, options: &InformerOptions) -> InformerKey {
    (resource.clone(), options.selection(), options.projection())
}

/// The informers of one process.
///
/// - **C-I14** at most one informer runs per type, selection and projection, and no part of objects is listed and
///   watched anew that somebody who asks could have from an informer of whole objects. The registry does not keep an
///   informer running: it runs as long as somebody uses it.
#[derive(Debug, Default)]
pub(super) struct Registry {
    running: BTreeMap<InformerKey, WeakInformer>,
    /// Used by the registry itself, until the end.
    kept: BTreeMap<InformerKey, Informer>,
    /// What is left open in a request is as for its type, and what is left open there as for all types (K4).
    of_type: BTreeMap<ResourceType, InformerOptions>,
    of_all: InformerOptions,
}

impl Registry {
    /// The options of a request, with what it leaves open filled in.
    fn completed(&self, resource: &ResourceType, wanted: InformerOptions) -> InformerOptions {
        let of_type = self.of_type.get(resource).cloned().unwrap_or_default();
        let mut of_all = self.of_all.clone();
        if !resource.is_namespaced() {
            of_all = of_all.in_all_namespaces();
        }
        wanted.or(of_type).or(of_all)
    }

    /// The informer of a type that a request without options gets, or the one that `start` makes.
    pub(super) fn informer(
        &mut self,
        resource: &ResourceType,
        start: impl FnOnce(InformerOptions) -> Informer,
    ) -> Informer {
        let options = self.completed(resource, InformerOptions::default());
        match self.running(&key(resource, &options)) {
            Some(running) => running,
            None => self.started(start(options)),
        }
    }

    /// The informer that a request gets, or the one that `start` makes.
    pub(super) fn informer_with(
        &mut self,
        resource: &ResourceType,
        wanted: &InformerOptions,
        start: impl FnOnce(InformerOptions) -> Informer,
    ) -> Result<Informer, InformerError> {
        check_scope(resource, wanted)?;
        let options = self.completed(resource, wanted.clone());
        let Some(running) = self.running(&key(resource, &options)) else {
            return Ok(self.started(start(options)));
        };
        match InformerError::between(resource, running.options(), wanted) {
            Some(conflict) => Err(conflict),
            None => Ok(running),
        }
    }

    /// The informer that runs and has what is asked for: of whole objects, or of just this part of them.
    fn running(&self, (resource, selection, projection): &InformerKey) -> Option<Informer> {
        let of = |projection| self.running.get(&(resource.clone(), selection.clone(), projection))?.upgrade();
        of(Projection::Whole).or_else(|| of(projection.clone()))
    }

    fn started(&mut self, informer: Informer) -> Informer {
        self.running.retain(|_, informer| informer.is_running());
        self.running.insert(key(informer.resource_type(), informer.options()), informer.downgrade());
        informer
    }

    /// Uses an informer until the end.
    pub(super) fn keep(&mut self, informer: &Informer) {
        self.kept.insert(key(informer.resource_type(), informer.options()), informer.clone());
    }

    /// Sets what requests for a type leave open, before the first of them.
    pub(super) fn configure(
        &mut self,
        resource: &ResourceType,
        options: InformerOptions,
    ) -> Result<(), InformerError> {
        check_scope(resource, &options)?;
        if self.all().iter().any(|informer| informer.resource_type() == resource) {
            return Err(InformerError::Running { resource: Box::new(resource.clone()) });
        }
        self.of_type.insert(resource.clone(), options);
        Ok(())
    }

    /// Sets what requests and types leave open.
    pub(super) fn set_defaults(&mut self, options: InformerOptions) {
        self.of_all = options;
    }

    /// The informers that somebody uses, by type and selection.
    pub(super) fn all(&self) -> Vec<Informer> {
        self.running.values().filter_map(WeakInformer::upgrade).collect()
    }
}

/// One namespace can only be selected of what lives in namespaces.
fn check_scope(resource: &ResourceType, options: &InformerOptions) -> Result<(), InformerError> {
    match options.selection().namespace {
        Some(namespace) if !resource.is_namespaced() => {
            Err(InformerError::NotNamespaced { resource: Box::new(resource.clone()), namespace })
        }
        _ => Ok(()),
    }
}
