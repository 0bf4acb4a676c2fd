//! The roles and bindings that a server with RBAC has from the start.
//!
//! They are those of Kubernetes 1.36 (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`) for people and for discovery;
//! the roles of its own controllers and nodes are left out. `admin`, `edit` and `view` speak of the resources that this
//! server serves and of the subresources that belong to them.

use serde_json::{Value, json};

use super::PolicyRule;
use super::policy::GROUP;
use crate::ApiServer;
use crate::verbs::{Author, create_object};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Paths that tell nothing that is worth hiding.
const PUBLIC: &[&str] = &["/healthz", "/livez", "/readyz", "/version", "/version/"];

const DISCOVERY: &[&str] = &[
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
];

/// Creates the roles and bindings.
pub(crate) fn create(server: &ApiServer) {
    let roles = roles().into_iter().map(|role| ("clusterroles", role));
    let bindings = bindings().into_iter().map(|binding| ("clusterrolebindings", binding));
    for (plural, object) in roles.chain(bindings) {
        let Some(kind) = server.registry().get(GROUP, "v1", plural) else { continue };
        let name = object["metadata"]["name"].clone();
        if let Err(status) = create_object(server, &kind, None, object, &Author::server(server)) {
            tracing::error!(%name, error = %status, "cannot create an initial role or binding");
        }
    }
}

fn object(kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": kind,
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        },
    })
}

fn role(name: &str, rules: &[PolicyRule]) -> Value {
    let mut role = object("ClusterRole", name);
    role["rules"] = rules.iter().map(PolicyRule::to_value).collect();
    role
}

fn label(aggregate: &str) -> String {
    format!("rbac.authorization.k8s.io/aggregate-to-{aggregate}")
}

/// A role whose rules become part of the role `to`.
fn part(to: &str, rules: &[PolicyRule]) -> Value {
    let mut role = role(&format!("system:aggregate-to-{to}"), rules);
    role["metadata"]["labels"][label(to)] = "true".into();
    role
}

