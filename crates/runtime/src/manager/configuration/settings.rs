//! What can be set, and what each setting is called.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::times::Finite;
use super::value::Value;
use crate::client::Rate;
use crate::controller::{ControllerOptions, Workers};
use crate::leader::Election;
use crate::manager::certificate::CertificateFiles;
use crate::manager::{Manager, MetricsAccess};
use crate::queue::Bucket;

/// The retries at once of a controller whose code sets no limit on them.
const BURST: u32 = 100;

/// One setting: a key, its value to read or to show, and what it means.
pub(super) struct Setting<'a> {
    /// Its parts are joined by dots.
    pub(super) key: &'static str,
    pub(super) meaning: &'static str,
    pub(super) value: &'a mut dyn Value,
    /// Why it cannot be set here.
    pub(super) fixed: Option<&'static str>,
}

fn setting<'a>(key: &'static str, value: &'a mut dyn Value, meaning: &'static str) -> Setting<'a> {
    Setting { key, meaning, value, fixed: None }
}

/// The settings of a manager.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::manager) struct ManagerSettings {
    grace_period: Duration,
    address: Option<SocketAddr>,
    access: MetricsAccess,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    remote_dead_letter_changes: bool,
    probes: Option<SocketAddr>,
    elects: bool,
    lease_namespace: Option<String>,
    lease_duration: Finite,
    renew_deadline: Finite,
    retry_period: Finite,
    requests_per_second: Option<f64>,
    request_burst: u32,
    request_timeout: Finite,
    brings_client: bool,
}

impl ManagerSettings {
    /// As the code has them.
    pub(in crate::manager) fn of(manager: &Manager) -> Self {
        let Manager { serving, election, client_options, .. } = manager;
        let standing = election.clone().unwrap_or_else(|| Election::new(&*manager.name));
        let timing = standing.chosen_timing();
        let (requests_per_second, request_burst) = match client_options.rate {
            // As the limiter takes them: a rate without end is none.
            Rate::Limited { per_second, burst } => {
                (Some(per_second.max(0.001)).filter(|rate| rate.is_finite()), burst.max(1))
            }
            Rate::Unlimited => (None, BURST),
        };
        Self {
            grace_period: manager.grace_period,
            address: serving.address,
            access: serving.access,
            certificate: serving.certificate.as_ref().map(|files| files.certificate.clone()),
            key: serving.certificate.as_ref().map(|files| files.key.clone()),
            remote_dead_letter_changes: serving.remote_dead_letter_changes,
            probes: serving.probes,
            elects: election.is_some(),
            lease_namespace: Some(standing.lease().namespace.to_string()).filter(|name| !name.is_empty()),
            lease_duration: Finite(timing.lease_duration),
            renew_deadline: Finite(timing.renew_deadline),
            retry_period: Finite(timing.retry_period),
            requests_per_second,
            request_burst,
            request_timeout: Finite(client_options.request_timeout),
            brings_client: manager.client.is_some(),
        }
    }

    /// Each of them, in the order of the documentation.
    pub(super) fn all(&mut self) -> Vec<Setting<'_>> {
        let fixed = self.brings_client.then_some("the program brings a client of its own, and its options");
        let client = |key, value, meaning| Setting { fixed, ..setting(key, value, meaning) };
        vec![
            setting("gracePeriod", &mut self.grace_period, "how long everything may take to end"),
            setting(
                "metrics.address",
                &mut self.address,
                "where metrics, dead letters and probes are served",
            ),
            setting("metrics.access", &mut self.access, "who may read metrics and dead letters"),
            setting(
                "metrics.certificate",
                &mut self.certificate,
                "the certificate to serve them with, in PEM",
            ),
            setting("metrics.key", &mut self.key, "its key, in PEM"),
            setting(
                "metrics.remoteDeadLetterChanges",
                &mut self.remote_dead_letter_changes,
                "whether other machines may replay and drop dead letters without a token",
            ),
            setting("probes.address", &mut self.probes, "where the probes alone are served"),
            setting("leaderElection.enabled", &mut self.elects, "whether to lead only as one of several"),
            setting("leaderElection.namespace", &mut self.lease_namespace, "the namespace of the Lease"),
            setting(
                "leaderElection.leaseDuration",
                &mut self.lease_duration,
                "how long others wait after the last renewal they saw; whole seconds",
            ),
            setting(
                "leaderElection.renewDeadline",
                &mut self.renew_deadline,
                "how long the leader goes on without a renewal",
            ),
            setting("leaderElection.retryPeriod", &mut self.retry_period, "the time between renewals"),
            client("client.requestsPerSecond", &mut self.requests_per_second, "requests in the long run"),
            client("client.burst", &mut self.request_burst, "requests at once after a quiet time"),
            client("client.requestTimeout", &mut self.request_timeout, "how long an answer may take"),
        ]
    }

    /// What is wrong with these together: the key it is about, and the remedy.
    pub(super) fn conflict(&self) -> Option<(&'static str, &'static str)> {
        match (&self.certificate, &self.key) {
            (Some(_), None) => Some(("metrics.certificate", "it needs metrics.key beside it")),
            (None, Some(_)) => Some(("metrics.key", "it needs metrics.certificate beside it")),
            _ => None,
        }
    }

    /// Sets them in place of what the code has.
    pub(in crate::manager) fn apply(self, manager: &mut Manager) {
        manager.grace_period = self.grace_period;
        let serving = &mut manager.serving;
        (serving.address, serving.access, serving.probes) = (self.address, self.access, self.probes);
        serving.remote_dead_letter_changes = self.remote_dead_letter_changes;
        serving.certificate =
            self.certificate.zip(self.key).map(|(certificate, key)| CertificateFiles { certificate, key });
        let name = &*manager.name;
        let election = manager.election.take().unwrap_or_else(|| Election::new(name));
        manager.election = self.elects.then(|| {
            let mut timing = election.chosen_timing();
            (timing.lease_duration, timing.renew_deadline) = (self.lease_duration.0, self.renew_deadline.0);
            timing.retry_period = self.retry_period.0;
            election.timing(timing).in_chosen_namespace(self.lease_namespace)
        });
        let options = &mut manager.client_options;
        options.request_timeout = self.request_timeout.0;
        options.rate = self
            .requests_per_second
            .map_or(Rate::Unlimited, |per_second| Rate::Limited { per_second, burst: self.request_burst });
    }
}

