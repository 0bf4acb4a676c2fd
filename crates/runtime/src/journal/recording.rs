//! The journal.

use std::fmt;
use std::future::Future;

use futures::FutureExt;
use futures::future::BoxFuture;
use pilothouse_machinery::{Environment, ResourceType};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::buffer::buffer;
use super::reader::read;
use super::recorder::{Progress, Recorder};
use super::{JournalError, JournalMetrics, JournalOptions, JournalSink};
use crate::cache::reflector::{Reflector, ReflectorMetrics, ReflectorOptions};
use crate::client::Client;
use crate::manager::{BoxError, RunContext, Runnable};
use crate::metrics::Metrics;

/// Objects per page of a journal's lists.
const PAGE_SIZE: u32 = 500;

/// Records every version of every object of one type, over all namespaces, into a sink.
///
/// **Flow.** A reader follows the server into a buffer bounded by bytes; a recorder takes from it, forms
/// batches and commits them with the position they lead to.
///
/// **Guarantees.**
/// - J1: over an unbroken watch the sink gets exactly the versions the server tells, in order.
/// - J2, J3: after a restart, however it came about, the watch goes on at the position last committed, without
///   a list; what was committed without acknowledgement comes again and is recognised by uid and version.
/// - J4: when the server no longer has the history since the position, a complete list of the newest state is
///   compared with what the sink knows, and the interval is recorded as a gap.
/// - J5: absence is only ever concluded from a complete list.
/// - J6: a slow or failing sink makes the reader stop reading, not forget.
///
/// **Assumptions.** Nobody else commits positions for this type to the sink.
pub struct Journal<S> {
    name: String,
    client: Client,
    environment: Environment,
    resource: ResourceType,
    sink: S,
    options: JournalOptions,
    metrics: Metrics,
}

impl<S: JournalSink> Journal<S> {
    /// A journal of the objects of type `resource`. It does nothing before [`run`](Self::run).
    #[must_use]
    pub fn new(
        client: Client,
        environment: Environment,
        resource: ResourceType,
        sink: S,
        options: JournalOptions,
    ) -> Self {
        let name = format!("journal of {resource}");
        Self { name, client, environment, resource, sink, options, metrics: Metrics::new() }
    }

    /// The same journal with its counters in this registry.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Records until `shutdown` completes; then commits once what has been taken from the buffer.
    ///
    /// **Errors.** Failures of the server and of the sink are waited out. An error means that the sink failed or
    /// hung at the end, or that a part of the journal panicked; nothing is lost by it, because the position
    /// says where to go on.
    ///
    /// **Cancellation.** Dropping the future stops at once, as a crash would.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), JournalError> {
        let stop = CancellationToken::new();
        let grace = self.options.shutdown_grace;
        let resource = self.resource.to_string();
        let mut recording = Box::pin(self.record(stop.clone()));
        tokio::select! {
            biased;
            outcome = &mut recording => return outcome,
            () = shutdown => stop.cancel(),
        }
        tokio::time::timeout(grace, recording).await.unwrap_or(Err(JournalError::Grace { resource }))
    }

    async fn record(self, stop: CancellationToken) -> Result<(), JournalError> {
        let now = self.environment.monotonic();
        let mut recorder = Recorder {
            resource: self.resource.clone(),
            sink: self.sink,
            environment: self.environment.clone(),
            metrics: JournalMetrics::new(&self.metrics),
            stop,
            progress: Progress::at(Default::default(), now),
            options: self.options,
        };
        let position = recorder.position().await?;
        recorder.progress = Progress::at(position.clone(), now);
        let options = ReflectorOptions {
            resume_from: Some(position),
            page_size: Some(PAGE_SIZE),
            newest: true,
            // Piece by piece: the buffer has no room for what it did not ask for.
            batch_events: 1,
            ..ReflectorOptions::default()
        };
        let counters = ReflectorMetrics::new(&self.metrics, &self.name, &self.resource);
        let reflector = Reflector::new(self.client, self.resource, options, counters);
        let (sender, receiver) = buffer(recorder.options.buffer_bytes);
        let reading = read(reflector, sender, self.environment.clone());
        // Ends with this future, however it ends.
        let _reader = AbortOnDropHandle::new(self.environment.spawn("journal reader", reading));
        recorder.run(receiver).await
    }
}

impl<S: JournalSink> Runnable for Journal<S> {
    fn name(&self) -> &str {
        &self.name
    }

    /// Runs with the counters in the manager's registry.
    fn run(self: Box<Self>, context: RunContext) -> BoxFuture<'static, Result<(), BoxError>> {
        async move {
            let journal = self.with_metrics(&context.metrics);
            Journal::run(journal, context.shutdown.requested()).await.map_err(BoxError::from)
        }
        .boxed()
    }
}

impl<S> fmt::Debug for Journal<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Journal").field("resource", &self.resource).finish_non_exhaustive()
    }
}
