//! What a machine's API answers to the questions of a walk.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use evidence::{
    Ask, Cut, Entry, FileKind, Listener, Listing, OsText, Process, ProcessTable, Seen, Sockets, Stat, Text, setting_key,
};
use tonic::{Code, Status};

use super::client::{Client, told};
use super::kinds::{self, Kind};
use super::process;
use super::resource::Raw;
use super::wire::{ConnectRecord, FileInfo, ProcessInfo};

/// The role that may read files.
const ADMIN: &str = "os:admin";

/// Go's bits of a mode beside the permissions.
const DIRECTORY: u32 = 1 << 31;
const LINK: u32 = 1 << 27;
const OTHER: u32 = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21;
const SET_UID: u32 = 1 << 23;
const SET_GID: u32 = 1 << 22;
const STICKY: u32 = 1 << 20;

/// As many links as Linux follows.
pub(super) const MAX_LINKS: usize = 40;

/// Arguments of a process have two megabytes at most, and here a few kilobytes.
const MAX_CMDLINE: u64 = 1 << 20;

/// A value has a page at most.
const MAX_VALUE: u64 = 64 << 10;

/// What follows a socket's state `LISTEN` in the kernel's own numbers.
const LISTEN: i32 = 10;

/// What a machine says of a type of its resources.
struct Definition {
    /// Whether it is for os:admin only.
    sensitive: bool,
    /// Where it keeps them.
    namespace: Option<String>,
}

/// What a path leads to.
#[derive(Clone)]
struct Found {
    /// The path of what it leads to.
    place: String,
    /// Whether links lead there.
    linked: bool,
    own: FileInfo,
}

/// One machine, with what it was asked before.
pub(super) struct Node {
    client: Client,
    processes: Option<Result<Vec<ProcessInfo>, Seen>>,
    sockets: Option<Result<Vec<ConnectRecord>, Seen>>,
    resources: BTreeMap<&'static str, Result<Vec<Raw>, Seen>>,
    /// The version of Talos, for what it does not know.
    version: String,
    /// The types that this version knows, by their names in small letters; none: it did not tell.
    known: Option<BTreeMap<String, Definition>>,
    /// When the kernel started, in Unix seconds, once it was looked for; an error: it cannot be seen.
    boot: Option<Result<i64, ()>>,
    /// Whether the role may read files, once a file was read, or refused for the role's sake.
    read: Option<bool>,
    /// What paths were found to lead to.
    found: BTreeMap<String, Found>,
    declared: BTreeSet<OsText>,
}

impl Node {
    pub(super) fn new(client: Client, version: String) -> Self {
        Self {
            client,
            version,
            known: None,
            boot: None,
            processes: None,
            sockets: None,
            resources: BTreeMap::new(),
            read: None,
            found: BTreeMap::new(),
            declared: BTreeSet::new(),
        }
    }

    /// Whether the role may read files, as far as that was tried.
    pub(super) fn may_read(&self) -> bool {
        self.read == Some(true)
    }

    /// Whether a value is what Talos set, and not what is.
    pub(super) fn is_declared(&self, path: &OsText) -> bool {
        self.declared.contains(path)
    }

    /// The answer; none: this API has none to such a question.
    pub(super) async fn look(&mut self, ask: &Ask) -> Option<Seen> {
        let answer = match ask {
            Ask::Processes { names, env } => self.process_table(names, env).await,
            Ask::Sockets { pid } => self.sockets(*pid).await,
            Ask::Stat { path } => self.stat(path).await,
            Ask::List { path, limit } => self.list(path, *limit).await,
            Ask::Text { path, cut, limit } => {
                self.bytes(path, *limit).await.map(|bytes| evidence::take_text(*cut, bytes))
            }
            Ask::Certs { path, limit } => self.bytes(path, *limit).await.map(|bytes| {
                let certificates = evidence::pem_certificates(&bytes).into_iter();
                Seen::Certs(certificates.map(|der| Text::new(der, Vec::new())).collect())
            }),
            Ask::Value { path } => Ok(self.value(path).await),
            Ask::Parameters { path, names } => match self.bytes(path, MAX_VALUE).await {
                Ok(bytes) => Ok(evidence::take_parameters(names, &bytes)),
                // The command line is a resource too, for those who may not read files.
                Err(seen) => {
                    let line = self.resource(kinds::CMDLINE).await.ok().and_then(|all| all.first()?.field("cmdline"));
                    line.map_or(Err(seen), |line| Ok(evidence::take_parameters(names, line.as_bytes())))
                }
            },
            Ask::Resources { kind, cut } => self.resources(kind, *cut).await,
            Ask::Body { .. } | Ask::Objects { .. } => return None,
        };
        Some(answer.unwrap_or_else(|seen| seen))
    }

