//! The rules of a custom resource type, made from one version of its definition.

use std::sync::Arc;

use jiff::Timestamp;
use pilothouse_machinery::schema::MessageType;
use pilothouse_machinery::{ResourceType, Scope, StatusCause};
use serde_json::{Value, json};

use super::validation::Validator;
use super::{lifecycle, structural};
use crate::kind::{Kind, Scale, Strategy};
use crate::kinds::field::{list, text};
use crate::table::custom::{self, PrinterColumn};
use crate::table::json_path::JsonPath;

struct CustomStrategy {
    /// The name of the definition.
    definition: String,
    validator: Validator,
    message: MessageType,
    status_subresource: bool,
    printers: Vec<PrinterColumn>,
    selectable: Vec<(String, Option<JsonPath>)>,
}

/// The kind that `version` of `definition` defines.
pub(super) fn kind_of(definition: &Value, version: &Value) -> Kind {
    let spec = |path: &str| text(definition, &format!("/spec/{path}")).to_owned();
    let names = |path: &str| {
        let names = list(definition, &format!("/spec/names/{path}"));
        names.iter().filter_map(Value::as_str).map(|name| name.to_owned().into()).collect()
    };
    let scope = if spec("scope") == "Namespaced" { Scope::Namespaced } else { Scope::Cluster };
    let resource = ResourceType {
        group: spec("group").into(),
        version: text(version, "/name").to_owned().into(),
        plural: spec("names/plural").into(),
        kind: spec("names/kind").into(),
        scope,
    };
    let (columns, printers) = custom::columns(version);
    let status_subresource = version.pointer("/subresources/status").is_some();
    let schema = version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_else(|| json!({}));
    let selectable = list(version, "/selectableFields").iter().map(|field| {
        let path = text(field, "/jsonPath");
        (path.trim_start_matches('.').to_owned(), JsonPath::parse(path))
    });
    let message = MessageType::from_openapi(&resource.kind, &schema);
    let strategy = CustomStrategy {
        definition: text(definition, "/metadata/name").to_owned(),
        validator: Validator::new(schema),
        message,
        status_subresource,
        printers,
        selectable: selectable.collect(),
    };
    Kind {
        singular: spec("names/singular").into(),
        list_kind: spec("names/listKind").into(),
        short_names: names("shortNames"),
        categories: names("categories"),
        status_subresource,
        scale: version.pointer("/subresources/scale").map(scale_of),
        has_generation: true,
        allow_unconditional_update: false,
        returns_object_on_delete: false,
        custom: true,
        terminating: !text(definition, "/metadata/deletionTimestamp").is_empty(),
        columns,
        strategy: Arc::new(strategy),
        ..Kind::new(resource)
    }
}

fn scale_of(scale: &Value) -> Scale {
    let selector = text(scale, "/labelSelectorPath");
    Scale {
        spec_replicas: text(scale, "/specReplicasPath").into(),
        status_replicas: text(scale, "/statusReplicasPath").into(),
        label_selector: (!selector.is_empty()).then(|| selector.into()),
    }
}

impl Strategy for CustomStrategy {
    fn default(&self, object: &mut Value) {
        _ = structural::prune(object, self.validator.schema());
        structural::default(object, self.validator.schema());
    }

    fn prepare_create(&self, object: &mut Value, _server: &crate::ApiServer) {
        if let Some(map) = object.as_object_mut().filter(|_| self.status_subresource) {
            map.remove("status");
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        self.validator.validate(object)
    }

    /// What was wrong and did not change stays tolerated (ratcheting, KEP-4008).
    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let before = self.validator.validate(old);
        let unchanged = |cause: &StatusCause| before.contains(cause) && same_at(new, old, &cause.field);
        self.validator.validate(new).into_iter().filter(|cause| !unchanged(cause)).collect()
    }

    fn validate_status_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        self.validate_update(new, old)
    }

    fn message_type(&self) -> Option<&MessageType> {
        Some(&self.message)
    }

    fn unknown_fields(&self, object: &Value) -> Vec<String> {
        structural::prune(&mut object.clone(), self.validator.schema())
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        let value = |path: &Option<JsonPath>| {
            let found = path.as_ref().and_then(|path| path.find(object).first().copied());
            match found {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            }
        };
        self.selectable.iter().map(|(label, path)| (label.clone(), value(path))).collect()
    }

    fn committed(&self, server: &crate::ApiServer, _old: Option<&Value>, new: Option<&Value>) {
        if new.is_none() {
            lifecycle::object_gone(server, &self.definition);
        }
    }

    fn schema(&self) -> Option<&Value> {
        Some(self.validator.schema())
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        custom::cells(object, &self.printers, now)
    }
}

/// Whether the field (`spec.items[1].name`) is the same in both objects.
fn same_at(new: &Value, old: &Value, field: &str) -> bool {
    let path = JsonPath::parse(field);
    path.is_some_and(|path| path.find(new) == path.find(old))
}
