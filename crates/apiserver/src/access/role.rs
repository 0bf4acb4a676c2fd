//! Roles and cluster roles as resources.

use pilothouse_machinery::{Status, StatusCause};
use serde_json::Value;

use super::{User, aggregation, escalation};
use crate::ApiServer;
use crate::kind::{Kind, Strategy};
use crate::kinds::causes;
use crate::kinds::field::{is_empty, list};

/// The rules of `Role` and `ClusterRole`.
pub(crate) struct RoleStrategy;

impl Strategy for RoleStrategy {
    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let namespaced = object["kind"] == "Role";
        let rules = list(object, "/rules").iter().enumerate();
        let mut found: Vec<_> = rules
            .flat_map(|(index, rule)| validate_rule(&format!("rules[{index}]"), rule, namespaced))
            .collect();
        if !object["aggregationRule"].is_null() && is_empty(object, "/aggregationRule/clusterRoleSelectors") {
            found.push(causes::required(
                "aggregationRule.clusterRoleSelectors",
                "at least one clusterRoleSelector required if aggregationRule is non-nil",
            ));
        }
        found
    }

    fn authorize(
        &self,
        server: &ApiServer,
        kind: &Kind,
        user: &User,
        new: &Value,
        old: Option<&Value>,
    ) -> Result<(), Status> {
        escalation::check_role(server, kind, user, new, old)
    }

    fn committed(&self, server: &ApiServer, old: Option<&Value>, new: Option<&Value>) {
        if new.or(old).is_some_and(|role| role["kind"] == "ClusterRole") {
            aggregation::aggregate(server);
        }
    }
}

fn validate_rule(field: &str, rule: &Value, namespaced: bool) -> Vec<StatusCause> {
    let mut found = Vec::new();
    if is_empty(rule, "/verbs") {
        found.push(causes::required(format!("{field}.verbs"), "verbs must contain at least one value"));
    }
    if !is_empty(rule, "/nonResourceURLs") {
        let urls = || format!("{field}.nonResourceURLs");
        if namespaced {
            let detail = "namespaced rules cannot apply to non-resource URLs";
            found.push(causes::invalid(urls(), &rule["nonResourceURLs"], detail));
        }
        if !["/apiGroups", "/resources", "/resourceNames"].iter().all(|list| is_empty(rule, list)) {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            found.push(causes::invalid(urls(), &rule["nonResourceURLs"], detail));
        }
        return found;
    }
    if is_empty(rule, "/apiGroups") {
        let detail = "resource rules must supply at least one api group";
        found.push(causes::required(format!("{field}.apiGroups"), detail));
    }
    if is_empty(rule, "/resources") {
        let detail = "resource rules must supply at least one resource";
        found.push(causes::required(format!("{field}.resources"), detail));
    }
    found
}
