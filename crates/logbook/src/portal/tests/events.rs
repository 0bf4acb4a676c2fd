//! Live updates: nothing missed, nothing twice, in order.

use std::time::Duration;

use http_body_util::BodyExt as _;

use super::fixture::Portal;
use super::stream::Stream;

#[tokio::test(start_paused = true)]
async fn a_resumed_stream_has_each_id_once_and_in_order_through_replay_and_live() {
    let portal = Portal::new().await;
    portal.add("one", &["Submitted", "Pending", "Running"]).await;
    portal.add("two", &["Submitted", "Running"]).await;
    let mut stream = Stream::open(&portal, "/api/v1/events", Some("2")).await;
    assert_eq!(stream.ids(3).await, [3, 4, 5]);
    portal.add("three", &["Submitted", "Failed"]).await;
    portal.add("four", &["Submitted"]).await;
    assert_eq!(stream.ids(3).await, [6, 7, 8]);
}

#[tokio::test(start_paused = true)]
async fn many_readers_that_come_and_go_miss_nothing() {
    let portal = Portal::new().await;
    let mut last = 0;
    portal.add("first", &["Submitted"]).await;
    for round in 0..20_i64 {
        let mut stream = Stream::open(&portal, "/api/v1/events", Some(&last.to_string())).await;
        portal.add(&format!("job-{round}"), &["Submitted", "Running"]).await;
        // Reads some of what there is, then goes away.
        let wanted = usize::try_from(1 + round % 2).unwrap();
        let ids = stream.ids(wanted).await;
        let expected: Vec<i64> = (last + 1..).take(wanted).collect();
        assert_eq!(ids, expected);
        last += i64::try_from(wanted).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_out_of_reach_resets_the_reader() {
    let portal = Portal::new().await;
    portal.add("one", &["Submitted", "Running"]).await;
    for address in ["/api/v1/events", "/events"] {
        let mut stream = Stream::open(&portal, address, Some("999")).await;
        assert_eq!(stream.next().await.name, "reset", "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_one_job_has_only_its_transitions() {
    let portal = Portal::new().await;
    portal.add("one", &["Submitted", "Running"]).await;
    let uid = portal.add("two", &["Submitted"]).await;
    let mut stream = Stream::open(&portal, &format!("/api/v1/events?after=0&job={uid}"), None).await;
    let event = stream.next().await;
    assert_eq!(event.id, Some(3));
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
    assert_eq!(
        (data["job"]["name"].as_str(), data["transition"]["to"].as_str()),
        (Some("two"), Some("Submitted"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_job_reaches_the_list_within_a_second_with_the_figures() {
    let portal = Portal::new().await;
    let mut stream = Stream::open(&portal, "/events?after=0", None).await;
    assert_eq!(stream.next().await.name, "sections", "the figures come first");
    let added = portal.add("fresh", &["Submitted", "Running"]).await;
    let row = stream.next().await;
    assert_eq!((row.name.as_str(), row.id), ("row", None));
    assert!(row.data.contains(&format!("id=\"job-{added}\"")) && row.data.contains(">fresh</a>"));
    let figures = stream.next().await;
    assert_eq!((figures.name.as_str(), figures.id), ("sections", Some(2)));
    assert!(figures.data.contains(r#"id="figures""#));
}

#[tokio::test(start_paused = true)]
async fn a_filtered_list_hears_of_its_own_jobs_only_and_of_those_that_left() {
    let portal = Portal::new().await;
    let mut stream = Stream::open(&portal, "/events?after=0&state=active&q=mine", None).await;
    assert_eq!(stream.next().await.name, "sections");
    portal.add("other", &["Submitted", "Running"]).await;
    portal.add("mine-a", &["Submitted", "Running"]).await;
    portal.add("mine-b", &["Submitted", "Running", "Failed"]).await;
    let mut rows = Vec::new();
    while rows.len() < 2 {
        let event = stream.next().await;
        if event.name == "row" {
            rows.push(event.data);
        }
    }
    assert!(rows[0].contains(">mine-a</a>") && !rows[0].contains("departed"));
    assert!(rows[1].contains(">mine-b</a>") && rows[1].contains("departed"));
}

#[tokio::test(start_paused = true)]
async fn a_job_page_gets_the_sections_that_changed() {
    let portal = Portal::new().await;
    let uid = portal.add("web", &["Submitted", "Running"]).await;
    // The page showed the first version only.
    let mut stream = Stream::open(&portal, &format!("/events?job={uid}&seen=1"), None).await;
    let event = stream.next().await;
    assert_eq!(event.name, "sections");
    assert!(event.data.contains(r#"id="head""#) && event.data.contains(r#"id="transitions""#));
    // While the job runs its page is drawn anew, but only what differs is sent.
    let refreshed = stream.next().await;
    assert!(refreshed.data.contains(r#"id="timeline""#) && !refreshed.data.contains(r#"id="labels""#));
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_keeps_its_connection_with_comments() {
    let portal = Portal::new().await;
    portal.add("one", &["Submitted"]).await;
    let mut stream = Stream::open(&portal, "/api/v1/events?after=0", None).await;
    assert_eq!(stream.ids(1).await, [1]);
    let frame = tokio::time::timeout(Duration::from_secs(16), stream.body.frame()).await;
    assert_eq!(frame.unwrap().unwrap().unwrap().data_ref().unwrap().as_ref(), b": still here\n\n");
}
