//! Garbage collection and namespaces.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its steps fail")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use parking_lot::Mutex;
use pilothouse::client::Propagation;
use pilothouse::{Client, DeleteOptions, ListOptions, ObjectExt, ObjectKey};
use pilothouse_cluster::ClusterOptions;
use serde_json::{Value, json};
use support::{Fault, World, phase};

fn owned(name: &str, owner: &ConfigMap, is_blocking: bool) -> Value {
    json!({"metadata": {"name": name, "ownerReferences": [{
        "apiVersion": "v1", "kind": "ConfigMap", "name": owner.metadata.name, "uid": owner.uid(),
        "blockOwnerDeletion": is_blocking,
    }]}})
}

async fn family(world: &World) -> ConfigMap {
    let parent: ConfigMap = world.create(json!({"metadata": {"name": "parent"}})).await;
    let child: ConfigMap = world.create(owned("child", &parent, true)).await;
    world.create::<ConfigMap>(owned("grandchild", &child, true)).await;
    // The collector has seen them all.
    tokio::time::sleep(Duration::from_secs(1)).await;
    parent
}

async fn names(client: &Client) -> Vec<String> {
    let maps: Vec<ConfigMap> = client.list(Some("default"), &ListOptions::default()).await.unwrap();
    let names = maps.into_iter().filter_map(|map| map.metadata.name);
    names.filter(|name| name != "kube-root-ca.crt").collect()
}

