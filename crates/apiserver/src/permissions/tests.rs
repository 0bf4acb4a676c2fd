//! From requests to a manifest and back.

use std::collections::BTreeSet;

use http::Method;
use proptest::prelude::*;

use super::{Grant, GrantTarget, ManifestError, Permissions, ServiceAccount};
use crate::RequestRecord;
use crate::access::Attributes;
use crate::request::parse_path;

fn account() -> ServiceAccount {
    ServiceAccount::new("system", "operator")
}

/// A request of the account: `verb path?query code`.
fn request(text: &str) -> RequestRecord {
    let mut words = text.split(' ');
    let verb = words.next().unwrap().to_owned();
    let (path, query) = words.next().map(|path| path.split_once('?').unwrap_or((path, ""))).unwrap();
    let asked = Attributes::of(&Method::GET, path, query, parse_path(path).as_ref());
    RequestRecord {
        verb,
        group: asked.group,
        resource: asked.resource,
        subresource: asked.subresource,
        namespace: asked.namespace,
        name: asked.name,
        path: path.to_owned(),
        user: account().user(),
        code: words.next().map(|code| code.parse().unwrap()),
        ..RequestRecord::default()
    }
}

fn recorded(requests: &[&str]) -> Permissions {
    let records: Vec<_> = requests.iter().map(|text| request(text)).collect();
    Permissions::recorded(&account(), &records)
}

fn said(permissions: &Permissions) -> Vec<String> {
    permissions.grants().map(ToString::to_string).collect()
}

#[test]
fn z1_only_requests_of_the_account_count_whatever_they_were_answered() {
    let mut others = request("delete /api/v1/namespaces/default/secrets/a 200");
    others.user = "system:serviceaccount:system:other".into();
    let own = request("get /api/v1/namespaces/default/secrets/a 403");
    let wide = request("watch /api/v1/secrets?watch=1");
    let permissions = Permissions::recorded(&account(), &[others, own, wide]);
    assert_eq!(said(&permissions), ["get secrets everywhere", "watch secrets everywhere"]);
}

#[test]
fn z1_namespaces_are_examples_for_who_looks_everywhere_and_its_own_is_not() {
    let some = [
        "create /apis/apps/v1/namespaces/a/deployments 201",
        "delete /api/v1/namespaces/system/configmaps/x 200",
        "get /apis/apps/v1/namespaces/system/deployments/x 200",
        "get /apis/apps/v1/namespaces/a/deployments/x 200",
    ];
    let confined = recorded(&some);
    let expected = [
        "create deployments.apps in a",
        "get deployments.apps in a",
        "delete configmaps in system",
        "get deployments.apps in system",
    ];
    assert_eq!(said(&confined).into_iter().collect::<BTreeSet<_>>(), expected.map(str::to_owned).into());
    let everywhere = recorded(&[&some[..], &["list /apis/apps/v1/deployments 200"]].concat());
    let expected = [
        "create deployments.apps everywhere",
        "get deployments.apps everywhere",
        "list deployments.apps everywhere",
        "delete configmaps in system",
    ];
    assert_eq!(said(&everywhere), expected);
}

#[test]
fn z1_writes_that_create_subresources_and_reviews_need_what_the_server_asks_for() {
    let permissions = recorded(&[
        "patch /apis/apps/v1/namespaces/a/deployments/x 201",
        "update /apis/apps/v1/namespaces/a/deployments/x/scale 200",
        "get /api/v1/namespaces/a/pods/x/proxy/index.html 200",
        "create /apis/authentication.k8s.io/v1/tokenreviews 201",
        "create /apis/authorization.k8s.io/v1/selfsubjectaccessreviews 201",
        "get /api/v1 200",
        "get /version 200",
        "get /apis 200",
        "get /openid/v1/jwks 200",
        "get /livez/ping 200",
        "get /version/x 404",
        "get / 404",
        "post /version 405",
        "get /metrics/cadvisor 200",
        "patch /apis/example.com/v1/namespaces/a/selfsubjectreviews/x 200",
    ]);
    let expected = [
        "create tokenreviews.authentication.k8s.io everywhere",
        "get / everywhere",
        "get /livez/ping everywhere",
        "get /metrics/cadvisor everywhere",
        "post /version everywhere",
        "get /version/x everywhere",
        "get pods/proxy in a",
        "create deployments.apps in a",
        "patch deployments.apps in a",
        "update deployments.apps/scale in a",
        "patch selfsubjectreviews.example.com in a",
    ];
    assert_eq!(said(&permissions), expected);
}

