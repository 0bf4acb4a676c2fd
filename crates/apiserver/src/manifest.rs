//! Reading manifests.

use serde_json::Value;

/// The objects of a manifest (YAML): its documents and the items of lists among them, in their order. Only `true` and
/// `false` are truth values, as in the bodies of requests. Empty documents are none.
pub(crate) fn objects(manifest: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(manifest, options).map_err(|error| error.to_string())?;
    let mut objects = Vec::new();
    for mut document in documents {
        match document.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => objects.extend(items),
            Some(other) => {
                document["items"] = other;
                objects.push(document);
            }
            None if document.is_null() => {}
            None => objects.push(document),
        }
    }
    Ok(objects)
}
