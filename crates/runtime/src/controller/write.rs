//! Tracked writes of a reconcile.

use serde::Serialize;

use super::context::Shared;
use super::doubts::Doubt;
use super::generated_name::name_generated;
use super::{Context, StatusField};
use crate::{Client, ClientError, DeleteOptions, Object, ObjectExt, ObjectKey, Patch, ResourceType};

/// How often a read-change-write is tried when others write at the same time.
const CONFLICT_ATTEMPTS: u32 = 5;

/// How often a name is made up before the server's refusal counts, as kube-apiserver does.
const NAME_ATTEMPTS: u32 = 8;

/// Each write notes what it wrote (see [`Context`]).
///
/// A write that was sent and not answered (the connection broke, the answer came too late, the future was dropped) may
/// have been applied. The next reconcile of the key then begins with a live read of what was to be written, and waits
/// until the caches show what that found (conformance W4).
///
/// **Cancellation.** A write whose future is dropped may have been applied, and is treated as not answered.
impl<T: Object> Context<T> {
    /// Server-side apply of `object` under the name `manager/controller`, taking fields from other managers.
    /// Returns the object as stored.
    ///
    /// The reconciled object becomes its controlling owner and, where none is given, its namespace the
    /// object's, as in [`create`](Self::create).
    pub async fn apply<K: Object>(&self, object: K) -> Result<K, ClientError> {
        let object = self.adopt(object);
        let key = object.key();
        let mut patch = Patch::apply(&object).map_err(|source| ClientError::Encode {
            action: format!("apply {} {key}", K::resource_type()),
            source,
        })?;
        if let Patch::Apply { manager, .. } = &mut patch {
            manager.clone_from(&self.shared.field_manager);
        }
        self.patch(&key, &patch).await
    }