    async fn process_table(&mut self, names: &BTreeSet<String>, env: &BTreeSet<String>) -> Result<Seen, Seen> {
        if self.processes.is_none() {
            let all = self.client.processes().await.map_err(|status| refusal(&status));
            self.processes = Some(all);
        }
        let all =
            self.processes.as_ref().map_or(Ok(&[][..]), |all| all.as_ref().map(Vec::as_slice)).map_err(Clone::clone)?;
        let mut matched: Vec<Process> = all.iter().filter_map(|process| process::described(process, names)).collect();
        matched.sort_by_key(|process| process.pid);
        let examined = u32::try_from(all.len()).unwrap_or(u32::MAX);
        for process in &mut matched {
            // The API tells no user, start or environment; the kernel's own files do, to those who may read them.
            let file = |name: &str| OsText::from(format!("/proc/{}/{name}", process.pid));
            let (status, stat, environ) = (file("status"), file("stat"), file("environ"));
            // The API joins arguments by blanks, and tells their beginning only; the kernel's own file has all of them.
            if let Ok(bytes) = self.bytes(&file("cmdline"), MAX_CMDLINE).await {
                process::arguments(process, &bytes);
            }
            if let Ok(bytes) = self.bytes(&status, MAX_VALUE).await {
                let text = String::from_utf8_lossy(&bytes);
                process.uid = process::effective(&text, "Uid:").unwrap_or(Stat::UNRECORDED);
                process.gid = process::effective(&text, "Gid:").unwrap_or(Stat::UNRECORDED);
            }
            if let (Ok(bytes), Some(boot)) = (self.bytes(&stat, MAX_VALUE).await, self.boot().await) {
                process.started = process::started(&bytes, boot);
            }
            if let Ok(bytes) = self.bytes(&environ, MAX_VALUE).await {
                let (kept, cuts) = process::environment(&bytes, env);
                process.env = Some(kept);
                process.cuts.extend(cuts);
            }
        }
        Ok(Seen::Processes(ProcessTable { matched, examined, incomplete: None }))
    }

    async fn sockets(&mut self, pid: u32) -> Result<Seen, Seen> {
        if self.sockets.is_none() {
            let all = self.client.listening().await.map_err(|status| refusal(&status));
            self.sockets = Some(all);
        }
        let all =
            self.sockets.as_ref().map_or(Ok(&[][..]), |all| all.as_ref().map(Vec::as_slice)).map_err(Clone::clone)?;
        let mut owners_known = true;
        let mut listening = Vec::new();
        for socket in all.iter().filter(|socket| socket.state == LISTEN) {
            let (Ok(address), Ok(port)) = (socket.localip.parse::<IpAddr>(), u16::try_from(socket.localport)) else {
                return Err(Seen::Failed {
                    why: format!("{}:{} is no address of a socket", socket.localip, socket.localport),
                });
            };
            let owner = socket.process.as_ref().map(|process| process.pid).filter(|pid| *pid != 0);
            owners_known &= owner.is_some();
            listening.push(Listener { address, port, own: owner.map(|owner| owner == pid) });
        }
        listening.sort();
        Ok(Seen::Sockets(Sockets { listening, owners_known }))
    }

