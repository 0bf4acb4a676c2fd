//! The files the pages need, inside the binary: addressed by their content's hash, so that they can be cached for ever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

/// All embedded files.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new("portal", "css", "text/css; charset=utf-8", include_bytes!("../../assets/portal.css")),
    script: Asset::new(
        "portal",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../assets/portal.js"),
    ),
    logo: Asset::new("logo", "svg", "image/svg+xml", include_bytes!("../../assets/logo.svg")),
});

pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) logo: Asset,
}

pub(crate) struct Asset {
    /// File name with the hash, for example `portal.1f0c….css`.
    file: String,
    etag: String,
    content_type: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let mut hash = String::new();
        for byte in Sha256::digest(bytes).iter().take(8) {
            // Writing to a String cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        Self { file: format!("{stem}.{hash}.{extension}"), etag: format!("\"{hash}\""), content_type, bytes }
    }

    /// The address under which the file is served.
    pub(crate) fn address(&self) -> String {
        format!("/assets/{}", self.file)
    }
}

/// `GET /assets/{file}`: 404 for a name (or a hash) that this binary does not hold.
pub(crate) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response<Body> {
    let all = [&ASSETS.style, &ASSETS.script, &ASSETS.logo];
    let Some(asset) = all.into_iter().find(|asset| asset.file == file) else {
        return plain(StatusCode::NOT_FOUND, Body::from("no such file\n"));
    };
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == asset.etag));
    let (status, body) = if unchanged {
        (StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        (StatusCode::OK, Body::from(asset.bytes))
    };
    let mut response = plain(status, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(ETAG, etag);
    }
    response
}

fn plain(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
