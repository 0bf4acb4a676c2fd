//! Server-side printing: Tables as kubectl shows them, and objects reduced to their metadata.
//!
//! [`columns`] says which columns each built-in type has; [`pod`], [`job`], [`workload`], [`event`] and [`core`]
//! compute the cells; [`custom`] does it for custom resources with [`json_path`].

mod age;
mod columns;
pub(crate) mod core;
pub(crate) mod custom;
pub(crate) mod event;
pub(crate) mod job;
pub(crate) mod json_path;
pub(crate) mod pod;
mod render;
pub(crate) mod workload;

pub(crate) use self::core::name as name_of;
pub(crate) use age::{duration, of as age_of};
pub(crate) use columns::{AGE, CONTAINERS, IMAGES, NAME, Row, SELECTOR, columns, of as columns_of};
pub(crate) use pod::or_none;
pub(crate) use render::{IncludeObject, partial_metadata, partial_metadata_list, render, scale_table};
pub(crate) use workload::containers_and_images;
