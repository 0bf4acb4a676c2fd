//! Definitions: their defaults and what is wrong with them.

use pilothouse_machinery::StatusCause;
use serde_json::{Value, json};

use super::lifecycle;
use crate::ApiServer;
use crate::kind::Strategy;
use crate::kinds::field::{is_empty, list, map_at, map_under, set_default, set_default_text, text};
use crate::kinds::{causes, format};

pub(crate) struct DefinitionStrategy;

impl Strategy for DefinitionStrategy {
    fn default(&self, object: &mut Value) {
        let kind = text(object, "/spec/names/kind").to_owned();
        let Some(spec) = map_under(object, &["spec"]) else { return };
        if let Some(conversion) = map_at(spec, "conversion") {
            set_default_text(conversion, "strategy", "None");
        }
        if let Some(names) = map_at(spec, "names").filter(|_| !kind.is_empty()) {
            set_default_text(names, "singular", &kind.to_lowercase());
            set_default_text(names, "listKind", &format!("{kind}List"));
        }
        if let Some(status) = map_under(object, &["status"]) {
            set_default(status, "conditions", Value::Null);
            set_default(status, "acceptedNames", json!({"plural": "", "kind": ""}));
        }
    }

    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        let stored = storage_version(object).map(str::to_owned);
        if let Some(map) = object.as_object_mut() {
            let stored: Vec<_> = stored.into_iter().collect();
            let names = json!({"plural": "", "kind": ""});
            let status = json!({"conditions": null, "acceptedNames": names, "storedVersions": stored});
            map.insert("status".into(), status);
        }
    }

    /// Another storage version joins those in which objects may be stored.
    fn prepare_update(&self, new: &mut Value, _old: &Value) {
        let Some(stored) = storage_version(new).map(str::to_owned) else { return };
        if let Some(status) = map_under(new, &["status"]) {
            let versions = status.entry("storedVersions").or_insert_with(|| json!([]));
            if let Some(versions) = versions.as_array_mut()
                && !versions.iter().any(|version| *version == stored)
            {
                versions.push(stored.into());
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let mut found = Vec::new();
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let (plural, group) = (text(spec, "/names/plural"), text(spec, "/group"));
        let name = object.pointer("/metadata/name").unwrap_or(&Value::Null);
        if name.as_str() != Some(format!("{plural}.{group}").as_str()) {
            found.push(causes::invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group"));
        }
        if group.is_empty() {
            found.push(causes::required("spec.group", ""));
        } else {
            let wrong = format::subdomain(group);
            found.extend(wrong.iter().map(|detail| causes::invalid("spec.group", &group.into(), detail)));
            if !group.contains('.') {
                let detail = "should be a domain with at least one dot";
                found.push(causes::invalid("spec.group", &group.into(), detail));
            }
        }
        let scope = spec.get("scope").unwrap_or(&Value::Null);
        match scope.as_str().unwrap_or("") {
            "Namespaced" | "Cluster" => {}
            "" => found.push(causes::required("spec.scope", "")),
            _ => found.push(causes::not_supported("spec.scope", scope, &["Cluster", "Namespaced"])),
        }
        validate_names(spec, &mut found);
        validate_versions(spec, &mut found);
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        for path in ["group", "scope", "names/plural", "names/kind"] {
            let at = |object: &Value| object.pointer(&format!("/spec/{path}")).cloned();
            let field = format!("spec.{}", path.replace('/', "."));
            causes::immutable(&mut found, field, at(new).as_ref(), at(old).as_ref());
        }
        for (index, version) in list(new, "/status/storedVersions").iter().enumerate() {
            if !list(new, "/spec/versions").iter().any(|known| known.get("name") == Some(version)) {
                let detail = "missing from spec.versions; it was previously a storage version, and must remain in \
                              spec.versions until a storage migration ensures no data remains persisted in it";
                found.push(causes::invalid(format!("status.storedVersions[{index}]"), version, detail));
            }
        }
        found
    }

    fn prepare_delete(&self, object: &mut Value, server: &ApiServer) {
        lifecycle::mark(object, server);
    }

    fn committed(&self, server: &ApiServer, old: Option<&Value>, new: Option<&Value>) {
        lifecycle::follow(server, old, new);
    }
}

fn storage_version(definition: &Value) -> Option<&str> {
    let versions = list(definition, "/spec/versions");
    let stored = versions.iter().find(|version| version.get("storage") == Some(&Value::Bool(true)))?;
    stored.get("name")?.as_str()
}

fn validate_names(spec: &Value, found: &mut Vec<StatusCause>) {
    for key in ["plural", "singular", "kind", "listKind"] {
        let name = text(spec, &format!("/names/{key}"));
        let field = format!("spec.names.{key}");
        if name.is_empty() {
            found.push(causes::required(field, ""));
            continue;
        }
        // Kinds are labels as well, but for their capitals.
        let wrong = format::label_1035(&name.to_lowercase());
        found.extend(wrong.iter().map(|detail| causes::invalid(&*field, &name.into(), detail)));
        if matches!(key, "plural" | "singular") && name.to_lowercase() != name {
            found.push(causes::invalid(field, &name.into(), "must be lower case"));
        }
    }
    let (kind, list_kind) = (text(spec, "/names/kind"), text(spec, "/names/listKind"));
    if !kind.is_empty() && kind == list_kind {
        let detail = "kind and listKind may not be the same";
        found.push(causes::invalid("spec.names.listKind", &list_kind.into(), detail));
    }
}

fn validate_versions(spec: &Value, found: &mut Vec<StatusCause>) {
    let versions = list(spec, "/versions");
    if versions.is_empty() {
        found.push(causes::required("spec.versions", ""));
        return;
    }
    let stored = versions.iter().filter(|version| version.get("storage") == Some(&Value::Bool(true))).count();
    if stored != 1 {
        let detail = "must have exactly one version marked as storage version";
        let all = spec.get("versions").unwrap_or(&Value::Null);
        found.push(causes::invalid("spec.versions", all, detail));
    }
    for (index, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{index}]");
        let name = text(version, "/name");
        let wrong = format::label_1035(name);
        found
            .extend(wrong.iter().map(|detail| causes::invalid(format!("{path}.name"), &name.into(), detail)));
        if versions[..index].iter().any(|other| text(other, "/name") == name) {
            found.push(causes::invalid("spec.versions", &name.into(), "must contain unique version names"));
        }
        let path = format!("{path}.schema.openAPIV3Schema");
        match version.pointer("/schema/openAPIV3Schema") {
            None | Some(Value::Null) => found.push(causes::required(path, "schemas are required")),
            Some(schema) => {
                if text(schema, "/type") != "object" {
                    let detail = "must be object at the root";
                    found.push(causes::invalid(
                        format!("{path}.type"),
                        &text(schema, "/type").into(),
                        detail,
                    ));
                }
                structural(schema, &path, false, found);
            }
        }
    }
}

/// A structural schema says the type of everything that it describes.
fn structural(schema: &Value, path: &str, described: bool, found: &mut Vec<StatusCause>) {
    let untyped = ["x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"];
    let free = untyped.iter().any(|key| schema.get(*key) == Some(&Value::Bool(true)));
    if described && is_empty(schema, "/type") && !free {
        found.push(causes::required(format!("{path}.type"), "must not be empty for specified object fields"));
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        structural(property, &format!("{path}.properties[{name}]"), true, found);
    }
    for key in ["additionalProperties", "items"] {
        if let Some(inner) = schema.get(key).filter(|inner| inner.is_object()) {
            structural(inner, &format!("{path}.{key}"), true, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Value {
        let mut object = json!({"metadata": {"name": "widgets.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}}]}});
        DefinitionStrategy.default(&mut object);
        object
    }

    #[test]
    fn a_complete_definition_is_valid_and_gets_its_names() {
        let object = definition();
        assert_eq!(DefinitionStrategy.validate(&object), []);
        assert_eq!(
            object["spec"]["names"],
            json!({"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"})
        );
        assert_eq!(object["spec"]["conversion"], json!({"strategy": "None"}));
    }

    #[test]
    fn the_name_the_storage_version_and_every_type_are_demanded() {
        let mut object = definition();
        object["metadata"]["name"] = json!("things.example.com");
        object["spec"]["versions"][0]["storage"] = json!(false);
        object["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] =
            json!({"properties": {"a": {"x-kubernetes-int-or-string": true}}});
        let found = DefinitionStrategy.validate(&object);
        let fields: Vec<_> = found.iter().map(|cause| cause.field.as_str()).collect();
        let typed = "spec.versions[0].schema.openAPIV3Schema.properties[spec].type";
        assert_eq!(fields, ["metadata.name", "spec.versions", typed]);
        assert_eq!(found[2].message, "Required value: must not be empty for specified object fields");
    }
}
