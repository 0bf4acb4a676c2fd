//! Reviews: who is this, and what may they do? Answered at once, and not kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilothouse_machinery::{ResourceType, Status, StatusCause};
use serde_json::{Map, Value, json};

use super::authenticate::holder;
use super::claims::ISSUER;
use super::{Attributes, Decision, PolicyRule, TokenDigest, User, decide, rules_for};
use crate::ApiServer;
use crate::kind::{Kind, Strategy};
use crate::kinds::causes;
use crate::kinds::field::{list, text};
use crate::registry::KindRegistry;
use crate::verbs::Author;

const ACCESS: &str = "authorization.k8s.io";
const IDENTITY: &str = "authentication.k8s.io";

/// Serves the reviews.
pub(crate) fn register(registry: &KindRegistry) {
    let cluster = ResourceType::cluster;
    let local =
        ResourceType::namespaced(ACCESS, "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview");
    for (resource, review) in [
        (
            cluster(ACCESS, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
            Review::SelfSubjectAccess,
        ),
        (cluster(ACCESS, "v1", "subjectaccessreviews", "SubjectAccessReview"), Review::SubjectAccess),
        (local, Review::LocalSubjectAccess),
        (
            cluster(ACCESS, "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
            Review::SelfSubjectRules,
        ),
        (cluster(IDENTITY, "v1", "selfsubjectreviews", "SelfSubjectReview"), Review::SelfSubject),
        (cluster(IDENTITY, "v1", "tokenreviews", "TokenReview"), Review::Token),
    ] {
        registry.add(Kind { create_only: true, strategy: Arc::new(review), ..Kind::new(resource) });
    }
}

/// What is asked.
#[derive(Clone, Copy)]
enum Review {
    /// May I?
    SelfSubjectAccess,
    /// May somebody?
    SubjectAccess,
    /// May somebody, in the namespace of the path?
    LocalSubjectAccess,
    /// What may I?
    SelfSubjectRules,
    /// Who am I?
    SelfSubject,
    /// Whose is this token?
    Token,
}

impl Strategy for Review {
    fn review(
        &self,
        server: &ApiServer,
        author: &Author,
        namespace: Option<&str>,
        object: &mut Value,
    ) -> Result<(), Status> {
        let user = &*author.user;
        let status = match self {
            Self::SelfSubjectAccess => {
                valid(access_causes(object))?;
                decision(&decide(server, user, &asked(object)))
            }
            Self::SubjectAccess | Self::LocalSubjectAccess => {
                valid([subject_causes(object), access_causes(object)].concat())?;
                if let (Self::LocalSubjectAccess, Some(namespace)) = (self, namespace) {
                    check_namespace(object, namespace)?;
                }
                decision(&decide(server, &subject(object), &asked(object)))
            }
            Self::SelfSubjectRules => rules(server, user, object)?,
            Self::SelfSubject => json!({"userInfo": user_info(user)}),
            Self::Token => token(server, author.door_token, object)?,
        };
        object["status"] = status;
        Ok(())
    }
}

/// A real server names neither kind nor name here.
fn valid(causes: Vec<StatusCause>) -> Result<(), Status> {
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(ACCESS, "", "", causes)) }
}

fn access_causes(object: &Value) -> Vec<StatusCause> {
    let asked = |name: &str| object["spec"][name].is_object();
    match (asked("resourceAttributes"), asked("nonResourceAttributes")) {
        (true, true) => {
            let detail = "cannot be specified in combination with resourceAttributes";
            vec![causes::invalid(
                "spec.nonResourceAttributes",
                &object["spec"]["nonResourceAttributes"],
                detail,
            )]
        }
        (false, false) => {
            let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            vec![causes::invalid("spec.resourceAttributes", &"null".into(), detail)]
        }
        _ => Vec::new(),
    }
}

