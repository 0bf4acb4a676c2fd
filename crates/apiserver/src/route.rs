//! From a request to the verb that answers it.

use bytes::Bytes;
use http::{Method, Response, header, request::Parts};
use pilothouse_machinery::{Status, StatusDetails, StatusReason};

use crate::answer::{failure, failure_in, respond, typed};
use crate::discovery;
use crate::request::{Call, Query, ResourcePath, negotiate, parse_path};
use crate::request_log::RequestRecord;
use crate::verbs::{self, Reply, Target, method_not_allowed};
use crate::{ApiServer, ResponseBody};

/// Paths that everybody may ask for.
const OPEN: [&str; 4] = ["/healthz", "/livez", "/readyz", "/version"];

/// Answers one request.
pub(crate) async fn route(
    server: &ApiServer,
    parts: Parts,
    body: Bytes,
    token: Option<&str>,
) -> Response<ResponseBody> {
    let path = parse_path(parts.uri.path());
    let user = authenticate(server, &parts, token);
    let number = server.log().note(record(&parts, path.as_ref(), user.as_deref()));
    let open = OPEN.iter().any(|open| parts.uri.path().starts_with(open));
    let response = match (user, path) {
        (None, _) if !open => failure(&Status::failure(StatusReason::Unauthorized, "Unauthorized")),
        (_, Some(path)) => resource(server, parts, path, body).await,
        (_, None) => discovery::respond(server, &parts.method, parts.uri.path(), &parts.headers),
    };
    server.log().answered(number, response.status().as_u16());
    response
}

/// The user whose token the request shows; `None` if it must show one and does not.
fn authenticate(server: &ApiServer, parts: &Parts, token: Option<&str>) -> Option<String> {
    let tokens = &server.options().tokens;
    if tokens.is_empty() && token.is_none() {
        return Some("system:anonymous".into());
    }
    let shown = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let shown = shown.strip_prefix("Bearer ")?.trim();
    if token == Some(shown) {
        return Some("admin".into());
    }
    tokens.iter().find(|(known, _)| known == shown).map(|(_, user)| user.clone())
}

fn record(parts: &Parts, path: Option<&ResourcePath>, user: Option<&str>) -> RequestRecord {
    let query = parts.uri.query().unwrap_or_default();
    let watches = || path.is_some_and(|path| path.watch) || Query::parse(query).flag("watch");
    let named = path.map(|path| path.name.is_some());
    let verb = match (&parts.method, named) {
        (&Method::GET, Some(true)) => "get",
        (&Method::GET, Some(false)) if watches() => "watch",
        (&Method::GET, Some(false)) => "list",
        (&Method::POST, Some(_)) => "create",
        (&Method::PUT, Some(_)) => "update",
        (&Method::PATCH, Some(_)) => "patch",
        (&Method::DELETE, Some(true)) => "delete",
        (&Method::DELETE, Some(false)) => "deletecollection",
        (method, _) => &method.as_str().to_lowercase(),
    };
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    RequestRecord {
        verb: verb.to_owned(),
        path: parts.uri.path().to_owned(),
        query: query.to_owned(),
        user_agent: agent.unwrap_or_default().to_owned(),
        user: user.unwrap_or("system:anonymous").to_owned(),
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
        Ok(reply) => respond(server, &call, reply),
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
