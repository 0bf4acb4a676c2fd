//! A subscriber that takes nothing any more, and two that work beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::ValueEnum;
use k8s_openapi::api::core::v1::Pod;
use pilothouse::cache::{LosslessEvent, LosslessOptions, LosslessSubscription, WhenFull};
use pilothouse::{
    Change, Client, ClientOptions, Environment, Informer, Informers, Metrics, ObjectKey, Subscription,
};

use super::{Work, config};
use crate::process::{Meter, peak_mib, post, reset_peak, resident_mib, settled_mib};
use crate::sample::{Sample, SleeperSample};
use crate::server::state::{LIST_VERSION, event};
use crate::{Failure, pods};

/// What may wait for the lossless sleeper, in bytes.
pub(crate) const LIMIT: usize = 16 << 20;
/// The same for the one beside it: little, so that what grows is the sleeper's.
const AWAKE_LIMIT: usize = 1 << 20;
/// When nothing has come for so long, the informer stands still.
const STILL: Duration = Duration::from_secs(1);

/// What kind of subscriber sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sleeper {
    /// Nobody: the control, which shows what events alone do to memory.
    Nobody,
    /// One whose changes are merged; in client-go a handler that does not return.
    Merging,
    /// A lossless one that records a gap when it is full.
    Gap,
    /// A lossless one for which the informer stands still when it is full.
    Stall,
}

impl Sleeper {
    /// The name on the command line.
    pub(super) fn argument(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// The one that sleeps: held, never asked.
enum Asleep {
    Nobody,
    Merging(Subscription),
    Lossless(LosslessSubscription),
}

impl Asleep {
    fn fall(informer: &Informer, kind: Sleeper) -> Self {
        let lossless = |when_full| LosslessOptions::default().limit(LIMIT).when_full(when_full);
        match kind {
            Sleeper::Nobody => Self::Nobody,
            Sleeper::Merging => Self::Merging(informer.subscribe()),
            Sleeper::Gap => Self::Lossless(informer.subscribe_lossless(lossless(WhenFull::RecordGap))),
            Sleeper::Stall => Self::Lossless(informer.subscribe_lossless(lossless(WhenFull::Stall))),
        }
    }

    /// Takes the first list: what waits afterwards are events alone, which is the worst case.
    async fn take_list(&mut self, objects: u32) -> Result<(), Failure> {
        for _ in 0..objects {
            let has_more = match self {
                Self::Nobody => true,
                Self::Merging(subscription) => subscription.next().await.is_some(),
                Self::Lossless(subscription) => subscription.next().await.is_some(),
            };
            if !has_more {
                return Err("the sleeper's subscription ended early".into());
            }
        }
        // Asking says that the last object is dealt with.
        let waits = match self {
            Self::Nobody => false,
            Self::Merging(subscription) => subscription.try_next().is_some(),
            Self::Lossless(subscription) => subscription.try_next().is_some(),
        };
        if waits { Err("a change before the start".into()) } else { Ok(()) }
    }

    /// Changes and bytes that wait.
    fn waiting(&self) -> (usize, usize) {
        match self {
            Self::Nobody => (0, 0),
            Self::Merging(subscription) => (subscription.len(), 0),
            Self::Lossless(subscription) => (0, subscription.bytes()),
        }
    }
}

/// The two beside it, and what they have been told.
struct Awake {
    merging: Subscription,
    lossless: LosslessSubscription,
    newest: BTreeMap<ObjectKey, u64>,
    versions: u64,
    last_version: u64,
    out_of_order: u64,
}

impl Awake {
    /// Takes what one of them is told; `false` when nothing came for a while.
    async fn take(&mut self) -> Result<bool, Failure> {
        tokio::select! {
            biased;
            change = self.merging.next() => self.note_merged(&change.ok_or("a subscription ended early")?),
            event = self.lossless.next() => self.note_version(&event.ok_or("a subscription ended early")?)?,
            () = tokio::time::sleep(STILL) => return Ok(false),
        }
        Ok(true)
    }

    fn note_merged(&mut self, change: &Change) {
        let version = change.object.resource_version().number().unwrap_or(0);
        self.newest.insert(change.key().clone(), version);
    }

    fn note_version(&mut self, event: &LosslessEvent) -> Result<(), Failure> {
        match event {
            LosslessEvent::Change(change) if change.initial => {}
            LosslessEvent::Change(change) => {
                let version = change.object.resource_version().number().unwrap_or(0);
                self.out_of_order += u64::from(version != self.last_version + 1);
                (self.versions, self.last_version) = (self.versions + 1, version);
            }
            LosslessEvent::Gap(gap) => return Err(format!("a gap beside the sleeper: {gap:?}").into()),
        }
        Ok(())
    }

    /// Objects whose newest state, as told, is not the server's after these events.
    fn stale(&self, work: Work) -> u64 {
        let mut on_server: BTreeMap<u32, u64> = BTreeMap::new();
        for number in 0..work.events {
            let index = event(number.into(), work.objects as usize);
            on_server.insert(u32::try_from(index).unwrap_or(0), u64::from(LIST_VERSION + number + 1));
        }
        let is_stale = |(number, version): (u32, u64)| {
            let key = ObjectKey::new(pods::namespace(number), pods::name(number));
            self.newest.get(&key) != Some(&version)
        };
        on_server.into_iter().filter(|entry| is_stale(*entry)).count() as u64
    }
}

pub(super) async fn measure(kind: Sleeper, work: Work) -> Result<Sample, Failure> {
    let mut sample = Sample { baseline_mib: resident_mib()?, ..Sample::default() };
    let meter = Meter::start();
    let (environment, metrics) = (Environment::real(), Metrics::new());
    let client = Client::from_config(config(work)?, ClientOptions::unlimited(), &environment, &metrics)?;
    let informer = Informers::new(client, environment, metrics).informer_of::<Pod>();
    let mut asleep = Asleep::fall(&informer, kind);
    asleep.take_list(work.objects).await?;
    let mut awake = Awake {
        merging: informer.subscribe(),
        lossless: informer.subscribe_lossless(LosslessOptions::default().limit(AWAKE_LIMIT)),
        newest: BTreeMap::new(),
        versions: 0,
        last_version: LIST_VERSION.into(),
        out_of_order: 0,
    };
    while awake.take().await? {}
    (sample.list, sample.list_peak_mib) = (meter.read(), peak_mib()?);
    sample.list_resident_mib = settled_mib().await?;
    sample.sleeper = Some(events(work, asleep, &mut awake).await?);
    Ok(sample)
}

/// The events, from the order to the last of them in the hands of those awake.
async fn events(work: Work, asleep: Asleep, awake: &mut Awake) -> Result<SleeperSample, Failure> {
    reset_peak()?;
    post(work.address, &work.start()).await?;
    let mut asleep = Some(asleep);
    let mut sample = SleeperSample::default();
    loop {
        if awake.take().await? {
            continue;
        }
        if let Some(sleeper) = asleep.take() {
            // All are told, or the informer stands still for the sleeper's sake; then it goes on without.
            (sample.waiting_changes, sample.waiting_bytes) = sleeper.waiting();
            (sample.told_beside_sleeper, sample.peak_mib) = (awake.versions, peak_mib()?);
        } else {
            break;
        }
    }
    sample.versions = awake.versions;
    sample.lost = u64::from(work.events).abs_diff(awake.versions) + awake.out_of_order;
    sample.stale = awake.stale(work);
    Ok(sample)
}
