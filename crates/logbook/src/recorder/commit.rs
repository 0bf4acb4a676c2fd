//! One batch, one transaction.

use std::sync::Arc;

use pilothouse::journal::{JournalBatch, JournalGap};
use pilothouse_machinery::Environment;
use tokio::sync::watch;

use super::context::Batch;
use super::prepare::{Prepared, prepare};
use super::{jobs, pods};
use crate::metrics::{BatchCounts, LogbookMetrics};
use crate::model::{Cluster, Gap};
use crate::notify::{Destination, Subscription, register};
use crate::store::{Objects, Store, StoreError, StreamKey, link_gap, put_cluster, put_gap, put_position};

/// Writes down what the journals of one cluster bring. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Recorder {
    pub(super) store: Store,
    pub(super) cluster_id: i64,
    /// The cluster's identity and name.
    pub(super) cluster: Arc<(String, String)>,
    pub(super) environment: Environment,
    pub(super) subscriptions: Arc<[Subscription]>,
    pub(super) metrics: LogbookMetrics,
    /// How many messages have been queued: changes when a commit has left something to send.
    outgoing: Arc<watch::Sender<u64>>,
}

impl Recorder {
    /// A recorder of this cluster, which queues notifications for these destinations.
    ///
    /// Fails if the database refuses. Cancelling is safe.
    pub async fn open(
        store: Store,
        cluster: impl Into<Cluster>,
        destinations: &[Destination],
        environment: Environment,
        metrics: LogbookMetrics,
    ) -> Result<Self, StoreError> {
        let mut turn = store.writer().await;
        let mut transaction = turn.begin().await?;
        let cluster = cluster.into();
        let (cluster_id, name) = put_cluster(&mut transaction, &cluster, environment.now()).await?;
        let subscriptions = register(&mut transaction, destinations).await?.into();
        transaction.commit(None).await?;
        drop(turn);
        let outgoing = Arc::new(watch::Sender::new(0));
        let cluster = Arc::new((cluster.identity, name));
        Ok(Self { store, cluster_id, cluster, environment, subscriptions, metrics, outgoing })
    }

    /// The same recorder with other counters.
    #[must_use]
    pub fn counting(&self, metrics: LogbookMetrics) -> Self {
        Self { metrics, ..self.clone() }
    }

    /// How many messages were queued since the start; changes whenever a commit has left something to send.
    #[must_use]
    pub fn outgoing(&self) -> watch::Receiver<u64> {
        self.outgoing.subscribe()
    }

    /// What people call the cluster.
    #[must_use]
    pub fn cluster_name(&self) -> &str {
        &self.cluster.1
    }

    /// The database it writes to.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn metrics(&self) -> &LogbookMetrics {
        &self.metrics
    }

    /// Stores a batch with the position it leads to, all or nothing; what is there already changes nothing.
    ///
    /// Fails if the database refuses; nothing is stored then. Cancelled, it has stored all of it or nothing.
    pub async fn commit(&self, batch: &JournalBatch) -> Result<(), StoreError> {
        self.commit_prepared(batch, &prepare(&batch.entries)?).await
    }

    pub(super) async fn commit_prepared(
        &self,
        batch: &JournalBatch,
        entries: &[Prepared],
    ) -> Result<(), StoreError> {
        let resource = batch.resource.to_string();
        let stream = StreamKey { cluster_id: self.cluster_id, resource: &resource };
        let gap = match &batch.gap {
            Some(gap) => Some(self.gap_row(&resource, gap).await?),
            None => None,
        };
        let mut turn = self.store.writer().await;
        let mut transaction = turn.begin().await?;
        let (connection, families) = transaction.parts();
        let mut work = Batch {
            recorder: self,
            connection,
            families,
            stream,
            gap_id: None,
            latest_transition: None,
            notifications: 0,
            counts: BatchCounts::default(),
        };
        work.write(entries, gap.as_ref(), Objects::of(&batch.resource)).await?;
        let (latest, notifications, counts) = (work.latest_transition, work.notifications, work.counts);
        if !batch.position.is_zero() {
            let (position, now) = (batch.position.to_string(), self.environment.now());
            put_position(&mut transaction, stream, &position, now).await?;
        }
        transaction.commit(latest).await?;
        drop(turn);
        if notifications > 0 {
            self.outgoing.send_modify(|queued| *queued += notifications);
        }
        self.metrics.committed(&resource, &counts, &entries_lag(entries, self.environment.now()));
        Ok(())
    }

    async fn gap_row(&self, resource: &str, gap: &JournalGap) -> Result<Gap, StoreError> {
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        // After a restart the journal has heard nothing yet: the stream was whole until its last commit.
        let from_at = match gap.from_at {
            Some(at) => at,
            None => self.store.position_time(self.cluster_id, resource).await?.unwrap_or(gap.to_at),
        };
        Ok(Gap {
            id: 0,
            resource: resource.to_owned(),
            from_version: gap.from.to_string(),
            to_version: gap.to.to_string(),
            from_at,
            to_at: gap.to_at,
            cause: gap.cause.as_str().to_owned(),
            changed: count(gap.changed),
            vanished: count(gap.vanished),
            new: count(gap.new),
        })
    }
}

impl Batch<'_> {
    async fn write(
        &mut self,
        entries: &[Prepared],
        gap: Option<&Gap>,
        objects: Option<Objects>,
    ) -> Result<(), StoreError> {
        if let Some(gap) = gap {
            let (gap_id, new) = put_gap(self.connection, self.stream, gap).await?;
            self.gap_id = Some(gap_id);
            self.counts.gaps += u64::from(new);
            if new {
                let length = gap.to_at.duration_since(gap.from_at).as_millis();
                self.counts.gap_milliseconds += u64::try_from(length).unwrap_or(0);
            }
        }
        for entry in entries {
            match objects {
                Some(Objects::Jobs) => jobs::record(self, entry).await?,
                Some(Objects::Pods) => pods::record(self, entry).await?,
                None => {}
            }
        }
        match self.gap_id {
            Some(gap_id) => link_gap(self.connection, self.stream, gap_id).await,
            None => Ok(()),
        }
    }
}

/// Seconds from an entry's observation to its commit, for each entry.
fn entries_lag(entries: &[Prepared], now: jiff::Timestamp) -> Vec<f64> {
    entries.iter().map(|entry| now.duration_since(entry.observed_at).as_secs_f64().max(0.0)).collect()
}
