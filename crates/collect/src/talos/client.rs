//! Talos' API as far as it is called: six calls that read, and nothing else. What is called is decided here and nowhere
//! else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prost::Message;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::TalosError;
use super::config::{Context, Endpoint, Target};
use super::kinds::Kind;
use super::resource::Raw;
use super::wire;
use crate::causes;

/// The largest message that Talos itself sends.
const MAX_MESSAGE: usize = 32 << 20;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Resources of one type, files of one directory: far more than a machine has.
const MAX_STREAM: usize = 20_000;

/// Bytes of all messages of a stream.
const MAX_ANSWER: usize = 32 << 20;

/// Bytes of all lists of one machine: several machines are asked at once.
const MAX_MACHINE: usize = 96 << 20;

/// The calls that are made. All of them read; all but [`Method::Read`] need os:reader only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Talos' version.
    Version,
    /// Metadata of files.
    List,
    /// A file (os:admin).
    Read,
    /// The process table.
    Processes,
    /// Sockets.
    Netstat,
    /// Resources of a type.
    Resources,
}

impl Method {
    /// Every call.
    pub const ALL: [Self; 6] = [Self::Version, Self::List, Self::Read, Self::Processes, Self::Netstat, Self::Resources];

    /// Its path in gRPC.
    pub fn path(self) -> &'static str {
        match self {
            Self::Version => "/machine.MachineService/Version",
            Self::List => "/machine.MachineService/List",
            Self::Read => "/machine.MachineService/Read",
            Self::Processes => "/machine.MachineService/Processes",
            Self::Netstat => "/machine.MachineService/Netstat",
            Self::Resources => "/cosi.resource.State/List",
        }
    }
}

/// A connection to a cluster's API, through which one node is asked.
#[derive(Clone, Debug)]
pub(super) struct Client {
    channel: Channel,
    /// The node behind the endpoint that is meant; none: the endpoint itself.
    node: Option<MetadataValue<tonic::metadata::Ascii>>,
    /// How long one call may take.
    deadline: Duration,
    /// Bytes that the machine may still answer with.
    left: Arc<AtomicUsize>,
}

impl Client {
    /// Connects to one endpoint, and asks the node behind it who it is.
    pub(super) async fn connect(
        context: &Context,
        endpoint: &Endpoint,
        node: Option<&str>,
    ) -> Result<(Self, wire::Version), Status> {
        let mut tls = ClientTlsConfig::new()
            .domain_name(endpoint.host.clone())
            .identity(Identity::from_pem(&context.certificate, &context.key));
        tls = if context.ca.is_empty() {
            tls.with_native_roots()
        } else {
            tls.ca_certificate(Certificate::from_pem(&context.ca))
        };
        let failed = |error: &dyn std::error::Error| Status::unavailable(causes(error));
        let channel = Channel::from_shared(format!("https://{endpoint}"))
            .map_err(|error| failed(&error))?
            .tls_config(tls)
            .map_err(|error| failed(&error))?
            .connect_timeout(CONNECT)
            .connect()
            .await
            .map_err(|error| failed(&error))?;
        let named =
            |node: &str| node.parse().map_err(|_| Status::invalid_argument(format!("`{node}` is no name of a node")));
        let left = Arc::new(AtomicUsize::new(MAX_MACHINE));
        let client = Self { channel, node: node.map(named).transpose()?, deadline: context.deadline, left };
        // A missing or refused certificate shows with the first call only.
        let response: wire::VersionResponse = client.unary(Method::Version, wire::Empty {}).await?;
        let version = one(response.messages, |version| version.metadata.as_ref())?;
        Ok((client, version))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        // One node, one stream: answers are never mixed.
        if let Some(node) = &self.node {
            request.metadata_mut().insert("node", node.clone());
        }
        request.set_timeout(self.deadline);
        request
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        grpc.ready().await.map_err(|error| Status::unavailable(causes(&error)))?;
        Ok(grpc)
    }

