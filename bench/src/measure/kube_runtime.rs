//! The peer: `reflector` over `watcher`, with the backoff that its documentation recommends.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, ResourceExt};

use super::crowd::Crowd;
use super::lateness::Lateness;
use super::stalls::{IDLE, StallWatch};
use super::{Work, config};
use crate::process::{Meter, peak_mib, post, reset_peak, resident_mib, settled_mib};
use crate::sample::{RelistSample, Sample, WatchSample};
use crate::server::state::LIST_VERSION;
use crate::{Failure, pods};

type Events = Pin<Box<dyn Stream<Item = watcher::Result<watcher::Event<Pod>>> + Send>>;

pub(super) async fn measure(work: Work, cut: bool) -> Result<Sample, Failure> {
    let mut sample = Sample { baseline_mib: resident_mib()?, ..Sample::default() };
    let meter = Meter::start();
    let client = kube::Client::try_from(config(work)?)?;
    let (store, writer) = reflector::store::<Pod>();
    let events = watcher(Api::<Pod>::all(client), watcher::Config::default());
    let events =
        if cut { events.modify(|pod| pod.managed_fields_mut().clear()).boxed() } else { events.boxed() };
    let mut events: Events = reflector(writer, events.default_backoff()).boxed();
    until_listed(&mut events).await?;
    (sample.list, sample.list_peak_mib) = (meter.read(), peak_mib()?);
    if store.len() != usize::try_from(work.objects)? {
        return Err("the store does not hold what was listed".into());
    }
    // The watch opens while the memory settles: a stream does nothing unless polled.
    sample.list_resident_mib = tokio::select! {
        biased;
        event = events.next() => return Err(format!("an event before the start: {event:?}").into()),
        settled = settled_mib() => settled?,
    };
    sample.list_resident_raw_mib = sample.list_resident_mib;
    if work.events > 0 {
        sample.watch = Some(watch(work, &mut events, &store).await?);
    }
    if work.relist {
        sample.relist = Some(relist(work, &mut events, &store).await?);
    }
    Ok(sample)
}

async fn until_listed(events: &mut Events) -> Result<(), Failure> {
    loop {
        match events.next().await.ok_or("the stream ended early")? {
            Ok(watcher::Event::InitDone) => return Ok(()),
            // The loss of history, which the stream answers by listing again.
            Ok(_) | Err(watcher::Error::WatchError(_) | watcher::Error::WatchStartFailed(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn watch(work: Work, events: &mut Events, store: &Store<Pod>) -> Result<WatchSample, Failure> {
    let last = u64::from(LIST_VERSION + work.events);
    let listed = store.clone();
    let readers = Crowd::start(work, move || listed.state().len());
    let meter = Meter::start();
    let mut lateness = Lateness::new(u64::from(LIST_VERSION), work.rate);
    post(work.address, &work.start()).await?;
    let mut taken = 0;
    loop {
        if let watcher::Event::Apply(pod) = events.next().await.ok_or("the watch ended early")?? {
            taken += 1;
            let version = pod.resource_version().unwrap_or_default().parse()?;
            lateness.note(version);
            if version == last {
                break;
            }
        }
    }
    let cost = meter.read();
    let (readers_cpu, lists) = readers.end()?;
    let writer_cpu_seconds = meter.read().cpu_seconds - readers_cpu;
    let resident_mib = settled_mib().await?;
    let latest_ms = lateness.longest_ms();
    Ok(WatchSample { cost, writer_cpu_seconds, taken, lists, latest_ms, peak_mib: peak_mib()?, resident_mib })
}

/// A reader of the store that notes its longest wait.
fn stall_watch(work: Work, store: &Store<Pod>) -> StallWatch {
    let keys: Vec<ObjectRef<Pod>> = (0..work.objects)
        .map(|number| ObjectRef::new(&pods::name(number)).within(&pods::namespace(number)))
        .collect();
    let store = store.clone();
    // It has no list by namespace.
    StallWatch::start(work.objects, move |number| store.get(&keys[number as usize]).is_some(), |_| 0)
}

async fn relist(work: Work, events: &mut Events, store: &Store<Pod>) -> Result<RelistSample, Failure> {
    let idle = stall_watch(work, store);
    tokio::time::sleep(IDLE).await;
    let idle = idle.end()?;
    reset_peak()?;
    let reader = stall_watch(work, store);
    let meter = Meter::start();
    post(work.address, "/relist").await?;
    until_listed(events).await?;
    tokio::select! {
        biased;
        event = events.next() => return Err(format!("an event after the relist: {event:?}").into()),
        () = tokio::time::sleep(Duration::from_secs(1)) => {}
    }
    let mut cost = meter.read();
    let stalls = reader.end()?;
    cost.cpu_seconds -= stalls.cpu_seconds;
    Ok(RelistSample { cost, stalls, idle, peak_mib: peak_mib()?, resident_mib: resident_mib()? })
}
