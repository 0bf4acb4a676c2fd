//! An object in a cache.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use pilothouse_machinery::header::{LabelSet, ScanError, Scanner, Uid, normalise};
use pilothouse_machinery::{ObjectHeader, ObjectKey, ResourceType, ResourceVersion};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::DecodeError;
use super::body::{Body, Encoding, Origin};
use super::error::DecodeCause;
use super::memo::{Decoded, Memo, shared};

/// An object as the server sent it: bytes until somebody looks.
///
/// **Flow.** Made by an [`Intake`](super::Intake), which keeps what its [`Projection`](super::Projection) and its
/// [`Residence`](super::Residence) say. However it is kept, it is read alike: header without cost, [`json`](Self::json)
/// and [`field`](Self::field) from the bytes, [`decode`](Self::decode) as any type that reads from JSON.
///
/// **Guarantees.**
///
/// - **C-I8** immutable: what a reader holds never changes, and no reader can change what others see (S20);
/// - **C-I9** its text is valid JSON of an object with a name, without `managedFields`, and says `apiVersion` and
///   `kind`: a typed read fails on types only;
/// - **C-I10**, **C-I11** decoded forms are shared: the first reader decodes, later readers of that type get the same
///   `Arc`, as long as the informer's budget for decoded objects lets it stay; the oldest goes first. Two types are
///   kept; a third takes the place of the first.
///
/// A shared object cannot be changed, whole or typed (conformance S20):
///
/// ```compile_fail,E0594
/// # use k8s_openapi::api::core::v1::ConfigMap;
/// # use pilothouse::{CachedObject, k8s_openapi};
/// fn change(object: &CachedObject) {
///     let map = object.decode::<ConfigMap>().unwrap();
///     map.immutable = Some(true);
/// }
/// ```
///
/// **Cancellation.** Nothing waits here.
///
/// **Errors.** [`DecodeError`] names the object and never quotes it. Printing an object shows key and version only.
///
/// **Panics.** Never.
pub struct CachedObject {
    header: ObjectHeader,
    origin: Arc<Origin>,
    body: Body,
    memo: OnceLock<Arc<Memo>>,
}

impl CachedObject {
    /// Takes in the bytes of one object of type `resource`, which fills in `apiVersion` and `kind` where the
    /// object leaves them out. An object that says it is of another type is refused.
    pub fn from_bytes(bytes: &[u8], resource: &ResourceType) -> Result<Self, ScanError> {
        let scanned = Scanner::new().scan(bytes)?;
        scanned.check_type(resource)?;
        let kept: Vec<u8> = normalise(bytes, &scanned, resource).into();
        let body = Body::Plain(Encoding::Json, kept.into_boxed_slice());
        Ok(Self::new(scanned.header, Origin::alone(resource), body))
    }

    pub(super) fn new(header: ObjectHeader, origin: Arc<Origin>, body: Body) -> Self {
        Self { header, origin, body, memo: OnceLock::new() }
    }

    /// Keeps this decoded form of about `size` bytes.
    pub(super) fn keep_decoded(&self, form: Decoded, size: u64) {
        self.memo().keep_any(form, size);
    }

    #[cfg(all(test, feature = "compact"))]
    pub(super) fn with_body(&self, body: Body) -> Self {
        Self::new(self.header.clone(), Arc::clone(&self.origin), body)
    }

    pub(super) fn memo(&self) -> &Arc<Memo> {
        self.memo.get_or_init(|| Memo::new(&self.origin.budget))
    }

    /// Takes in an object from its JSON value.
    pub fn from_value(value: &Value, resource: &ResourceType) -> Result<Self, ScanError> {
        Self::from_bytes(value.to_string().as_bytes(), resource)
    }