    async fn unary<Q, A>(&self, method: Method, message: Q) -> Result<A, Status>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let path = PathAndQuery::from_static(method.path());
        self.tried(async |mut grpc| {
            grpc.unary(self.request(message.clone()), path.clone(), ProstCodec::<Q, A>::default()).await
        })
        .await
    }

    async fn stream<Q, A>(&self, method: Method, message: Q) -> Result<Streaming<A>, Status>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let path = PathAndQuery::from_static(method.path());
        self.tried(async |mut grpc| {
            grpc.server_streaming(self.request(message.clone()), path.clone(), ProstCodec::<Q, A>::default()).await
        })
        .await
    }

    /// A call, made again where it found nobody: all of them read, so that a second one does no harm.
    async fn tried<T>(&self, call: impl AsyncFn(Grpc<Channel>) -> Result<Response<T>, Status>) -> Result<T, Status> {
        for _ in 1..TRIES {
            match self.within(call(self.ready().await?)).await {
                Err(status) if status.code() == Code::Unavailable => tokio::time::sleep(PAUSE).await,
                ended => return Ok(ended?.into_inner()),
            }
        }
        Ok(self.within(call(self.ready().await?)).await?.into_inner())
    }

    /// A call that ends: the deadline that the server is told is ours too.
    async fn within<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let ended = tokio::time::timeout(self.deadline, call).await;
        ended.unwrap_or_else(|_| {
            Err(Status::deadline_exceeded(format!("no answer within {} s", self.deadline.as_secs_f32())))
        })
    }

    /// All messages of a stream, within one deadline; one that is cut short is an error, and never a short list.
    async fn all<Q, A>(&self, method: Method, message: Q) -> Result<Vec<A>, Status>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let mut stream: Streaming<A> = self.stream(method, message).await?;
        self.within(async {
            let (mut all, mut size) = (Vec::new(), 0);
            while let Some(message) = stream.message().await? {
                let own = message.encoded_len();
                size += own;
                let take = |left: usize| left.checked_sub(own);
                let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err();
                if all.len() == MAX_STREAM || size > MAX_ANSWER || spent {
                    return Err(Status::resource_exhausted(format!(
                        "more than {MAX_STREAM} answers or {MAX_ANSWER} bytes, or {MAX_MACHINE} of the machine in all"
                    )));
                }
                all.push(message);
            }
            Ok(all)
        })
        .await
    }

    /// Metadata of a path, and of what is in it if it is a directory.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<wire::FileInfo>, Status> {
        let request = wire::ListRequest { root: path.to_owned(), recurse: false, recursion_depth: 0 };
        self.all(Method::List, request).await
    }

    /// The first bytes of a file: one more than the limit, if it has so many.
    pub(super) async fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, Status> {
        let mut stream: Streaming<wire::Data> =
            self.stream(Method::Read, wire::ReadRequest { path: path.to_owned() }).await?;
        self.within(async {
            let mut bytes = Vec::new();
            while let Some(data) = stream.message().await? {
                refused(data.metadata.as_ref())?;
                bytes.extend_from_slice(&data.bytes);
                if bytes.len() as u64 > limit {
                    break;
                }
            }
            Ok(bytes)
        })
        .await
    }

    /// The process table.
    pub(super) async fn processes(&self) -> Result<Vec<wire::ProcessInfo>, Status> {
        let response: wire::ProcessesResponse = self.unary(Method::Processes, wire::Empty {}).await?;
        Ok(one(response.messages, |processes| processes.metadata.as_ref())?.processes)
    }

    /// Listening TCP sockets of the node's own network.
    pub(super) async fn listening(&self) -> Result<Vec<wire::ConnectRecord>, Status> {
        let request = wire::NetstatRequest {
            filter: 2,
            feature: Some(wire::NetstatFeature { pid: true }),
            l4proto: Some(wire::NetstatProtocols { tcp: true, tcp6: true }),
            netns: Some(wire::NetstatNamespaces { hostnetwork: true }),
        };
        let response: wire::NetstatResponse = self.unary(Method::Netstat, request).await?;
        Ok(one(response.messages, |sockets| sockets.metadata.as_ref())?.connectrecord)
    }

    /// Resources of a type in a namespace.
    pub(super) async fn resources(&self, namespace: &str, kind: Kind) -> Result<Vec<Raw>, Status> {
        let request = wire::ResourceListRequest { namespace: namespace.to_owned(), r#type: kind.name.to_owned() };
        let all: Vec<wire::ResourceListResponse> = self.all(Method::Resources, request).await?;
        let read = all.into_iter().filter_map(|response| {
            let resource = response.resource?;
            let metadata = resource.metadata.unwrap_or_default();
            // What is on its way out says nothing of what is.
            let there = metadata.phase != "tearingDown";
            there.then(|| Raw::read(metadata.id, metadata.owner, &resource.spec.unwrap_or_default().yaml_spec))
        });
        Ok(read.collect())
    }
}

