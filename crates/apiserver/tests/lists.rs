//! Lists: pages, versions, selectors.

mod support;

use serde_json::json;
use support::*;

#[tokio::test(start_paused = true)]
async fn pages_show_the_state_of_the_first_page_whatever_is_written_meanwhile() {
    let server = server();
    for index in 0..5 {
        post(&server, MAPS, map(&format!("m{index}"))).await.expect(201);
    }
    let first = get(&server, &format!("{MAPS}?limit=2")).await.expect(200);
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["m0", "m1"], &json!(3)));
    post(&server, MAPS, map("m2a")).await.expect(201);
    delete(&server, &format!("{MAPS}/m3"), json!(null)).await.expect(200);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = get(&server, &format!("{MAPS}?limit=2&continue={token}")).await.expect(200);
    assert_eq!(names(&second), ["m2", "m3"]);
    assert_eq!(version(&second), version(&first));
    let token = second["metadata"]["continue"].as_str().unwrap();
    let third = get(&server, &format!("{MAPS}?limit=2&continue={token}")).await.expect(200);
    assert_eq!(names(&third), ["m4"]);
    assert!(third["metadata"].get("continue").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_token_older_than_the_history_comes_with_one_that_goes_on_inconsistently() {
    let server = server();
    for index in 0..3 {
        post(&server, MAPS, map(&format!("m{index}"))).await.expect(201);
    }
    let first = get(&server, &format!("{MAPS}?limit=1")).await.expect(200);
    post(&server, MAPS, map("m1a")).await.expect(201);
    server.compact(None);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let expired = get(&server, &format!("{MAPS}?limit=5&continue={token}")).await.expect(410);
    assert_eq!(expired["reason"], "Expired");
    let token = expired["metadata"]["continue"].as_str().unwrap();
    let rest = get(&server, &format!("{MAPS}?limit=5&continue={token}")).await.expect(200);
    assert_eq!(names(&rest), ["m1", "m1a", "m2"]);
    let refused = get(&server, &format!("{MAPS}?continue={token}&resourceVersion=5")).await.expect(400);
    assert_eq!(refused["message"], "specifying resource version is not allowed when using continue");
    get(&server, &format!("{MAPS}?continue=nonsense")).await.expect(400);
}

#[tokio::test(start_paused = true)]
async fn a_version_is_a_lower_bound_or_exact_depending_on_match_and_limit() {
    let server = server();
    let old = version(&post(&server, MAPS, map("a")).await.expect(201));
    post(&server, MAPS, map("b")).await.expect(201);
    let listed = async |query: &str| {
        let list = get(&server, &format!("{MAPS}?resourceVersion={old}{query}")).await.expect(200);
        names(&list).join(",")
    };
    assert_eq!(listed("").await, "a,b");
    assert_eq!(listed("&limit=10").await, "a");
    assert_eq!(listed("&resourceVersionMatch=Exact").await, "a");
    assert_eq!(listed("&limit=10&resourceVersionMatch=NotOlderThan").await, "a,b");
    server.compact(None);
    let expired = get(&server, &format!("{MAPS}?resourceVersion={old}&resourceVersionMatch=Exact")).await;
    assert_eq!(expired.expect(410)["message"], "The resourceVersion for the provided list is too old.");
    for query in [
        "resourceVersionMatch=Exact",
        "resourceVersionMatch=Exact&resourceVersion=0",
        "resourceVersionMatch=Newest&resourceVersion=5",
        "sendInitialEvents=true",
    ] {
        let refused = get(&server, &format!("{MAPS}?{query}")).await.expect(422);
        let message = refused["message"].as_str().unwrap();
        assert!(message.starts_with("ListOptions.meta.k8s.io \"\" is invalid: "), "{message}");
    }
    get(&server, &format!("{MAPS}?resourceVersion=abc")).await.expect(400);
}

#[tokio::test(start_paused = true)]
async fn a_version_of_the_future_is_waited_for_a_little() {
    let server = server();
    let current = server.current_resource_version().number().unwrap();
    let path = format!("{MAPS}?resourceVersion={}", current + 1);
    let begun = tokio::time::Instant::now();
    let late = get(&server, &path).await;
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert_eq!(late.headers["retry-after"], "1");
    let status = late.expect(504);
    assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    let (list, _) = tokio::join!(get(&server, &path), post(&server, MAPS, map("a")));
    assert_eq!(names(&list.expect(200)), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn selectors_choose_by_labels_and_fields_and_unknown_ones_are_refused() {
    let server = server();
    for name in ["a", "b"] {
        post(&server, MAPS, map(name)).await.expect(201);
    }
    post(&server, PODS, pod("p", Some("n1"))).await.expect(201);
    let list = async |path: String| names(&get(&server, &path).await.expect(200)).join(",");
    assert_eq!(list(format!("{MAPS}?labelSelector=name+notin+(a)")).await, "b");
    assert_eq!(list(format!("{MAPS}?fieldSelector=metadata.name%3Da")).await, "a");
    assert_eq!(list("/api/v1/configmaps?fieldSelector=metadata.name%21%3Da".into()).await, "b");
    assert_eq!(list(format!("{PODS}?fieldSelector=spec.nodeName%3Dn1")).await, "p");
    assert_eq!(list(format!("{PODS}?fieldSelector=spec.nodeName%3D")).await, "");
    let message = async |path: String| {
        let status = get(&server, &path).await.expect(400);
        status["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        message(format!("{MAPS}?labelSelector=a+b")).await,
        "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"
    );
    assert_eq!(
        message(format!("{MAPS}?fieldSelector=data.k%3D1")).await,
        "\"data.k\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    );
    assert_eq!(
        message(format!("{PODS}?fieldSelector=spec.image%3Dx")).await,
        "field label not supported: spec.image"
    );
}

#[tokio::test(start_paused = true)]
async fn items_of_built_in_types_leave_out_their_kind_and_an_empty_list_is_a_list() {
    let server = server();
    let empty = get(&server, MAPS).await.expect(200);
    assert_eq!((&empty["kind"], &empty["items"]), (&json!("ConfigMapList"), &json!([])));
    post(&server, MAPS, map("a")).await.expect(201);
    let list = get(&server, MAPS).await.expect(200);
    assert!(list["items"][0].get("kind").is_none() && list["items"][0].get("apiVersion").is_none());
    assert_eq!(get(&server, &format!("{MAPS}/a")).await.expect(200)["kind"], "ConfigMap");
}
