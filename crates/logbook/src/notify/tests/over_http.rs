//! The whole way: over a socket to a receiver that checks what it gets.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use pilothouse::journal::Provenance;
use pilothouse_machinery::Environment;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::fixtures::{dispatch, record, recorder};
use crate::model::NotificationState;
use crate::notify::signature::signature;
use crate::notify::{Destination, HttpSender, SigningSecret};

/// A receiver that accepts everything; gives its address and what it gets.
async fn receiver() -> (String, mpsc::UnboundedReceiver<(HeaderMap, Bytes)>) {
    let (sender, received) = mpsc::unbounded_channel();
    let answer = async move |headers: HeaderMap, body: Bytes| {
        if sender.send((headers, body)).is_ok() { StatusCode::NO_CONTENT } else { StatusCode::GONE }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let server = axum::serve(listener, Router::new().route("/hook", post(answer)));
    Environment::seeded(0).spawn("receiver", async move { server.await });
    (address, received)
}

#[tokio::test]
async fn a_receiver_gets_a_signed_cloud_event_that_tells_the_job_and_its_end() {
    let (address, mut received) = receiver().await;
    let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let destinations = [Destination::webhook(&address, Some(secret.clone())).unwrap()];
    let recorder = recorder(&destinations).await;
    record(&recorder, &[("train", 1, None), ("train", 2, Some("Failed"))], Provenance::Watch).await;
    let sender = HttpSender::new(Environment::seeded(1));
    let rows = dispatch(&recorder, &destinations, sender, "train-uid").await;
    assert_eq!((rows[0].state, rows[0].last_code), (NotificationState::Sent, Some(204)));

    let (headers, body) = received.recv().await.unwrap();
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!(header("webhook-id"), rows[0].message_id);
    let body = String::from_utf8(body.to_vec()).unwrap();
    let timestamp = header("webhook-timestamp").parse().unwrap();
    let expected = signature(&secret, &rows[0].message_id, timestamp, &body).unwrap();
    assert_eq!(header("webhook-signature"), expected);

    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&event["specversion"], &event["id"]), (&"1.0".into(), &rows[0].message_id.clone().into()));
    assert_eq!(event["type"], "dev.pilothouse.logbook.job.failed");
    assert_eq!(event["source"], "/clusters/test/namespaces/default/jobs");
    assert_eq!((&event["data"]["job"]["uid"], &event["subject"]), (&"train-uid".into(), &"train".into()));
    assert_eq!(event["data"]["transition"]["to"], "Failed");
    assert_eq!(event["data"]["transition"]["reason"], "Said");
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_tried_again_and_its_address_is_not_written_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/secret-path", listener.local_addr().unwrap());
    drop(listener);
    let destinations = [Destination::webhook(&address, None).unwrap()];
    let recorder = recorder(&destinations).await;
    record(&recorder, &[("a", 2, Some("Complete"))], Provenance::Watch).await;
    let rows = dispatch(&recorder, &destinations, HttpSender::new(Environment::seeded(1)), "a-uid").await;
    assert_eq!((rows[0].state, rows[0].attempts, rows[0].last_code), (NotificationState::Dead, 4, None));
    assert!(!rows[0].last_error.as_deref().unwrap().contains("secret-path"));
}
