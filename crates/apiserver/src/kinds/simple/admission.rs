//! Webhook configurations: kept and shown, never called.

use jiff::Timestamp;
use pilothouse_machinery::{Scope, StatusCause};
use serde_json::{Value, json};

use super::super::causes;
use super::super::container::one_of;
use super::super::field::{is_empty, list, map_at, set_default, set_default_text, text};
use super::rules::{Rules, each};
use crate::kind::Kind;
use crate::table::{AGE, NAME, Row, age_of, name_of};

const GROUP: &str = "admissionregistration.k8s.io";
const CAVEAT: &str = "this server keeps webhook configurations but calls no webhook";

pub(super) fn kinds() -> Vec<Kind> {
    let mutating = Rules { default: default_mutating, ..VALIDATING };
    let of = |rules: Rules, plural, kind| Kind {
        has_generation: true,
        categories: vec!["api-extensions".into()],
        ..rules.kind(GROUP, "v1", plural, kind, Scope::Cluster)
    };
    vec![
        of(mutating, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
        of(VALIDATING, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    ]
}

const COLUMNS: [Row; 3] = [NAME, ("Webhooks", "integer", "", 0, "Number of webhooks."), AGE];

const VALIDATING: Rules = Rules {
    default: default_webhooks,
    validate,
    caveat: Some(CAVEAT),
    columns: &COLUMNS,
    cells,
    ..Rules::PLAIN
};

fn cells(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![name_of(object), list(object, "/webhooks").len().into(), age_of(object, now)]
}

fn default_webhooks(object: &mut Value) {
    each(object, "/webhooks", |webhook| {
        set_default_text(webhook, "failurePolicy", "Fail");
        set_default_text(webhook, "matchPolicy", "Equivalent");
        set_default(webhook, "namespaceSelector", json!({}));
        set_default(webhook, "objectSelector", json!({}));
        set_default(webhook, "timeoutSeconds", 10);
        for rule in webhook.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(rule) = rule.as_object_mut() {
                set_default_text(rule, "scope", "*");
            }
        }
        let client = webhook.get_mut("clientConfig").and_then(Value::as_object_mut);
        if let Some(client) = client.filter(|client| client.get("service").is_some_and(Value::is_object))
            && let Some(service) = map_at(client, "service")
        {
            set_default(service, "port", 443);
        }
    });
}

fn default_mutating(object: &mut Value) {
    default_webhooks(object);
    each(object, "/webhooks", |webhook| set_default_text(webhook, "reinvocationPolicy", "Never"));
}

fn validate(object: &Value, found: &mut Vec<StatusCause>) {
    for (index, webhook) in list(object, "/webhooks").iter().enumerate() {
        let field = format!("webhooks[{index}]");
        let name = text(webhook, "/name");
        if name.split('.').filter(|part| !part.is_empty()).count() < 3 {
            let detail = "should be a domain with at least three segments separated by dots";
            found.push(causes::invalid(format!("{field}.name"), &name.into(), detail));
        }
        if is_empty(webhook, "/admissionReviewVersions") {
            let detail = "must specify one of v1, v1beta1";
            found.push(causes::required(format!("{field}.admissionReviewVersions"), detail));
        }
        match text(webhook, "/sideEffects") {
            "" => {
                let detail = "must specify one of None, NoneOnDryRun";
                found.push(causes::required(format!("{field}.sideEffects"), detail));
            }
            _ => one_of(webhook, &field, "sideEffects", &["None", "NoneOnDryRun"], found),
        }
        one_of(webhook, &field, "failurePolicy", &["Fail", "Ignore"], found);
        let by_url = !is_empty(webhook, "/clientConfig/url");
        if by_url != is_empty(webhook, "/clientConfig/service") {
            let detail = "exactly one of url or service is required";
            found.push(causes::required(format!("{field}.clientConfig"), detail));
        }
    }
}
