//! The token that shows that a form was rendered by this portal for this browser.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use pilothouse_machinery::Environment;
use sha2::{Digest, Sha256};

/// Signs the value of a browser's session cookie. One per process: a restart outdates open forms.
///
/// The second line of defence: the first is that a form must come from the same origin (see `guard`). Another
/// service on this machine may read and set our cookie, because cookies know no ports, but it cannot sign.
#[derive(Clone)]
pub(crate) struct Signer {
    key: [u8; 32],
}

impl Signer {
    pub(crate) fn new(environment: &Environment) -> Self {
        let mut digest = Sha256::new();
        for _ in 0..4 {
            digest.update(environment.random_u64().to_le_bytes());
        }
        Self { key: digest.finalize().into() }
    }

    /// The token for a session.
    pub(crate) fn sign(&self, session: &str) -> String {
        self.mac(session).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())).unwrap_or_default()
    }

    /// Whether `token` is the session's, compared in constant time.
    pub(crate) fn verify(&self, session: &str, token: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return false };
        self.mac(session).is_some_and(|mac| mac.verify_slice(&bytes).is_ok())
    }

    fn mac(&self, session: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(session.as_bytes());
        Some(mac)
    }
}

/// A new session's cookie value.
pub(crate) fn new_session(environment: &Environment) -> String {
    let mut session = String::with_capacity(32);
    for _ in 0..2 {
        // Writing to a String cannot fail.
        let _ = write!(session, "{:016x}", environment.random_u64());
    }
    session
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[tokio::test]
    async fn a_token_belongs_to_one_session_and_one_process() {
        let environment = Environment::simulated(1, Timestamp::UNIX_EPOCH);
        let (one, two) = (Signer::new(&environment), Signer::new(&environment));
        let token = one.sign("session");
        assert!(one.verify("session", &token));
        assert!(!one.verify("other", &token) && !two.verify("session", &token));
        assert!(!one.verify("session", "") && !one.verify("session", "not base64!"));
    }
}
