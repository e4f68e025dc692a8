//! Making and removing, through a connection that may be lost in between; and what earlier runs left behind.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::manifest::{self, LASTS, NODE};
use super::request::{Change, Made, RUN, Which};
use super::state::{text, told};
use super::{Options, ProbeError, space};
use crate::cluster::LARGEST_ANSWER;
use crate::cluster::client::{Client, Refusal, Request};
use crate::cluster::path::right;

/// Objects of a page.
const PAGE: u32 = 250;

/// Pages of a list of objects of ours.
const MAX_PAGES: u32 = 1000;

/// Bytes of a page.
const LARGEST_PAGE: usize = 32 << 20;

/// How long a change is tried while a run goes on, and how long everything together when it ends.
const PATIENCE: Duration = Duration::from_secs(10);
const CLEANING: Duration = Duration::from_secs(90);

/// What is left in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Its kind as kubectl takes it.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The run that made it.
    pub run: String,
    /// The node that it is for.
    pub node: Option<String>,
    /// Why it is there.
    pub why: String,
    context: Option<String>,
}

impl Leftover {
    /// The command that removes it.
    pub fn command(&self) -> String {
        let context = self.context.as_ref().map(|name| format!("--context {} ", quoted(name))).unwrap_or_default();
        match self.kind.as_str() {
            "namespace" => format!("kubectl {context}delete namespace {}", self.name),
            kind => format!("kubectl {context}-n {} delete {kind} {} --ignore-not-found", self.namespace, self.name),
        }
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/@:".contains(&byte);
    if word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// What a run may have made, and has not removed for sure.
#[derive(Debug, Default)]
pub(super) struct Attempted {
    /// Whether anything was tried.
    pub(super) any: bool,
    /// Names of Jobs, and their nodes.
    pub(super) jobs: BTreeSet<(String, String)>,
}

/// Every object of a list. `None`: of whoever made it.
pub(super) async fn list(client: &Client, path: &str, which: Option<Which<'_>>) -> Result<Vec<Value>, ProbeError> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let after_last = after.as_deref();
        let request = match which {
            Some(which) => Request::Some { path, which, limit: PAGE, after: after_last },
            None => Request::Page { path, limit: PAGE, after: after_last },
        };
        let answer = client.answer(&request, LARGEST_PAGE).await;
        let bytes = answer.map_err(|refusal| ProbeError::of(&refusal, || right(path)))?;
        let mut page: Value = serde_json::from_slice(&bytes)
            .map_err(|_| ProbeError::Server(format!("the answer to {path} is no list in JSON")))?;
        if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
            all.extend(items);
        }
        match text(&page, "/metadata/continue") {
            "" => return Ok(all),
            next => after = Some(next.to_owned()),
        }
    }
    Err(ProbeError::Server(format!("{path} has more than {MAX_PAGES} pages")))
}

/// Does something, and again if the connection was lost meanwhile. What was done before is done.
pub(super) async fn change(client: &Client, change: &Change<'_>) -> Result<Value, Refusal> {
    change_until(client, change, Instant::now() + PATIENCE).await
}

