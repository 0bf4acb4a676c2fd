//! Watches: where they begin, what they tell, how they end.

mod support;

use std::time::Duration;

use pilothouse_apiserver::HistoryLimits;
use serde_json::json;
use support::*;

#[tokio::test(start_paused = true)]
async fn without_a_version_the_present_state_comes_first_and_with_one_only_what_follows() {
    let server = server();
    let created = post(&server, MAPS, map("a")).await.expect(201);
    let mut whole = Watch::open(&server, &format!("{MAPS}?watch=1")).await;
    let mut rest =
        Watch::open(&server, &format!("{MAPS}?watch=1&resourceVersion={}", version(&created))).await;
    merge(&server, &format!("{MAPS}/a"), json!({"data": {"k": "2"}})).await.expect(200);
    delete(&server, &format!("{MAPS}/a"), json!(null)).await.expect(200);
    post(&server, PODS, pod("p", None)).await.expect(201);
    assert_eq!(whole.ready().await, ["ADDED a", "MODIFIED a", "DELETED a"]);
    assert_eq!(rest.ready().await, ["MODIFIED a", "DELETED a"]);
    let mut old_path = Watch::open(&server, "/api/v1/watch/namespaces/default/pods/p").await;
    assert_eq!(old_path.ready().await, ["ADDED p"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_labels_is_an_entrance_or_an_exit_for_a_selector() {
    let server = server();
    let first = post(&server, MAPS, json!({"metadata": {"name": "s"}})).await.expect(201);
    let path = format!("{MAPS}/s");
    merge(&server, &path, json!({"metadata": {"labels": {"in": "1"}}, "data": {"x": "1"}})).await.expect(200);
    merge(&server, &path, json!({"data": {"x": "2"}})).await.expect(200);
    let left =
        merge(&server, &path, json!({"metadata": {"labels": null}, "data": {"x": "3"}})).await.expect(200);
    merge(&server, &path, json!({"data": {"x": "4"}})).await.expect(200);
    let query = format!("{MAPS}?watch=1&resourceVersion={}&labelSelector=in%3D1", version(&first));
    let mut watch = Watch::open(&server, &query).await;
    assert_eq!(watch.next().await.unwrap()["type"], "ADDED");
    assert_eq!(watch.next().await.unwrap()["type"], "MODIFIED");
    let exit = watch.next().await.unwrap();
    assert_eq!((&exit["type"], &exit["object"]["data"]["x"]), (&json!("DELETED"), &json!("2")));
    assert_eq!(version(&exit["object"]), version(&left));
    assert!(watch.ready().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_version_older_than_the_history_is_told_as_an_event_and_ends_the_watch() {
    let server = builder().history(HistoryLimits::events(2)).build();
    let first = version(&post(&server, MAPS, map("a")).await.expect(201));
    for name in ["b", "c", "d"] {
        post(&server, MAPS, map(name)).await.expect(201);
    }
    let mut watch = Watch::open(&server, &format!("{MAPS}?watch=1&resourceVersion={first}")).await;
    let event = watch.next().await.unwrap();
    let object = &event["object"];
    assert_eq!(
        (&event["type"], &object["code"], &object["reason"]),
        (&json!("ERROR"), &json!(410), &json!("Expired"))
    );
    assert!(object["message"].as_str().unwrap().starts_with(&format!("too old resource version: {first} (")));
    assert!(watch.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn compaction_does_not_disturb_a_watch_that_has_read_everything() {
    let server = server();
    let mut watch = Watch::open(&server, &format!("{MAPS}?watch=1")).await;
    assert!(watch.ready().await.is_empty());
    // Writes of another resource do not wake this watch, but move the compaction past what it knows.
    post(&server, PODS, pod("p", None)).await.expect(201);
    server.compact(None);
    post(&server, MAPS, map("a")).await.expect(201);
    assert_eq!(watch.ready().await, ["ADDED a"]);
    // A reader that is behind by more than the history is told so.
    post(&server, MAPS, map("b")).await.expect(201);
    server.compact(None);
    assert_eq!(watch.ready().await, ["ERROR"]);
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_each_minute_and_before_the_end_and_the_end_comes_in_time() {
    let server = server();
    let query = format!("{MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=150");
    let mut watch = Watch::open(&server, &query).await;
    let begun = tokio::time::Instant::now();
    let mut times = Vec::new();
    while let Some(event) = watch.next().await {
        assert_eq!(event["type"], "BOOKMARK");
        let expected = json!({"kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"resourceVersion": server.current_resource_version().to_string()}});
        assert_eq!(event["object"], expected);
        times.push(begun.elapsed().as_secs());
        post(&server, PODS, json!({"metadata": {"generateName": "p-"}, "spec": pod("p", None)["spec"]}))
            .await;
    }
    assert_eq!((times, begun.elapsed()), (vec![60, 120, 148], Duration::from_secs(150)));
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_marks_where_the_state_ends() {
    let server = server();
    post(&server, MAPS, map("a")).await.expect(201);
    let options = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    let mut watch = Watch::open(&server, &format!("{MAPS}?{options}")).await;
    assert_eq!(watch.next().await.unwrap()["type"], "ADDED");
    let mark = watch.next().await.unwrap();
    assert_eq!(mark["type"], "BOOKMARK");
    assert_eq!(mark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(version(&mark["object"]), server.current_resource_version().number().unwrap());
    get(&server, &format!("{MAPS}?watch=1&sendInitialEvents=true")).await.expect(422);
    let late = "watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=0";
    assert!(Watch::open(&server, &format!("{MAPS}?{late}")).await.ready().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn watches_end_when_they_are_dropped_or_the_server_becomes_unreachable() {
    let server = server();
    let mut watch = Watch::open(&server, &format!("{MAPS}?watch=1")).await;
    let ended = async {
        tokio::task::yield_now().await;
        server.drop_watches();
    };
    let (event, ()) = tokio::join!(watch.next(), ended);
    assert!(event.is_none());
    let mut watch = Watch::open(&server, &format!("{MAPS}?watch=1")).await;
    server.set_available(false);
    assert!(watch.next().await.is_none());
    let refused = tower::ServiceExt::oneshot(server.clone(), request("GET", MAPS, "", "")).await;
    assert!(refused.is_err());
    server.set_available(true);
    get(&server, MAPS).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn many_watchers_see_the_same_order_of_strictly_rising_versions() {
    let server = server();
    let mut watches = Vec::new();
    for _ in 0..20 {
        watches.push(Watch::open(&server, "/api/v1/configmaps?watch=1&resourceVersion=0").await);
    }
    for index in 0..200 {
        let name = format!("m{}", index % 7);
        let path = format!("{MAPS}/{name}");
        match index % 3 {
            0 => _ = post(&server, MAPS, map(&name)).await,
            1 => _ = merge(&server, &path, json!({"data": {"k": index.to_string()}})).await,
            _ => _ = delete(&server, &path, json!(null)).await,
        }
    }
    let mut sequences = Vec::new();
    for watch in &mut watches {
        let mut versions = Vec::new();
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(1), watch.next()).await {
            versions.push(version(&event["object"]));
        }
        assert!(versions.is_sorted_by(|one, two| one < two) && versions.len() > 50);
        sequences.push(versions);
    }
    assert!(sequences.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test(start_paused = true)]
async fn the_state_at_a_version_of_the_future_is_waited_for_and_nothing_is_lost() {
    let server = server();
    let last = version(&post(&server, MAPS, map("a")).await.expect(201));
    let query = format!(
        "{MAPS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=1&resourceVersionMatch=NotOlderThan\
         &resourceVersion={}",
        last + 2
    );
    let (mut watch, ()) = tokio::join!(Watch::open(&server, &query), async {
        post(&server, MAPS, map("b")).await.expect(201);
        post(&server, MAPS, map("c")).await.expect(201);
    });
    assert_eq!(watch.ready().await, ["ADDED a", "ADDED b", "ADDED c", "BOOKMARK"]);
    let never = get(&server, &query.replace(&format!("={}", last + 2), "=999999")).await.expect(504);
    assert_eq!(never["reason"], "Timeout");
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_in_time_however_much_there_is_to_tell() {
    let server = server();
    let mut watch = Watch::open(&server, &format!("{MAPS}?watch=1&timeoutSeconds=2")).await;
    post(&server, MAPS, map("a")).await.expect(201);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut seen = 0;
    while watch.next().await.is_some() {
        seen += 1;
        merge(&server, &format!("{MAPS}/a"), json!({"data": {"k": format!("x{seen}")}})).await.expect(200);
        assert!(seen < 1000, "the watch goes on after its end");
    }
    assert!(seen > 0, "what happened before the end is told");
}
