//! Objects: how they come in, how they are kept, how they are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion, protobuf};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::cache::reflector::WatchEvent;
use crate::cache::{ChangeKind, Store, Transform};
use crate::object::Object;

fn config_map(name: &str, version: u64, content: &str) -> Vec<u8> {
    json!({
        "metadata": {"name": name, "namespace": "d", "uid": format!("u-{name}"),
            "resourceVersion": version.to_string(), "labels": {"app": name}, "managedFields": [{"manager": "m"}]},
        "data": {"content": content}
    })
    .to_string()
    .into_bytes()
}

fn pod(name: &str, node: &str) -> Vec<u8> {
    let metadata = json!({"name": name, "namespace": "d", "uid": "u", "resourceVersion": "7"});
    let containers = json!([{"name": "c", "image": "i"}]);
    json!({"metadata": metadata, "spec": {"nodeName": node, "priority": 5, "containers": containers}})
        .to_string()
        .into_bytes()
}

fn intake() -> Intake {
    Intake::new(&ConfigMap::resource_type())
}

fn pods() -> Intake {
    Intake::new(&Pod::resource_type())
}

fn taken(intake: &mut Intake, bytes: &[u8]) -> Arc<CachedObject> {
    intake.take(bytes, Encoding::Json).unwrap()
}

fn chain(error: &dyn std::error::Error) -> String {
    let errors = std::iter::successors(Some(error), |error| error.source());
    errors.map(|error| format!("{error} {error:?}")).collect::<Vec<_>>().join(": ")
}

#[test]
fn f15_what_is_no_object_of_the_type_is_rejected_with_its_key_and_no_text_and_the_next_comes_out() {
    let mut intake = intake();
    let foreign = br#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"d"}}"#;
    let nameless = br#"{"metadata":{},"data":{"a":"hunter2"}}"#;
    let key = ObjectKey::new("d", "p");
    let bad: [(&[u8], _, _); 3] = [
        (nameless, "MissingName", None),
        (foreign, "WrongType", Some(&key)),
        (b"{", "InvalidStructure", None),
    ];
    for (bytes, reason, key) in bad {
        let error = intake.take(bytes, Encoding::Json).unwrap_err();
        assert_eq!((error.reason(), error.key()), (reason, key));
        assert!(!chain(&error).contains("hunter2"));
        assert_eq!(error.to_string().contains("d/p"), key.is_some());
        assert_eq!(&*taken(&mut intake, &config_map("next", 1, "")).key().name, "next");
    }
}

#[test]
fn f16_a_transform_runs_once_per_version_before_anything_else_sees_the_object() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let transform = Transform::new("mark", move |object: &mut Value| {
        counted.fetch_add(1, Ordering::Relaxed);
        assert_eq!(object["kind"], "ConfigMap", "it sees what the cache would keep");
        assert!(object["metadata"].get("managedFields").is_none());
        let text = object["data"]["content"].as_str().unwrap().to_owned();
        object["data"]["content"] = format!("<{text}>").into();
        object["metadata"]["labels"]["marked"] = "yes".into();
    });
    let store = Store::default();
    let known = store.clone();
    let mut intake = intake().transform(Some(transform)).known(move |key| known.get(key));
    let list = vec![taken(&mut intake, &config_map("a", 1, "x"))];
    assert_eq!(list[0].labels().get("marked"), Some("yes"), "also what is scanned is the transformed one");
    assert_eq!(list[0].decode::<ConfigMap>().unwrap().data.as_ref().unwrap()["content"], "<x>");
    store.replace(list, &[], &ResourceVersion::from_number(1));
    let first = store.get(&ObjectKey::new("d", "a")).unwrap();

    let again = taken(&mut intake, &config_map("a", 1, "x"));
    assert!(Arc::ptr_eq(&first, &again), "a relist brings the known object");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    store.replace(vec![again], &[], &ResourceVersion::from_number(2));
    let gone = store.replace(Vec::new(), &[], &ResourceVersion::from_number(3)).written;
    assert_eq!(gone.len(), 1);
    assert_eq!(calls.load(Ordering::Relaxed), 1, "a deletion that is inferred transforms nothing");

    let newer = taken(&mut intake, &config_map("a", 4, "y"));
    assert_eq!(newer.field("/data/content").as_deref(), Some("<y>"));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn f15_f16_an_object_that_a_transform_ruins_is_rejected_alone() {
    let transform = Transform::new("ruin", |object: &mut Value| match object["data"]["content"].as_str() {
        Some("rename") => object["metadata"]["name"] = "other".into(),
        Some("destroy") => *object = json!("hunter2"),
        Some("panic") => panic!("as asked"),
        _ => {}
    });
    let mut intake = intake().transform(Some(transform));
    for (content, reason) in
        [("rename", "InvalidTransform"), ("destroy", "InvalidTransform"), ("panic", "TransformPanicked")]
    {
        let error = intake.take(&config_map("a", 1, content), Encoding::Json).unwrap_err();
        assert_eq!(error.reason(), reason);
        assert_eq!(error.key(), Some(&ObjectKey::new("d", "a")));
        let said = chain(&error);
        assert!(said.contains("ruin") && !said.contains("hunter2"), "{said}");
    }
    assert!(intake.take(&config_map("a", 2, "fine"), Encoding::Json).is_ok());
}

