//! Which program this one takes the place of.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::{api_server, etcd, flags};
use crate::error::CommandError;

/// A program of which this one can take the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandIn {
    /// `kube-apiserver`.
    ApiServer,
    /// `etcd`, which keeps nothing: the API server holds its objects itself.
    Etcd,
}

impl StandIn {
    pub(super) const ALL: [Self; 2] = [Self::ApiServer, Self::Etcd];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::Etcd => "etcd",
        }
    }

    /// The program that the name of this one says it is.
    pub(crate) fn of(program: &OsStr) -> Option<Self> {
        let name = Path::new(program).file_stem()?;
        Self::ALL.into_iter().find(|stand_in| name == stand_in.name())
    }

    /// Whether the flags only ask which flags there are; then they have been printed.
    pub(crate) fn helps(self, arguments: &[OsString]) -> bool {
        let asked = arguments.iter().any(|argument| argument == "--help" || argument == "-h");
        if asked {
            let known = match self {
                Self::ApiServer => api_server::FLAGS,
                Self::Etcd => etcd::FLAGS,
            };
            println!("{}, as `pilothouse` stands in for it.\n\nFlags:", self.name());
            for flag in known {
                println!("      --{flag}");
            }
        }
        asked
    }

    /// Runs until it is told to stop.
    pub(crate) async fn run(self, arguments: &[OsString]) -> Result<(), CommandError> {
        let flags = flags::Flags::parse(arguments);
        match self {
            Self::ApiServer => api_server::run(&flags).await,
            Self::Etcd => etcd::run(&flags).await,
        }
    }
}

/// Waits for an interrupt (Ctrl-C) or to be told to end.
pub(super) async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut end) = signal(SignalKind::terminate()) {
            tokio::select! {
                biased;
                _ = end.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_program_says_what_it_stands_in_for() {
        assert_eq!(StandIn::of(OsStr::new("/assets/kube-apiserver")), Some(StandIn::ApiServer));
        assert_eq!(StandIn::of(OsStr::new("etcd")), Some(StandIn::Etcd));
        assert_eq!(StandIn::of(OsStr::new("/usr/bin/pilothouse")), None);
    }
}
