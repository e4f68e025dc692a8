//! Kubernetes' API as far as it is called: answers are read, two kinds of reviews are posted, of which a server stores
//! nothing, and what a look at nodes needs is made and removed ([`Change`]). What is called is decided here and nowhere
//! else.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pace::Pace;
use super::path::is_readable;
use super::probe::CONTAINER;
use super::probe::request::{Change, Which};
use super::rights::Check;

/// How long one call may take, its answer included.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// How often a call that reads is tried.
const TRIES: u32 = 3;

/// How long is waited before the second try; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(250);

/// A server's own word on that is followed up to here.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Bytes that are read of a refusal.
const LARGEST_REFUSAL: usize = 64 << 10;

/// A server that gave no answer so many times in a row is not asked again.
const PATIENCE: u32 = 3;

/// Everything that is ever asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Request<'a> {
    /// What a path answers.
    Read(&'a str),
    /// A page of a list.
    Page {
        /// The path of the list.
        path: &'a str,
        /// How many objects at most.
        limit: u32,
        /// Where the page before ended.
        after: Option<&'a str>,
    },
    /// A page of a list, of which only some objects are meant.
    Some {
        /// The path of the list.
        path: &'a str,
        /// Which of them.
        which: Which<'a>,
        /// How many objects at most.
        limit: u32,
        /// Where the page before ended.
        after: Option<&'a str>,
    },
    /// The log of a probe.
    Log {
        /// The namespace of its pod.
        namespace: &'a str,
        /// The pod.
        pod: &'a str,
        /// How many bytes at most.
        limit: usize,
    },
    /// Makes or removes an object of ours.
    Change(&'a Change<'a>),
    /// Whether the user has a right (`SelfSubjectAccessReview`).
    AccessReview(&'a Check<'a>),
    /// Who the user is (`SelfSubjectReview`).
    SelfReview,
}

impl Request<'_> {
    /// The method: what reads is a GET.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Read(_) | Self::Page { .. } | Self::Some { .. } | Self::Log { .. } => Method::GET,
            Self::Change(change) => change.method(),
            Self::AccessReview(_) | Self::SelfReview => Method::POST,
        }
    }

    fn path(&self) -> Cow<'_, str> {
        match self {
            Self::Read(path) | Self::Page { path, .. } | Self::Some { path, .. } => (*path).into(),
            Self::Log { namespace, pod, .. } => format!("/api/v1/namespaces/{namespace}/pods/{pod}/log").into(),
            Self::Change(change) => change.path().into(),
            Self::AccessReview(_) => "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".into(),
            Self::SelfReview => "/apis/authentication.k8s.io/v1/selfsubjectreviews".into(),
        }
    }

    /// The path with its query; none: it may not be asked for.
    pub(super) fn target(&self) -> Option<String> {
        let path = self.path();
        let more = |after: Option<&str>| after.map(|after| format!("&continue={}", escaped(after))).unwrap_or_default();
        // A name is one part of a path.
        let named = match self {
            Self::Log { namespace, pod, .. } => !format!("{namespace}{pod}").contains('/'),
            Self::Change(change) => change.is_named(),
            _ => true,
        };
        (named && is_readable(&path)).then(|| match self {
            Self::Page { limit, after, .. } => format!("{path}?limit={limit}{}", more(*after)),
            Self::Some { which, limit, after, .. } => format!("{path}?{}&limit={limit}{}", which.query(), more(*after)),
            // One byte more tells that there is more.
            Self::Log { limit, .. } => format!("{path}?container={CONTAINER}&limitBytes={}", limit + 1),
            Self::Change(change) => format!("{path}{}", change.query()),
            _ => path.into_owned(),
        })
    }

    fn body(&self) -> Option<Value> {
        match self {
            Self::Read(_) | Self::Page { .. } | Self::Some { .. } | Self::Log { .. } => None,
            Self::Change(change) => Some(change.body()),
            Self::AccessReview(check) => Some(check.review()),
            Self::SelfReview => Some(json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" })),
        }
    }
}

pub(super) fn escaped(token: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    token.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// The server refuses.
    #[error("the server answers {code}{}{message}", if message.is_empty() { "" } else { ": " })]
    Status {
        /// The status.
        code: u16,
        /// Whether the API itself says so, and not a kubelet or a proxy on the way.
        api: bool,
        /// The object that the API says is not there.
        missing: Option<String>,
        /// What it says.
        message: String,
    },
    /// The server was not reached, or hung up.
    #[error("{0}")]
    Lost(String),
    /// No answer within the deadline.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// The credentials could not be made: a plugin failed, a file is missing.
    #[error("{0}")]
    Credentials(String),
    /// The answer is larger than what is read.
    #[error("an answer of more than {0} bytes")]
    TooLarge(usize),
    /// This may not be asked for.
    #[error("this cannot be asked for")]
    Never,
    /// The server was not asked, since it did not answer before.
    #[error("not asked: the server gave no answer {PATIENCE} times in a row")]
    GivenUp,
}

impl Refusal {
    /// The status that the server answered, if it answered.
    pub(super) fn code(&self) -> Option<u16> {
        if let Self::Status { code, .. } = self { Some(*code) } else { None }
    }

