//! kube-runtime's Controller, with its defaults.

use std::sync::Arc;

use futures::StreamExt;
use futures::channel::mpsc;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::watcher;

use super::drive::{Probe, Sample, Work, drive};
use crate::Failure;
use crate::process::Meter;

pub(super) async fn measure(work: Work) -> Result<Sample, Failure> {
    let meter = Meter::start();
    let client = kube::Client::try_from(kube::Config::new(format!("http://{}", work.address).parse()?))?;
    let (sender, triggers) = mpsc::unbounded::<()>();
    let probe = Arc::new(Probe::default());
    let running = Controller::new(Api::<Pod>::all(client), watcher::Config::default())
        .with_config(Config::default().concurrency(work.workers))
        .reconcile_all_on(triggers)
        .run(
            |pod: Arc<Pod>, probe: Arc<Probe>| async move {
                probe.reconcile(pod.metadata.resource_version.as_deref()).await;
                Ok::<_, std::convert::Infallible>(Action::await_change())
            },
            |_, error, _| match *error {},
            Arc::clone(&probe),
        )
        .for_each(|_| std::future::ready(()));
    let running = tokio::spawn(running);
    let driven = drive(&work, meter, &probe, move || drop(sender.unbounded_send(())));
    tokio::select! {
        biased;
        ended = running => Err(format!("the controller ended: {ended:?}").into()),
        sample = driven => sample,
    }
}
