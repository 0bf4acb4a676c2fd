//! A Kubernetes API server in one process: for development, demos and tests.
//!
//! An [`ApiServer`] keeps all objects in memory and answers the requests that kubectl and client libraries send, by
//! the rules of kube-apiserver. It has two doors: it is a [`tower::Service`], so `kube::Client::new(server, "default")`
//! talks to it without a socket, and [`ApiServer::serve`] opens it as HTTP on a listener.
//!
//! Time, uids, generated names and resource versions come from one
//! [`Environment`](pilothouse_machinery::Environment) and one counter: the same requests in the same order give the
//! same answers. Tokens of service accounts are the exception: the key that signs them is the operating system's.

mod access;
mod answer;
mod body;
mod builder;
mod client_certificate;
mod connection;
mod custom_resources;
mod discovery;
mod fields;
mod furnishing;
mod install;
mod kind;
mod kinds;
mod kubeconfig;
mod manifest;
mod message;
mod openapi;
mod options;
mod permissions;
mod registry;
mod request;
mod request_log;
mod route;
mod server;
mod service;
mod store;
mod table;
mod tls;
mod unreliable;
mod verbs;
mod watch;

pub use access::{Authorization, User, UserService};
pub use body::{BodyError, ResponseBody};
pub use builder::ApiServerBuilder;
pub use client_certificate::ClientCertificate;
pub use connection::{ServeOptions, ServerHandle};
pub use install::InstallError;
pub use kubeconfig::{Credentials, kubeconfig};
pub use permissions::{Difference, Grant, GrantTarget, ManifestError, Permissions, ServiceAccount};
pub use request_log::RequestRecord;
pub use server::ApiServer;
pub use service::ConnectionError;
pub use store::HistoryLimits;
pub use tls::{TlsError, TlsIdentity};
pub use unreliable::{Trouble, Unreliable};