async fn change_until(client: &Client, change: &Change<'_>, until: Instant) -> Result<Value, Refusal> {
    let (mut pause, mut lost) = (Duration::from_millis(250), false);
    loop {
        let refusal = match client.answer(&Request::Change(change), LARGEST_ANSWER).await {
            Ok(bytes) => return Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(refusal) => refusal,
        };
        let done = match change {
            Change::Make { .. } => lost && refusal.code() == Some(409),
            Change::Remove { name, .. } => refusal.misses(name),
            _ => false,
        };
        if done {
            return Ok(Value::Null);
        }
        if !(refusal.may_pass() || matches!(refusal, Refusal::Late(_))) || Instant::now() + pause > until {
            return Err(refusal);
        }
        lost = true;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// Makes an object of a run.
pub(super) async fn make(client: &Client, options: &Options, kind: Made, object: &Value) -> Result<(), ProbeError> {
    let namespace = &options.namespace;
    match change(client, &Change::Make { kind, namespace, object }).await {
        Ok(_) => Ok(()),
        // Another run may have made these at the same time.
        Err(refusal) if refusal.code() == Some(409) && matches!(kind, Made::Namespace | Made::NetworkPolicy) => Ok(()),
        Err(refusal) if refusal.code() == Some(409) => {
            Err(ProbeError::Mistake(format!("there is a run of the name {} already", options.run)))
        }
        Err(refusal) => {
            Err(ProbeError::of(&refusal, || format!("create {}", right(&kind.list(namespace))[5..].trim_start())))
        }
    }
}

/// Removes what a run made, and gives back what is left of it.
pub(super) async fn tidy(
    client: &Client,
    context: Option<&str>,
    options: &Options,
    mut attempted: Attempted,
) -> Vec<Leftover> {
    let (until, namespace) = (Instant::now() + CLEANING, options.namespace.as_str());
    let mut left = Vec::new();
    let leftover = |kind: &str, name: &str, node: Option<&str>, why: String| Leftover {
        kind: kind.to_owned(),
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        run: options.run.clone(),
        node: node.map(str::to_owned),
        why,
        context: context.map(str::to_owned),
    };
    // A Job whose making had no answer may be there all the same.
    let job_list = Made::Job.list(namespace);
    for job in list(client, &job_list, Some(Which::Run(&options.run))).await.unwrap_or_default() {
        attempted.jobs.insert((text(&job, "/metadata/name").to_owned(), node_of(&job)));
    }
    let config_map = manifest::config_map_name(options);
    let jobs = attempted.jobs.iter().map(|(name, node)| (Made::Job, name.as_str(), Some(node.as_str())));
    for (kind, name, node) in jobs.chain([(Made::ConfigMap, config_map.as_str(), None)]) {
        let remove = Change::Remove { kind, namespace, name, only: None };
        if let Err(refusal) = change_until(client, &remove, until).await {
            left.push(leftover(kind.word(), name, node, told(&refusal.to_string())));
        }
    }
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let last = Instant::now() + options.patience;
    while left.is_empty() {
        match list(client, &pods, Some(Which::Run(&options.run))).await {
            Ok(pods) if pods.is_empty() => break,
            Ok(pods) if Instant::now() > last => left.extend(pods.iter().map(|pod| {
                let node = text(pod, "/spec/nodeName");
                let why = format!("its kubelet has not ended it: it goes as soon as the node {node} answers");
                leftover("pod", text(pod, "/metadata/name"), Some(node), why)
            })),
            Err(_) if Instant::now() > last => break,
            _ => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
    loop {
        match space::leave(client, namespace).await {
            Ok(true) => break,
            Ok(false) if Instant::now() > last + options.patience => {
                left.push(leftover("namespace", namespace, None, "its removal does not end".to_owned()));
                break;
            }
            Err(error) if Instant::now() > until || !matches!(error, ProbeError::Server(_)) => {
                left.push(leftover("namespace", namespace, None, error.to_string()));
                break;
            }
            _ => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
    left
}

fn node_of(object: &Value) -> String {
    object
        .pointer("/metadata/annotations")
        .map(|all| text(all, &format!("/{}", NODE.replace('/', "~1"))))
        .unwrap_or_default()
        .to_owned()
}

/// The server's time: its clock alone says how old an object is.
async fn now(client: &Client, namespace: &str) -> Result<Timestamp, ProbeError> {
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "generateName": "kube-assay-time-" } });
    let answer = change(client, &Change::Rehearse { namespace, object: &object }).await;
    let answer = answer.map_err(|refusal| ProbeError::of(&refusal, || format!("create configmaps in {namespace}")))?;
    time(&answer).ok_or_else(|| ProbeError::Server("the server does not tell its time".to_owned()))
}

fn time(object: &Value) -> Option<Timestamp> {
    text(object, "/metadata/creationTimestamp").parse().ok()
}

/// Whether an object of ours is in use no more: it was made longer ago than its run can last.
fn is_over(object: &Value, now: Timestamp) -> bool {
    let lasts = object.pointer("/metadata/annotations").and_then(|all| all.get(LASTS)?.as_str()?.parse::<i64>().ok());
    // One that does not tell how long it lasts was not made by a run.
    let (Some(lasts), Some(made)) = (lasts, time(object)) else { return false };
    now.as_second().saturating_sub(made.as_second()) > lasts
}

/// What earlier runs left, and no run needs any more. `own`: a run that goes on.
pub(super) async fn leftovers(
    client: &Client,
    context: Option<&str>,
    namespace: &str,
    own: Option<&str>,
) -> Result<Vec<Leftover>, ProbeError> {
    let mut found = Vec::new();
    if !space::stays(client, namespace).await? {
        return Ok(found);
    }
    let mut time = None;
    for kind in [Made::Job, Made::ConfigMap] {
        for object in list(client, &kind.list(namespace), Some(Which::Ours)).await? {
            let run = object.pointer("/metadata/labels").and_then(|all| all.get(RUN)?.as_str()).unwrap_or_default();
            if run.is_empty() || Some(run) == own {
                continue;
            }
            let now = match time {
                Some(now) => now,
                None => *time.insert(now(client, namespace).await?),
            };
            if is_over(&object, now) {
                found.push(Leftover {
                    kind: kind.word().to_owned(),
                    name: text(&object, "/metadata/name").to_owned(),
                    namespace: namespace.to_owned(),
                    run: run.to_owned(),
                    node: Some(node_of(&object)).filter(|node| !node.is_empty()),
                    why: format!("the run {run} ended without removing it"),
                    context: context.map(str::to_owned),
                });
            }
        }
    }
    Ok(found)
}

/// Removes them, and the namespace if it was made by a run and is used by none.
pub(super) async fn sweep(
    client: &Client,
    context: Option<&str>,
    namespace: &str,
    own: Option<&str>,
) -> Result<Vec<Leftover>, ProbeError> {
    let (mut left, until) = (Vec::new(), Instant::now() + CLEANING);
    for mut leftover in leftovers(client, context, namespace, own).await? {
        let kind = if leftover.kind == Made::Job.word() { Made::Job } else { Made::ConfigMap };
        let remove = Change::Remove { kind, namespace, name: &leftover.name, only: None };
        if let Err(refusal) = change_until(client, &remove, until).await {
            leftover.why = told(&refusal.to_string());
            left.push(leftover);
        }
    }
    if own.is_none() && left.is_empty() {
        space::leave(client, namespace).await?;
    }
    Ok(left)
}
