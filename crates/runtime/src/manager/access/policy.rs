//! The choice of who may.

/// Who may use `/metrics` and `/deadletters`. The probes (`/healthz`, `/livez`, `/readyz`) are always for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Whoever is on this machine, or comes through `kubectl port-forward`. A manager with this refuses to start on an
    /// address that others reach.
    #[default]
    Loopback,
    /// Whoever shows a bearer token that the API server knows (`TokenReview`) and may do what the request does
    /// (`SubjectAccessReview` of the path as a non-resource URL: `get` to read, `post` to replay dead letters,
    /// `delete` to drop them), on any address. 401 without such a token, 403 without the right, 503 while the API
    /// server cannot be asked.
    ///
    /// The manager's own account needs `create` on `tokenreviews.authentication.k8s.io` and
    /// `subjectaccessreviews.authorization.k8s.io` (the cluster role `system:auth-delegator`). The same decision as
    /// that of controller-runtime's `filters.WithAuthenticationAndAuthorization`.
    Delegated,
    /// Everybody who reaches the address: for networks that let nobody else in.
    Unprotected,
}
