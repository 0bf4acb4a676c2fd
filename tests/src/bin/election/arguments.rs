//! What the command line takes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use pilothouse::leader::Timing;

#[derive(Debug, Parser)]
#[command(name = "election")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take the leader away from three managers, again and again, and judge what happens.
    Trial(TrialOptions),
    /// One of the managers.
    Manager(ManagerOptions),
    /// The `pilothouse` command.
    #[command(disable_help_flag = true)]
    Pilothouse {
        /// What follows its name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// The times of the election, in milliseconds but for the first.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Times {
    /// The lease duration in seconds.
    #[arg(long, default_value_t = 2)]
    pub(crate) lease: u64,
    /// The renew deadline in milliseconds.
    #[arg(long, default_value_t = 1400)]
    pub(crate) renew: u64,
    /// The retry period in milliseconds.
    #[arg(long, default_value_t = 300)]
    pub(crate) retry: u64,
}

impl Times {
    pub(crate) fn timing(self) -> Timing {
        let (renew_deadline, retry_period) =
            (Duration::from_millis(self.renew), Duration::from_millis(self.retry));
        Timing { lease_duration: Duration::from_secs(self.lease), renew_deadline, retry_period }
    }
}

#[derive(Args, Debug)]
#[command(args_override_self = true)]
pub(crate) struct TrialOptions {
    /// How often the leader is asked to stop (SIGTERM).
    #[arg(long, default_value_t = 50)]
    pub(crate) graceful: usize,
    /// How often it is killed (SIGKILL).
    #[arg(long, default_value_t = 25)]
    pub(crate) killed: usize,
    /// How often it is stopped (SIGSTOP), and let go on (SIGCONT) after its successor has written.
    #[arg(long, default_value_t = 25)]
    pub(crate) stopped: usize,
    #[command(flatten)]
    pub(crate) times: Times,
    /// The longest hand-over after SIGTERM that passes, in milliseconds: 99 of 100 must be faster.
    #[arg(long, default_value_t = 300)]
    pub(crate) handover: u64,
    /// How much longer than the lease duration a successor of a dead leader may take, in milliseconds.
    #[arg(long, default_value_t = 500)]
    pub(crate) slack: u64,
    /// Decides at which moments of a term the leader is taken away.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Let the managers write beside the fence, too: the trial must fail then.
    #[arg(long)]
    pub(crate) without_fence: bool,
    /// Keep traces and logs in this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ManagerOptions {
    #[arg(long)]
    pub(crate) kubeconfig: PathBuf,
    #[arg(long)]
    pub(crate) identity: String,
    #[command(flatten)]
    pub(crate) times: Times,
    #[arg(long)]
    pub(crate) without_fence: bool,
}
