//! Messages of Talos' API, as far as they are read: Talos' `api/` for `machine` and `common`, the COSI specification for
//! `cosi.resource`. Numbers and names are theirs; fields that nobody reads are left out, and skipped by the decoder.

/// `google.protobuf.Empty`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Empty {}

/// `common.Metadata`: which node answered, where a proxy asked several.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Metadata {
    /// Filled in by the proxy; empty when the endpoint itself answers.
    #[prost(string, tag = "1")]
    pub hostname: String,
    /// Why this node could not answer.
    #[prost(string, tag = "2")]
    pub error: String,
}

/// `common.Data`: a piece of a file.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Data {
    /// Who answered.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    /// The piece.
    #[prost(bytes = "vec", tag = "2")]
    pub bytes: Vec<u8>,
}

/// `machine.ReadRequest`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ReadRequest {
    /// Absolute path.
    #[prost(string, tag = "1")]
    pub path: String,
}

/// `machine.ListRequest`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ListRequest {
    /// Absolute path.
    #[prost(string, tag = "1")]
    pub root: String,
    /// Whether to go down.
    #[prost(bool, tag = "2")]
    pub recurse: bool,
    /// How far.
    #[prost(int32, tag = "3")]
    pub recursion_depth: i32,
}

/// `machine.FileInfo`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct FileInfo {
    /// Who answered.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    /// Absolute path.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Bytes.
    #[prost(int64, tag = "3")]
    pub size: i64,
    /// Go's `FileMode`, which is no `st_mode`.
    #[prost(uint32, tag = "4")]
    pub mode: u32,
    /// Unix seconds.
    #[prost(int64, tag = "5")]
    pub modified: i64,
    /// Whether it is a directory.
    #[prost(bool, tag = "6")]
    pub is_dir: bool,
    /// Why it could not be looked at.
    #[prost(string, tag = "7")]
    pub error: String,
    /// Where a link leads.
    #[prost(string, tag = "8")]
    pub link: String,
    /// Path beneath the root that was asked for.
    #[prost(string, tag = "9")]
    pub relative_name: String,
    /// Owner.
    #[prost(uint32, tag = "10")]
    pub uid: u32,
    /// Group.
    #[prost(uint32, tag = "11")]
    pub gid: u32,
}

/// `machine.VersionResponse`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct VersionResponse {
    /// One for each node.
    #[prost(message, repeated, tag = "1")]
    pub messages: Vec<Version>,
}

/// `machine.Version`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Version {
    /// Who answered.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    /// Talos' version.
    #[prost(message, optional, tag = "2")]
    pub version: Option<VersionInfo>,
    /// Where it runs.
    #[prost(message, optional, tag = "3")]
    pub platform: Option<PlatformInfo>,
}

/// `machine.VersionInfo`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct VersionInfo {
    /// Such as `v1.12.0`.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// Go's name of the architecture.
    #[prost(string, tag = "6")]
    pub arch: String,
}

/// `machine.PlatformInfo`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct PlatformInfo {
    /// Such as `metal`.
    #[prost(string, tag = "1")]
    pub name: String,
    /// `metal`, `cloud` or `container`.
    #[prost(string, tag = "2")]
    pub mode: String,
}

/// `machine.ProcessesResponse`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ProcessesResponse {
    /// One for each node.
    #[prost(message, repeated, tag = "1")]
    pub messages: Vec<Processes>,
}

/// `machine.Process`: the processes of one node.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Processes {
    /// Who answered.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    /// All of them.
    #[prost(message, repeated, tag = "2")]
    pub processes: Vec<ProcessInfo>,
}

/// `machine.ProcessInfo`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ProcessInfo {
    /// Process id.
    #[prost(int32, tag = "1")]
    pub pid: i32,
    /// Parent's id.
    #[prost(int32, tag = "2")]
    pub ppid: i32,
    /// The kernel's short name.
    #[prost(string, tag = "8")]
    pub command: String,
    /// Path of the program.
    #[prost(string, tag = "9")]
    pub executable: String,
    /// The command line, joined by blanks.
    #[prost(string, tag = "10")]
    pub args: String,
}

