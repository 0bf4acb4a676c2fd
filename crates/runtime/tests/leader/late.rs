//! What no fence reaches: a write that has left the process when the process is paused, and arrives in a later term.
//! What becomes of it depends on what it says of the version it is based on.
#![expect(clippy::unwrap_used, reason = "tests")]

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::{Client, ClientError, DeleteOptions, ObjectExt, ObjectKey, Patch};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::network::Fate;
use crate::world::{SECOND, World};

/// How the write of the old term is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Update,
    Merge,
    Apply,
    Json,
    Delete,
    Create,
}

const WAYS: [Way; 6] = [Way::Update, Way::Merge, Way::Apply, Way::Json, Way::Delete, Way::Create];

fn target() -> ObjectKey {
    ObjectKey::new("default", "target")
}

fn named(name: &str, term: &str) -> ConfigMap {
    let metadata = json!({"name": name, "namespace": "default"});
    serde_json::from_value(json!({"metadata": metadata, "data": {"term": term}})).unwrap()
}

/// Writes as the old term does: based on `seen` where `is_based`, else on whatever there is.
async fn write(client: &Client, way: Way, seen: &ConfigMap, is_based: bool) -> Result<(), ClientError> {
    let version = seen.resource_version();
    let mut body = json!({"data": {"term": "old"}});
    if is_based {
        body["metadata"] = json!({"resourceVersion": version.to_string()});
    }
    let patch = match way {
        Way::Update => {
            let mut map = named("target", "old");
            map.metadata.resource_version = is_based.then(|| version.to_string());
            return client.update(&map).await.map(drop);
        }
        Way::Delete => {
            let resource_version = is_based.then_some(version);
            let options = DeleteOptions { resource_version, ..DeleteOptions::of_uid(seen.uid()) };
            return client.delete::<ConfigMap>(&target(), &options).await;
        }
        Way::Create => return client.create(&named("new", "old")).await.map(drop),
        Way::Merge => Patch::Merge(body),
        Way::Apply => {
            (body["apiVersion"], body["kind"]) = ("v1".into(), "ConfigMap".into());
            body["metadata"]["name"] = "target".into();
            Patch::Apply { object: body, manager: String::new(), force: true }
        }
        Way::Json => {
            let mut operations = vec![json!({"op": "add", "path": "/data", "value": {"term": "old"}})];
            if is_based {
                let path = "/metadata/resourceVersion";
                operations.push(json!({"op": "replace", "path": path, "value": version.to_string()}));
            }
            Patch::Json(Value::Array(operations))
        }
    };
    client.patch::<ConfigMap>(&target(), &patch).await.map(drop)
}

/// What the server answers when the write of the old term arrives after one of the new term, and the term in the object
/// then.
async fn late(way: Way, is_based: bool) -> (u16, String) {
    let world = World::new();
    world.client.create(&named("target", "before")).await.unwrap();
    let one = world.candidate("a");
    one.wait_to_lead(SECOND).await;
    let two = world.candidate("b");
    let client = one.client.fenced(&one.leadership);
    let seen: ConfigMap = client.get(&target()).await.unwrap();
    one.network.rule(|method, path| {
        let is_write = path.contains("/configmaps") && method != "GET";
        if is_write { Fate::Underway(40 * SECOND) } else { Fate::Pass }
    });
    let writing = world
        .environment
        .spawn("aside", one.freezer.hold(async move { write(&client, way, &seen, is_based).await }));
    sleep(SECOND).await;
    one.freezer.freeze_for(30 * SECOND);
    two.wait_to_lead(20 * SECOND).await;
    let client = two.client.fenced(&two.leadership);
    let patch = Patch::Merge(json!({"data": {"term": "new"}}));
    client.patch::<ConfigMap>(&target(), &patch).await.unwrap();
    client.create(&named("new", "new")).await.unwrap();
    sleep(60 * SECOND).await;
    let given_up = writing.await.unwrap().unwrap_err();
    assert!(given_up.may_have_been_applied(), "{way:?}: {given_up:?}");
    let name = if way == Way::Create { "new" } else { "target" };
    let found = world.client.get::<ConfigMap>(&ObjectKey::new("default", name)).await;
    let term = found.map_or_else(|_| "deleted".to_owned(), |map| map.data.unwrap()["term"].clone());
    let answers = one.network.arrived.lock().clone();
    assert_eq!(answers.len(), 1, "{way:?}");
    (answers[0], term)
}

#[tokio::test(start_paused = true)]
async fn e11_a_late_write_that_names_its_version_is_refused_once_the_new_term_has_written_the_object() {
    for way in WAYS {
        assert_eq!(late(way, true).await, (409, "new".to_owned()), "{way:?}");
    }
}

/// This is no wish but what is: whoever cannot live with it says which version a write is based on.
#[tokio::test(start_paused = true)]
async fn e11_a_late_write_that_names_no_version_is_beyond_every_fence() {
    for way in WAYS.into_iter().filter(|way| *way != Way::Create) {
        let expected = if way == Way::Delete { "deleted" } else { "old" };
        assert_eq!(late(way, false).await, (200, expected.to_owned()), "{way:?}");
    }
}
