//! The key that signs tokens of service accounts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A key for JSON Web Signatures with ES256 (RFC 7515, RFC 7518 section 3.4).
///
/// Key and signatures come from the operating system's entropy, not from an
/// [`Environment`](pilothouse_machinery::Environment): a token that a seed gives away would be none. Texts of tokens
/// therefore differ between runs of one seed; nothing else does.
#[derive(Debug)]
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    id: String,
}

/// The operating system gave no entropy, or the key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot generate a key or sign with it")]
pub(crate) struct SigningError;

impl Signer {
    /// A new key.
    pub(crate) fn generate() -> Result<Self, SigningError> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| SigningError)?;
        let key =
            EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).map_err(|_| SigningError)?;
        let id = BASE64.encode(Sha256::digest(key.public_key().as_ref()));
        Ok(Self { key, random, id })
    }

    /// The token that says `claims`.
    pub(crate) fn sign(&self, claims: &[u8]) -> Result<String, SigningError> {
        let header = json!({"alg": "ES256", "kid": self.id, "typ": "JWT"}).to_string();
        let said = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let signature = self.key.sign(&self.random, said.as_bytes()).map_err(|_| SigningError)?;
        Ok(format!("{said}.{}", BASE64.encode(signature)))
    }

    /// What `token` says, if this key has signed it.
    pub(crate) fn verify(&self, token: &str) -> Option<Vec<u8>> {
        let (said, signature) = token.rsplit_once('.')?;
        let (header, claims) = said.split_once('.')?;
        let header: Value = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
        if header["alg"] != "ES256" || header["kid"] != *self.id {
            return None;
        }
        let signature = BASE64.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
        key.verify(said.as_bytes(), &signature).ok()?;
        BASE64.decode(claims).ok()
    }

    /// The public key as others read it (RFC 7517).
    pub(crate) fn public_key(&self) -> Value {
        // One byte for the form, 32 for each coordinate.
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        json!({
            "use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": "ES256",
            "x": BASE64.encode(x), "y": BASE64.encode(y),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au1_what_is_signed_is_read_back_and_nothing_else_is() {
        let (signer, other) = (Signer::generate().unwrap(), Signer::generate().unwrap());
        let token = signer.sign(b"{\"sub\":\"a\"}").unwrap();
        assert_eq!(signer.verify(&token).as_deref(), Some(&b"{\"sub\":\"a\"}"[..]));
        assert_eq!(other.verify(&token), None);
        let parts: Vec<_> = token.split('.').collect();
        let claims = BASE64.encode("{\"sub\":\"b\"}");
        let unsigned = BASE64.encode(json!({"alg": "none", "kid": signer.id}).to_string());
        for forged in [
            format!("{}.{claims}.{}", parts[0], parts[2]),
            format!("{unsigned}.{claims}."),
            format!("{}.{}", parts[0], parts[1]),
            format!("{token}A"),
            "a.b.c".into(),
            "..".into(),
            String::new(),
        ] {
            assert_eq!(signer.verify(&forged), None, "{forged}");
        }
    }
}
