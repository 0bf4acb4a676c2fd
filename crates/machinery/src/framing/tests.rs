//! Splitting at every chunk size, against a parser.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SIZES: [usize; 13] = [1, 2, 3, 7, 13, 63, 64, 65, 127, 1000, 4096, 65_536, usize::MAX];

fn split(
    body: &[u8],
    size: usize,
    limits: FramingLimits,
) -> Result<(Vec<Bytes>, ListEnvelope), FramingError> {
    let (mut splitter, mut items) = (ListSplitter::new(limits), Vec::new());
    for chunk in body.chunks(size) {
        splitter.push(&Bytes::copy_from_slice(chunk), &mut items)?;
    }
    Ok((items, splitter.finish()?))
}

fn assert_splits_like_a_parser(body: &str) {
    let whole: Value = serde_json::from_str(body).unwrap();
    let expected: Vec<Value> = whole["items"].as_array().cloned().unwrap_or_default();
    for size in SIZES {
        let (items, envelope) = split(body.as_bytes(), size, FramingLimits::default()).unwrap();
        let items: Vec<Value> = items.iter().map(|item| serde_json::from_slice(item).unwrap()).collect();
        assert_eq!(items, expected, "chunks of {size}: {body}");
        assert_eq!(envelope.kind.as_deref(), whole["kind"].as_str());
        assert_eq!(
            envelope.metadata.resource_version.as_deref(),
            whole["metadata"]["resourceVersion"].as_str()
        );
        assert_eq!(envelope.metadata.continue_token.as_deref(), whole["metadata"]["continue"].as_str());
    }
}

