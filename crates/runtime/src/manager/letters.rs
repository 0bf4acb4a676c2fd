//! `/deadletters`: what was given up, over HTTP.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{ALLOW, HOST};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use pilothouse_machinery::LabelSelector;
use serde_json::Value;

use super::endpoints::json;
use crate::ObjectKey;
use crate::controller::{DeadLetterSelector, DeadLetters, chain};
use crate::ledger::HistoryQuery;

/// Where they are served.
const ROOT: &str = "/deadletters";
/// The header in which a client says who asks for a change. No page of a browser can send it here unasked.
const BY: &str = "pilothouse-by";
/// How many items an answer holds unless the client asks for another number.
const ITEMS: usize = 1000;

/// The dead letters of a process, and who may change them.
#[derive(Clone, Debug)]
pub(super) struct Letters {
    pub(super) letters: DeadLetters,
    /// Whether changes are taken from other machines.
    pub(super) is_open: bool,
}

type Answer = (StatusCode, Value);

impl Letters {
    /// The answer to a request of `user`, whom the gate has let in by name, or of somebody; `None` where the address is
    /// another one's.
    pub(super) async fn respond(
        &self,
        peer: IpAddr,
        user: Option<&str>,
        request: &Parts,
    ) -> Option<Response<Full<Bytes>>> {
        let path = request.uri.path().strip_prefix(ROOT)?;
        let answer = match (&request.method, path) {
            (&Method::GET, "") => self.list(request),
            (&Method::GET, "/history") => self.history(request).await,
            (&Method::POST, "/replay") => self.change(peer, user, request, DeadLetters::replay),
            (&Method::DELETE, "") => self.change(peer, user, request, DeadLetters::discard),
            (_, "" | "/history" | "/replay") => {
                let why = "GET /deadletters and /deadletters/history, POST /deadletters/replay, DELETE /deadletters";
                let mut response = json(StatusCode::METHOD_NOT_ALLOWED, &serde_json::json!({"error": why}));
                let allowed = match path {
                    "" => "GET, DELETE",
                    "/history" => "GET",
                    _ => "POST",
                };
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
                return Some(response);
            }
            _ => return None,
        };
        let (status, body) =
            answer.unwrap_or_else(|(status, why)| (status, serde_json::json!({"error": why})));
        Some(json(status, &body))
    }

    fn list(&self, request: &Parts) -> Result<Answer, (StatusCode, String)> {
        let query = Query::of(request)?;
        let found = self.letters.list(&query.selector);
        let items = &found[..found.len().min(query.limit)];
        let controllers = self.letters.controllers();
        Ok((
            StatusCode::OK,
            serde_json::json!({"items": items, "total": found.len(), "controllers": controllers}),
        ))
    }

    async fn history(&self, request: &Parts) -> Result<Answer, (StatusCode, String)> {
        let Query { selector, limit, .. } = Query::of(request)?;
        let namespace = selector.namespace.unwrap_or_default();
        let key = selector.name.map(|name| ObjectKey::new(namespace, name));
        let query = HistoryQuery { controller: selector.controller, key, limit };
        match self.letters.history(&query).await {
            Ok(lines) => Ok((StatusCode::OK, serde_json::json!({"items": lines}))),
            Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, chain(&error))),
        }
    }

    fn change(
        &self,
        peer: IpAddr,
        user: Option<&str>,
        request: &Parts,
        act: fn(&DeadLetters, &DeadLetterSelector, &str) -> usize,
    ) -> Result<Answer, (StatusCode, String)> {
        let refuse = |status, why: &str| Err((status, why.to_owned()));
        // Whom the API server has let in needs no other proof: no page of a browser has that token.
        let may_change =
            self.is_open || user.is_some() || (peer.to_canonical().is_loopback() && is_own_host(request));
        if !may_change {
            return refuse(
                StatusCode::FORBIDDEN,
                "changes are taken from this machine only, under its address: use kubectl port-forward, or allow \
                 others with Manager::remote_dead_letter_changes",
            );
        }
        let by = request.headers.get(BY).and_then(|by| by.to_str().ok()).filter(|by| !by.is_empty());
        let by = match (user, by) {
            (Some(user), Some(by)) => format!("{user} ({by})"),
            (Some(user), None) => user.to_owned(),
            (None, Some(by)) => by.to_owned(),
            (None, None) => {
                return refuse(StatusCode::BAD_REQUEST, "say who asks in the header pilothouse-by");
            }
        };
        let query = Query::of(request)?;
        if query.selector.is_all() && !query.all {
            return refuse(StatusCode::BAD_REQUEST, "say which dead letters are meant, or all=true");
        }
        let count = act(&self.letters, &query.selector, &by);
        tracing::info!(by, count, method = %request.method, "dead letters changed over HTTP");
        Ok((StatusCode::OK, serde_json::json!({"count": count})))
    }
}

