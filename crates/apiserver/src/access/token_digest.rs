//! Secrets, kept as digests.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a bearer token. How long it takes to compare two tells nothing about how much of a token is right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl fmt::Debug for TokenDigest {
    /// Tells nothing: a short token could be guessed from its digest.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenDigest").finish_non_exhaustive()
    }
}
