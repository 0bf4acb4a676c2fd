//! Why an informer does not follow its server at the moment.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use pilothouse_machinery::{ResourceType, Status};

use super::Selection;
use super::pulse::Pulse;
use crate::client::{ClientError, status_reason};

/// The failure that an informer is waiting to get past: the last of them, if nothing has worked since.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot {verb} {resource} ({selection}): {message}{}", Remedy(.remedy.as_deref()))]
pub struct InformerTrouble {
    verb: &'static str,
    resource: Box<ResourceType>,
    selection: Selection,
    reason: &'static str,
    message: String,
    remedy: Option<String>,
}

struct Remedy<'a>(Option<&'a str>);

impl fmt::Display for Remedy<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |remedy| write!(formatter, "; {remedy}"))
    }
}

impl InformerTrouble {
    /// The server refused.
    pub(super) fn refused(
        verb: &'static str,
        resource: &ResourceType,
        selection: &Selection,
        status: &Status,
    ) -> Self {
        let scope = selection
            .namespace
            .as_ref()
            .map_or("a ClusterRole".to_owned(), |namespace| format!("a Role in namespace {namespace}"));
        let group = if resource.group.is_empty() { "the core group" } else { &*resource.group };
        let remedy = (status.code == 403)
            .then(|| format!("grant the verbs list and watch on {} of {group} by {scope}", resource.plural));
        Self {
            verb,
            resource: Box::new(resource.clone()),
            selection: selection.clone(),
            reason: status_reason(&status.reason),
            message: status.to_string(),
            remedy,
        }
    }

    /// There was no answer.
    pub(super) fn unanswered(
        verb: &'static str,
        resource: &ResourceType,
        selection: &Selection,
        error: &ClientError,
    ) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            message.push_str(": ");
            message.push_str(&source.to_string());
            cause = source.source();
        }
        let (resource, selection) = (Box::new(resource.clone()), selection.clone());
        Self { verb, resource, selection, reason: error.reason(), message, remedy: None }
    }

    /// What was asked for: `list` or `watch`.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        self.verb
    }

    /// The type.
    #[must_use]
    pub fn resource_type(&self) -> &ResourceType {
        &self.resource
    }

    /// What to do about it, where that is known: which verbs to grant after a refusal.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// A stable word for events and metric labels: `Forbidden`, for example.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

/// Where a reflector says what keeps it from following. Cheap to clone; clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    trouble: Arc<Mutex<Option<InformerTrouble>>>,
    pulse: Arc<Pulse>,
}

impl Health {
    pub(super) fn set(&self, trouble: Option<InformerTrouble>) {
        let before = std::mem::replace(&mut *self.trouble.lock(), trouble);
        drop(before);
    }

    /// By when the informer's task must have made its next step.
    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    pub(super) fn trouble(&self) -> Option<InformerTrouble> {
        self.trouble.lock().clone()
    }
}
