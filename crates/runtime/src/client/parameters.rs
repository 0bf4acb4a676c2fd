//! What a list and a deletion can ask for.

use std::time::Duration;

use pilothouse_machinery::ResourceVersion;
use serde_json::{Value, json};

use super::Query;

/// What to list, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// A label selector, as `app=web,tier!=cache`.
    pub label_selector: Option<String>,
    /// A field selector, as `metadata.name=web`.
    pub field_selector: Option<String>,
    /// Objects per page; 500 when `None`. All pages are always read.
    pub page_size: Option<u32>,
    /// `None` asks for the newest state; a version asks for a state at least as new, which a server may answer
    /// from its cache in one page. [`ResourceVersion::ZERO`] accepts any state.
    pub resource_version: Option<ResourceVersion>,
}

impl ListOptions {
    /// Objects with these labels.
    pub fn labels(selector: impl Into<String>) -> Self {
        Self { label_selector: Some(selector.into()), ..Self::default() }
    }

    /// Objects with these fields.
    pub fn fields(selector: impl Into<String>) -> Self {
        Self { field_selector: Some(selector.into()), ..Self::default() }
    }

    pub(super) fn query(&self) -> Query {
        let mut query = Query::default();
        query.add_some("labelSelector", self.label_selector.as_deref());
        query.add_some("fieldSelector", self.field_selector.as_deref());
        query
    }
}

/// What happens to the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

/// Preconditions and manner of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Delete only the object of this uid. With it, a deletion never meets a successor of the same name.
    pub uid: Option<String>,
    /// Delete only this version.
    pub resource_version: Option<ResourceVersion>,
    /// How long the object may take to end, in whole seconds; the type's default when `None`.
    pub grace_period: Option<Duration>,
    /// What happens to owned objects; the type's default when `None`.
    pub propagation: Option<Propagation>,
}

impl DeleteOptions {
    /// Deletes only the object of this uid.
    pub fn of_uid(uid: impl Into<String>) -> Self {
        Self { uid: Some(uid.into()), ..Self::default() }
    }

    /// The same with this propagation.
    #[must_use]
    pub fn with_propagation(self, propagation: Propagation) -> Self {
        Self { propagation: Some(propagation), ..self }
    }

    /// The same with this grace period.
    #[must_use]
    pub fn with_grace_period(self, grace_period: Duration) -> Self {
        Self { grace_period: Some(grace_period), ..self }
    }

    /// As the body of a request.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
        if let Some(period) = self.grace_period {
            body["gracePeriodSeconds"] = period.as_secs().into();
        }
        if let Some(propagation) = self.propagation {
            body["propagationPolicy"] = format!("{propagation:?}").into();
        }
        if let Some(uid) = &self.uid {
            body["preconditions"]["uid"] = uid.clone().into();
        }
        if let Some(version) = &self.resource_version {
            body["preconditions"]["resourceVersion"] = version.to_string().into();
        }
        body
    }
}
