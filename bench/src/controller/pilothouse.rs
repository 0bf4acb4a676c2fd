//! Pilothouse's Controller in a Manager, with metrics, as programs have it.

use std::sync::Arc;

use futures::channel::mpsc;
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use pilothouse::machinery::Environment;
use pilothouse::{
    Action, Client, ClientOptions, Context, Controller, Manager, Metrics, ObjectKey, ReconcileError,
    Reconciler,
};

use super::drive::{Probe, Sample, Work, drive};
use crate::process::Meter;
use crate::{Failure, pods};

struct Probing(Arc<Probe>);

impl Reconciler for Probing {
    type Object = Pod;

    async fn reconcile(&self, pod: Arc<Pod>, _: &Context<Pod>) -> Result<Action, ReconcileError> {
        self.0.reconcile(pod.metadata.resource_version.as_deref()).await;
        Ok(Action::done())
    }
}

pub(super) async fn measure(work: Work) -> Result<Sample, Failure> {
    let keys: Arc<[ObjectKey]> =
        (0..work.objects).map(|number| ObjectKey::new(pods::namespace(number), pods::name(number))).collect();
    let meter = Meter::start();
    let (environment, metrics) = (Environment::real(), Metrics::new());
    let config = kube::Config::new(format!("http://{}", work.address).parse()?);
    let client = Client::from_config(config, ClientOptions::unlimited(), &environment, &metrics)?;
    let (sender, triggers) = mpsc::unbounded();
    let all = triggers.flat_map(move |()| {
        let keys = Arc::clone(&keys);
        stream::iter((0..keys.len()).map(move |number| keys[number].clone()))
    });
    let builder = Controller::of::<Pod>().workers(usize::from(work.workers)).triggered_by(all);
    let probe = Arc::new(Probe::default());
    let manager = Manager::new("bench").client(client).metrics(metrics);
    let running = manager.controller(builder, Probing(Arc::clone(&probe))).run_until(std::future::pending());
    let running = tokio::spawn(running);
    let driven = drive(&work, meter, &probe, move || drop(sender.unbounded_send(())));
    tokio::select! {
        biased;
        ended = running => Err(format!("the manager ended: {ended:?}").into()),
        sample = driven => sample,
    }
}
