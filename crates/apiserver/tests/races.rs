//! Many writers on many threads.

mod support;

use serde_json::json;
use support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn patches_of_one_object_at_the_same_time_are_all_applied() {
    let server = server();
    let created = post(&server, MAPS, map("a")).await.expect(201);
    let mut writers = Vec::new();
    for writer in 0..8 {
        let server = server.clone();
        writers.push(server.environment().clone().spawn("writer", async move {
            for index in 0..25 {
                let patch = json!({"data": {(format!("w{writer}-{index}")): "x"}});
                merge(&server, &format!("{MAPS}/a"), patch).await.expect(200);
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let map = get(&server, &format!("{MAPS}/a")).await.expect(200);
    assert_eq!(map["data"].as_object().unwrap().len(), 1 + 8 * 25);
    assert_eq!(version(&map), version(&created) + 8 * 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_updates_from_one_version_at_the_same_time_exactly_one_wins() {
    let server = server();
    for round in 0..20 {
        let created = post(&server, MAPS, map(&format!("m{round}"))).await.expect(201);
        let mut writers = Vec::new();
        for writer in 0..6 {
            let (server, mut object) = (server.clone(), created.clone());
            object["data"]["k"] = format!("w{writer}").into();
            writers.push(server.environment().clone().spawn("writer", async move {
                put(&server, &format!("{MAPS}/m{round}"), object).await.code
            }));
        }
        let mut codes = Vec::new();
        for writer in writers {
            codes.push(writer.await.unwrap());
        }
        codes.sort_unstable();
        assert_eq!(codes, [200, 409, 409, 409, 409, 409]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writes_that_create_or_change_at_the_same_time_all_succeed() {
    let server = server();
    for round in 0..40 {
        let mut writers = Vec::new();
        for writer in 0..4 {
            let server = server.clone();
            writers.push(server.environment().clone().spawn("writer", async move {
                let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m{round}")},
                    "data": {(format!("w{writer}")): "x"}});
                let path = format!("{MAPS}/m{round}?fieldManager=w{writer}");
                let applied = request("PATCH", &path, "application/apply-patch+yaml", body.to_string());
                let applied = send(&server, applied).await;
                // Who deletes in between makes the others create again.
                if round % 2 == 1 && writer == 0 {
                    delete(&server, &format!("{MAPS}/m{round}"), json!(null)).await;
                }
                applied.code
            }));
        }
        for writer in writers {
            let code = writer.await.unwrap();
            assert!(matches!(code, 200 | 201), "{code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_watch_tells_every_write_once_and_in_the_same_order() {
    const WRITES: usize = 4 * 60 * 3;
    let server = server();
    let start = server.current_resource_version();
    let mut watchers = Vec::new();
    for query in ["watch=1&resourceVersion", "watch=1&allowWatchBookmarks=1&resourceVersion"].repeat(2) {
        let server = server.clone();
        let path = format!("{MAPS}?{query}={start}");
        watchers.push(server.environment().clone().spawn("watcher", async move {
            let mut watch = Watch::open(&server, &path).await;
            let mut seen = Vec::new();
            while seen.len() < WRITES {
                let event = watch.next().await.expect("the watch goes on");
                let kind = event["type"].as_str().unwrap_or_default().to_owned();
                let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                seen.push((version(&event["object"]), kind, name));
            }
            seen
        }));
    }
    let mut writers = Vec::new();
    for writer in 0..4 {
        let server = server.clone();
        writers.push(server.environment().clone().spawn("writer", async move {
            for round in 0..60 {
                let name = format!("w{writer}-{round}");
                post(&server, MAPS, map(&name)).await.expect(201);
                merge(&server, &format!("{MAPS}/{name}"), json!({"data": {"k": "2"}})).await.expect(200);
                delete(&server, &format!("{MAPS}/{name}"), json!(null)).await.expect(200);
                tokio::task::yield_now().await;
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let mut all = Vec::new();
    for watcher in watchers {
        let watched = tokio::time::timeout(std::time::Duration::from_secs(30), watcher);
        all.push(watched.await.expect("no watch stalls").unwrap());
    }
    assert!(all[0].is_sorted_by(|(one, ..), (other, ..)| one < other), "versions rise");
    assert!(all.iter().all(|seen| *seen == all[0]), "all see the same");
    for kind in ["ADDED", "MODIFIED", "DELETED"] {
        assert_eq!(all[0].iter().filter(|(_, seen, _)| seen == kind).count(), WRITES / 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s_i4_a_grant_counts_from_its_answer_on_while_others_write_theirs() {
    let server = builder().authorization(pilothouse_apiserver::Authorization::Rbac).build();
    let rules = json!([{"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"]}]);
    let role = json!({"metadata": {"name": "lists"}, "rules": rules});
    post(&server, "/apis/rbac.authorization.k8s.io/v1/clusterroles", role).await.expect(201);
    let mut tasks = Vec::new();
    for task in 0..6 {
        let server = server.clone();
        tasks.push(server.environment().clone().spawn("grants", async move {
            let (name, bindings) =
                (format!("u{task}"), "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings");
            let user = server.as_user(&*name);
            for _ in 0..30 {
                call(&user, "GET", MAPS, serde_json::Value::Null).await.expect(403);
                let binding = json!({"metadata": {"name": name}, "subjects": [{"kind": "User", "name": name}],
                    "roleRef": {"kind": "ClusterRole", "name": "lists"}});
                post(&server, bindings, binding).await.expect(201);
                call(&user, "GET", MAPS, serde_json::Value::Null).await.expect(200);
                delete(&server, &format!("{bindings}/{name}"), serde_json::Value::Null).await.expect(200);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}
