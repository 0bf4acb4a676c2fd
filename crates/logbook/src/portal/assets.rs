//! The files the pages need, inside the binary: addressed by their content's hash, so that they can be cached for ever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::extract::Path;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

/// How hard to compress: done once, so thoroughly.
const LEVEL: i32 = 19;

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
    /// The same, compressed by zstd, if that makes it smaller.
    compressed: Option<Bytes>,
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let mut hash = String::new();
        for byte in Sha256::digest(bytes).iter().take(8) {
            // Writing to a String cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        let compressed = zstd::bulk::compress(bytes, LEVEL).ok().filter(|small| small.len() < bytes.len());
        Self {
            file: format!("{stem}.{hash}.{extension}"),
            etag: format!("W/\"{hash}\""),
            content_type,
            bytes,
            compressed: compressed.map(Bytes::from),
        }
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
    let compressed = asset.compressed.clone().filter(|_| accepts_zstd(&headers));
    let encoding = compressed.is_some().then_some("zstd");
    let (status, body) = match compressed {
        _ if unchanged => (StatusCode::NOT_MODIFIED, Body::empty()),
        Some(compressed) => (StatusCode::OK, Body::from(compressed)),
        None => (StatusCode::OK, Body::from(asset.bytes)),
    };
    let mut response = plain(status, body);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding.filter(|_| !unchanged) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(ETAG, etag);
    }
    response
}

/// Whether the request names `zstd` among the encodings it accepts, and does not give it the weight of zero.
fn accepts_zstd(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_zstd = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("zstd"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        is_zstd && weight.is_none_or(|weight| weight > 0.0)
    })
}

fn plain(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