fn subject_causes(object: &Value) -> Vec<StatusCause> {
    if !text(object, "/spec/user").is_empty() || !list(object, "/spec/groups").is_empty() {
        return Vec::new();
    }
    vec![causes::invalid("spec.user", &"".into(), "at least one of user or group must be specified")]
}

fn check_namespace(object: &Value, namespace: &str) -> Result<(), Status> {
    if object["spec"]["nonResourceAttributes"].is_object() {
        let detail = "disallowed on this kind of request";
        return valid(vec![causes::invalid(
            "spec.nonResourceAttributes",
            &object["spec"]["nonResourceAttributes"],
            detail,
        )]);
    }
    if text(object, "/spec/resourceAttributes/namespace") == namespace {
        return Ok(());
    }
    let message = format!("spec.resourceAttributes.namespace must match namespace: {namespace}");
    Err(Status::bad_request(message))
}

/// What a review asks about.
fn asked(object: &Value) -> Attributes {
    let spec = &object["spec"];
    if spec["nonResourceAttributes"].is_object() {
        let text = |name: &str| text(&spec["nonResourceAttributes"], name).to_owned();
        return Attributes { verb: text("/verb"), path: text("/path"), ..Attributes::default() };
    }
    let text = |name: &str| text(&spec["resourceAttributes"], name).to_owned();
    Attributes {
        verb: text("/verb"),
        group: text("/group"),
        version: text("/version"),
        resource: text("/resource"),
        subresource: text("/subresource"),
        namespace: text("/namespace"),
        name: text("/name"),
        path: String::new(),
    }
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whom a review asks about, with the groups that it says and no others.
fn subject(object: &Value) -> User {
    let spec = &object["spec"];
    let user = User::new(text(spec, "/user")).with_uid(text(spec, "/uid"));
    let user = texts(&spec["groups"]).into_iter().fold(user, User::with_group);
    let extra = spec["extra"].as_object().into_iter().flatten();
    extra.fold(user, |user, (key, values)| user.with_extra(key, texts(values)))
}

fn decision(decision: &Decision) -> Value {
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.as_str().into();
    }
    status
}

fn rules(server: &ApiServer, user: &User, object: &Value) -> Result<Value, Status> {
    let namespace = text(object, "/spec/namespace");
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let (rules, problems) = rules_for(server, user, namespace);
    let of = |wanted: fn(&&PolicyRule) -> bool| {
        rules.iter().filter(wanted).map(PolicyRule::to_value).collect::<Vec<_>>()
    };
    let mut status = json!({
        "resourceRules": of(|rule| !rule.resources.is_empty()),
        "nonResourceRules": of(|rule| !rule.non_resource_urls.is_empty()),
        "incomplete": false,
    });
    if !problems.is_empty() {
        status["evaluationError"] = problems.join(", ").into();
    }
    Ok(status)
}

/// A user as reviews show one.
pub(crate) fn user_info(user: &User) -> Value {
    let mut info = Map::new();
    info.insert("username".into(), user.name().into());
    if !user.uid().is_empty() {
        info.insert("uid".into(), user.uid().into());
    }
    if !user.groups().is_empty() {
        info.insert("groups".into(), user.groups().into());
    }
    let extra: &BTreeMap<_, _> = user.extra();
    if !extra.is_empty() {
        info.insert("extra".into(), json!(extra));
    }
    info.into()
}

fn token(server: &ApiServer, door_token: Option<TokenDigest>, object: &Value) -> Result<Value, Status> {
    let token = text(object, "/spec/token");
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let mut audiences = texts(&object["spec"]["audiences"]);
    if audiences.is_empty() {
        audiences.push(ISSUER.to_owned());
    }
    Ok(match holder(server, token, door_token, &audiences) {
        Some((user, audiences)) => {
            json!({"authenticated": true, "user": user_info(&user), "audiences": audiences})
        }
        None => json!({"user": {}, "error": "invalid bearer token"}),
    })
}
