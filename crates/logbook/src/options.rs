//! What a logbook may be told.

use std::path::PathBuf;

use crate::model::Cluster;
use crate::notify::{Destination, DestinationError, RetrySchedule, SigningSecret};
use crate::store::Location;

/// What to record, where, and whom to tell.
#[derive(Clone, Debug)]
pub struct LogbookOptions {
    pub(crate) location: Location,
    pub(crate) cluster: Cluster,
    pub(crate) destinations: Vec<Result<Destination, DestinationError>>,
    pub(crate) retry: RetrySchedule,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) is_read_only: bool,
}

impl LogbookOptions {
    /// A logbook in this SQLite file, which is created if it is missing; its folder must exist.
    #[must_use]
    pub fn new(database: impl Into<PathBuf>) -> Self {
        Self::at(Location::File(database.into()))
    }

    /// A logbook in memory, gone with the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::at(Location::Memory)
    }

    fn at(location: Location) -> Self {
        Self {
            location,
            cluster: "cluster".into(),
            destinations: Vec::new(),
            retry: RetrySchedule::default(),
            allowed_hosts: Vec::new(),
            is_read_only: false,
        }
    }

    /// What the database tells the cluster from others by: give each cluster its own and keep it.
    pub fn cluster(mut self, identity: impl Into<String>) -> Self {
        self.cluster.identity = identity.into();
        self
    }

    /// What people call the cluster, as pages show it; it may change. Without one they show the name that the
    /// database has, else the first 8 characters of the identity.
    pub fn cluster_name(mut self, name: impl Into<String>) -> Self {
        self.cluster.name = Some(name.into());
        self
    }

    /// Tells this address of each job's end, signed if there is a secret. [`Logbook::open`](crate::Logbook::open)
    /// fails if the address is none.
    pub fn notify_webhook(self, address: &str, secret: Option<String>) -> Self {
        let secret = secret.map(|secret| SigningSecret::parse(&secret));
        self.notify(Destination::webhook(address, secret))
    }

    /// Tells this destination of what it wants to be told.
    pub fn notify_destination(self, destination: Destination) -> Self {
        self.notify(Ok(destination))
    }

    fn notify(mut self, destination: Result<Destination, DestinationError>) -> Self {
        self.destinations.push(destination);
        self
    }

    /// How often and how fast notifications are tried again.
    pub fn notification_retry(mut self, schedule: RetrySchedule) -> Self {
        self.retry = schedule;
        self
    }

    /// Lets browsers reach the portal under these host names too, besides loopback ones.
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = String>) -> Self {
        self.allowed_hosts = hosts.into_iter().collect();
        self
    }

    /// Makes a portal that can create, cancel and suspend nothing.
    pub fn read_only(mut self) -> Self {
        self.is_read_only = true;
        self
    }
}
