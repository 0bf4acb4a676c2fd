//! The token that a request shows.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};

/// The longest token that is looked at, in bytes. Those of service accounts have about one thousand.
const LONGEST_TOKEN: usize = 16 * 1024;

/// What stands for a token, or for a question, in a cache: nothing that could be shown to a server.
pub(super) type Fingerprint = [u8; 32];

/// A bearer token. It is sent to the API server and nowhere else: neither `Debug` nor `Display` shows it (Z3).
pub(super) struct Token<'a>(&'a str);

impl<'a> Token<'a> {
    /// The token of a request with exactly one.
    pub(super) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let (Some(only), None) = (all.next(), all.next()) else { return None };
        let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
        let token = token.trim_matches(' ');
        let is_one = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ');
        (is_one && token.len() <= LONGEST_TOKEN).then_some(Self(token))
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Sha256::digest(self.0).into()
    }

    /// The token itself, for the API server.
    pub(super) fn secret(&self) -> &str {
        self.0
    }
}