    /// What a path leads to, links followed, and what is in it if it is a directory. The API itself follows a link to its
    /// end, and tells the names that it found there.
    async fn entries(&mut self, path: &OsText) -> Result<(Found, Vec<FileInfo>), Seen> {
        let Some(path) = path.as_str().filter(|path| path.starts_with('/')) else {
            return Err(Seen::Failed { why: "not an absolute path in UTF-8".to_owned() });
        };
        let mut here = path.to_owned();
        let mut linked = false;
        for _ in 0..MAX_LINKS {
            let all = self.client.list(&here).await.map_err(|status| file_refusal(&status))?;
            let Some(own) = all.iter().find(|file| same(&file.name, &here)).or(all.first()) else {
                return Err(Seen::Failed { why: "the API tells nothing of it".to_owned() });
            };
            if !own.error.is_empty() {
                return Err(missing(&own.error));
            }
            if own.mode & LINK == 0 {
                linked |= !same(&own.name, &here);
                let found = Found { place: own.name.clone(), linked, own: own.clone() };
                self.found.insert(path.to_owned(), found.clone());
                return Ok((found, all));
            }
            if own.link.is_empty() {
                return Err(Seen::Failed { why: "a link whose target the API does not tell".to_owned() });
            }
            here = target(&here, &own.link);
            linked = true;
        }
        Err(Seen::Failed { why: "too many links".to_owned() })
    }

    async fn found(&mut self, path: &OsText) -> Result<Found, Seen> {
        match path.as_str().and_then(|path| self.found.get(path)) {
            Some(found) => Ok(found.clone()),
            None => Ok(self.entries(path).await?.0),
        }
    }

    async fn stat(&mut self, path: &OsText) -> Result<Seen, Seen> {
        let Found { place, linked, own } = self.found(path).await?;
        Ok(Seen::Stat(Stat {
            kind: kind(&own),
            mode: permissions(own.mode),
            uid: own.uid,
            gid: own.gid,
            size: u64::try_from(own.size).unwrap_or(0),
            modified: own.modified.checked_mul(1000).filter(|ms| *ms > 0),
            target: linked.then(|| place.into()),
        }))
    }

    async fn list(&mut self, path: &OsText, limit: usize) -> Result<Seen, Seen> {
        let (Found { place, own, .. }, all) = self.entries(path).await?;
        if kind(&own) != FileKind::Dir {
            return Err(Seen::Failed { why: "not a directory".to_owned() });
        }
        let mut entries: Vec<Entry> = Vec::new();
        for file in all.iter().filter(|file| !same(&file.name, &place)) {
            if !file.error.is_empty() {
                return Err(Seen::Failed { why: file.error.clone() });
            }
            let beneath = file.name.strip_prefix(place.trim_end_matches('/')).unwrap_or_default();
            let name = beneath.trim_start_matches('/');
            if name.is_empty() || name.contains('/') {
                return Err(Seen::Failed { why: format!("an entry of {place} has a name from elsewhere") });
            }
            entries.push(Entry { name: name.into(), dir: kind(file) == FileKind::Dir });
        }
        entries.sort();
        let complete = entries.len() <= limit;
        entries.truncate(limit);
        Ok(Seen::List(Listing { entries, complete }))
    }

