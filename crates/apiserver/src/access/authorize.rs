//! Whether somebody may do something.

use std::ops::ControlFlow;

use pilothouse_machinery::Status;

use super::user::MASTERS;
use super::{Attributes, PolicyRule, User};
use crate::ApiServer;
use crate::request::Call;

/// Who may do what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authorization {
    /// Everybody who is let in may do everything.
    #[default]
    AlwaysAllow,
    /// What roles and bindings allow (`rbac.authorization.k8s.io`), and everything for the group `system:masters`.
    ///
    /// The roles `cluster-admin`, `admin`, `edit`, `view`, `system:discovery`, `system:basic-user` and
    /// `system:public-info-viewer` exist from the start, with the bindings a real server makes. Who shows nothing is
    /// `system:anonymous`.
    Rbac,
}

/// An answer of the authoriser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) allowed: bool,
    /// Which binding allowed it, or which roles are missing; may be empty.
    pub(crate) reason: String,
}

/// Whether `user` may do what `asked` asks for.
pub(crate) fn decide(server: &ApiServer, user: &User, asked: &Attributes) -> Decision {
    if server.options().authorization == Authorization::AlwaysAllow || user.is_in(MASTERS) {
        return Decision { allowed: true, reason: String::new() };
    }
    let mut problems: Vec<String> = Vec::new();
    let reason = server.policy().visit(server.store(), user, &asked.namespace, |grant| {
        match grant.rules {
            Ok(rules) if rules.iter().any(|rule| rule.allows(asked)) => {
                return ControlFlow::Break(grant.binding.reason(grant.subject));
            }
            Ok(_) => {}
            Err(problem) if problems.contains(&problem) => {}
            Err(problem) => problems.push(problem),
        }
        ControlFlow::Continue(())
    });
    match reason {
        Some(reason) => Decision { allowed: true, reason },
        None => Decision { allowed: false, reason: aggregate(&problems) },
    }
}

/// How Kubernetes prints several errors as one.
fn aggregate(problems: &[String]) -> String {
    match problems {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        many => format!("RBAC: [{}]", many.join(", ")),
    }
}

/// Refuses what `user` may not do, with 403.
pub(crate) fn authorize(server: &ApiServer, user: &User, asked: &Attributes) -> Result<(), Status> {
    let decision = decide(server, user, asked);
    if decision.allowed { Ok(()) } else { Err(asked.forbidden(user, &decision.reason)) }
}

/// Whether `user` may `verb` requests for certificates of `signer`, by its name or as one of all under its domain
/// (`k8s.io/kubernetes/pkg/registry/certificates`, `IsAuthorizedForSignerName`).
pub(crate) fn may_act_for(server: &ApiServer, user: &User, verb: &str, signer: &str) -> bool {
    let domain = signer.split('/').next().unwrap_or_default();
    [signer.to_owned(), format!("{domain}/*")].into_iter().any(|name| {
        let asked = Attributes {
            verb: verb.into(),
            group: "certificates.k8s.io".into(),
            version: "*".into(),
            resource: "signers".into(),
            name,
            ..Attributes::default()
        };
        decide(server, user, &asked).allowed
    })
}

/// Refuses an update or apply that would create what its user may not create.
///
/// A real server says nothing after the colon here; this one says what is missing.
pub(crate) fn authorize_creation(server: &ApiServer, call: &Call) -> Result<(), Status> {
    let resource = &call.kind.resource;
    let asked = Attributes {
        verb: "create".into(),
        group: resource.group.to_string(),
        version: resource.version.to_string(),
        resource: resource.plural.to_string(),
        namespace: call.namespace.clone().unwrap_or_default(),
        name: call.name.clone(),
        ..Attributes::default()
    };
    authorize(server, &call.user, &asked)
}

/// All rules that hold for `user` in `namespace` (empty: at the cluster scope), and which roles are missing.
pub(crate) fn rules_for(server: &ApiServer, user: &User, namespace: &str) -> (Vec<PolicyRule>, Vec<String>) {
    if server.options().authorization == Authorization::AlwaysAllow {
        let all = [PolicyRule::resources(&["*"], &["*"], &["*"]), PolicyRule::paths(&["*"], &["*"])];
        return (all.into(), Vec::new());
    }
    let (mut rules, mut problems) = (Vec::new(), Vec::new());
    server.policy().visit(server.store(), user, namespace, |grant| {
        match grant.rules {
            Ok(found) => rules.extend(found.iter().cloned()),
            Err(problem) => problems.push(problem),
        }
        ControlFlow::<()>::Continue(())
    });
    (rules, problems)
}
