//! The same over HTTP, where connections are real.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::{Client, ClientOptions, Informers, ObjectExt, k8s_openapi, kube};
use pilothouse_apiserver::ServeOptions;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::world::{World, config_map, key};

#[tokio::test]
async fn a_cache_follows_a_server_over_http_and_reads_its_errors() {
    let world = World::new(5);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handle = world.server.serve(listener, ServeOptions::default()).unwrap();
    let config = kube::Config::new(format!("http://{}", handle.local_addr()).parse().unwrap());
    let options = ClientOptions::unlimited();
    let client = Client::from_config(config, options, &world.environment, &world.metrics).unwrap();
    assert!(client.get::<ConfigMap>(&key("none")).await.unwrap_err().is_not_found());
    let informers = Informers::new(client.clone(), world.environment.clone(), world.metrics.clone());
    let lister = informers.lister::<ConfigMap>();
    assert!(timeout(Duration::from_secs(10), informers.wait_synced()).await.unwrap());
    let created = client.create(&config_map("a")).await.unwrap();
    let store = lister.informer().store();
    timeout(Duration::from_secs(10), store.wait_for(&created.resource_version())).await.unwrap();
    assert_eq!(lister.get(&key("a")).unwrap().unwrap().uid(), created.uid());
    world.server.drop_watches();
    let version = world.touch("a", 1).await;
    timeout(Duration::from_secs(10), store.wait_for(&version)).await.unwrap();
    assert_eq!(world.trace().matches(['S', 'L']).count(), 1, "the watch was resumed");
    let metrics = world.metrics.encode();
    assert!(metrics.contains(&format!("host=\"{}\"", handle.local_addr())), "{metrics}");
}
