//! Namespaces.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::field::{map_under, selectable, text};
use crate::ApiServer;
use crate::furnishing::furnish_namespace;
use crate::kind::Strategy;
use crate::table;

pub(super) struct NamespaceStrategy;

const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Strategy for NamespaceStrategy {
    /// Every namespace carries its name as a label, so that selectors can choose it by name.
    fn default(&self, object: &mut Value) {
        let name = text(object, "/metadata/name").to_owned();
        if name.is_empty() {
            return;
        }
        if let Some(labels) = map_under(object, &["metadata", "labels"]) {
            labels.insert(NAME_LABEL.into(), name.into());
        }
    }

    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        self.default(object);
        if let Some(spec) = map_under(object, &["spec"]) {
            let finalizers = spec.entry("finalizers").or_insert_with(|| json!([]));
            if let Some(finalizers) = finalizers.as_array_mut()
                && !finalizers.iter().any(|finalizer| finalizer == "kubernetes")
            {
                finalizers.push("kubernetes".into());
            }
        }
        if let Some(map) = object.as_object_mut() {
            map.insert("status".into(), json!({"phase": "Active"}));
        }
    }

    /// The specification only holds finalizers, which change through `/finalize`.
    fn prepare_update(&self, new: &mut Value, old: &Value) {
        if let Some(map) = new.as_object_mut() {
            match old.get("spec") {
                Some(spec) => map.insert("spec".into(), spec.clone()),
                None => map.remove("spec"),
            };
        }
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        let mut fields = selectable(object, &["status.phase"]);
        fields.push(("name".into(), text(object, "/metadata/name").into()));
        fields
    }

    fn committed(&self, server: &ApiServer, old: Option<&Value>, new: Option<&Value>) {
        if let (None, Some(new)) = (old, new) {
            furnish_namespace(server, text(new, "/metadata/name"));
        }
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::core::namespace(object, now)
    }
}
