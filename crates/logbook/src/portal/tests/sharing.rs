//! Many streams at once: they share one reader of the database, and there is an end to how many.

use std::time::Duration;

use axum::body::Body;
use http::{Method, StatusCode};

use super::fixture::{Portal, request};
use super::stream::Stream;
use crate::portal::live::STREAMS;

/// How many reads a commit costs while these streams are open, until all of them have heard of it.
async fn reads_of_a_commit(portal: &Portal, name: &str, streams: &mut [Stream]) -> u64 {
    for stream in &mut *streams {
        assert_eq!(stream.next().await.name, "sections");
    }
    let before = portal.store.reads();
    portal.add(name, &["Submitted", "Running"]).await;
    for stream in streams {
        let row = stream.next().await;
        assert!(row.name == "row" && row.data.contains(name), "{row:?}");
        assert_eq!(stream.next().await.name, "sections");
    }
    portal.store.reads() - before
}

#[tokio::test(start_paused = true)]
async fn two_hundred_pages_read_no_more_per_commit_than_one() {
    let portal = Portal::new().await;
    let mut one = vec![Stream::open(&portal, "/events?after=0", None).await];
    let alone = reads_of_a_commit(&portal, "first", &mut one).await;
    drop(one);
    let latest = portal.store.latest_transition_id().await.unwrap();
    let address = format!("/events?after={latest}");
    let mut many = Vec::new();
    for _ in 0..200 {
        many.push(Stream::open(&portal, &address, None).await);
    }
    let together = reads_of_a_commit(&portal, "second", &mut many).await;
    assert!(alone > 0 && together == alone, "{alone} reads for one page, {together} for two hundred");
}

#[tokio::test(start_paused = true)]
async fn pages_of_one_job_share_its_reading_and_ignore_other_jobs() {
    let portal = Portal::new().await;
    let uid = portal.add("done", &["Submitted", "Succeeded"]).await;
    let mut pages = Vec::new();
    for _ in 0..50 {
        pages.push(Stream::open(&portal, &format!("/events?job={uid}"), None).await);
    }
    for page in &mut pages {
        assert_eq!(page.next().await.name, "sections");
    }
    let before = portal.store.reads();
    portal.add("other", &["Submitted", "Running"]).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let reads = portal.store.reads() - before;
    assert!(reads <= 5, "{reads} reads for a job that no page shows");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_falls_far_behind_still_has_each_id_once_and_in_order() {
    let portal = Portal::new().await;
    let mut slow = Stream::open(&portal, "/api/v1/events?after=0", None).await;
    for number in 0..150 {
        portal.add(&format!("job-{number}"), &["Submitted", "Running"]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(slow.ids(300).await, (1..=300).collect::<Vec<i64>>());
    portal.add("last", &["Submitted"]).await;
    assert_eq!(slow.ids(1).await, [301]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_falls_far_behind_ends_with_the_newest_rows() {
    let portal = Portal::new().await;
    let mut slow = Stream::open(&portal, "/events?after=0", None).await;
    for number in 0..150 {
        portal.add(&format!("job-{number}"), &["Submitted"]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let mut rows = std::collections::BTreeSet::new();
    while rows.len() < 150 {
        let event = slow.next().await;
        if event.name == "row" {
            rows.insert(event.data.split('"').nth(1).unwrap().to_owned());
        }
    }
    assert!(rows.contains("job-uid-job-0") && rows.contains("job-uid-job-149"));
}

#[tokio::test(start_paused = true)]
async fn the_shared_reading_ends_with_the_last_stream_and_begins_anew_with_the_next() {
    let portal = Portal::new().await;
    for round in 0..3 {
        let latest = portal.store.latest_transition_id().await.unwrap();
        let mut stream = Stream::open(&portal, &format!("/api/v1/events?after={latest}"), None).await;
        portal.add(&format!("seen-{round}"), &["Submitted"]).await;
        assert_eq!(stream.ids(1).await, [latest + 1]);
        drop(stream);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = portal.store.reads();
        portal.add(&format!("unseen-{round}"), &["Submitted"]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(portal.store.reads(), before, "nobody listens, nobody reads");
    }
}

#[tokio::test(start_paused = true)]
async fn one_stream_too_many_is_told_so() {
    let portal = Portal::new().await;
    portal.add("one", &["Submitted"]).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(Stream::open(&portal, "/api/v1/events?after=0", None).await);
    }
    for stream in &mut streams {
        assert_eq!(stream.ids(1).await, [1]);
    }
    for address in ["/events", "/api/v1/events"] {
        let answer = portal.ask(request(Method::GET, address).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers.contains_key("retry-after") && answer.text.contains("too many live pages"));
    }
    assert_eq!(portal.get("/").await.status, StatusCode::OK, "pages are still served");
    streams.pop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(Stream::open(&portal, "/events", None).await);
}
