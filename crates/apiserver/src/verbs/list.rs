//! List.

use std::ops::Bound;
use std::sync::Arc;

use pilothouse_machinery::{Status, StatusReason};

use super::get::wait_for;
use super::paging::Position;
use super::reply::{Content, Page, Reply};
use crate::ApiServer;
use crate::request::{Call, ListOptions, VersionMatch};
use crate::store::{Objects, Snapshot, StoredObject};

const EXPIRED_TOKEN: &str = "The provided continue parameter is too old to display a consistent list result. You can \
     start a new list without the continue parameter, or use the continue token in this response to retrieve the \
     remainder of the results: an inconsistent list, in which objects written since the first page may appear or be \
     missing.";

/// GET of a collection.
pub(crate) async fn list(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    let options = ListOptions::parse(&call.query, &call.kind, false)?;
    let page = match &options.continue_token {
        Some(token) => next_page(server, call, &options, &Position::decode(token)?)?,
        None => first_page(server, call, &options).await?,
    };
    Ok(Reply::new(200, Content::Page(page)))
}

/// The first page, at the revision that the options ask for.
async fn first_page(server: &ApiServer, call: &Call, options: &ListOptions) -> Result<Page, Status> {
    let revision = options.revision.unwrap_or(0);
    wait_for(server, revision).await?;
    let exact = match options.version_match {
        Some(version_match) => version_match == VersionMatch::Exact,
        None => revision > 0 && options.limit > 0,
    };
    let snapshot = if exact {
        server.store().snapshot_at(&call.kind, revision).map_err(|_| {
            let message = "The resourceVersion for the provided list is too old.";
            Status::failure(StatusReason::Expired, message)
        })?
    } else {
        server.store().snapshot(&call.kind)
    };
    // A list at any version is served whole, as from a cache.
    let limit = if options.revision == Some(0) { 0 } else { options.limit };
    Ok(page(server, call, options, &snapshot, limit, None))
}

fn next_page(
    server: &ApiServer,
    call: &Call,
    options: &ListOptions,
    position: &Position,
) -> Result<Page, Status> {
    let snapshot = match u64::try_from(position.revision) {
        Err(_) => server.store().snapshot(&call.kind),
        Ok(revision) => server.store().snapshot_at(&call.kind, revision).map_err(|_| {
            let mut status = Status::failure(StatusReason::Expired, EXPIRED_TOKEN);
            status.metadata.continue_token = Some(position.at_newest().encode());
            status
        })?,
    };
    Ok(page(server, call, options, &snapshot, options.limit, Some(position.key())))
}

fn page(
    server: &ApiServer,
    call: &Call,
    options: &ListOptions,
    snapshot: &Snapshot,
    limit: usize,
    after: Option<&str>,
) -> Page {
    let prefix = prefix(call);
    let start = after.map(|key| format!("{prefix}{key}"));
    let mut rest =
        range(&snapshot.objects, &prefix, start.as_deref()).filter(|object| options.select(object));
    let most = if limit == 0 { usize::MAX } else { limit };
    let items: Vec<Arc<StoredObject>> = rest.by_ref().take(most).cloned().collect();
    let mut page = Page { revision: snapshot.revision, items, continue_token: None, remaining: None };
    if limit > 0 && rest.next().is_some() {
        let last = page.items.last().map(|object| object.key().to_string()).unwrap_or_default();
        let key = last.strip_prefix(&prefix).unwrap_or(&last);
        let revision = i64::try_from(snapshot.revision).unwrap_or(i64::MAX);
        page.continue_token = Some(Position::after(key, revision).encode());
        page.remaining = options.selects_all().then(|| rest.count() + 1);
        server.store().remember(&call.kind, snapshot);
    }
    page
}

/// How the keys begin of the objects that a call is about.
fn prefix(call: &Call) -> String {
    call.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default()
}

fn range<'objects>(
    objects: &'objects Objects,
    prefix: &str,
    after: Option<&str>,
) -> impl Iterator<Item = &'objects Arc<StoredObject>> {
    let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
    let prefix = prefix.to_owned();
    objects
        .range::<_, str>((start, Bound::Unbounded))
        .take_while(move |(key, _)| key.starts_with(&prefix))
        .map(|(_, object)| object)
}

/// The objects that a call is about and its options select, in order.
pub(super) fn in_scope(objects: &Objects, call: &Call, options: &ListOptions) -> Vec<Arc<StoredObject>> {
    let prefix = prefix(call);
    let addressed = call.namespace.is_some() || !call.kind.resource.is_namespaced();
    match options.fields.required("metadata.name").filter(|_| addressed) {
        // The one object of a selector by name needs no search.
        Some(name) => {
            let found = objects.get(format!("{prefix}{name}").as_str());
            found.filter(|object| options.select(object)).cloned().into_iter().collect()
        }
        None => range(objects, &prefix, None).filter(|object| options.select(object)).cloned().collect(),
    }
}
