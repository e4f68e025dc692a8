//! A talosconfig: which cluster, how to reach it, and who one is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::DecodePem as _;
use x509_cert::der::asn1::{ObjectIdentifier, PrintableStringRef, Utf8StringRef};

use super::TalosError;

/// Where a pod finds its own, and the last place that is looked at.
const IN_POD: &str = "/var/run/secrets/talos.dev/config";

/// At most so much of it is read.
const MAX_FILE: u64 = 4 << 20;

/// `organizationName` of X.520.
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// apid's port.
const PORT: u16 = 50_000;

/// One context of a talosconfig.
#[derive(Clone, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Endpoints in order.
    pub endpoints: Vec<Endpoint>,
    /// Nodes that are asked if nobody names others.
    pub nodes: Vec<String>,
    /// The authority of the cluster's API, in PEM; empty: the system's.
    pub(super) ca: Vec<u8>,
    /// The client's certificate, in PEM.
    pub(super) certificate: Vec<u8>,
    /// Its key, in PEM.
    pub(super) key: Vec<u8>,
    /// How long one call may take.
    pub(super) deadline: Duration,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, endpoints, nodes, .. } = self;
        f.debug_struct("Context")
            .field("name", name)
            .field("endpoints", endpoints)
            .field("nodes", nodes)
            .finish_non_exhaustive()
    }
}

/// What a client's certificate says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holder {
    /// The organizations of its subject: Talos takes them for roles.
    pub roles: Vec<String>,
    /// When it ends, in Unix seconds.
    pub expires: Option<u64>,
}

impl Holder {
    /// How long ago the certificate ended, in words; none: it is still good, or does not say.
    pub(super) fn ended(&self) -> Option<String> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
        let ago = now.checked_sub(self.expires?)?;
        Some(match ago / 86_400 {
            0 => "today".to_owned(),
            1 => "a day ago".to_owned(),
            days => format!("{days} days ago"),
        })
    }
}

impl Context {
    /// The same with another limit for each call.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// What the client's certificate says of itself, as far as it can be read.
    pub(super) fn certificate(&self) -> Holder {
        let Ok(certificate) = x509_cert::Certificate::from_pem(&self.certificate) else { return Holder::default() };
        let certificate = certificate.tbs_certificate();
        let of = |attribute: &AttributeTypeAndValue| {
            let text = || {
                let value = &attribute.value;
                let utf8 = value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
                utf8.or_else(|_| value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned()))
            };
            (attribute.oid == ORGANIZATION).then(|| text().ok()).flatten()
        };
        Holder {
            roles: certificate.subject().iter().filter_map(of).collect(),
            expires: Some(certificate.validity().not_after.to_unix_duration().as_secs()),
        }
    }
}

/// Where an API listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// One machine to ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A machine by its name or address, as the endpoints know it.
    Node(String),
    /// The machine behind an endpoint itself. It is given no name: what leads to it from here may lead nowhere there.
    Endpoint(Endpoint),
}

impl Target {
    /// What it is called in a report.
    pub fn name(&self) -> &str {
        match self {
            Self::Node(name) => name,
            Self::Endpoint(endpoint) => &endpoint.host,
        }
    }
}

impl Context {
    /// The machines that are meant: those that are named, else the context's own, else those behind its endpoints.
    pub fn targets(&self, named: &[String]) -> Vec<Target> {
        let nodes = if named.is_empty() { &self.nodes } else { named };
        let mut all: Vec<Target> = nodes.iter().cloned().map(Target::Node).collect();
        if all.is_empty() {
            all = self.endpoints.iter().cloned().map(Target::Endpoint).collect();
        }
        let mut distinct = BTreeSet::new();
        all.retain(|target| distinct.insert(target.clone()));
        all
    }
}