#[test]
fn f5_an_object_that_does_not_fit_the_type_is_known_and_its_deletion_is_told() {
    let counters = IntakeMetrics::default();
    let bad =
        br#"{"metadata":{"name":"b","namespace":"d","uid":"u","resourceVersion":"3"},"spec":"hunter2"}"#;
    for (projection, residence) in
        [(Projection::Whole, Residence::typed::<Pod>()), (Projection::of::<Pod>(), Residence::Lazy)]
    {
        let mut intake =
            pods().projection(projection).residence(residence).decoded_budget(None, counters.clone());
        let before = counters.unreadable.get();
        let good = taken(&mut intake, &pod("g", "n"));
        let bad = taken(&mut intake, bad);
        assert_eq!(counters.unreadable.get(), before + 1);
        assert!(good.decode::<Pod>().is_ok());
        for error in [bad.decode::<Pod>().unwrap_err(), bad.json().unwrap_err()] {
            assert_eq!((error.reason(), error.key()), ("UnreadableObject", &ObjectKey::new("d", "b")));
            let said = chain(&error);
            assert!(said.contains("expected") && !said.contains("hunter2"), "{said}");
        }
        let store = Store::default();
        store.apply(vec![WatchEvent::Added(good), WatchEvent::Added(bad)]);
        let written = store.replace(Vec::new(), &[], &ResourceVersion::from_number(9)).written;
        let told: Vec<_> = written.iter().map(|w| (w.kind, w.object.key().name.to_string())).collect();
        assert_eq!(told, [(ChangeKind::Deleted, "b".into()), (ChangeKind::Deleted, "g".into())]);
    }
    assert_eq!(counters.unreadable(), 2);
}

#[test]
fn a_projection_keeps_what_it_says_and_no_more() {
    let bytes = pod("p", "node-1");
    let metadata = json!({"name": "p", "namespace": "d", "uid": "u", "resourceVersion": "7"});
    let expected = |rest: Value| {
        let mut object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    };
    let only = taken(&mut pods().projection(Projection::MetadataOnly), &bytes);
    assert_eq!(only.to_value(), expected(json!({})));
    let partial =
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
    let partial = partial.to_string().into_bytes();
    assert_eq!(
        taken(&mut pods().projection(Projection::MetadataOnly), &partial).to_value(),
        expected(json!({}))
    );
    assert_eq!(pods().take(&partial, Encoding::Json).unwrap_err().reason(), "WrongType");
    let paths = Projection::fields(["/spec/nodeName", "/status/phase", "/spec/priority"]);
    let some = taken(&mut pods().projection(paths), &bytes);
    assert_eq!(some.to_value(), expected(json!({"spec": {"nodeName": "node-1", "priority": 5}})));
}

#[test]
fn a_type_alone_is_kept_decoded_and_other_reads_name_the_remedy() {
    #[derive(Deserialize)]
    struct Placement {
        spec: Spec,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        node_name: String,
    }
    let object = taken(&mut pods().projection(Projection::of::<Placement>()), &pod("p", "node-1"));
    let placement = object.decode::<Placement>().unwrap();
    assert_eq!(placement.spec.node_name, "node-1");
    assert!(Arc::ptr_eq(&placement, &object.decode::<Placement>().unwrap()));
    assert_eq!(object.size(), 0);
    for error in [object.decode::<Pod>().unwrap_err(), object.json().unwrap_err()] {
        let said = chain(&error);
        assert!(said.contains("Placement") && said.contains("Projection"), "{said}");
        assert_eq!(error.reason(), "ObjectNotKept");
    }
    assert_eq!((object.field("/spec/nodeName"), object.to_value()), (None, Value::Null));
}

