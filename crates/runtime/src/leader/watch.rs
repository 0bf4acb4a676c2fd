//! Watching one object.

use std::marker::PhantomData;
use std::time::Duration;

use pilothouse_machinery::selector::{FieldOperator, FieldSelector, FieldTerm};
use pilothouse_machinery::{Environment, ObjectKey};

use crate::cache::{ChangeKind, InformerOptions, Selection, Subscription};
use crate::{Client, Informer, Informers, Metrics, Object};

/// How much longer than asked a poll may wait, so that candidates do not come all at once: client-go's factor.
const JITTER: f64 = 1.2;

/// The watch that tells of changes of an object as they happen: an informer of one object, of this election alone, so
/// that it lives as long as the election does.
#[derive(Debug)]
pub(super) struct ObjectWatch<T> {
    environment: Environment,
    informers: Informers,
    watch: Option<(Informer, Subscription)>,
    was_told_of_trouble: bool,
    of: PhantomData<fn() -> T>,
}

impl<T: Object> ObjectWatch<T> {
    pub(super) fn new(client: &Client, environment: &Environment, key: &ObjectKey) -> Self {
        let term = FieldTerm {
            field: "metadata.name".into(),
            operator: FieldOperator::Equals,
            value: key.name.to_string(),
        };
        let fields = FieldSelector::from_terms([term]);
        let selection = Selection::in_namespace(key.namespace().unwrap_or_default()).with_fields(fields);
        let options = InformerOptions::default().with_selection(selection);
        // Its figures are about one object: they would only get in the way of the others.
        let informers = Informers::new(client.clone(), environment.clone(), Metrics::new());
        let informer = informers.informer_with(&T::resource_type(), options);
        // What elections are about is namespaced, and nobody else asks this registry.
        let watch = informer.ok().map(|informer| (informer.clone(), informer.subscribe()));
        Self {
            environment: environment.clone(),
            informers,
            watch,
            was_told_of_trouble: false,
            of: PhantomData,
        }
    }

    /// The next state of the object: `None` when it was deleted. States that follow each other quickly come as one.
    ///
    /// **Cancellation.** Dropping the future loses nothing.
    pub(super) async fn changed(&mut self) -> Option<T> {
        while let Some((_, subscription)) = &mut self.watch {
            let Some(change) = subscription.next().await else {
                // A watch that failed leaves the polls.
                self.watch = None;
                break;
            };
            if change.kind == ChangeKind::Deleted {
                return None;
            }
            match change.object.decode::<T>() {
                Ok(object) => return Some((*object).clone()),
                Err(error) => tracing::warn!(object = %change.key(), %error, "cannot read what is watched"),
            }
        }
        std::future::pending().await
    }

    /// How long to rely on the watch before the object is read again: long while it works, `retry` while it does not.
    pub(super) fn patience(&mut self, retry: Duration, long: Duration) -> Duration {
        let trouble = match &self.watch {
            Some((informer, _)) if informer.is_synced() => {
                informer.trouble().map(|trouble| trouble.to_string())
            }
            Some((informer, _)) => {
                Some(informer.trouble().map_or_else(|| "it has just begun".to_owned(), |it| it.to_string()))
            }
            None => Some("it has ended".to_owned()),
        };
        let Some(trouble) = trouble else {
            self.was_told_of_trouble = false;
            return long;
        };
        if !std::mem::replace(&mut self.was_told_of_trouble, true) {
            tracing::debug!(trouble, "the lease is read from time to time while its watch does not work");
        }
        self.environment.jittered(retry, JITTER)
    }
}

impl<T> Drop for ObjectWatch<T> {
    fn drop(&mut self) {
        self.informers.shut_down();
    }
}
