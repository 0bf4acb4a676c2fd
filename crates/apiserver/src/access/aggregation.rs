//! Cluster roles that are made of other ones.
//!
//! In a real cluster a controller writes the rules of such a role some time later. Here the write of any cluster role
//! is answered when all roles made of it have been written.

use std::sync::Arc;

use pilothouse_machinery::{LabelSelector, ObjectKey, StatusReason};
use serde_json::Value;

use super::policy::GROUP;
use crate::ApiServer;
use crate::kind::Kind;
use crate::kinds::field::list;
use crate::store::{Objects, StoredObject};
use crate::verbs::{Author, Target, Update, update_object};

/// Writes the rules of all cluster roles that are made of others, where they have changed. Only these and what they
/// select are decoded.
pub(super) fn aggregate(server: &ApiServer) {
    let Some(kind) = server.registry().get(GROUP, "v1", "clusterroles") else { return };
    let roles = server.store().snapshot(&kind).objects;
    for role in roles.values().filter(|role| may_aggregate(role)) {
        let role = role.value(&kind);
        if role["aggregationRule"].is_null() {
            continue;
        }
        let rules = collected(&kind, &role, &roles);
        if rules != list(&role, "/rules") {
            write(server, &kind, &role, rules);
        }
    }
}

/// Whether the text has the word at all: nearly all roles have not.
fn may_aggregate(role: &StoredObject) -> bool {
    str::from_utf8(role.stored_bytes()).is_ok_and(|text| text.contains("\"aggregationRule\""))
}

/// The rules of the roles that `role` selects, each once: by selector, then by name.
fn collected(kind: &Kind, role: &Value, roles: &Objects) -> Vec<Value> {
    let mut rules: Vec<Value> = Vec::new();
    let own = role["metadata"]["name"].as_str().unwrap_or_default();
    for selector in list(role, "/aggregationRule/clusterRoleSelectors") {
        let Ok(selector) = LabelSelector::from_json(selector) else { continue };
        let selected = |other: &&Arc<StoredObject>| {
            &*other.key().name != own && selector.matches(|label| other.label(label))
        };
        for other in roles.values().filter(selected) {
            for rule in list(&other.value(kind), "/rules") {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
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