#[test]
fn typed_residence_decodes_when_the_object_comes_in() {
    let mut intake = pods().residence(Residence::typed::<Pod>());
    let object = taken(&mut intake, &pod("p", "n"));
    assert!(intake.decoded_bytes() > 0);
    assert!(Arc::ptr_eq(&object.decode::<Pod>().unwrap(), &object.decode::<Pod>().unwrap()));
    assert_eq!(object.to_value()["spec"]["nodeName"], "n", "the bytes are there too");
    drop(object);
    assert_eq!(intake.decoded_bytes(), 0);
}

#[test]
fn a_field_is_read_from_the_bytes() {
    let bytes = json!({"metadata": {"name": "n", "annotations": {"a/b": "x\"y", "m~n": "z"}},
        "spec": {"nodeName": "node-1", "priority": 5, "hostNetwork": true, "empty": null, "containers": [1]}});
    let object = taken(&mut pods(), bytes.to_string().as_bytes());
    for (pointer, expected) in [
        ("/spec/nodeName", Some("node-1")),
        ("/spec/priority", Some("5")),
        ("/spec/hostNetwork", Some("true")),
        ("/metadata/annotations/a~1b", Some("x\"y")),
        ("/metadata/annotations/m~0n", Some("z")),
        ("/kind", Some("Pod")),
        ("/spec/empty", None),
        ("/spec/containers", None),
        ("/spec", None),
        ("/spec/absent/deeper", None),
    ] {
        assert_eq!(object.field(pointer).as_deref(), expected, "{pointer}");
        assert_eq!(object.memo().get::<Pod>().map(|_| ()), None, "nothing is decoded");
    }
}

#[test]
fn decoded_forms_over_the_budget_go_oldest_first_and_readers_keep_theirs() {
    let counters = IntakeMetrics::default();
    let bytes = config_map("a", 1, &"x".repeat(1000));
    let room = taken(&mut intake(), &bytes).size() as u64 * 6;
    let mut intake = intake().decoded_budget(Some(room * 2), counters.clone());
    let objects: Vec<_> =
        ["a", "b", "c"].map(|name| taken(&mut intake, &config_map(name, 1, &"x".repeat(1000)))).into();
    let first: Vec<_> = objects.iter().map(|object| object.decode::<ConfigMap>().unwrap()).collect();
    assert_eq!((intake.decoded_bytes(), counters.decoded_dropped.get()), (room * 2, 1));
    let again = |index: usize| Arc::ptr_eq(&first[index], &objects[index].decode::<ConfigMap>().unwrap());
    assert!(again(1) && again(2), "those within the budget are shared");
    assert_eq!(first[0].metadata.name.as_deref(), Some("a"), "a reader keeps what it holds");
    assert!(!again(0), "what was dropped is decoded anew");
    assert!(!again(1), "which made the next oldest go");
    assert_eq!(counters.decoded_bytes.get(), i64::try_from(room * 2).unwrap());
    drop(objects);
    assert_eq!((intake.decoded_bytes(), counters.decoded_bytes.get()), (0, 0));
}

#[test]
fn an_object_larger_than_the_budget_is_read_and_not_kept() {
    let mut intake = intake().decoded_budget(Some(10), IntakeMetrics::default());
    let object = taken(&mut intake, &config_map("a", 1, "x"));
    let one = object.decode::<ConfigMap>().unwrap();
    assert!(!Arc::ptr_eq(&one, &object.decode::<ConfigMap>().unwrap()));
    assert_eq!(intake.decoded_bytes(), 0);
}

#[test]
fn two_types_of_one_object_are_both_shared_and_a_third_takes_the_place_of_the_first() {
    #[derive(Deserialize)]
    struct Mine {}
    let mut intake = intake();
    let object = taken(&mut intake, &config_map("a", 1, "x"));
    let (map, value) = (object.decode::<ConfigMap>().unwrap(), object.decode::<Value>().unwrap());
    assert!(Arc::ptr_eq(&map, &object.decode::<ConfigMap>().unwrap()));
    assert!(Arc::ptr_eq(&value, &object.decode::<Value>().unwrap()));
    let two = intake.decoded_bytes();
    object.decode::<Mine>().unwrap();
    assert_eq!(intake.decoded_bytes(), two);
    assert!(Arc::ptr_eq(&value, &object.decode::<Value>().unwrap()));
    assert!(!Arc::ptr_eq(&map, &object.decode::<ConfigMap>().unwrap()));
}

