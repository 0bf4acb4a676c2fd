//! Finalizers: what must happen before an object may go.

use serde_json::json;

use super::Context;
use super::write::Written;
use crate::{ClientError, Object, ObjectExt, Patch};

impl<T: Object> Context<T> {
    /// Makes sure that `object` carries the finalizer `name` (as `example.com/cleanup`), and returns the
    /// object as stored. Sends nothing when it does. Do this before the first thing that needs cleaning up.
    ///
    /// An object that is being deleted takes no new finalizers and is returned as it is.
    pub async fn add_finalizer(&self, object: &T, name: &str) -> Result<T, ClientError> {
        self.set_finalizers(object, |object, finalizers| {
            if !object.is_deleting() && !finalizers.iter().any(|one| one == name) {
                finalizers.push(name.to_owned());
            }
        })
        .await
    }

    /// Makes sure that `object` does not carry the finalizer `name`, and returns the object as stored. Do
    /// this after the last thing has been cleaned up. An object that is gone altogether is returned as it
    /// was.
    pub async fn remove_finalizer(&self, object: &T, name: &str) -> Result<T, ClientError> {
        let removed = self
            .set_finalizers(object, |_, finalizers| finalizers.retain(|finalizer| finalizer != name))
            .await;
        match removed {
            Err(error) if error.is_not_found() => Ok(object.clone()),
            outcome => outcome,
        }
    }

    /// Writes the list of finalizers under the precondition that the object is the version read: others may
    /// change the list at the same time.
    async fn set_finalizers(
        &self,
        object: &T,
        change: impl Fn(&T, &mut Vec<String>),
    ) -> Result<T, ClientError> {
        self.modify(object, |client, current| {
            let before = current.meta().finalizers.clone().unwrap_or_default();
            let mut after = before.clone();
            change(&current, &mut after);
            let patch = Patch::Merge(json!({"metadata": {
                "uid": current.uid(),
                "resourceVersion": current.resource_version().to_string(),
                "finalizers": after,
            }}));
            let client = client.clone();
            async move {
                if before == after {
                    return Ok(Written::Same(current));
                }
                client.patch(&current.key(), &patch).await.map(Written::Changed)
            }
        })
        .await
    }
}
