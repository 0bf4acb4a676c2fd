//! Splitting protobuf bodies at every chunk size, against the whole-body reader.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::GroupVersionKind;
use crate::protobuf::wire::Writer;
use crate::protobuf::{self, MAGIC};

const SIZES: [usize; 12] = [1, 2, 3, 7, 13, 63, 64, 65, 127, 1000, 4096, usize::MAX];

fn field(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.bytes(tag, bytes);
    writer.into_bytes()
}

fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
    let type_meta = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
    [MAGIC.to_vec(), field(1, &type_meta), field(2, raw), field(3, b""), field(4, b"")].concat()
}

fn split(
    body: &[u8],
    size: usize,
    limits: FramingLimits,
) -> Result<(Vec<Bytes>, ListEnvelope), FramingError> {
    let (mut splitter, mut items) = (ProtobufListSplitter::new(limits), Vec::new());
    for chunk in body.chunks(size) {
        splitter.push(&Bytes::copy_from_slice(chunk), &mut items)?;
    }
    Ok((items, splitter.finish()?))
}

fn config_maps(names: &[String], data: &str) -> Value {
    let items: Vec<Value> = names
        .iter()
        .map(|name| json!({"metadata": {"name": name, "labels": {"a": "b"}}, "data": {"k": data}}))
        .collect();
    json!({"metadata": {"resourceVersion": "7", "continue": "token", "remainingItemCount": 12}, "items": items})
}

fn encoded(kind: &'static str, object: &Value) -> Bytes {
    protobuf::encode(&GroupVersionKind::new("", "v1", kind), object).unwrap()
}

/// The items of a split list, each read as an object of its own.
fn read(items: &[Bytes]) -> Vec<Value> {
    let read = |item: &Bytes| protobuf::decode(&body("ConfigMap", item)).unwrap().1;
    let without_kind = |mut object: Value| {
        let fields = object.as_object_mut().unwrap();
        fields.remove("kind");
        fields.remove("apiVersion");
        object
    };
    items.iter().map(read).map(without_kind).collect()
}

#[test]
fn lists_split_at_every_chunk_size_into_what_the_whole_body_holds() {
    for names in [vec![], vec!["one".to_owned()], (0..40).map(|each| format!("name-{each}")).collect()] {
        let body = encoded("ConfigMapList", &config_maps(&names, &"x".repeat(names.len() * 20)));
        let (_, whole) = protobuf::decode(&body).unwrap();
        for size in SIZES {
            let (items, envelope) = split(&body, size, FramingLimits::default()).unwrap();
            assert_eq!(&read(&items), whole["items"].as_array().unwrap_or(&Vec::new()), "chunks of {size}");
            assert_eq!(envelope.kind.as_deref(), Some("ConfigMapList"));
            assert_eq!(envelope.api_version.as_deref(), Some("v1"));
            let expected = ListMetadata {
                resource_version: Some("7".into()),
                continue_token: Some("token".into()),
                remaining_item_count: Some(12),
            };
            assert_eq!(envelope.metadata, expected);
        }
    }
}

#[test]
fn items_are_slices_of_the_chunk_they_lie_in() {
    let body = encoded("ConfigMapList", &config_maps(&["a".into(), "b".into()], "v"));
    let (mut splitter, mut items) = (ProtobufListSplitter::new(FramingLimits::default()), Vec::new());
    splitter.push(&body, &mut items).unwrap();
    assert_eq!(items.len(), 2);
    for item in items {
        assert!(body.as_ptr_range().contains(&item.as_ptr()));
    }
}

#[test]
fn metadata_may_follow_the_items_and_unknown_fields_are_skipped() {
    let mut extra = Writer::default();
    extra.varint(9, 300);
    extra.double(10, 1.5);
    extra.bytes(11, b"xyz");
    let extra = extra.into_bytes();
    let metadata = field(2, b"8");
    let raw = [field(2, b""), extra.clone(), field(2, b"\x0a\x00"), field(1, &metadata)].concat();
    let type_meta = [field(1, b"v1"), field(2, b"PodList")].concat();
    let body = [MAGIC.to_vec(), extra, field(2, &raw), field(1, &type_meta)].concat();
    for size in SIZES {
        let (items, envelope) = split(&body, size, FramingLimits::default()).unwrap();
        assert_eq!(items, [&b""[..], b"\x0a\x00"], "chunks of {size}");
        assert_eq!(envelope.metadata.resource_version.as_deref(), Some("8"));
    }
}

#[test]
fn j5_a_protobuf_list_cut_short_anywhere_is_an_error_or_whole() {
    let body = encoded("ConfigMapList", &config_maps(&["a".into(), "b".into()], "v"));
    // Two empty fields follow the list, of two bytes each; without them all of the list is there.
    let whole = [body.len() - 4, body.len() - 2, body.len()];
    for end in 0..=body.len() {
        for size in [1, 5, usize::MAX] {
            let outcome = split(&body[..end], size, FramingLimits::default());
            if whole.contains(&end) {
                assert_eq!(outcome.unwrap().0.len(), 2);
            } else {
                assert!(matches!(outcome, Err(FramingError::Truncated)), "cut at {end}");
            }
        }
    }
}

