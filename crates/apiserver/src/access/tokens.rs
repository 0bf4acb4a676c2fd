//! Tokens of service accounts: issued, and told whose they are.

use std::fmt;
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use parking_lot::Mutex;
use pilothouse_machinery::{Status, StatusReason};

use super::User;
use super::claims::Claims;
use super::signer::{Signer, SigningError};
use crate::ApiServer;

/// How many tokens are known by heart: checking a signature takes longer than answering a small request.
const REMEMBERED: usize = 1024;

/// Issues tokens and reads them. The key is made when the first token is issued or somebody asks for it.
#[derive(Default)]
pub(crate) struct Tokens {
    signer: OnceLock<Signer>,
    /// Tokens whose signature was right; the oldest first.
    known: Mutex<IndexMap<String, Arc<Claims>>>,
}

impl fmt::Debug for Tokens {
    /// Tells no token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// The key.
    pub(crate) fn signer(&self) -> Result<&Signer, Status> {
        if let Some(signer) = self.signer.get() {
            return Ok(signer);
        }
        let signer = Signer::generate().map_err(internal)?;
        Ok(self.signer.get_or_init(|| signer))
    }

    /// The token that says `claims`.
    pub(crate) fn issue(&self, claims: &Claims) -> Result<String, Status> {
        let text = serde_json::to_vec(claims).map_err(|_| internal(SigningError))?;
        self.signer()?.sign(&text).map_err(internal)
    }

    /// What a token says that this server has signed.
    fn read(&self, token: &str) -> Option<Arc<Claims>> {
        if let Some(claims) = self.known.lock().get(token) {
            return Some(claims.clone());
        }
        let claims: Claims = serde_json::from_slice(&self.signer.get()?.verify(token)?).ok()?;
        let claims = Arc::new(claims);
        let mut known = self.known.lock();
        if known.len() >= REMEMBERED {
            known.shift_remove_index(0);
        }
        known.insert(token.to_owned(), claims.clone());
        Some(claims)
    }
}

/// Whose token it is, and for which of `audiences`; `None` if it counts for none of them (any more).
pub(crate) fn account_of(
    server: &ApiServer,
    token: &str,
    audiences: &[String],
) -> Option<(User, Vec<String>)> {
    let claims = server.tokens().read(token)?;
    let mut meant = claims.audiences.clone();
    meant.retain(|audience| audiences.contains(audience));
    (!meant.is_empty() && claims.hold(server)).then(|| (claims.user(), meant))
}

fn internal(error: SigningError) -> Status {
    Status::failure(StatusReason::InternalError, format!("Internal error occurred: {error}"))
}
