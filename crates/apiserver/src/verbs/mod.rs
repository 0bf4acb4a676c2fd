//! What the verbs do: one module each, and the rules they share.

mod admission;
mod apply;
mod create;
mod delete;
mod delete_collection;
mod deletion;
mod depth;
mod get;
mod list;
mod managed;
mod metadata;
mod names;
mod paging;
mod patch;
mod reply;
mod scale;
mod subresources;
mod update;
mod watch;

pub(crate) use create::{create, create_object};
pub(crate) use delete::{delete, delete_object};
pub(crate) use delete_collection::delete_collection;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use metadata::is_terminating;
pub(crate) use names::check_name;
pub(crate) use patch::patch;
pub(crate) use reply::{Content, Page, Reply};
pub(crate) use subresources::{method_not_allowed, subresource};
pub(crate) use update::{Author, Target, Update, update, update_object};
pub(crate) use watch::watch;
