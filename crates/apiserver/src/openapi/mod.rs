//! `OpenAPI` v3 documents: enough for kubectl to see that the server validates fields, which patches a type takes and
//! what its fields are.

mod cache;
mod document;
mod operations;
mod schemas;

pub(crate) use cache::DocumentCache;
