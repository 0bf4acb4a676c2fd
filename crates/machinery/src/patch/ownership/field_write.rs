//! What is known about a write.

/// Who writes, and how: what an entry of `managedFields` says about a write.
#[derive(Clone, Copy, Debug)]
pub struct FieldWrite<'a> {
    /// The name of the manager (`fieldManager`, or the start of the user agent).
    pub manager: &'a str,
    /// The `apiVersion` of the write.
    pub api_version: &'a str,
    /// `status`, `scale` or another subresource; empty for the object itself.
    pub subresource: &'a str,
    /// The time of the write.
    pub now: jiff::Timestamp,
    /// Top-level fields that this write cannot change, as `status` when the object itself is written.
    pub ignored: &'a [&'a str],
}
