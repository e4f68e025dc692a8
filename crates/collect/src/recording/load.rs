//! Reading a recording from a directory. Every size is bounded, links are not followed, and what cannot be read is an
//! error that names the file and the line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use evidence::FileKind;
use serde::{Deserialize, Deserializer, de};

use crate::saved::Saved;

use super::{Listed, RecordedListener, RecordedProcess, Recording, listen};

/// The listing's columns.
const COLUMNS: &str = "path\ttype\tmode\tuid\tgid\tsize\tlink_target";

/// Recorded API answers by file name. Of lists only what a table keeps of each object leaves the recording; `ConfigMaps`
/// and a kubelet's own configuration are not read.
const API: &[(&str, &str)] = &[
    ("version.json", "/version"),
    ("pods-all.json", "/api/v1/pods"),
    ("deployments.json", "/apis/apps/v1/deployments"),
    ("daemonsets.json", "/apis/apps/v1/daemonsets"),
    ("statefulsets.json", "/apis/apps/v1/statefulsets"),
    ("replicasets.json", "/apis/apps/v1/replicasets"),
    ("replicationcontrollers.json", "/api/v1/replicationcontrollers"),
    ("jobs.json", "/apis/batch/v1/jobs"),
    ("cronjobs.json", "/apis/batch/v1/cronjobs"),
    ("persistentvolumeclaims.json", "/api/v1/persistentvolumeclaims"),
    ("ingresses.json", "/apis/networking.k8s.io/v1/ingresses"),
    ("csr.json", "/apis/certificates.k8s.io/v1/certificatesigningrequests"),
    ("customresourcedefinitions.json", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
    ("csidrivers.json", "/apis/storage.k8s.io/v1/csidrivers"),
    ("validatingwebhookconfigurations.json", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"),
    ("mutatingwebhookconfigurations.json", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"),
    ("validatingadmissionpolicies.json", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"),
    (
        "validatingadmissionpolicybindings.json",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    ),
    ("nodes.json", "/api/v1/nodes"),
    ("namespaces.json", "/api/v1/namespaces"),
    ("serviceaccounts.json", "/api/v1/serviceaccounts"),
    ("services.json", "/api/v1/services"),
    ("roles.json", "/apis/rbac.authorization.k8s.io/v1/roles"),
    ("rolebindings.json", "/apis/rbac.authorization.k8s.io/v1/rolebindings"),
    ("clusterroles.json", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    ("clusterrolebindings.json", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ("networkpolicies.json", "/apis/networking.k8s.io/v1/networkpolicies"),
];

/// Largest file that is read.
const MAX_FILE: u64 = 16 << 20;

/// Most bytes below `tree/`.
const MAX_TREE: u64 = 256 << 20;

/// Most files and directories below `tree/`.
const MAX_ENTRIES: usize = 100_000;

/// Why a directory cannot be read as a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file cannot be read.
    #[error("{}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what belongs there.
    #[error("{}: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A line is malformed.
    #[error("{}:{line}: {why}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// What every recorded node has.
const PARTS: [&str; 3] = ["stat.tsv", "processes.json", "tree"];

/// Whether a directory looks like a recorded node: whoever forgot a part of it is told which.
pub fn is_recording(dir: &Path) -> bool {
    ["stat.tsv", "processes.json"].iter().any(|name| dir.join(name).is_file())
}

impl Recording {
    /// Reads one recorded node.
    pub fn load(dir: &Path) -> Result<Self, RecordingError> {
        let name = fs::canonicalize(dir).map_err(|source| RecordingError::Read { file: dir.to_owned(), source })?;
        let name = name.file_name().unwrap_or(name.as_os_str()).to_string_lossy().into_owned();
        if let Some(part) = PARTS.iter().find(|part| fs::symlink_metadata(dir.join(part)).is_err()) {
            let why = format!("it is missing, and a recorded node has {}", PARTS.join(", "));
            return Err(RecordingError::File { file: dir.join(part), why });
        }
        let sockets = optional(&dir.join("listen.txt"), parse_listeners)?;
        let (api, remarks) = load_api(&dir.join("api"))?;
        Ok(Self {
            name,
            stats: parsed(&dir.join("stat.tsv"), parse_listing)?,
            texts: load_tree(&dir.join("tree"))?,
            processes: parsed(&dir.join("processes.json"), parse_processes)?,
            sockets: sockets.is_some(),
            listeners: sockets.unwrap_or_default(),
            api: api.unwrap_or_default(),
            kernel: load_kernel(&dir.join("kernel"))?,
            kubernetes: optional(&dir.join("versions.txt"), |text| Ok(kubernetes_version(text)))?.flatten(),
            remarks,
            ..Self::default()
        })
    }
}

/// What was saved of the kernel, if anything was.
fn load_kernel(dir: &Path) -> Result<Saved, RecordingError> {
    if !dir.is_dir() {
        return Ok(Saved::default());
    }
    Saved::load_dir(dir).map_err(|error| RecordingError::File { file: dir.to_owned(), why: error.to_string() })
}

/// A line and what is wrong with it.
type BadLine = (usize, String);

fn parse_listing(text: &str) -> Result<BTreeMap<String, Listed>, BadLine> {
    let mut lines = text.lines().zip(1..);
    if lines.next().map(|(header, _)| header) != Some(COLUMNS) {
        return Err((1, format!("the columns should be {}", COLUMNS.replace('\t', " "))));
    }
    let mut stats = BTreeMap::new();
    for (line, at) in lines {
        let (path, listed) = parse_listed(line).map_err(|why| (at, why))?;
        if stats.insert(path.to_owned(), listed).is_some() {
            return Err((at, format!("{path} is listed twice")));
        }
    }
    Ok(stats)
}

fn parse_listed(line: &str) -> Result<(&str, Listed), String> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [path, kind, mode, uid, gid, size, target] = columns[..] else {
        return Err(format!("{} columns instead of 7", columns.len()));
    };
    let plain = |path: &str| path.split('/').skip(1).all(|name| !matches!(name, "" | "." | ".."));
    if path != "/" && !(path.starts_with('/') && plain(path)) {
        return Err(format!("`{path}` is not a plain absolute path"));
    }
    let kind = match kind {
        "file" => FileKind::File,
        "dir" => FileKind::Dir,
        "symlink" => FileKind::Symlink,
        "socket" | "fifo" | "block" | "char" => FileKind::Other,
        _ => return Err(format!("`{kind}` is not a type: file, dir, symlink, socket, fifo, block or char expected")),
    };
    if (kind == FileKind::Symlink) == target.is_empty() {
        return Err("a link target belongs to a symlink, and only to it".to_owned());
    }
    let mode = u32::from_str_radix(mode, 8).ok().filter(|bits| *bits <= 0o7777);
    let listed = Listed {
        kind,
        mode: mode.ok_or("the mode is not octal, 7777 at most")?,
        uid: uid.parse().map_err(|_| format!("`{uid}` is not a user id"))?,
        gid: gid.parse().map_err(|_| format!("`{gid}` is not a group id"))?,
        size: size.parse().map_err(|_| format!("`{size}` is not a size"))?,
        link_target: (!target.is_empty()).then(|| target.to_owned()),
    };
    Ok((path, listed))
}

fn parse_processes(text: &str) -> Result<Vec<RecordedProcess>, BadLine> {
    serde_json::from_str(text).map_err(|error| (error.line(), error.to_string()))
}

fn parse_listeners(text: &str) -> Result<Vec<RecordedListener>, BadLine> {
    text.lines().zip(1..).map(|(line, at)| listen::listener(line).map_err(|why| (at, why))).collect()
}

/// `v1.36.2` of a first line `Kubernetes v1.36.2`.
fn kubernetes_version(text: &str) -> Option<String> {
    text.lines().next()?.strip_prefix("Kubernetes ").map(|version| version.trim().to_owned())
}

/// An optional value that must be said, if only as `null`.
pub(super) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// The second of the four ids of `/proc/PID/status`: real, effective, saved, file system.
pub(super) fn effective_id<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let [_, effective, _, _] = <[String; 4]>::deserialize(from)?;
    effective.parse().map_err(|_| de::Error::custom("four ids expected"))
}

/// Contents by path.
type Contents = BTreeMap<String, Vec<u8>>;

/// The answers, none if there is no such directory; and a remark on each file that is left out.
fn load_api(dir: &Path) -> Result<(Option<Contents>, Vec<String>), RecordingError> {
    let mut api = BTreeMap::new();
    let mut left_out = Vec::new();
    if !dir.is_dir() {
        return Ok((None, left_out));
    }
    for (file, _) in entries(dir)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match API.iter().find(|(known, _)| *known == name) {
            Some((_, path)) => {
                api.insert((*path).to_owned(), read(&file)?);
            }
            None => left_out.push(format!("api/{name} was not read")),
        }
    }
    left_out.sort();
    Ok((Some(api), left_out))
}

/// Contents of files. Links have no place in `tree/`: they stand in the listing.
fn load_tree(tree: &Path) -> Result<Contents, RecordingError> {
    let mut texts = BTreeMap::new();
    let mut ahead = vec![(tree.to_owned(), String::new())];
    let (mut seen, mut bytes) = (0, 0);
    let bad = |file: &Path, why: &str| RecordingError::File { file: file.to_owned(), why: why.to_owned() };
    while let Some((dir, path)) = ahead.pop() {
        for (file, kind) in entries(&dir)? {
            let name =
                file.file_name().and_then(|name| name.to_str()).ok_or_else(|| bad(&file, "name is not UTF-8"))?;
            let path = format!("{path}/{name}");
            seen += 1;
            if seen > MAX_ENTRIES {
                return Err(bad(tree, &format!("more than {MAX_ENTRIES} entries")));
            }
            if kind.is_dir() {
                ahead.push((file, path));
                continue;
            }
            let content = read(&file)?;
            bytes += content.len() as u64;
            if bytes > MAX_TREE {
                return Err(bad(tree, &format!("more than {MAX_TREE} bytes")));
            }
            texts.insert(path, content);
        }
    }
    Ok(texts)
}

/// What a directory holds; it must not be a link either.
fn entries(dir: &Path) -> Result<Vec<(PathBuf, fs::FileType)>, RecordingError> {
    let read = || {
        if !fs::symlink_metadata(dir)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        fs::read_dir(dir)?.map(|entry| entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))).collect()
    };
    read().map_err(|source| RecordingError::Read { file: dir.to_owned(), source })
}

/// The whole of a regular file, which must not be a link: a recording tells of its node, never of the reader's machine.
fn read(file: &Path) -> Result<Vec<u8>, RecordingError> {
    let failed = |source| RecordingError::Read { file: file.to_owned(), source };
    let bad = |why: String| RecordingError::File { file: file.to_owned(), why };
    if !fs::symlink_metadata(file).map_err(failed)?.is_file() {
        return Err(bad("not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(file).map_err(failed)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE { Err(bad(format!("larger than {MAX_FILE} bytes"))) } else { Ok(bytes) }
}

fn parsed<T>(file: &Path, parse: impl FnOnce(&str) -> Result<T, BadLine>) -> Result<T, RecordingError> {
    let bytes = read(file)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| RecordingError::File { file: file.to_owned(), why: "not UTF-8".to_owned() })?;
    parse(text).map_err(|(line, why)| RecordingError::Line { file: file.to_owned(), line, why })
}

/// The same for a file that need not be there.
fn optional<T>(file: &Path, parse: impl FnOnce(&str) -> Result<T, BadLine>) -> Result<Option<T>, RecordingError> {
    match parsed(file, parse) {
        Err(RecordingError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
