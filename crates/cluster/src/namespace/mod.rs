//! The namespace controller: empties namespaces that are being deleted and lets them go.

mod content;
mod reconciler;

pub(crate) use reconciler::Namespaces;
