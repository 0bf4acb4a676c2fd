//! From a request to the verb that answers it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, header, request::Parts};
use pilothouse_machinery::{Status, StatusDetails, StatusReason};

use crate::access::{Attributes, Entrance, TokenDigest, Unknown, authenticate, authorize, impersonate};
use crate::answer::{failure, failure_in, respond, typed};
use crate::discovery;
use crate::request::{Call, Query, ResourcePath, negotiate, parse_path};
use crate::request_log::RequestRecord;
use crate::verbs::{self, Reply, Target, method_not_allowed};
use crate::{ApiServer, ResponseBody, User};

/// Paths that everybody may ask for where nobody else may be anonymous.
const OPEN: [&str; 4] = ["/healthz", "/livez", "/readyz", "/version"];

/// Answers one request that came through `entrance`: lets in, authorises, dispatches.
pub(crate) async fn route(
    server: &ApiServer,
    parts: Parts,
    body: Bytes,
    entrance: &Entrance,
) -> Response<ResponseBody> {
    let path = parse_path(parts.uri.path());
    let query = parts.uri.query().unwrap_or_default();
    let asked = Attributes::of(&parts.method, parts.uri.path(), query, path.as_ref());
    let user = let_in(server, &parts, entrance);
    let (user, impersonator, refusal) = match user {
        Ok(user) => match impersonate(server, &user, &parts.headers) {
            Ok(Some(other)) => (other, Some(user), None),
            Ok(None) => (user, None, None),
            Err(status) => (user, None, Some(status)),
        },
        Err(unknown) => (Arc::new(User::anonymous()), None, Some(unknown.into())),
    };
    let refusal = refusal.or_else(|| authorize(server, &user, &asked).err());
    let number = server.log().note(record(&parts, asked, &user, impersonator.as_deref()));
    let response = match (refusal, path) {
        (Some(status), _) => failure(&status),
        (None, Some(path)) => resource(server, (user, entrance.token), parts, path, body).await,
        (None, None) => discovery::respond(server, &parts.method, &parts.uri, &parts.headers),
    };
    server.log().answered(number, response.status().as_u16());
    response
}

fn let_in(server: &ApiServer, parts: &Parts, entrance: &Entrance) -> Result<Arc<User>, Unknown> {
    match authenticate(server, &parts.headers, entrance) {
        Err(Unknown::Nothing) if is_open(parts.uri.path()) => Ok(Arc::new(User::anonymous())),
        user => user,
    }
}

/// Whether `path` is open to everybody, or below a path that is.
fn is_open(path: &str) -> bool {
    let rest = OPEN.iter().find_map(|open| path.strip_prefix(open));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn record(parts: &Parts, asked: Attributes, user: &User, impersonator: Option<&User>) -> RequestRecord {
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    RequestRecord {
        verb: asked.verb,
        group: asked.group,
        version: asked.version,
        resource: asked.resource,
        subresource: asked.subresource,
        namespace: asked.namespace,
        name: asked.name,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        user_agent: agent.unwrap_or_default().to_owned(),
        user: user.name().to_owned(),
        impersonator: impersonator.map(User::name).unwrap_or_default().to_owned(),
        code: None,
    }
}

fn page_not_found() -> Response<ResponseBody> {
    typed(404, "text/plain; charset=utf-8", ResponseBody::full("404 page not found\n"))
}

fn resource_not_found() -> Status {
    let message = "the server could not find the requested resource";
    let mut status = Status::failure(StatusReason::NotFound, message);
    status.details = Some(StatusDetails::default());
    status
}

async fn resource(
    server: &ApiServer,
    (user, door_token): (Arc<User>, Option<TokenDigest>),
    parts: Parts,
    path: ResourcePath,
    body: Bytes,
) -> Response<ResponseBody> {
    let registry = server.registry();
    let Some(kind) = registry.get(&path.group, &path.version, &path.plural) else {
        let known = path.group.is_empty() || registry.has_group(&path.group);
        return if known { failure(&resource_not_found()) } else { page_not_found() };
    };
    let misplaced = if kind.resource.is_namespaced() {
        path.namespace.is_none() && path.name.is_some()
    } else {
        path.namespace.is_some()
    };
    if misplaced {
        return failure(&resource_not_found());
    }
    let (form, representation) = match negotiate(&parts.headers, kind.custom) {
        Ok(negotiated) => negotiated,
        Err(status) => return failure(&status),
    };
    if path.watch && parts.method != Method::GET {
        return failure_in(form, &method_not_allowed());
    }
    let mut query = Query::parse(parts.uri.query().unwrap_or_default());
    let mut name = path.name.unwrap_or_default();
    if path.watch {
        query.set_old_watch(&std::mem::take(&mut name));
    }
    let call = Call {
        user,
        door_token,
        kind,
        namespace: path.namespace,
        name,
        query,
        headers: parts.headers,
        body,
        form,
        representation,
    };
    match dispatch(server, &call, &parts.method, path.subresource.as_deref()).await {
        Ok(mut reply) => {
            if [Method::POST, Method::PUT, Method::PATCH].contains(&parts.method) {
                reply.warnings.extend(call.kind.strategy.caveat().map(str::to_owned));
            }
            respond(server, &call, reply)
        }
        Err(status) => failure_in(call.form, &status),
    }
}

async fn dispatch(
    server: &ApiServer,
    call: &Call,
    method: &Method,
    subresource: Option<&str>,
) -> Result<Reply, Status> {
    if let Some(name) = subresource {
        let reply = verbs::subresource(server, call, method, name).await;
        return reply.unwrap_or_else(|| Err(resource_not_found()));
    }
    let writable = call.namespace.is_some() || !call.kind.resource.is_namespaced();
    if call.kind.create_only && method != Method::POST {
        return Err(method_not_allowed());
    }
    match (method, call.name.is_empty()) {
        (&Method::GET, true) if call.query.flag("watch") => verbs::watch(server, call).await,
        (&Method::GET, true) => verbs::list(server, call).await,
        (&Method::POST, true) if writable => verbs::create(server, call),
        (&Method::DELETE, true)
            if writable && discovery::verbs_of(&call.kind).contains(&"deletecollection") =>
        {
            verbs::delete_collection(server, call)
        }
        (&Method::GET, false) => verbs::get(server, call).await,
        (&Method::PUT, false) => verbs::update(server, call, Target::Object),
        (&Method::PATCH, false) => verbs::patch(server, call, Target::Object),
        (&Method::DELETE, false) => verbs::delete(server, call),
        _ => Err(method_not_allowed()),
    }
}
