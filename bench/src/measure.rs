//! One measurement of one candidate, in a process of its own.

mod crowd;
mod kube_runtime;
mod lateness;
mod pilothouse_informer;
pub(crate) mod sleeper;
mod stalls;

use std::net::SocketAddr;

use clap::Args;

use crate::Failure;
use crate::candidate::Candidate;
use crate::sample::Sample;
use sleeper::Sleeper;

pub(crate) use pilothouse_informer::{is_built, options};

/// What the process is to do; the Go program has the same flags.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Where the server is.
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// How many pods it has.
    #[arg(long)]
    pub(crate) objects: u32,
    /// How many events to ask for after the list.
    #[arg(long, default_value_t = 0)]
    pub(crate) events: u32,
    /// Events per second; 0: as fast as they go.
    #[arg(long, default_value_t = 0)]
    pub(crate) rate: u32,
    /// Threads that list the whole cache in a loop during the events.
    #[arg(long, default_value_t = 0)]
    pub(crate) readers: usize,
    /// How often per second each of them does; 0: as often as it can.
    #[arg(long, default_value_t = 0)]
    pub(crate) pace: u32,
    /// They read nothing and only want a core: the control.
    #[arg(long)]
    pub(crate) spin: bool,
    /// A subscriber takes nothing during the events; two others do.
    #[arg(long)]
    pub(crate) sleeper: Option<Sleeper>,
    /// Measure a relist at the end.
    #[arg(long)]
    pub(crate) relist: bool,
    /// Force garbage collections before memory is read (Go).
    #[arg(long)]
    pub(crate) settle: bool,
}

impl Work {
    /// The flags that say the same, with one dash or two.
    pub(crate) fn arguments(&self, dash: &str) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        let numbers = [
            ("address", self.address.to_string()),
            ("objects", self.objects.to_string()),
            ("events", self.events.to_string()),
            ("rate", self.rate.to_string()),
            ("readers", self.readers.to_string()),
            ("pace", self.pace.to_string()),
        ];
        for (name, value) in numbers {
            arguments.extend([format!("{dash}{name}"), value]);
        }
        if let Some(sleeper) = self.sleeper {
            arguments.extend([format!("{dash}sleeper"), sleeper.argument()]);
        }
        for (name, wanted) in [("spin", self.spin), ("relist", self.relist), ("settle", self.settle)] {
            arguments.extend(wanted.then(|| format!("{dash}{name}")));
        }
        arguments
    }

    /// The order that starts the events.
    fn start(&self) -> String {
        format!("/start?events={}&rate={}", self.events, self.rate)
    }
}

/// Measures what is not Go.
pub(crate) async fn run(candidate: Candidate, work: Work) -> Result<Sample, Failure> {
    match candidate {
        Candidate::KubeRuntime => kube_runtime::measure(work, false).await,
        Candidate::KubeRuntimeCut => kube_runtime::measure(work, true).await,
        Candidate::Pilothouse if let Some(kind) = work.sleeper => sleeper::measure(kind, work).await,
        candidate => pilothouse_informer::measure(candidate, work).await,
    }
}

/// Where the clients connect to.
fn config(work: Work) -> Result<kube::Config, Failure> {
    Ok(kube::Config::new(format!("http://{}", work.address).parse()?))
}
