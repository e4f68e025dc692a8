//! How far the look at a node is, told from its Job, its pod and what the cluster says of them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ProbeError;
use super::manifest::CONTAINER;

/// The most characters that are told of what somebody else says.
const TOLD: usize = 500;

/// Reasons for which a container waits that do not pass by waiting.
const NO_IMAGE: [&str; 6] = [
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// What every runtime says of a mount that cannot propagate, since the node's root is shared with nobody.
const UNSHARED: &str = "not a shared or slave mount";

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Not ended, and what it waits for.
    Waits(String),
    /// The pod of this name ended well: its log may be read.
    Ended(String),
    /// The node's root is shared with nobody: it must be mounted in another way.
    Unshared,
    /// It ended otherwise, or never will.
    Failed(ProbeError),
}

/// Warnings of the cluster by the names of the objects that they are about.
pub(super) type Warnings = BTreeMap<String, String>;

/// How far a Job is. `patient`: it was made so short a time ago that a list may not show everything of it yet.
pub(super) fn step(job: Option<&Value>, pods: &[&Value], warnings: &Warnings, patient: bool, seconds: u64) -> Step {
    let deadline = |last: String| Step::Failed(ProbeError::Deadline { seconds, last });
    let of_pods = pods.iter().map(|pod| of_pod(pod, warnings)).max_by_key(rank);
    let failure = job.and_then(|job| warnings.get(text(job, "/metadata/name"))).map(String::as_str);
    if let Some(ended @ Step::Ended(_)) = of_pods {
        return ended;
    }
    let Some(job) = job else {
        return if patient {
            Step::Waits("its Job to be seen".to_owned())
        } else {
            Step::Failed(ProbeError::Removed { what: "its Job".to_owned() })
        };
    };
    let failed = condition(job, "Failed").or_else(|| condition(job, "FailureTarget"));
    if failed.is_some_and(|failed| text(failed, "/reason") == "DeadlineExceeded") {
        return deadline(match of_pods {
            Some(Step::Waits(last)) => last,
            _ => failure.map(told).unwrap_or_default(),
        });
    }
    match (of_pods, failure, failed) {
        (Some(step), ..) => step,
        (None, Some(why), _) if !patient => Step::Failed(ProbeError::Rejected { why: told(why) }),
        (None, _, Some(failed)) => {
            let why = told(text(failed, "/message"));
            Step::Failed(ProbeError::Failed { code: None, why: format!("its pod is gone: {why}") })
        }
        (None, ..) => Step::Waits("its pod to be made".to_owned()),
    }
}

/// Of several pods, which no Job of ours should have, the one that got furthest counts.
fn rank(step: &Step) -> u8 {
    match step {
        Step::Ended(_) => 2,
        Step::Waits(_) | Step::Unshared => 1,
        Step::Failed(_) => 0,
    }
}

fn of_pod(pod: &Value, warnings: &Warnings) -> Step {
    let status = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
    let own = status.and_then(|all| all.iter().find(|one| text(one, "/name") == CONTAINER));
    match text(pod, "/status/phase") {
        "Succeeded" => Step::Ended(text(pod, "/metadata/name").to_owned()),
        "Failed" => Step::Failed(failed(pod, own)),
        // Why, the Job tells soon.
        _ if pod.pointer("/metadata/deletionTimestamp").is_some() => Step::Waits("its pod to be gone".to_owned()),
        phase => waits(pod, own, phase, warnings),
    }
}

fn failed(pod: &Value, container: Option<&Value>) -> ProbeError {
    let ended = container.and_then(|container| container.pointer("/state/terminated"));
    let reason = ended.map_or("", |ended| text(ended, "/reason"));
    let code = ended.and_then(|ended| ended.pointer("/exitCode")).and_then(Value::as_i64);
    let words = [
        text(pod, "/status/reason"),
        text(pod, "/status/message"),
        if reason == "Error" { "" } else { reason },
        ended.map_or("", |ended| text(ended, "/message")),
    ];
    let why = words.into_iter().filter(|word| !word.trim().is_empty()).collect::<Vec<_>>().join(": ");
    ProbeError::Failed { code, why: told(&why) }
}

fn waits(pod: &Value, container: Option<&Value>, phase: &str, warnings: &Warnings) -> Step {
    let waiting = container.and_then(|container| container.pointer("/state/waiting"));
    let Some(waiting) = waiting else {
        let not_ready = text(pod, "/status/reason");
        return Step::Waits(match (phase, not_ready) {
            (_, "NodeLost") => "the node, which does not answer".to_owned(),
            ("Running", _) => "the probe to end".to_owned(),
            // The kubelet has not said a word of it yet.
            _ => "the node's kubelet to take it".to_owned(),
        });
    };
    let (reason, message) = (text(waiting, "/reason"), text(waiting, "/message"));
    // That a volume or a network cannot be made stands in no status.
    let message =
        if message.is_empty() { warnings.get(text(pod, "/metadata/name")).map_or("", |one| one) } else { message };
    let said = told(&if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") });
    if message.contains(UNSHARED) {
        return Step::Unshared;
    }
    if NO_IMAGE.contains(&reason) { Step::Failed(ProbeError::Image { why: said }) } else { Step::Waits(said) }
}

/// A condition of a Job that holds.
fn condition<'a>(job: &'a Value, kind: &str) -> Option<&'a Value> {
    let all = job.pointer("/status/conditions")?.as_array()?;
    all.iter().find(|one| text(one, "/type") == kind && text(one, "/status") == "True")
}

pub(super) fn text<'a>(value: &'a Value, way: &str) -> &'a str {
    value.pointer(way).and_then(Value::as_str).unwrap_or_default()
}

/// What somebody else says, for a person: its end, short, on one line, and with nothing in it that a terminal obeys.
pub(super) fn told(said: &str) -> String {
    let plain: String = said.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    match plain.chars().count().checked_sub(TOLD) {
        None | Some(0) => plain,
        Some(more) => format!("…{}", plain.chars().skip(more).collect::<String>()),
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