    /// Namespace and name.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        &self.header.key
    }

    /// The uid.
    #[must_use]
    pub fn uid(&self) -> &Uid {
        &self.header.uid
    }

    /// The version; of a deleted object, the version of the deletion.
    #[must_use]
    pub fn resource_version(&self) -> &ResourceVersion {
        &self.header.resource_version
    }

    /// Everything that was scanned when the object came in.
    #[must_use]
    pub fn header(&self) -> &ObjectHeader {
        &self.header
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.header.labels
    }

    /// The object as JSON text. Borrowed when that is how it is kept, otherwise made anew.
    pub fn json(&self) -> Result<Cow<'_, [u8]>, DecodeError> {
        let json = self.body.encoded(&self.origin).and_then(|encoded| Ok(encoded.into_json()?));
        json.map_err(|cause| self.unreadable("JSON", cause))
    }

    /// How many bytes of the object are held, besides its header and decoded forms.
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.size()
    }

    /// As [`size`](Self::size), when the object came in. Some objects shrink later; this stays.
    pub(in crate::cache) fn first_size(&self) -> usize {
        self.body.first_size()
    }

    /// Uses the texts of an equal key in place of its own, so that all versions of an object share one.
    pub(in crate::cache) fn share_key(&mut self, key: &ObjectKey) {
        debug_assert_eq!(self.header.key, *key);
        self.header.key = key.clone();
    }

    /// Whether this is the same version of the same object.
    #[must_use]
    pub fn is_same_version(&self, other: &Self) -> bool {
        self.header.uid == other.header.uid && self.header.resource_version == other.header.resource_version
    }

    /// The typed object: decoded by the first caller, shared with all others of that type.
    ///
    /// Any type that reads from JSON will do, also one of your own with the few fields that you need.
    pub fn decode<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<T>, DecodeError> {
        let decoded = match &self.body {
            Body::Typed(form) => shared(form),
            _ => self.memo.get().and_then(|memo| memo.get()),
        };
        if let Some(decoded) = decoded {
            return Ok(decoded);
        }
        let (form, size) =
            self.decode_anew::<T>().map_err(|cause| self.unreadable(type_name::<T>(), cause))?;
        Ok(self.memo().keep(Arc::new(form), size))
    }

    /// The typed object and the estimated size of it.
    fn decode_anew<T: DeserializeOwned>(&self) -> Result<(T, u64), DecodeCause> {
        let encoded = self.body.encoded(&self.origin)?;
        Ok((encoded.decode()?, encoded.decoded_size()))
    }

    /// The scalar at a JSON pointer (`/spec/nodeName`), out of the bytes, without decoding the object: texts without
    /// quotes, numbers and booleans as they are written. `None` when there is nothing, or `null`, a list or an object,
    /// or when the object is kept in a form that has no bytes.
    #[must_use]
    pub fn field(&self, pointer: &str) -> Option<Cow<'_, str>> {
        self.body.encoded(&self.origin).ok()?.field(pointer)
    }

    fn unreadable(&self, wanted: &'static str, source: DecodeCause) -> DecodeError {
        DecodeError {
            kind: self.origin.resource.kind.to_string(),
            key: self.header.key.clone(),
            resource_version: self.header.resource_version.clone(),
            wanted,
            source,
        }
    }

    /// The object as a JSON value, built anew each time.
    ///
    /// `null` when the object cannot be read as JSON (see [`json`](Self::json)), or when its text nests deeper than
    /// `serde_json` follows (128 levels); no Kubernetes type does.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.json().ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }
}

impl fmt::Debug for CachedObject {
    /// Key and version only: objects may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CachedObject({}@{})", self.header.key, self.header.resource_version)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::Job;
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};
    use serde_json::json;

    use super::*;
    use crate::object::Object;

    #[test]
    fn an_object_is_decoded_once_per_first_type_and_shared() {
        let value =
            json!({"metadata": {"name": "c", "namespace": "d", "resourceVersion": "7"}, "data": {"k": "v"}});
        let object = CachedObject::from_value(&value, &ConfigMap::resource_type()).unwrap();
        let (one, two) = (object.decode::<ConfigMap>().unwrap(), object.decode::<ConfigMap>().unwrap());
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(one.data.as_ref().unwrap()["k"], "v");
        assert_eq!(object.to_value()["kind"], "ConfigMap");
        assert!(object.decode::<Job>().is_err(), "a ConfigMap is not a Job");
    }

    #[test]
    fn z3_printing_an_object_or_its_decode_error_shows_no_content() {
        let value = json!({"metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}, "type": 7});
        let object = CachedObject::from_value(&value, &Secret::resource_type()).unwrap();
        let error = object.decode::<Secret>().unwrap_err();
        assert!(!format!("{object:?}{error:?}{error}").contains("aHVudGVyMg"));
        for data in
            [json!("aHVudGVyMg=="), json!({"a": {"b": "aHVudGVyMg=="}}), json!("aHVudGVyMg\", expected x")]
        {
            let value = json!({"metadata": {"name": "s"}, "data": data});
            let object = CachedObject::from_value(&value, &Secret::resource_type()).unwrap();
            let error = object.decode::<Secret>().unwrap_err();
            let source = std::error::Error::source(&error).unwrap();
            let said = format!("{error:?}{error}{source:?}{source}");
            assert!(!said.contains("aHVudGVyMg") && said.contains("expected"), "{said}");
        }
    }
}
