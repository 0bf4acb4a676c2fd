//! The door without a socket: the server as a [`tower::Service`].

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use pilothouse_machinery::{Status, StatusReason};
use tower::Service;

use crate::access::Entrance;
use crate::answer::failure;
use crate::route::route;
use crate::{ApiServer, ResponseBody};

/// The request never reached the server, as with a refused connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot reach the API server: connection refused")]
pub struct ConnectionError;

type Answer = Result<Response<ResponseBody>, ConnectionError>;

/// Requests without a bearer token are the administrator's: `admin` of the group `system:masters`.
impl<B> Service<Request<B>> for ApiServer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = ConnectionError;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move { answer(&server, request, server.entrance()).await })
    }
}

/// Answers one request that came through `entrance`.
pub(crate) async fn answer<B>(server: &ApiServer, request: Request<B>, entrance: &Entrance) -> Answer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !server.is_available() {
        return Err(ConnectionError);
    }
    let (parts, body) = request.into_parts();
    let limit = server.options().body_limit;
    let body = match Limited::new(body, limit).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("Request entity too large: limit is {limit}");
            return Ok(failure(&Status::failure(StatusReason::RequestEntityTooLarge, message)));
        }
        Err(error) => {
            return Ok(failure(&Status::bad_request(format!("cannot read the body: {error}"))));
        }
    };
    Ok(route(server, parts, body, entrance).await)
}