/// How often a call is tried that found nobody, and how long is waited before the next.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(150);

/// The answer of the one node that was asked. A proxy tells its failure inside of the message.
fn one<T>(messages: Vec<T>, metadata: impl Fn(&T) -> Option<&wire::Metadata>) -> Result<T, Status> {
    let mut messages = messages.into_iter();
    match (messages.next(), messages.next()) {
        (Some(message), None) => {
            refused(metadata(&message))?;
            Ok(message)
        }
        (None, _) => Err(Status::unavailable("the node gave no answer")),
        _ => Err(Status::internal("several nodes answered where one was asked")),
    }
}

fn refused(metadata: Option<&wire::Metadata>) -> Result<(), Status> {
    match metadata.map(|metadata| metadata.error.as_str()).unwrap_or_default() {
        "" => Ok(()),
        error => Err(Status::unavailable(error)),
    }
}

/// Connects to a machine: straight to its endpoint, or through the context's endpoints, beginning with the `turn`th. The
/// first that answers is taken: one that forwards nothing, or does not know the node, is no reason to give up.
pub(super) async fn through(
    context: &Context,
    target: &Target,
    turn: usize,
) -> Result<(Client, wire::Version), TalosError> {
    let failed = |why: String| TalosError::Node { node: target.name().to_owned(), why };
    if let Some(ended) = context.certificate().ended() {
        return Err(failed(format!("the client's certificate in the talosconfig ended {ended}: make a new one")));
    }
    let (endpoints, node): (Vec<&Endpoint>, _) = match target {
        Target::Endpoint(endpoint) => (vec![endpoint], None),
        Target::Node(node) => {
            let first = turn % context.endpoints.len().max(1);
            let (before, from) = context.endpoints.split_at(first);
            (from.iter().chain(before).collect(), Some(node.as_str()))
        }
    };
    let mut refused = None;
    let mut last = "there is no endpoint".to_owned();
    for endpoint in endpoints {
        match Client::connect(context, endpoint, node).await {
            Ok(connected) => return Ok(connected),
            Err(status) => {
                last = format!("{endpoint}: {}", told(&status));
                // What a server says tells more than that another was not reached.
                if status.code() != Code::Unavailable {
                    refused.get_or_insert_with(|| last.clone());
                }
            }
        }
    }
    Err(failed(refused.unwrap_or(last)))
}

/// A refusal in words.
pub(super) fn told(status: &Status) -> String {
    let message = status.message().trim();
    let mut told = if message.is_empty() { status.code().description().to_owned() } else { message.to_owned() };
    // What the transport met stands at the end of the chain.
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        let why = error.to_string();
        if !told.contains(&why) {
            told = format!("{told}: {why}");
        }
        source = error.source();
    }
    // A server that does not know the client hangs up without a word that reaches us.
    if told.contains("connection closed") || told.contains("ConnectionReset") {
        told += " (it may not accept this client's certificate)";
    }
    if told.contains("UnknownIssuer") || told.contains("invalid peer certificate") {
        told += " (another cluster's talosconfig, or a machine in maintenance mode, which has no certificate of the cluster)";
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What must never be called: it changes the machine, or hands out what opens it (the field's list, by name).
    const NEVER: [&str; 24] = [
        "ApplyConfiguration",
        "Reboot",
        "Reset",
        "Upgrade",
        "Bootstrap",
        "ServiceStart",
        "ServiceStop",
        "ServiceRestart",
        "Rollback",
        "Shutdown",
        "MetaWrite",
        "MetaDelete",
        "EtcdRecover",
        "EtcdRemoveMember",
        "EtcdSnapshot",
        "Restart",
        "ContainerRun",
        "Copy",
        "Kubeconfig",
        "GenerateClientConfiguration",
        "Create",
        "Update",
        "Destroy",
        "Teardown",
    ];

    #[test]
    fn nothing_is_called_that_changes_a_machine() {
        for method in Method::ALL {
            let name = method.path().rsplit('/').next().unwrap();
            assert!(!NEVER.contains(&name), "{name}");
        }
    }
}
