//! Nobody gives rights that they do not have.
//!
//! The checks of `k8s.io/kubernetes/pkg/registry/rbac`, in its words: whoever writes a role must hold its rules, or be
//! allowed to `escalate` it; whoever writes a binding must hold the rules of its role, or be allowed to `bind` it.

use pilothouse_machinery::{Status, StatusReason};
use serde_json::Value;

use super::policy::GROUP;
use super::rule::{missing, rules_of};
use super::user::MASTERS;
use super::{Attributes, PolicyRule, User, decide, rules_for};
use crate::ApiServer;
use crate::kind::Kind;
use crate::kinds::field::text;

/// Refuses a role that gives more than `user` has.
pub(super) fn check_role(
    server: &ApiServer,
    kind: &Kind,
    user: &User,
    role: &Value,
    old: Option<&Value>,
) -> Result<(), Status> {
    let name = text(role, "/metadata/name");
    let namespace = text(role, "/metadata/namespace");
    let plural = &kind.resource.plural;
    if user.is_in(MASTERS) || may(server, user, "escalate", plural, namespace, name) {
        return Ok(());
    }
    if old.is_some_and(|old| only_collected(role, old)) {
        return Ok(());
    }
    confirm(server, user, namespace, &rules_of(role)).map_err(|why| forbidden(kind, name, &why))?;
    let aggregates = |role: &Value| !role["aggregationRule"].is_null();
    if !aggregates(role) && !old.is_some_and(aggregates) {
        return Ok(());
    }
    let everything = [PolicyRule::resources(&["*"], &["*"], &["*"]), PolicyRule::paths(&["*"], &["*"])];
    let why = "must have cluster-admin privileges to use an aggregationRule";
    confirm(server, user, namespace, &everything).map_err(|_| forbidden(kind, name, why))
}

/// Refuses a binding of a role that gives more than `user` has.
pub(super) fn check_binding(
    server: &ApiServer,
    kind: &Kind,
    user: &User,
    binding: &Value,
    old: Option<&Value>,
) -> Result<(), Status> {
    let name = text(binding, "/metadata/name");
    let namespace = text(binding, "/metadata/namespace");
    let (role_kind, role) = (text(binding, "/roleRef/kind"), text(binding, "/roleRef/name"));
    let plural = if role_kind == "Role" { "roles" } else { "clusterroles" };
    if user.is_in(MASTERS) || old.is_some_and(|old| only_collected(binding, old)) {
        return Ok(());
    }
    if may(server, user, "bind", plural, namespace, role) {
        return Ok(());
    }
    let role_namespace = if role_kind == "Role" { namespace } else { "" };
    let rules = server.policy().rules(server.store(), role_kind, role_namespace, role);
    let rules = rules.map_err(|message| {
        Status::failure(StatusReason::NotFound, message).about(GROUP, &role_kind.to_lowercase(), role)
    })?;
    confirm(server, user, namespace, &rules).map_err(|why| forbidden(kind, name, &why))
}

fn forbidden(kind: &Kind, name: &str, why: &str) -> Status {
    Status::forbidden(&kind.resource.group, &kind.resource.plural, name, why)
}

fn may(server: &ApiServer, user: &User, verb: &str, resource: &str, namespace: &str, name: &str) -> bool {
    let asked = Attributes {
        verb: verb.into(),
        group: GROUP.into(),
        version: "v1".into(),
        resource: resource.into(),
        namespace: namespace.into(),
        name: name.into(),
        ..Attributes::default()
    };
    decide(server, user, &asked).allowed
}

/// That `user` has `rules` in `namespace`; what is missing otherwise.
fn confirm(server: &ApiServer, user: &User, namespace: &str, rules: &[PolicyRule]) -> Result<(), String> {
    let (owned, problems) = rules_for(server, user, namespace);
    let lines = missing(&owned, rules);
    if lines.is_empty() {
        return Ok(());
    }
    let groups: Vec<_> = user.groups().iter().map(|group| format!("{group:?}")).collect();
    let mut why = format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name(),
        groups.join(" "),
        lines.join("\n")
    );
    if !problems.is_empty() {
        why = format!("{why}; resolution errors: [{}]", problems.join(" "));
    }
    Err(why)
}

/// Whether an update only changes what garbage collection needs.
fn only_collected(new: &Value, old: &Value) -> bool {
    let rest = |object: &Value| {
        let mut object = object.clone();
        for member in ["ownerReferences", "finalizers", "managedFields", "resourceVersion"] {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove(member);
            }
        }
        object
    };
    rest(new) == rest(old)
}
