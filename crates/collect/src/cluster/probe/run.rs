//! One run: Jobs are made, a bounded number at once, followed until each has ended, read one by one, and removed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use evidence::{Capture, Trail, trails_digest};
use serde_json::Value;
use tokio::time::Instant;

use super::request::{Change, Made, Which};
use super::state::{Step, Warnings, step, text};
use super::tidy::{self, Attempted, Leftover};
use super::{LARGEST_TRAILS, Options, ProbeError, Target, Told, log, manifest, probe_rights, space};
use crate::cluster::client::{Client, Request};
use crate::cluster::{LARGEST_ANSWER, allowed};

/// How often the cluster is asked how far it is.
const POLL: Duration = Duration::from_secs(1);

/// How often is looked whether the run is to stop.
const BEAT: Duration = Duration::from_millis(100);

/// After so long a Job and its pod must show in lists; and after so long also in a namespace that was just made, whose
/// parts are made one after the other.
const SEEN: Duration = Duration::from_secs(3);
const SETTLED: Duration = Duration::from_secs(30);

/// After so long it is asked what holds a pod up.
const SLOW: Duration = Duration::from_secs(8);

/// How often that is asked.
const ASKED: Duration = Duration::from_secs(4);

/// How long after its deadline a Job is given up, although the cluster does not say that it ended.
const OVERDUE: Duration = Duration::from_secs(30);

/// Looks in a row that may fail.
const MISSES: u32 = 5;

/// A node that is being looked at.
struct Active<'a> {
    target: Cow<'a, Target>,
    since: Instant,
    /// What it waits for, and what it waited for that tells most.
    last: String,
    held: String,
}

struct Run<'a, 'b> {
    client: &'a Client,
    options: &'a Options,
    catalogue: String,
    told: &'a mut dyn FnMut(Told<'_>),
    stop: &'b AtomicBool,
    queue: VecDeque<Cow<'a, Target>>,
    /// By the names of their Jobs.
    active: BTreeMap<String, Active<'a>>,
    attempted: Attempted,
    /// What the cluster warned of, and when it was asked.
    warnings: (Warnings, Option<Instant>),
}

/// Waits, unless the run is to stop. Whether it is.
pub(super) async fn rest(time: Duration, stop: &AtomicBool) -> bool {
    let until = Instant::now() + time;
    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(BEAT.min(time)).await;
    }
    stop.load(Ordering::Relaxed)
}

