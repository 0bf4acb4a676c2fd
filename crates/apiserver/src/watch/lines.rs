//! What a watch tells of an event: which type it has for this watch, and how it is written.

use std::sync::Arc;

use bytes::Bytes;
use pilothouse_machinery::Status;
use serde_json::{Value, json};

use crate::kind::Kind;
use crate::message;
use crate::request::{Form, ListOptions, Representation};
use crate::store::{Event, EventKind, StoredObject, frame};
use crate::table::{IncludeObject, partial_metadata, render};

/// What a watch is about and how it wants to see it.
#[derive(Debug)]
pub(crate) struct WatchScope {
    pub(crate) kind: Arc<Kind>,
    /// `None` for all namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) options: ListOptions,
    pub(crate) form: Form,
    pub(crate) representation: Representation,
    /// What the rows of a Table carry.
    pub(crate) include_object: IncludeObject,
}

impl WatchScope {
    fn contains(&self, object: &StoredObject) -> bool {
        let here = self.namespace.as_ref().is_none_or(|namespace| **namespace == *object.key().namespace);
        here && self.options.select(object)
    }

    /// The line of an event, if the watch sees it: an object that comes to match is added, one that no longer
    /// matches is deleted.
    pub(super) fn event_line(&self, event: &Event, first: bool, now: jiff::Timestamp) -> Option<Bytes> {
        let before = event.previous.as_ref().is_some_and(|object| self.contains(object));
        let after = event.kind != EventKind::Deleted && self.contains(&event.object);
        let kind = match (before, after) {
            (false, false) => return None,
            (false, true) => EventKind::Added,
            (true, true) => EventKind::Modified,
            (true, false) => EventKind::Deleted,
        };
        if kind == event.kind && self.form != Form::Protobuf && self.representation == Representation::Full {
            return Some(event.frame(&self.kind));
        }
        let leaves = kind == EventKind::Deleted && event.kind != EventKind::Deleted;
        let object = if leaves { event.exit(&self.kind) } else { event.object.clone() };
        Some(self.object_line(kind, &object, first, now))
    }

    /// The line of an object in the representation of this watch; `first` is whether no line came before.
    pub(super) fn object_line(
        &self,
        kind: EventKind,
        object: &StoredObject,
        first: bool,
        now: jiff::Timestamp,
    ) -> Bytes {
        let value = match self.representation {
            Representation::Full if self.form == Form::Protobuf => {
                return message::stored_frame(kind.as_str(), &self.kind, object);
            }
            Representation::Full => return frame(kind, &object.bytes(&self.kind)),
            Representation::Metadata | Representation::MetadataList => {
                partial_metadata(&object.value(&self.kind))
            }
            Representation::Table(version) => {
                let value = object.value(&self.kind);
                let metadata = json!({"resourceVersion": object.revision().to_string()});
                let mut table = render(&self.kind, &metadata, [&value], self.include_object, first, now);
                table["apiVersion"] = format!("meta.k8s.io/{version}").into();
                table
            }
        };
        self.line(kind.as_str(), &value)
    }

    /// A bookmark: the watch has told everything up to `revision`. `end_of_state` marks the end of the initial state.
    pub(super) fn bookmark_line(&self, revision: u64, end_of_state: bool) -> Bytes {
        let resource = &self.kind.resource;
        let mut object = match self.representation {
            Representation::Full => json!({"kind": resource.kind, "apiVersion": resource.api_version()}),
            Representation::Table(version) => {
                json!({"kind": "Table", "apiVersion": format!("meta.k8s.io/{version}"), "rows": []})
            }
            Representation::Metadata | Representation::MetadataList => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"})
            }
        };
        object["metadata"] = json!({"resourceVersion": revision.to_string()});
        if end_of_state {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        self.line("BOOKMARK", &object)
    }

    /// The last line of a watch that cannot go on.
    pub(super) fn error_line(&self, status: &Status) -> Bytes {
        self.line("ERROR", &serde_json::to_value(status).unwrap_or_default())
    }

    /// A line of JSON, or a frame of protobuf.
    fn line(&self, kind: &str, object: &Value) -> Bytes {
        if self.form == Form::Protobuf {
            return message::watch_frame(kind, object);
        }
        Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
    }
}
