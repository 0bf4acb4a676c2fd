//! Config maps and secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::{Map, Value};

use super::causes;
use super::field::{selectable, set_default_text, text};
use crate::ApiServer;
use crate::furnishing::{ROOT_CERTIFICATE, furnish_certificate};
use crate::kind::Strategy;
use crate::table;

pub(super) struct ConfigMapStrategy;

pub(super) struct SecretStrategy;

const MAX_BYTES: usize = 1024 * 1024;

impl Strategy for ConfigMapStrategy {
    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let mut found = Vec::new();
        for map in ["data", "binaryData"] {
            found.extend(validate_keys(object, map));
        }
        for key in entries(object, "data").map(|(key, _)| key) {
            if object.pointer("/binaryData").is_some_and(|map| map.get(key).is_some()) {
                let detail = "duplicate of key present in binaryData";
                found.push(causes::invalid(format!("data[{key}]"), &key.as_str().into(), detail));
            }
        }
        let bytes: usize = ["data", "binaryData"].iter().map(|map| total_bytes(object, map)).sum();
        if bytes > MAX_BYTES {
            found.push(causes::too_long("", MAX_BYTES));
        }
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = validate_immutable(new, old, &["data", "binaryData"]);
        found.extend(self.validate(new));
        found
    }

    fn committed(&self, server: &ApiServer, old: Option<&Value>, new: Option<&Value>) {
        if let (Some(old), None) = (old, new)
            && text(old, "/metadata/name") == ROOT_CERTIFICATE
        {
            furnish_certificate(server, text(old, "/metadata/namespace"));
        }
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::core::config_map(object, now)
    }
}

impl Strategy for SecretStrategy {
    /// `stringData` is for writing only: its entries go, encoded, into `data`.
    fn default(&self, object: &mut Value) {
        let Some(map) = object.as_object_mut() else { return };
        set_default_text(map, "type", "Opaque");
        if let Some(Value::Object(texts)) = map.remove("stringData") {
            let data = map.entry("data").or_insert(Value::Null);
            if data.is_null() {
                *data = Value::Object(Map::new());
            }
            if let Some(data) = data.as_object_mut() {
                for (key, value) in texts {
                    let encoded = STANDARD.encode(value.as_str().unwrap_or(""));
                    data.insert(key, encoded.into());
                }
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let mut found = validate_keys(object, "data");
        if total_bytes(object, "data") * 3 / 4 > MAX_BYTES {
            found.push(causes::too_long("data", MAX_BYTES));
        }
        let required: &[&str] = match text(object, "/type") {
            "kubernetes.io/tls" => &["tls.crt", "tls.key"],
            "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
            "kubernetes.io/dockercfg" => &[".dockercfg"],
            "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
            _ => &[],
        };
        for key in required {
            if object.pointer("/data").is_none_or(|data| data.get(key).is_none()) {
                found.push(causes::required(format!("data[{key}]"), ""));
            }
        }
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = Vec::new();
        causes::immutable(&mut found, "type", new.get("type"), old.get("type"));
        found.extend(validate_immutable(new, old, &["data"]));
        found.extend(self.validate(new));
        found
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        selectable(object, &["type"])
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::core::secret(object, now)
    }
}

fn entries<'a>(object: &'a Value, map: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object.get(map).and_then(Value::as_object).into_iter().flatten()
}

fn total_bytes(object: &Value, map: &str) -> usize {
    entries(object, map).map(|(_, value)| value.as_str().map_or(0, str::len)).sum()
}

fn validate_keys(object: &Value, map: &str) -> Vec<StatusCause> {
    let valid = |key: &str| {
        !key.is_empty()
            && key.len() <= 253
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            && !matches!(key, "." | "..")
    };
    let wrong = |key: &String| {
        let detail = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  \
                      or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
        causes::invalid(format!("{map}[{key}]"), &key.as_str().into(), detail)
    };
    entries(object, map).filter(|(key, _)| !valid(key)).map(|(key, _)| wrong(key)).collect()
}

/// Once `immutable` is set, neither it nor the contents may change.
fn validate_immutable(new: &Value, old: &Value, contents: &[&str]) -> Vec<StatusCause> {
    const DETAIL: &str = "field is immutable when `immutable` is set";
    let mut found = Vec::new();
    if old.get("immutable") != Some(&Value::Bool(true)) {
        return found;
    }
    if new.get("immutable") != Some(&Value::Bool(true)) {
        found.push(causes::forbidden("immutable", DETAIL));
    }
    for key in contents {
        if new.get(*key) != old.get(*key) {
            found.push(causes::forbidden(*key, DETAIL));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn string_data_is_encoded_over_data_and_never_kept() {
        let mut secret = json!({"data": {"a": "eA==", "b": "eQ=="}, "stringData": {"a": "b"}});
        SecretStrategy.default(&mut secret);
        assert_eq!(secret, json!({"data": {"a": "Yg==", "b": "eQ=="}, "type": "Opaque"}));
    }

    #[test]
    fn keys_are_file_names_and_tls_secrets_need_their_pair() {
        let map = json!({"data": {"ok.txt": "", "not ok": "", "..": ""}});
        let fields: Vec<_> = ConfigMapStrategy.validate(&map).into_iter().map(|cause| cause.field).collect();
        assert_eq!(fields, ["data[..]", "data[not ok]"]);
        let secret = json!({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}});
        assert_eq!(SecretStrategy.validate(&secret)[0].field, "data[tls.key]");
    }
}
