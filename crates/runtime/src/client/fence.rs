//! The fence: writes within one term only.

use std::sync::Arc;

use http::{Request, Response};
use kube::client::Body;

use super::connection::Connection;
use super::flow::Flow;
use super::retry::RequestTraits;
use super::sockets::refusal;
use crate::leader::{NotLeading, Tenure};

/// A term, and the way that its writes go.
#[derive(Clone)]
pub(super) struct Fence {
    pub(super) tenure: Arc<Tenure>,
    /// Over connections that look at the term themselves, where the client opens its own.
    pub(super) way: Connection,
}

impl Flow {
    /// Sends a request once; a write only within the term, which is looked at here and again at the socket (E-I2).
    pub(super) async fn attempt_within_term(
        &self,
        request: Request<Body>,
        traits: RequestTraits,
    ) -> Result<Response<Body>, kube::Error> {
        let Some(fence) = self.fence.as_ref().filter(|_| !traits.is_read) else {
            return self.attempt(&self.inner, request, traits).await;
        };
        let refused = |over: NotLeading| kube::Error::Service(Box::new(over));
        fence.tenure.check().map_err(refused)?;
        tokio::select! {
            biased;
            over = fence.tenure.over() => Err(refused(NotLeading { sent: true, ..over })),
            answer = self.attempt(&fence.way, request, traits) => match answer {
                // Nothing of it left, or too little to be a request.
                Err(error) => Err(refusal(&error).map_or(error, refused)),
                answer => answer,
            },
        }
    }
}
