//! Requests for certificates. They can be written, approved and watched; nothing signs them here.

use jiff::Timestamp;
use pilothouse_machinery::Scope;
use serde_json::Value;

use super::super::causes;
use super::super::field::{is_empty, list, text};
use super::rules::Rules;
use crate::kind::Kind;
use crate::table::{AGE, NAME, age_of, name_of, or_none};

pub(super) fn kinds() -> Vec<Kind> {
    let (plural, kind) = ("certificatesigningrequests", "CertificateSigningRequest");
    vec![Kind {
        short_names: vec!["csr".into()],
        status_subresource: true,
        subresources: vec!["approval".into()],
        ..REQUEST.kind("certificates.k8s.io", "v1", plural, kind, Scope::Cluster)
    }]
}

const REQUEST: Rules = Rules {
    validate: |object, found| {
        for member in ["request", "signerName", "usages"] {
            if is_empty(object, &format!("/spec/{member}")) {
                found.push(causes::required(format!("spec.{member}"), ""));
            }
        }
    },
    fields: &["spec.signerName"],
    columns: &[
        NAME,
        AGE,
        ("SignerName", "string", "", 0, "Who is to sign."),
        ("Requestor", "string", "", 0, "Who asks."),
        ("RequestedDuration", "string", "", 0, "How long the certificate is to last."),
        ("Condition", "string", "", 0, "What became of the request."),
    ],
    cells,
    ..Rules::PLAIN
};

fn cells(object: &Value, now: Timestamp) -> Vec<Value> {
    let conditions = list(object, "/status/conditions").iter().map(|condition| text(condition, "/type"));
    let mut conditions: Vec<_> = conditions.filter(|kind| !kind.is_empty()).collect();
    if conditions.is_empty() {
        conditions.push("Pending");
    }
    if !is_empty(object, "/status/certificate") {
        conditions.push("Issued");
    }
    let duration = object.pointer("/spec/expirationSeconds").and_then(Value::as_i64);
    let duration = duration.map(|seconds| crate::table::duration(jiff::SignedDuration::from_secs(seconds)));
    vec![
        name_of(object),
        age_of(object, now),
        or_none(text(object, "/spec/signerName")),
        text(object, "/spec/username").into(),
        or_none(&duration.unwrap_or_default()),
        conditions.join(",").into(),
    ]
}
