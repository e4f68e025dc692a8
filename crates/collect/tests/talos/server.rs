//! A machine that answers as Talos does, over mutual TLS with Ed25519 certificates made on the fly.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use collect::talos::wire;
use prost::Message;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_ED25519,
};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// Go's bits of a mode.
pub(crate) const DIRECTORY: u32 = 1 << 31;
pub(crate) const LINK: u32 = 1 << 27;

/// A file, directory or link of the machine.
#[derive(Clone, Default)]
pub(crate) struct File {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) content: Vec<u8>,
    pub(crate) link: String,
}

/// What goes wrong.
#[allow(dead_code, reason = "the tests of the command use a part")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Streams end before their end.
    Truncated,
    /// The proxy does not reach the node.
    NodeDown,
    /// The proxy tells of it inside of the message.
    NodeDownInside,
    /// Forwarding is not available.
    NoForwarding,
    /// Nothing is answered in time.
    Hangs,
    /// Each answer takes nearly as long as it may.
    Slow,
    /// A file is far too large.
    Huge,
    /// Reading a file fails midway, which the API ends as if it were whole.
    Short,
    /// The first call of every three finds nobody.
    Flaky,
    /// The machine's daemon behind the proxy is not up yet.
    Starting,
}

/// The machine.
#[derive(Clone, Default)]
pub(crate) struct Machine {
    pub(crate) tag: String,
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) processes: Vec<(i32, String, String)>,
    pub(crate) sockets: Vec<(String, u32, u32)>,
    /// By type: ids and specs.
    pub(crate) resources: BTreeMap<String, Vec<(String, String)>>,
    /// Types that only os:admin may see.
    pub(crate) sensitive: std::collections::BTreeSet<String>,
    /// Whether it tells nobody which types it has.
    pub(crate) untold: bool,
    /// Types that are kept in another namespace than Talos' own.
    pub(crate) moved: BTreeMap<String, String>,
    /// Files that the machine itself may not open.
    pub(crate) shut: std::collections::BTreeSet<String>,
    /// Whether the client may read files.
    pub(crate) admin: bool,
    pub(crate) fault: Fault,
    pub(crate) calls: Arc<AtomicUsize>,
    /// Nodes that were asked, by their metadata.
    pub(crate) asked: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Machine {
    pub(crate) fn file(&mut self, path: &str, mode: u32, uid: u32, content: &str) {
        let file = File { mode, uid, gid: uid, content: content.as_bytes().to_vec(), link: String::new() };
        self.files.insert(path.to_owned(), file);
    }

    fn info(&self, path: &str) -> wire::FileInfo {
        match self.files.get(path) {
            Some(file) => wire::FileInfo {
                name: path.to_owned(),
                size: i64::try_from(file.content.len()).unwrap(),
                mode: file.mode,
                modified: 1_790_000_000,
                is_dir: file.mode & DIRECTORY != 0,
                link: file.link.clone(),
                relative_name: path.rsplit('/').next().unwrap_or_default().to_owned(),
                uid: file.uid,
                gid: file.gid,
                ..wire::FileInfo::default()
            },
            None if self.files.keys().any(|other| other.starts_with(&format!("{path}/"))) => wire::FileInfo {
                name: path.to_owned(),
                mode: DIRECTORY | 0o755,
                modified: 1_790_000_000,
                is_dir: true,
                ..wire::FileInfo::default()
            },
            None => wire::FileInfo { name: path.to_owned(), error: missing(path), ..wire::FileInfo::default() },
        }
    }

    /// Where a path leads. As Talos does it (`archiver.Walker`), a link is followed to its end before anything is told.
    fn resolved(&self, path: &str) -> String {
        match self.files.get(path).filter(|file| !file.link.is_empty()) {
            Some(file) if file.link.starts_with('/') => self.resolved(&file.link),
            Some(file) => self.resolved(&format!("{}/{}", path.rsplit_once('/').unwrap().0, file.link)),
            None => path.to_owned(),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<wire::FileInfo>, Status> {
        let path = &self.resolved(path);
        let own = self.info(path);
        if !own.error.is_empty() {
            return Err(Status::unknown(own.error));
        }
        let mut all = vec![wire::FileInfo { relative_name: ".".to_owned(), ..own.clone() }];
        if own.is_dir {
            let prefix = format!("{}/", path.trim_end_matches('/'));
            let names: std::collections::BTreeSet<&str> =
                self.files.keys().filter_map(|other| other.strip_prefix(&prefix)?.split('/').next()).collect();
            all.extend(names.into_iter().map(|name| self.info(&format!("{prefix}{name}"))));
        }
        Ok(all)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Status> {
        if !self.admin {
            return Err(Status::permission_denied("not authorized"));
        }
        if self.fault == Fault::Huge {
            return Ok(vec![b'x'; 3 << 20]);
        }
        let path = &self.resolved(path);
        match self.files.get(path) {
            Some(_) if self.shut.contains(path) => Err(Status::unknown(format!("open {path}: permission denied"))),
            Some(file) if self.fault == Fault::Short => Ok(file.content[..file.content.len() / 2].to_vec()),
            Some(file) => Ok(file.content.clone()),
            None => Err(Status::not_found(missing(path))),
        }
    }

    /// The types that this machine knows, as it tells them itself.
    fn definitions(&self) -> Vec<wire::ResourceListResponse> {
        let of = |name: &String| {
            let sensitivity = if self.sensitive.contains(name) { "sensitivity: sensitive\n" } else { "" };
            let namespace = self.namespace(name);
            resource(
                "meta",
                DEFINITIONS,
                &name.to_lowercase(),
                format!("type: {name}\naliases: []\ndefaultNamespace: {namespace}\n{sensitivity}"),
            )
        };
        self.resources.keys().map(of).collect()
    }

    fn resources(&self, request: &wire::ResourceListRequest) -> Result<Vec<wire::ResourceListResponse>, Status> {
        if request.r#type == DEFINITIONS && request.namespace == "meta" && !self.untold {
            return Ok(self.definitions());
        }
        if self.sensitive.contains(&request.r#type) && !self.admin {
            return Err(Status::permission_denied("not authorized"));
        }
        let Some(all) = self.resources.get(&request.r#type) else {
            return Err(Status::permission_denied(format!("resource type \"{}\" is not supported", request.r#type)));
        };
        // A namespace that has none of a type is no error, and gives an empty list.
        let namespace = self.namespace(&request.r#type);
        let of = |(id, yaml): &(String, String)| resource(&namespace, &request.r#type, id, yaml.clone());
        Ok(all.iter().filter(|_| request.namespace == namespace).map(of).collect())
    }

    fn namespace(&self, of: &str) -> String {
        self.moved.get(of).cloned().unwrap_or_else(|| namespace(of).to_owned())
    }
}

/// What Go says of a path that is not there.
fn missing(path: &str) -> String {
    format!("lstat {path}: no such file or directory")
}

/// The namespaces of Talos' types, from their own `DefaultNamespace` (`pkg/machinery/resources`, 1.9 to 1.13).
fn namespace(of: &str) -> &'static str {
    match of.split('.').next().unwrap_or_default() {
        "MachineConfigs" | "MachineTypes" | "KubernetesAccessConfigs" => "config",
        "Nodenames" | "StaticPods" | "KubeletSpecs" | "KubeletStatuses" => "k8s",
        "AdmissionControlConfigs"
        | "AuditPolicyConfigs"
        | "AuthorizationConfigs"
        | "AuthenticationConfigs"
        | "SchedulerConfigs" => "controlplane",
        _ => "runtime",
    }
}

/// The type that tells all others.
const DEFINITIONS: &str = "ResourceDefinitions.meta.cosi.dev";

fn resource(namespace: &str, of: &str, id: &str, yaml: String) -> wire::ResourceListResponse {
    wire::ResourceListResponse {
        resource: Some(wire::Resource {
            metadata: Some(wire::ResourceMetadata {
                namespace: namespace.to_owned(),
                r#type: of.to_owned(),
                id: id.to_owned(),
                phase: "running".to_owned(),
                ..wire::ResourceMetadata::default()
            }),
            spec: Some(wire::ResourceSpec { proto_spec: vec![1], yaml_spec: yaml }),
        }),
    }
}

/// The service as a server sees it: one path for each call.
#[derive(Clone)]
struct Api(Arc<Machine>);

struct Once<F>(F);

impl<F, Q, A> UnaryService<Q> for Once<F>
where
    F: FnMut(Q) -> Result<A, Status>,
    A: Send + 'static,
{
    type Response = A;
    type Future = Pin<Box<dyn Future<Output = Result<Response<A>, Status>> + Send>>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answer = (self.0)(request.into_inner()).map(Response::new);
        Box::pin(async move { answer })
    }
}

struct Many<F>(F);

impl<F, Q, A> ServerStreamingService<Q> for Many<F>
where
    F: FnMut(Q) -> Result<Vec<Result<A, Status>>, Status>,
    A: Send + 'static,
{
    type Response = A;
    type ResponseStream = tokio_stream::Iter<std::vec::IntoIter<Result<A, Status>>>;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answer = (self.0)(request.into_inner()).map(|all| Response::new(tokio_stream::iter(all)));
        Box::pin(async move { answer })
    }
}

async fn unary<Q, A>(request: http::Request<Body>, answer: impl FnMut(Q) -> Result<A, Status>) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    Grpc::new(ProstCodec::<A, Q>::default()).unary(Once(answer), request).await
}

async fn streamed<Q, A>(
    request: http::Request<Body>,
    answer: impl FnMut(Q) -> Result<Vec<Result<A, Status>>, Status>,
) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    Grpc::new(ProstCodec::<A, Q>::default()).server_streaming(Many(answer), request).await
}

impl Service<http::Request<Body>> for Api {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let machine = Arc::clone(&self.0);
        machine.calls.fetch_add(1, Ordering::SeqCst);
        let node = request.headers().get("node").map(|node| node.to_str().unwrap().to_owned());
        machine.asked.lock().unwrap().extend(node);
        Box::pin(async move { Ok(machine.answer(request).await) })
    }
}

impl Machine {
    async fn answer(self: Arc<Self>, request: http::Request<Body>) -> http::Response<Body> {
        let down = || Status::unavailable("connection error: dial tcp 10.0.0.9:50000: connect: connection refused");
        match self.fault {
            Fault::NodeDown => return down().into_http(),
            Fault::Flaky if self.calls.load(Ordering::SeqCst) % 3 == 1 => return down().into_http(),
            Fault::Starting if request.uri().path() != "/machine.MachineService/Version" => {
                let why =
                    "connection error: dial unix /system/run/machined/machine.sock: connect: no such file or directory";
                return Status::unavailable(why).into_http();
            }
            Fault::NoForwarding => return Status::permission_denied("no request forwarding").into_http(),
            Fault::Slow => tokio::time::sleep(Duration::from_millis(250)).await,
            Fault::Hangs => tokio::time::sleep(Duration::from_hours(1)).await,
            _ => {}
        }
        let inside = (self.fault == Fault::NodeDownInside)
            .then(|| wire::Metadata { hostname: "n9".to_owned(), error: "rpc error: node is down".to_owned() });
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/machine.MachineService/Version" => {
                unary(request, |_: wire::Empty| {
                    let version = wire::VersionInfo { tag: self.tag.clone(), arch: "amd64".to_owned() };
                    let platform = wire::PlatformInfo { name: "metal".to_owned(), mode: "metal".to_owned() };
                    let message =
                        wire::Version { metadata: inside.clone(), version: Some(version), platform: Some(platform) };
                    Ok(wire::VersionResponse { messages: vec![message] })
                })
                .await
            }
            "/machine.MachineService/Processes" => {
                unary(request, |_: wire::Empty| {
                    let processes = self.processes.iter().map(|(pid, exe, args)| wire::ProcessInfo {
                        pid: *pid,
                        ppid: 1,
                        command: exe.rsplit('/').next().unwrap_or_default().to_owned(),
                        executable: exe.clone(),
                        args: args.clone(),
                    });
                    let message = wire::Processes { metadata: None, processes: processes.collect() };
                    Ok(wire::ProcessesResponse { messages: vec![message] })
                })
                .await
            }
            "/machine.MachineService/Netstat" => {
                unary(request, |_: wire::NetstatRequest| {
                    let records = self.sockets.iter().map(|(address, port, pid)| wire::ConnectRecord {
                        l4proto: "tcp".to_owned(),
                        localip: address.clone(),
                        localport: *port,
                        state: 10,
                        process: Some(wire::SocketProcess { pid: *pid, name: String::new() }),
                    });
                    let message = wire::Netstat { metadata: None, connectrecord: records.collect() };
                    Ok(wire::NetstatResponse { messages: vec![message] })
                })
                .await
            }
            "/machine.MachineService/List" => {
                streamed(request, |asked: wire::ListRequest| {
                    let mut all: Vec<_> = self.list(&asked.root)?.into_iter().map(Ok).collect();
                    if self.fault == Fault::Truncated {
                        all.truncate(1);
                        all.push(Err(Status::unavailable("stream was cut")));
                    }
                    Ok(all)
                })
                .await
            }
            "/machine.MachineService/Read" => {
                streamed(request, |asked: wire::ReadRequest| {
                    let bytes = self.read(&asked.path)?;
                    let piece = |piece: &[u8]| Ok(wire::Data { metadata: None, bytes: piece.to_vec() });
                    let mut all: Vec<_> = bytes.chunks(32 << 10).map(piece).collect();
                    if self.fault == Fault::Truncated {
                        all.push(Err(Status::unavailable("stream was cut")));
                    }
                    Ok(all)
                })
                .await
            }
            "/cosi.resource.State/List" => {
                streamed(request, |asked: wire::ResourceListRequest| {
                    Ok(self.resources(&asked)?.into_iter().map(Ok).collect())
                })
                .await
            }
            other => Status::unimplemented(format!("{other} must never be called")).into_http(),
        }
    }
}

