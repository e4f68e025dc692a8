//! A cluster's own objects, through the Kubernetes API, and what it tells of each node. For that nothing is changed:
//! answers are read, and two reviews are posted, of which a server stores nothing. Only [`probe`] makes objects, and
//! removes them again.
//!
//! Every list is bounded and tells why it is not whole; what a right is missing for says which right it is.

mod access;
mod body;
mod client;
mod list;
mod node;
mod pace;
mod path;
pub mod probe;
mod rights;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evidence::{
    Ask, Aspect, Capture, Item, Limits, Place, Reach, Seen, Source, Trail, VERSION, Walk, object_kind, trails_digest,
};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub use access::Access;
use access::Way;
use client::{Client, Refusal, Request};
use list::Bounds;
use node::Known;
use pace::Pace;
pub use rights::{Check, rights, role};

/// Why a cluster could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no kubeconfig.
    #[error("there is no kubeconfig: name one, set KUBECONFIG, or run in a pod with a service account")]
    NoKubeconfig,
    /// A kubeconfig cannot be used.
    #[error("{file}: {why}")]
    Kubeconfig {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A kubeconfig names no context.
    #[error("the kubeconfig has no current context: name one of {known}")]
    NoContext {
        /// Those that it has.
        known: String,
    },
    /// A kubeconfig does not have the context that is meant.
    #[error("the kubeconfig has no context `{name}`: name one of {known}")]
    UnknownContext {
        /// The one that is meant.
        name: String,
        /// Those that it has.
        known: String,
    },
    /// The credentials cannot be made, or are not accepted.
    #[error("{server}: {why}: log in anew, or name another context")]
    Credentials {
        /// The server.
        server: String,
        /// What is wrong with them.
        why: String,
    },
    /// The server does not answer.
    #[error("{server}: {why}")]
    Server {
        /// The server.
        server: String,
        /// What it, or the way to it, said.
        why: String,
    },
    /// The runtime could not be started.
    #[error("no calls can be made here")]
    Runtime(#[source] std::io::Error),
}

/// How many nodes are asked at once.
const AT_ONCE: usize = 8;

/// The largest answer to a review, or to the first question.
const LARGEST_ANSWER: usize = 1 << 20;

/// A cluster, and the way to it.
pub struct Cluster {
    runtime: Runtime,
    client: Client,
    context: Option<String>,
    server: String,
    /// Whether the server's certificate is checked.
    checked: bool,
    version: Option<String>,
    bounds: Bounds,
    at_once: usize,
}

impl Cluster {
    /// Finds the way to a cluster, and asks for its version: whoever cannot reach it learns that at once.
    pub fn connect(access: &Access) -> Result<Self, ClusterError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ClusterError::Runtime)?;
        let Way { config, context, server } = runtime.block_on(access::find(access, &|name| std::env::var_os(name)))?;
        let checked = !config.accept_invalid_certs && config.cluster_url.scheme_str() != Some("http");
        let failed = |refusal: Refusal| match refusal {
            Refusal::Credentials(why) => ClusterError::Credentials { server: server.clone(), why },
            refusal if refusal.code() == Some(401) => {
                ClusterError::Credentials { server: server.clone(), why: refusal.to_string() }
            }
            refusal => ClusterError::Server { server: server.clone(), why: refusal.to_string() },
        };
        let (client, answer) = runtime.block_on(async {
            let kube = kube::Client::try_from(config).map_err(|error| failed(client::lost(error)))?;
            let client = Client::new(kube);
            let answer = client.answer(&Request::Read(VERSION), LARGEST_ANSWER).await;
            Ok::<_, ClusterError>((client, answer))
        })?;
        let version = match answer {
            Ok(bytes) => git_version(&bytes),
            // A server that tells its version to nobody may show its objects all the same.
            Err(refusal) if refusal.is_denial() => None,
            Err(refusal) => return Err(failed(refusal)),
        };
        Ok(Self { runtime, client, context, server, checked, version, bounds: Bounds::default(), at_once: AT_ONCE })
    }

    /// Another deadline of each call.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.client.deadline = deadline;
        self
    }

    /// Another rate of calls: so many in a second, and so many at once.
    #[must_use]
    pub fn with_pace(mut self, per_second: u32, burst: u32) -> Self {
        self.client.pace = Arc::new(Pace::new(per_second, burst));
        self
    }

    /// Other bounds in bytes: what is read of one answer, what is kept of one list, and of all.
    #[must_use]
    pub fn with_bounds(mut self, answer: usize, list: usize, all: usize) -> Self {
        self.bounds = Bounds { answer, list, all };
        self
    }

    /// Another number of nodes that are asked at once.
    #[must_use]
    pub fn with_at_once(mut self, nodes: usize) -> Self {
        self.at_once = nodes.max(1);
        self
    }

    /// Host and port of the server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Asks the API along the trails. What a node itself holds is not asked for.
    pub fn capture(&self, trails: Vec<Trail>) -> Capture {
        self.runtime.block_on(self.captured(trails))
    }

    async fn captured(&self, trails: Vec<Trail>) -> Capture {
        let catalogue = trails_digest(&trails);
        let mut left = self.bounds.all;
        let mut walk = Walk::new(trails, Limits::default());
        while let Some(ask) = walk.next_ask() {
            match self.look(&ask, left).await {
                Some(seen) => {
                    if let Seen::Objects(list) = &seen {
                        left = left.saturating_sub(usize::try_from(list.text.size).unwrap_or(usize::MAX));
                    }
                    walk.answer(seen);
                }
                None => walk.pass(),
            }
        }
        let (items, breaks) = walk.finish();
        let user = self.user().await;
        let identity = [
            ("kubernetes", self.version.clone()),
            ("cluster-uid", cluster_uid(&items)),
            ("server", Some(self.server.clone())),
            ("context", self.context.clone()),
        ];
        let remark = "the server's certificate was not checked: who answered is not known for sure".to_owned();
        Capture {
            name: format!("cluster {}", self.context.as_ref().unwrap_or(&self.server)),
            source: Source::Cluster,
            taken: now(),
            root: "the Kubernetes API".to_owned(),
            identity: identity.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect(),
            reach: Reach { api: true, ..Reach::default() },
            rights: user.map(|user| format!("those of {user}")).into_iter().collect(),
            remarks: if self.checked { Vec::new() } else { vec![remark] },
            catalogue,
            items,
            breaks,
        }
    }

    /// The answer; none: this API has none to such a question.
    async fn look(&self, ask: &Ask, left: usize) -> Option<Seen> {
        match ask {
            Ask::Objects { api } => {
                let kind = object_kind(api)?;
                Some(list::read(&self.client, kind, Bounds { all: left, ..self.bounds }).await)
            }
            Ask::Body { api, limit } if api.starts_with('/') => Some(body::read(&self.client, api, *limit).await),
            _ => None,
        }
    }

    /// Captures of the nodes that a cluster's capture shows and that are `meant`, several asked at once, in the order of
    /// the list. Each is told to `progress` when it is done. Of the pods in the capture only mirror pods are held.
    pub fn nodes(
        &self,
        cluster: &Capture,
        trails: Vec<Trail>,
        meant: &dyn Fn(&str) -> bool,
        progress: &dyn Fn(&Capture),
    ) -> Vec<Capture> {
        let catalogue = trails_digest(&trails);
        let trails: Vec<Trail> = trails.into_iter().filter(node::is_of_node).collect();
        let known = Arc::new(Known::of(cluster, meant));
        self.runtime.block_on(async {
            let mut asked = JoinSet::new();
            let mut done: BTreeMap<usize, Capture> = BTreeMap::new();
            let mut next = 0;
            loop {
                while asked.len() < self.at_once && next < known.nodes.len() {
                    let (at, client, known) = (next, self.client.clone(), Arc::clone(&known));
                    let (trails, catalogue) = (trails.clone(), catalogue.clone());
                    asked.spawn(async move {
                        (at, node::capture(&client, &known.nodes[at], &known, trails, catalogue).await)
                    });
                    next += 1;
                }
                let Some(ended) = asked.join_next().await else { break };
                // A node is never lost without a word: a panic of ours goes on.
                let (at, capture) = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
                progress(&capture);
                done.insert(at, capture);
            }
            done.into_values().collect()
        })
    }

    /// Whether the user has each of these rights. An error: the server did not say.
    pub fn may(&self, checks: &[Check<'_>]) -> Vec<Result<bool, String>> {
        self.runtime.block_on(async {
            let mut all = Vec::with_capacity(checks.len());
            for check in checks {
                let answer = self.client.answer(&Request::AccessReview(check), LARGEST_ANSWER).await;
                all.push(answer.map_err(|refusal| refusal.to_string()).and_then(|bytes| allowed(&bytes)));
            }
            all
        })
    }

    /// The name of the user, if the server tells it.
    pub fn who(&self) -> Option<String> {
        self.runtime.block_on(self.user())
    }

    async fn user(&self) -> Option<String> {
        let answer = self.client.patient_answer(&Request::SelfReview, LARGEST_ANSWER).await.ok()?;
        let review: Value = serde_json::from_slice(&answer).ok()?;
        review.pointer("/status/userInfo/username").and_then(Value::as_str).map(str::to_owned)
    }
}

fn allowed(answer: &[u8]) -> Result<bool, String> {
    let review: Value = serde_json::from_slice(answer).map_err(|_| "the answer is no review".to_owned())?;
    let said = review.pointer("/status/allowed").and_then(Value::as_bool);
    said.ok_or_else(|| "the server's answer says neither yes nor no".to_owned())
}

fn git_version(answer: &[u8]) -> Option<String> {
    let version: Value = serde_json::from_slice(answer).ok()?;
    version.get("gitVersion").and_then(Value::as_str).map(str::to_owned)
}

/// The uid of the namespace kube-system: clusters have no other name that stays.
pub(crate) fn cluster_uid(items: &[Item]) -> Option<String> {
    let place = Place::Api("/api/v1/namespaces".to_owned());
    let item = items.iter().find(|item| item.place == place && item.aspect == Aspect::Objects)?;
    let Seen::Objects(list) = &item.seen else { return None };
    let all = list.text.bytes.split(|byte| *byte == b'\n');
    let own = all
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .find(|namespace| namespace.pointer("/metadata/name").is_some_and(|name| name == "kube-system"))?;
    own.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned)
}

fn now() -> Option<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}
