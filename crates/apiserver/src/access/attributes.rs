//! What a request asks for, in the words of authorisation.

use http::Method;
use pilothouse_machinery::selector::FieldOperator;
use pilothouse_machinery::{FieldSelector, Status, StatusReason};

use super::User;
use crate::request::{Query, ResourcePath};

/// What a request asks for, as `k8s.io/apiserver`'s `RequestInfo` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attributes {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or one that no method stands
    /// for; the lower-case method for paths that name no resource.
    pub(crate) verb: String,
    pub(crate) group: String,
    pub(crate) version: String,
    /// The plural; empty for paths that name no resource.
    pub(crate) resource: String,
    pub(crate) subresource: String,
    /// Empty at the cluster scope, and across all namespaces.
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The path, for those that name no resource.
    pub(crate) path: String,
}

impl Attributes {
    /// What a request to `path` asks for; `named` is the resource in it.
    pub(crate) fn of(method: &Method, path: &str, query: &str, named: Option<&ResourcePath>) -> Self {
        let Some(named) = named else {
            let verb = method.as_str().to_lowercase();
            return Self { verb, path: path.to_owned(), ..Self::default() };
        };
        let mut name = named.name.clone().unwrap_or_default();
        let collection = name.is_empty();
        let query = Query::parse(if collection { query } else { "" });
        let verb = match *method {
            _ if named.watch => "watch",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if collection => "deletecollection",
            Method::DELETE => "delete",
            Method::GET | Method::HEAD if !collection => "get",
            Method::GET | Method::HEAD if query.flag("watch") => "watch",
            Method::GET | Method::HEAD => "list",
            _ => &method.as_str().to_lowercase(),
        };
        // A role may allow to list and watch one object by its name.
        if collection && matches!(verb, "list" | "watch" | "deletecollection") {
            name = selected_name(&query).unwrap_or_default();
        }
        let subresource = named.subresource.as_deref().unwrap_or_default();
        let namespace = match &named.namespace {
            Some(namespace) => namespace.clone(),
            // A namespace is in itself: a role in it can allow to read it.
            None if named.plural == "namespaces" && named.group.is_empty() && !collection => name.clone(),
            None => String::new(),
        };
        Self {
            verb: verb.to_owned(),
            group: named.group.clone(),
            version: named.version.clone(),
            resource: named.plural.clone(),
            subresource: subresource.split('/').next().unwrap_or_default().to_owned(),
            namespace,
            name,
            path: String::new(),
        }
    }

    /// Whether it is about a resource, not only a path.
    pub(crate) fn is_resource(&self) -> bool {
        !self.resource.is_empty()
    }

    /// `deployments/status`.
    pub(crate) fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// What `user` cannot do.
    pub(crate) fn refusal(&self, user: &User) -> String {
        let (name, verb) = (user.name(), &self.verb);
        if !self.is_resource() {
            return format!("User {name:?} cannot {verb} path {:?}", self.path);
        }
        let scope = if self.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {:?}", self.namespace)
        };
        let (resource, group) = (self.full_resource(), &self.group);
        format!("User {name:?} cannot {verb} resource {resource:?} in API group {group:?} {scope}")
    }

    /// 403 to `user`; `reason` is what the authoriser has to add, if anything.
    pub(crate) fn forbidden(&self, user: &User, reason: &str) -> Status {
        let mut why = escaped(&self.refusal(user));
        if !reason.is_empty() {
            why = format!("{why}: {reason}");
        }
        let mut status = Status::forbidden(&self.group, &self.resource, &self.name, &why);
        if !self.is_resource() {
            status = Status::failure(StatusReason::Forbidden, format!("forbidden: {why}")).about("", "", "");
        } else if self.name.is_empty() {
            status.message = status.message.replacen(" \"\" is forbidden", " is forbidden", 1);
        }
        status
    }
}

