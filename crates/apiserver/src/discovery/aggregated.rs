//! Discovery in one document per root: `apidiscovery.k8s.io/v2` (KEP-3352).

use http::HeaderMap;
use serde_json::{Value, json};

use super::{Group, singular_of, subresources_of, verbs_of};
use crate::kind::Kind;

/// The content type of the aggregated form.
pub(super) const CONTENT_TYPE: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Whether the client would rather have the aggregated form: it names it before plain JSON.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(http::header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    for clause in values.flat_map(|value| value.split(',')) {
        let mut parts = clause.split(';').map(str::trim);
        if !matches!(parts.next(), Some("application/json" | "application/*" | "*/*")) {
            continue;
        }
        let parameters: Vec<_> = parts.collect();
        let has = |parameter: &str| parameters.contains(&parameter);
        if has("as=APIGroupDiscoveryList") {
            if has("g=apidiscovery.k8s.io") && has("v=v2") {
                return true;
            }
        } else {
            return false;
        }
    }
    false
}

/// The answer to `/api` (with the core group) or `/apis` (with all others).
pub(super) fn document<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Value {
    let items: Vec<_> = groups.into_iter().map(item).collect();
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    })
}

fn item(group: &Group) -> Value {
    let version = |(version, kinds): &(String, Vec<std::sync::Arc<Kind>>)| {
        let resources: Vec<_> = kinds.iter().map(|kind| resource(kind)).collect();
        json!({"version": version, "freshness": "Current", "resources": resources})
    };
    let versions: Vec<_> = group.versions.iter().map(version).collect();
    let metadata = if group.name.is_empty() { json!({}) } else { json!({"name": group.name}) };
    json!({"metadata": metadata, "versions": versions})
}

fn response_kind((group, version, kind): (&str, &str, &str)) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}

fn resource(kind: &Kind) -> Value {
    let resource = &kind.resource;
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": response_kind((&resource.group, &resource.version, &resource.kind)),
        "scope": if resource.is_namespaced() { "Namespaced" } else { "Cluster" },
        "singularResource": singular_of(kind), "verbs": verbs_of(kind),
    });
    if !kind.short_names.is_empty() {
        entry["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        entry["categories"] = json!(kind.categories);
    }
    let subresources: Vec<_> = subresources_of(kind)
        .into_iter()
        .map(|subresource| {
            let (group, version, answers) = &subresource.answers;
            json!({
                "subresource": subresource.name, "verbs": subresource.verbs,
                "responseKind": response_kind((group, version, answers)),
            })
        })
        .collect();
    if !subresources.is_empty() {
        entry["subresources"] = subresources.into();
    }
    entry
}