/// Whether the client names this machine by an address or as localhost: by another name a page of a browser may, whose
/// name was bound anew to this machine.
fn is_own_host(request: &Parts) -> bool {
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(Ok(authority)) = host.map(str::parse::<Authority>) else { return false };
    let host = authority.host();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// What a client has asked for.
struct Query {
    selector: DeadLetterSelector,
    limit: usize,
    all: bool,
}

impl Query {
    fn of(request: &Parts) -> Result<Self, (StatusCode, String)> {
        let bad = |why: String| (StatusCode::BAD_REQUEST, why);
        let mut query = Self { selector: DeadLetterSelector::all(), limit: ITEMS, all: false };
        let pairs = request.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or_else(|| bad(format!("cannot read the value of {name}")))?;
            let selector = &mut query.selector;
            match name {
                "controller" => selector.controller = Some(value),
                "namespace" => selector.namespace = Some(value),
                "name" => selector.name = Some(value),
                "reason" => selector.reason = Some(value),
                "selector" => {
                    let labels = LabelSelector::parse(&value);
                    selector.labels = Some(labels.map_err(|error| bad(error.to_string()))?);
                }
                "limit" => {
                    query.limit = value.parse().map_err(|_| bad("limit is no number".to_owned()))?;
                }
                "all" => query.all = value == "true",
                other => {
                    let known = "controller, namespace, name, reason, selector, limit, all";
                    return Err(bad(format!("{other} is none of {known}")));
                }
            }
        }
        Ok(query)
    }
}

/// A value of a query as it was meant.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::MemoryLedger;

    async fn ask(
        letters: &Letters,
        peer: &str,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> (u16, String) {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let response = letters.respond(peer.parse().unwrap(), None, &parts).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn letters(is_open: bool) -> Letters {
        Letters { letters: DeadLetters::new(std::sync::Arc::new(MemoryLedger::new())), is_open }
    }

    #[tokio::test]
    async fn d6_changes_are_taken_from_this_machine_under_its_address_from_somebody_who_says_who() {
        let local = &[("host", "127.0.0.1:8080"), (BY, "ann")];
        let rebound = &[("host", "evil.example:8080"), (BY, "ann")];
        let anonymous = &local[..1];
        let replay = "/deadletters/replay?reason=A";
        for (is_open, peer, headers, expected) in [
            (false, "127.0.0.1", &local[..], 200),
            (false, "::ffff:127.0.0.1", &local[..], 200),
            (false, "10.0.0.7", &local[..], 403),
            (false, "127.0.0.1", &rebound[..], 403),
            (false, "127.0.0.1", anonymous, 400),
            (true, "10.0.0.7", &rebound[..], 200),
            (true, "10.0.0.7", anonymous, 400),
        ] {
            let letters = letters(is_open);
            let (status, body) = ask(&letters, peer, Method::POST, replay, headers).await;
            assert_eq!(status, expected, "{peer} {headers:?}: {body}");
            let (status, _) = ask(&letters, peer, Method::DELETE, "/deadletters?reason=A", headers).await;
            assert_eq!(status, expected);
            let (status, _) = ask(&letters, peer, Method::GET, "/deadletters", &[]).await;
            assert_eq!(status, 200, "whoever reads metrics may read them");
        }
    }

    #[tokio::test]
    async fn a_change_of_everything_must_be_asked_for_and_mistakes_are_named() {
        let headers = &[("host", "localhost"), (BY, "ann")];
        let letters = letters(false);
        for (method, uri, status, text) in [
            (Method::POST, "/deadletters/replay", 400, "all=true"),
            (Method::DELETE, "/deadletters?limit=3", 400, "all=true"),
            (Method::DELETE, "/deadletters?all=true", 200, "0"),
            (Method::DELETE, "/deadletters?namspace=x", 400, "namspace is none of"),
            (Method::GET, "/deadletters?selector=a+b+c", 400, "error"),
            (Method::GET, "/deadletters?name=%zz", 400, "value of name"),
            (Method::PUT, "/deadletters", 405, "DELETE"),
            (Method::GET, "/deadletters/history?name=a&namespace=b", 200, "items"),
        ] {
            let (found, body) = ask(&letters, "127.0.0.1", method, uri, headers).await;
            assert!(found == status && body.contains(text), "{uri}: {found} {body}");
        }
        assert_eq!(decoded("a%2Fb+c%E9%9B%AA").as_deref(), Some("a/b c雪"));
    }
}
