//! Parts that several tables keep: what Kubernetes' own configurations may show, wherever Talos carries them.

/// A plugin of admission. What others than these are configured with is theirs, and may be secret.
pub(super) const PLUGIN: &[&str] = &[
    "name",
    "path",
    "configuration.apiVersion",
    "configuration.kind",
    "configuration.defaults.*",
    "configuration.exemptions.*",
    "configuration.limits.*",
    "configuration.imagePolicy.allowTTL",
    "configuration.imagePolicy.denyTTL",
    "configuration.imagePolicy.retryBackoff",
    "configuration.imagePolicy.defaultAllow",
];

/// An audit policy.
pub(super) const POLICY: &[&str] = &["apiVersion", "kind", "omitStages", "omitManagedFields", "rules.**"];

/// An entry of structured authorization.
pub(super) const AUTHORIZER: &[&str] = &["type", "name", "webhook.failurePolicy"];

/// Structured authentication.
pub(super) const AUTHENTICATION: &[&str] =
    &["apiVersion", "kind", "anonymous.enabled", "anonymous.conditions.path", "jwt.issuer.url"];

/// The scheduler's configuration.
pub(super) const SCHEDULER: &[&str] = &[
    "apiVersion",
    "kind",
    "enableProfiling",
    "enableContentionProfiling",
    "healthzBindAddress",
    "metricsBindAddress",
    "leaderElection.leaderElect",
    "clientConnection.kubeconfig",
];
