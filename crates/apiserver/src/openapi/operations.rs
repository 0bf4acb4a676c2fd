//! The operations of a type, as far as kubectl reads them.

use serde_json::{Map, Value, json};

use super::schemas;
use crate::discovery::verbs_of;
use crate::kind::Kind;

const WRITE: [&str; 4] = ["dryRun", "fieldManager", "fieldValidation", "pretty"];
const PATCHES: [&str; 3] =
    ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];

/// Adds the paths of `kind`.
pub(super) fn of(kind: &Kind, paths: &mut Map<String, Value>) {
    let collection = kind.resource.collection_path(kind.resource.is_namespaced().then_some("{namespace}"));
    let operation = |action: &str, parameters: &[&str], body: Option<Value>| {
        let resource = &kind.resource;
        let mut operation = json!({
            "operationId": format!("{action}{}{}", resource.kind, resource.plural),
            "parameters": parameters.iter().map(|name| parameter(name)).collect::<Vec<_>>(),
            "responses": {"200": {"description": "OK", "content": content(&["application/json"], kind)}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind":
                {"group": resource.group, "version": resource.version, "kind": resource.kind},
        });
        if let Some(body) = body {
            operation["requestBody"] = json!({"content": body, "required": true});
        }
        operation
    };
    let object = || Some(content(&["application/json", "application/yaml"], kind));
    let mut patches = PATCHES.to_vec();
    if !kind.custom {
        patches.push("application/strategic-merge-patch+json");
    }
    let patch: Map<_, _> = patches.iter().map(|media| ((*media).to_owned(), json!({"schema": {}}))).collect();
    let mut patch_parameters = WRITE.to_vec();
    patch_parameters.push("force");
    let list = ["continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "watch"];
    let mut on_collection = json!({
        "get": operation("list", &list, None),
        "post": operation("post", &WRITE, object()),
    });
    if verbs_of(kind).contains(&"deletecollection") {
        on_collection["delete"] = operation("deletecollection", &["dryRun", "labelSelector"], None);
    }
    paths.insert(collection.clone(), on_collection);
    paths.insert(
        format!("{collection}/{{name}}"),
        json!({
            "get": operation("get", &["pretty"], None),
            "put": operation("put", &WRITE, object()),
            "patch": operation("patch", &patch_parameters, Some(patch.into())),
            "delete": operation("delete", &["dryRun", "gracePeriodSeconds", "propagationPolicy"], None),
        }),
    );
}

fn parameter(name: &str) -> Value {
    let type_name = match name {
        "force" | "watch" => "boolean",
        "limit" | "gracePeriodSeconds" => "integer",
        _ => "string",
    };
    json!({"name": name, "in": "query", "schema": {"type": type_name, "uniqueItems": true}})
}

fn content(media: &[&str], kind: &Kind) -> Value {
    let schema = json!({"schema": {"$ref": schemas::reference(&schemas::name_of_kind(kind))}});
    media.iter().map(|media| ((*media).to_owned(), schema.clone())).collect::<Map<_, _>>().into()
}