/// The file as it is written. What is not known here is left to newer versions.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    context: String,
    #[serde(default)]
    contexts: BTreeMap<String, Written>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    endpoints: Option<Vec<String>>,
    #[serde(default)]
    target: String,
    #[serde(default)]
    nodes: Option<Vec<String>>,
    #[serde(default)]
    ca: String,
    #[serde(default)]
    crt: String,
    #[serde(default)]
    key: String,
    #[serde(default, rename = "proxy-url")]
    proxy_url: String,
}

/// The talosconfig that `talosctl` would take: the one that is named here or by `TALOSCONFIG`, else the first that is
/// there. Unlike talosctl, which then goes on to another, a named one that is not there is an error when it is read: nobody
/// shall audit another cluster than the one that was meant.
pub fn find(named: Option<&Path>, env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    let own = env("TALOS_HOME").map(PathBuf::from).filter(|home| home.is_absolute()).map(|home| home.join("config"));
    let own = own.or_else(|| Some(PathBuf::from(env("HOME")?).join(".talos/config")));
    let given = env("TALOSCONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    given.or_else(|| [own, Some(IN_POD.into())].into_iter().flatten().find(|path| path.is_file()))
}

/// Reads a context of a talosconfig: the one that is named, else the file's current one.
pub fn load(path: &Path, context: Option<&str>) -> Result<Context, TalosError> {
    let wrong = |why: String| TalosError::Config { file: path.display().to_string(), why };
    let failed = |error: std::io::Error| wrong(error.to_string());
    let meta = std::fs::metadata(path).map_err(failed)?;
    if !meta.is_file() || meta.len() > MAX_FILE {
        return Err(wrong(format!("it is no regular file of at most {MAX_FILE} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    parse(&text, context).map_err(wrong)
}

/// The same from a text; the error never shows what stands in it.
fn parse(text: &str, context: Option<&str>) -> Result<Context, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location().map_or_else(String::new, |at| format!(" (line {})", at.line()));
        format!("it is no talosconfig{place}")
    })?;
    let name = context.unwrap_or(&file.context);
    let known = || file.contexts.keys().cloned().collect::<Vec<_>>().join(", ");
    let Some(written) = file.contexts.get(name) else {
        let what = if name.is_empty() {
            "it names no current context".to_owned()
        } else {
            format!("it has no context {name}")
        };
        return Err(format!("{what}: there are {}", known()));
    };
    if written.crt.is_empty() || written.key.is_empty() {
        return Err(format!(
            "the context {name} has no client certificate (crt and key); Omni's own login is not supported"
        ));
    }
    if !written.proxy_url.is_empty() {
        return Err(format!("the context {name} goes through a proxy (proxy-url), which is not supported"));
    }
    let decoded = |what: &str, text: &str| {
        // Line breaks in it are nothing, as for Go's decoder.
        let plain: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        STANDARD.decode(plain).map_err(|_| format!("{what} of the context {name} is no base64"))
    };
    let mut endpoints = Vec::new();
    for text in written.endpoints.iter().flatten().chain(Some(&written.target).filter(|target| !target.is_empty())) {
        endpoints
            .push(endpoint(text).ok_or_else(|| format!("`{text}` is no endpoint: a host, host:port or https://host"))?);
    }
    if endpoints.is_empty() {
        return Err(format!("the context {name} has no endpoint"));
    }
    Ok(Context {
        name: name.to_owned(),
        endpoints,
        nodes: written.nodes.clone().unwrap_or_default(),
        ca: decoded("ca", &written.ca)?,
        certificate: decoded("crt", &written.crt)?,
        key: plain_label(&decoded("key", &written.key)?),
        deadline: DEADLINE,
    })
}

/// `host`, `host:port` or `https://host[:port]`; without a port it is apid's, with a scheme that of the web.
fn endpoint(text: &str) -> Option<Endpoint> {
    let (rest, default) = match text.strip_prefix("https://") {
        Some(rest) => (rest.trim_end_matches('/'), 443),
        None => (text, PORT),
    };
    let of = |host: &str, port: u16| {
        let plain =
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
        plain.then(|| Endpoint { host: host.to_owned(), port })
    };
    if let Some((host, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match after.strip_prefix(':') {
            Some(port) => of(host, port.parse().ok()?),
            None if after.is_empty() => of(host, default),
            None => None,
        };
    }
    match rest.split_once(':') {
        // An address of IPv6 without brackets has no port.
        Some((_, port)) if port.contains(':') => of(rest, default),
        Some((host, port)) => of(host, port.parse().ok()?),
        None => of(rest, default),
    }
}

/// Talos writes its keys as PKCS#8 under a label of its own, which readers of PEM do not know.
fn plain_label(pem: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(pem).replace("ED25519 PRIVATE KEY-----", "PRIVATE KEY-----").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(text: &str) -> String {
        STANDARD.encode(text)
    }

    fn config() -> String {
        format!(
            "context: prod\ncontexts:\n  prod:\n    endpoints: [10.0.0.1, '[fd00::1]:50001']\n    nodes: [n1]\n    ca: {0}\n    crt: {0}\n    key: {1}\n    new-field: x\n  bare:\n    endpoints: [h]\n",
            base64("x"),
            base64("-----BEGIN ED25519 PRIVATE KEY-----\nAAAA\n-----END ED25519 PRIVATE KEY-----\n")
        )
    }

    #[test]
    fn a_context_is_read() {
        let context = parse(&config(), None).unwrap();
        assert_eq!((context.name.as_str(), context.nodes.as_slice()), ("prod", &["n1".to_owned()][..]));
        let told: Vec<String> = context.endpoints.iter().map(Endpoint::to_string).collect();
        assert_eq!(told, ["10.0.0.1:50000", "[fd00::1]:50001"]);
        assert_eq!(context.key, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        assert!(!format!("{context:?}").contains("KEY"));
    }

    #[test]
    fn endpoints_have_many_forms() {
        for (text, expected) in [
            ("10.0.0.1", Some("10.0.0.1:50000")),
            ("cp:1234", Some("cp:1234")),
            ("https://omni.example", Some("omni.example:443")),
            ("https://cp.example:50000/", Some("cp.example:50000")),
            ("fd00::1", Some("[fd00::1]:50000")),
            ("[fd00::1]", Some("[fd00::1]:50000")),
            ("cp:port", None),
            ("", None),
            ("a b", None),
        ] {
            assert_eq!(endpoint(text).map(|endpoint| endpoint.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_without_what_is_secret() {
        for (text, context, expected) in [
            (config(), Some("other"), "it has no context other: there are bare, prod"),
            (config(), Some("bare"), "no client certificate"),
            (config().replace("context: prod\n", ""), None, "it names no current context"),
            ("[".to_owned(), None, "it is no talosconfig"),
            (config().replace("new-field: x", "proxy-url: http://p"), None, "goes through a proxy"),
            (config().replace(&base64("x"), "s3cret!"), None, "ca of the context prod is no base64"),
        ] {
            let error = parse(&text, context).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn the_first_that_is_there_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(at(".talos")).unwrap();
        std::fs::write(at(".talos/config"), "").unwrap();
        std::fs::write(at("given"), "").unwrap();
        let look = |variables: &[(&str, PathBuf)]| {
            find(None, |name| {
                variables.iter().find(|(own, _)| *own == name).map(|(_, path)| path.display().to_string())
            })
        };
        let home = directory.path().to_owned();
        assert_eq!(look(&[("HOME", home.clone()), ("TALOSCONFIG", at("given"))]), Some(at("given")));
        assert_eq!(look(&[("HOME", home.clone()), ("TALOSCONFIG", at("gone"))]), Some(at("gone")));
        assert_eq!(look(&[("HOME", home.clone()), ("TALOS_HOME", at(".talos"))]), Some(at(".talos/config")));
        assert_eq!(look(&[("HOME", home), ("TALOS_HOME", "relative".into())]), Some(at(".talos/config")));
        assert_eq!(find(Some(Path::new("named")), |_| None), Some("named".into()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = parse(&text, None);
            let _ = endpoint(&text);
        }
    }
}
