//! The web portal: pages rendered on the server, live by server-sent events, and the JSON API beside them.
//!
//! **Flow.** [`router`] guards every request (host, origin, headers), reads from the [`Store`](crate::store::Store)
//! and renders HTML; the one script swaps fragments that `/events` sends. Everything but the live updates works
//! without JavaScript.
//!
//! **Assumptions.** There is no login: whoever reaches the port may read everything and, unless the portal is
//! read-only, create and delete jobs with the rights of the logbook's own client. Bind it to loopback or put an
//! authenticating proxy before it. Requests from other web pages are refused: the host must be a known one (against
//! DNS rebinding), and a form must come from the same origin and carry the token that its page held.

mod api;
mod assets;
mod context;
mod diff;
mod explain;
mod format;
mod guard;
mod language;
mod live;
mod pages;
mod routes;
mod state;
mod timeline;
mod token;
mod urls;
mod view;
mod yaml;

#[cfg(test)]
mod tests;

pub(crate) use context::RequestContext;
pub(crate) use format::cut;
pub(crate) use language::{FieldWords, Words, fill};
pub(crate) use pages::{Place, Trouble, answer, icon, shell};
pub use routes::router;
pub use state::{PortalOptions, PortalState};
pub(crate) use urls::{address, encode};