async fn delete(world: &World, name: &str, propagation: Propagation) {
    let options = DeleteOptions::default().with_propagation(propagation);
    world.client.delete::<ConfigMap>(&ObjectKey::new("default", name), &options).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn gc1_dependents_of_a_deleted_owner_go_all_the_way_down() {
    let world = World::start(ClusterOptions::default());
    family(&world).await;
    delete(&world, "parent", Propagation::Background).await;
    world.until("the family is gone", async || names(&world.client).await.is_empty().then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn gc1_a_reference_to_an_owner_that_never_was_or_is_elsewhere_deletes_the_dependent() {
    let world = World::start(ClusterOptions::default());
    let mut ghost = ConfigMap::default();
    (ghost.metadata.name, ghost.metadata.uid) = (Some("ghost".into()), Some("no-such-uid".into()));
    world.create::<Namespace>(json!({"metadata": {"name": "elsewhere"}})).await;
    let far: ConfigMap = world.create(json!({"metadata": {"name": "far", "namespace": "elsewhere"}})).await;
    world.create::<ConfigMap>(owned("waif", &ghost, false)).await;
    world.create::<ConfigMap>(owned("stranger", &far, false)).await;
    let near: ConfigMap = world.create(json!({"metadata": {"name": "near"}})).await;
    world.create::<ConfigMap>(owned("kept", &near, false)).await;
    world
        .until("only the legitimate are left", async || {
            (names(&world.client).await == ["kept", "near"]).then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(names(&world.client).await, ["kept", "near"]);
}

#[tokio::test(start_paused = true)]
async fn gc2_a_foreground_deletion_keeps_the_owner_until_its_dependents_are_gone() {
    let world = World::start(ClusterOptions::default());
    family(&world).await;
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    world.merge::<ConfigMap>("grandchild", hold).await;
    delete(&world, "parent", Propagation::Foreground).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(names(&world.client).await, ["child", "grandchild", "parent"], "held from below");
    world.merge::<ConfigMap>("grandchild", json!({"metadata": {"finalizers": null}})).await;
    world.until("the family is gone", async || names(&world.client).await.is_empty().then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn gc2_an_orphaning_deletion_leaves_the_dependents() {
    let world = World::start(ClusterOptions::default());
    family(&world).await;
    delete(&world, "parent", Propagation::Orphan).await;
    world
        .until("the parent is gone", async || {
            (names(&world.client).await == ["child", "grandchild"]).then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let child: ConfigMap = world.get("child").await.expect("it stays");
    assert!(child.metadata.owner_references.is_none_or(|owners| owners.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn custom_resources_defined_later_are_collected_too() {
    let world = World::start(ClusterOptions::default());
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    world.client.post_json(definitions, &definition).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let boats = "/apis/example.com/v1/namespaces/default/boats";
    let boat = json!({"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "tug"}});
    let boat = world.client.post_json(boats, &boat).await.unwrap();
    let owner = json!([{"apiVersion": "example.com/v1", "kind": "Boat", "name": "tug",
                        "uid": boat["metadata"]["uid"]}]);
    world.create::<ConfigMap>(json!({"metadata": {"name": "cargo", "ownerReferences": owner}})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(names(&world.client).await, ["cargo"]);
    world.client.delete_json(&format!("{boats}/tug"), &DeleteOptions::default()).await.unwrap();
    world.until("the cargo is gone", async || names(&world.client).await.is_empty().then_some(())).await;

    world
        .client
        .delete_json(&format!("{definitions}/boats.example.com"), &DeleteOptions::default())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    *world.fault.lock() = Some(Box::new(move |_, address| {
        seen.lock().push(address.to_owned());
        Fault::None
    }));
    tokio::time::sleep(Duration::from_mins(15)).await;
    let asked = asked.lock();
    assert!(!asked.is_empty() && !asked.iter().any(|address| address.contains("boats")), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_namespace_is_emptied_and_goes_with_running_jobs_in_it() {
    let world = World::start(ClusterOptions::default());
    world.create::<Namespace>(json!({"metadata": {"name": "team"}})).await;
    world.create::<ConfigMap>(json!({"metadata": {"name": "notes", "namespace": "team"}})).await;
    let template = json!({
        "metadata": {"annotations": {"simulation.pilothouse.dev/run-seconds": "600",
                                     "simulation.pilothouse.dev/stop-seconds": "5"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]},
    });
    let job = json!({"metadata": {"name": "long", "namespace": "team"},
                     "spec": {"parallelism": 2, "completions": 2, "template": template}});
    world.create::<Job>(job).await;
    world
        .until("both pods run", async || {
            let pods = world.pods().await;
            (pods.len() == 2 && pods.iter().all(|pod| phase(pod) == "Running")).then_some(())
        })
        .await;
    let key = ObjectKey::cluster("team");
    world.client.delete::<Namespace>(&key, &DeleteOptions::default()).await.unwrap();
    let remaining = async || {
        let namespace: Namespace = world.get("team").await?;
        let conditions = namespace.status?.conditions?;
        let found = conditions.into_iter().find(|one| one.type_ == "NamespaceContentRemaining");
        found.filter(|one| one.status == "True").and_then(|one| one.message)
    };
    let message = world.until("the condition tells what remains", remaining).await;
    assert!(message.contains("pods. has 2 resource instances"), "{message}");
    world
        .until("the namespace is gone", async || world.get::<Namespace>("team").await.is_none().then_some(()))
        .await;
    assert!(world.pods().await.is_empty());
    let jobs: Vec<Job> = world.client.list(None, &ListOptions::default()).await.unwrap();
    assert!(jobs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_a_job_that_left_it_behind_can_be_deleted() {
    let world = World::start(ClusterOptions::default());
    world.create_job("parted", json!({}), &[("run-seconds", "600")]).await;
    let running = async || world.pods().await.into_iter().find(|pod| phase(pod) == "Running");
    let pod = world.until("it runs", running).await;
    let options = DeleteOptions::default().with_propagation(Propagation::Orphan);
    world.client.delete::<Job>(&ObjectKey::new("default", "parted"), &options).await.unwrap();
    world.until("the job is gone", async || world.get::<Job>("parted").await.is_none().then_some(())).await;
    world.client.delete::<Pod>(&pod.key(), &DeleteOptions::default()).await.unwrap();
    world.until("the pod is gone", async || world.pods().await.is_empty().then_some(())).await;
}
