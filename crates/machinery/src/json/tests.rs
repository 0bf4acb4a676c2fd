//! Validation, against a parser.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{Outline, check};

/// What the outline lets pass must be what a parser takes; whatever the parser takes, `check` takes.
fn assert_agrees(bytes: &[u8]) -> bool {
    let parsed = serde_json::from_slice::<Value>(bytes);
    let checked = std::str::from_utf8(bytes).is_ok_and(|text| check(text).is_ok());
    let shown = String::from_utf8_lossy(bytes);
    assert_eq!(checked, parsed.is_ok(), "{shown}");
    let outlined = Outline::default().read(bytes);
    assert!(!outlined || parsed.is_ok(), "{shown} is no JSON: {:?}", parsed.err());
    outlined
}

/// No JSON objects, each for one reason.
const WRONG: &[&str] = &[
    r#"{"a":1,}"#,
    r#"{,"a":1}"#,
    r#"{"a"}"#,
    r#"{"a":}"#,
    r#"{"a":1 }x"#,
    r#"{"a":1}}"#,
    r#"{"a":1"#,
    r#"{"a":1]"#,
    r#"{"a":[1}"#,
    r#"{"a":[1,]}"#,
    r#"{"a":[,1]}"#,
    r#"{"a":["b":1]}"#,
    r#"{"a":[1,"b":1]}"#,
    r#"{"a":1,"b"}"#,
    r#"{"a":1,{"b":1}}"#,
    r#"{"a":1,2}"#,
    r#"{{"a":1}}"#,
    r"{[1]}",
    r"{1:2}",
    r#"{"a":"b":"c"}"#,
    r#"{"a":{}:1}"#,
    r#"{"a":1:2}"#,
    r#"{"a""b"}"#,
    r#"{"a":"b""c"}"#,
    r#"{"a":[]"b"}"#,
    r#"{"a":[][]}"#,
    r#"{"a":{}{}}"#,
    r#"{"a":1[]}"#,
    r#"{"a":"b"[]}"#,
    r#"{"a":"b"1}"#,
    r#"{"a":1"b"}"#,
    r#"{"a"1}"#,
    r#"{"a"[]}"#,
    r"{:}",
    r"{:1}",
    r#"{"a"::1}"#,
    r#"{"a":,"b":1}"#,
    r#"{"a":1,,"b":1}"#,
    r#"{"a":tru}"#,
    r#"{"a":truex}"#,
    r#"{"a":nul}"#,
    r#"{"a":01}"#,
    r#"{"a":-}"#,
    r#"{"a":1.}"#,
    r#"{"a":.5}"#,
    r#"{"a":+1}"#,
    r#"{"a":1.5.5}"#,
    r#"{"a":1e999}"#,
    r#"{"a":0x1}"#,
    r#"{"a":"\x"}"#,
    r#"{"a":"\u12g4"}"#,
    r#"{"a":"\ud800"}"#,
    r#"{"a":"\udc00x"}"#,
    r#"{"a":"\u12"}"#,
    r#"{"a":"b}"#,
    r#"{"a":"b\"}"#,
    r#"{"a":\"b"}"#,
    r#"{\"a":1}"#,
    "{\"a\":\"\u{1}\"}",
    "{\"a\":\"\n\"}",
    r#"{"a":[{]}}"#,
    r#"{"a":[}]"#,
    r#"{"a":]"#,
    r#"{"a":"b",}"#,
    r#"{"a":[{},]}"#,
    r#"{"a":{"b":1},}"#,
    r#"{"a":{"b"}}"#,
    r#"{"a":[1 2]}"#,
    r#"{"a":'b'}"#,
    "{",
    "",
];

#[test]
fn z4_each_rule_of_the_grammar_is_kept_wherever_a_block_ends() {
    for pad in 0..70 {
        let before = format!("{{\"{}\":", "p".repeat(pad));
        for text in WRONG {
            assert!(!assert_agrees(text.as_bytes()), "{text}");
            let padded = format!("{before}{text}}}");
            assert!(serde_json::from_str::<Value>(&padded).is_err());
            assert!(!assert_agrees(padded.as_bytes()), "{padded}");
        }
    }
}