#[test]
fn z1_only_leases_in_the_own_namespace_are_granted_by_name_and_creating_them_is_not() {
    let leases = "/apis/coordination.k8s.io/v1/namespaces";
    let permissions = recorded(&[
        &format!("create {leases}/system/leases 201"),
        &format!("update {leases}/system/leases/lock 200"),
        &format!("watch {leases}/system/leases?watch=1&fieldSelector=metadata.name%3Dlock 200"),
        &format!("update {leases}/a/leases/other 200"),
        "get /api/v1/namespaces/system/configmaps/x 200",
    ]);
    let expected = [
        "update leases.coordination.k8s.io in a",
        "get configmaps in system",
        "create leases.coordination.k8s.io in system",
        "update leases.coordination.k8s.io \"lock\" in system",
        "watch leases.coordination.k8s.io \"lock\" in system",
    ];
    assert_eq!(said(&permissions), expected);
}

#[test]
fn z1_the_manifest_groups_what_is_granted_alike_and_is_always_the_same() {
    let requests = [
        "list /apis/apps/v1/deployments 200",
        "list /apis/apps/v1/replicasets 200",
        "list /api/v1/pods 200",
        "get /apis/apps/v1/namespaces/a/deployments/x/scale 200",
        "create /apis/coordination.k8s.io/v1/namespaces/system/leases 201",
        "get /apis/coordination.k8s.io/v1/namespaces/system/leases/lock 200",
    ];
    let manifest = recorded(&requests).manifest();
    let rules = "\
rules:
  - apiGroups: [\"\"]
    resources: [\"pods\"]
    verbs: [\"list\"]
  - apiGroups: [\"apps\"]
    resources: [\"deployments\", \"replicasets\"]
    verbs: [\"list\"]
  - apiGroups: [\"apps\"]
    resources: [\"deployments/scale\"]
    verbs: [\"get\"]
---
";
    assert!(manifest.contains(rules), "{manifest}");
    let rules = "\
    resources: [\"leases\"]
    verbs: [\"create\"]
  - apiGroups: [\"coordination.k8s.io\"]
    resources: [\"leases\"]
    resourceNames: [\"lock\"]
    verbs: [\"get\"]
";
    assert!(manifest.contains(rules), "{manifest}");
    let mut reversed = requests.repeat(2);
    reversed.reverse();
    assert_eq!(recorded(&reversed).manifest(), manifest);
}

#[test]
fn z1_surplus_and_lack_are_told_with_a_request_that_needs_what_is_missing() {
    let wanted = recorded(&["list /api/v1/pods 200", "delete /api/v1/namespaces/a/pods/x 404"]);
    let manifest = wanted.manifest();
    assert!(wanted.compare(&Permissions::in_manifest(&account(), &manifest).unwrap()).is_ok());
    let other = manifest.replace("\"delete\"", "\"update\"").replace("[\"pods\"]", "[\"pods\", \"secrets\"]");
    let granted = Permissions::in_manifest(&account(), &other).unwrap();
    let difference = wanted.compare(&granted).unwrap_err();
    let expected = "\
system/operator has 3 grants too much and 1 too few
  - update pods everywhere
  - list secrets everywhere
  - update secrets everywhere
  + delete pods everywhere    (delete /api/v1/namespaces/a/pods/x: 404)";
    assert_eq!(difference.to_string(), expected);
    let any = manifest.replace("[\"delete\", \"list\"]", "[\"*\"]");
    let difference = wanted.compare(&Permissions::in_manifest(&account(), &any).unwrap()).unwrap_err();
    assert_eq!((difference.surplus().len(), difference.lack().count()), (1, 0), "{difference}");
}

#[test]
fn z1_roles_count_only_where_they_are_bound_to_the_account() {
    let wanted = recorded(&["list /api/v1/namespaces/a/pods 200"]);
    let manifest = wanted.manifest();
    let unbound = manifest
        .replace("kind: ServiceAccount\n    name: \"operator\"", "kind: User\n    name: \"operator\"");
    assert_ne!(unbound, manifest);
    assert_eq!(Permissions::in_manifest(&account(), &unbound).unwrap().grants().count(), 0);
    let dangling = manifest.replace(
        "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n",
        "roleRef:\n  kind: ClusterRole\n",
    );
    let error = Permissions::in_manifest(&account(), &dangling).unwrap_err();
    assert!(
        matches!(&error, ManifestError::UnknownRole { role, .. } if role == "ClusterRole operator"),
        "{error}"
    );
    let error = Permissions::in_manifest(&account(), "a: [").unwrap_err();
    assert_eq!(error.reason(), "Syntax", "{error}");
}

#[test]
fn z1_who_acts_in_the_name_of_others_needs_the_right_to() {
    let mut records = Vec::new();
    for (user, path) in [
        ("ann", "get /api/v1/namespaces/a/pods/x 200"),
        ("system:serviceaccount:a:web", "get /api/v1/namespaces/a/pods/x 200"),
    ] {
        let mut record = request(path);
        record.impersonator = std::mem::replace(&mut record.user, user.into());
        records.push(record);
    }
    let expected = ["impersonate users \"ann\" everywhere", "impersonate serviceaccounts \"web\" in a"]
        .map(str::to_owned);
    assert_eq!(said(&Permissions::recorded(&account(), &records)), expected);
}

#[test]
fn z1_a_role_counts_by_whatever_name_the_account_is_bound_to_it() {
    let wanted = recorded(&["list /api/v1/namespaces/a/pods 200"]);
    let manifest = |subject: &str| {
        format!(
            "
kind: Role
metadata: {{name: r, namespace: system}}
rules: [{{apiGroups: [\"\"], resources: [pods], verbs: [list]}}]
---
kind: RoleBinding
metadata: {{name: r, namespace: system}}
roleRef: {{kind: Role, name: r}}
subjects: [{subject}]
"
        )
    };
    for (subject, bound) in [
        ("{kind: ServiceAccount, name: operator, namespace: system}", true),
        ("{kind: ServiceAccount, name: operator}", true),
        ("{kind: ServiceAccount, name: operator, namespace: a}", false),
        ("{kind: User, name: 'system:serviceaccount:system:operator'}", true),
        ("{kind: Group, name: 'system:serviceaccounts'}", true),
        ("{kind: Group, name: 'system:serviceaccounts:system'}", true),
        ("{kind: Group, name: 'system:serviceaccounts:a'}", false),
        ("{kind: Group, name: 'system:authenticated'}", true),
        ("{kind: Group, name: 'system:unauthenticated'}", false),
    ] {
        let granted = Permissions::in_manifest(&account(), &manifest(subject)).unwrap();
        assert_eq!(said(&granted), if bound { vec!["list pods in system"] } else { vec![] }, "{subject}");
        let more = format!("{}\n---{}", wanted.manifest(), manifest(subject));
        let granted = Permissions::in_manifest(&account(), &more).unwrap();
        assert_eq!(wanted.compare(&granted).is_err(), bound, "{subject}");
    }
    let nowhere = manifest("{kind: ServiceAccount, name: operator, namespace: system}")
        .replace(", namespace: system}\nr", "}\nr");
    let granted = Permissions::in_manifest(&account(), &nowhere).unwrap();
    assert_eq!(said(&granted), ["list pods in default"]);
}

#[test]
fn z1_a_check_fails_on_a_file_that_differs_or_is_missing_and_rewrites_it_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rbac.yaml");
    let wanted = recorded(&["list /api/v1/pods 200"]);
    assert_eq!(wanted.check(&file, false).unwrap_err().reason(), "Read");
    wanted.check(&file, true).unwrap();
    wanted.check(&file, false).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), wanted.manifest());
    let more = recorded(&["list /api/v1/pods 200", "watch /api/v1/pods 200"]);
    let error = more.check(&file, false).unwrap_err();
    assert_eq!(error.to_string(), format!("the manifest {} differs from what was recorded", file.display()));
    let difference = std::error::Error::source(&error).unwrap().to_string();
    assert!(difference.ends_with("\n  + watch pods everywhere    (watch /api/v1/pods: 200)"), "{difference}");
    more.check(&file, true).unwrap();
    more.check(&file, false).unwrap();
}

fn grant() -> impl Strategy<Value = Grant> {
    let one_of = |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    let resource = (
        one_of(&["", "apps", "a.b"]),
        one_of(&["pods", "pods/log", "jobs"]),
        prop::option::of(one_of(&["x", "y"])),
    )
        .prop_map(|(group, resource, name)| GrantTarget::Resource { group, resource, name });
    let resources = (prop::option::of(one_of(&["a", "system"])), resource, one_of(&["get", "list", "patch"]));
    let paths =
        (Just(None), one_of(&["/metrics", "/logs"]).prop_map(GrantTarget::Path), one_of(&["get", "post"]));
    prop_oneof![4 => resources, 1 => paths].prop_map(|(namespace, target, verb)| Grant {
        namespace,
        target,
        verb,
    })
}

proptest! {
    #[test]
    fn z1_a_manifest_grants_just_what_it_was_written_from(grants in prop::collection::btree_set(grant(), 0..24)) {
        let grants = grants.into_iter().map(|grant| (grant, String::new())).collect();
        let permissions = Permissions { account: account(), grants };
        let read = Permissions::in_manifest(&account(), &permissions.manifest()).unwrap();
        prop_assert_eq!(read, permissions);
    }
}
