//! From requests to grants.

use std::collections::BTreeMap;

use super::{Grant, GrantTarget, ServiceAccount};
use crate::RequestRecord;
use crate::access::{Attributes, PolicyRule, account_of_user, rules_of_every_account};

/// What the requests of `account` needed, each with the first request that did.
pub(super) fn grants(account: &ServiceAccount, records: &[RequestRecord]) -> BTreeMap<Grant, String> {
    let user = account.user();
    let own = || records.iter().filter(|record| record.user == user);
    let looks_everywhere = own().any(|record| {
        let looks = matches!(&*record.verb, "list" | "watch");
        looks && !record.resource.is_empty() && record.namespace.is_empty() && record.name.is_empty()
    });
    let is_place = |namespace: &str| !looks_everywhere || namespace == account.namespace;
    let open = rules_of_every_account();
    let mut found: BTreeMap<Grant, String> = BTreeMap::new();
    for record in own() {
        let namespace = Some(&record.namespace).filter(|name| !name.is_empty() && is_place(name));
        for grant in needed(account, record, namespace, &open) {
            found.entry(grant).or_insert_with(|| said(record));
        }
    }
    for record in records.iter().filter(|record| record.impersonator == user) {
        found.entry(impersonation(record, is_place)).or_insert_with(|| said(record));
    }
    // What a cluster role gives, a role need not repeat.
    let everywhere: Vec<Grant> = found.keys().filter(|grant| grant.namespace.is_none()).cloned().collect();
    found.retain(|grant, _| grant.namespace.is_none() || !everywhere.iter().any(|wide| wide.covers(grant)));
    found
}

/// What a request needs, where its rights are given in `namespace`.
fn needed(
    account: &ServiceAccount,
    record: &RequestRecord,
    namespace: Option<&String>,
    open: &[PolicyRule],
) -> Vec<Grant> {
    let asked = asked(record);
    if open.iter().any(|rule| rule.allows(&asked)) {
        return Vec::new();
    }
    let RequestRecord { verb, group, resource, subresource, path, .. } = record;
    if resource.is_empty() {
        let target = GrantTarget::Path(path.clone());
        return vec![Grant { namespace: None, target, verb: verb.clone() }];
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

fn asked(record: &RequestRecord) -> Attributes {
    Attributes {
        verb: record.verb.clone(),
        group: record.group.clone(),
        version: record.version.clone(),
        resource: record.resource.clone(),
        subresource: record.subresource.clone(),
        namespace: record.namespace.clone(),
        name: record.name.clone(),
        path: record.path.clone(),
    }
}

/// What a request in the name of somebody else needs: to be this one, never anybody. What was said about them beside
/// their name is not in the record.
fn impersonation(record: &RequestRecord, is_place: impl Fn(&str) -> bool) -> Grant {
    let account = account_of_user(&record.user);
    let (namespace, resource, name) = match account {
        Some((namespace, name)) => (Some(namespace), "serviceaccounts", name),
        None => (None, "users", &*record.user),
    };
    let target = GrantTarget::Resource {
        group: String::new(),
        resource: resource.to_owned(),
        name: Some(name.to_owned()),
    };
    let namespace = namespace.filter(|namespace| is_place(namespace)).map(str::to_owned);
    Grant { namespace, target, verb: "impersonate".to_owned() }
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