/// `machine.NetstatRequest`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct NetstatRequest {
    /// 2 = listening.
    #[prost(int32, tag = "1")]
    pub filter: i32,
    /// What is told of each socket.
    #[prost(message, optional, tag = "2")]
    pub feature: Option<NetstatFeature>,
    /// Which protocols.
    #[prost(message, optional, tag = "3")]
    pub l4proto: Option<NetstatProtocols>,
    /// Which network namespaces.
    #[prost(message, optional, tag = "4")]
    pub netns: Option<NetstatNamespaces>,
}

/// `machine.NetstatRequest.Feature`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct NetstatFeature {
    /// Whether the process is told.
    #[prost(bool, tag = "1")]
    pub pid: bool,
}

/// `machine.NetstatRequest.L4proto`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct NetstatProtocols {
    /// TCP over IPv4.
    #[prost(bool, tag = "1")]
    pub tcp: bool,
    /// TCP over IPv6.
    #[prost(bool, tag = "2")]
    pub tcp6: bool,
}

/// `machine.NetstatRequest.NetNS`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct NetstatNamespaces {
    /// The node's own.
    #[prost(bool, tag = "1")]
    pub hostnetwork: bool,
}

/// `machine.NetstatResponse`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct NetstatResponse {
    /// One for each node.
    #[prost(message, repeated, tag = "1")]
    pub messages: Vec<Netstat>,
}

/// `machine.Netstat`: the sockets of one node.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Netstat {
    /// Who answered.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    /// All of them.
    #[prost(message, repeated, tag = "2")]
    pub connectrecord: Vec<ConnectRecord>,
}

/// `machine.ConnectRecord`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ConnectRecord {
    /// Such as `tcp`.
    #[prost(string, tag = "1")]
    pub l4proto: String,
    /// Address.
    #[prost(string, tag = "2")]
    pub localip: String,
    /// Port.
    #[prost(uint32, tag = "3")]
    pub localport: u32,
    /// 10 = listening.
    #[prost(int32, tag = "6")]
    pub state: i32,
    /// Who holds it.
    #[prost(message, optional, tag = "17")]
    pub process: Option<SocketProcess>,
}

/// `machine.ConnectRecord.Process`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SocketProcess {
    /// Process id; 0 if it is not told.
    #[prost(uint32, tag = "1")]
    pub pid: u32,
    /// Its short name.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// `cosi.resource.ListRequest`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ResourceListRequest {
    /// The namespace.
    #[prost(string, tag = "1")]
    pub namespace: String,
    /// The full type.
    #[prost(string, tag = "2")]
    pub r#type: String,
}

/// `cosi.resource.ListResponse`: one resource for each message of the stream.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ResourceListResponse {
    /// The resource.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
}

/// `cosi.resource.Resource`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Resource {
    /// Who it is.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<ResourceMetadata>,
    /// What it says.
    #[prost(message, optional, tag = "2")]
    pub spec: Option<ResourceSpec>,
}

/// `cosi.resource.Metadata`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ResourceMetadata {
    /// The namespace.
    #[prost(string, tag = "1")]
    pub namespace: String,
    /// The full type.
    #[prost(string, tag = "2")]
    pub r#type: String,
    /// Its id.
    #[prost(string, tag = "3")]
    pub id: String,
    /// Which controller owns it.
    #[prost(string, tag = "5")]
    pub owner: String,
    /// `running` or `tearingDown`.
    #[prost(string, tag = "6")]
    pub phase: String,
}

/// `cosi.resource.Spec`. The server fills in both forms; the text is what `talosctl get -o yaml` shows.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ResourceSpec {
    /// As protobuf: not read.
    #[prost(bytes = "vec", tag = "1")]
    pub proto_spec: Vec<u8>,
    /// As YAML.
    #[prost(string, tag = "2")]
    pub yaml_spec: String,
}
