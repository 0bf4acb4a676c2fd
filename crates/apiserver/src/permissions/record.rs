//! From requests to grants.

use std::collections::BTreeMap;

use super::{Grant, GrantTarget, ServiceAccount};
use crate::RequestRecord;
use crate::request::{Query, ResourcePath, parse_path};

/// Paths that every authenticated user may read: the default role `system:discovery`.
const DISCOVERY: [&str; 7] = ["/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version"];

/// Reviews of oneself that every authenticated user may create: the default role `system:basic-user`.
const ABOUT_ONESELF: [&str; 3] =
    ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"];

/// What the requests of `account` needed, each with the first request that did.
pub(super) fn grants(account: &ServiceAccount, records: &[RequestRecord]) -> BTreeMap<Grant, String> {
    let user = account.user();
    let own: Vec<_> = records
        .iter()
        .filter(|record| record.user == user)
        .map(|record| (record, parse_path(&record.path)))
        .collect();
    let looks_everywhere = own.iter().any(|(record, path)| {
        matches!(&*record.verb, "list" | "watch")
            && path.as_ref().is_some_and(|path| path.namespace.is_none())
    });
    let mut found: BTreeMap<Grant, String> = BTreeMap::new();
    for (record, path) in &own {
        let place = |path: &ResourcePath| {
            let namespace = path.namespace.clone()?;
            (!looks_everywhere || namespace == account.namespace).then_some(namespace)
        };
        for grant in needed(account, record, path.as_ref(), place) {
            found.entry(grant).or_insert_with(|| said(record));
        }
    }
    // What a cluster role gives, a role need not repeat.
    let everywhere: Vec<Grant> = found.keys().filter(|grant| grant.namespace.is_none()).cloned().collect();
    found.retain(|grant, _| grant.namespace.is_none() || !everywhere.iter().any(|wide| wide.covers(grant)));
    found
}

fn needed(
    account: &ServiceAccount,
    record: &RequestRecord,
    path: Option<&ResourcePath>,
    place: impl Fn(&ResourcePath) -> Option<String>,
) -> Vec<Grant> {
    let verb = record.verb.clone();
    let Some(path) = path else {
        let below = |open: &str| {
            record.path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let open = record.path == "/" || DISCOVERY.iter().any(|open| below(open));
        let target = GrantTarget::Path(record.path.clone());
        return if open { Vec::new() } else { vec![Grant { namespace: None, target, verb }] };
    };
    if ABOUT_ONESELF.contains(&&*path.plural) {
        return Vec::new();
    }
    // Below a subresource the path is the pod's or the service's own: `pods/web/proxy/index.html`.
    let part = path.subresource.as_deref().and_then(|rest| rest.split('/').next());
    let resource = part.map_or_else(|| path.plural.clone(), |part| format!("{}/{part}", path.plural));
    let grant = |verb: String, name: Option<String>| Grant {
        namespace: place(path),
        target: GrantTarget::Resource { group: path.group.clone(), resource: resource.clone(), name },
        verb,
    };
    let name = named(record, path).filter(|_| is_configuration(account, path));
    let mut needed = vec![grant(verb, name)];
    if record.code == Some(201) && matches!(&*record.verb, "patch" | "update") {
        // No rule can name what is yet to be created.
        needed.push(grant("create".into(), None));
    }
    needed
}

/// The one object that a request is about. A list or watch of one name is authorised by name, too.
fn named(record: &RequestRecord, path: &ResourcePath) -> Option<String> {
    let selected = || {
        let query = Query::parse(&record.query);
        let selector = query.get("fieldSelector")?.to_owned();
        let name = selector.split(',').find_map(|term| term.strip_prefix("metadata.name="))?;
        Some(name.trim_start_matches('=').to_owned())
    };
    path.name.clone().or_else(selected)
}

/// Whether the names of these objects are configuration, the same at each run: Leases that the program elects its
/// leader with.
fn is_configuration(account: &ServiceAccount, path: &ResourcePath) -> bool {
    path.group == "coordination.k8s.io"
        && path.plural == "leases"
        && path.namespace.as_ref() == Some(&account.namespace)
}

fn said(record: &RequestRecord) -> String {
    let RequestRecord { verb, path, code, .. } = record;
    code.map_or_else(|| format!("{verb} {path}"), |code| format!("{verb} {path}: {code}"))
}