    /// Whether a right is missing. What refuses on the way to the API, or behind it, wants something else.
    pub(super) fn is_denial(&self) -> bool {
        matches!(self, Self::Status { code: 403, api: true, .. })
    }

    /// Whether the API itself says that this object is not there. A path that it does not know, or another than the API
    /// that answers, proves nothing.
    pub(super) fn misses(&self, object: &str) -> bool {
        matches!(self, Self::Status { code: 404, missing: Some(name), .. } if name == object)
    }

    /// Whether another try may do better.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Status { code, .. } => matches!(code, 429 | 500 | 502 | 503 | 504),
            Self::Lost(_) => true,
            _ => false,
        }
    }
}

/// A refusal, and how long the server wants to be left alone.
type Refused = (Refusal, Option<Duration>);

/// A connection to a cluster's API.
#[derive(Clone)]
pub(super) struct Client {
    kube: kube::Client,
    pub(super) deadline: Duration,
    pub(super) pace: Arc<Pace>,
    /// How many calls in a row had no answer.
    silent: Arc<AtomicU32>,
}

impl Client {
    pub(super) fn new(kube: kube::Client) -> Self {
        Self { kube, deadline: DEADLINE, pace: Arc::new(Pace::new(50, 100)), silent: Arc::default() }
    }

    /// As [`Self::answer`], but for a server that keeps silent: it is given up.
    pub(super) async fn patient_answer(&self, request: &Request<'_>, limit: usize) -> Result<Vec<u8>, Refusal> {
        if self.silent.load(Ordering::Relaxed) >= PATIENCE {
            return Err(Refusal::GivenUp);
        }
        let answer = self.answer(request, limit).await;
        match answer {
            Err(Refusal::Lost(_) | Refusal::Late(_)) => drop(self.silent.fetch_add(1, Ordering::Relaxed)),
            _ => self.silent.store(0, Ordering::Relaxed),
        }
        answer
    }

    /// The answer to a request, of at most so many bytes. What only reads is tried again where that may help.
    pub(super) async fn answer(&self, request: &Request<'_>, limit: usize) -> Result<Vec<u8>, Refusal> {
        let target = request.target().ok_or(Refusal::Never)?;
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.within(request, &target, limit).await {
                Err((refusal, wait)) if request.method() == Method::GET && refusal.may_pass() => {
                    tokio::time::sleep(rest(wait, pause)).await;
                    pause *= 2;
                }
                ended => return ended.map_err(|(refusal, _)| refusal),
            }
        }
        self.within(request, &target, limit).await.map_err(|(refusal, _)| refusal)
    }

    async fn within(&self, request: &Request<'_>, target: &str, limit: usize) -> Result<Vec<u8>, Refused> {
        self.pace.turn().await;
        let call = tokio::time::timeout(self.deadline, self.once(request, target, limit));
        call.await.unwrap_or(Err((Refusal::Late(self.deadline), None)))
    }

    async fn once(&self, request: &Request<'_>, target: &str, limit: usize) -> Result<Vec<u8>, Refused> {
        let body = request.body().map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let content_type =
            if let Request::Change(change) = request { change.content_type() } else { "application/json" };
        let sent = http::Request::builder()
            .method(request.method())
            .uri(target)
            .header(ACCEPT, if matches!(request, Request::Log { .. }) { "*/*" } else { "application/json" })
            .header(USER_AGENT, concat!("kube-assay/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .map_err(|_| (Refusal::Never, None))?;
        let response = self.kube.send(sent).await.map_err(|error| (lost(error), None))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() {
            return bytes(response.into_body(), limit).await.map_err(|refusal| (refusal, None));
        }
        let wait = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let said = bytes(response.into_body(), LARGEST_REFUSAL).await.unwrap_or_default();
        Err((refused(status, &said), wait.map(Duration::from_secs)))
    }
}

/// How long is waited: as long as the server wants, within reason, else as long as we mean ourselves.
fn rest(wanted: Option<Duration>, own: Duration) -> Duration {
    wanted.unwrap_or(own).min(LONGEST_PAUSE)
}

/// What a server says of a refusal.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    kind: String,
    reason: String,
    message: String,
    details: Details,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    name: String,
}

fn refused(status: StatusCode, body: &[u8]) -> Refusal {
    let said: Said = serde_json::from_slice(body).unwrap_or_default();
    let api = said.kind == "Status";
    let said = if api { said } else { Said::default() };
    let message = match status {
        StatusCode::UNAUTHORIZED if api => "it does not accept these credentials, or they ended".to_owned(),
        StatusCode::FORBIDDEN if !api => {
            "and not in the API's words: the kubelet, or a proxy on the way, refuses".to_owned()
        }
        _ => said.message.chars().take(500).collect(),
    };
    let missing = Some(said.details.name).filter(|name| said.reason == "NotFound" && !name.is_empty());
    Refusal::Status { code: status.as_u16(), api, missing, message }
}

/// A body piece by piece: its length is not known before.
async fn bytes(mut body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(lost)?.into_data() else { continue };
        if all.len() + data.len() > limit {
            return Err(Refusal::TooLarge(limit));
        }
        all.extend_from_slice(&data);
    }
    Ok(all)
}

