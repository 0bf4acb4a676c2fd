//! Packing and unpacking.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::packer::{EARLY, WINDOW};
use super::*;
use crate::cache::object::body::{Body, Origin};
use crate::cache::object::{CachedObject, Encoding, Intake, IntakeMetrics, Residence};
use crate::object::Object;

/// Objects of one family share a long text without repetitions; what they have of their own is the number.
fn bytes(family: u64, number: usize) -> Vec<u8> {
    let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    let words = std::iter::successors(Some(family), next).skip(4).take(60);
    let text: Vec<String> = words.map(|word| format!("{:x}", word >> 32)).collect();
    let value = json!({"metadata": {"name": format!("n{number}"), "uid": format!("u{number}"),
        "resourceVersion": "7"}, "data": {"text": text.join(" "), "own": number.to_string()}});
    value.to_string().into_bytes()
}

fn compact(metrics: &IntakeMetrics) -> Intake {
    let intake = Intake::new(&ConfigMap::resource_type()).residence(Residence::Compact);
    intake.decoded_budget(None, metrics.clone())
}

fn take(intake: &mut Intake, bytes: &[u8]) -> Arc<CachedObject> {
    intake.take(bytes, Encoding::Json).unwrap()
}

fn same(object: &CachedObject, original: &[u8]) {
    let lazy = CachedObject::from_bytes(original, &ConfigMap::resource_type()).unwrap();
    assert!(object.json().unwrap() == lazy.json().unwrap(), "{object:?} is not what came in");
}

#[test]
fn the_first_objects_are_packed_again_once_there_is_a_dictionary() {
    let metrics = IntakeMetrics::default();
    let mut intake = compact(&metrics);
    let originals: Vec<_> = (0..EARLY + 10).map(|number| bytes(1, number)).collect();
    let mut objects: Vec<_> =
        originals.iter().take(EARLY - 1).map(|bytes| take(&mut intake, bytes)).collect();
    let before: usize = objects[0].size();
    assert_eq!(metrics.dictionaries.get(), 0);
    objects.extend(originals.iter().skip(EARLY - 1).map(|bytes| take(&mut intake, bytes)));
    assert_eq!(metrics.dictionaries.get(), 1);
    let after = objects[0].size();
    assert!(after * 3 < before, "{before} bytes without, {after} with a dictionary");
    assert!(objects.last().unwrap().size() < after * 2);
    objects.iter().zip(&originals).for_each(|(object, original)| same(object, original));
    assert!(objects[0].decode::<ConfigMap>().is_ok());
}

#[test]
fn what_objects_shrink_by_when_they_are_packed_again_is_known_as_long_as_they_live() {
    let metrics = IntakeMetrics::default();
    let mut intake = compact(&metrics);
    let mut objects: Vec<_> = (0..EARLY - 1).map(|number| take(&mut intake, &bytes(1, number))).collect();
    assert_eq!(metrics.repacked(), 0);
    objects.push(take(&mut intake, &bytes(1, EARLY)));
    while !objects.is_empty() {
        let sum =
            |size: fn(&CachedObject) -> usize| objects.iter().map(|object| size(object) as u64).sum::<u64>();
        let (now, first) = (sum(CachedObject::size), sum(CachedObject::first_size));
        assert!(now < first);
        assert_eq!(metrics.repacked(), first - now);
        objects.truncate(objects.len() / 2);
    }
    assert_eq!(metrics.repacked(), 0);
}

#[test]
fn another_kind_of_content_gets_its_own_dictionary_and_old_frames_keep_theirs() {
    let metrics = IntakeMetrics::default();
    let mut intake = compact(&metrics);
    let old: Vec<_> = (0..EARLY).map(|number| take(&mut intake, &bytes(1, number))).collect();
    let window = usize::try_from(WINDOW).unwrap();
    // The first window shows the drift, the second one is trained on.
    let drifted: Vec<_> = (0..2 * window).map(|number| take(&mut intake, &bytes(2, number))).collect();
    assert_eq!(metrics.dictionaries.get(), 2);
    let newest = take(&mut intake, &bytes(2, 1_000_000));
    assert!(newest.size() * 2 < drifted[0].size(), "{} after {}", newest.size(), drifted[0].size());
    same(&old[1], &bytes(1, 1));
    same(&drifted[5], &bytes(2, 5));
    same(&newest, &bytes(2, 1_000_000));
    (0..window + 10).for_each(|number| drop(take(&mut intake, &bytes(2, number))));
    assert_eq!(metrics.dictionaries.get(), 2, "what fits is not trained anew");
}

#[test]
fn what_does_not_compress_stays_as_it_is() {
    let object = take(&mut compact(&IntakeMetrics::default()), br#"{"metadata":{"name":"x"}}"#);
    let lazy =
        CachedObject::from_bytes(br#"{"metadata":{"name":"x"}}"#, &ConfigMap::resource_type()).unwrap();
    assert!(object.size() <= lazy.size());
    same(&object, br#"{"metadata":{"name":"x"}}"#);
}

#[test]
fn a_damaged_frame_is_an_error_that_names_the_object() {
    let resource = ConfigMap::resource_type();
    let original = bytes(1, 1);
    let Body::Late(_, packed) = Packer::new(IntakeMetrics::default()).pack(Encoding::Json, original.clone())
    else {
        panic!("an early object")
    };
    let whole = CachedObject::from_bytes(&original, &resource).unwrap();
    let frame = late_frame(&packed);
    for damaged in [&frame[..frame.len() / 2], b"", b"hunter2", &[frame.as_slice(), b"x"].concat()] {
        let frame = Frame { bytes: damaged.into(), dictionary: None };
        let object = whole.with_body(Body::Compact(Encoding::Json, frame));
        let error = object.decode::<ConfigMap>().unwrap_err();
        assert_eq!((error.reason(), &*error.key().name), ("DamagedObject", "n1"));
        assert!(object.json().is_err() && object.field("/kind").is_none());
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    let mut huge = frame;
    // The frame says that it holds 2^62 bytes.
    huge[4..].iter_mut().for_each(|byte| *byte = 0x3f);
    assert!(Frame { bytes: huge.into(), dictionary: None }.unpack().is_err());
}

fn late_frame(late: &Late) -> Vec<u8> {
    late.frame().unwrap()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_object_comes_out_of_compact_residence_as_it_went_in(
        contents in proptest::collection::vec(any_json(), 1..40), pretty in any::<bool>(),
    ) {
        let mut packer = Packer::new(IntakeMetrics::default());
        let origin = Origin::alone(&ConfigMap::resource_type());
        let text = |value: &Value| if pretty { format!("{value:#}") } else { value.to_string() };
        let originals: Vec<_> = contents.iter().map(|value| text(value).into_bytes()).collect();
        let mut bodies: Vec<_> =
            originals.iter().map(|bytes| packer.pack(Encoding::Json, bytes.clone())).collect();
        packer.train_first();
        bodies.extend(originals.iter().map(|bytes| packer.pack(Encoding::Json, bytes.clone())));
        for (body, original) in bodies.iter().zip(originals.iter().cycle()) {
            prop_assert_eq!(&*body.encoded(&origin).unwrap().bytes, original.as_slice());
            prop_assert!(body.size() <= original.len());
        }
    }
}
