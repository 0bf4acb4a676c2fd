//! The figures of Pilothouse's queue, with fair flows by namespace and a request in two bands.

use std::future::Future;
use std::sync::Arc;

use clap::Args;
use pilothouse::machinery::Environment;
use pilothouse::{Flow, ObjectKey, Priority, WorkQueue, WorkQueueOptions};

use super::Sample;
use crate::Failure;
use crate::process::{Meter, resident_mib};

/// One measurement.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    #[arg(long)]
    keys: usize,
    /// Operations per figure.
    #[arg(long)]
    rounds: usize,
    #[arg(long)]
    each: usize,
    #[arg(long)]
    threads: usize,
}

type Queue = WorkQueue<ObjectKey>;

fn queue(environment: &Environment) -> Queue {
    let flow = Arc::new(|key: &ObjectKey| Flow::of(&*key.namespace));
    WorkQueue::new(environment, WorkQueueOptions { flow: Some(flow), ..WorkQueueOptions::named("bench") })
}

fn keys(count: usize) -> Vec<ObjectKey> {
    let namespaces: Vec<Arc<str>> = (0..40).map(|number| format!("namespace-{number:02}").into()).collect();
    (0..count)
        .map(|number| ObjectKey::new(Arc::clone(&namespaces[number % 40]), format!("object-{number:08}")))
        .collect()
}

/// The priority of the n-th request: one in ten is low.
fn priority(number: usize) -> Priority {
    if number.is_multiple_of(10) { Priority::LOW } else { Priority::NORMAL }
}

pub(crate) fn run(settings: &Settings) -> Result<Sample, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.threads.max(1))
        .enable_all()
        .build()?;
    let settings = settings.clone();
    let measured = runtime.spawn(async move { measure(&settings).await });
    runtime.block_on(measured)?
}

async fn measure(settings: &Settings) -> Result<Sample, Failure> {
    let environment = Environment::real();
    let queue = queue(&environment);
    let keys: Arc<Vec<ObjectKey>> = Arc::new(keys(settings.keys));
    let rounds = settings.rounds;
    let repeat = (rounds / keys.len()).max(1);
    let before = resident_mib()?;
    fill(&queue, &keys);
    let bytes = (resident_mib()? - before) * f64::from(1 << 20) / as_f64(keys.len());
    drain(&queue, keys.len()).await;
    one_at_a_time(&queue, &keys, rounds / 10).await;
    let one_at_a_time = per(rounds, one_at_a_time(&queue, &keys, rounds)).await.0;
    let fill_drain = per(repeat * keys.len(), async {
        for _ in 0..repeat {
            fill(&queue, &keys);
            drain(&queue, keys.len()).await;
        }
    });
    let fill_drain = fill_drain.await.0;
    fill(&queue, &keys);
    let duplicate = per(rounds, async {
        for number in 0..rounds {
            queue.add_with(keys[number % keys.len()].clone(), priority(number));
        }
    });
    let duplicate = duplicate.await.0;
    drain(&queue, keys.len()).await;
    let crowd = crowd(&environment, &queue, &keys, settings.each, repeat);
    let (crowd, crowd_wall) = per(repeat * keys.len(), crowd).await;
    // Resident memory comes in pages: with few keys it says nothing.
    let bytes = (keys.len() >= 10_000).then_some(bytes.max(0.0));
    Ok(Sample { one_at_a_time, fill_drain, duplicate, crowd, crowd_wall, bytes })
}

fn fill(queue: &Queue, keys: &[ObjectKey]) {
    for (number, key) in keys.iter().enumerate() {
        queue.add_with(key.clone(), priority(number));
    }
}

async fn drain(queue: &Queue, count: usize) {
    for _ in 0..count {
        drop(queue.get().await);
    }
}

async fn one_at_a_time(queue: &Queue, keys: &[ObjectKey], rounds: usize) {
    for number in 0..rounds {
        queue.add_with(keys[number % keys.len()].clone(), priority(number));
        drop(queue.get().await);
    }
}

/// As many producers as workers; every key is added once per round.
async fn crowd(
    environment: &Environment,
    queue: &Queue,
    keys: &Arc<Vec<ObjectKey>>,
    each: usize,
    rounds: usize,
) {
    let worker = |_| {
        let queue = queue.clone();
        environment.spawn("worker", async move { while queue.get().await.is_some() {} })
    };
    let workers: Vec<_> = (0..each).map(worker).collect();
    let producer = |first: usize| {
        let (queue, keys) = (queue.clone(), Arc::clone(keys));
        environment.spawn("producer", async move {
            for _ in 0..rounds {
                for (number, key) in keys.iter().enumerate().skip(first).step_by(each) {
                    queue.add_with(key.clone(), priority(number));
                    // Tasks share threads; a goroutine is interrupted when its time is over.
                    if (number / each).is_multiple_of(64) {
                        tokio::task::yield_now().await;
                    }
                }
            }
        })
    };
    let producers: Vec<_> = (0..each).map(producer).collect();
    for task in producers {
        let _ = task.await;
    }
    queue.shut_down_with_drain().await;
    for task in workers {
        let _ = task.await;
    }
}

/// Nanoseconds of CPU and of the clock per operation.
async fn per(operations: usize, work: impl Future<Output = ()>) -> (f64, f64) {
    let meter = Meter::start();
    work.await;
    let cost = meter.read();
    let each = |seconds: f64| seconds * 1e9 / as_f64(operations);
    (each(cost.cpu_seconds), each(cost.wall_seconds))
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
