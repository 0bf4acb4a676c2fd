//! Strategic merge patches against what a real server does with them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::GroupVersionKind;
use crate::schema::{MessageType, Schema};

fn kind(group: &'static str, kind: &'static str) -> &'static MessageType {
    Schema::builtin().kind(&GroupVersionKind::new(group, "v1", kind)).unwrap()
}

/// The spec of a pod after the patch of its spec.
fn patched_spec(spec: Value, patch: Value) -> Result<Value, PatchError> {
    let mut object = Value::from_iter([("spec", spec)]);
    let before = object.clone();
    strategic_merge(&mut object, &Value::from_iter([("spec", patch)]), kind("", "Pod"))
        .inspect_err(|_| assert_eq!(object, before))
        .map(|()| object["spec"].clone())
}

/// The metadata of a pod after the patch of its metadata.
fn patched_metadata(metadata: &Value, patch: &Value) -> Result<Value, PatchError> {
    let mut object = json!({"metadata": metadata});
    strategic_merge(&mut object, &json!({"metadata": patch}), kind("", "Pod"))?;
    Ok(object["metadata"].clone())
}

fn names(spec: &Value) -> Vec<&str> {
    spec["containers"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn lists_of_structs_merge_by_key_and_new_items_come_first() {
    let spec = json!({"containers": [{"name": "c", "image": "img:1"}]});
    let spec = patched_spec(spec, json!({"containers": [{"name": "c2", "image": "y"}]})).unwrap();
    assert_eq!(names(&spec), ["c2", "c"]);
    let patch = |name, value| json!({"containers": [{"name": "c", "env": [{"name": name, "value": value}]}]});
    let spec = patched_spec(spec, patch("A", "1")).unwrap();
    let spec = patched_spec(spec, patch("B", "2")).unwrap();
    assert_eq!(
        spec["containers"],
        json!([{"name": "c2", "image": "y"},
               {"name": "c", "image": "img:1", "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}])
    );
    let order = json!({"$setElementOrder/containers": [{"name": "c"}, {"name": "c2"}],
                       "containers": [{"name": "c", "image": "img:9"}]});
    let spec = patched_spec(spec, order).unwrap();
    assert_eq!(names(&spec), ["c", "c2"]);
    assert_eq!(spec["containers"][0]["image"], "img:9");
    let spec = patched_spec(spec, json!({"containers": [{"name": "c2", "$patch": "delete"}]})).unwrap();
    assert_eq!(names(&spec), ["c"]);
    let replace = json!({"containers": [{"$patch": "replace"}, {"name": "only", "image": "z"}]});
    assert_eq!(patched_spec(spec, replace).unwrap(), json!({"containers": [{"name": "only", "image": "z"}]}));
}

#[test]
fn service_ports_merge_by_number() {
    let mut service = json!({"spec": {"ports": [{"name": "a", "port": 80, "protocol": "TCP"}]}});
    for (patch, expected) in [
        (
            json!([{"port": 81, "name": "b"}]),
            json!([{"name": "b", "port": 81}, {"name": "a", "port": 80, "protocol": "TCP"}]),
        ),
        (
            json!([{"port": 80, "targetPort": "http"}]),
            json!([{"name": "b", "port": 81}, {"name": "a", "port": 80, "protocol": "TCP", "targetPort": "http"}]),
        ),
        (
            json!([{"port": 81, "$patch": "delete"}]),
            json!([{"name": "a", "port": 80, "protocol": "TCP", "targetPort": "http"}]),
        ),
    ] {
        strategic_merge(&mut service, &json!({"spec": {"ports": patch}}), kind("", "Service")).unwrap();
        assert_eq!(service["spec"]["ports"], expected);
    }
}

#[test]
fn order_keeps_items_that_only_the_server_has_in_their_places() {
    let list = |names: &[&str]| -> Vec<Value> { names.iter().map(|name| json!({"name": name})).collect() };
    let spec = json!({"containers": list(&["a", "injected", "b", "c"])});
    let patch =
        json!({"$setElementOrder/containers": list(&["c", "a", "new"]), "containers": list(&["new"])});
    let spec = patched_spec(spec, patch).unwrap();
    assert_eq!(names(&spec), ["injected", "b", "c", "a", "new"]);
    let only_order = json!({"$setElementOrder/containers": list(&["new", "b"])});
    assert_eq!(names(&patched_spec(spec, only_order).unwrap()), ["injected", "c", "a", "new", "b"]);
}

#[test]
fn lists_of_scalars_merge_as_sets_and_shrink_by_directive() {
    let metadata =
        patched_metadata(&json!({"finalizers": ["a", "b"]}), &json!({"finalizers": ["c", "b"]})).unwrap();
    assert_eq!(metadata["finalizers"], json!(["c", "a", "b"]));
    let patch = json!({"$deleteFromPrimitiveList/finalizers": ["a", "none"], "finalizers": ["d"]});
    assert_eq!(patched_metadata(&metadata, &patch).unwrap()["finalizers"], json!(["d", "c", "b"]));
    let patch = json!({"$deleteFromPrimitiveList/finalizers": ["a"],
                       "$setElementOrder/finalizers": ["b", "c"]});
    assert_eq!(patched_metadata(&metadata, &patch).unwrap()["finalizers"], json!(["b", "c"]));
}

#[test]
fn lists_without_a_strategy_are_replaced() {
    let spec = json!({"containers": [{"name": "c", "command": ["a", "b"]}], "tolerations": [{"key": "x"}]});
    let patch = json!({"containers": [{"name": "c", "command": ["z"]}], "tolerations": [{"key": "y"}]});
    assert_eq!(
        patched_spec(spec, patch).unwrap(),
        json!({"containers": [{"name": "c", "command": ["z"]}], "tolerations": [{"key": "y"}]})
    );
}

#[test]
fn objects_replace_empty_or_retain_keys_by_directive() {
    let metadata = json!({"labels": {"a": "1", "b": "2"}});
    let replace = json!({"labels": {"$patch": "replace", "c": "3"}});
    assert_eq!(patched_metadata(&metadata, &replace).unwrap(), json!({"labels": {"c": "3"}}));
    let delete = json!({"labels": {"$patch": "delete"}});
    assert_eq!(patched_metadata(&metadata, &delete).unwrap(), json!({"labels": {}}));
    let spec = json!({"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}, {"name": "w"}]});
    let retain =
        json!({"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]});
    assert_eq!(
        patched_spec(spec, retain).unwrap()["volumes"],
        json!([{"name": "v", "hostPath": {"path": "/x"}}, {"name": "w"}])
    );
}

#[test]
fn a_selector_whose_type_says_so_is_replaced_whole() {
    let mut budget = json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}});
    let patch = json!({"spec": {"selector": {"matchLabels": {"c": "d"}}}});
    strategic_merge(&mut budget, &patch, kind("policy", "PodDisruptionBudget")).unwrap();
    assert_eq!(budget, json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"c": "d"}}}}));
}

#[test]
fn what_is_added_carries_no_directives_and_no_nulls() {
    let patch = json!({"containers": [{"name": "c", "env": null, "$setElementOrder/ports": [], "ports": [
        {"containerPort": 1}, {"containerPort": 2, "$patch": "delete"}]}], "affinity": {"$patch": "delete"}});
    assert_eq!(
        patched_spec(json!({}), patch).unwrap(),
        json!({"containers": [{"name": "c", "ports": [{"containerPort": 1}]}]})
    );
}

#[test]
fn malformed_directives_are_named_with_their_place() {
    let spec = json!({"containers": [{"name": "c"}], "volumes": [{"name": "v", "emptyDir": {}}]});
    for (patch, path, code) in [
        (json!({"containers": [{"name": "c", "$patch": "melt"}]}), "spec.containers", 400),
        (json!({"$patch": "merge"}), "spec", 400),
        (json!({"containers": [{"image": "no key"}]}), "spec.containers", 422),
        (json!({"containers": [{"$patch": "delete"}]}), "spec.containers", 422),
        (json!({"containers": ["text"]}), "spec.containers", 422),
        (json!({"$setElementOrder/containers": {}}), "spec.containers", 400),
        (
            json!({"$setElementOrder/containers": [{"name": "x"}], "containers": [{"name": "y"}]}),
            "spec.containers",
            400,
        ),
        (json!({"$setElementOrder/nothing": ["x"]}), "spec.nothing", 422),
        (json!({"$deleteFromPrimitiveList/containers": [{}]}), "spec.containers", 400),
        (json!({"$retainKeys": "x"}), "spec", 400),
        (json!({"$retainKeys": ["volumes"], "hostNetwork": true}), "spec", 400),
    ] {
        let error = patched_spec(spec.clone(), patch.clone()).unwrap_err();
        assert_eq!(error.status().code, code, "{patch}");
        let PatchError::Strategic { path: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, path, "{patch}");
    }
    assert_eq!(strategic_merge(&mut json!({}), &json!([]), kind("", "Pod")).unwrap_err().status().code, 400);
}

#[test]
fn outcomes_are_those_of_the_go_library() {
    let fixtures = include_str!("../../data/strategic.txt");
    let lines: Vec<Value> = fixtures
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 180);
    for case in lines.chunks(3) {
        let mut object = case[0].clone();
        strategic_merge(&mut object, &case[1], kind("", "Pod")).unwrap();
        assert_eq!(object, case[2], "{} patched by {}", case[0], case[1]);
    }
}

