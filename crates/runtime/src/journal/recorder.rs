//! From the buffer into the sink.

use std::time::Duration;

use jiff::Timestamp;
use pilothouse_machinery::{Environment, ResourceType, ResourceVersion};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::buffer::{Buffered, Read};
use super::relist::{Relist, entry};
use super::{
    JournalBatch, JournalEntry, JournalError, JournalEvent, JournalGap, JournalMetrics, JournalOptions,
    JournalSink, Provenance,
};
use crate::cache::reflector::{ListEnd, WatchEvent};

/// Collects entries into batches and commits them.
pub(super) struct Recorder<S> {
    pub(super) resource: ResourceType,
    pub(super) sink: S,
    pub(super) options: JournalOptions,
    pub(super) environment: Environment,
    pub(super) metrics: JournalMetrics,
    pub(super) stop: CancellationToken,
    pub(super) progress: Progress,
}

/// Where the journal is.
#[derive(Debug)]
pub(super) struct Progress {
    /// The position of the last commit.
    committed: ResourceVersion,
    /// The position that covers everything in `pending`.
    reached: ResourceVersion,
    pending: Vec<JournalEntry>,
    /// The shares of the buffer that `pending` still holds.
    shares: Vec<OwnedSemaphorePermit>,
    relist: Option<Relist>,
    /// When the server was last heard of.
    heard_at: Option<Timestamp>,
    /// When `pending` got its first entry.
    pending_since: Option<Instant>,
    committed_at: Instant,
}

impl Progress {
    pub(super) fn at(committed: ResourceVersion, now: Instant) -> Self {
        Self {
            reached: committed.clone(),
            committed,
            pending: Vec::new(),
            shares: Vec::new(),
            relist: None,
            heard_at: None,
            pending_since: None,
            committed_at: now,
        }
    }
}

impl<S: JournalSink> Recorder<S> {
    /// Records until asked to stop; then commits once what is at hand.
    pub(super) async fn run(
        &mut self,
        mut buffer: mpsc::UnboundedReceiver<Buffered>,
    ) -> Result<(), JournalError> {
        loop {
            let due = self.due();
            let buffered = tokio::select! {
                biased;
                () = self.stop.cancelled() => return self.flush(None).await,
                () = sleep_until(due) => {
                    self.flush(None).await?;
                    continue;
                }
                buffered = buffer.recv() => buffered,
            };
            let Some(buffered) = buffered else {
                return Err(JournalError::ReaderStopped { resource: self.resource.to_string() });
            };
            self.take(buffered).await?;
            self.metrics.waiting(&self.resource, buffer.len());
        }
    }

    /// When the next commit is due without anything more coming in.
    fn due(&self) -> Option<Instant> {
        let progress = &self.progress;
        if let Some(since) = progress.pending_since {
            return Some(since + self.options.batch_wait);
        }
        let moved = progress.relist.is_none() && progress.reached != progress.committed;
        moved.then(|| progress.committed_at + self.options.bookmark_interval)
    }

    async fn take(&mut self, buffered: Buffered) -> Result<(), JournalError> {
        let Buffered { read, at, share } = buffered;
        match read {
            Read::ListStarted(cause) => {
                self.flush(None).await?;
                let known = self.known().await?;
                let relist = Relist::new(cause, known);
                self.progress.relist = Some(match self.progress.relist.take() {
                    Some(earlier) => relist.continuing(&earlier),
                    None => relist,
                });
            }
            Read::ListItems(items) => {
                for object in items {
                    let entry = self.progress.relist.as_mut().and_then(|relist| relist.listed(object, at));
                    self.add(entry).await?;
                }
            }
            Read::ListCompleted(end) => self.complete_list(end, at).await?,
            Read::Watched(events, provenance) => {
                for event in events {
                    let reached = event.resource_version().clone();
                    self.add(watched(event, provenance, at)).await?;
                    if !reached.is_zero() {
                        self.progress.reached = reached;
                    }
                }
                self.progress.heard_at = Some(at);
            }
        }
        // Only now: a commit in between frees the shares it covers, and this is not one of them.
        self.progress.shares.push(share);
        if self.progress.pending.is_empty() {
            self.progress.shares.clear();
        }
        Ok(())
    }

