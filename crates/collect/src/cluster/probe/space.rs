//! The namespace that Jobs are made in: what it must be, and how several runs share one that goes with the last of them.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::Value;

use super::manifest::{self, ENFORCE, TEMPORARY};
use super::request::{Change, Made, Which};
use super::state::text;
use super::{Options, ProbeError, tidy};
use crate::cluster::LARGEST_ANSWER;
use crate::cluster::client::{Client, Request};

/// Namespaces that belong to the cluster.
const OF_THE_CLUSTER: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Lists of what runs in a namespace, or will.
const WORKLOADS: [&str; 8] = [
    "/api/v1/namespaces/{}/pods",
    "/api/v1/namespaces/{}/replicationcontrollers",
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/apps/v1/namespaces/{}/daemonsets",
    "/apis/apps/v1/namespaces/{}/statefulsets",
    "/apis/apps/v1/namespaces/{}/replicasets",
    "/apis/batch/v1/namespaces/{}/jobs",
    "/apis/batch/v1/namespaces/{}/cronjobs",
];

/// How long is waited for a namespace that is going.
const GOING: Duration = Duration::from_mins(1);

/// How often another run may take the namespace away before it is given up.
const TRIES: u32 = 3;

/// A namespace as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// Whether it is there. If not, a run makes it, and removes it.
    pub exists: bool,
    /// Whether it was made by a run, to be removed by the last one that uses it.
    pub temporary: bool,
    /// Whether it is being removed.
    pub going: bool,
    /// The level of Pod Security that it enforces.
    pub enforce: Option<String>,
    /// Workloads in it that are not ours: kind and name, a few of them.
    pub foreign: Vec<String>,
    pub(super) uid: String,
    pub(super) version: String,
}

impl Space {
    /// Why it is not to be used.
    pub fn refusal(&self) -> Option<String> {
        if OF_THE_CLUSTER.contains(&self.name.as_str()) {
            return Some("it belongs to the cluster; name one that is there for nothing else".to_owned());
        }
        if !self.exists {
            return None;
        }
        if !self.foreign.is_empty() {
            let some = self.foreign.join(", ");
            return Some(format!(
                "it holds other workloads ({some}), whose owners could take over pods that see the nodes; name one that \
                 is there for nothing else"
            ));
        }
        match self.enforce.as_deref() {
            Some("privileged") => None,
            Some(level) => Some(format!(
                "it enforces the level `{level}` of Pod Security, which admits no pod that sees a node; label it with \
                 {ENFORCE}=privileged"
            )),
            None => Some(format!(
                "it names no level of Pod Security, so that the cluster's own holds; label it with {ENFORCE}=privileged"
            )),
        }
    }
}

/// A namespace as the API shows it, and what is in it.
pub(super) async fn look(client: &Client, name: &str) -> Result<Space, ProbeError> {
    let mut space = shown(client, name).await?;
    if !space.exists || space.going {
        return Ok(space);
    }
    for list in WORKLOADS {
        let path = list.replace("{}", name);
        for object in tidy::list(client, &path, None).await? {
            if text(&object, "/metadata/labels/app.kubernetes.io~1name") == "kube-assay" {
                continue;
            }
            let kind = path.rsplit('/').next().unwrap_or_default();
            space.foreign.push(format!("{kind}/{}", text(&object, "/metadata/name")));
            if space.foreign.len() >= 5 {
                return Ok(space);
            }
        }
    }
    Ok(space)
}

/// The namespace alone.
async fn shown(client: &Client, name: &str) -> Result<Space, ProbeError> {
    let path = format!("/api/v1/namespaces/{name}");
    match client.answer(&Request::Read(&path), LARGEST_ANSWER).await {
        Ok(bytes) => Ok(of(name, &serde_json::from_slice(&bytes).unwrap_or_default())),
        Err(refusal) if refusal.misses(name) => Ok(Space { name: name.to_owned(), ..Space::default() }),
        Err(refusal) => Err(ProbeError::of(&refusal, || format!("get namespaces/{name}"))),
    }
}

