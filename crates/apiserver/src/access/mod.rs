//! Who sends a request, and whether they may.
//!
//! [`authenticate`] finds the [`User`] of a request, [`Attributes`] is what it asks for, [`authorize`] refuses what its
//! user may not do. With [`Authorization::Rbac`] roles and bindings decide ([`Policy`]).

mod aggregation;
mod attributes;
mod authenticate;
mod authorize;
mod binding;
mod bootstrap;
mod claims;
mod escalation;
mod impersonate;
pub(crate) mod openid;
mod policy;
mod reviews;
mod role;
mod role_binding;
mod rule;
mod signer;
mod token_digest;
pub(crate) mod token_request;
mod tokens;
mod user;
mod user_service;

#[cfg(test)]
mod policy_tests;

pub(crate) use attributes::Attributes;
pub(crate) use authenticate::{Entrance, Unknown, authenticate};
pub use authorize::Authorization;
pub(crate) use authorize::{Decision, authorize, authorize_creation, decide, may_act_for, rules_for};
pub(crate) use binding::Binding;
pub(crate) use bootstrap::{create as create_bootstrap_roles, rules_of_every_account};
pub(crate) use impersonate::impersonate;
pub(crate) use policy::Policy;
pub(crate) use reviews::{register as register_reviews, user_info};
pub(crate) use role::RoleStrategy;
pub(crate) use role_binding::BindingStrategy;
pub(crate) use rule::PolicyRule;
pub(crate) use token_digest::TokenDigest;
pub(crate) use tokens::Tokens;
pub use user::User;
pub(crate) use user::account_of_user;
pub use user_service::UserService;
