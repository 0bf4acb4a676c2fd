//! Ours: an informer with one subscriber.

use k8s_openapi::api::core::v1::Pod;
use pilothouse::{Change, Client, ClientOptions, Environment, Informers, Metrics, ResourceVersion};

use crate::Failure;
use crate::process::{Meter, config, peak_mib, resident_mib, start_events};
use crate::sample::{Sample, Target, WatchSample};
use crate::server::LIST_VERSION;

pub(crate) async fn measure(target: Target, typed: bool) -> Result<Sample, Failure> {
    let meter = Meter::start()?;
    let (environment, metrics) = (Environment::real(), Metrics::new());
    let client = Client::from_config(config(target)?, ClientOptions::unlimited(), &environment, &metrics)?;
    let informer = Informers::new(client, environment, metrics).informer_of::<Pod>();
    let mut subscription = informer.subscribe();
    for _ in 0..target.objects {
        take(&subscription.next().await.ok_or("the list ended early")?, typed)?;
    }
    let (list, list_peak_mib) = (meter.read()?, peak_mib()?);
    if informer.store().snapshot().len() != usize::try_from(target.objects)? {
        return Err("the store does not hold what was listed".into());
    }
    let list_resident_mib = resident_mib().await?;
    let mut sample = Sample { list, list_peak_mib, list_resident_mib, watch: None };
    if target.events > 0 {
        let last = ResourceVersion::parse(&(LIST_VERSION + target.events).to_string());
        let meter = Meter::start()?;
        start_events(target).await?;
        let (mut taken, mut arrived) = (0, false);
        // A change may have been merged into one that stood earlier in the queue, so the end is an empty queue.
        while !arrived || !subscription.is_empty() {
            let change = subscription.next().await.ok_or("the watch ended early")?;
            take(&change, typed)?;
            taken += 1;
            arrived |= *change.object.resource_version() == last;
        }
        let cost = meter.read()?;
        sample.watch = Some(WatchSample { cost, taken, resident_mib: resident_mib().await? });
    }
    Ok(sample)
}

fn take(change: &Change, typed: bool) -> Result<(), Failure> {
    if typed {
        std::hint::black_box(change.object.decode::<Pod>()?);
    } else {
        std::hint::black_box(change.object.uid());
    }
    Ok(())
}