    /// Adds an entry, after a commit if the batch is full. A batch is never committed after its last entry was
    /// added but before the position moved with it.
    async fn add(&mut self, entry: Option<JournalEntry>) -> Result<(), JournalError> {
        let Some(entry) = entry else { return Ok(()) };
        if self.progress.pending.len() >= self.options.batch_entries {
            self.flush(None).await?;
        }
        self.progress.pending_since.get_or_insert(self.environment.monotonic());
        self.progress.pending.push(entry);
        Ok(())
    }

    async fn complete_list(&mut self, end: ListEnd, at: Timestamp) -> Result<(), JournalError> {
        let Some(mut relist) = self.progress.relist.take() else { return Ok(()) };
        relist.keep(&end.unreadable);
        let from = self.progress.committed.clone();
        let (vanished, gap) = relist.completed(&from, self.progress.heard_at, &end.version, at);
        for entry in vanished {
            self.add(Some(entry)).await?;
        }
        self.progress.reached = end.version;
        self.progress.heard_at = Some(at);
        self.flush_with(gap).await
    }

    /// Commits what is pending, or just the position if that has moved.
    async fn flush(&mut self, gap: Option<JournalGap>) -> Result<(), JournalError> {
        let progress = &self.progress;
        let moved = progress.relist.is_none() && progress.reached != progress.committed;
        if progress.pending.is_empty() && !moved {
            return Ok(());
        }
        self.flush_with(gap).await
    }

    async fn flush_with(&mut self, gap: Option<JournalGap>) -> Result<(), JournalError> {
        let progress = &mut self.progress;
        let batch = JournalBatch {
            resource: self.resource.clone(),
            entries: std::mem::take(&mut progress.pending),
            // While a list is under way this is still the old position: after a crash the list is read again.
            position: progress.reached.clone(),
            gap,
        };
        progress.pending_since = None;
        self.metrics.batch(&batch);
        let position = batch.position.clone();
        self.commit(batch).await?;
        self.progress.shares.clear();
        self.progress.committed = position;
        self.progress.committed_at = self.environment.monotonic();
        Ok(())
    }

    /// Commits a batch, again and again until it is done (or the journal is stopped): that the sink fails is no
    /// reason to lose what was read.
    async fn commit(&mut self, batch: JournalBatch) -> Result<(), JournalError> {
        let mut pause = self.options.first_pause;
        loop {
            let Err(error) = self.sink.commit(batch.clone()).await else { return Ok(()) };
            self.failed("commit a batch to the sink", error, &mut pause).await?;
        }
    }

    async fn known(&mut self) -> Result<Vec<super::KnownObject>, JournalError> {
        let mut pause = self.options.first_pause;
        loop {
            match self.sink.known(&self.resource).await {
                Ok(known) => return Ok(known),
                Err(error) => self.failed("read known objects from the sink", error, &mut pause).await?,
            }
        }
    }

    /// The position that the sink holds, zero when it has none.
    pub(super) async fn position(&mut self) -> Result<ResourceVersion, JournalError> {
        let mut pause = self.options.first_pause;
        loop {
            match self.sink.position(&self.resource).await {
                Ok(position) => return Ok(position.unwrap_or_default()),
                Err(error) => self.failed("read the position from the sink", error, &mut pause).await?,
            }
        }
    }

    /// Waits after a failure of the sink; an error when the journal is stopped meanwhile.
    async fn failed(
        &mut self,
        doing: &'static str,
        error: S::Error,
        pause: &mut Duration,
    ) -> Result<(), JournalError> {
        let wait = self.environment.jittered(*pause, 0.2);
        *pause = (*pause * 2).min(self.options.longest_pause);
        self.metrics.sink_failure(&self.resource);
        tracing::warn!(resource = %self.resource, doing, error = &error as &dyn std::error::Error, ?wait,
            "the journal's sink failed");
        let stopped = tokio::time::timeout(wait, self.stop.cancelled()).await.is_ok();
        if !stopped {
            return Ok(());
        }
        Err(JournalError::Sink { doing, resource: self.resource.to_string(), source: Box::new(error) })
    }
}

fn watched(event: WatchEvent, provenance: Provenance, at: Timestamp) -> Option<JournalEntry> {
    let (event, object) = match event {
        WatchEvent::Added(object) => (JournalEvent::Added, object),
        WatchEvent::Modified(object) => (JournalEvent::Modified, object),
        WatchEvent::Deleted(object) => (JournalEvent::Deleted, object),
        WatchEvent::Bookmark(_) => return None,
    };
    Some(entry(event, object, provenance, at))
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
