//! Asking for other forms than JSON, against a scripted server.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse_machinery::GroupVersionKind;
use pilothouse_machinery::protobuf::encode;
use serde_json::{Value, json};

use super::tests::{SOON, reflector, words};
use super::*;
use crate::cache::WireFormat;
use crate::object::Object;
use crate::testing::{Script, Step, list, object, status, stream};

const JSON: &str = "application/json";
const LIST: &str = "application/vnd.kubernetes.protobuf";
const WATCH: &str = "application/vnd.kubernetes.protobuf;stream=watch";

fn protobuf() -> ReflectorOptions {
    ReflectorOptions { format: WireFormat::PreferProtobuf, ..ReflectorOptions::default() }
}

fn message(kind: &str, value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    (value["kind"], value["apiVersion"]) = (kind.into(), "v1".into());
    encode(&GroupVersionKind::new("", "v1", kind.to_owned()), &value).unwrap().to_vec()
}

/// Field `number` of a message, with these bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 0x7F {
        field.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).unwrap());
    field.extend_from_slice(bytes);
    field
}

fn event(event_type: &str, kind: &str, value: &Value) -> Vec<u8> {
    let object = field(1, &message(kind, value));
    let event = [field(1, event_type.as_bytes()), field(2, &object)].concat();
    [u32::try_from(event.len()).unwrap().to_be_bytes().as_slice(), &event].concat()
}

#[tokio::test(start_paused = true)]
async fn r17_protobuf_is_asked_for_where_wanted_and_read_where_it_comes() {
    let items = json!({"metadata": {"resourceVersion": "7"}, "items": [object("a", 1), object("b", 2)]});
    let events = [
        event("MODIFIED", "Secret", &json!({"metadata": {"name": "a", "resourceVersion": "8"}})),
        event("MODIFIED", "ConfigMap", &object("a", 8)),
        event("DELETED", "ConfigMap", &object("b", 9)),
        event("BOOKMARK", "ConfigMap", &json!({"metadata": {"resourceVersion": "12"}})),
        event("ERROR", "Status", &json!({"status": "Failure", "code": 410, "reason": "Expired"})),
    ];
    let script = Script::of([
        Step::Binary(LIST, message("ConfigMapList", &items)),
        Step::Binary(WATCH, events.concat()),
        list(20, "", &[object("a", 8)]),
    ]);
    let words = words(&mut reflector(&script, protobuf()), SOON).await;
    let expected =
        ["list:Initial", "items:2", "listed:7", "open", "~8", "-9", "=12", "list:Expired", "items:1"];
    assert_eq!(words[..9], expected);
    let seen = script.seen();
    assert_eq!(seen[0].accept, format!("{LIST}, {JSON}"));
    assert_eq!(seen[1].accept, format!("{WATCH}, {JSON}"));
    assert_eq!(seen[2].parameter("resourceVersion"), Some("12"));
}

#[tokio::test(start_paused = true)]
async fn objects_in_protobuf_are_what_they_are_in_json() {
    let items = json!({"metadata": {"resourceVersion": "7"}, "items": [object("a", 1)]});
    let script = Script::of([Step::Binary(LIST, message("ConfigMapList", &items))]);
    let mut reflector = reflector(&script, protobuf());
    reflector.next().await;
    let ReflectorEvent::ListItems(objects) = reflector.next().await else { panic!("items") };
    assert_eq!(
        (objects[0].key().to_string(), objects[0].uid().to_string()),
        ("default/a".into(), "uid-a".into())
    );
    let decoded = objects[0].decode::<ConfigMap>().unwrap();
    assert_eq!(decoded.data.as_ref().unwrap()["version"], "1");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_turns_a_form_down_is_asked_for_json_at_once_and_from_then_on() {
    for (code, reason) in [(406, "NotAcceptable"), (415, "UnsupportedMediaType")] {
        for metadata_only in [false, true] {
            let options = ReflectorOptions { metadata_only, ..protobuf() };
            let script = Script::of([status(code, reason), list(7, "", &[object("a", 1)]), stream().1]);
            words(&mut reflector(&script, options.clone()), SOON).await;
            let accepts: Vec<String> = script.seen().into_iter().map(|seen| seen.accept).collect();
            assert_eq!((script.trace().as_str(), accepts[1..].to_vec()), ("LLW", vec![JSON.to_owned(); 2]));
            // A watch alone, and a stream.
            let script = Script::of([list(7, "", &[]), status(code, reason), stream().1]);
            words(&mut reflector(&script, options.clone()), SOON).await;
            assert_eq!((script.trace().as_str(), &*script.seen()[2].accept), ("LWW", JSON));
            let script = Script::of([status(code, reason), stream().1]).with_streams();
            let options = ReflectorOptions { streaming_list: true, ..options };
            words(&mut reflector(&script, options), SOON).await;
            assert_eq!((script.trace().as_str(), &*script.seen()[1].accept), ("SS", JSON));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_protobuf_although_it_says_so_is_asked_for_as_json() {
    let script = Script::of([Step::Binary(LIST, b"k8s\0garbage".to_vec()), list(7, "", &[object("a", 1)])]);
    let words = words(&mut reflector(&script, protobuf()), Duration::from_secs(3)).await;
    assert_eq!(words.last().unwrap(), "listed:7");
    assert_eq!(script.seen()[1].accept, JSON);
}

#[tokio::test(start_paused = true)]
async fn metadata_alone_is_asked_for_where_no_more_is_kept() {
    let options = ReflectorOptions { metadata_only: true, ..protobuf() };
    let script = Script::of([list(7, "", &[object("a", 1)]), stream().1]);
    words(&mut reflector(&script, options), SOON).await;
    let form = |kind: &str| format!("{JSON};as={kind};g=meta.k8s.io;v=v1, {JSON}");
    let seen = script.seen();
    assert_eq!(seen[0].accept, form("PartialObjectMetadataList"));
    assert_eq!(seen[1].accept, form("PartialObjectMetadata"));
}

#[test]
fn protobuf_is_not_asked_for_where_the_type_is_not_built_in() {
    let widgets = pilothouse_machinery::ResourceType::namespaced("example.org", "v1", "widgets", "Widget");
    assert_eq!(super::wire::Wire::new(&widgets, &protobuf()).accept(false), JSON);
    assert_ne!(super::wire::Wire::new(&ConfigMap::resource_type(), &protobuf()).accept(false), JSON);
}