#[test]
fn lists_split_at_every_chunk_size_whatever_strings_hold() {
    for body in [
        r#"{"kind":"JobList","metadata":{"resourceVersion":"7","continue":"t"},"items":[{"a":"}]"},{"b":[{}]}]}"#,
        r#"{"items":[{"a":1}],"metadata":{"resourceVersion":"8"},"kind":"L"}"#,
        r#"{"items":null,"metadata":{"resourceVersion":"9"}}"#,
        "{ \"metadata\" : { \"items\" : [ { \"x\" : 1 } ] , \"resourceVersion\" : \"1\" } ,\n \"items\" : [ ] }\n",
        r#"{"x":"\"items\":[{}","items":[{"k\"items\":[":"\\\"{"},{"u":"\u007d\\"}],"y":{"items":[1]}}"#,
        r#"{"\u0069tems":[{"escaped":"key"}],"z":"items"}"#,
        r#"{"items":[{"text":"é😀{[","n":-1.5e3}],"a":[[],[{}]],"b":"]}"}"#,
    ] {
        assert_splits_like_a_parser(body);
    }
    for backslashes in 0..70 {
        let text = "\\".repeat(2 * backslashes);
        assert_splits_like_a_parser(&format!(r#"{{"items":[{{"a":"{text}"}},{{"b":"{text}\""}}]}}"#));
    }
}

#[test]
fn j5_a_list_cut_short_anywhere_is_an_error_and_never_a_short_list() {
    let body = br#"{"metadata":{"resourceVersion":"7"},"items":[{"a":1},{"b":2}]}"#;
    for end in 0..body.len() {
        let outcome = split(&body[..end], 5, FramingLimits::default());
        assert!(matches!(outcome, Err(FramingError::Truncated)), "cut at {end}");
    }
    assert_eq!(split(body, 5, FramingLimits::default()).unwrap().0.len(), 2);
}

#[test]
fn j5_a_body_without_items_is_no_list_however_well_formed() {
    for body in [r#"{"kind":"Status","code":401}"#, r#"{"rows":[],"x":{"items":[]}}"#, "{}"] {
        let error = split(body.as_bytes(), 5, FramingLimits::default()).unwrap_err();
        assert_eq!(error.reason(), "NotAList", "{body}");
    }
}

#[test]
fn z4_bodies_that_are_no_lists_or_too_large_are_refused_by_name() {
    let limits = FramingLimits { object: 16, envelope: 32 };
    let reason = |body: &str| split(body.as_bytes(), 3, limits).unwrap_err().reason();
    assert_eq!(reason(r#"{"items":[{"a":"0123456789abcdef"}]}"#), "TooLarge");
    assert_eq!(reason(r#"{"metadata":{"continue":"0123456789abcdef0123456789"}}"#), "TooLarge");
    for body in ["[]", "x", r#"{"items":7}"#, r#"{"items":[7]}"#, r#"{"items":[{},]}"#, r#"{"items":[{}{}]}"#]
    {
        assert_eq!(reason(body), "UnexpectedByte", "{body}");
    }
    assert_eq!(reason(r#"{"items":[],"items":[]}"#), "UnexpectedByte");
    assert_eq!(reason(r#"{"items":[]} {}"#), "UnexpectedByte");
    assert_eq!(reason(r#"{"items":[],]"#), "InvalidEnvelope");
}

fn watch(body: &[u8], size: usize, limits: FramingLimits) -> Result<Vec<WatchFrame>, FramingError> {
    let (mut splitter, mut frames) = (WatchSplitter::new(limits), Vec::new());
    for chunk in body.chunks(size) {
        splitter.push(Bytes::copy_from_slice(chunk), &mut frames)?;
    }
    frames.extend(splitter.finish()?);
    Ok(frames)
}

#[test]
fn watches_split_at_every_chunk_size() {
    let body = "{\"type\":\"ADDED\",\"object\":{\"a\":\"\\n{\"}}\n\n\
                {\"object\":{\"b\":[1]},\"type\":\"NEW\",\"extra\":1}\r\n {\"type\":\"DELETED\",\"object\":{}}";
    for size in SIZES {
        let frames = watch(body.as_bytes(), size, FramingLimits::default()).unwrap();
        let frames: Vec<_> = frames.iter().map(|f| (f.event_type.as_str(), &f.object[..])).collect();
        let expected: [(&str, &[u8]); 3] =
            [("ADDED", br#"{"a":"\n{"}"#), ("NEW", br#"{"b":[1]}"#), ("DELETED", b"{}")];
        assert_eq!(frames, expected, "chunks of {size}");
    }
}

#[test]
fn n4_a_status_without_an_event_around_it_is_an_error_event() {
    let frames = watch(b"{\"kind\":\"Status\",\"code\":410}\n", 9, FramingLimits::default()).unwrap();
    assert_eq!(frames[0].event_type, WatchEventType::Error);
    assert_eq!(&frames[0].object[..], b"{\"kind\":\"Status\",\"code\":410}");
}

#[test]
fn r17_an_object_that_is_no_json_does_not_end_the_watch() {
    let body = "{\"type\":\"ADDED\",\"object\":{\"a\":[}}}\n{\"type\":\"MODIFIED\",\"object\":{\"b\":2}}\n";
    for size in SIZES {
        let frames = watch(body.as_bytes(), size, FramingLimits::default()).unwrap();
        let objects: Vec<&[u8]> = frames.iter().map(|frame| &frame.object[..]).collect();
        assert_eq!(objects, [&b"{\"a\":[}}"[..], b"{\"b\":2}"]);
    }
    let more = "{\"type\":\"ADDED\",\"object\":{\"a\":1},\"more\":[]}\n";
    let frames = watch(more.as_bytes(), usize::MAX, FramingLimits::default()).unwrap();
    assert_eq!(&frames[0].object[..], b"{\"a\":1}");
    let reason = |body: &str| watch(body.as_bytes(), 7, FramingLimits::default()).unwrap_err().reason();
    assert_eq!(reason("{\"type\":\"ADDED\",\"object\":{\"a\":1}]}\n"), "InvalidEnvelope");
    assert_eq!(reason("{\"type\":\"ADDED\",\"object\":{\"a\":{}}"), "Truncated", "half a line is no object");
}

#[test]
fn z4_watch_lines_that_are_cut_too_long_or_no_events_are_refused() {
    let limits = FramingLimits { object: 32, envelope: 0 };
    let reason = |body: &[u8]| watch(body, 5, limits).unwrap_err().reason();
    assert_eq!(reason(b"{\"type\":\"ADDED\",\"object\":{"), "Truncated");
    assert_eq!(reason(&[b'x'; 40]), "TooLarge");
    assert_eq!(reason(b"{\"type\":\"ADDED\"}\n"), "UnexpectedByte");
    assert_eq!(reason(b"{\"type\":\"A\",\"object\":{}\xff}\n"), "InvalidEncoding");
    assert_eq!(reason(b"nonsense\n"), "InvalidEnvelope");
    let one_chunk = [&b"{\"type\":\"ADDED\",\"object\":{\"a\":\"01234567890123456789\"}}\n"[..]].concat();
    assert_eq!(watch(&one_chunk, usize::MAX, limits).unwrap_err().reason(), "TooLarge");
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = r#"items|[a-z"\\{}\[\]:, \n\u{e9}]{0,12}"#;
    let leaf = prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), text.prop_map(Value::from)];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(text, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_list_splits_like_a_parser(
        values in proptest::collection::vec(any_value(), 0..5), before in any_value(), after in any_value(),
        pretty in any::<bool>(), size in 1_usize..100,
    ) {
        let items: Vec<Value> = values.iter().map(|value| json!({"items": value, "n": "}"})).collect();
        let list = json!({"aItems": before, "items": items, "zItems": after, "kind": "L"});
        let body = if pretty { format!("{list:#}") } else { list.to_string() };
        let (split, envelope) = split(body.as_bytes(), size, FramingLimits::default()).unwrap();
        let split: Vec<Value> = split.iter().map(|item| serde_json::from_slice(item).unwrap()).collect();
        prop_assert_eq!(split, items);
        prop_assert_eq!(envelope.kind.as_deref(), Some("L"));
    }

    #[test]
    fn any_watch_splits_like_a_parser(
        values in proptest::collection::vec(any_value(), 0..6), size in 1_usize..100,
    ) {
        let values: Vec<Value> = values.into_iter().map(|value| json!({"v": value})).collect();
        let lines: Vec<String> =
            values.iter().map(|value| json!({"type": "T", "object": value}).to_string()).collect();
        let lines = lines.join("
");
        let frames = watch(lines.as_bytes(), size, FramingLimits::default()).unwrap();
        let split: Vec<Value> = frames.iter().map(|frame| serde_json::from_slice(&frame.object).unwrap()).collect();
        prop_assert_eq!(split, values);
    }

    #[test]
    fn no_input_makes_a_splitter_panic(body in proptest::collection::vec(any::<u8>(), 0..200), size in 1_usize..9) {
        let _ = split(&body, size, FramingLimits::default());
        let _ = watch(&body, size, FramingLimits::default());
    }
}
