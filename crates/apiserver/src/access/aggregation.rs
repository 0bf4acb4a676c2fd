//! Cluster roles that are made of other ones.
//!
//! In a real cluster a controller writes the rules of such a role some time later. Here the write of any cluster role
//! is answered when all roles made of it have been written.

use pilothouse_machinery::{LabelSelector, ObjectKey, StatusReason};
use serde_json::Value;

use super::policy::GROUP;
use crate::ApiServer;
use crate::kind::Kind;
use crate::kinds::field::list;
use crate::verbs::{Author, Target, Update, update_object};

/// Writes the rules of all cluster roles that are made of others, where they have changed.
pub(super) fn aggregate(server: &ApiServer) {
    let Some(kind) = server.registry().get(GROUP, "v1", "clusterroles") else { return };
    let roles: Vec<Value> =
        server.store().snapshot(&kind).objects.values().map(|role| role.value(&kind)).collect();
    for role in roles.iter().filter(|role| !role["aggregationRule"].is_null()) {
        let rules = collected(role, &roles);
        if rules != list(role, "/rules") {
            write(server, &kind, role, rules);
        }
    }
}

/// The rules of the roles that `role` selects, each once: by selector, then by name.
fn collected(role: &Value, roles: &[Value]) -> Vec<Value> {
    let mut rules: Vec<Value> = Vec::new();
    for selector in list(role, "/aggregationRule/clusterRoleSelectors") {
        let Ok(selector) = LabelSelector::from_json(selector) else { continue };
        let selected = |other: &&Value| {
            other["metadata"]["name"] != role["metadata"]["name"]
                && selector.matches(|label| other["metadata"]["labels"][label].as_str())
        };
        for rule in roles.iter().filter(selected).flat_map(|other| list(other, "/rules")) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    rules
}

fn write(server: &ApiServer, kind: &Kind, role: &Value, rules: Vec<Value>) {
    let name = role["metadata"]["name"].as_str().unwrap_or_default();
    let author = Author { manager: "clusterrole-aggregation-controller".into(), ..Author::server(server) };
    let update = Update { kind, key: ObjectKey::cluster(name), target: Target::Any, author, patches: true };
    let rules = Value::from(rules);
    let written = update_object(server, &update, &mut |old| {
        let mut new = old.clone();
        // Somebody may have made it a role of its own rules since.
        if !new["aggregationRule"].is_null() {
            new["rules"] = rules.clone();
        }
        Ok(new)
    });
    match written {
        Err(status) if status.reason != StatusReason::NotFound => {
            tracing::error!(role = name, error = %status, "cannot write the rules of an aggregated role");
        }
        _ => {}
    }
}
