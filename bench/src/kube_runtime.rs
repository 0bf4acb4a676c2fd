//! The peer: `reflector` over `watcher`, with the backoff that its documentation recommends.

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, ResourceExt};

use crate::Failure;
use crate::process::{Meter, config, peak_mib, resident_mib, start_events};
use crate::sample::{Sample, Target, WatchSample};
use crate::server::LIST_VERSION;

pub(crate) async fn measure(target: Target, cut: bool) -> Result<Sample, Failure> {
    let meter = Meter::start()?;
    let client = kube::Client::try_from(config(target)?)?;
    let (store, writer) = reflector::store::<Pod>();
    let events = watcher(Api::<Pod>::all(client), watcher::Config::default());
    let events =
        if cut { events.modify(|pod| pod.managed_fields_mut().clear()).boxed() } else { events.boxed() };
    let mut events = std::pin::pin!(reflector(writer, events.default_backoff()));
    while !matches!(events.next().await.ok_or("the list ended early")??, watcher::Event::InitDone) {}
    let (list, list_peak_mib) = (meter.read()?, peak_mib()?);
    if store.len() != usize::try_from(target.objects)? {
        return Err("the store does not hold what was listed".into());
    }
    // The watch opens while the memory settles: a stream does nothing unless polled.
    let settled = tokio::select! {
        biased;
        event = events.next() => return Err(format!("an event before the start: {event:?}").into()),
        settled = resident_mib() => settled?,
    };
    let mut sample = Sample { list, list_peak_mib, list_resident_mib: settled, watch: None };
    if target.events > 0 {
        let last = (LIST_VERSION + target.events).to_string();
        let meter = Meter::start()?;
        start_events(target).await?;
        let mut taken = 0;
        loop {
            if let watcher::Event::Apply(pod) = events.next().await.ok_or("the watch ended early")?? {
                taken += 1;
                if pod.metadata.resource_version.as_ref() == Some(&last) {
                    break;
                }
            }
        }
        let cost = meter.read()?;
        sample.watch = Some(WatchSample { cost, taken, resident_mib: resident_mib().await? });
    }
    drop(store);
    Ok(sample)
}
