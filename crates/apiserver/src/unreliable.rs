//! A door behind which writes go wrong at times.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::{Method, Request, Response};
use pilothouse_machinery::Status;
use tower::Service;

use crate::answer::failure;
use crate::request::parse_path;
use crate::{ConnectionError, ResponseBody};

/// What goes wrong with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It does not reach the server and is answered with 409, as if somebody else had written in between. Changes only
    /// (PUT and PATCH): nothing else meets conflicts.
    Conflict,
    /// The server does it, and the connection breaks before the answer comes.
    LostAnswer,
}

/// The way to a server on which each so-many-th write goes wrong, so that tests take the paths that a program takes only
/// then: what it reads after a conflict, how it finds out what became of a write.
///
/// **Guarantees.** The same requests in the same order meet the same trouble. Reads pass untouched. Clones count
/// together.
#[derive(Clone, Debug)]
pub struct Unreliable<S> {
    inner: S,
    trouble: Trouble,
    every: u64,
    writes: Arc<AtomicU64>,
}

impl<S> Unreliable<S> {
    /// Each `every`-th write through `inner` meets `trouble`; none for 0.
    pub fn every(every: u64, trouble: Trouble, inner: S) -> Self {
        Self { inner, trouble, every, writes: Arc::default() }
    }

    /// Whether this request meets the trouble.
    fn strikes(&self, method: &Method) -> bool {
        let may = match self.trouble {
            Trouble::Conflict => matches!(*method, Method::PUT | Method::PATCH),
            Trouble::LostAnswer => *method != Method::GET,
        };
        let count = |this: &Self| this.writes.fetch_add(1, Ordering::Relaxed) + 1;
        may && self.every > 0 && count(self).is_multiple_of(self.every)
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
        if !self.strikes(request.method()) {
            return Box::pin(self.inner.call(request));
        }
        match self.trouble {
            Trouble::Conflict => {
                let path = parse_path(request.uri().path()).unwrap_or_default();
                let name = path.name.unwrap_or_default();
                let why = "the object has been modified; please apply your changes to the latest version and try again";
                let answer = failure(&Status::conflict(&path.group, &path.plural, &name, why));
                Box::pin(std::future::ready(Ok(answer)))
            }
            Trouble::LostAnswer => {
                let answer = self.inner.call(request);
                Box::pin(async move {
                    drop(answer.await?);
                    Err(ConnectionError)
                })
            }
        }
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
        assert_eq!(send(&door, Method::POST, "b").await, 201);
        assert_eq!(send(&door, Method::PUT, "a").await, 200);
        let before = server.current_resource_version();
        assert_eq!(send(&door, Method::PUT, "a").await, 409);
        assert_eq!(server.current_resource_version(), before);
    }
}
