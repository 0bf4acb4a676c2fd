//! From what a request shows to the user who sends it.

use std::sync::Arc;

use http::{HeaderMap, header};
use pilothouse_machinery::{Status, StatusReason};

use super::{Authorization, User};
use crate::ApiServer;

/// What a door knows of those who come through it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entrance {
    /// Who comes without showing anything; nobody in particular if `None`.
    pub(crate) user: Option<Arc<User>>,
    /// A token that stands for the administrator at this door.
    pub(crate) token: Option<Arc<str>>,
}

impl Entrance {
    /// The entrance of `user`.
    pub(crate) fn of(user: User) -> Self {
        Self { user: Some(Arc::new(user.let_in())), token: None }
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

/// The user whose token the request shows. Without a token it is the door's own user, or an anonymous one.
///
/// As with a real server, nobody may be anonymous where everybody may do everything and tokens are asked for.
pub(crate) fn authenticate(
    server: &ApiServer,
    headers: &HeaderMap,
    entrance: &Entrance,
) -> Result<Arc<User>, Unknown> {
    if let Some(token) = bearer(headers) {
        return holder(server, token, entrance).ok_or(Unknown::Wrong);
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

/// The bearer token of a request. Other schemes are as good as nothing.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whose token this is.
pub(super) fn holder(server: &ApiServer, token: &str, entrance: &Entrance) -> Option<Arc<User>> {
    if entrance.token.as_deref() == Some(token) {
        return Some(Arc::new(User::admin().let_in()));
    }
    server.options().tokens.get(token).cloned()
}
