//! What the workspace's own checks share: finding source files, and tallying which behaviours tests show.

pub mod conformance;
pub mod documents;
pub mod sources;
