//! From requests to grants.

use std::collections::BTreeMap;

use super::{Grant, GrantTarget, ServiceAccount};
use crate::RequestRecord;

/// Paths that every authenticated user may read: the default role `system:discovery`.
const DISCOVERY: [&str; 7] = ["/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version"];

/// Reviews of oneself that every authenticated user may create: the default role `system:basic-user`.
const ABOUT_ONESELF: [&str; 3] =
    ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"];

/// What the requests of `account` needed, each with the first request that did.
pub(super) fn grants(account: &ServiceAccount, records: &[RequestRecord]) -> BTreeMap<Grant, String> {
    let user = account.user();
    let own = || records.iter().filter(|record| record.user == user);
    let looks_everywhere = own().any(|record| {
        let looks = matches!(&*record.verb, "list" | "watch");
        looks && !record.resource.is_empty() && record.namespace.is_empty() && record.name.is_empty()
    });
    let is_place = |namespace: &str| !looks_everywhere || namespace == account.namespace;
    let mut found: BTreeMap<Grant, String> = BTreeMap::new();
    for record in own() {
        let namespace = Some(&record.namespace).filter(|name| !name.is_empty() && is_place(name));
        for grant in needed(account, record, namespace) {
            found.entry(grant).or_insert_with(|| said(record));
        }
    }
    // What a cluster role gives, a role need not repeat.
    let everywhere: Vec<Grant> = found.keys().filter(|grant| grant.namespace.is_none()).cloned().collect();
    found.retain(|grant, _| grant.namespace.is_none() || !everywhere.iter().any(|wide| wide.covers(grant)));
    found
}

/// What a request needs, where its rights are given in `namespace`.
fn needed(account: &ServiceAccount, record: &RequestRecord, namespace: Option<&String>) -> Vec<Grant> {
    let RequestRecord { verb, group, resource, subresource, path, .. } = record;
    if resource.is_empty() {
        let below =
            |open: &str| path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let open = path == "/" || DISCOVERY.iter().any(|open| below(open));
        let target = GrantTarget::Path(path.clone());
        return if open { Vec::new() } else { vec![Grant { namespace: None, target, verb: verb.clone() }] };
    }
    if ABOUT_ONESELF.contains(&&**resource) {
        return Vec::new();
    }
    let slash = if subresource.is_empty() { "" } else { "/" };
    let grant = |verb: &str, name: Option<String>| Grant {
        namespace: namespace.cloned(),
        target: GrantTarget::Resource {
            group: group.clone(),
            resource: format!("{resource}{slash}{subresource}"),
            name,
        },
        verb: verb.to_owned(),
    };
    let name = Some(&record.name).filter(|name| !name.is_empty() && is_configuration(account, record));
    let mut needed = vec![grant(verb, name.cloned())];
    if record.code == Some(201) && matches!(&**verb, "patch" | "update") {
        // No rule can name what is yet to be created.
        needed.push(grant("create", None));
    }
    needed
}

/// Whether the name of this object is configuration, the same at each run: a Lease that the program elects its leader
/// with.
fn is_configuration(account: &ServiceAccount, record: &RequestRecord) -> bool {
    record.group == "coordination.k8s.io"
        && record.resource == "leases"
        && record.namespace == account.namespace
}

fn said(record: &RequestRecord) -> String {
    let RequestRecord { verb, path, code, .. } = record;
    code.map_or_else(|| format!("{verb} {path}"), |code| format!("{verb} {path}: {code}"))
}
