//! Adding to a manager that runs.

use std::fmt;

use tokio::sync::mpsc;

use super::Runnable;

/// The way into a manager that was started. Cheap to clone. Made by [`Manager::handle`](super::Manager::handle).
#[derive(Clone)]
pub struct ManagerHandle {
    sender: mpsc::UnboundedSender<Box<dyn Runnable>>,
}

/// The manager stops, or has stopped: nothing can be added (conformance M4).
#[derive(Debug, thiserror::Error)]
#[error("cannot add {name} to the manager: it stops, or has stopped")]
pub struct ManagerStopped {
    /// What was to be added.
    pub name: String,
}

impl ManagerStopped {
    /// A stable word for logs and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "ManagerStopped"
    }
}

impl ManagerHandle {
    /// Adds something with a life. It starts as if it had been there from the beginning: at once, or when the manager
    /// is run, or when this process leads; a controller waits for its caches. A second of the same name ends the
    /// manager with [`Error::DuplicateName`](crate::Error::DuplicateName).
    ///
    /// **Errors.** [`ManagerStopped`] from the word to stop on.
    pub fn add(&self, runnable: impl Runnable) -> Result<(), ManagerStopped> {
        self.sender.send(Box::new(runnable)).map_err(|refused| {
            let name = refused.0.name().to_owned();
            ManagerStopped { name }
        })
    }
}

impl fmt::Debug for ManagerHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ManagerHandle").field("is_stopped", &self.sender.is_closed()).finish()
    }
}

/// What was added and has not been started.
pub(super) struct Additions {
    sender: mpsc::UnboundedSender<Box<dyn Runnable>>,
    receiver: mpsc::UnboundedReceiver<Box<dyn Runnable>>,
}

impl Additions {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver }
    }

    pub(super) fn handle(&self) -> ManagerHandle {
        ManagerHandle { sender: self.sender.clone() }
    }

    /// The next addition. Dropping the future loses none.
    pub(super) async fn next(&mut self) -> Box<dyn Runnable> {
        match self.receiver.recv().await {
            Some(runnable) => runnable,
            None => std::future::pending().await,
        }
    }

    /// Refuses what comes from now on.
    pub(super) fn close(&mut self) {
        self.receiver.close();
    }
}
