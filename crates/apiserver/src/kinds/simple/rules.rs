//! The rules of a simple type, as data and plain functions.

use std::sync::Arc;

use jiff::Timestamp;
use pilothouse_machinery::{ResourceType, Scope, StatusCause};
use serde_json::{Map, Value};

use super::super::causes;
use super::super::field::{map_under, selectable};
use crate::ApiServer;
use crate::kind::{Kind, Strategy};
use crate::table::{Row, columns};

/// What one simple type adds to the generic rules; [`Rules::PLAIN`] adds nothing.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Sets defaults.
    pub(super) default: fn(&mut Value),
    /// Makes an object of this type of one of another that it shares its objects with.
    pub(super) convert: fn(&mut Value),
    /// What is wrong with a new or changed object.
    pub(super) validate: fn(&Value, &mut Vec<StatusCause>),
    /// What is wrong with a change, beside what `validate` says.
    pub(super) validate_change: fn(&Value, &Value, &mut Vec<StatusCause>),
    /// Members that an update may not change, with the words of the refusal.
    pub(super) immutable: &'static [&'static str],
    /// What field selectors may name.
    pub(super) fields: &'static [&'static str],
    /// `status.phase` of a new object.
    pub(super) phase: Option<&'static str>,
    /// What to tell whoever writes objects of the type.
    pub(super) caveat: Option<&'static str>,
    /// The columns of its Table; empty for name and age.
    pub(super) columns: &'static [Row],
    /// The cells of a row, one for each column.
    pub(super) cells: fn(&Value, Timestamp) -> Vec<Value>,
}

impl Rules {
    /// No rules.
    pub(super) const PLAIN: Self = Self {
        default: |_| {},
        convert: |_| {},
        validate: |_, _| {},
        validate_change: |_, _, _| {},
        immutable: &[],
        fields: &[],
        phase: None,
        caveat: None,
        columns: &[],
        cells: |_, _| Vec::new(),
    };

    /// The kind with these rules.
    pub(super) fn kind(
        self,
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
        scope: Scope,
    ) -> Kind {
        let resource = match scope {
            Scope::Namespaced => ResourceType::namespaced(group, version, plural, kind),
            Scope::Cluster => ResourceType::cluster(group, version, plural, kind),
        };
        Kind { columns: columns(self.columns), strategy: Arc::new(self), ..Kind::new(resource) }
    }
}

impl Strategy for Rules {
    fn default(&self, object: &mut Value) {
        (self.default)(object);
    }

    fn convert(&self, object: &mut Value) {
        (self.convert)(object);
    }

    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        if let Some(phase) = self.phase
            && let Some(status) = map_under(object, &["status"])
        {
            status.insert("phase".into(), phase.into());
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let mut found = Vec::new();
        (self.validate)(object, &mut found);
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        for member in self.immutable {
            let pointer = format!("/{}", member.replace('.', "/"));
            causes::immutable(&mut found, *member, new.pointer(&pointer), old.pointer(&pointer));
        }
        (self.validate_change)(new, old, &mut found);
        found
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        selectable(object, self.fields)
    }

    fn caveat(&self) -> Option<&'static str> {
        self.caveat
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        (self.cells)(object, now)
    }
}

/// The object under `path`, made where it is absent, for a default.
pub(super) fn with(object: &mut Value, path: &[&str], default: impl FnOnce(&mut Map<String, Value>)) {
    if let Some(map) = map_under(object, path) {
        default(map);
    }
}

/// The members of each object in the list at `pointer`.
pub(super) fn each(object: &mut Value, pointer: &str, mut default: impl FnMut(&mut Map<String, Value>)) {
    let items = object.pointer_mut(pointer).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut).for_each(&mut default);
}
