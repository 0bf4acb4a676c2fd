//! The body of an answer: bytes at once, or a stream of watch events.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::watch::WatchStream;

/// The body of an answer.
///
/// **Cancellation.** Dropping the body of a watch ends the watch.
pub struct ResponseBody(Inner);

enum Inner {
    Full(Option<Bytes>),
    Watch(Box<WatchStream>),
}

/// A body never fails: a broken connection ends it.
pub type BodyError = Infallible;

impl ResponseBody {
    /// All bytes at once.
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self(Inner::Full((!bytes.is_empty()).then_some(bytes)))
    }

    /// The lines of a watch, one frame each.
    pub(crate) fn watch(stream: Box<WatchStream>) -> Self {
        Self(Inner::Watch(stream))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let bytes = match &mut self.get_mut().0 {
            Inner::Full(bytes) => Poll::Ready(bytes.take()),
            Inner::Watch(stream) => stream.poll_line(context),
        };
        bytes.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Inner::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Inner::Watch(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ResponseBody")
    }
}
