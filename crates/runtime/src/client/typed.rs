//! Requests for objects of types known at compile time.

use http::Method;
use pilothouse_machinery::ObjectKey;

use super::request::{action, bare, collection_path, object_path, with_json};
use super::response::decode;
use super::{Client, ClientError, DeleteOptions, Patch, Query};
use crate::object::{Object, ObjectExt};

const JSON: &str = "application/json";

impl Client {
    /// Reads one object, live from the server.
    pub async fn get<T: Object>(&self, key: &ObjectKey) -> Result<T, ClientError> {
        let resource = T::resource_type();
        let action = action("get", &resource, key);
        let request = bare(&action, Method::GET, &object_path(&action, &resource, key)?)?;
        decode(&action, &self.exchange(&action, request).await?)
    }

    /// Creates an object in the namespace of its metadata, or the client's default one. With an empty name and
    /// a `generateName` the server chooses the name. Returns the object as created.
    pub async fn create<T: Object>(&self, object: &T) -> Result<T, ClientError> {
        let resource = T::resource_type();
        let action = action("create", &resource, &object.key());
        let namespace = self.addressed(object).namespace;
        let namespace = resource.is_namespaced().then_some(&*namespace);
        let uri = self.managed().on(&collection_path(&action, &resource, namespace)?);
        let request = with_json(&action, Method::POST, &uri, JSON, object)?;
        decode(&action, &self.exchange(&action, request).await?)
    }

    /// Replaces an object. With the `resourceVersion` it was read with, the server refuses a change made in
    /// between as a conflict; without one it overwrites. Returns the object as stored.
    pub async fn update<T: Object>(&self, object: &T) -> Result<T, ClientError> {
        self.replace("update", "", object).await
    }

    /// Replaces the status of an object; everything else in `object` is ignored by the server.
    pub async fn update_status<T: Object>(&self, object: &T) -> Result<T, ClientError> {
        self.replace("update status of", "/status", object).await
    }

    async fn replace<T: Object>(&self, verb: &str, part: &str, object: &T) -> Result<T, ClientError> {
        let resource = T::resource_type();
        let key = self.addressed(object);
        let action = action(verb, &resource, &key);
        let uri = self.managed().on(&format!("{}{part}", object_path(&action, &resource, &key)?));
        let request = with_json(&action, Method::PUT, &uri, JSON, object)?;
        decode(&action, &self.exchange(&action, request).await?)
    }

    /// Changes an object. Server-side apply creates it where it does not exist. Returns the object as stored.
    pub async fn patch<T: Object>(&self, key: &ObjectKey, patch: &Patch) -> Result<T, ClientError> {
        self.patch_part("patch", "", key, patch).await
    }

    /// Changes the status of an object.
    pub async fn patch_status<T: Object>(&self, key: &ObjectKey, patch: &Patch) -> Result<T, ClientError> {
        self.patch_part("patch status of", "/status", key, patch).await
    }

    async fn patch_part<T: Object>(
        &self,
        verb: &str,
        part: &str,
        key: &ObjectKey,
        patch: &Patch,
    ) -> Result<T, ClientError> {
        let resource = T::resource_type();
        let action = action(verb, &resource, key);
        let uri = self.patch_query(patch).on(&format!("{}{part}", object_path(&action, &resource, key)?));
        let (media_type, body) = patch.parts();
        let request = with_json(&action, Method::PATCH, &uri, media_type, body)?;
        decode(&action, &self.exchange(&action, request).await?)
    }

    /// Deletes an object: at once, or when its finalizers and grace period are done. Without a uid in `options`
    /// it deletes whatever bears the name when the request arrives.
    pub async fn delete<T: Object>(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<(), ClientError> {
        let resource = T::resource_type();
        let action = action("delete", &resource, key);
        let uri = object_path(&action, &resource, key)?;
        let request = with_json(&action, Method::DELETE, &uri, JSON, &options.body())?;
        self.exchange(&action, request).await.map(drop)
    }

    /// The key of an object, with the client's default namespace where a namespaced object names none.
    pub(crate) fn addressed<T: Object>(&self, object: &T) -> ObjectKey {
        let key = object.key();
        if key.namespace().is_none() && T::resource_type().is_namespaced() {
            return ObjectKey::new(self.default_namespace(), key.name);
        }
        key
    }

    /// The query that names the field manager.
    pub(super) fn managed(&self) -> Query {
        let mut query = Query::default();
        query.add("fieldManager", &self.options().field_manager);
        query
    }

    pub(super) fn patch_query(&self, patch: &Patch) -> Query {
        match patch {
            Patch::Apply { manager, force, .. } => {
                let manager = if manager.is_empty() { &self.options().field_manager } else { manager };
                let mut query = Query::default();
                query.add("fieldManager", manager);
                query.add("force", if *force { "true" } else { "false" });
                query
            }
            _ => self.managed(),
        }
    }
}
