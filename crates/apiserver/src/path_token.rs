//! A token as the first part of the path, for clients that keep tokens to themselves.
//!
//! client-go, and so kubectl, never sends the token of a kubeconfig over plain HTTP. The address in a kubeconfig may
//! have a path, though, and every client puts it before its own: `http://127.0.0.1:1234/with-token/SECRET`.

use http::header::{AUTHORIZATION, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};

const PREFIX: &str = "/with-token/";

/// The path that shows `token`, to be put behind the address of a server.
pub(crate) fn path_of(token: &str) -> String {
    format!("{PREFIX}{token}")
}

/// Takes the token out of the path and shows it in the header instead, so that no log gets to see it.
pub(crate) fn take(parts: &mut Parts) {
    let Some(after) = parts.uri.path_and_query().and_then(|path| path.as_str().strip_prefix(PREFIX)) else {
        return;
    };
    let (token, rest) = after.split_at(after.find(['/', '?']).unwrap_or(after.len()));
    let header = HeaderValue::from_str(&format!("Bearer {token}"));
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    let mut uri = parts.uri.clone().into_parts();
    uri.path_and_query = PathAndQuery::try_from(rest).ok();
    if let (Ok(header), Ok(uri)) = (header, Uri::from_parts(uri)) {
        parts.uri = uri;
        parts.headers.insert(AUTHORIZATION, header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_moves_from_the_path_to_the_header() {
        for (before, after) in
            [("/with-token/abc/api/v1/pods?watch=1", "/api/v1/pods?watch=1"), ("/with-token/abc", "/")]
        {
            let (mut parts, ()) = http::Request::builder().uri(before).body(()).unwrap().into_parts();
            take(&mut parts);
            assert_eq!(parts.uri.to_string(), after);
            assert_eq!(parts.headers[AUTHORIZATION], "Bearer abc");
        }
        let (mut parts, ()) = http::Request::builder().uri("/api").body(()).unwrap().into_parts();
        take(&mut parts);
        assert!(parts.headers.is_empty());
    }
}
