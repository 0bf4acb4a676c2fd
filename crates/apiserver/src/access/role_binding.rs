//! Role bindings and cluster role bindings as resources.

use pilothouse_machinery::{Status, StatusCause};
use serde_json::Value;

use super::policy::GROUP;
use super::{User, escalation};
use crate::ApiServer;
use crate::kind::{Kind, Strategy};
use crate::kinds::causes;
use crate::kinds::field::{list, map_under, set_default_text, text};
use crate::verbs::check_name;

/// The rules of `RoleBinding` and `ClusterRoleBinding`.
pub(crate) struct BindingStrategy;

impl Strategy for BindingStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(role) = map_under(object, &["roleRef"]) {
            set_default_text(role, "apiGroup", GROUP);
        }
        for subject in object["subjects"].as_array_mut().into_iter().flatten() {
            let named = matches!(text(subject, "/kind"), "User" | "Group");
            if let Some(subject) = subject.as_object_mut().filter(|_| named) {
                set_default_text(subject, "apiGroup", GROUP);
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let namespaced = object["kind"] == "RoleBinding";
        let mut found = validate_role(object, namespaced);
        for (index, subject) in list(object, "/subjects").iter().enumerate() {
            found.extend(validate_subject(&format!("subjects[{index}]"), subject, namespaced));
        }
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        if new["roleRef"] != old["roleRef"] {
            let part = |name: &str| text(&new["roleRef"], name);
            let message = format!(
                "Invalid value: {{\"apiGroup\":{:?},\"kind\":{:?},\"name\":{:?}}}: cannot change roleRef",
                part("/apiGroup"),
                part("/kind"),
                part("/name")
            );
            let (reason, field) = ("FieldValueInvalid".into(), "roleRef".into());
            found.push(StatusCause { reason, message, field });
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
        escalation::check_binding(server, kind, user, new, old)
    }
}

fn validate_role(object: &Value, namespaced: bool) -> Vec<StatusCause> {
    let mut found = Vec::new();
    let (group, kind) = (&object["roleRef"]["apiGroup"], &object["roleRef"]["kind"]);
    if group != GROUP {
        found.push(causes::not_supported("roleRef.apiGroup", group, &[GROUP]));
    }
    let kinds: &[&str] = if namespaced { &["ClusterRole", "Role"] } else { &["ClusterRole"] };
    if !kinds.iter().any(|known| kind == known) {
        found.push(causes::not_supported("roleRef.kind", &text(object, "/roleRef/kind").into(), kinds));
    }
    let name = text(object, "/roleRef/name");
    if name.is_empty() {
        found.push(causes::required("roleRef.name", ""));
    }
    let problems = check_name(crate::kind::NameRule::PathSegment, name).into_iter();
    found.extend(problems.map(|problem| causes::invalid("roleRef.name", &name.into(), &problem)));
    found
}

fn validate_subject(field: &str, subject: &Value, namespaced: bool) -> Vec<StatusCause> {
    let mut found = Vec::new();
    let name = text(subject, "/name");
    if name.is_empty() {
        found.push(causes::required(format!("{field}.name"), ""));
    }
    let group = Value::from(text(subject, "/apiGroup"));
    match text(subject, "/kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                let problems = check_name(crate::kind::NameRule::Subdomain, name).into_iter();
                found.extend(
                    problems.map(|problem| causes::invalid(format!("{field}.name"), &name.into(), &problem)),
                );
            }
            if group != "" {
                found.push(causes::not_supported(format!("{field}.apiGroup"), &group, &[""]));
            }
            if !namespaced && text(subject, "/namespace").is_empty() {
                found.push(causes::required(format!("{field}.namespace"), ""));
            }
        }
        "User" | "Group" => {
            if group != GROUP {
                found.push(causes::not_supported(format!("{field}.apiGroup"), &group, &[GROUP]));
            }
        }
        other => {
            let kinds = ["Group", "ServiceAccount", "User"];
            found.push(causes::not_supported(format!("{field}.kind"), &other.into(), &kinds));
        }
    }
    found
}