    /// Creates `object`, and returns it as created.
    ///
    /// The reconciled object becomes its controlling owner, unless the object has a controller, is the
    /// reconciled one itself or lives where the reconciled object cannot own it (another namespace, or the
    /// cluster). A namespaced object without a namespace gets that of the reconciled one. The name of one with a
    /// `generateName` is made up here, in the way of the server, and not by it: what became of a creation that was not
    /// answered can be asked by name only.
    pub async fn create<K: Object>(&self, object: K) -> Result<K, ClientError> {
        let object = self.adopt(object);
        let mut attempt = 1;
        loop {
            let mut named = object.clone();
            let is_generated = name_generated(&mut named, &self.shared.environment);
            let doubt = self.doubt(K::resource_type(), self.shared.client.addressed(&named), "");
            let created = self.shared.client.create(&named).await;
            match self.answered(doubt, created) {
                Err(error) if error.is_already_exists() && is_generated && attempt < NAME_ATTEMPTS => {
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok(created) => {
                    self.note(&created);
                    return Ok(created);
                }
            }
        }
    }

    /// Replaces `object`; a change made since it was read is a conflict. Returns the object as stored.
    pub async fn update<K: Object>(&self, object: &K) -> Result<K, ClientError> {
        let doubt = self.doubt(K::resource_type(), self.shared.client.addressed(object), object.uid());
        let updated = self.shared.client.update(object).await;
        let updated = self.answered(doubt, updated)?;
        self.note(&updated);
        Ok(updated)
    }

    /// Changes an object, and returns it as stored.
    pub async fn patch<K: Object>(&self, key: &ObjectKey, patch: &Patch) -> Result<K, ClientError> {
        let doubt = self.doubt(K::resource_type(), key.clone(), "");
        let patched = self.shared.client.patch(key, patch).await;
        let patched = self.answered(doubt, patched)?;
        self.note(&patched);
        Ok(patched)
    }

    /// Deletes exactly the object given, not a successor of its name. One that is gone already is no error.
    pub async fn delete<K: Object>(&self, object: &K, options: DeleteOptions) -> Result<(), ClientError> {
        let (key, uid) = (object.key(), object.uid().to_owned());
        let options = DeleteOptions { uid: options.uid.or(Some(uid.clone())), ..options };
        let doubt = self.doubt(K::resource_type(), key.clone(), &uid);
        let deleted = self.shared.client.delete::<K>(&key, &options).await;
        match self.answered(doubt, deleted) {
            Err(error) if error.is_not_found() => return Ok(()),
            outcome => outcome?,
        }
        self.shared.own_writes.deleted(&self.key, &K::resource_type(), key, &uid);
        Ok(())
    }

    /// Changes the status of the reconciled object, and returns the object as stored.
    ///
    /// Nothing is sent when `change` leaves the status as it was. When somebody else wrote in between, the
    /// object is read anew and `change` applied again, so it must be a function of what it is given.
    pub async fn update_status<Via>(
        &self,
        object: &T,
        change: impl FnMut(&mut T::Status) + Send,
    ) -> Result<T, ClientError>
    where
        T: StatusField<Via>,
        T::Status: Serialize,
    {
        self.update_status_of(object, change).await
    }

    /// As [`update_status`](Self::update_status), for an object of any type.
    pub async fn update_status_of<Via, K: StatusField<Via>>(
        &self,
        object: &K,
        mut change: impl FnMut(&mut K::Status) + Send,
    ) -> Result<K, ClientError>
    where
        K::Status: Serialize,
    {
        self.modify(object, |client, mut next| {
            let before = serde_json::to_value(next.status_mut()).ok();
            change(next.status_mut().get_or_insert_default());
            let changed = before != serde_json::to_value(next.status_mut()).ok();
            let client = client.clone();
            async move {
                if changed {
                    client.update_status(&next).await.map(Written::Changed)
                } else {
                    Ok(Written::Same(next))
                }
            }
        })
        .await
    }

    /// Reads, changes and writes until nobody else interferes: first from the object given, then from fresh
    /// reads.
    pub(super) async fn modify<K, F, W>(&self, object: &K, mut write: F) -> Result<K, ClientError>
    where
        K: Object,
        F: FnMut(&Client, K) -> W,
        W: Future<Output = Result<Written<K>, ClientError>>,
    {
        let client = &self.shared.client;
        let mut current = object.clone();
        let mut attempt = 1;
        loop {
            let doubt = self.doubt(K::resource_type(), client.addressed(object), object.uid());
            let written = write(client, current).await;
            match self.answered(doubt, written) {
                Ok(Written::Same(object)) => return Ok(object),
                Ok(Written::Changed(object)) => {
                    self.note(&object);
                    return Ok(object);
                }
                Err(error) if error.is_conflict() && attempt < CONFLICT_ATTEMPTS => {}
                Err(error) => return Err(error),
            }
            current = client.get(&object.key()).await?;
            if current.uid() != object.uid() && !object.uid().is_empty() {
                return Err(gone(object));
            }
            // The cache that the reconcile started from is older than this: the next one waits for it, or it
            // would meet the same conflict.
            self.note(&current);
            attempt += 1;
        }
    }

    /// Notes that `object` is about to be written; the write is in doubt until [`answered`](Self::answered) (W4).
    /// Nothing is in doubt of types that the caches do not show: there is nothing to wait for.
    fn doubt(&self, resource: ResourceType, object: ObjectKey, uid: &str) -> Option<u64> {
        let Shared { own_writes, doubts, .. } = &*self.shared;
        let is_noted = own_writes.notes(&resource);
        is_noted.then(|| doubts.raise(&self.key, Doubt { resource, object, uid: uid.to_owned() }))
    }

    /// Ends the doubt about a write, if the outcome says what became of it.
    fn answered<R>(&self, doubt: Option<u64>, outcome: Result<R, ClientError>) -> Result<R, ClientError> {
        if let Some(number) = doubt
            && !outcome.as_ref().is_err_and(ClientError::may_have_been_applied)
        {
            self.shared.doubts.settle(&self.key, number);
        }
        outcome
    }

    fn note<K: Object>(&self, written: &K) {
        let version = written.resource_version();
        let own_writes = &self.shared.own_writes;
        own_writes.wrote(&self.key, &K::resource_type(), written.key(), written.uid(), version);
    }

    /// Gives `object` the reconciled object's namespace and makes it its controlling owner, where that fits.
    fn adopt<K: Object>(&self, mut object: K) -> K {
        let (own, other) = (T::resource_type(), K::resource_type());
        let is_itself = own == other && object.key() == self.key;
        let has_controller = object.controller().is_some();
        let meta = object.meta_mut();
        if other.is_namespaced() && meta.namespace.is_none() && own.is_namespaced() {
            meta.namespace = Some(self.key.namespace.to_string());
        }
        let same_namespace = other.is_namespaced() && meta.namespace.as_deref() == Some(&*self.key.namespace);
        let can_own = !own.is_namespaced() || same_namespace;
        if let (Some(owner), true) = (&self.owner, can_own && !is_itself && !has_controller) {
            meta.owner_references.get_or_insert_default().push(owner.clone());
        }
        object
    }
}

/// The outcome of one attempt to change an object.
pub(super) enum Written<K> {
    Same(K),
    Changed(K),
}

fn gone<K: Object>(object: &K) -> ClientError {
    let (resource, key) = (K::resource_type(), object.key());
    ClientError::Status {
        action: format!("change {resource} {key}"),
        status: Box::new(crate::Status::not_found(&resource.group, &resource.plural, &key.name)),
    }
}
