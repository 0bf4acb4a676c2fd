//! Reviews of access: what may somebody do? This server lets everybody who is let in do everything, and says so.

use std::sync::Arc;

use pilothouse_machinery::{ResourceType, StatusCause};
use serde_json::{Value, json};

use crate::ApiServer;
use crate::kind::{Kind, Strategy};
use crate::registry::KindRegistry;

const GROUP: &str = "authorization.k8s.io";

/// Serves the reviews.
pub(crate) fn register(registry: &KindRegistry) {
    let access = [
        ResourceType::cluster(GROUP, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ResourceType::cluster(GROUP, "v1", "subjectaccessreviews", "SubjectAccessReview"),
        ResourceType::namespaced(GROUP, "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview"),
    ];
    for resource in access {
        let strategy = Arc::new(AccessReview);
        registry.add(Kind { create_only: true, strategy, ..Kind::new(resource) });
    }
    let rules = ResourceType::cluster(GROUP, "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview");
    let strategy = Arc::new(RulesReview);
    registry.add(Kind { create_only: true, strategy, ..Kind::new(rules) });
}

/// Whether one thing is allowed.
struct AccessReview;

impl Strategy for AccessReview {
    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        object["status"] = json!({"allowed": true});
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let asked = |name: &str| object["spec"][name].is_object();
        if asked("resourceAttributes") != asked("nonResourceAttributes") {
            return Vec::new();
        }
        let message = "Invalid value: \"null\": exactly one of nonResourceAttributes or resourceAttributes must be \
                       specified";
        vec![StatusCause {
            reason: "FieldValueInvalid".into(),
            message: message.into(),
            field: "spec.resourceAttributes".into(),
        }]
    }
}

/// Everything that is allowed in a namespace.
struct RulesReview;

impl Strategy for RulesReview {
    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        object["status"] = json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        });
    }
}