    async fn bytes(&mut self, path: &OsText, limit: u64) -> Result<Vec<u8>, Seen> {
        let text = path.as_str().ok_or_else(|| Seen::Failed { why: "not UTF-8".to_owned() })?.to_owned();
        let withheld = |why: &str| Seen::Withheld { why: format!("it is never opened: {why}") };
        if let Some(why) = kinds::never_opened(&text) {
            return Err(withheld(why));
        }
        if self.read == Some(false) {
            return Err(Seen::Denied { right: ADMIN.to_owned() });
        }
        // What the kernel makes up is no link to a key, and has no size.
        let mut least = 0;
        if !evidence::is_kernels(text.as_bytes()) || text.contains("/root/") {
            let found = self.found(path).await?;
            if let Some(why) = kinds::never_opened(&found.place) {
                return Err(withheld(why));
            }
            least = u64::try_from(found.own.size).unwrap_or(0).min(limit);
        }
        match self.client.read(&text, limit).await {
            // The API ends the answer as if it were whole where reading fails (`chunker/stream`).
            Ok(bytes) if (bytes.len() as u64) < least => {
                Err(Seen::Failed { why: format!("it has {least} bytes, and {} of them came", bytes.len()) })
            }
            Ok(bytes) if bytes.len() as u64 > limit => Err(Seen::TooLarge { size: bytes.len() as u64, limit }),
            Ok(bytes) => {
                self.read = Some(true);
                Ok(bytes)
            }
            Err(status) => {
                // A file that the machine itself may not open says nothing of the role.
                if status.code() == Code::PermissionDenied {
                    self.read.get_or_insert(false);
                }
                Err(file_refusal(&status))
            }
        }
    }

    /// A value as the kernel shows it; for those who may not read files, as Talos set it.
    async fn value(&mut self, path: &OsText) -> Seen {
        let seen = match self.bytes(path, MAX_VALUE).await {
            Ok(bytes) => return evidence::take_value(&bytes),
            Err(seen) => seen,
        };
        let Some(key) = path.as_str().and_then(setting_key).filter(|_| matches!(seen, Seen::Denied { .. })) else {
            return seen;
        };
        let Ok(all) = self.resource(kinds::SETTINGS).await else { return seen };
        let status = all.iter().find(|status| status.id.strip_prefix(kinds::SETTING) == Some(&key));
        let Some(set) = status.and_then(Raw::setting) else { return seen };
        // Whether the kernel knows it Talos looked itself; what it wrote may have been changed since.
        if !matches!(set, Seen::Absent { .. }) {
            self.declared.insert(path.clone());
        }
        set
    }

    /// When the kernel started.
    async fn boot(&mut self) -> Option<i64> {
        if self.boot.is_none() {
            let stat = self.bytes(&"/proc/stat".into(), 4 << 20).await.ok();
            self.boot = Some(stat.and_then(|stat| process::boot(&stat)).ok_or(()));
        }
        self.boot.and_then(Result::ok)
    }

    /// Reads which types of resources there are on this version.
    pub(super) async fn definitions(&mut self) {
        if let Ok(all) = self.resource(kinds::DEFINITIONS).await {
            let types: BTreeMap<String, Definition> = all
                .iter()
                .map(|definition| {
                    let name = definition.field("type").unwrap_or_else(|| definition.id.clone());
                    let sensitive = definition.field("sensitivity").is_some_and(|word| word == "sensitive");
                    let namespace = definition.field("defaultNamespace").filter(|name| !name.is_empty());
                    (name.to_ascii_lowercase(), Definition { sensitive, namespace })
                })
                .collect();
            self.known = Some(types).filter(|types| !types.is_empty());
        }
    }

    /// Which start of the machine this is.
    pub(super) async fn boot_id(&mut self) -> Option<String> {
        let all = self.resource(kinds::BOOT).await.ok()?;
        all.first()
            .and_then(|boot| boot.field("bootID").or_else(|| boot.field("bootId")).or_else(|| boot.field("value")))
    }

    async fn resources(&mut self, name: &str, cut: Cut) -> Result<Seen, Seen> {
        let Some(kind) = kinds::named(name) else {
            return Err(Seen::Withheld { why: "this type is never read".to_owned() });
        };
        if self.known.as_ref().is_some_and(|known| !known.contains_key(&name.to_ascii_lowercase())) {
            return Err(Seen::Unsupported { by: format!("Talos {}", self.version) });
        }
        let all = self.resource(kind).await?;
        Ok(Seen::Resources(all.iter().map(|resource| resource.taken(name, cut)).collect()))
    }