#[test]
fn j5_a_protobuf_body_of_another_kind_is_no_list() {
    for (kind, raw) in [("Status", field(2, b"Failure")), ("Pod", field(1, b"")), ("", Vec::new())] {
        for size in [1, usize::MAX] {
            let error = split(&body(kind, &raw), size, FramingLimits::default()).unwrap_err();
            assert!(matches!(&error, FramingError::NotAList { kind: found } if found == kind), "{error:?}");
        }
    }
    let late = [MAGIC.to_vec(), field(2, &field(2, b"x")), field(1, &field(2, b"Status"))].concat();
    assert_eq!(split(&late, 3, FramingLimits::default()).unwrap_err().reason(), "NotAList");
}

#[test]
fn z4_protobuf_lists_with_hostile_lengths_are_refused_by_name() {
    let limits = FramingLimits { object: 16, envelope: 64 };
    let reason = |body: &[u8]| {
        let reasons = [1, 5, usize::MAX].map(|size| split(body, size, limits).unwrap_err().reason());
        assert!(reasons.iter().all(|reason| *reason == reasons[0]), "{reasons:?}");
        reasons[0]
    };
    let list = |raw: &[u8]| body("PodList", raw);
    assert_eq!(reason(&list(&field(2, &[0; 17]))), "TooLarge");
    assert_eq!(reason(&list(&field(1, &[0; 100]))), "TooLarge");
    assert_eq!(reason(&list(&field(7, &[0; 100]))), "TooLarge");
    assert_eq!(reason(&list(&field(7, &[0; 10]).repeat(9))), "TooLarge");
    // An item that claims to be longer than the list, and than the memory of any machine.
    let endless = [&[0x12][..], &[0xff; 9], &[0x01]].concat();
    assert_eq!(reason(&list(&endless)), "UnexpectedByte");
    assert_eq!(reason(&list(&[0x12, 10, 0])), "UnexpectedByte");
    assert_eq!(reason(&list(&[0x80, 0x80])), "UnexpectedByte");
    assert_eq!(reason(&list(&[0xff; 12])), "InvalidEnvelope");
    assert_eq!(reason(&list(&[0x13])), "UnexpectedByte");
    assert_eq!(reason(&list(&[0x10, 1])), "UnexpectedByte");
    assert_eq!(reason(&list(&[0x00, 1])), "InvalidEnvelope");
    assert_eq!(reason(&list(&field(1, &field(2, b"\xff")))), "InvalidEnvelope");
    assert_eq!(reason(b"{\"kind\":\"PodList\",\"items\":[]}"), "UnexpectedByte");
    assert_eq!(reason(&[list(b""), field(2, b"")].concat()), "UnexpectedByte");
    assert_eq!(reason(&[list(b""), field(3, b"gzip")].concat()), "UnexpectedByte");
}

#[test]
fn z4_a_hostile_length_costs_no_memory_before_its_bytes_come() {
    let limits = FramingLimits { object: usize::MAX, envelope: 1 << 20 };
    // More than any address space has: memory set aside for it would end the process.
    let item = [&[0x12][..], &[0x80; 8], &[0x40]].concat();
    let raw_length = [&[0x12][..], &[0x80; 8], &[0x41]].concat();
    let body = [MAGIC.to_vec(), raw_length, item, vec![7; 10]].concat();
    let outcome = split(&body, 4, limits);
    assert!(matches!(outcome, Err(FramingError::Truncated)), "{outcome:?}");
}

/// A watch frame: its length and its event.
fn frame(event_type: &str, object: &[u8]) -> Vec<u8> {
    let event = [field(1, event_type.as_bytes()), field(2, &field(1, object))].concat();
    [&u32::try_from(event.len()).unwrap().to_be_bytes()[..], &event].concat()
}

fn watch(body: &[u8], size: usize, limits: FramingLimits) -> Result<Vec<ProtobufWatchFrame>, FramingError> {
    let (mut splitter, mut frames) = (ProtobufWatchSplitter::new(limits), Vec::new());
    for chunk in body.chunks(size) {
        splitter.push(Bytes::copy_from_slice(chunk), &mut frames)?;
    }
    frames.extend(splitter.finish()?);
    Ok(frames)
}

