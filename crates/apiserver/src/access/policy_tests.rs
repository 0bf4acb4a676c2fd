//! Decisions are those of a naive look at all bindings, whatever was written, changed and deleted before.

use pilothouse_machinery::{Environment, ObjectKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::policy::GROUP;
use super::rule::rules_of;
use super::user::SERVICE_ACCOUNT;
use super::{Attributes, Authorization, Decision, User, decide};
use crate::request::DeleteOptions;
use crate::verbs::{Author, Target, Update, create_object, delete_object, update_object};
use crate::{ApiServer, ApiServerBuilder};

const NAMESPACES: [&str; 2] = ["default", "kube-system"];

/// A write to one of a few roles and bindings.
#[derive(Clone, Debug)]
struct Write {
    /// 0, 1: role or binding of a namespace; 2: of the cluster.
    scope: usize,
    name: &'static str,
    /// `None` deletes.
    content: Option<Content>,
}

#[derive(Clone, Debug)]
enum Content {
    Role(Vec<Value>),
    Binding { role_kind: &'static str, role: &'static str, subjects: Vec<Value> },
}

fn pick(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

fn words(words: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(pick(words), 1..3)
}

fn rule() -> impl Strategy<Value = Value> {
    let verbs = || words(&["get", "list", "*", "update"]);
    let resources = words(&["pods", "pods/status", "*", "*/status", "secrets"]);
    let names = prop::option::of(words(&["a", "b"]));
    let resource_rule = (verbs(), words(&["", "apps", "*"]), resources, names).prop_map(
        |(verbs, groups, resources, names)| {
            let mut rule = json!({"verbs": verbs, "apiGroups": groups, "resources": resources});
            if let Some(names) = names {
                rule["resourceNames"] = json!(names);
            }
            rule
        },
    );
    let path_rule = (verbs(), words(&["/metrics", "/logs/*", "*"]))
        .prop_map(|(verbs, paths)| json!({"verbs": verbs, "nonResourceURLs": paths}));
    prop_oneof![4 => resource_rule, 1 => path_rule]
}

fn subject() -> impl Strategy<Value = Value> {
    prop_oneof![
        pick(&["ann", "bob"]).prop_map(|name| json!({"kind": "User", "apiGroup": GROUP, "name": name})),
        pick(&["dev", "system:authenticated"])
            .prop_map(|name| json!({"kind": "Group", "apiGroup": GROUP, "name": name})),
        (pick(&["default", "kube-system"]), pick(&["web", "job"])).prop_map(|(namespace, name)| json!({
            "kind": "ServiceAccount", "namespace": namespace, "name": name
        })),
        pick(&["web", "job"]).prop_map(|name| json!({"kind": "ServiceAccount", "name": name})),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let role = prop::collection::vec(rule(), 0..3).prop_map(Content::Role);
    let subjects = prop::collection::vec(subject(), 0..3);
    let binding = (pick(&["Role", "ClusterRole"]), pick(&["x", "y", "z"]), subjects)
        .prop_map(|(role_kind, role, subjects)| Content::Binding { role_kind, role, subjects });
    let content = prop::option::weighted(0.8, prop_oneof![role, binding]);
    (0..3_usize, pick(&["x", "y", "z"]), content).prop_map(|(scope, name, content)| Write {
        scope,
        name,
        content,
    })
}

fn asked() -> impl Strategy<Value = Attributes> {
    let resource = (
        pick(&["get", "list", "update"]),
        pick(&["", "apps"]),
        pick(&["pods", "secrets"]),
        pick(&["", "status", "scale"]),
        pick(&["", "default", "kube-system"]),
        pick(&["", "a", "b"]),
    )
        .prop_map(|(verb, group, resource, subresource, namespace, name)| Attributes {
            verb: verb.into(),
            group: group.into(),
            version: "v1".into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: namespace.into(),
            name: name.into(),
            path: String::new(),
        });
    let path =
        (pick(&["get", "update"]), pick(&["/metrics", "/logs/a", "/logs"])).prop_map(|(verb, path)| {
            Attributes { verb: verb.into(), path: path.into(), ..Attributes::default() }
        });
    prop_oneof![4 => resource, 1 => path]
}

fn user() -> impl Strategy<Value = User> {
    prop_oneof![
        pick(&["ann", "bob"]).prop_map(User::new),
        pick(&["ann", "eve"]).prop_map(|name| User::new(name).with_group("dev")),
        (pick(&["default", "kube-system"]), pick(&["web", "job"]))
            .prop_map(|(namespace, name)| User::service_account(namespace, name)),
        Just(User::new(format!("{SERVICE_ACCOUNT}:web"))),
    ]
    .prop_map(User::let_in)
}

fn perform(server: &ApiServer, write: &Write) {
    let namespace = NAMESPACES.get(write.scope).copied();
    let roles = if namespace.is_some() { "roles" } else { "clusterroles" };
    let bindings = if namespace.is_some() { "rolebindings" } else { "clusterrolebindings" };
    let key = ObjectKey::new(namespace.unwrap_or_default(), write.name);
    let kind = |plural: &str| server.registry().get(GROUP, "v1", plural).unwrap();
    let (kind, mut object) = match &write.content {
        None => {
            for plural in [roles, bindings] {
                _ = delete_object(server, &kind(plural), &key, &DeleteOptions::default());
            }
            return;
        }
        Some(Content::Role(rules)) => (kind(roles), json!({"rules": rules})),
        Some(Content::Binding { role_kind, role, subjects }) => {
            let role_kind = if namespace.is_some() { role_kind } else { "ClusterRole" };
            let role = json!({"apiGroup": GROUP, "kind": role_kind, "name": role});
            (kind(bindings), json!({"roleRef": role, "subjects": subjects}))
        }
    };
    object["metadata"] = json!({"name": write.name});
    object["kind"] = Value::from(&*kind.resource.kind);
    object["apiVersion"] = kind.resource.api_version().into();
    // Some are refused, which is fine here: a cluster binding of an account without a namespace, another role.
    let author = Author::server(server);
    if server.store().get(&kind, &key).is_some() {
        let update = Update { kind: &kind, key, target: Target::Object, author, patches: false };
        _ = update_object(server, &update, &mut |_| Ok(object.clone()));
    } else {
        _ = create_object(server, &kind, namespace, object, &author);
    }
}

fn objects(server: &ApiServer, plural: &str) -> Vec<Value> {
    let kind = server.registry().get(GROUP, "v1", plural).unwrap();
    server.store().snapshot(&kind).objects.values().map(|object| object.value(&kind)).collect()
}

/// Looks at each binding and each role in turn.
fn naive(server: &ApiServer, user: &User, asked: &Attributes) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut bindings = objects(server, "clusterrolebindings");
    let here =
        |binding: &Value| !asked.namespace.is_empty() && binding["metadata"]["namespace"] == *asked.namespace;
    bindings.extend(objects(server, "rolebindings").into_iter().filter(here));
    bindings.iter().any(|binding| {
        let home = text(&binding["metadata"]["namespace"]);
        let mut subjects = binding["subjects"].as_array().into_iter().flatten();
        let meant = subjects.any(|subject| match (&*text(&subject["kind"]), text(&subject["name"])) {
            ("User", name) => user.name() == name,
            ("Group", name) => user.groups().contains(&name),
            (_, name) => {
                let given = text(&subject["namespace"]);
                let namespace = if given.is_empty() { home.clone() } else { given };
                !namespace.is_empty() && user.name() == format!("{SERVICE_ACCOUNT}{namespace}:{name}")
            }
        });
        let (kind, name) = (text(&binding["roleRef"]["kind"]), &binding["roleRef"]["name"]);
        let plural = if kind == "Role" { "roles" } else { "clusterroles" };
        let given = |role: &&Value| {
            role["metadata"]["name"] == *name && (kind != "Role" || role["metadata"]["namespace"] == *home)
        };
        meant
            && objects(server, plural)
                .iter()
                .find(given)
                .is_some_and(|role| rules_of(role).iter().any(|rule| rule.allows(asked)))
    })
}

fn server() -> ApiServer {
    let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
    let builder: ApiServerBuilder = ApiServer::builder();
    builder.environment(Environment::simulated(1, epoch)).authorization(Authorization::Rbac).build()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn au2_decisions_are_those_of_a_naive_look_at_all_bindings(
        writes in prop::collection::vec(write(), 1..25),
        questions in prop::collection::vec((user(), asked()), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _guard = runtime.enter();
        let server = server();
        for write in &writes {
            perform(&server, write);
            for (user, asked) in &questions {
                let found = decide(&server, user, asked);
                let expected = naive(&server, user, asked);
                prop_assert_eq!(found.allowed, expected, "{:?} {:?} {:?}", user, asked, found);
                prop_assert_eq!(found.allowed, found.reason.starts_with("RBAC: allowed by"));
            }
        }
    }
}

#[tokio::test]
async fn au2_masters_are_above_roles_and_all_is_allowed_without_rbac() {
    let asked = Attributes { verb: "get".into(), resource: "pods".into(), ..Attributes::default() };
    let allowed = Decision { allowed: true, reason: String::new() };
    assert_eq!(decide(&server(), &User::admin(), &asked), allowed);
    assert_eq!(decide(&server(), &User::new("bob").let_in(), &asked), Decision::default());
    assert_eq!(decide(&ApiServer::builder().build(), &User::new("bob").let_in(), &asked), allowed);
}
