//! Who comes in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, StatusCode};
use k8s_openapi::api::authentication::v1::UserInfo;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::MetricsAccess;
use super::reviewer::{NoAnswer, Reviewer};
use super::shelf::Shelf;
use super::token::{Fingerprint, Token};
use crate::Client;

// Lifetimes as those of controller-runtime's filter (`DelegatingAuthenticatorConfig`, `DelegatingAuthorizerConfig`): so
// long does it take until a revoked token or right has its effect.

/// How long it is known whose a token is, or that it is nobody's.
const USER_LIFETIME: Duration = Duration::from_mins(1);
/// How long somebody may do something without being asked about again.
const ALLOWED_LIFETIME: Duration = Duration::from_mins(5);
/// How long somebody may not.
const DENIED_LIFETIME: Duration = Duration::from_secs(30);
/// How many answers of each kind are kept, below 1 KiB each. Refusals have shelves of their own: strangers with ever
/// new tokens do not push out who is known.
const ANSWERS_KEPT: usize = 1024;
/// How often the log tells that the API server does not answer.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Why somebody does not come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manager) enum Refusal {
    /// Without a token, or with one that the API server does not know.
    Unauthenticated,
    /// Without the right.
    Forbidden { user: String, verb: &'static str, path: String },
    /// The API server cannot be asked.
    NoAnswer { review: &'static str, reason: &'static str },
}

impl Refusal {
    pub(in crate::manager) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::NoAnswer { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthenticated => {
                formatter.write_str("show a token that the API server knows: Authorization: Bearer TOKEN")
            }
            Self::Forbidden { user, verb, path } => write!(
                formatter,
                "{user:?} may not {verb} {path}: bind a ClusterRole with this verb and path in nonResourceURLs"
            ),
            Self::NoAnswer { review, reason: "Forbidden" } => write!(
                formatter,
                "cannot tell who may: the manager itself may not create {review}; bind its account to \
                 system:auth-delegator"
            ),
            Self::NoAnswer { review, reason } => {
                write!(formatter, "cannot tell who may: {review} failed ({reason}); try again")
            }
        }
    }
}

/// Lets everybody in, or whom the API server lets.
#[derive(Clone, Debug)]
pub(in crate::manager) struct Gate(Option<Arc<Delegated>>);

#[derive(Debug)]
struct Delegated {
    reviewer: Reviewer,
    users: Shelf<Arc<UserInfo>>,
    strangers: Shelf<()>,
    allowed: Shelf<()>,
    denied: Shelf<()>,
    warned: Mutex<Option<Instant>>,
}

impl Gate {
    /// A gate that asks through `client` where `access` wants it to.
    pub(in crate::manager) fn new(access: MetricsAccess, client: &Client) -> Self {
        Self((access == MetricsAccess::Delegated).then(|| Arc::new(Delegated::new(client))))
    }

    /// The name of who asks, where names are asked for.
    ///
    /// Dropping the future gives up the question; nothing is remembered then.
    pub(in crate::manager) async fn admit(&self, request: &Parts) -> Result<Option<String>, Refusal> {
        match &self.0 {
            None => Ok(None),
            Some(delegated) => delegated.admit(request).await.map(Some),
        }
    }
}

impl Delegated {
    fn new(client: &Client) -> Self {
        Self {
            reviewer: Reviewer::new(client),
            users: Shelf::new(USER_LIFETIME, ANSWERS_KEPT),
            strangers: Shelf::new(USER_LIFETIME, ANSWERS_KEPT),
            allowed: Shelf::new(ALLOWED_LIFETIME, ANSWERS_KEPT),
            denied: Shelf::new(DENIED_LIFETIME, ANSWERS_KEPT),
            warned: Mutex::default(),
        }
    }

    async fn admit(&self, request: &Parts) -> Result<String, Refusal> {
        let token = Token::of(&request.headers).ok_or(Refusal::Unauthenticated)?;
        let user = self.user(&token).await.map_err(|none| self.no_answer(none))?;
        let user = user.ok_or(Refusal::Unauthenticated)?;
        let name = user.username.clone().unwrap_or_default();
        let (verb, path) = (verb(&request.method), request.uri.path());
        if self.may(&user, verb, path).await.map_err(|none| self.no_answer(none))? {
            return Ok(name);
        }
        Err(Refusal::Forbidden { user: name, verb, path: path.to_owned() })
    }

    async fn user(&self, token: &Token<'_>) -> Result<Option<Arc<UserInfo>>, NoAnswer> {
        let key = token.fingerprint();
        if let Some(user) = self.users.get(&key) {
            return Ok(Some(user));
        }
        if self.strangers.get(&key).is_some() {
            return Ok(None);
        }
        let user = self.reviewer.user(token).await?.map(Arc::new);
        match &user {
            Some(user) => self.users.put(key, Arc::clone(user)),
            None => self.strangers.put(key, ()),
        }
        Ok(user)
    }

    async fn may(&self, user: &UserInfo, verb: &str, path: &str) -> Result<bool, NoAnswer> {
        let key = question(user, verb, path);
        if self.allowed.get(&key).is_some() {
            return Ok(true);
        }
        if self.denied.get(&key).is_some() {
            return Ok(false);
        }
        let may = self.reviewer.may(user, verb, path).await?;
        let answers = if may { &self.allowed } else { &self.denied };
        answers.put(key, ());
        Ok(may)
    }

    /// What to answer instead; nobody comes in because the API server is away.
    fn no_answer(&self, NoAnswer { review, reason }: NoAnswer) -> Refusal {
        let refusal = Refusal::NoAnswer { review, reason };
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL) {
            *warned = Some(Instant::now());
            tracing::warn!(review, reason, "metrics are refused: {refusal}");
        }
        refusal
    }
}

/// The verb of a method in the rules for non-resource URLs. Asking for the head alone shows no more than reading.
fn verb(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "get",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::OPTIONS => "options",
        _ => "other",
    }
}

/// What stands for a question in the caches: everything that the answer may depend on, each part with its length.
fn question(user: &UserInfo, verb: &str, path: &str) -> Fingerprint {
    let mut digest = Sha256::new();
    let mut add = |part: &str| {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    };
    add(verb);
    add(path);
    add(user.username.as_deref().unwrap_or_default());
    add(user.uid.as_deref().unwrap_or_default());
    let groups = user.groups.as_deref().unwrap_or_default();
    add(&groups.len().to_string());
    for group in groups {
        add(group);
    }
    for (name, values) in user.extra.iter().flatten() {
        add(name);
        add(&values.len().to_string());
        for value in values {
            add(value);
        }
    }
    digest.finalize().into()
}
