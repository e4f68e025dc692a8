use proptest::prelude::*;
use serde_json::json;

use super::*;

fn pod(status: &Value) -> Value {
    json!({ "metadata": { "name": "p" }, "status": status })
}

fn container(state: &Value) -> Value {
    json!({ "phase": "Pending", "containerStatuses": [{ "name": "sidecar" }, { "name": "probe", "state": state }] })
}

fn waiting(reason: &str, message: &str) -> Value {
    pod(&container(&json!({ "waiting": { "reason": reason, "message": message } })))
}

fn ended(code: i64, reason: &str, message: &str) -> Value {
    let mut status = container(&json!({ "terminated": { "exitCode": code, "reason": reason, "message": message } }));
    status["phase"] = json!("Failed");
    pod(&status)
}

fn over(kind: &str, reason: &str) -> Value {
    let message = "Job has reached the specified backoff limit";
    json!({ "status": { "conditions": [{ "type": kind, "status": "True", "reason": reason, "message": message }] } })
}

fn told_of(job: Option<&Value>, pods: &[Value], failure: Option<&str>, patient: bool) -> String {
    let pods: Vec<&Value> = pods.iter().collect();
    let warnings = failure.iter().flat_map(|why| ["j", "p"].map(|name| (name.to_owned(), (*why).to_owned()))).collect();
    match step(job, &pods, &warnings, patient, 60) {
        Step::Unshared => "unshared".to_owned(),
        Step::Waits(what) => format!("waits: {what}"),
        Step::Ended(pod) => format!("ended: {pod}"),
        Step::Failed(error) => format!("failed: {error}"),
    }
}

#[test]
fn every_way_of_a_pod_is_told() {
    let job = json!({ "metadata": { "name": "j" }, "status": {} });
    let denied = "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": hostPID=true";
    let evicted = pod(&json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on resource" }));
    let going = json!({ "metadata": { "name": "p", "deletionTimestamp": "x" }, "status": { "phase": "Running" } });
    let (backoff, deadline) = (over("Failed", "BackoffLimitExceeded"), over("FailureTarget", "DeadlineExceeded"));
    let none: &[Value] = &[];
    let pull = "back-off pulling image";
    for (job, pods, failure, expected) in [
        (Some(&job), none, None, "waits: its pod to be made"),
        (Some(&job), none, Some(denied), &*format!("failed: the cluster does not admit the pod: {denied}")),
        (None, none, None, "failed: somebody removed its Job"),
        (Some(&job), &[pod(&json!({ "phase": "Pending" }))], None, "waits: the node's kubelet to take it"),
        (Some(&job), &[pod(&json!({ "phase": "Running" }))], None, "waits: the probe to end"),
        (Some(&job), &[waiting("ContainerCreating", "")], None, "waits: ContainerCreating"),
        (
            Some(&job),
            &[waiting("ContainerCreating", "")],
            Some("FailedMount: no such map"),
            "waits: ContainerCreating: FailedMount: no such map",
        ),
        (
            Some(&job),
            &[waiting("CreateContainerError", "path \"/\" is mounted on \"/\" but it is not a shared or slave mount")],
            None,
            "unshared",
        ),
        (Some(&job), &[waiting("ErrImagePull", "not found")], None, "waits: ErrImagePull: not found"),
        (
            Some(&job),
            &[waiting("ImagePullBackOff", pull)],
            None,
            "failed: the node cannot get the image: ImagePullBackOff: back-off pulling image",
        ),
        (Some(&job), &[pod(&json!({ "phase": "Succeeded" }))], None, "ended: p"),
        // Its Job may be gone by then.
        (None, &[pod(&json!({ "phase": "Succeeded" }))], None, "ended: p"),
        (
            Some(&job),
            &[ended(4, "Error", "kube-assay-probe: cannot read the trails\n")],
            None,
            "failed: the probe failed with code 4: kube-assay-probe: cannot read the trails",
        ),
        (Some(&job), &[ended(137, "OOMKilled", "")], None, "failed: the probe failed with code 137: OOMKilled"),
        (Some(&job), &[evicted], None, "failed: the probe failed: Evicted: The node was low on resource"),
        (Some(&job), &[going], None, "waits: its pod to be gone"),
        (
            Some(&backoff),
            none,
            None,
            "failed: the probe failed: its pod is gone: Job has reached the specified backoff limit",
        ),
        (
            Some(&deadline),
            &[waiting("ContainerCreating", "")],
            None,
            "failed: not done within 60 s; it waited for: ContainerCreating",
        ),
        (Some(&deadline), none, None, "failed: not done within 60 s"),
        (Some(&deadline), &[pod(&json!({ "phase": "Succeeded" }))], None, "ended: p"),
    ] {
        assert_eq!(told_of(job, pods, failure, false), expected);
    }
    assert_eq!(told_of(None, &[], None, true), "waits: its Job to be seen");
    assert_eq!(told_of(Some(&job), &[], Some(denied), true), "waits: its pod to be made");
}

#[test]
fn what_others_say_obeys_nobody() {
    assert_eq!(told(" a\x1b[2J\nb "), "a [2J b");
    let long = format!("{}end", "x".repeat(1000));
    assert!(told(&long).ends_with("end") && told(&long).chars().count() == TOLD + 1);
}

proptest! {
    #[test]
    fn any_answer_ends_without_a_panic(phase in "[A-Za-z]{0,9}", code: i64, word: String, odd: bool) {
        let status = if odd { json!(word) } else { json!({ "phase": phase, "reason": word, "containerStatuses": [{ "name": "probe",
            "state": { "terminated": { "exitCode": code, "message": word }, "waiting": { "reason": word } } }] }) };
        let _ = told_of(Some(&json!({ "status": word })), &[pod(&status)], Some(&word), odd);
    }
}
