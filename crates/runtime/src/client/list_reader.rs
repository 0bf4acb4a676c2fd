//! Reading the body of a list while it arrives.

use bytes::Bytes;
use http_body_util::BodyExt;
use kube::client::Body;
use pilothouse_machinery::framing::{
    FramingError, FramingLimits, ListEnvelope, ListMetadata, ListSplitter, ProtobufListSplitter,
};

use super::{Client, ClientError};
use crate::patience::{Patience, after};

/// The body of a list, read item by item as they arrive, so that it is never held as a whole.
pub(crate) struct ListReader {
    body: Body,
    splitter: Splitter,
    /// Made at the first wait.
    patience: Option<Patience>,
}

enum Splitter {
    Json(ListSplitter),
    Protobuf(ProtobufListSplitter),
}

impl Splitter {
    fn new(protobuf: bool) -> Self {
        let limits = FramingLimits::default();
        if protobuf {
            Self::Protobuf(ProtobufListSplitter::new(limits))
        } else {
            Self::Json(ListSplitter::new(limits))
        }
    }

    fn push(&mut self, chunk: &Bytes, items: &mut Vec<Bytes>) -> Result<(), FramingError> {
        match self {
            Self::Json(splitter) => splitter.push(chunk, items),
            Self::Protobuf(splitter) => splitter.push(chunk, items),
        }
    }

    fn finish(self) -> Result<ListEnvelope, FramingError> {
        match self {
            Self::Json(splitter) => splitter.finish(),
            Self::Protobuf(splitter) => splitter.finish(),
        }
    }
}

impl ListReader {
    /// A list in JSON.
    pub(crate) fn new(body: Body) -> Self {
        Self::of(body, false)
    }

    /// A list in protobuf, whose items are messages, or in JSON.
    pub(crate) fn of(body: Body, protobuf: bool) -> Self {
        Self { body, splitter: Splitter::new(protobuf), patience: None }
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
        let until = after(client.environment().monotonic(), client.options().request_timeout);
        let patience = self.patience.get_or_insert_with(|| Patience::new(until));
        let next = patience.wait(until, self.body.frame()).await;
        let Some(frame) = next.ok_or_else(|| client.timed_out(action))? else {
            let splitter = std::mem::replace(&mut self.splitter, Splitter::new(false));
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
