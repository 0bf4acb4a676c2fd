//! A door behind which things go wrong at times.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::{Method, Request, Response};
use pilothouse_machinery::{Status, StatusReason};
use tower::Service;

use crate::answer::failure;
use crate::request::{Query, parse_path};
use crate::{ConnectionError, ResponseBody};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Changes (PUT and PATCH): the request does not reach the server and is answered with 409, as if somebody else
    /// had written in between.
    Conflict,
    /// Writes: the server does it, and the connection breaks before the answer comes.
    LostAnswer,
    /// Watches that ask for the present state first (KEP-3157): refused with 422, as by a server that does not know
    /// them.
    NoStreamingLists,
}

impl Trouble {
    /// All there is.
    pub const ALL: [Self; 3] = [Self::Conflict, Self::LostAnswer, Self::NoStreamingLists];

    /// Whether a request is of the kind that meets this trouble.
    fn concerns<B>(self, request: &Request<B>) -> bool {
        let method = request.method();
        match self {
            Self::Conflict => matches!(*method, Method::PUT | Method::PATCH),
            Self::LostAnswer => !matches!(*method, Method::GET | Method::HEAD),
            Self::NoStreamingLists => {
                Query::parse(request.uri().query().unwrap_or_default()).flag("sendInitialEvents")
            }
        }
    }
}

/// The way to a server on which requests go wrong, so that tests take the paths that a program takes only then: what
/// it reads after a conflict, how it finds out what became of a write, what it asks of an older server.
///
/// **Guarantees.** The same requests in the same order meet the same trouble. Others pass untouched. Clones count
/// together.
#[derive(Clone, Debug)]
pub struct Unreliable<S> {
    inner: S,
    trouble: Trouble,
    every: u64,
    concerned: Arc<AtomicU64>,
}

impl<S> Unreliable<S> {
    /// Of the requests through `inner` that `trouble` is about, each `every`-th meets it; none for 0.
    pub fn every(every: u64, trouble: Trouble, inner: S) -> Self {
        Self { inner, trouble, every, concerned: Arc::default() }
    }

    fn strikes<B>(&self, request: &Request<B>) -> bool {
        self.every > 0
            && self.trouble.concerns(request)
            && (self.concerned.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(self.every)
    }
}

impl<S, B> Service<Request<B>> for Unreliable<S>
where
    S: Service<Request<B>, Response = Response<ResponseBody>, Error = ConnectionError>,
    S::Future: Send + 'static,
{
    type Response = Response<ResponseBody>;
    type Error = ConnectionError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectionError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !self.strikes(&request) {
            return Box::pin(self.inner.call(request));
        }
        let answer = match self.trouble {
            Trouble::Conflict => {
                let path = parse_path(request.uri().path()).unwrap_or_default();
                let why = "somebody else has changed it since it was read";
                Status::conflict(&path.group, &path.plural, &path.name.unwrap_or_default(), why)
            }
            Trouble::NoStreamingLists => {
                Status::failure(StatusReason::Invalid, "sendInitialEvents is forbidden for watch")
            }
            Trouble::LostAnswer => {
                let answer = self.inner.call(request);
                return Box::pin(async move {
                    drop(answer.await?);
                    Err(ConnectionError)
                });
            }
        };
        Box::pin(std::future::ready(Ok(failure(&answer))))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;
    use tower::ServiceExt as _;

    use super::*;
    use crate::ApiServer;

    const PATH: &str = "/api/v1/namespaces/default/configmaps";

    /// The code of the answer; 0 without one.
    async fn send(door: &Unreliable<ApiServer>, method: Method, name: &str) -> u16 {
        let body = format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}}}}"#);
        let path = if method == Method::POST { PATH.to_owned() } else { format!("{PATH}/{name}") };
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let answer = door.clone().oneshot(request.body(Full::<Bytes>::from(body)).unwrap()).await;
        answer.map_or(0, |answer| answer.status().as_u16())
    }

    #[tokio::test(start_paused = true)]
    async fn each_second_write_is_done_and_its_answer_lost() {
        let door = Unreliable::every(2, Trouble::LostAnswer, ApiServer::builder().build());
        assert_eq!(send(&door, Method::POST, "a").await, 201);
        assert_eq!(send(&door, Method::GET, "a").await, 200);
        assert_eq!(send(&door, Method::POST, "b").await, 0);
        assert_eq!(send(&door, Method::GET, "b").await, 200);
        assert_eq!(send(&door, Method::DELETE, "a").await, 200);
        assert_eq!(send(&door.clone(), Method::DELETE, "b").await, 0);
        assert_eq!(send(&door, Method::GET, "b").await, 404);
    }

    #[tokio::test(start_paused = true)]
    async fn each_second_change_meets_a_conflict_and_is_not_done() {
        let server = ApiServer::builder().build();
        let door = Unreliable::every(2, Trouble::Conflict, server.clone());
        assert_eq!(send(&door, Method::POST, "a").await, 201);
        assert_eq!(send(&door, Method::PUT, "a").await, 200);
        let before = server.current_resource_version();
        assert_eq!(send(&door, Method::PUT, "a").await, 409);
        assert_eq!(server.current_resource_version(), before);
        assert_eq!(send(&door, Method::DELETE, "a").await, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_of_before_streaming_lists_refuses_them_and_no_other_watch() {
        let door = Unreliable::every(1, Trouble::NoStreamingLists, ApiServer::builder().build());
        for (query, code) in [
            ("watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 422),
            ("watch=1", 200),
            ("limit=500", 200),
        ] {
            let request = Request::builder().uri(format!("{PATH}?{query}")).body(Full::<Bytes>::default());
            let answer = door.clone().oneshot(request.unwrap()).await.unwrap();
            assert_eq!(answer.status(), code, "{query}");
        }
    }
}
