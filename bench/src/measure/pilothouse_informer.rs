//! Ours: an informer with its index by owner, one by node, and one subscriber.

use std::borrow::Cow;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use pilothouse::cache::{InformerOptions, Projection, Residence, WireFormat};
use pilothouse::{
    Change, Client, ClientOptions, Environment, Informer, Informers, Metrics, Object, ObjectKey,
    ResourceVersion, Subscription,
};

use super::crowd::Crowd;
use super::lateness::Lateness;
use super::stalls::{IDLE, StallWatch};
use super::{Work, config};
use crate::candidate::Candidate;
use crate::process::{Meter, peak_mib, post, reset_peak, resident_mib, settled_mib};
use crate::sample::{RelistSample, Sample, WatchSample};
use crate::server::state::{LIST_VERSION, RELIST_STEP};
use crate::{Failure, pods};

/// Whether this version of Pilothouse has the configuration.
pub(crate) fn is_built(candidate: Candidate) -> bool {
    candidate.is_peer() || options(candidate).is_some()
}

/// What the configuration asks of an informer; nothing where this version of Pilothouse does not have it.
pub(crate) fn options(candidate: Candidate) -> Option<InformerOptions> {
    let options = InformerOptions::default();
    match candidate {
        Candidate::Pilothouse | Candidate::PilothouseTyped => Some(options),
        Candidate::PilothousePlainList => Some(options.with_streaming_list(false)),
        Candidate::PilothouseCompact => Some(options.with_residence(Residence::Compact)),
        Candidate::PilothouseMetadata => Some(options.with_projection(Projection::MetadataOnly)),
        Candidate::PilothouseProtobuf | Candidate::PilothouseProtobufTyped => {
            Some(options.with_format(WireFormat::PreferProtobuf))
        }
        Candidate::PilothouseProtobufCompact => {
            Some(options.with_format(WireFormat::PreferProtobuf).with_residence(Residence::Compact))
        }
        _ => None,
    }
}

fn is_typed(candidate: Candidate) -> bool {
    matches!(candidate, Candidate::PilothouseTyped | Candidate::PilothouseProtobufTyped)
}

/// A subscriber and what it does with what it is told.
struct Reader {
    informer: Informer,
    subscription: Subscription,
    typed: bool,
    lateness: Lateness,
    taken: u64,
}

impl Reader {
    async fn next(&mut self) -> Result<Change, Failure> {
        let change = self.subscription.next().await.ok_or("the subscription ended early")?;
        if self.typed {
            std::hint::black_box(change.object.decode::<Pod>()?);
        } else {
            std::hint::black_box(change.object.uid());
        }
        self.taken += 1;
        Ok(change)
    }
}

pub(super) async fn measure(candidate: Candidate, work: Work) -> Result<Sample, Failure> {
    let mut sample = Sample { baseline_mib: resident_mib()?, ..Sample::default() };
    let meter = Meter::start();
    let (environment, metrics) = (Environment::real(), Metrics::new());
    let client = Client::from_config(config(work)?, ClientOptions::unlimited(), &environment, &metrics)?;
    let options = options(candidate).ok_or("this version does not have the configuration")?;
    let informers = Informers::new(client, environment, metrics);
    let informer = informers.informer_with(&Pod::resource_type(), options)?;
    add_index(&informer)?;
    let subscription = informer.subscribe();
    let lateness = Lateness::new(0, 0);
    let mut reader = Reader { informer, subscription, typed: is_typed(candidate), lateness, taken: 0 };
    for _ in 0..work.objects {
        reader.next().await?;
    }
    (sample.list, sample.list_peak_mib) = (meter.read(), peak_mib()?);
    if reader.informer.store().snapshot().len() != usize::try_from(work.objects)? {
        return Err("the store does not hold what was listed".into());
    }
    sample.list_resident_mib = settled_mib().await?;
    sample.list_resident_raw_mib = sample.list_resident_mib;
    if work.events > 0 {
        sample.watch = Some(watch(work, &mut reader).await?);
    }
    if work.relist {
        sample.relist = Some(relist(work, &mut reader).await?);
    }
    Ok(sample)
}

/// The declared index.
fn add_index(informer: &Informer) -> Result<(), Failure> {
    informer.add_index("node", |object| object.field("/spec/nodeName").map(Cow::into_owned))?;
    Ok(())
}

fn version_number(version: &ResourceVersion) -> u64 {
    version.number().unwrap_or(0)
}

async fn watch(work: Work, reader: &mut Reader) -> Result<WatchSample, Failure> {
    let last = ResourceVersion::parse(&(LIST_VERSION + work.events).to_string());
    let store = reader.informer.store().clone();
    let readers =
        Crowd::start(work, move || store.snapshot().iter().filter(|pod| !pod.uid().is_empty()).count());
    let before = reader.taken;
    let meter = Meter::start();
    reader.lateness = Lateness::new(u64::from(LIST_VERSION), work.rate);
    post(work.address, &work.start()).await?;
    let mut arrived = false;
    // A change may have been merged into one that stood earlier in the queue, so the end is an empty queue.
    while !arrived || !reader.subscription.is_empty() {
        let change = reader.next().await?;
        let version = change.object.resource_version();
        reader.lateness.note(version_number(version));
        arrived |= *version == last;
    }
    let cost = meter.read();
    let (readers_cpu, lists) = readers.end()?;
    let writer_cpu_seconds = meter.read().cpu_seconds - readers_cpu;
    let (taken, latest_ms) = (reader.taken - before, reader.lateness.longest_ms());
    let resident_mib = settled_mib().await?;
    Ok(WatchSample { cost, writer_cpu_seconds, taken, lists, latest_ms, peak_mib: peak_mib()?, resident_mib })
}

/// A reader of the store that notes its longest wait.
fn stall_watch(work: Work, reader: &Reader) -> StallWatch {
    let keys: Vec<ObjectKey> =
        (0..work.objects).map(|number| ObjectKey::new(pods::namespace(number), pods::name(number))).collect();
    let (getting, listing) = (reader.informer.store().clone(), reader.informer.store().clone());
    StallWatch::start(
        work.objects,
        move |number| getting.get(&keys[number as usize]).is_some(),
        move |number| listing.snapshot().in_namespace(&pods::namespace(number)).count(),
    )
}

async fn relist(work: Work, reader: &mut Reader) -> Result<RelistSample, Failure> {
    let idle = stall_watch(work, reader);
    tokio::time::sleep(IDLE).await;
    let idle = idle.end()?;
    reset_peak()?;
    let watch = stall_watch(work, reader);
    let meter = Meter::start();
    post(work.address, "/relist").await?;
    let version = ResourceVersion::parse(&(LIST_VERSION + RELIST_STEP).to_string());
    let store = reader.informer.store().clone();
    tokio::select! {
        biased;
        () = store.wait_for(&version) => {}
        failure = drain(reader) => return Err(failure),
    }
    tokio::select! {
        biased;
        () = tokio::time::sleep(Duration::from_secs(1)) => {}
        failure = drain(reader) => return Err(failure),
    }
    let mut cost = meter.read();
    let stalls = watch.end()?;
    cost.cpu_seconds -= stalls.cpu_seconds;
    Ok(RelistSample { cost, stalls, idle, peak_mib: peak_mib()?, resident_mib: resident_mib()? })
}

/// Takes what there is until the subscription fails.
async fn drain(reader: &mut Reader) -> Failure {
    loop {
        if let Err(failure) = reader.next().await {
            return failure;
        }
    }
}
