//! Reading the body of a list while it arrives.

use bytes::Bytes;
use http_body_util::BodyExt;
use kube::client::Body;
use pilothouse_machinery::framing::{FramingError, FramingLimits, ListMetadata, ListSplitter};

use super::{Client, ClientError};

/// The body of a list, read item by item as they arrive, so that it is never held as a whole.
pub(crate) struct ListReader {
    body: Body,
    splitter: ListSplitter,
}

impl ListReader {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, splitter: ListSplitter::new(FramingLimits::default()) }
    }

    /// Reads the next piece of the body and appends the items that it completes. Answers with the list's metadata at
    /// its end, and is not to be called again after that or an error. The client's request timeout applies to each
    /// piece.
    ///
    /// **Cancellation.** Dropping the future loses nothing: the next call reads on.
    pub(crate) async fn read(
        &mut self,
        client: &Client,
        action: &str,
        items: &mut Vec<Bytes>,
    ) -> Result<Option<ListMetadata>, ClientError> {
        let Some(frame) = client.in_time(action, self.body.frame()).await? else {
            let splitter = std::mem::replace(&mut self.splitter, ListSplitter::new(FramingLimits::default()));
            let envelope = splitter.finish().map_err(|error| unsplittable(action, error))?;
            return Ok(Some(envelope.metadata));
        };
        let frame = frame.map_err(|source| ClientError::Transport {
            action: action.to_owned(),
            source: Box::new(source),
        })?;
        if let Ok(chunk) = frame.into_data() {
            self.splitter.push(&chunk, items).map_err(|error| unsplittable(action, error))?;
        }
        Ok(None)
    }
}

fn unsplittable(action: &str, error: FramingError) -> ClientError {
    let (action, source) = (action.to_owned(), Box::new(error));
    match *source {
        FramingError::Truncated => ClientError::Transport { action, source },
        _ => ClientError::Decode { action, source },
    }
}
