//! A `kube::Client` on the server in process: no socket, no task.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use pilothouse_apiserver::ApiServer;
use pilothouse_machinery::Environment;
use serde_json::json;

fn server() -> ApiServer {
    ApiServer::builder().environment(Environment::simulated(7, Timestamp::UNIX_EPOCH)).build()
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}, "data": {"k": value}})).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_kube_client_creates_reads_changes_and_deletes() {
    let client = kube::Client::new(server(), "default");
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let created = maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    assert_eq!(created.metadata.namespace.as_deref(), Some("default"));
    let patch = Patch::Merge(json!({"data": {"k": "2"}}));
    let patched = maps.patch("a", &PatchParams::default(), &patch).await.unwrap();
    assert_ne!(patched.metadata.resource_version, created.metadata.resource_version);
    let stale = maps.replace("a", &PostParams::default(), &created).await.unwrap_err();
    assert!(matches!(stale, kube::Error::Api(status) if status.code == 409 && status.reason == "Conflict"));
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
    let namespaces: Api<Namespace> = Api::all(client);
    let listed = namespaces.list(&ListParams::default()).await.unwrap();
    let names: Vec<_> = listed.items.into_iter().filter_map(|namespace| namespace.metadata.name).collect();
    assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
}

#[tokio::test(start_paused = true)]
async fn a_kube_client_watches_from_a_version_on() {
    let client = kube::Client::new(server(), "default");
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let version = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let watch = maps.watch(&WatchParams::default().timeout(60), &version).await.unwrap();
    let mut watch = std::pin::pin!(watch);
    maps.create(&PostParams::default(), &config_map("b", "1")).await.unwrap();
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    while let Some(event) = watch.next().await {
        seen.push(match event.unwrap() {
            WatchEvent::Added(map) => format!("added {}", map.metadata.name.unwrap()),
            WatchEvent::Deleted(map) => format!("deleted {}", map.metadata.name.unwrap()),
            WatchEvent::Bookmark(_) => "bookmark".to_owned(),
            other => panic!("unexpected event {other:?}"),
        });
    }
    assert_eq!(seen, ["added b", "deleted a", "bookmark"]);
}
