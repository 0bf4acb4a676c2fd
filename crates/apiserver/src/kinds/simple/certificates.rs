//! Requests for certificates. They can be written, approved and watched; nothing signs them here.
//!
//! Who asks is who creates the request, whatever it says, and it asks for the same for ever. Approving takes the right
//! to `approve` for its signer, a certificate or another condition the right to `sign` (the strategies of
//! `pkg/registry/certificates` and the admission plugins `CertificateApproval` and `CertificateSigning`).

use std::sync::Arc;

use jiff::Timestamp;
use pilothouse_machinery::{ResourceType, Status, StatusCause};
use serde_json::{Value, json};

use super::super::causes;
use super::super::field::{is_empty, list, selectable, text};
use crate::ApiServer;
use crate::access::{User, may_act_for, user_info};
use crate::kind::{Kind, Strategy};
use crate::table::{AGE, NAME, Row, age_of, columns, name_of, or_none};

const GROUP: &str = "certificates.k8s.io";
const PLURAL: &str = "certificatesigningrequests";

/// The conditions that say whether a request is granted.
const DECISIONS: [&str; 2] = ["Approved", "Denied"];

/// The conditions that stay once they are there.
const FINAL: [&str; 3] = ["Approved", "Denied", "Failed"];

const COLUMNS: &[Row] = &[
    NAME,
    AGE,
    ("SignerName", "string", "", 0, "Who is to sign."),
    ("Requestor", "string", "", 0, "Who asks."),
    ("RequestedDuration", "string", "", 0, "How long the certificate is to last."),
    ("Condition", "string", "", 0, "What became of the request."),
];

pub(super) fn kinds() -> Vec<Kind> {
    let resource = ResourceType::cluster(GROUP, "v1", PLURAL, "CertificateSigningRequest");
    vec![Kind {
        short_names: vec!["csr".into()],
        status_subresource: true,
        subresources: vec!["approval".into()],
        columns: columns(COLUMNS),
        strategy: Arc::new(RequestStrategy),
        ..Kind::new(resource)
    }]
}

struct RequestStrategy;

impl Strategy for RequestStrategy {
    fn name_author(&self, object: &mut Value, user: &User) {
        let Some(spec) = object["spec"].as_object_mut() else { return };
        for member in ["username", "uid", "groups", "extra"] {
            spec.remove(member);
        }
        let Value::Object(author) = user_info(user) else { return };
        spec.extend(author);
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        new["spec"] = old["spec"].clone();
    }

    fn prepare_approval(&self, new: &mut Value, old: &Value) {
        let kept = list(old, "/status/conditions").iter().filter(|condition| !decides(condition));
        let decisions = list(new, "/status/conditions").iter().filter(|condition| decides(condition));
        let conditions: Vec<_> = kept.chain(decisions).cloned().collect();
        new["status"] = if old["status"].is_object() { old["status"].clone() } else { json!({}) };
        if !conditions.is_empty() || new["status"]["conditions"].is_array() {
            new["status"]["conditions"] = conditions.into();
        }
    }

    fn authorize_status(
        &self,
        server: &ApiServer,
        user: &User,
        new: &Value,
        old: &Value,
    ) -> Result<(), Status> {
        let result = |object: &Value| {
            ["certificate", "conditions"].map(|member| object["status"].get(member).cloned())
        };
        if result(new) == result(old) { Ok(()) } else { check_signer(server, user, "sign", old) }
    }

    fn authorize_approval(&self, server: &ApiServer, user: &User, old: &Value) -> Result<(), Status> {
        check_signer(server, user, "approve", old)
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let members = ["request", "signerName", "usages"].into_iter();
        let absent = members.filter(|member| is_empty(object, &format!("/spec/{member}")));
        absent.map(|member| causes::required(format!("spec.{member}"), "")).collect()
    }

    fn validate_status_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = removed(new, old);
        for kind in DECISIONS {
            let (before, after) = (condition(old, kind), condition(new, kind));
            let change = match (before, after) {
                (None, Some(_)) => "add",
                (Some(before), Some(after)) if before != after => "modify",
                _ => continue,
            };
            let detail = format!("updates may not {change} a condition of type {kind:?}");
            found.push(causes::forbidden("status.conditions", &detail));
        }
        found
    }

    fn validate_approval(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = removed(new, old);
        for (index, condition) in list(new, "/status/conditions").iter().enumerate() {
            if decides(condition) && condition["status"] != "True" {
                let field = format!("status.conditions[{index}].status");
                found.push(causes::not_supported(field, &text(condition, "/status").into(), &["True"]));
            }
        }
        if DECISIONS.iter().all(|kind| condition(new, kind).is_some()) {
            let detail = "Approved and Denied conditions are mutually exclusive";
            found.push(causes::invalid("status.conditions", &"Denied".into(), detail));
        }
        found
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        selectable(object, &["spec.signerName"])
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        cells(object, now)
    }
}

fn decides(condition: &Value) -> bool {
    DECISIONS.contains(&text(condition, "/type"))
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == kind)
}

/// What may not be taken away and was.
fn removed(new: &Value, old: &Value) -> Vec<StatusCause> {
    let gone = FINAL.iter().filter(|kind| condition(old, kind).is_some() && condition(new, kind).is_none());
    let cause = |kind: &&str| {
        let detail = format!("updates may not remove a condition of type {kind:?}");
        causes::forbidden("status.conditions", &detail)
    };
    gone.map(cause).collect()
}

fn check_signer(server: &ApiServer, user: &User, verb: &str, request: &Value) -> Result<(), Status> {
    let signer = text(request, "/spec/signerName");
    if may_act_for(server, user, verb, signer) {
        return Ok(());
    }
    let why = format!("user not permitted to {verb} requests with signerName {signer:?}");
    Err(Status::forbidden(GROUP, PLURAL, text(request, "/metadata/name"), &why))
}

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
