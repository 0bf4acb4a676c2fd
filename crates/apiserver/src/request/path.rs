//! The path of a resource request.

/// What a path below `/api/v1` or `/apis/GROUP/VERSION` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    /// The API group; empty for the core group.
    pub(crate) group: String,
    /// The version.
    pub(crate) version: String,
    /// The namespace, if the path has one.
    pub(crate) namespace: Option<String>,
    /// The plural.
    pub(crate) plural: String,
    /// The object's name; `None` for a collection.
    pub(crate) name: Option<String>,
    /// What follows the name.
    pub(crate) subresource: Option<String>,
    /// Whether the path has the old `watch` prefix.
    pub(crate) watch: bool,
}

/// Reads a path of the form `/api/v1/...` or `/apis/GROUP/VERSION/...` that names at least a resource; `None` for
/// every other path.
pub(crate) fn parse_path(path: &str) -> Option<ResourcePath> {
    let mut parts: Vec<String> =
        path.strip_prefix('/')?.split('/').map(super::query::percent_decode_path).collect();
    if parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    if parts.iter().any(String::is_empty) {
        return None;
    }
    let (group, version, rest) = match parts.first()?.as_str() {
        "api" => (String::new(), parts.get(1)?.clone(), parts.get(2..)?),
        "apis" => (parts.get(1)?.clone(), parts.get(2)?.clone(), parts.get(3..)?),
        _ => return None,
    };
    let (watch, rest) = match rest {
        [first, rest @ ..] if first == "watch" && !rest.is_empty() => (true, rest),
        rest => (false, rest),
    };
    let mut found = ResourcePath { group, version, watch, ..ResourcePath::default() };
    let rest = match rest {
        [first, namespace, plural, rest @ ..]
            if first == "namespaces" && !matches!(plural.as_str(), "status" | "finalize") =>
        {
            found.namespace = Some(namespace.clone());
            found.plural.clone_from(plural);
            rest
        }
        [plural, rest @ ..] => {
            found.plural.clone_from(plural);
            rest
        }
        [] => return None,
    };
    match rest {
        [] => {}
        [name] => found.name = Some(name.clone()),
        [name, subresource @ ..] => {
            found.name = Some(name.clone());
            found.subresource = Some(subresource.join("/"));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(path: &str) -> Option<String> {
        let found = parse_path(path)?;
        let optional = |part: Option<String>| part.unwrap_or_else(|| "-".into());
        Some(format!(
            "{}|{}|{}|{}|{}|{}{}",
            found.group,
            found.version,
            optional(found.namespace),
            found.plural,
            optional(found.name),
            optional(found.subresource),
            if found.watch { "|watch" } else { "" }
        ))
    }

    #[test]
    fn paths_name_collections_objects_and_subresources_in_both_scopes() {
        for (path, expected) in [
            ("/api/v1/pods", "|v1|-|pods|-|-"),
            ("/api/v1/namespaces", "|v1|-|namespaces|-|-"),
            ("/api/v1/namespaces/a", "|v1|-|namespaces|a|-"),
            ("/api/v1/namespaces/a/finalize", "|v1|-|namespaces|a|finalize"),
            ("/api/v1/namespaces/a/pods/b/status", "|v1|a|pods|b|status"),
            ("/apis/batch/v1/namespaces/a/jobs/", "batch|v1|a|jobs|-|-"),
            ("/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode", {
                "rbac.authorization.k8s.io|v1|-|clusterroles|system:node|-"
            }),
            ("/api/v1/watch/namespaces/a/pods/b", "|v1|a|pods|b|-|watch"),
        ] {
            assert_eq!(parts(path).as_deref(), Some(expected), "{path}");
        }
        for path in ["/", "/api", "/api/v1", "/apis/batch/v1", "/version", "/api/v1//pods"] {
            assert_eq!(parts(path), None, "{path}");
        }
    }
}
