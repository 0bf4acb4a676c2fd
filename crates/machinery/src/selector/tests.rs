//! Selectors: matching, words of errors, printing and reading back.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn selects(selector: &str, pairs: &[(&str, &str)]) -> bool {
    let labels = labels(pairs);
    LabelSelector::parse(selector).unwrap().matches(|key| labels.get(key).map(String::as_str))
}

#[test]
fn label_selectors_match_as_a_real_server_does() {
    let (a, b, c) = ([("x", "1"), ("e", "p")], [("x", "2"), ("e", "q")], [("other", "1")]);
    for (selector, expected) in [
        ("x=1", [true, false, false]),
        ("x==2", [false, true, false]),
        ("x!=1", [false, true, true]),
        ("x", [true, true, false]),
        ("!x", [false, false, true]),
        ("x in (1,2)", [true, true, false]),
        ("x notin (1)", [false, true, true]),
        ("x,e=p", [true, false, false]),
        ("x in (1),e notin (q)", [true, false, false]),
        ("x>1", [false, true, false]),
        ("x<2", [true, false, false]),
        ("", [true, true, true]),
        ("in in (in)", [false, false, false]),
    ] {
        let found = [selects(selector, &a), selects(selector, &b), selects(selector, &c)];
        assert_eq!(found, expected, "{selector:?}");
    }
}

#[test]
fn label_selector_errors_use_the_words_of_a_real_server() {
    for (selector, message) in [
        ("x in 1", "unable to parse requirement: found '1' expected: '('"),
        ("x y", "unable to parse requirement: found 'y', expected: in, notin, =, ==, !=, gt, lt"),
        ("x=1,", "found '', expected: identifier after ','"),
        ("=1", "found '=', expected: !, identifier, or 'end of string'"),
        ("!=1", "found '!=', expected: !, identifier, or 'end of string'"),
        ("x=1 y", "found 'y', expected: ',' or 'end of string'"),
        (
            "x>a",
            "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value \
             must be an integer",
        ),
    ] {
        assert_eq!(LabelSelector::parse(selector).unwrap_err().to_string(), message, "{selector:?}");
    }
    let error = LabelSelector::parse("x=-a").unwrap_err().to_string();
    assert!(
        error.starts_with("unable to parse requirement: values[0][x]: Invalid value: \"-a\": "),
        "{error}"
    );
}

#[test]
fn the_json_form_requires_all_labels_and_expressions() {
    let selector = LabelSelector::from_json(&json!({
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "NotIn", "values": ["b", "a"]},
            {"key": "gone", "operator": "DoesNotExist"},
        ]
    }))
    .unwrap();
    assert_eq!(selector.to_string(), "app in (web),!gone,tier notin (a,b)");
    assert!(LabelSelector::from_json(&json!({})).unwrap().is_everything());
    let unknown = json!({"matchExpressions": [{"key": "a", "operator": "Near"}]});
    assert!(LabelSelector::from_json(&unknown).is_err());
}

#[test]
fn field_selectors_read_escapes_and_refuse_what_they_cannot_read() {
    let selector = FieldSelector::parse(r"metadata.name=a,spec.nodeName!=b,,x==1\,2\=3").unwrap();
    assert_eq!(selector.required("metadata.name"), Some("a"));
    assert_eq!(selector.required("spec.nodeName"), None);
    assert_eq!(selector.terms()[2].value, "1,2=3");
    let fields = labels(&[("metadata.name", "a"), ("spec.nodeName", "c"), ("x", "1,2=3")]);
    assert!(selector.matches(|field| fields.get(field).map(String::as_str)));
    assert!(FieldSelector::parse("spec.nodeName=").unwrap().matches(|_| None));
    let error = FieldSelector::parse("metadata.name").unwrap_err().to_string();
    assert_eq!(error, "invalid selector: 'metadata.name'; can't understand 'metadata.name'");
    assert!(FieldSelector::parse(r"a=\x").is_err());
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let key = "([a-z][a-z0-9]{0,5}/)?[A-Za-z][A-Za-z0-9_.]{0,5}[a-z]";
    let value = "([A-Za-z0-9][A-Za-z0-9_.-]{0,5}[a-z0-9])?";
    let several = proptest::collection::vec(value, 1..4);
    prop_oneof![
        (key, several, any::<bool>()).prop_map(|(key, values, wanted)| {
            let operator = if wanted { Operator::In } else { Operator::NotIn };
            Requirement::new(key, operator, values).unwrap()
        }),
        (key, value, 0..3).prop_map(|(key, value, which)| {
            let operators = [Operator::Equals, Operator::DoubleEquals, Operator::NotEquals];
            Requirement::new(key, operators[usize::try_from(which).unwrap()], [value]).unwrap()
        }),
        (key, any::<bool>()).prop_map(|(key, wanted)| {
            let operator = if wanted { Operator::Exists } else { Operator::DoesNotExist };
            Requirement::new(key, operator, []).unwrap()
        }),
        (key, 0_i32..100).prop_map(|(key, bound)| {
            Requirement::new(key, Operator::GreaterThan, [bound.to_string()]).unwrap()
        }),
    ]
}

proptest! {
    #[test]
    fn label_selectors_survive_printing_and_reading(list in proptest::collection::vec(requirement(), 0..5)) {
        let selector = LabelSelector::from_requirements(list);
        prop_assert_eq!(LabelSelector::parse(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn field_selectors_survive_printing_and_reading(values in proptest::collection::vec(".{0,8}", 0..4)) {
        let terms = values.into_iter().map(|value| FieldTerm {
            field: "metadata.name".into(), operator: FieldOperator::NotEquals, value,
        });
        let selector = FieldSelector::from_terms(terms);
        prop_assert_eq!(FieldSelector::parse(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn reading_any_text_as_a_selector_ends(text in ".{0,24}") {
        let _ = LabelSelector::parse(&text);
        let _ = FieldSelector::parse(&text);
    }
}