fn of(name: &str, namespace: &Value) -> Space {
    let owned = |way: &str| text(namespace, way).to_owned();
    let metadata = |group: &str, key: &str| {
        let value = namespace.pointer("/metadata").and_then(|metadata| metadata.get(group)?.get(key)?.as_str());
        value.map(str::to_owned)
    };
    Space {
        name: name.to_owned(),
        exists: true,
        temporary: metadata("annotations", TEMPORARY).is_some(),
        going: namespace.pointer("/metadata/deletionTimestamp").is_some(),
        enforce: metadata("labels", ENFORCE),
        foreign: Vec::new(),
        uid: owned("/metadata/uid"),
        version: owned("/metadata/resourceVersion"),
    }
}

/// Makes the namespace ready, and the trails in it.
///
/// The last run removes a temporary namespace, upon the condition that nobody wrote to it since it was seen to be
/// unused. So a run first writes that it joins, then makes its trails, and then looks whether the namespace is still
/// there: either the other's removal fails, or it is seen here.
pub(super) async fn prepare(
    client: &Client,
    options: &Options,
    trails: &Value,
    stop: &AtomicBool,
) -> Result<(), ProbeError> {
    let refused = |why: String| ProbeError::Namespace { namespace: options.namespace.clone(), why };
    for _ in 0..TRIES {
        let mut space = look(client, &options.namespace).await?;
        if let Some(why) = space.refusal() {
            return Err(refused(why));
        }
        if space.going {
            gone(client, options, stop).await?;
            space.exists = false;
        }
        if space.exists && space.temporary {
            let join = Change::Join { namespace: &options.namespace, run: &options.run };
            let joined = tidy::change(client, &join).await;
            joined.map_err(|refusal| ProbeError::of(&refusal, || format!("patch namespaces/{}", options.namespace)))?;
        } else if !space.exists {
            let temporary = manifest::namespace(options, true);
            tidy::make(client, options, Made::Namespace, &temporary).await?;
            tidy::make(client, options, Made::NetworkPolicy, &manifest::network_policy(options)).await?;
        }
        let made = tidy::make(client, options, Made::ConfigMap, trails).await;
        let now = shown(client, &options.namespace).await?;
        if now.exists && !now.going {
            // A namespace that somebody else made in the meantime is looked at as any other.
            if !space.exists
                && !now.temporary
                && let Some(why) = look(client, &options.namespace).await?.refusal()
            {
                return Err(refused(why));
            }
            return made;
        }
    }
    Err(refused("it is removed again and again by somebody".to_owned()))
}

/// Waits until a namespace that is being removed is gone.
async fn gone(client: &Client, options: &Options, stop: &AtomicBool) -> Result<(), ProbeError> {
    let until = tokio::time::Instant::now() + GOING;
    loop {
        let space = shown(client, &options.namespace).await?;
        if !space.exists {
            return Ok(());
        }
        if tokio::time::Instant::now() > until {
            let why = "it is being removed, and that does not end; `kubectl describe namespace` says why".to_owned();
            return Err(ProbeError::Namespace { namespace: options.namespace.clone(), why });
        }
        if super::run::rest(Duration::from_secs(1), stop).await {
            return Err(ProbeError::Stopped);
        }
    }
}

/// Removes a temporary namespace that no other run uses. Whether it is no more this run's concern.
pub(super) async fn leave(client: &Client, namespace: &str) -> Result<bool, ProbeError> {
    let space = shown(client, namespace).await?;
    if !space.exists || !space.temporary {
        return Ok(true);
    }
    if space.going {
        return Ok(false);
    }
    for kind in [Made::ConfigMap, Made::Job] {
        if !tidy::list(client, &kind.list(namespace), Some(Which::Ours)).await?.is_empty() {
            // It is another run's, who leaves it later.
            return Ok(true);
        }
    }
    let only = Some((space.uid.as_str(), space.version.as_str()));
    let remove = Change::Remove { kind: Made::Namespace, namespace, name: namespace, only };
    match tidy::change(client, &remove).await {
        // Gone, or touched by a run that joined: the next look tells.
        Ok(_) => Ok(false),
        Err(refusal) if refusal.code() == Some(409) => Ok(false),
        Err(refusal) => Err(ProbeError::of(&refusal, || format!("delete namespaces/{namespace}"))),
    }
}

/// Whether a namespace is there.
pub(super) async fn stays(client: &Client, namespace: &str) -> Result<bool, ProbeError> {
    Ok(shown(client, namespace).await?.exists)
}