#[test]
fn protobuf_watches_split_at_every_chunk_size() {
    let stream = [
        frame("ADDED", &body("Pod", b"\x0a\x03\x0a\x01a")),
        frame("BOOKMARK", &body("Pod", b"\x0a\x00")),
        frame("NEW", &body("ConfigMap", b"")),
        frame("ERROR", &body("Status", b"\x30\x9a\x03")),
    ]
    .concat();
    for size in SIZES {
        let frames = watch(&stream, size, FramingLimits::default()).unwrap();
        let frames: Vec<_> =
            frames.iter().map(|each| (each.event_type.as_str(), &*each.kind, &each.object[..])).collect();
        let expected: [(&str, &str, &[u8]); 4] = [
            ("ADDED", "Pod", b"\x0a\x03\x0a\x01a"),
            ("BOOKMARK", "Pod", b"\x0a\x00"),
            ("NEW", "ConfigMap", b""),
            ("ERROR", "Status", b"\x30\x9a\x03"),
        ];
        assert_eq!(frames, expected, "chunks of {size}");
    }
}

#[test]
fn a_watch_frame_names_the_kind_of_its_object() {
    let frames = watch(&frame("ADDED", &body("Pod", b"")), 3, FramingLimits::default()).unwrap();
    assert_eq!((&*frames[0].api_version, &*frames[0].kind), ("v1", "Pod"));
    assert_eq!(frames[0].event_type, WatchEventType::Added);
}

#[test]
fn n4_a_protobuf_status_without_a_stream_around_it_is_an_error_event() {
    for size in SIZES {
        let frames = watch(&body("Status", b"\x30\x9a\x03"), size, FramingLimits::default()).unwrap();
        assert_eq!(frames.len(), 1);
        assert_eq!((&frames[0].event_type, &*frames[0].kind), (&WatchEventType::Error, "Status"));
        assert_eq!(&frames[0].object[..], b"\x30\x9a\x03");
        let error = watch(&body("Pod", b""), size, FramingLimits::default()).unwrap_err();
        assert_eq!(error.reason(), "UnexpectedByte");
    }
}

#[test]
fn z4_watch_frames_that_are_cut_too_long_or_no_events_are_refused() {
    let limits = FramingLimits { object: 48, envelope: 0 };
    let reason = |body: &[u8]| {
        let reasons = [1, 5, usize::MAX].map(|size| watch(body, size, limits).unwrap_err().reason());
        assert!(reasons.iter().all(|reason| *reason == reasons[0]), "{reasons:?}");
        reasons[0]
    };
    let whole = frame("ADDED", &body("Pod", b""));
    for end in 1..whole.len() {
        assert_eq!(reason(&whole[..end]), "Truncated", "cut at {end}");
    }
    assert_eq!(reason(&[0xff; 5]), "TooLarge");
    assert_eq!(reason(&[0, 0, 0, 49]), "TooLarge");
    assert_eq!(reason(&body("Status", &[0; 64])), "TooLarge");
    assert_eq!(reason(&[0, 0, 0, 0]), "UnexpectedByte");
    assert_eq!(reason(&frame("ADDED", b"{}")), "UnexpectedByte");
    assert_eq!(reason(&[0, 0, 0, 2, 0x0a, 0x05]), "InvalidEnvelope");
    assert_eq!(reason(&frame("\u{7f}", &[body("P", b""), field(3, b"gzip")].concat())), "UnexpectedByte");
}

proptest! {
    #[test]
    fn any_protobuf_list_splits_into_what_the_whole_body_holds(
        names in proptest::collection::vec("[a-z]{0,30}", 0..6), data in ".{0,300}", size in 1_usize..200,
    ) {
        let body = encoded("ConfigMapList", &config_maps(&names, &data));
        let (_, whole) = protobuf::decode(&body).unwrap();
        let (items, _) = split(&body, size, FramingLimits::default()).unwrap();
        let expected = whole["items"].as_array().cloned().unwrap_or_default();
        prop_assert_eq!(read(&items), expected);
    }

    #[test]
    fn any_protobuf_watch_splits_like_its_frames(
        objects in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6), size in 1_usize..200,
    ) {
        let stream: Vec<u8> = objects.iter().flat_map(|object| frame("MODIFIED", &body("Pod", object))).collect();
        let frames = watch(&stream, size, FramingLimits::default()).unwrap();
        let found: Vec<_> = frames.iter().map(|frame| frame.object.to_vec()).collect();
        prop_assert_eq!(found, objects);
    }

    #[test]
    fn no_input_makes_a_protobuf_splitter_panic_and_chunks_do_not_matter(
        raw in proptest::collection::vec(any::<u8>(), 0..60), size in 1_usize..9,
    ) {
        for bytes in [raw.clone(), body("PodList", &raw), frame("ADDED", &raw)] {
            let limits = FramingLimits { object: 20, envelope: 40 };
            let whole = split(&bytes, usize::MAX, limits).map_err(|error| error.reason());
            prop_assert_eq!(split(&bytes, size, limits).map_err(|error| error.reason()), whole);
            let _ = watch(&bytes, size, limits);
        }
    }
}
