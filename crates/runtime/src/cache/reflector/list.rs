//! Lists.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use pilothouse_machinery::framing::ListMetadata;
use pilothouse_machinery::{ResourceVersion, Status};

use super::machine::State;
use super::status::{is_too_large, retry_after};
use super::{ListCause, Reflector, ReflectorEvent, ReflectorMetrics};
use crate::cache::{CachedObject, Encoding, Intake};
use crate::client::{ClientError, Query, bare, failure_of, is_success, send_once, status_reason};

const DEFAULT_PAGE: u32 = 500;

/// How new the state must be that a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ListFrom {
    /// Any state the server has at hand (`resourceVersion=0`).
    Any,
    /// One that includes this version.
    NotOlderThan(ResourceVersion),
    /// The newest (no `resourceVersion`).
    Newest,
}

/// A list under way.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    from: ListFrom,
    cause: ListCause,
    /// The token of the next page; empty before the first.
    token: String,
    /// Everything in one answer, because a page's token expired (R10).
    whole: bool,
    started: bool,
}

/// Why a page could not be read.
enum PageError {
    Refused(Box<Status>),
    Failed(ClientError),
}

impl Listing {
    pub(super) fn new(from: ListFrom, cause: ListCause) -> Self {
        Self { from, cause, token: String::new(), whole: false, started: false }
    }

    /// The same list from its beginning.
    fn restarted(&self) -> Self {
        Self { whole: self.whole, ..Self::new(self.from.clone(), self.cause) }
    }

    fn limit(&self, page_size: Option<u32>, pages_always: bool) -> Option<u32> {
        // A list at a version is served from the server's cache only when it is not paged (R9).
        let from_cache = matches!(self.from, ListFrom::NotOlderThan(_)) && self.token.is_empty();
        match page_size {
            _ if self.whole => None,
            Some(size) => Some(size),
            None if from_cache && !pages_always => None,
            None => Some(DEFAULT_PAGE),
        }
    }

    fn query(&self, limit: Option<u32>) -> Query {
        let mut query = Query::default();
        query.add_some("limit", limit.map(|limit| limit.to_string()).as_deref());
        if !self.token.is_empty() {
            query.add("continue", &self.token);
            return query;
        }
        match &self.from {
            ListFrom::Any => query.add("resourceVersion", "0"),
            ListFrom::NotOlderThan(version) => {
                query.add("resourceVersion", &version.to_string());
                query.add("resourceVersionMatch", "NotOlderThan");
            }
            ListFrom::Newest => {}
        }
        query
    }
}

impl Reflector {
    /// Reads one page of the list under way and decides what follows.
    pub(super) async fn list_page(&mut self) {
        let State::List(listing) = &mut self.state else { return };
        if !std::mem::replace(&mut listing.started, true) {
            self.metrics.list(listing.cause);
            self.ready.push_back(ReflectorEvent::ListStarted(listing.cause));
            return;
        }
        let listing = listing.clone();
        match self.read_page(&listing).await {
            Ok((items, metadata)) => self.page_read(listing, items, metadata),
            Err(PageError::Refused(status)) => self.list_refused(&listing, &status),
            Err(PageError::Failed(error)) => {
                tracing::warn!(resource = %self.resource, error = &error as &dyn Error, "cannot list");
                self.pause(error.reason(), None);
                self.state = State::List(listing.restarted());
            }
        }
    }

    fn page_read(&mut self, listing: Listing, items: Vec<Arc<CachedObject>>, metadata: ListMetadata) {
        if !items.is_empty() {
            self.ready.push_back(ReflectorEvent::ListItems(items));
        }
        let token = metadata.continue_token.unwrap_or_default();
        if !token.is_empty() {
            self.pages_always |= listing.from == ListFrom::Any;
            self.state = State::List(Listing { token, ..listing });
            return;
        }
        let version =
            metadata.resource_version.as_deref().map_or(ResourceVersion::ZERO, ResourceVersion::parse);
        self.last = version.clone();
        self.internal_errors = None;
        self.ready.push_back(ReflectorEvent::ListCompleted(version));
        self.state = State::Open;
    }

    fn list_refused(&mut self, listing: &Listing, status: &Status) {
        tracing::debug!(resource = %self.resource, %status, "list refused");
        let mut next = listing.restarted();
        if status.is_expired() && !listing.token.is_empty() {
            next.whole = true;
        } else if (status.is_expired() || is_too_large(status)) && listing.from != ListFrom::Newest {
            // Neither history nor cache can serve the version: ask for whatever is newest, at once (R2, R3).
            next.from = ListFrom::Newest;
        } else {
            tracing::warn!(resource = %self.resource, %status, "cannot list");
            self.pause(status_reason(&status.reason), retry_after(status));
        }
        self.state = State::List(next);
    }

    async fn read_page(
        &mut self,
        listing: &Listing,
    ) -> Result<(Vec<Arc<CachedObject>>, ListMetadata), PageError> {
        let query = listing.query(listing.limit(self.options.page_size, self.pages_always));
        let uri = self.options.selection.uri(&self.resource, &query)?;
        let request = send_once(bare("list", Method::GET, &uri)?);
        let response = self.client.send(request).await?;
        if !is_success(&response) {
            let status = self.client.in_time("list", failure_of(response)).await?;
            return Err(PageError::Refused(Box::new(status)));
        }
        let (intake, metrics, mut items) = (&mut self.intake, &self.metrics, Vec::new());
        let take = |item: &Bytes| {
            items.extend(take_in(item, intake, metrics));
            Ok(())
        };
        let metadata = self.client.read_items("list", response.into_body(), take).await?;
        Ok((items, metadata))
    }
}

/// The object in these bytes; nothing, a log line and a count when they are no object of the type (R17).
pub(super) fn take_in(
    bytes: &[u8],
    intake: &mut Intake,
    metrics: &ReflectorMetrics,
) -> Option<Arc<CachedObject>> {
    match intake.take(bytes, Encoding::Json) {
        Ok(object) => Some(object),
        Err(error) => {
            let reason = error.reason();
            tracing::error!(error = &error as &dyn Error, reason, "skip what is no object of the type");
            metrics.skip(reason);
            None
        }
    }
}

impl From<ClientError> for PageError {
    fn from(error: ClientError) -> Self {
        Self::Failed(error)
    }
}
