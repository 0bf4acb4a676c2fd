//! Many watches of one resource, in process, while it changes at a steady pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Empty};
use pilothouse_apiserver::ApiServer;
use tower::ServiceExt;

use super::part::{COLLECTION, Sample, Work, as_f64, ask, body, milliseconds, object_path};
use crate::Failure;

/// Events per second.
const RATE: usize = 50_000;
const OBJECTS: usize = 1000;
/// So many updates are made at once, then the pace is kept.
const BATCH: usize = 50;

/// What all watches have counted.
#[derive(Debug, Default)]
struct Tally {
    events: AtomicUsize,
    ended: AtomicUsize,
}

pub(super) async fn measure(work: Work) -> Result<Sample, Failure> {
    let server = ApiServer::builder().build();
    for number in 0..OBJECTS {
        ask(&server, Method::POST, COLLECTION.to_owned(), body(number, 0)).await?;
    }
    let tally = Arc::new(Tally::default());
    let version = server.current_resource_version();
    for _ in 0..work.watchers {
        let path = format!("{COLLECTION}?watch=true&resourceVersion={version}");
        let answer = server.clone().oneshot(Request::get(path).body(Empty::<Bytes>::new())?).await?;
        let (mut stream, tally) = (answer.into_body(), Arc::clone(&tally));
        tokio::spawn(async move {
            // The server gives each event as a frame of its own.
            while let Some(Ok(_)) = stream.frame().await {
                tally.events.fetch_add(1, Ordering::Relaxed);
            }
            tally.ended.fetch_add(1, Ordering::Relaxed);
        });
    }
    let events = if work.smoke { RATE / 50 } else { RATE * 4 };
    let began = Instant::now();
    paced_updates(&server, events, began).await?;
    let last = Instant::now();
    let all = events * work.watchers;
    while tally.events.load(Ordering::Relaxed) < all {
        if tally.ended.load(Ordering::Relaxed) > 0 || last.elapsed() > Duration::from_mins(1) {
            let told = tally.events.load(Ordering::Relaxed);
            return Err(format!("{told} of {all} events were told, {:?} watches ended", tally.ended).into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(Sample {
        events_per_second: Some(as_f64(events) / (last - began).as_secs_f64()),
        lag_ms: Some(milliseconds(last.elapsed())),
        ..Sample::default()
    })
}

async fn paced_updates(server: &ApiServer, events: usize, began: Instant) -> Result<(), Failure> {
    for number in 0..events {
        if number.is_multiple_of(BATCH) {
            let due = began + Duration::from_secs_f64(as_f64(number) / as_f64(RATE));
            tokio::time::sleep_until(due.into()).await;
            tokio::task::yield_now().await;
        }
        let object = number % OBJECTS;
        ask(server, Method::PUT, object_path(object), body(object, number + 1)).await?;
    }
    Ok(())
}
