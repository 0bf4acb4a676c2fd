//! From what a request shows to the user who sends it.

use std::sync::Arc;

use http::{HeaderMap, header};
use pilothouse_machinery::{Status, StatusReason};

use super::claims::ISSUER;
use super::tokens::account_of;
use super::{Authorization, TokenDigest, User};
use crate::ApiServer;

/// What a door knows of those who come through it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entrance {
    /// Who comes without showing anything; nobody in particular if `None`.
    pub(crate) user: Option<Arc<User>>,
    /// Whom the certificate names that TLS has checked.
    pub(crate) certificate: Option<Arc<User>>,
    /// A token that stands for the administrator at this door.
    pub(crate) token: Option<TokenDigest>,
}

impl Entrance {
    /// The entrance of `user`.
    pub(crate) fn of(user: User) -> Self {
        Self { user: Some(Arc::new(user.let_in())), ..Self::default() }
    }
}

/// Why nobody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Nothing was shown where something must be.
    Nothing,
    /// What was shown means nothing here.
    Wrong,
}

/// The answer: 401, without a word about what was wrong.
impl From<Unknown> for Status {
    fn from(_: Unknown) -> Self {
        Self::failure(StatusReason::Unauthorized, "Unauthorized")
    }
}

/// The user whose certificate or token the request shows. Without either it is the door's own user, or an anonymous
/// one.
///
/// As with a real server, nobody may be anonymous where everybody may do everything and tokens are asked for.
pub(crate) fn authenticate(
    server: &ApiServer,
    headers: &HeaderMap,
    entrance: &Entrance,
) -> Result<Arc<User>, Unknown> {
    if let Some(user) = &entrance.certificate {
        return Ok(user.clone());
    }
    if let Some(token) = bearer(headers)? {
        let holder = holder(server, token, entrance.token, &[ISSUER.to_owned()]);
        return holder.map(|(user, _)| user).ok_or(Unknown::Wrong);
    }
    if let Some(user) = &entrance.user {
        return Ok(user.clone());
    }
    let options = server.options();
    let asks = !options.tokens.is_empty() || entrance.token.is_some();
    if asks && options.authorization == Authorization::AlwaysAllow {
        return Err(Unknown::Nothing);
    }
    Ok(Arc::new(User::anonymous()))
}

/// The bearer token of a request. Other schemes are as good as nothing; a header that is no text is a wrong token.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Unknown> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Unknown::Wrong)?;
    let parts = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Ok(parts.map(|(_, token)| token.trim()))
}

/// Whose token this is, and for which of `audiences`; `administrators` is the door's own.
pub(super) fn holder(
    server: &ApiServer,
    token: &str,
    administrators: Option<TokenDigest>,
    audiences: &[String],
) -> Option<(Arc<User>, Vec<String>)> {
    let digest = TokenDigest::of(token);
    let user = if administrators == Some(digest) {
        Some(Arc::new(User::admin().let_in()))
    } else {
        server.options().tokens.get(&digest).cloned()
    };
    match user {
        // Tokens of users say nothing of audiences: they are for the API server.
        Some(user) => {
            audiences.iter().any(|audience| audience == ISSUER).then(|| (user, vec![ISSUER.to_owned()]))
        }
        None => account_of(server, token, audiences).map(|(user, audiences)| (Arc::new(user), audiences)),
    }
}