#[test]
fn many_deletions_from_a_long_list_leave_the_others_in_place() {
    let item = |number: usize| json!({"name": format!("c{number}")});
    let containers: Vec<Value> = (0..30_000).map(item).collect();
    let gone = (0..30_000).filter(|number| number % 10_000 != 0);
    let gone: Vec<Value> =
        gone.map(|number| json!({"name": format!("c{number}"), "$patch": "delete"})).collect();
    let spec = patched_spec(json!({"containers": containers}), json!({"containers": gone})).unwrap();
    assert_eq!(names(&spec), ["c0", "c10000", "c20000"]);
}

proptest! {
    #[test]
    fn a_merged_list_has_each_name_once_the_wanted_ones_in_order(
        server in proptest::sample::subsequence(vec!["a", "b", "c", "d", "e", "f"], 0..6).prop_shuffle(),
        wanted in proptest::sample::subsequence(vec!["c", "d", "e", "f", "g", "h"], 1..6).prop_shuffle(),
    ) {
        let list = |names: &[&str]| -> Vec<Value> { names.iter().map(|name| json!({"name": name})).collect() };
        let patch = json!({"containers": list(&wanted)});
        let spec = patched_spec(json!({"containers": list(&server)}), patch.clone()).unwrap();
        let merged = names(&spec);
        let kept: Vec<_> = merged.iter().copied().filter(|name| wanted.contains(name)).collect();
        prop_assert_eq!(kept, wanted.clone());
        let others: Vec<_> = merged.iter().copied().filter(|name| !wanted.contains(name)).collect();
        let expected: Vec<_> = server.iter().copied().filter(|name| !wanted.contains(name)).collect();
        prop_assert_eq!(others, expected);
        prop_assert_eq!(patched_spec(spec.clone(), patch).unwrap(), spec);
    }
}
