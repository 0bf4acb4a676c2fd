//! Lists, in pages or in one piece.

use bytes::Bytes;
use futures::FutureExt;
use http::{Method, header};
use pilothouse_machinery::framing::ListMetadata;
use pilothouse_machinery::{ResourceVersion, Status};

use super::event::Unreadable;
use super::machine::State;
use super::status::{Failure, is_too_large};
use super::take::{Taken, take_in};
use super::wire::encoding_of;
use super::{ListCause, ListEnd, Reflector, ReflectorEvent};
use crate::cache::Encoding;
use crate::client::{ClientError, ListReader, Query, bare, failure_of, is_success, send_once};

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
    pub(super) from: ListFrom,
    pub(super) cause: ListCause,
    /// As the cause, more exactly: a word for metrics, until it is counted.
    reason: Option<&'static str>,
    /// The token of the next page; empty before the first.
    token: String,
    /// Everything in one answer, because a page's token expired (R10).
    whole: bool,
    pub(super) started: bool,
    /// How often in a row a stream of initial events was tried for it in vain.
    pub(super) streams_lost: u32,
    unreadable: Unreadable,
}

/// A page that is being read.
pub(super) struct Page {
    listing: Listing,
    reader: ListReader,
    encoding: Encoding,
    items: Vec<Bytes>,
}

impl Listing {
    pub(super) fn new(from: ListFrom, cause: ListCause, reason: &'static str) -> Self {
        Self {
            from,
            cause,
            reason: Some(reason),
            token: String::new(),
            whole: false,
            started: false,
            streams_lost: 0,
            unreadable: Unreadable::default(),
        }
    }

    /// The same list from its beginning.
    pub(super) fn restarted(&self) -> Self {
        let Self { reason, whole, streams_lost, .. } = *self;
        Self { reason, whole, streams_lost, ..Self::new(self.from.clone(), self.cause, "Restarted") }
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
    /// Begins the list, or asks for its next page.
    pub(super) async fn list(&mut self) {
        let State::List(listing) = &mut self.state else { return };
        if !std::mem::replace(&mut listing.started, true) {
            if let Some(reason) = listing.reason.take() {
                self.metrics.list(reason);
            }
            self.ready.push_back(ReflectorEvent::ListStarted(listing.cause));
            return;
        }
        let listing = listing.clone();
        if self.streams(&listing) {
            return self.open_stream(&listing).await;
        }
        match self.ask_for_page(&listing).await {
            Ok((reader, encoding)) => {
                self.state = State::Page(Box::new(Page { listing, reader, encoding, items: Vec::new() }));
            }
            Err(Failure::Refused(status)) => self.list_refused(&listing, &status),
            Err(Failure::Failed(error)) => self.cannot_list(&listing, &error),
        }
    }

    async fn ask_for_page(&mut self, listing: &Listing) -> Result<(ListReader, Encoding), Failure> {
        let query = listing.query(listing.limit(self.options.page_size, self.pages_always));
        let uri = self.options.selection.uri(&self.resource, &query)?;
        let mut request = send_once(bare("list", Method::GET, &uri)?);
        request.headers_mut().insert(header::ACCEPT, self.wire.accept(false));
        let response = self.client.send(request).await?;
        if !is_success(&response) {
            let status = self.client.in_time("list", failure_of(response)).await?;
            return Err(Failure::Refused(Box::new(status)));
        }
        let encoding = encoding_of(&response);
        Ok((ListReader::of(response.into_body(), encoding == Encoding::Protobuf), encoding))
    }

    /// Reads what has come of the page, and no more than a batch of it.
    pub(super) async fn read_page(&mut self) {
        let State::Page(page) = &mut self.state else { return };
        let Page { listing, reader, encoding, items } = &mut **page;
        let mut end = reader.read(&self.client, "list", items).await;
        while matches!(end, Ok(None)) && items.len() < self.options.batch_events {
            let Some(more) = reader.read(&self.client, "list", items).now_or_never() else { break };
            end = more;
        }
        if !items.is_empty() {
            self.metrics.heard(self.client.environment().monotonic());
        }
        let mut objects = Vec::with_capacity(items.len());
        for item in items.drain(..) {
            match take_in(&item, *encoding, &mut self.intake, &self.metrics) {
                Taken::Object(object) => objects.push(object),
                Taken::Unreadable(key) => listing.unreadable.add(key),
                Taken::Foreign => {}
            }
        }
        if !objects.is_empty() {
            self.ready.push_back(ReflectorEvent::ListItems(objects));
        }
        match end {
            Ok(None) => {}
            Ok(Some(metadata)) => {
                let listing = listing.clone();
                self.page_read(listing, metadata);
            }
            Err(error) => {
                let listing = listing.restarted();
                self.cannot_list(&listing, &error);
            }
        }
    }

    fn page_read(&mut self, listing: Listing, metadata: ListMetadata) {
        let token = metadata.continue_token.unwrap_or_default();
        if !token.is_empty() {
            self.pages_always |= listing.from == ListFrom::Any;
            self.state = State::List(Listing { token, ..listing });
            return;
        }
        let version =
            metadata.resource_version.as_deref().map_or(ResourceVersion::ZERO, ResourceVersion::parse);
        self.state = State::Open;
        let end = ListEnd { version, unreadable: listing.unreadable, ..ListEnd::default() };
        self.list_complete(end);
    }

    /// The list is complete, however it was read.
    pub(super) fn list_complete(&mut self, end: ListEnd) {
        self.last = end.version.clone();
        self.owes_list = end.unreadable.is_nameless();
        self.internal_errors = None;
        self.ready.push_back(ReflectorEvent::ListCompleted(end));
    }

    fn list_refused(&mut self, listing: &Listing, status: &Status) {
        tracing::debug!(resource = %self.resource, %status, "list refused");
        let mut next = listing.restarted();
        if matches!(status.code, 406 | 415) && self.wire.fall_back() {
            // Asked for again, as plain JSON.
        } else if status.is_expired() && !listing.token.is_empty() {
            next.whole = true;
        } else if (status.is_expired() || is_too_large(status)) && listing.from != ListFrom::Newest {
            // Neither history nor cache can serve the version: ask for whatever is newest, at once (R2, R3).
            next.from = ListFrom::Newest;
        } else {
            self.refused("list", status);
        }
        self.state = State::List(next);
    }

    /// There was no (complete) answer.
    pub(super) fn cannot_list(&mut self, listing: &Listing, error: &ClientError) {
        if matches!(error, ClientError::Decode { .. }) {
            // What makes no sense in one form may in another.
            self.wire.fall_back();
        }
        self.unanswered("list", error);
        self.state = State::List(listing.restarted());
    }
}
