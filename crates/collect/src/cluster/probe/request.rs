//! What is ever made, joined or removed in a cluster: objects of four kinds, each by name and in one namespace.

use http::Method;
use serde_json::{Value, json};

/// Whoever looks for objects of ours looks for this.
pub(in crate::cluster) const MANAGED_BY: &str = "app.kubernetes.io/managed-by=kube-assay";

/// The label that says which run an object belongs to.
pub(in crate::cluster) const RUN: &str = "kube-assay.dev/run";

/// The annotation that a run writes on a temporary namespace before it uses it.
pub(super) const JOINED: &str = "kube-assay.dev/joined-by";

/// The kinds of objects that are made, in the order of making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Made {
    /// A namespace, if there is none.
    Namespace,
    /// A network policy in a namespace that was made.
    NetworkPolicy,
    /// The trails.
    ConfigMap,
    /// A look at one node.
    Job,
}

impl Made {
    /// The kind as kubectl takes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::NetworkPolicy => "networkpolicy",
            Self::ConfigMap => "configmap",
            Self::Job => "job",
        }
    }

    /// The list of all of them in a namespace.
    pub(in crate::cluster) fn list(self, namespace: &str) -> String {
        match self {
            Self::Namespace => "/api/v1/namespaces".to_owned(),
            Self::NetworkPolicy => format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"),
            Self::ConfigMap => format!("/api/v1/namespaces/{namespace}/configmaps"),
            Self::Job => format!("/apis/batch/v1/namespaces/{namespace}/jobs"),
        }
    }
}

/// A request that changes something.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cluster) enum Change<'a> {
    /// Makes an object.
    Make {
        /// Its kind.
        kind: Made,
        /// Where.
        namespace: &'a str,
        /// What.
        object: &'a Value,
    },
    /// Has the server go through the making of a `ConfigMap` without storing it: the answer tells the server's time.
    Rehearse {
        /// Where.
        namespace: &'a str,
        /// What.
        object: &'a Value,
    },
    /// Removes an object of ours, and what belongs to it.
    Remove {
        /// Its kind.
        kind: Made,
        /// Where.
        namespace: &'a str,
        /// Its name.
        name: &'a str,
        /// Its uid, and the version that it still must have: nobody touched it since.
        only: Option<(&'a str, &'a str)>,
    },
    /// Tells others that a temporary namespace is in use: whoever looked at it before can no longer remove it.
    Join {
        /// The namespace.
        namespace: &'a str,
        /// The run.
        run: &'a str,
    },
}

impl Change<'_> {
    pub(in crate::cluster) fn method(&self) -> Method {
        match self {
            Self::Make { .. } | Self::Rehearse { .. } => Method::POST,
            Self::Remove { .. } => Method::DELETE,
            Self::Join { .. } => Method::PATCH,
        }
    }

    pub(in crate::cluster) fn path(&self) -> String {
        match self {
            Self::Make { kind, namespace, .. } => kind.list(namespace),
            Self::Rehearse { namespace, .. } => Made::ConfigMap.list(namespace),
            Self::Remove { kind, namespace, name, .. } => format!("{}/{name}", kind.list(namespace)),
            Self::Join { namespace, .. } => format!("/api/v1/namespaces/{namespace}"),
        }
    }

    /// Whether its names are names, and lead nowhere else.
    pub(in crate::cluster) fn is_named(&self) -> bool {
        let (namespace, name) = match self {
            Self::Make { namespace, .. } | Self::Rehearse { namespace, .. } | Self::Join { namespace, .. } => {
                (namespace, "")
            }
            Self::Remove { namespace, name, .. } => (namespace, *name),
        };
        !namespace.contains('/') && !name.contains('/')
    }

    pub(in crate::cluster) fn query(&self) -> &'static str {
        if matches!(self, Self::Rehearse { .. }) { "?dryRun=All" } else { "" }
    }

    pub(in crate::cluster) fn content_type(&self) -> &'static str {
        if matches!(self, Self::Join { .. }) { "application/merge-patch+json" } else { "application/json" }
    }

    pub(in crate::cluster) fn body(&self) -> Value {
        match self {
            Self::Make { object, .. } | Self::Rehearse { object, .. } => (*object).clone(),
            Self::Remove { only, .. } => {
                // The pods of a Job go with it.
                let mut options =
                    json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
                if let Some((uid, version)) = only {
                    options["preconditions"] = json!({ "uid": uid, "resourceVersion": version });
                }
                options
            }
            Self::Join { run, .. } => json!({ "metadata": { "annotations": { JOINED: run } } }),
        }
    }
}

/// Which objects of a list are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Which<'a> {
    /// All that this program made.
    Ours,
    /// Those of one run.
    Run(&'a str),
    /// Of events: what went wrong.
    Warnings,
}

impl Which<'_> {
    /// The selector, escaped for a query.
    pub(in crate::cluster) fn query(&self) -> String {
        let (name, selector) = match self {
            Self::Ours => ("labelSelector", MANAGED_BY.to_owned()),
            Self::Run(run) => ("labelSelector", format!("{MANAGED_BY},{RUN}={run}")),
            Self::Warnings => ("fieldSelector", "type=Warning".to_owned()),
        };
        format!("{name}={}", crate::cluster::client::escaped(&selector))
    }
}
