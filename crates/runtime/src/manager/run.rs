//! A run of the manager, from start to end.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use pilothouse_machinery::Environment;

use super::candidacy::Candidacy;
use super::lifecycle::Lifecycle;
use super::{Liveness, Manager, Readiness, RunContext, Shutdown};
use crate::{Client, ClientOptions, DeadLetters, Error, Informers, Leadership, Metrics};

/// How long informers may take to notice that they are to stop.
const INFORMERS_STOP: Duration = Duration::from_secs(1);

impl Manager {
    /// Runs until SIGTERM or SIGINT (Ctrl-C), or until something fails.
    ///
    /// Dropping the future ends everything at once, without grace.
    pub async fn run(self) -> Result<(), Error> {
        let stop = stop_signal().map_err(|source| Error::Signals { source })?;
        self.run_until(stop).await
    }

    /// Runs until `stop` completes, or until something fails; stops in order and returns what went wrong.
    ///
    /// Dropping the future ends everything at once, without grace.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let dead_letters = self.dead_letters();
        self.settle().map_err(|source| Error::Configuration { source })?;
        let Self { name, client, environment, metrics, serving, grace_period, client_options, .. } = self;
        let (runnables, informers, mut additions) = (self.runnables, self.informers, self.additions);
        let mut names = BTreeSet::new();
        if let Some(twice) = runnables.iter().find(|one| !names.insert(one.name().to_owned())) {
            return Err(Error::DuplicateName { name: twice.name().to_owned() });
        }
        let way = (client, client_options);
        let mut context = context(name.clone(), way, environment, metrics, informers, dead_letters).await?;
        let candidacy = Candidacy::start(self.election, &mut context)?;
        let servers = serving.start(&context).await?;
        let mut lifecycle = Lifecycle::new(context.clone());
        lifecycle.start(runnables);
        tracing::info!(manager = name, "manager runs");
        let (mut stop, mut leads) = (pin!(stop), pin!(context.leadership.acquired()));
        let mut is_leading = false;
        // A cache that failed is named before what ended because of it.
        let mut errors = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                lost = candidacy.lost() => errors.push(lost),
                () = candidacy.asked_to_step_down() => break,
                source = context.informers.failed() => errors.push(Error::CacheFailed { source }),
                () = lifecycle.failed() => {}
                true = &mut leads, if !is_leading => {
                    is_leading = true;
                    lifecycle.lead();
                    continue;
                }
                runnable = additions.next() => {
                    if names.insert(runnable.name().to_owned()) {
                        lifecycle.add(runnable, is_leading);
                        continue;
                    }
                    errors.push(Error::DuplicateName { name: runnable.name().to_owned() });
                }
            }
            break;
        }
        tracing::info!(manager = name, "manager stops");
        additions.close();
        candidacy.withdraw();
        context.readiness.not_ready("manager", "it is stopping");
        context.liveness.stop();
        errors.extend(lifecycle.stop(grace_period).await);
        context.informers.shut_down();
        // They stop at their next await; one that never comes to it cannot be waited for.
        let _ = tokio::time::timeout(INFORMERS_STOP, context.informers.wait_stopped()).await;
        candidacy.end().await;
        drop(servers);
        Error::all(errors).map_or(Ok(()), Err)
    }
}

/// Everything that runnables are given.
async fn context(
    manager: String,
    (client, options): (Option<Client>, ClientOptions),
    environment: Option<Environment>,
    metrics: Metrics,
    informers: Option<Informers>,
    dead_letters: DeadLetters,
) -> Result<RunContext, Error> {
    let given = client.as_ref().map(|client| client.environment().clone());
    let environment = environment.or(given).unwrap_or_else(Environment::real);
    let client = match client {
        Some(client) => client,
        None => connect(&manager, options, &environment, &metrics)
            .await
            .map_err(|source| Error::Connect { source })?,
    };
    Ok(RunContext {
        manager,
        informers: informers
            .unwrap_or_else(|| Informers::new(client.clone(), environment.clone(), metrics.clone())),
        client,
        environment,
        metrics,
        dead_letters,
        readiness: Readiness::default(),
        liveness: Liveness::default(),
        leadership: Leadership::without_election(),
        shutdown: Shutdown::new(),
    })
}

/// Connects as the kubeconfig or the service account of the pod says.
async fn connect(
    manager: &str,
    options: ClientOptions,
    environment: &Environment,
    metrics: &Metrics,
) -> Result<Client, super::BoxError> {
    let config = kube::Config::infer().await?;
    let options = ClientOptions { field_manager: manager.to_owned(), ..options };
    Ok(Client::from_config(config, options, environment, metrics)?)
}

/// Completes on the first signal that asks the process to stop.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
