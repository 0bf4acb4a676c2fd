//! Delete of all selected objects of a collection.

use pilothouse_machinery::{Status, StatusReason};

use super::delete::read_options;
use super::delete_object;
use super::list::in_scope;
use super::reply::{Content, Page, Reply};
use crate::ApiServer;
use crate::request::{Call, ListOptions};

/// DELETE of a collection: each object by its own rules; answers the objects as they were.
pub(crate) fn delete_collection(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    let list_options = ListOptions::parse(&call.query, &call.kind, false)?;
    let options = read_options(call)?;
    let snapshot = server.store().snapshot(&call.kind);
    let items = in_scope(&snapshot.objects, call, &list_options);
    for item in &items {
        match delete_object(server, &call.kind, item.key(), &options) {
            Err(status) if status.reason != StatusReason::NotFound => return Err(status),
            _ => {}
        }
    }
    let page = Page { revision: snapshot.revision, items, continue_token: None, remaining: None };
    Ok(Reply::new(200, Content::Page(page)))
}
