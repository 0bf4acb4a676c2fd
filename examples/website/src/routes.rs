//! Routes: what the web server in front of all sites reads.
//!
//! They are config maps in the operator's own namespace. Owner references do not reach across namespaces, so no
//! garbage collector removes a route with its site: the reconciler does, and a finalizer keeps the site until it has.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use pilothouse::{ClientError, Context, DeleteOptions, ObjectExt, ObjectKey};

use crate::Website;

/// The routes in one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    pub(crate) namespace: String,
}

impl Routes {
    /// Where the route of a site is.
    fn key(&self, site: &Website) -> ObjectKey {
        let ObjectKey { namespace, name, .. } = site.key();
        ObjectKey::new(&*self.namespace, format!("{namespace}.{name}"))
    }

    /// Makes the route of a site what it should be.
    pub(crate) async fn publish(
        &self,
        site: &Website,
        context: &Context<Website>,
    ) -> Result<(), ClientError> {
        let ObjectKey { namespace, name, .. } = site.key();
        let backend = format!("{name}.{namespace}.svc:8080");
        let data = [("host".to_owned(), site.spec.host.clone()), ("backend".to_owned(), backend)];
        let key = self.key(site);
        let metadata = ObjectMeta {
            namespace: Some(key.namespace.to_string()),
            name: Some(key.name.to_string()),
            ..ObjectMeta::default()
        };
        let route = ConfigMap { metadata, data: Some(BTreeMap::from(data)), ..ConfigMap::default() };
        context.apply(route).await.map(drop)
    }

    /// Removes the route of a site. One that is gone already is no error: this is repeated until it has succeeded.
    pub(crate) async fn withdraw(
        &self,
        site: &Website,
        context: &Context<Website>,
    ) -> Result<(), ClientError> {
        match context.client().delete::<ConfigMap>(&self.key(site), &DeleteOptions::default()).await {
            Err(error) if error.is_not_found() => Ok(()),
            outcome => outcome,
        }
    }
}
