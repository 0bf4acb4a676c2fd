//! What others need to check tokens of service accounts by themselves (`OpenID` Connect Discovery 1.0).

use pilothouse_machinery::Status;
use serde_json::{Value, json};

use super::claims::ISSUER;
use crate::ApiServer;

/// The answer to `/openid/v1/jwks`.
pub(crate) fn keys(server: &ApiServer) -> Result<Value, Status> {
    Ok(json!({"keys": [server.tokens().signer()?.public_key()]}))
}

/// The answer to `/.well-known/openid-configuration` at the address `host`.
pub(crate) fn configuration(host: &str) -> Value {
    json!({
        "issuer": ISSUER,
        "jwks_uri": format!("https://{host}/openid/v1/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}
