//! Signatures as Standard Webhooks defines them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::SigningSecret;

/// The value of `webhook-signature`: HMAC-SHA256 over message id, timestamp in seconds and body.
pub(super) fn signature(
    secret: &SigningSecret,
    message_id: &str,
    timestamp: i64,
    body: &str,
) -> Option<String> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.bytes()).ok()?;
    hmac.update(format!("{message_id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64_STANDARD.encode(hmac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn z3_a_secret_does_not_show_when_printed() {
        let secret = SigningSecret::parse("hunter2");
        assert_eq!(secret.bytes(), b"hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
