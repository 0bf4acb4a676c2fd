//! `serviceaccounts/token`: a token on request (KEP-1205).

use pilothouse_machinery::{GroupVersionKind, ObjectKey, Status, StatusCause};
use serde_json::{Map, Value, json};

use super::claims::{Bound, Claims, ISSUER, Reference};
use super::user::SERVICE_ACCOUNT;
use crate::ApiServer;
use crate::kinds::causes;
use crate::kinds::field::{list, number, text};
use crate::request::{Call, decode_options};
use crate::verbs::{Content, Reply};

const GROUP: &str = "authentication.k8s.io";

/// How long a token lives unless its request says otherwise, in seconds.
const LIFETIME: i64 = 3600;

const SHORTEST: i64 = 600;

const LONGEST: i64 = 1 << 32;

/// POST to `serviceaccounts/NAME/token`.
pub(crate) fn create(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    let mut request = decode_options(call, &GroupVersionKind::new(GROUP, "v1", "TokenRequest"))?;
    let account = server.store().get(&call.kind, &call.key());
    let account = account.ok_or_else(|| Status::not_found("", "serviceaccounts", &call.name))?;
    let account = account.value(&call.kind);
    if request["spec"].is_null() {
        request["spec"] = json!({});
    }
    if !request["spec"].is_object() {
        return Err(Status::bad_request(
            "TokenRequest in version \"v1\" cannot be handled: spec must be an object",
        ));
    }
    check(call, &request)?;
    let audiences: Vec<String> =
        list(&request, "/spec/audiences").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let namespace = text(&account, "/metadata/namespace");
    let now = server.environment().now().as_second();
    let seconds = number(&request, "/spec/expirationSeconds").unwrap_or(LIFETIME);
    let mut bound = Bound {
        namespace: namespace.to_owned(),
        node: None,
        pod: None,
        secret: None,
        account: reference(&account),
    };
    bind(server, &request["spec"]["boundObjectRef"], &mut bound)?;
    let claims = Claims {
        audiences: if audiences.is_empty() { vec![ISSUER.to_owned()] } else { audiences },
        expires: now + seconds,
        issued: now,
        issuer: ISSUER.to_owned(),
        id: server.environment().random_uuid(),
        subject: format!("{SERVICE_ACCOUNT}{namespace}:{}", call.name),
        begins: now,
        bound,
    };
    let token = server.tokens().issue(&claims)?;
    request["kind"] = "TokenRequest".into();
    request["apiVersion"] = format!("{GROUP}/v1").into();
    let time = |seconds| jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string();
    request["metadata"] = json!({"name": call.name, "namespace": namespace, "creationTimestamp": time(now)});
    request["spec"]["audiences"] = claims.audiences.into();
    request["spec"]["expirationSeconds"] = seconds.into();
    request["spec"].as_object_mut().map(|spec| spec.entry("boundObjectRef").or_insert(Value::Null));
    request["status"] = json!({"token": token, "expirationTimestamp": time(claims.expires)});
    Ok(Reply::new(201, Content::Other(request)))
}

fn reference(object: &Value) -> Reference {
    let of = |pointer| text(object, pointer).to_owned();
    Reference { name: of("/metadata/name"), uid: of("/metadata/uid") }
}

fn check(call: &Call, request: &Value) -> Result<(), Status> {
    let mut found: Vec<StatusCause> = Vec::new();
    let expected = [("name", &*call.name), ("namespace", call.namespace.as_deref().unwrap_or_default())];
    for (member, expected) in expected {
        let given = text(request, &format!("/metadata/{member}"));
        if !given.is_empty() && given != expected {
            let detail = format!("must match the service account {member} if specified");
            found.push(causes::invalid(format!("metadata.{member}"), &given.into(), &detail));
        }
    }
    if let Some(seconds) = number(request, "/spec/expirationSeconds") {
        let mut refuse =
            |detail| found.push(causes::invalid("spec.expirationSeconds", &seconds.into(), detail));
        if seconds < SHORTEST {
            refuse("may not specify a duration less than 10 minutes");
        }
        if seconds > LONGEST {
            refuse("may not specify a duration larger than 2^32 seconds");
        }
    }
    if found.is_empty() { Ok(()) } else { Err(Status::invalid(GROUP, "TokenRequest", &call.name, found)) }
}

/// Binds a token to the object that its request names, which must be there.
fn bind(server: &ApiServer, wanted: &Value, bound: &mut Bound) -> Result<(), Status> {
    if wanted.as_object().is_none_or(Map::is_empty) {
        return Ok(());
    }
    let (api_version, kind) = (text(wanted, "/apiVersion"), text(wanted, "/kind"));
    let plural = match (api_version, kind) {
        ("v1", "Pod") => "pods",
        ("v1", "Secret") => "secrets",
        ("v1", "Node") => "nodes",
        _ => {
            let message =
                format!("cannot bind token for serviceaccount to object of type {api_version}, Kind={kind}");
            return Err(Status::bad_request(message));
        }
    };
    let (name, uid) = (text(wanted, "/name"), text(wanted, "/uid"));
    let namespace = if kind == "Node" { "" } else { &*bound.namespace };
    let missing = || Status::not_found("", plural, name);
    let stored = server.registry().get("", "v1", plural).ok_or_else(missing)?;
    let object = server.store().get(&stored, &ObjectKey::new(namespace, name)).ok_or_else(missing)?;
    let object = object.value(&stored);
    let present = text(&object, "/metadata/uid");
    if !uid.is_empty() && uid != present {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have \
             been deleted and then recreated"
        );
        return Err(Status::conflict("", kind, name, &why));
    }
    let reference = Some(reference(&object));
    match kind {
        "Pod" => {
            // Nothing here fills in the account of a pod that names none; in a real cluster it is this one.
            let runs_as = Some(text(&object, "/spec/serviceAccountName")).filter(|name| !name.is_empty());
            if runs_as.unwrap_or("default") != bound.account.name {
                return Err(Status::bad_request(format!(
                    "cannot bind token for serviceaccount {:?} to pod running with different serviceaccount name.",
                    bound.account.name
                )));
            }
            bound.pod = reference;
        }
        "Secret" => bound.secret = reference,
        _ => bound.node = reference,
    }
    Ok(())
}
