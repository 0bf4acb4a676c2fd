//! A reader of live streams.

use axum::body::Body;
use http::Method;
use http_body_util::BodyExt as _;

use super::fixture::{Portal, request};

/// An open stream, read event by event.
pub(super) struct Stream {
    pub(super) body: Body,
    text: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: Option<i64>,
    pub(super) name: String,
    pub(super) data: String,
}

impl Stream {
    pub(super) async fn open(portal: &Portal, address: &str, last_event_id: Option<&str>) -> Self {
        let mut request = request(Method::GET, address);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = portal.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next event; comments are passed over.
    pub(super) async fn next(&mut self) -> Event {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse(block);
                self.text = rest.to_owned();
                if let Some(event) = event {
                    return event;
                }
                continue;
            }
            let frame = self.body.frame().await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    pub(super) async fn ids(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let event = self.next().await;
            assert_eq!(event.name, "transition");
            ids.push(event.id.unwrap());
        }
        ids
    }
}

fn parse(block: &str) -> Option<Event> {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => event.id = id.parse().ok(),
            Some(("event", name)) => name.clone_into(&mut event.name),
            Some(("data", data)) => event.data.push_str(data),
            _ => {}
        }
    }
    (!event.name.is_empty()).then_some(event)
}