/// What can be set about a controller from outside of its code. A [`Runnable`](crate::Runnable) that wraps a controller
/// hands it through.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerSettings {
    workers: Workers,
    timeout: Duration,
    /// `None` where the policy is not exponential.
    retry_first: Option<Duration>,
    retry_longest: Duration,
    give_up_after: Option<u64>,
    retries_per_second: Option<f64>,
    retry_burst: u32,
    debounce: Duration,
    minimum_interval: Duration,
    sync_timeout: Duration,
}

impl ControllerSettings {
    pub(crate) fn of(options: &ControllerOptions) -> Self {
        let (retry, queue) = (&options.retry, &options.queue);
        Self {
            workers: options.workers,
            timeout: options.timeout,
            retry_first: retry.first(),
            retry_longest: retry.longest(),
            give_up_after: retry.gives_up_after(),
            retries_per_second: queue.bucket.map(|bucket| bucket.per_second()),
            retry_burst: queue.bucket.map_or(BURST, |bucket| bucket.burst()),
            debounce: queue.debounce,
            minimum_interval: queue.minimum_interval,
            sync_timeout: options.sync_timeout,
        }
    }

    /// Each of them, in the order of the documentation.
    pub(super) fn all(&mut self) -> Vec<Setting<'_>> {
        let mut all = vec![
            setting("workers", &mut self.workers, "how many reconciles run at once"),
            setting("timeout", &mut self.timeout, "how long one reconcile may take"),
        ];
        if let Some(first) = &mut self.retry_first {
            all.push(setting("retry.first", first, "the delay after the first failure; it doubles"));
        }
        all.extend([
            setting("retry.longest", &mut self.retry_longest, "the longest delay after a failure"),
            setting("retry.giveUpAfter", &mut self.give_up_after, "failures in a row that are too many"),
            setting(
                "retry.perSecond",
                &mut self.retries_per_second,
                "retries of all objects together, in the long run",
            ),
            setting("retry.burst", &mut self.retry_burst, "retries of all objects at once"),
            setting("debounce", &mut self.debounce, "how long a change waits for others of the same object"),
            setting(
                "minimumInterval",
                &mut self.minimum_interval,
                "the shortest time between two reconciles of an object",
            ),
            setting("syncTimeout", &mut self.sync_timeout, "how long the first lists may take"),
        ]);
        all
    }

    pub(crate) fn apply(self, options: &mut ControllerOptions) {
        options.workers = self.workers;
        options.timeout = self.timeout;
        let mut retry = options.retry.clone().at_most(self.retry_longest).giving_up_after(self.give_up_after);
        if let Some(first) = self.retry_first {
            retry = retry.starting_at(first);
        }
        options.retry = retry;
        let queue = &mut options.queue;
        queue.bucket = self.retries_per_second.map(|per_second| {
            let fresh = Bucket::new(per_second, self.retry_burst);
            queue.bucket.map_or(fresh, |coded| fresh.at_most(coded.longest()))
        });
        (queue.debounce, queue.minimum_interval) = (self.debounce, self.minimum_interval);
        options.sync_timeout = self.sync_timeout;
    }
}