/// Names may come from anybody: they are never markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The one name that a field selector leaves.
fn selected_name(query: &Query) -> Option<String> {
    let selector = FieldSelector::parse(query.get("fieldSelector")?).ok()?;
    let by_name = |term: &&pilothouse_machinery::selector::FieldTerm| {
        term.field == "metadata.name" && term.operator == FieldOperator::Equals
    };
    let name = selector.terms().iter().find(by_name)?.value.clone();
    // Something that no path can hold is no name.
    (!name.contains(['/', '%']) && name != "." && name != "..").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::parse_path;

    fn of(method: &str, uri: &str) -> Attributes {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Attributes::of(&method, path, query, parse_path(path).as_ref())
    }

    #[test]
    fn au2_methods_and_paths_become_the_verbs_that_roles_name() {
        for (method, uri, expected) in [
            ("GET", "/api/v1/namespaces/a/pods/p", "get pods a/p"),
            ("HEAD", "/api/v1/namespaces/a/pods/p", "get pods a/p"),
            ("GET", "/api/v1/namespaces/a/pods", "list pods a/"),
            ("GET", "/api/v1/pods", "list pods /"),
            ("GET", "/api/v1/pods?watch=1", "watch pods /"),
            ("GET", "/api/v1/pods?watch=false", "list pods /"),
            ("GET", "/api/v1/namespaces/a/pods?watch=1&fieldSelector=metadata.name%3Dp", "watch pods a/p"),
            ("GET", "/api/v1/namespaces/a/pods?fieldSelector=metadata.name!%3Dp", "list pods a/"),
            ("GET", "/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Da%2Fb", "list pods a/"),
            ("GET", "/api/v1/watch/namespaces/a/pods/p", "watch pods a/p"),
            ("POST", "/api/v1/namespaces/a/pods", "create pods a/"),
            ("POST", "/api/v1/namespaces/a/pods/p/binding", "create pods/binding a/p"),
            ("PUT", "/apis/apps/v1/namespaces/a/deployments/d/status", "update deployments/status.apps a/d"),
            ("PATCH", "/apis/apps/v1/namespaces/a/deployments/d/scale", "patch deployments/scale.apps a/d"),
            ("DELETE", "/api/v1/namespaces/a/pods/p", "delete pods a/p"),
            ("DELETE", "/api/v1/namespaces/a/pods", "deletecollection pods a/"),
            ("GET", "/api/v1/namespaces/a", "get namespaces a/a"),
            ("GET", "/api/v1/namespaces", "list namespaces /"),
            ("PUT", "/api/v1/namespaces/a/finalize", "update namespaces/finalize a/a"),
            ("GET", "/api/v1/nodes/n/proxy/a/b", "get nodes/proxy /n"),
            ("GET", "/healthz/ping", "get path /healthz/ping"),
            ("POST", "/apis/apps/v1", "post path /apis/apps/v1"),
        ] {
            let found = of(method, uri);
            let group = if found.group.is_empty() { String::new() } else { format!(".{}", found.group) };
            let text = if found.is_resource() {
                let (resource, namespace, name) = (found.full_resource(), &found.namespace, &found.name);
                format!("{} {resource}{group} {namespace}/{name}", found.verb)
            } else {
                format!("{} path {}", found.verb, found.path)
            };
            assert_eq!(text, expected, "{method} {uri}");
        }
    }

    #[test]
    fn au2_refusals_are_in_the_words_of_a_real_server() {
        let bob = User::new("b<o>b");
        for (method, uri, expected) in [
            (
                "GET",
                "/api/v1/namespaces/a/configmaps/x",
                "configmaps \"x\" is forbidden: User \"b&lt;o&gt;b\" cannot get resource \"configmaps\" in API group \
                 \"\" in the namespace \"a\"",
            ),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/a/deployments/d/status",
                "deployments.apps \"d\" is forbidden: User \"b&lt;o&gt;b\" cannot patch resource \
                 \"deployments/status\" in API group \"apps\" in the namespace \"a\"",
            ),
            (
                "GET",
                "/api/v1/nodes",
                "nodes is forbidden: User \"b&lt;o&gt;b\" cannot list resource \"nodes\" in API group \"\" at the \
                 cluster scope",
            ),
            ("GET", "/metrics", "forbidden: User \"b&lt;o&gt;b\" cannot get path \"/metrics\""),
        ] {
            let status = of(method, uri).forbidden(&bob, "");
            assert_eq!((status.code, status.message.as_str()), (403, expected));
        }
        let status = of("GET", "/api/v1/nodes").forbidden(&bob, "RBAC: nothing");
        assert!(status.message.ends_with("at the cluster scope: RBAC: nothing"), "{}", status.message);
    }
}
