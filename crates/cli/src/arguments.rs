//! What the command line takes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pilothouse_apiserver::Authorization;

use crate::deadletters;

/// Where a Kubernetes cluster is steered from.
///
/// `pilothouse demo` needs nothing: it starts an API server, a simulated cluster and the job logbook in one process,
/// and tells where to look.
#[derive(Debug, Parser)]
#[command(name = "pilothouse", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// What to log to standard error: error, warn, info, debug, trace, or a filter such as `pilothouse=debug`.
    #[arg(long, global = true, env = "PILOTHOUSE_LOG", default_value = LOG, value_name = "FILTER")]
    pub(crate) log: String,
}

/// Warnings, but not each retry of a reconcile: a conflict that the next try solves is no news.
pub(crate) const LOG: &str = "warn,pilothouse::controller=error";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process: API server, simulated cluster, logbook with its portal, and a small workload.
    #[command(after_help = DEMO_HELP)]
    Demo(Demo),
    /// Run the API server alone, with or without the simulated cluster behind it.
    #[command(after_help = APISERVER_HELP)]
    Apiserver(ApiserverArguments),
    /// Make a folder for `KUBEBUILDER_ASSETS`: tests with envtest then use this API server.
    #[command(after_help = ENVTEST_HELP)]
    Envtest(EnvtestArguments),
    /// Record the jobs of a cluster and show them on the portal.
    #[command(after_help = LOGBOOK_HELP)]
    Logbook(LogbookArguments),
    /// List, show, replay and drop what controllers have given up on.
    #[command(after_help = deadletters::HELP)]
    Deadletters(deadletters::DeadlettersArguments),
}

const DEMO_HELP: &str = "\
Examples:
  pilothouse demo                          look at the address that it prints
  pilothouse demo --speed 10 --seed 7      ten times faster, the same workload each time
  pilothouse demo --no-workload --port 0   an empty cluster, on any free port";

const APISERVER_HELP: &str = "\
Examples:
  pilothouse apiserver --kubeconfig-out kubeconfig
  kubectl --kubeconfig kubeconfig get namespaces
  pilothouse apiserver --authorization rbac    roles and bindings decide who may do what";

const ENVTEST_HELP: &str = "\
Examples:
  eval \"$(pilothouse envtest)\" && go test ./...        controller-runtime's envtest
  pilothouse envtest --folder target/assets             and its relatives: set KUBEBUILDER_ASSETS to the folder

The folder holds the names kube-apiserver and etcd, which are this program. There are no controllers, as in envtest:
deployments get no pods.";

const LOGBOOK_HELP: &str = "\
Examples:
  pilothouse logbook --kubeconfig ~/.kube/config --data ./logbook
  pilothouse logbook --notify-webhook https://example.com/hook   tell somebody when a job ends

The account of the kubeconfig needs get, list and watch on jobs and pods; create, patch and delete on jobs to submit
and act from the portal.";

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where to write the kubeconfig [default: kubeconfig in the data folder].
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig_out: Option<PathBuf>,
    /// The folder of the SQLite file and the kubeconfig.
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    pub(crate) data: PathBuf,
    /// The port of the portal on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 8080)]
    pub(crate) port: u16,
    /// The port of the API server on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) api_port: u16,
    /// How much faster than real time the simulated cluster runs.
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = positive)]
    pub(crate) speed: f64,
    /// The seed of the workload and of the cluster's behaviour [default: a new one each time].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Submit no jobs by itself.
    #[arg(long)]
    pub(crate) no_workload: bool,
    /// Post an event (CloudEvents 1.0) to this address whenever a job ends.
    #[arg(long, value_name = "URL")]
    pub(crate) notify_webhook: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ApiserverArguments {
    /// Where to write the kubeconfig.
    #[arg(long, value_name = "FILE", default_value = "kubeconfig")]
    pub(crate) kubeconfig_out: PathBuf,
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port: u16,
    /// Who may do what: everybody everything, or what roles and bindings allow. The kubeconfig is an administrator's.
    #[arg(long, value_name = "MODE", value_enum, default_value_t = AuthorizationMode::AlwaysAllow)]
    pub(crate) authorization: AuthorizationMode,
    /// Also run the simulated cluster: jobs get pods, pods run.
    #[arg(long)]
    pub(crate) simulate: bool,
    /// How much faster than real time the simulated cluster runs.
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = positive)]
    pub(crate) speed: f64,
    /// The seed of uids, generated names and the cluster's behaviour [default: a new one each time].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How many events of each resource a watch can go back.
    #[arg(long, value_name = "EVENTS", default_value_t = 100_000)]
    pub(crate) history: usize,
}

/// The values of `--authorization`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AuthorizationMode {
    /// Everybody who is let in may do everything.
    AlwaysAllow,
    /// Roles and bindings decide.
    Rbac,
}

impl From<AuthorizationMode> for Authorization {
    fn from(mode: AuthorizationMode) -> Self {
        match mode {
            AuthorizationMode::AlwaysAllow => Self::AlwaysAllow,
            AuthorizationMode::Rbac => Self::Rbac,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct EnvtestArguments {
    /// The folder to make.
    #[arg(long, value_name = "DIR", default_value = "envtest-assets")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct LogbookArguments {
    /// The cluster to record [default: as kubectl finds it: KUBECONFIG, ~/.kube/config, or the pod's own account].
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: its current one].
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The folder of the SQLite file.
    #[arg(long, value_name = "DIR", default_value = "logbook-data")]
    pub(crate) data: PathBuf,
    /// The port of the portal on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 8080)]
    pub(crate) port: u16,
    /// Post an event (CloudEvents 1.0) to this address whenever a job ends.
    #[arg(long, value_name = "URL")]
    pub(crate) notify_webhook: Option<String>,
    /// The secret that signs notifications (Standard Webhooks, HMAC-SHA256).
    #[arg(long, value_name = "SECRET", env = "PILOTHOUSE_WEBHOOK_SECRET", hide_env_values = true)]
    pub(crate) notify_secret: Option<String>,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("write a number above 0, for example 10".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn speed_must_be_a_number_above_zero() {
        for wrong in ["0", "-1", "NaN", "inf", "fast"] {
            let parsed = Arguments::try_parse_from(["pilothouse", "demo", &format!("--speed={wrong}")]);
            assert!(parsed.is_err_and(|error| error.to_string().contains("number above 0")), "{wrong}");
        }
    }
}