    /// The resources of a type.
    async fn resource(&mut self, of: Kind) -> Result<&[Raw], Seen> {
        if !self.resources.contains_key(of.name) {
            let known = self.known.as_ref().and_then(|known| known.get(&of.name.to_ascii_lowercase()));
            let right = if known.is_some_and(|known| !known.sensitive) { "os:reader" } else { ADMIN };
            let namespace = known.and_then(|known| known.namespace.as_deref()).unwrap_or(of.namespace);
            if namespace == kinds::SECRETS {
                return Err(Seen::Withheld { why: "it lies where Talos keeps keys".to_owned() });
            }
            let all = self.client.resources(namespace, of).await.map_err(|status| {
                // Talos' words for a type that this version does not have.
                let unknown =
                    status.message().contains("resource type") && status.message().contains("is not supported");
                if status.code() == Code::PermissionDenied && unknown {
                    Seen::Unsupported { by: format!("Talos {}", self.version) }
                } else if status.code() == Code::PermissionDenied {
                    Seen::Denied { right: right.to_owned() }
                } else {
                    refusal(&status)
                }
            });
            self.resources.insert(of.name, all);
        }
        self.resources[of.name].as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }
}

/// A refusal that concerns no file.
fn refusal(status: &Status) -> Seen {
    match status.code() {
        Code::PermissionDenied | Code::Unauthenticated => Seen::Denied { right: "os:reader".to_owned() },
        Code::Unimplemented => Seen::Unsupported { by: "this version of Talos".to_owned() },
        _ => Seen::Failed { why: told(status) },
    }
}

fn file_refusal(status: &Status) -> Seen {
    match status.code() {
        Code::PermissionDenied => Seen::Denied { right: ADMIN.to_owned() },
        Code::NotFound => absent(),
        // What the machine's own file system said carries no code; another code is of what lies between.
        Code::Unknown => missing(&told(status)),
        _ => Seen::Failed { why: told(status) },
    }
}

/// What the machine says of a file that it could not look at, in Go's words.
fn missing(error: &str) -> Seen {
    if error.contains("no such file or directory") || error.contains("not a directory") {
        absent()
    } else if error.contains("permission denied") || error.contains("operation not permitted") {
        Seen::Denied { right: "what the machine's API itself is refused".to_owned() }
    } else {
        Seen::Failed { why: error.to_owned() }
    }
}

fn absent() -> Seen {
    Seen::Absent { proof: "no such file on the machine, says its API".to_owned() }
}

fn kind(file: &FileInfo) -> FileKind {
    match file.mode {
        mode if mode & DIRECTORY != 0 => FileKind::Dir,
        mode if mode & LINK != 0 => FileKind::Symlink,
        mode if mode & OTHER != 0 => FileKind::Other,
        _ => FileKind::File,
    }
}

/// Permission bits of a Go mode as `st_mode` has them.
fn permissions(mode: u32) -> u32 {
    let special = [(SET_UID, 0o4000), (SET_GID, 0o2000), (STICKY, 0o1000)];
    special.into_iter().fold(mode & 0o777, |bits, (go, own)| if mode & go == 0 { bits } else { bits | own })
}

fn same(name: &str, path: &str) -> bool {
    name.trim_end_matches('/') == path.trim_end_matches('/')
}

/// Where a link at a path leads.
pub(super) fn target(path: &str, link: &str) -> String {
    let joined = if link.starts_with('/') {
        link.to_owned()
    } else {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{directory}/{link}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_gos() {
        for (mode, expected) in [
            (DIRECTORY | 0o700, 0o700),
            (0o600, 0o600),
            (SET_UID | 0o755, 0o4755),
            (DIRECTORY | STICKY | 0o777, 0o1777),
        ] {
            assert_eq!(permissions(mode), expected, "{mode:o}");
        }
    }

    #[test]
    fn links_lead_on() {
        for (path, link, expected) in [
            ("/bin", "usr/bin", "/usr/bin"),
            ("/a/b/c", "../d", "/a/d"),
            ("/a/b", "/x/./y", "/x/y"),
            ("/a", "../../..", "/"),
        ] {
            assert_eq!(target(path, link), expected, "{path} {link}");
        }
    }
}
