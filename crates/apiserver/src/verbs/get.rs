//! Get.

use std::time::Duration;

use pilothouse_machinery::{Status, StatusCause, StatusDetails, StatusReason};

use super::reply::{Content, Reply};
use crate::ApiServer;
use crate::request::{Call, parse_revision};

/// GET of an object.
pub(crate) async fn get(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    if let Some(text) = call.query.get("resourceVersion") {
        wait_for(server, parse_revision(text)?).await?;
    }
    let resource = &call.kind.resource;
    let object = server.store().get(&call.kind, &call.key());
    let object = object.ok_or_else(|| Status::not_found(&resource.group, &resource.plural, &call.name))?;
    Ok(Reply::new(200, Content::Stored(object)))
}

/// Waits a little for a revision of the future; 504 if it does not come.
pub(super) async fn wait_for(server: &ApiServer, revision: u64) -> Result<(), Status> {
    let current = server.store().revision();
    if revision <= current {
        return Ok(());
    }
    let limit: Duration = server.options().version_wait;
    if tokio::time::timeout(limit, server.store().reached(revision)).await.is_ok() {
        return Ok(());
    }
    let message = format!("Timeout: Too large resource version: {revision}, current: {current}");
    let mut status = Status::failure(StatusReason::Timeout, message);
    status.details = Some(StatusDetails {
        causes: vec![StatusCause {
            reason: "ResourceVersionTooLarge".into(),
            message: "Too large resource version".into(),
            field: String::new(),
        }],
        retry_after_seconds: Some(1),
        ..StatusDetails::default()
    });
    Err(status)
}
