//! What a token of a service account says.

use pilothouse_machinery::ObjectKey;
use serde::{Deserialize, Serialize};

use super::User;
use super::user::SERVICE_ACCOUNT;
use crate::ApiServer;
use crate::kinds::field::text;

/// How long an object that a token is bound to counts after the time that its deletion names, in seconds
/// (`jwt.DefaultLeeway` of the library that kube-apiserver reads tokens with).
const LEEWAY: i64 = 60;

/// Who issues tokens, and for whom they are unless their request says otherwise.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// The claims of a token, in the words of `k8s.io/kubernetes/pkg/serviceaccount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    #[serde(rename = "aud")]
    pub(crate) audiences: Vec<String>,
    /// In seconds since 1970, as the other times.
    #[serde(rename = "exp")]
    pub(crate) expires: i64,
    #[serde(rename = "iat")]
    pub(crate) issued: i64,
    #[serde(rename = "iss")]
    pub(crate) issuer: String,
    #[serde(rename = "jti")]
    pub(crate) id: String,
    #[serde(rename = "kubernetes.io")]
    pub(crate) bound: Bound,
    #[serde(rename = "nbf")]
    pub(crate) begins: i64,
    #[serde(rename = "sub")]
    pub(crate) subject: String,
}

/// The objects that a token lives and dies with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bound {
    pub(crate) namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pod: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Reference>,
    #[serde(rename = "serviceaccount")]
    pub(crate) account: Reference,
}

/// One object, not its successor of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl Claims {
    /// Whether the token counts at this moment: neither too early nor too late, and all that it is bound to is there.
    ///
    /// A real server lets tokens live a minute longer than they say.
    pub(crate) fn hold(&self, server: &ApiServer) -> bool {
        let now = server.environment().now().as_second();
        let namespace = &*self.bound.namespace;
        let exists = |plural: &str, namespace: &str, reference: &Option<Reference>| {
            reference.as_ref().is_none_or(|reference| is_there(server, plural, namespace, reference))
        };
        self.issuer == ISSUER
            && self.begins <= now
            && now < self.expires
            && self.subject == format!("{SERVICE_ACCOUNT}{namespace}:{}", self.bound.account.name)
            && is_there(server, "serviceaccounts", namespace, &self.bound.account)
            && exists("pods", namespace, &self.bound.pod)
            && exists("secrets", namespace, &self.bound.secret)
            && exists("nodes", "", &self.bound.node)
    }

    /// Whose token it is.
    pub(crate) fn user(&self) -> User {
        let Bound { namespace, node, pod, account, .. } = &self.bound;
        let extra = |name: &str| format!("authentication.kubernetes.io/{name}");
        let mut user = User::service_account(namespace, &account.name)
            .with_uid(&*account.uid)
            .with_extra(extra("credential-id"), [format!("JTI={}", self.id)]);
        for (kind, reference) in [("pod", pod), ("node", node)] {
            if let Some(reference) = reference {
                user = user
                    .with_extra(extra(&format!("{kind}-name")), [&*reference.name])
                    .with_extra(extra(&format!("{kind}-uid")), [&*reference.uid]);
            }
        }
        user.let_in()
    }
}

/// Whether this very object is there, or is kept by a finalizer since no longer than [`LEEWAY`].
fn is_there(server: &ApiServer, plural: &str, namespace: &str, reference: &Reference) -> bool {
    let Some(kind) = server.registry().get("", "v1", plural) else { return false };
    let found = server.store().get(&kind, &ObjectKey::new(namespace, &*reference.name));
    found.is_some_and(|object| {
        let object = object.value(&kind);
        let deleted = text(&object, "/metadata/deletionTimestamp").parse::<jiff::Timestamp>();
        let now = server.environment().now().as_second();
        let gone = deleted.is_ok_and(|deleted| deleted.as_second() + LEEWAY < now);
        text(&object, "/metadata/uid") == reference.uid && !gone
    })
}
