//! Watch.

use std::time::Duration;

use pilothouse_machinery::Status;

use super::get::wait_for;
use super::list::in_scope;
use super::reply::{Content, Reply};
use crate::ApiServer;
use crate::request::{Call, ListOptions, include_object};
use crate::watch::{WatchScope, WatchStart, WatchStream};

/// A watch without a timeout of its own ends after this time, or up to twice as much.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(30);

/// GET of a collection with `watch=1`.
pub(crate) async fn watch(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    let options = ListOptions::parse(&call.query, &call.kind, true)?;
    let timeout = options.timeout.unwrap_or_else(|| server.environment().jittered(DEFAULT_TIMEOUT, 1.0));
    let revision = options.revision.unwrap_or(0);
    let with_state = options.send_initial_events.unwrap_or(revision == 0);
    if with_state {
        // A state is not older than the version asked for.
        wait_for(server, revision).await?;
    }
    let ticket = server.store().open_watch(&call.kind);
    let start = if with_state {
        let snapshot = server.store().snapshot(&call.kind);
        let objects = in_scope(&snapshot.objects, call, &options);
        WatchStart::State { objects, revision: snapshot.revision }
    } else if revision == 0 {
        WatchStart::After(server.store().revision())
    } else {
        WatchStart::After(revision)
    };
    let marks_state = options.send_initial_events == Some(true) && options.bookmarks;
    let scope = WatchScope {
        kind: call.kind.clone(),
        namespace: call.namespace.clone(),
        form: call.form,
        representation: call.representation,
        include_object: include_object(call)?,
        options,
    };
    let stream = WatchStream::open(server.clone(), scope, ticket, start, marks_state, timeout);
    Ok(Reply::new(200, Content::Watch(Box::new(stream))))
}
