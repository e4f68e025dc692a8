//! What the log of a probe tells, as far as it is taken.

use std::time::Duration;

use evidence::{Capture, Source, read_framed, read_run_within};

use super::state::told;
use super::{Options, ProbeError, Target};
use crate::cluster::client::{Client, Request};

/// Bytes of a run file: a node's has some hundred kilobytes.
const LARGEST_RUN: u64 = 32 << 20;

/// Bytes that a run file may unpack to. A walk takes at most 64 MiB of text.
const LARGEST_CONTENT: u64 = 160 << 20;

/// Bytes of a log: a run file in base64, and what may stand before it.
const LARGEST_LOG: usize = 48 << 20;

/// How long reading a log may take.
const DEADLINE: Duration = Duration::from_mins(2);

/// A log that was just written may not be whole at once.
const AGAIN: Duration = Duration::from_secs(1);

/// Reads the log of a pod that ended well.
pub(super) async fn read(
    client: &Client,
    options: &Options,
    pod: &str,
    target: &Target,
    catalogue: &str,
) -> Result<Capture, ProbeError> {
    let first = once(client, options, pod, target, catalogue).await;
    if matches!(first, Err(ProbeError::Log { .. })) {
        tokio::time::sleep(AGAIN).await;
        return once(client, options, pod, target, catalogue).await;
    }
    first
}

async fn once(
    client: &Client,
    options: &Options,
    pod: &str,
    target: &Target,
    catalogue: &str,
) -> Result<Capture, ProbeError> {
    let mut client = client.clone();
    client.deadline = client.deadline.max(DEADLINE);
    let request = Request::Log { namespace: &options.namespace, pod, limit: LARGEST_LOG };
    let log = client.answer(&request, LARGEST_LOG + 1).await;
    let log =
        log.map_err(|refusal| match ProbeError::of(&refusal, || format!("get pods/log in {}", options.namespace)) {
            ProbeError::Server(why) => ProbeError::Log { why },
            other => other,
        })?;
    taken(&log, target, catalogue)
}

/// The capture in a log. A node can lie about itself, and about nothing else.
pub(super) fn taken(log: &[u8], target: &Target, catalogue: &str) -> Result<Capture, ProbeError> {
    let run = read_framed(log, LARGEST_RUN).map_err(|error| ProbeError::Log { why: error.to_string() })?;
    let foreign = |why: String| ProbeError::Foreign { why };
    let run =
        read_run_within(run.as_slice(), LARGEST_CONTENT).map_err(|error| foreign(told(&crate::causes(&error))))?;
    let [mut capture] = <[Capture; 1]>::try_from(run.captures)
        .map_err(|all| foreign(format!("it holds {} captures, and one was asked for", all.len())))?;
    if capture.name != target.name || capture.source != Source::Node {
        return Err(foreign(format!("it is no look at the running node {}", target.name)));
    }
    if capture.catalogue != catalogue {
        let why = "it looked for something else: the image holds another version of kube-assay-probe";
        return Err(foreign(why.to_owned()));
    }
    let boots = (target.boot.as_ref(), capture.identity.get("boot-id"));
    if matches!(boots, (Some(known), Some(told)) if known != told) {
        capture.remarks.push("the node was started anew after the API told of it, or another one answered".to_owned());
    }
    Ok(capture)
}
