//! Which document a path names.

use http::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, VARY};
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use pilothouse_machinery::{Status, StatusDetails, StatusReason};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::{aggregated, groups, plain};
use crate::access::openid;
use crate::{ApiServer, ResponseBody};

/// The Kubernetes version whose API this server speaks.
pub(crate) const GIT_VERSION: &str = "v1.36.0+pilothouse";

/// The parts that clients ask after by name. They are one here: whoever gets an answer at all gets `ok`.
const CHECKS: [&str; 3] = ["ping", "log", "etcd"];

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a path that names no resource; with 404 when it names nothing at all.
pub(crate) fn respond(
    server: &ApiServer,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Response<ResponseBody> {
    let path = uri.path();
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let known = !matches!(parts.as_slice(), [] | ["apis", ..] | ["api", _, ..]);
    if known && *method != Method::GET && *method != Method::HEAD {
        let message = "the server does not allow this method on the requested resource";
        return status(Status::failure(StatusReason::MethodNotAllowed, message));
    }
    match parts.as_slice() {
        ["version"] => document(&version()),
        [root @ ("healthz" | "livez" | "readyz")] => {
            let mut words = uri.query().unwrap_or_default().split('&');
            let verbose = words.any(|word| word.split('=').next() == Some("verbose"));
            let text = if verbose { checks(root) } else { "ok".to_owned() };
            answer(StatusCode::OK, TEXT, text)
        }
        ["healthz" | "livez" | "readyz", check] if CHECKS.contains(check) => {
            answer(StatusCode::OK, TEXT, "ok")
        }
        ["api"] if aggregated::is_wanted(headers) => {
            let groups = groups(server.registry());
            tagged(&aggregated::document(groups.iter().filter(|group| group.name.is_empty())), headers)
        }
        ["apis"] if aggregated::is_wanted(headers) => {
            let groups = groups(server.registry());
            tagged(&aggregated::document(groups.iter().filter(|group| !group.name.is_empty())), headers)
        }
        ["api"] => document(&plain::core_versions(host(headers))),
        ["apis"] => document(&plain::group_list(&groups(server.registry()))),
        ["api", version] => resource_list(server, "", version),
        ["apis", group] => {
            let groups = groups(server.registry());
            match groups.iter().find(|known| known.name == *group && !group.is_empty()) {
                Some(group) => document(&plain::group(group)),
                None => no_page(),
            }
        }
        ["apis", group, version] => resource_list(server, group, version),
        ["apis", group, ..] if !server.registry().has_group(group) => no_page(),
        ["api" | "apis", ..] => not_found(),
        ["openapi", "v3"] => answer(StatusCode::OK, JSON, server.documents().index(server.registry())),
        ["openapi", "v3", rest @ ..] => match server.documents().document(server.registry(), &rest.join("/"))
        {
            Some(found) => answer(StatusCode::OK, JSON, found),
            None => no_page(),
        },
        ["openid", "v1", "jwks"] => match openid::keys(server) {
            Ok(keys) => answer(StatusCode::OK, "application/jwk-set+json", keys.to_string()),
            Err(failure) => status(failure),
        },
        [".well-known", "openid-configuration"] => document(&openid::configuration(host(headers))),
        [] => document(&json!({"paths": paths(server)})),
        _ => {
            let mut response = document(&json!({"paths": paths(server)}));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

/// The health of each part, as `?verbose` asks for it.
fn checks(root: &str) -> String {
    let lines: Vec<_> = CHECKS.iter().map(|check| format!("[+]{check} ok")).collect();
    format!("{}\n{root} check passed\n", lines.join("\n"))
}

fn resource_list(server: &ApiServer, group: &str, version: &str) -> Response<ResponseBody> {
    let groups = groups(server.registry());
    let Some(found) = groups.iter().find(|known| known.name == group) else { return no_page() };
    match found.versions.iter().find(|(known, _)| known == version) {
        Some((_, kinds)) => {
            document(&plain::resource_list(group, version, kinds.iter().map(std::convert::AsRef::as_ref)))
        }
        None => not_found(),
    }
}

/// The roots that exist, for whoever asks for one that does not.
fn paths(server: &ApiServer) -> Vec<String> {
    let mut found: Vec<String> = [
        "/.well-known/openid-configuration",
        "/api",
        "/apis",
        "/healthz",
        "/livez",
        "/openapi/v3",
        "/openid/v1/jwks",
        "/readyz",
        "/version",
    ]
    .map(Into::into)
    .into();
    for group in groups(server.registry()) {
        let root = if group.name.is_empty() { "/api".to_owned() } else { format!("/apis/{}", group.name) };
        found.extend(group.versions.iter().map(|(version, _)| format!("{root}/{version}")));
        if !group.name.is_empty() {
            found.push(root);
        }
    }
    found.sort();
    found
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1")
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": GIT_VERSION, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    })
}

/// The name that Kubernetes has for this machine's architecture.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Bytes as upper-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A document with an entity tag: a client that has it already is told so.
fn tagged(value: &Value, headers: &HeaderMap) -> Response<ResponseBody> {
    let body = value.to_string();
    let digest = Sha512::digest(body.as_bytes());
    let tag = format!("\"{}\"", hex(&digest));
    let fresh = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if fresh {
        answer(StatusCode::NOT_MODIFIED, aggregated::CONTENT_TYPE, String::new())
    } else {
        answer(StatusCode::OK, aggregated::CONTENT_TYPE, body)
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response.headers_mut().insert(VARY, HeaderValue::from_name(ACCEPT));
    response
}

fn document(value: &Value) -> Response<ResponseBody> {
    answer(StatusCode::OK, JSON, value.to_string())
}

fn no_page() -> Response<ResponseBody> {
    answer(StatusCode::NOT_FOUND, TEXT, "404 page not found\n")
}

fn not_found() -> Response<ResponseBody> {
    status(Status::failure(StatusReason::NotFound, "the server could not find the requested resource"))
}

fn status(status: Status) -> Response<ResponseBody> {
    let status = Status { details: Some(StatusDetails::default()), ..status };
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_string(&status).unwrap_or_default();
    answer(code, JSON, body)
}

fn answer(
    code: StatusCode,
    content_type: &'static str,
    body: impl Into<bytes::Bytes>,
) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(body));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