/// Looks at all of them, and gives back what could not be removed afterwards.
pub(super) async fn all(
    client: &Client,
    context: Option<&str>,
    nodes: &[Target],
    options: &Options,
    trails: &[Trail],
    told: &mut dyn FnMut(Told<'_>),
    stop: &AtomicBool,
) -> Vec<Leftover> {
    let mut names = BTreeSet::new();
    let mut run = Run {
        client,
        options,
        catalogue: trails_digest(trails),
        told,
        stop,
        queue: nodes.iter().filter(|node| names.insert(&node.name)).map(Cow::Borrowed).collect(),
        active: BTreeMap::new(),
        attempted: Attempted::default(),
        warnings: (Warnings::new(), None),
    };
    let ended = match run.prepare(context, trails).await {
        Ok(()) => run.go_on().await,
        Err(error) => Err(error),
    };
    let why = ended.err().unwrap_or(ProbeError::Stopped);
    let active = std::mem::take(&mut run.active).into_values().map(|active| active.target);
    for target in active.chain(run.queue.drain(..)) {
        (run.told)(Told::Ended { node: &target.name, result: Err(why.clone()) });
    }
    if run.attempted.any { tidy::tidy(client, context, options, run.attempted).await } else { Vec::new() }
}

impl Run<'_, '_> {
    /// Whatever is wrong for all nodes is told before anything is made.
    async fn prepare(&mut self, context: Option<&str>, trails: &[Trail]) -> Result<(), ProbeError> {
        let (client, options) = (self.client, self.options);
        if let Some(mistake) = options.mistake() {
            return Err(ProbeError::Mistake(mistake));
        }
        let trails = serde_json::to_string(trails).map_err(|error| ProbeError::Mistake(error.to_string()))?;
        if trails.len() > LARGEST_TRAILS {
            return Err(ProbeError::Mistake(format!("the trails are longer than {LARGEST_TRAILS} bytes")));
        }
        // A node that cannot be looked at is known at once.
        let (fit, unfit): (Vec<_>, Vec<_>) = self.queue.drain(..).partition(|node| node.unfit.is_none());
        self.queue = fit.into();
        for target in unfit {
            let why = target.unfit.clone().unwrap_or_default();
            (self.told)(Told::Ended { node: &target.name, result: Err(ProbeError::Unfit(why)) });
        }
        if self.queue.is_empty() {
            return Ok(());
        }
        let space = space::look(client, &options.namespace).await?;
        if let Some(why) = space.refusal() {
            return Err(ProbeError::Namespace { namespace: options.namespace.clone(), why });
        }
        self.may(!space.exists || space.temporary || space.going).await?;
        if space.exists && !space.going {
            // What an earlier run left is no reason not to run.
            match tidy::sweep(client, context, &options.namespace, Some(&options.run)).await {
                Ok(left) => {
                    for one in left {
                        self.note(&format!("left by an earlier run: {}", one.command()));
                    }
                }
                Err(error) => self.note(&format!("what earlier runs may have left is not known: {error}")),
            }
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(ProbeError::Stopped);
        }
        let waves = u32::try_from(self.queue.len().div_ceil(options.max_parallel.max(1))).unwrap_or(u32::MAX);
        let lasts = (options.deadline + OVERDUE * 2).saturating_mul(waves) + 2 * manifest::KEPT;
        self.attempted.any = true;
        space::prepare(client, options, &manifest::config_map(options, &trails, lasts), self.stop).await
    }

    fn note(&mut self, what: &str) {
        (self.told)(Told::Note(what));
    }

    /// Whether the rights are there. A server that does not say shows it later.
    async fn may(&self, making: bool) -> Result<(), ProbeError> {
        for check in probe_rights(&self.options.namespace, making) {
            let answer = self.client.answer(&Request::AccessReview(&check), LARGEST_ANSWER).await;
            if answer.is_ok_and(|bytes| allowed(&bytes) == Ok(false)) {
                return Err(ProbeError::MayNot { right: check.told() });
            }
        }
        Ok(())
    }

    async fn go_on(&mut self) -> Result<(), ProbeError> {
        let mut misses = 0;
        loop {
            self.begin().await?;
            if self.active.is_empty() && self.queue.is_empty() {
                return Ok(());
            }
            if rest(POLL, self.stop).await {
                return Err(ProbeError::Stopped);
            }
            match self.look().await {
                Ok(()) => misses = 0,
                Err(ProbeError::Server(_)) if misses < MISSES => misses += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes as many Jobs as there may be.
    async fn begin(&mut self) -> Result<(), ProbeError> {
        while self.active.len() < self.options.max_parallel.max(1) && !self.stop.load(Ordering::Relaxed) {
            let Some(target) = self.queue.pop_front() else { break };
            let name = manifest::job_name(self.options, &target);
            // It may be made even if no answer says so.
            self.attempted.jobs.insert((name.clone(), target.name.clone()));
            match tidy::make(self.client, self.options, Made::Job, &manifest::job(self.options, &target)).await {
                Ok(()) => {
                    let (since, last, held) = (Instant::now(), String::new(), String::new());
                    self.active.insert(name, Active { target, since, last, held });
                }
                // The same holds for all others.
                Err(error @ (ProbeError::MayNot { .. } | ProbeError::Mistake(_))) => {
                    self.queue.push_front(target);
                    return Err(error);
                }
                Err(ProbeError::Server(why)) => self.end(&target, Err(ProbeError::Rejected { why })),
                Err(error) => self.end(&target, Err(error)),
            }
        }
        Ok(())
    }

    fn end(&mut self, target: &Target, result: Result<Capture, ProbeError>) {
        (self.told)(Told::Ended { node: &target.name, result });
    }

    /// Looks how far each is, and reads those that ended.
    async fn look(&mut self) -> Result<(), ProbeError> {
        let (namespace, which) = (self.options.namespace.as_str(), Some(Which::Run(&self.options.run)));
        let jobs = tidy::list(self.client, &Made::Job.list(namespace), which).await?;
        let pods = tidy::list(self.client, &format!("/api/v1/namespaces/{namespace}/pods"), which).await?;
        let jobs: BTreeMap<&str, &Value> = jobs.iter().map(|job| (text(job, "/metadata/name"), job)).collect();
        let mut of_jobs: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for pod in &pods {
            of_jobs.entry(owner(pod)).or_default().push(pod);
        }
        let held_up = |(name, active): (&String, &Active<'_>)| {
            let running = || of_jobs[name.as_str()].iter().all(|pod| text(pod, "/status/phase") != "Pending");
            let age = active.since.elapsed();
            if of_jobs.contains_key(name.as_str()) { age > SLOW && !running() } else { age > SEEN }
        };
        if self.active.iter().any(held_up) && self.warnings.1.is_none_or(|asked| asked.elapsed() > ASKED) {
            self.warnings = (self.warned().await?, Some(Instant::now()));
        }
        let names: Vec<String> = self.active.keys().cloned().collect();
        for name in names {
            if self.stop.load(Ordering::Relaxed) {
                return Err(ProbeError::Stopped);
            }
            let own = of_jobs.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
            let Some(active) = self.active.get_mut(&name) else { continue };
            let (age, seconds) = (active.since.elapsed(), self.options.deadline.as_secs());
            let settles = self.warnings.0.get(&name).is_some_and(|why| why.contains("not found"));
            let patient = age < SEEN || settles && age < SETTLED;
            let next = match step(jobs.get(name.as_str()).copied(), own, &self.warnings.0, patient, seconds) {
                Step::Waits(_) if age > self.options.deadline + OVERDUE => {
                    Step::Failed(ProbeError::Deadline { seconds, last: String::new() })
                }
                next => next,
            };
            let target = active.target.clone();
            match next {
                Step::Waits(what) => {
                    if active.last != what {
                        (self.told)(Told::Stage { node: &target.name, what: &what });
                        if what.contains(": ") {
                            active.held.clone_from(&what);
                        }
                        active.last = what;
                    }
                }
                // Nothing was started yet: it is tried once more, in the other way.
                Step::Unshared if target.shared => {
                    let what = "its root, which is shared with nobody, to be mounted in another way";
                    (self.told)(Told::Stage { node: &target.name, what });
                    self.active.remove(&name);
                    self.remove(&name, &target).await;
                    self.queue.push_front(Cow::Owned(Target { shared: false, ..target.into_owned() }));
                }
                Step::Unshared => {
                    let why = "its root can be mounted in no way".to_owned();
                    self.finish(&name, Err(ProbeError::Failed { code: None, why })).await;
                }
                Step::Failed(ProbeError::Deadline { seconds, last }) => {
                    // What held it up says more than that it is being removed.
                    let held = [&active.held, &last, &active.last].into_iter().find(|word| !word.is_empty());
                    let last = held.cloned().unwrap_or_default();
                    self.finish(&name, Err(ProbeError::Deadline { seconds, last })).await;
                }
                Step::Failed(error) => self.finish(&name, Err(error)).await,
                Step::Ended(pod) => {
                    let read = self.read(&pod, &target).await;
                    self.finish(&name, read).await;
                }
            }
        }
        Ok(())
    }

    async fn read(&self, pod: &str, target: &Target) -> Result<Capture, ProbeError> {
        let mut read = pin!(log::read(self.client, self.options, pod, target, &self.catalogue));
        loop {
            match tokio::time::timeout(BEAT, read.as_mut()).await {
                Ok(read) => return read,
                Err(_) if self.stop.load(Ordering::Relaxed) => return Err(ProbeError::Stopped),
                Err(_) => {}
            }
        }
    }

    /// Tells what came of a node, and removes its Job. What cannot be removed now is removed at the end.
    async fn finish(&mut self, name: &str, result: Result<Capture, ProbeError>) {
        let Some(active) = self.active.remove(name) else { return };
        self.end(&active.target, result);
        self.remove(name, &active.target).await;
    }

    async fn remove(&mut self, name: &str, target: &Target) {
        let remove = Change::Remove { kind: Made::Job, namespace: &self.options.namespace, name, only: None };
        if tidy::change(self.client, &remove).await.is_ok() {
            self.attempted.jobs.remove(&(name.to_owned(), target.name.clone()));
        }
    }

    /// What the cluster warns of, by the names of Jobs and pods.
    async fn warned(&self) -> Result<Warnings, ProbeError> {
        let path = format!("/api/v1/namespaces/{}/events", self.options.namespace);
        let mut events = tidy::list(self.client, &path, Some(Which::Warnings)).await?;
        // The last one of each counts. Times of this form sort as text.
        let at = |event: &Value| {
            ["/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"].map(|way| text(event, way)).concat()
        };
        events.sort_by_cached_key(at);
        let told = |event: &Value| {
            let (reason, message) = (text(event, "/reason"), text(event, "/message"));
            let said = if reason == "FailedCreate" { message.to_owned() } else { format!("{reason}: {message}") };
            (text(event, "/involvedObject/name").to_owned(), said)
        };
        Ok(events.iter().map(told).collect())
    }
}

/// The Job that a pod belongs to.
fn owner(pod: &Value) -> &str {
    let owners = pod.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.and_then(|all| all.iter().find(|one| text(one, "/kind") == "Job")).map_or("", |one| text(one, "/name"))
}
