//! Being known to a coordinator.

use std::convert::Infallible;
use std::time::Duration;

use k8s_openapi::api::coordination::v1beta1::{LeaseCandidate, LeaseCandidateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use pilothouse_machinery::{Environment, ObjectKey};
use tokio::time::{Instant, sleep_until};

use super::Coordination;
use super::lock::was_overtaken;
use super::watch::ObjectWatch;
use crate::{Client, ClientError};

/// How often a candidate shows by itself that it lives; the API server removes those it has not heard of for half an
/// hour.
const RENEWAL: Duration = Duration::from_mins(5);
/// How long it waits after a failure.
const RETRY: Duration = Duration::from_secs(2);
/// How often one attempt reads again because somebody else wrote.
const LOOKS: usize = 3;

/// This process's `LeaseCandidate`: put up, renewed, and answered for when the coordinator asks whether it lives
/// (conformance E10).
#[derive(Debug)]
pub(super) struct Candidate {
    client: Client,
    watch: ObjectWatch<LeaseCandidate>,
    environment: Environment,
    key: ObjectKey,
    spec: LeaseCandidateSpec,
}

impl Candidate {
    pub(super) fn new(
        client: Client,
        watch: ObjectWatch<LeaseCandidate>,
        environment: &Environment,
        key: ObjectKey,
        lease: &str,
        coordination: Coordination,
    ) -> Self {
        let spec = LeaseCandidateSpec {
            binary_version: coordination.binary_version,
            emulation_version: Some(coordination.emulation_version),
            lease_name: lease.to_owned(),
            strategy: coordination.strategy,
            ..LeaseCandidateSpec::default()
        };
        Self { client, watch, environment: environment.clone(), key, spec }
    }

    /// Stands for as long as it is polled. Dropping the future leaves the object, which runs out by itself.
    pub(super) async fn stand(mut self) -> Infallible {
        loop {
            let wait = match self.show().await {
                Ok(()) => RENEWAL,
                Err(error) => {
                    let error = crate::controller::chain(&error);
                    tracing::warn!(candidate = %self.key, error, "cannot show the coordinator that this process lives");
                    RETRY
                }
            };
            let until = Instant::now() + wait;
            loop {
                tokio::select! {
                    biased;
                    candidate = self.watch.changed() => if candidate.is_none_or(|it| is_asked(&it.spec)) { break },
                    () = sleep_until(until) => break,
                }
            }
        }
    }

    /// Writes the time of now into the object, which it creates where there is none.
    async fn show(&mut self) -> Result<(), ClientError> {
        let mut looks = 0;
        loop {
            let written = match self.client.get::<LeaseCandidate>(&self.key).await {
                Ok(mut candidate) => {
                    let ping_time = candidate.spec.ping_time.take();
                    // Whose clock is behind the coordinator's answers with the coordinator's time.
                    let renew_time = self.renewed().renew_time.max(ping_time.clone());
                    candidate.spec = LeaseCandidateSpec { ping_time, renew_time, ..self.spec.clone() };
                    self.client.update(&candidate).await
                }
                Err(error) if error.is_not_found() => {
                    let mut candidate = LeaseCandidate { spec: self.renewed(), ..LeaseCandidate::default() };
                    candidate.metadata.namespace = self.key.namespace().map(ToOwned::to_owned);
                    candidate.metadata.name = Some(self.key.name.to_string());
                    self.client.create(&candidate).await
                }
                Err(error) => return Err(error),
            };
            looks += 1;
            match written {
                Err(error) if was_overtaken(&error) && looks < LOOKS => {}
                written => return written.map(drop),
            }
        }
    }

    fn renewed(&self) -> LeaseCandidateSpec {
        LeaseCandidateSpec { renew_time: Some(MicroTime(self.environment.now())), ..self.spec.clone() }
    }
}

/// Whether the coordinator asks, and was not answered yet.
fn is_asked(spec: &LeaseCandidateSpec) -> bool {
    let ping = spec.ping_time.as_ref().map(|time| time.0);
    let renewed = spec.renew_time.as_ref().map(|time| time.0);
    ping.is_some_and(|ping| renewed.is_none_or(|renewed| renewed < ping))
}