#[test]
fn z3_no_form_of_an_object_prints_its_content() {
    let bytes = json!({"metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}}).to_string();
    let resource: ResourceType = Secret::resource_type();
    let mut residences = vec![Residence::Lazy, Residence::typed::<Secret>()];
    #[cfg(feature = "compact")]
    residences.push(Residence::Compact);
    for residence in residences {
        let mut intake = Intake::new(&resource).residence(residence);
        let object = taken(&mut intake, bytes.as_bytes());
        object.decode::<Secret>().unwrap();
        let said = format!("{object:?} {intake:?} {:?}", object.decode::<Pod>().unwrap_err());
        assert!(!said.contains("aHVudGVyMg") && said.contains("CachedObject(s@0)"), "{said}");
    }
}

/// The message in the envelope that a server sends for a single object.
fn message(object: &Value, resource: &ResourceType) -> Vec<u8> {
    fn part(bytes: &[u8]) -> (&[u8], &[u8]) {
        let (mut length, mut used) = (0, 1);
        for byte in &bytes[1..] {
            length |= usize::from(byte & 0x7f) << (7 * (used - 1));
            used += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        bytes[used..].split_at(length)
    }
    let body = protobuf::encode(&resource.group_version_kind(), object).unwrap();
    let (_type_meta, rest) = part(&body[protobuf::MAGIC.len()..]);
    part(rest).0.to_vec()
}

#[test]
fn a_protobuf_object_is_read_like_its_json() {
    let resource = Pod::resource_type();
    let json: Value = serde_json::from_slice(&pod("p", "node-1")).unwrap();
    let mut unpruned = json.clone();
    unpruned["metadata"]["managedFields"] = json!([{"manager": "kubelet"}]);
    let bytes = message(&unpruned, &resource);
    let take = |intake: Intake| -> (Arc<CachedObject>, Intake) {
        let mut intake = intake;
        (intake.take(&bytes, Encoding::Protobuf).unwrap(), intake)
    };
    let mut residences = vec![Residence::Lazy, Residence::typed::<Pod>()];
    #[cfg(feature = "compact")]
    residences.push(Residence::Compact);
    for residence in residences {
        let (object, _intake) = take(pods().residence(residence));
        let value = object.to_value();
        assert_eq!((&value["kind"], &value["apiVersion"]), (&json!("Pod"), &json!("v1")));
        assert_eq!(value["spec"]["nodeName"], "node-1");
        assert!(value["metadata"].get("managedFields").is_none());
        assert_eq!(object.header().key, ObjectKey::new("d", "p"));
        assert_eq!(object.field("/spec/nodeName").as_deref(), Some("node-1"));
        assert_eq!(object.field("/spec/priority").as_deref(), Some("5"));
        assert_eq!(object.field("/spec/containers"), None);
        let pod = object.decode::<Pod>().unwrap();
        assert_eq!(pod.spec.as_ref().unwrap().containers[0].image.as_deref(), Some("i"));
    }
    let (only, _) = take(pods().projection(Projection::MetadataOnly));
    assert_eq!(
        only.to_value().as_object().unwrap().keys().collect::<Vec<_>>(),
        ["apiVersion", "kind", "metadata"]
    );
    let (some, _) = take(pods().projection(Projection::fields(["/spec/nodeName"])));
    assert_eq!(some.to_value()["spec"], json!({"nodeName": "node-1"}));
    let marked =
        Transform::new("mark", |object: &mut Value| object["metadata"]["labels"] = json!({"a": "b"}));
    let (marked, _) = take(pods().transform(Some(marked)));
    assert_eq!(marked.labels().get("a"), Some("b"));
    assert!(take(pods().projection(Projection::of::<Pod>())).0.decode::<Pod>().is_ok());
}

#[test]
fn f15_bytes_that_are_no_message_of_the_type_are_rejected() {
    let bytes =
        message(&json!({"metadata": {"name": "s"}, "data": {"k": "aHVudGVyMg=="}}), &Secret::resource_type());
    let mut intake = Intake::new(&Secret::resource_type());
    for (damaged, reason) in
        [(&bytes[..bytes.len() - 3], "InvalidStructure"), (b"hunter2", "InvalidStructure")]
    {
        let error = intake.take(damaged, Encoding::Protobuf).unwrap_err();
        assert_eq!(error.reason(), reason);
        assert!(!chain(&error).contains("hunter2"));
    }
    let mut custom = Intake::new(&ResourceType::namespaced("example.com", "v1", "widgets", "Widget"));
    assert_eq!(custom.take(&bytes, Encoding::Protobuf).unwrap_err().reason(), "WrongFormat");
}

#[test]
fn an_object_takes_little_room_besides_its_bytes() {
    assert!(size_of::<CachedObject>() <= 200 - 16, "{} bytes and the Arc's 16", size_of::<CachedObject>());
}