/// An error of the client in words that hold nothing of what a credential plugin printed.
pub(super) fn lost(error: kube::Error) -> Refusal {
    use kube::client::AuthError;
    let of_plugin = |error: &AuthError| match error {
        // Its arguments may be secret too.
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.trim().lines().last().map(|line| format!(": {line}")).unwrap_or_default();
            format!("the kubeconfig's credential plugin failed ({}){last}", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the kubeconfig's credential plugin printed no credential".to_owned()
        }
        other => crate::causes(other),
    };
    match error {
        kube::Error::Auth(error) => Refusal::Credentials(of_plugin(&error)),
        kube::Error::Service(error) => match error.downcast_ref::<AuthError>() {
            Some(error) => Refusal::Credentials(of_plugin(error)),
            None => Refusal::Lost(told(&*error)),
        },
        kube::Error::HyperError(error) => Refusal::Lost(told(&error)),
        kube::Error::InferKubeconfig(error) => Refusal::Credentials(crate::causes(&error)),
        other => Refusal::Lost(crate::causes(&other)),
    }
}

fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told = crate::causes(error);
    if told.contains("UnknownIssuer") || told.contains("invalid peer certificate") {
        told += " (the kubeconfig may be another cluster's)";
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::probe::Made;
    use super::*;

    #[test]
    fn a_server_is_left_alone_as_long_as_it_wants_within_reason() {
        let second = Duration::from_secs(1);
        assert_eq!(rest(None, PAUSE), PAUSE);
        assert_eq!((rest(Some(second), PAUSE), rest(Some(second * 3600), PAUSE)), (second, LONGEST_PAUSE));
    }

    #[test]
    fn answers_are_read_and_little_else_is_asked() {
        let check = Check { verb: "list", group: "", resource: "pods", name: None, namespace: None };
        let path = "/api/v1/pods";
        let all = [
            (Request::Read("/version"), "GET /version"),
            (Request::Page { path, limit: 500, after: None }, "GET /api/v1/pods?limit=500"),
            (Request::Page { path, limit: 5, after: Some("a=/&") }, "GET /api/v1/pods?limit=5&continue=a%3D%2F%26"),
            (Request::AccessReview(&check), "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
            (Request::SelfReview, "POST /apis/authentication.k8s.io/v1/selfsubjectreviews"),
            (
                Request::Some { path, which: Which::Run("a1"), limit: 5, after: Some("b") },
                "GET /api/v1/pods?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dkube-assay%2Ckube-assay.dev%2Frun%3Da1\
                 &limit=5&continue=b",
            ),
            (
                Request::Some { path: "/api/v1/namespaces/n/events", which: Which::Warnings, limit: 5, after: None },
                "GET /api/v1/namespaces/n/events?fieldSelector=type%3DWarning&limit=5",
            ),
            (
                Request::Log { namespace: "n", pod: "p", limit: 9 },
                "GET /api/v1/namespaces/n/pods/p/log?container=probe&limitBytes=10",
            ),
        ];
        for (request, told) in all {
            assert_eq!(format!("{} {}", request.method(), request.target().unwrap()), told);
            assert_eq!(request.body().is_some(), request.method() == Method::POST);
        }
        let object = Value::Null;
        let (namespace, name) = ("n", "o");
        let made = [
            (Made::Namespace, "/api/v1/namespaces"),
            (Made::NetworkPolicy, "/apis/networking.k8s.io/v1/namespaces/n/networkpolicies"),
            (Made::ConfigMap, "/api/v1/namespaces/n/configmaps"),
            (Made::Job, "/apis/batch/v1/namespaces/n/jobs"),
        ];
        let mut changes: Vec<(Change<'_>, String)> = vec![
            (
                Change::Rehearse { namespace, object: &object },
                "POST /api/v1/namespaces/n/configmaps?dryRun=All".to_owned(),
            ),
            (Change::Join { namespace, run: "r" }, "PATCH /api/v1/namespaces/n".to_owned()),
        ];
        for (kind, list) in made {
            changes.push((Change::Make { kind, namespace, object: &object }, format!("POST {list}")));
            changes.push((Change::Remove { kind, namespace, name, only: None }, format!("DELETE {list}/o")));
        }
        for (change, told) in &changes {
            let request = Request::Change(change);
            assert_eq!(format!("{} {}", request.method(), request.target().unwrap()), *told);
        }
        for name in ["", "..", "a/b", "a?b", "a%2fb"] {
            let change = Change::Remove { kind: Made::Job, namespace, name, only: None };
            assert_eq!(Request::Change(&change).target(), None, "{name}");
            assert_eq!(Request::Log { namespace, pod: name, limit: 1 }.target(), None, "{name}");
        }
        for never in ["/api/v1/secrets", "/api/v1/namespaces/a/pods/b/exec", "/api/v1/pods?watch=1"] {
            assert_eq!(Request::Read(never).target(), None, "{never}");
            assert_eq!(Request::Page { path: never, limit: 1, after: None }.target(), None, "{never}");
        }
    }
}
