//! Continue tokens: where the next page of a list begins, and at which revision.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pilothouse_machinery::Status;
use serde::{Deserialize, Serialize};

/// What a continue token holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    #[serde(rename = "v")]
    version: String,
    /// The revision of the first page; -1 goes on at the newest.
    #[serde(rename = "rv")]
    pub(super) revision: i64,
    /// The key after which the page begins, relative to the namespace listed, and a zero byte.
    start: String,
}

impl Position {
    /// After the object `key` (relative to the namespace listed).
    pub(super) fn after(key: &str, revision: i64) -> Self {
        Self { version: "meta.k8s.io/v1".into(), revision, start: format!("{key}\0") }
    }

    /// The same place at the newest revision.
    pub(super) fn at_newest(&self) -> Self {
        Self { revision: -1, ..self.clone() }
    }

    /// The key after which the page begins.
    pub(super) fn key(&self) -> &str {
        self.start.trim_end_matches('\0')
    }

    /// The token.
    pub(super) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a token.
    pub(super) fn decode(token: &str) -> Result<Self, Status> {
        let refused = |why: &str| Status::bad_request(format!("invalid continue token: {why}"));
        let bytes = URL_SAFE_NO_PAD
            .decode(token.trim_end_matches('='))
            .map_err(|_| refused("continue key is not valid: it is not base64"))?;
        let position: Self = serde_json::from_slice(&bytes)
            .map_err(|_| refused("continue key is not valid: it is not JSON"))?;
        if position.version != "meta.k8s.io/v1" {
            return Err(refused("continue key is not valid: server does not recognize this encoded version"));
        }
        if position.revision == 0 || position.revision < -1 || position.key().is_empty() {
            return Err(refused("continue key is not valid: incorrect encoded start resourceVersion"));
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_a_round_trip_and_garbage_is_refused() {
        let position = Position::after("ns/name", 1234);
        assert_eq!(Position::decode(&position.encode()), Ok(position.clone()));
        assert_eq!((position.at_newest().revision, position.key()), (-1, "ns/name"));
        for token in ["", "?", "e30", &URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#)]
        {
            let status = Position::decode(token).unwrap_err();
            assert!(status.code == 400 && status.message.starts_with("invalid continue token: "), "{token}");
        }
    }
}
