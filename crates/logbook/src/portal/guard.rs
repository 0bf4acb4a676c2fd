//! What every request passes: the host must be ours, unsafe requests must come from our own pages, and every
//! answer carries the headers that keep a page from doing what it should not.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::PortalState;
use super::context::{LANGUAGE_COOKIE, SESSION_COOKIE, Session, THEME_COOKIE, cookie, parameters};
use super::language::Language;
use super::token::new_session;

/// Everything from ourselves, nothing inline, no frames, no plug-ins, forms to ourselves only.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: with that, browsers send `Origin: null` with our own forms.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses unknown hosts and requests of other sites; adds the headers.
pub(crate) async fn guard(State(state): State<PortalState>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&state, &request) {
        Some((status, text)) => (status, text).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

fn refusal(state: &PortalState, request: &Request) -> Option<(StatusCode, &'static str)> {
    let Some(host) = host(request) else {
        return Some((StatusCode::BAD_REQUEST, "a Host header is needed\n"));
    };
    if !is_known(host.host(), &state.options().allowed_hosts) {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "this portal is not reachable under that host name\n",
        ));
    }
    let is_own = if is_safe(request.method()) {
        !is_foreign_part(request.headers())
    } else {
        is_same_origin(request.headers(), &host)
    };
    (!is_own).then_some((StatusCode::FORBIDDEN, "this request did not come from the portal's own pages\n"))
}

/// Whether another site's page wants something of ours as a part of itself: an image, a script, a stream. Its links
/// to our pages are welcome.
fn is_foreign_part(headers: &HeaderMap) -> bool {
    let is_any = |name: &str, words: &[&str]| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| words.contains(&value))
    };
    let is_foreign = is_any("sec-fetch-site", &["cross-site", "same-site"]);
    is_foreign && headers.contains_key("sec-fetch-mode") && !is_any("sec-fetch-mode", &["navigate"])
}

fn host(request: &Request) -> Option<Authority> {
    let header = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    header.and_then(|host| host.parse().ok()).or_else(|| request.uri().authority().cloned())
}

/// Loopback names and addresses, and those the options allow. An address or a name that resolves here but is not
/// listed may be an attacker's page whose name was bound anew to this machine.
fn is_known(host: &str, allowed: &[String]) -> bool {
    let loopback = ["localhost", "127.0.0.1", "[::1]"];
    loopback
        .iter()
        .copied()
        .chain(allowed.iter().map(String::as_str))
        .any(|name| name.eq_ignore_ascii_case(host))
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Browsers say where an unsafe request comes from in `Sec-Fetch-Site` or at least in `Origin`; what says neither is
/// no browser, and then only the form's token counts.
fn is_same_origin(headers: &HeaderMap, host: &Authority) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    match headers.get(ORIGIN) {
        None => true,
        Some(origin) => {
            let origin = origin.to_str().unwrap_or_default();
            origin.split_once("://").is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host.as_str()))
        }
    }
}

/// Gives the browser its session cookie, and remembers a language or a theme chosen by the address.
pub(crate) async fn session(mut request: Request, next: Next) -> Response {
    let known =
        cookie(request.headers(), SESSION_COOKIE).filter(|value| is_session(value)).map(str::to_owned);
    let mut cookies = Vec::new();
    let session = known.or_else(|| {
        let session = new_session()?;
        cookies.push(format!("{SESSION_COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict"));
        Some(session)
    });
    for (name, value) in parameters(request.uri()) {
        let remembered = match (name.as_str(), value.as_str()) {
            ("theme", theme @ ("light" | "dark")) => Some((THEME_COOKIE, theme)),
            ("lang", tag) => Language::from_tag(tag).map(|language| (LANGUAGE_COOKIE, language.tag())),
            _ => None,
        };
        cookies.extend(
            remembered.map(|(cookie, value)| {
                format!("{cookie}={value}; Path=/; Max-Age=31536000; SameSite=Strict")
            }),
        );
    }
    request.extensions_mut().insert(Session(session.unwrap_or_default()));
    let mut response = next.run(request).await;
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}

fn is_session(value: &str) -> bool {
    value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}
