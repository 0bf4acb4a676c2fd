//! Watches: the streamed list, and events on order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::catalogue::Format;
use super::state::Order;
use super::{Body, Server, wire};

/// Frames that may wait for the client.
const READY_FRAMES: usize = 256;

/// The client is gone.
struct Gone;

/// A watch under way.
struct Feed {
    server: Arc<Server>,
    format: Format,
    sender: mpsc::Sender<Bytes>,
}

/// A body that sends the objects when they are wanted, then what is ordered, each event as a frame of its own.
pub(crate) fn body(server: Arc<Server>, format: Format, initial: bool) -> Body {
    let (sender, receiver) = mpsc::channel(READY_FRAMES);
    let feed = Feed { server, format, sender };
    tokio::spawn(async move {
        let _ = feed.run(initial).await;
    });
    let frames = stream::unfold(receiver, |mut receiver| async move {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), receiver))
    });
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

impl Feed {
    async fn run(self, initial: bool) -> Result<(), Gone> {
        if initial {
            let version = self.server.state.version();
            for (index, of_object) in
                self.server.state.versions(0..self.server.catalogue.len()).into_iter().enumerate()
            {
                self.send("ADDED", index, of_object).await?;
            }
            self.send_frame(wire::end_of_list(version, self.format)).await?;
        }
        loop {
            tokio::select! {
                biased;
                () = self.sender.closed() => return Err(Gone),
                order = self.server.state.next_order() => match order {
                    Order::Events { count, rate, among } => self.events(count, rate, among).await?,
                    Order::Close => return Ok(()),
                },
            }
        }
    }

    async fn events(&self, count: u32, rate: u32, among: u32) -> Result<(), Gone> {
        let start = Instant::now();
        for number in 0..count {
            if rate > 0 {
                let due = start + Duration::from_secs_f64(f64::from(number) / f64::from(rate));
                if due > Instant::now() + Duration::from_millis(1) {
                    tokio::time::sleep_until(due).await;
                }
            }
            let (index, version) = self.server.state.change(among);
            self.send("MODIFIED", index, version).await?;
        }
        Ok(())
    }

    async fn send(&self, kind: &str, index: usize, version: u32) -> Result<(), Gone> {
        let mut object = Vec::new();
        self.server.catalogue.put(index, version, self.format, &mut object);
        self.send_frame(wire::event(kind, &object, self.format)).await
    }

    async fn send_frame(&self, frame: Vec<u8>) -> Result<(), Gone> {
        self.sender.send(frame.into()).await.map_err(|_| Gone)
    }
}
