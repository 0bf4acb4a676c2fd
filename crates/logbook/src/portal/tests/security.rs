//! Headers, hosts, origins, tokens, caches.

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HOST, IF_NONE_MATCH, SET_COOKIE};
use http::{Method, Request, StatusCode};

use super::fixture::{Portal, form, request};

#[tokio::test]
async fn every_answer_forbids_what_pages_do_not_need() {
    let portal = Portal::new().await;
    for address in ["/", "/jobs/none", "/api/v1/jobs", "/api/v1/none", "/healthz", "/submit"] {
        let answer = portal.get(address).await;
        let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{address}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{address}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{address}");
        assert!(answer.headers.contains_key(CACHE_CONTROL), "{address}");
    }
}

#[tokio::test]
async fn pages_hold_nothing_that_the_policy_would_block() {
    let portal = Portal::new().await;
    let uid = portal.add("web", &["Submitted", "Running", "Failed"]).await;
    for address in ["/".to_owned(), format!("/jobs/{uid}"), "/submit".to_owned()] {
        let page = portal.get(&address).await.text;
        assert!(
            !page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick"),
            "{address}"
        );
        assert_eq!(page.matches("<script").count(), 1, "{address}");
        assert!(page.contains(r#"<script type="module" src="/assets/portal."#), "{address}");
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing from elsewhere: {address}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_refused() {
    let portal = Portal::new().await;
    let cases = [
        ("localhost", StatusCode::OK),
        ("127.0.0.1:8080", StatusCode::OK),
        ("[::1]:8080", StatusCode::OK),
        ("Logbook.Example.com", StatusCode::OK),
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("localhost.evil.example:8080", StatusCode::MISDIRECTED_REQUEST),
        ("10.0.0.1", StatusCode::MISDIRECTED_REQUEST),
    ];
    for (host, status) in cases {
        for address in ["/", "/api/v1/jobs", "/healthz"] {
            let request = Request::builder().uri(address).header(HOST, host).body(Body::empty()).unwrap();
            assert_eq!(portal.ask(request).await.status, status, "{host} {address}");
        }
    }
    let without = Request::builder().uri("/").body(Body::empty()).unwrap();
    assert_eq!(portal.ask(without).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_form_from_elsewhere_is_refused() {
    let portal = Portal::new().await;
    let page = portal.get("/submit").await;
    let (cookie, body) = (page.cookie(), format!("token={}&image=busybox", page.token()));
    let cases = [
        ("origin", "http://evil.example"),
        ("origin", "http://localhost:9999"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for (header, value) in cases {
        let mut request = form("/submit", &cookie, body.clone());
        request.headers_mut().insert(header, value.parse().unwrap());
        assert_eq!(portal.ask(request).await.status, StatusCode::FORBIDDEN, "{header}: {value}");
    }
    assert!(portal.server.request_log().is_empty(), "nothing reached the API server");
}

#[tokio::test]
async fn a_form_without_this_sessions_token_is_refused() {
    let portal = Portal::new().await;
    let uid = portal.add("web", &["Submitted"]).await;
    let (one, two) = (portal.get("/submit").await, portal.get("/submit").await);
    let token = one.token();
    for address in ["/submit".to_owned(), format!("/jobs/{uid}/delete"), format!("/jobs/{uid}/suspend")] {
        for (cookie, token) in [(two.cookie(), token.as_str()), (one.cookie(), ""), (String::new(), &token)] {
            let answer = portal.ask(form(&address, &cookie, format!("token={token}&image=busybox"))).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{address}");
        }
    }
    assert!(portal.server.request_log().is_empty(), "nothing reached the API server");
}

#[tokio::test]
async fn the_session_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let portal = Portal::new().await;
    let page = portal.get("/").await;
    let cookie = page.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let request = request(Method::GET, "/").header("cookie", page.cookie()).body(Body::empty()).unwrap();
    assert!(!portal.ask(request).await.headers.contains_key(SET_COOKIE), "a browser keeps its session");
    assert!(!portal.get("/api/v1/jobs").await.headers.contains_key(SET_COOKIE));
}

#[tokio::test]
async fn assets_are_cached_for_ever_under_the_hash_of_their_content() {
    let portal = Portal::new().await;
    let page = portal.get("/").await.text;
    for kind in ["css", "js", "svg"] {
        let stem = if kind == "svg" { "/assets/logo." } else { "/assets/portal." };
        let end = format!(".{kind}\"");
        let addresses = page.match_indices(stem).map(|(index, _)| page[index..].split('"').next().unwrap());
        let address =
            addresses.into_iter().find(|address| end.starts_with(&address[address.len() - kind.len() - 1..]));
        let address = address.unwrap();
        let asset = portal.get(address).await;
        assert_eq!(asset.status, StatusCode::OK);
        assert!(asset.headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let tag = asset.headers[ETAG].clone();
        let again = request(Method::GET, address).header(IF_NONE_MATCH, tag).body(Body::empty()).unwrap();
        let again = portal.ask(again).await;
        assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    }
}

#[tokio::test]
async fn other_sites_may_link_to_pages_but_not_use_parts_of_them() {
    let portal = Portal::new().await;
    let cases = [
        ("cross-site", "navigate", "/", StatusCode::OK),
        ("cross-site", "cors", "/events", StatusCode::FORBIDDEN),
        ("cross-site", "no-cors", "/api/v1/jobs", StatusCode::FORBIDDEN),
        ("same-site", "cors", "/api/v1/jobs", StatusCode::FORBIDDEN),
        ("same-origin", "cors", "/api/v1/jobs", StatusCode::OK),
        ("none", "navigate", "/api/v1/jobs", StatusCode::OK),
    ];
    for (site, mode, address, status) in cases {
        let request =
            request(Method::GET, address).header("sec-fetch-site", site).header("sec-fetch-mode", mode);
        let response = portal.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), status, "{site} {mode} {address}");
    }
}

#[tokio::test]
async fn assets_are_compressed_for_who_accepts_it() {
    let portal = Portal::new().await;
    let page = portal.get("/").await.text;
    let (_, rest) = page.split_once("href=\"/assets/portal.").unwrap();
    let address = format!("/assets/portal.{}", rest.split('"').next().unwrap());
    let plain = portal.get(&address).await;
    for (accepted, is_compressed) in [("gzip, zstd;q=0.5", true), ("gzip, br", false), ("zstd;q=0", false)] {
        let request = request(Method::GET, &address).header("accept-encoding", accepted);
        let response = portal.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers().contains_key("content-encoding"), is_compressed, "{accepted}");
        assert_eq!(response.headers()["vary"], "accept-encoding");
        let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        let text =
            if is_compressed { zstd::bulk::decompress(&bytes, 1 << 20).unwrap() } else { bytes.to_vec() };
        assert!(text == plain.text.as_bytes() && (!is_compressed || bytes.len() < text.len() / 2));
    }
}
