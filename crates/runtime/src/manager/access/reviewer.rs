//! Questions to the API server: whose token this is, and whether somebody may do something.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::token::Token;
use crate::{Client, ClientError, Object};

/// How long an answer may take, the wait for others' answers included. Two fit into the ten seconds that Prometheus
/// gives a scrape.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(4);
/// How many questions are asked at once: strangers with ever new tokens must not keep the API server busy.
const REVIEWS_AT_ONCE: usize = 4;

/// Why there is no answer, without what was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoAnswer {
    /// The resource that was to be created.
    pub(super) review: &'static str,
    /// A word for what went wrong.
    pub(super) reason: &'static str,
}

/// Asks, each question once.
#[derive(Debug)]
pub(super) struct Reviewer {
    client: Client,
    places: Semaphore,
}

impl Reviewer {
    pub(super) fn new(client: &Client) -> Self {
        Self { client: client.single_try(REVIEW_TIMEOUT), places: Semaphore::new(REVIEWS_AT_ONCE) }
    }

    /// Whose token it is; `None` when it is nobody's.
    pub(super) async fn user(&self, token: &Token<'_>) -> Result<Option<UserInfo>, NoAnswer> {
        let spec = TokenReviewSpec { token: token.secret().to_owned(), ..Default::default() };
        let review = TokenReview { spec, ..Default::default() };
        let status =
            self.ask("tokenreviews.authentication.k8s.io", &review).await?.status.unwrap_or_default();
        let user = status.user.filter(|_| status.authenticated == Some(true));
        Ok(user.filter(|user| user.username.as_deref().is_some_and(|name| !name.is_empty())))
    }

    /// Whether `user` may do this.
    pub(super) async fn may(&self, user: &UserInfo, verb: &str, path: &str) -> Result<bool, NoAnswer> {
        let UserInfo { extra, groups, uid, username } = user.clone();
        let attributes = NonResourceAttributes { path: Some(path.to_owned()), verb: Some(verb.to_owned()) };
        let spec = SubjectAccessReviewSpec {
            extra,
            groups,
            uid,
            user: username,
            non_resource_attributes: Some(attributes),
            resource_attributes: None,
        };
        let review = SubjectAccessReview { spec, ..Default::default() };
        let status = self.ask("subjectaccessreviews.authorization.k8s.io", &review).await?.status;
        Ok(status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }

    async fn ask<T: Object>(&self, review: &'static str, question: &T) -> Result<T, NoAnswer> {
        let asking = async {
            // Nobody closes it.
            let _place = self.places.acquire().await;
            self.client.create(question).await
        };
        // Of a failure no more is told than its kind: the server's message, or the decoder's, may quote the token.
        match timeout(REVIEW_TIMEOUT, asking).await {
            Ok(answer) => answer.map_err(|error: ClientError| NoAnswer { review, reason: error.reason() }),
            Err(_) => Err(NoAnswer { review, reason: "RequestTimeout" }),
        }
    }
}