/// A role made of all roles that are labelled for it; itself part of the role `to`.
fn aggregated(name: &str, to: Option<&str>) -> Value {
    let mut role = object("ClusterRole", name);
    role["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {(label(name)): "true"}}]});
    if let Some(to) = to {
        role["metadata"]["labels"][label(to)] = "true".into();
    }
    role
}

fn roles() -> Vec<Value> {
    let rule = PolicyRule::resources;
    vec![
        role("cluster-admin", &[rule(&["*"], &["*"], &["*"]), PolicyRule::paths(&["*"], &["*"])]),
        role("system:discovery", &[discovery()]),
        role("system:public-info-viewer", &[PolicyRule::paths(&["get"], PUBLIC)]),
        role("system:basic-user", &basic_user()),
        role("system:service-account-issuer-discovery", &[issuer_discovery()]),
        part("view", &view()),
        part("edit", &edit()),
        part("admin", &admin()),
        aggregated("view", Some("edit")),
        aggregated("edit", Some("admin")),
        aggregated("admin", None),
    ]
}

fn discovery() -> PolicyRule {
    PolicyRule::paths(&["get"], DISCOVERY)
}

fn basic_user() -> [PolicyRule; 2] {
    let reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
    [
        PolicyRule::resources(&["create"], &["authorization.k8s.io"], &reviews),
        PolicyRule::resources(&["create"], &["authentication.k8s.io"], &["selfsubjectreviews"]),
    ]
}

fn issuer_discovery() -> PolicyRule {
    let paths =
        ["/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks"];
    PolicyRule::paths(&["get"], &paths)
}

/// What the initial roles let each service account do.
pub(crate) fn rules_of_every_account() -> Vec<PolicyRule> {
    let [reviews, identity] = basic_user();
    vec![discovery(), reviews, identity, issuer_discovery()]
}

fn view() -> Vec<PolicyRule> {
    let read = |group: &str, resources: &[&str]| PolicyRule::resources(READ, &[group], resources);
    vec![
        read(
            "",
            &[
                "configmaps",
                "endpoints",
                "persistentvolumeclaims",
                "persistentvolumeclaims/status",
                "pods",
                "replicationcontrollers",
                "replicationcontrollers/scale",
                "serviceaccounts",
                "services",
                "services/status",
            ],
        ),
        read(
            "",
            &[
                "bindings",
                "events",
                "limitranges",
                "namespaces/status",
                "pods/log",
                "pods/status",
                "replicationcontrollers/status",
                "resourcequotas",
                "resourcequotas/status",
            ],
        ),
        read("", &["namespaces"]),
        read("discovery.k8s.io", &["endpointslices"]),
        read(
            "apps",
            &[
                "controllerrevisions",
                "daemonsets",
                "daemonsets/status",
                "deployments",
                "deployments/scale",
                "deployments/status",
                "replicasets",
                "replicasets/scale",
                "replicasets/status",
                "statefulsets",
                "statefulsets/scale",
                "statefulsets/status",
            ],
        ),
        read("autoscaling", &["horizontalpodautoscalers", "horizontalpodautoscalers/status"]),
        read("batch", &["cronjobs", "cronjobs/status", "jobs", "jobs/status"]),
        read("policy", &["poddisruptionbudgets", "poddisruptionbudgets/status"]),
        read("networking.k8s.io", &["ingresses", "ingresses/status", "networkpolicies"]),
    ]
}

fn edit() -> Vec<PolicyRule> {
    let write = |group: &str, resources: &[&str]| PolicyRule::resources(WRITE, &[group], resources);
    let rule = PolicyRule::resources;
    vec![
        rule(
            READ,
            &[""],
            &["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"],
        ),
        rule(&["impersonate"], &[""], &["serviceaccounts"]),
        write("", &["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"]),
        rule(&["create"], &[""], &["pods/eviction"]),
        write(
            "",
            &[
                "configmaps",
                "events",
                "persistentvolumeclaims",
                "replicationcontrollers",
                "replicationcontrollers/scale",
                "secrets",
                "serviceaccounts",
                "services",
                "services/proxy",
            ],
        ),
        rule(&["create"], &[""], &["serviceaccounts/token"]),
        write(
            "apps",
            &[
                "daemonsets",
                "deployments",
                "deployments/rollback",
                "deployments/scale",
                "replicasets",
                "replicasets/scale",
                "statefulsets",
                "statefulsets/scale",
            ],
        ),
        write("autoscaling", &["horizontalpodautoscalers"]),
        write("batch", &["cronjobs", "jobs"]),
        write("policy", &["poddisruptionbudgets"]),
        write("networking.k8s.io", &["ingresses", "networkpolicies"]),
        rule(ALL, &["coordination.k8s.io"], &["leases"]),
    ]
}

fn admin() -> Vec<PolicyRule> {
    let rule = PolicyRule::resources;
    vec![
        rule(&["create"], &["authorization.k8s.io"], &["localsubjectaccessreviews"]),
        rule(ALL, &[GROUP], &["rolebindings", "roles"]),
    ]
}

fn bindings() -> Vec<Value> {
    let binding = |name: &str, groups: &[&str]| {
        let mut binding = object("ClusterRoleBinding", name);
        binding["roleRef"] = json!({"apiGroup": GROUP, "kind": "ClusterRole", "name": name});
        let subjects = groups.iter().map(|group| json!({"kind": "Group", "apiGroup": GROUP, "name": group}));
        binding["subjects"] = subjects.collect();
        binding
    };
    let (known, unknown) = (super::user::AUTHENTICATED, super::user::UNAUTHENTICATED);
    vec![
        binding("cluster-admin", &[super::user::MASTERS]),
        binding("system:discovery", &[known]),
        binding("system:basic-user", &[known]),
        binding("system:service-account-issuer-discovery", &["system:serviceaccounts"]),
        binding("system:public-info-viewer", &[known, unknown]),
    ]
}
