//! The secret that signs notifications.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// A secret that never shows in logs: printing it says `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// Reads a secret: `whsec_` and base64, as Standard Webhooks writes it, or any other text taken as it is.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let decoded = text.strip_prefix("whsec_").and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        Self(decoded.unwrap_or_else(|| text.as_bytes().to_vec()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret([redacted])")
    }
}