#[test]
fn compact_text_needs_no_parser() {
    let right = [
        "{}",
        r#"{"a":1}"#,
        r#"{"a":[]}"#,
        r#"{"a":{},"b":[{}],"c":[[],[]],"d":[{"e":1},{"f":[1,2]}]}"#,
        r#"{"":""}"#,
        r#"{"a":[1,-2,0,-0,1.25,true,false,null,"x"],"b":"\"\\\/\b\f\n\r\t\u00e9\uD7ff\ue000"}"#,
        "{\"a\":\"\u{e9}\u{1f600}\u{7f}{}[]:,\"}",
        r#"{"a{[":{"b]":"}"},"c":["{","}"]}"#,
    ];
    for pad in 0..140 {
        for text in right {
            let padded = format!("{{\"{}\":{text},\"x\":[{text},{text}]}}", "p".repeat(pad));
            assert!(assert_agrees(padded.as_bytes()), "{padded}");
        }
    }
}

#[test]
fn z4_nesting_passes_as_deep_as_a_parser_follows_and_no_deeper() {
    for depth in 120..140 {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{{\"a\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            assert_eq!(assert_agrees(text.as_bytes()), depth < 127, "{depth}");
        }
    }
    let endless = format!("{{\"a\":{}", "[".repeat(1_000_000));
    assert!(!Outline::default().read(endless.as_bytes()) && check(&endless).is_err());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000_i32..1000).prop_map(|number| Value::from(f64::from(number) / 8.0)),
        r#"[a-z"\\{}\[\]:, \n\u{e9}\u{1f600}]{0,20}"#.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(r#"[a-z"\\]{0,9}"#, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_compact_object_passes(value in any_value(), other in any_value()) {
        let text = json!({"a": value, "b": other}).to_string();
        prop_assert!(assert_agrees(text.as_bytes()), "{text}");
    }

    #[test]
    fn z4_no_change_to_an_object_passes_that_a_parser_refuses(
        value in any_value(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..4),
        likely in r#"[{}\[\]",:\\0-9truenals. -]{1,4}"#,
    ) {
        let mut bytes = json!({"a": value, "b": [1, {"c": "d"}]}).to_string().into_bytes();
        for (at, byte, change) in changes {
            let at = at.index(bytes.len());
            match change {
                0 => bytes[at] ^= 1 << (byte & 7),
                1 => bytes.truncate(at + 1),
                2 => drop(bytes.splice(at..at, likely.bytes())),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                break;
            }
        }
        assert_agrees(&bytes);
    }
}

/// Tokens that mostly may stand where they stand: one in twenty is any, and now and then a bracket stays open.
fn soup(choices: &[u8]) -> String {
    const ANY: [&str; 10] = ["{", "}", "[", "]", ":", ",", "\"a\"", "1", "\\", "\""];
    const VALUES: [&str; 8] = ["{", "[", "\"b\"", "-10", "true", "null", "\"\\n\"", "\"\""];
    let (mut text, mut open, mut last) = ("{".to_owned(), vec!["}"], "{");
    for choice in choices.iter().map(|choice| usize::from(*choice)) {
        let Some(close) = open.last().copied() else { break };
        let may_close = choice % 3 == 0;
        let token = match (last, close) {
            _ if choice % 20 == 7 => ANY[choice / 20 % ANY.len()],
            ("{" | "[", _) if may_close => close,
            ("{", _) | (",", "}") => "\"a\"",
            ("\"a\"", "}") => ":",
            ("[" | "," | ":", _) => VALUES[choice / 3 % VALUES.len()],
            _ if may_close => close,
            _ => ",",
        };
        match token {
            "{" => open.push("}"),
            "[" => open.push("]"),
            "}" | "]" => drop(open.pop()),
            _ => {}
        }
        text.push_str(token);
        last = token;
    }
    // What is open is closed where it may be.
    if last == ":" || last == "\"a\"" && open.last() == Some(&"}") {
        text.push_str(if last == ":" { "1" } else { ":1" });
    } else if last == "," {
        text.push_str(if open.last() == Some(&"}") { "\"z\":1" } else { "1" });
    }
    text.extend(open.into_iter().rev());
    text
}

#[test]
fn z4_of_a_soup_of_json_tokens_just_what_a_parser_takes_passes() {
    let mut runner = TestRunner::deterministic();
    let choices = proptest::collection::vec(any::<u8>(), 0..30);
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..2000 {
        let text = soup(&choices.new_tree(&mut runner).expect("choices").current());
        let passes = assert_agrees(text.as_bytes());
        assert_eq!(
            passes,
            serde_json::from_str::<Value>(&text).is_ok(),
            "compact text needs no parser: {text}"
        );
        *if passes { &mut passed } else { &mut refused } += 1;
    }
    assert!(passed > 300 && refused > 300, "{passed} of 2000 passed: the soup proves little");
}
