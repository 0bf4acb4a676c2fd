//! The token that shows that a form was rendered by this portal for this browser.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs the value of a browser's session cookie. One per process: a restart outdates open forms.
///
/// The second line of defence: the first is that a form must come from the same origin (see `guard`). Another
/// service on this machine may read and set our cookie, because cookies know no ports, but it cannot sign.
#[derive(Clone)]
pub(crate) struct Signer {
    /// `None` if the operating system gave no random bytes: then no token is valid and every form is refused.
    key: Option<[u8; 32]>,
}

impl Signer {
    /// A signer with a key from the operating system, whatever else is simulated: whoever knows the seed of a
    /// simulation must not know the key.
    pub(crate) fn new() -> Self {
        Self { key: random() }
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
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_ref()?).ok()?;
        mac.update(session.as_bytes());
        Some(mac)
    }
}

/// A new session's cookie value: 32 hexadecimal digits.
pub(crate) fn new_session() -> Option<String> {
    let bytes: [u8; 16] = random()?;
    let mut session = String::with_capacity(32);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(session, "{byte:02x}");
    }
    Some(session)
}

fn random<const LENGTH: usize>() -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Some(bytes),
        Err(error) => {
            let reason = "NoEntropy";
            tracing::error!(reason, error = &error as &dyn std::error::Error, "forms will be refused");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_belongs_to_one_session_and_one_process() {
        let (one, two) = (Signer::new(), Signer::new());
        let token = one.sign("session");
        assert!(one.verify("session", &token));
        assert!(!one.verify("other", &token) && !two.verify("session", &token));
        assert!(!one.verify("session", "") && !one.verify("session", "not base64!"));
    }

    #[test]
    fn without_entropy_no_token_is_valid() {
        let signer = Signer { key: None };
        assert!(!signer.verify("session", &signer.sign("session")));
    }

    #[test]
    fn sessions_differ() {
        let (one, two) = (new_session().unwrap(), new_session().unwrap());
        assert_eq!((one.len(), two.len()), (32, 32));
        assert_ne!(one, two);
    }
}
