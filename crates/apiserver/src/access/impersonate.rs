//! Requests in the name of somebody else: the `Impersonate-` headers.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use pilothouse_machinery::{Status, StatusReason};

use super::user::{UNAUTHENTICATED, account_of_user};
use super::{Attributes, User, authorize};
use crate::ApiServer;
use crate::request::percent_decode_path;

const PREFIX: &str = "impersonate-";

const EXTRA: &str = "impersonate-extra-";

/// What a request says about whom it is for.
#[derive(Debug, Default)]
struct Wanted {
    user: String,
    uid: String,
    groups: Vec<String>,
    /// Key and value.
    extra: Vec<(String, String)>,
}

/// The user in whose name `user` sends the request, who must be allowed to `impersonate` each thing that it says about
/// them (the filter of `k8s.io/apiserver`). `None` when it is in no other name.
pub(crate) fn impersonate(
    server: &ApiServer,
    user: &User,
    headers: &HeaderMap,
) -> Result<Option<Arc<User>>, Status> {
    let wanted = Wanted::of(headers)?;
    let said_more = !wanted.uid.is_empty() || !wanted.groups.is_empty() || !wanted.extra.is_empty();
    if wanted.user.is_empty() {
        if said_more {
            let message =
                "Internal error occurred: requested groups, uid or extra without impersonating a user";
            return Err(Status::failure(StatusReason::InternalError, message));
        }
        return Ok(None);
    }
    for asked in wanted.asked() {
        authorize(server, user, &asked)?;
    }
    Ok(Some(Arc::new(wanted.become_user())))
}

impl Wanted {
    /// Names may have letters of any script: values are UTF-8. Whoever sends another one means somebody else than
    /// themselves, so it is never passed over.
    fn of(headers: &HeaderMap) -> Result<Self, Status> {
        let mut wanted = Self::default();
        let known = |name: &HeaderName| name.as_str().starts_with(PREFIX);
        for (name, value) in headers.iter().filter(|(name, _)| known(name)) {
            let Ok(value) = std::str::from_utf8(value.as_bytes()) else {
                return Err(Status::bad_request(format!("the value of the header {name} is not UTF-8")));
            };
            let value = value.to_owned();
            match name.as_str() {
                "impersonate-user" => wanted.user = value,
                "impersonate-uid" => wanted.uid = value,
                "impersonate-group" => wanted.groups.push(value),
                name => {
                    if let Some(key) = name.strip_prefix(EXTRA) {
                        wanted.extra.push((percent_decode_path(key), value));
                    }
                }
            }
        }
        Ok(wanted)
    }

    /// Namespace and name, where the user is a service account.
    fn account(&self) -> Option<(&str, &str)> {
        account_of_user(&self.user)
    }

    /// The rights that it takes.
    fn asked(&self) -> Vec<Attributes> {
        let of = |group: &str, resource: &str, subresource: &str, namespace: &str, name: &str| Attributes {
            verb: "impersonate".into(),
            group: group.into(),
            version: "v1".into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: namespace.into(),
            name: name.into(),
            path: String::new(),
        };
        let identity = "authentication.k8s.io";
        let mut asked = vec![match self.account() {
            Some((namespace, name)) => of("", "serviceaccounts", "", namespace, name),
            None => of("", "users", "", "", &self.user),
        }];
        asked.extend(self.groups.iter().map(|group| of("", "groups", "", "", group)));
        asked.extend(self.extra.iter().map(|(key, value)| of(identity, "userextras", key, "", value)));
        if !self.uid.is_empty() {
            asked.push(of(identity, "uids", "", "", &self.uid));
        }
        asked
    }

    fn become_user(self) -> User {
        let mut user = match self.account() {
            Some((namespace, name)) if self.groups.is_empty() => User::service_account(namespace, name),
            _ => User::new(&*self.user),
        };
        user = self.groups.into_iter().fold(user, User::with_group);
        for (key, value) in self.extra {
            user = user.with_extra(key, [value]);
        }
        if user.name() == User::anonymous().name() {
            user = user.with_group(UNAUTHENTICATED);
        }
        user.with_uid(self.uid).let_in()
    }
}