/// An authority and what it signs.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::OrganizationName, "talos");
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// A certificate and its key, in PEM.
    fn signed(&self, usage: ExtendedKeyUsagePurpose, role: &str, days: i64) -> (String, String) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, role);
        params.extended_key_usages = vec![usage];
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let day = i64::try_from(now / 86_400).unwrap() + days;
        let (year, month, date) = civil(day);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, month, date);
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A talosconfig for endpoints, its key labelled as Talos labels it.
    pub(crate) fn talosconfig(&self, endpoints: &[String], role: &str, days: i64) -> String {
        let (certificate, key) = self.signed(ExtendedKeyUsagePurpose::ClientAuth, role, days);
        let key = key.replace("PRIVATE KEY", "ED25519 PRIVATE KEY");
        let [ca, crt, key] = [&self.pem, &certificate, &key].map(|pem| STANDARD.encode(pem));
        let endpoints = endpoints.join(", ");
        format!(
            "context: test\ncontexts:\n  test:\n    endpoints: [{endpoints}]\n    ca: {ca}\n    crt: {crt}\n    key: {key}\n"
        )
    }
}

/// Year, month and day of a number of days since 1970 (the calendar of Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i32, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (i32::try_from(year).unwrap(), u8::try_from(month).unwrap(), u8::try_from(day).unwrap())
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) address: String,
    _runtime: tokio::runtime::Runtime,
}

/// Serves a machine on loopback. Without `verify`, anybody is let in: maintenance mode.
pub(crate) fn serve(machine: Machine, authority: &Authority, verify: bool) -> Running {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (certificate, key) = authority.signed(ExtendedKeyUsagePurpose::ServerAuth, "server", 2);
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
    if verify {
        tls = tls.client_ca_root(Certificate::from_pem(&authority.pem));
    }
    let api = Api(Arc::new(machine));
    // Many small answers: none waits for the next.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    runtime.spawn(async move {
        let server = Server::builder().tls_config(tls).unwrap();
        server.serve_with_incoming(api, incoming).await.unwrap();
    });
    Running { address, _runtime: runtime }
}
