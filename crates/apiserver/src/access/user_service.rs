//! The door without a socket, for one user.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use tower::Service;

use super::User;
use super::authenticate::Entrance;
use crate::ApiServer;

/// An [`ApiServer`] as one user sees it: a `tower` service, as `kube::Client::new` takes it.
///
/// ```
/// use pilothouse_apiserver::{ApiServer, Authorization, User};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # let _guard = runtime.enter();
/// let server = ApiServer::builder().authorization(Authorization::Rbac).build();
/// let bob = kube::Client::new(server.as_user(User::new("bob").with_group("dev")), "default");
/// # let _ = bob;
/// ```
///
/// A request with a bearer token is the token's user's.
#[derive(Clone, Debug)]
pub struct UserService {
    server: ApiServer,
    entrance: Entrance,
}

impl ApiServer {
    /// The server for requests of `user`; the server itself takes requests without a token for the administrator's.
    pub fn as_user(&self, user: impl Into<User>) -> UserService {
        UserService { server: self.clone(), entrance: Entrance::of(user.into()) }
    }
}

impl<B> Service<Request<B>> for UserService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = <ApiServer as Service<Request<B>>>::Response;
    type Error = <ApiServer as Service<Request<B>>>::Error;
    type Future = <ApiServer as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (server, entrance) = (self.server.clone(), self.entrance.clone());
        Box::pin(async move { crate::service::answer(&server, request, &entrance).await })
    }
}
