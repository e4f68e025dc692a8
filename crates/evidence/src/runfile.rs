//! The run file: a zstd-compressed tar of `index.json`, one `captures/N.json` each, and `blobs/DIGEST` once each.
//!
//! The reader bounds every size, verifies every digest and refuses a newer major version. A writer of a newer minor
//! version may add fields and kinds; an older reader that meets an unknown kind says so. Nothing in it depends on when
//! or where it was written: the same run gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Capture, Run, Seen, Text, Trail};

/// Major version of the format. A reader refuses another.
pub const SCHEMA_MAJOR: u32 = 1;
/// Minor version of the format.
pub const SCHEMA_MINOR: u32 = 0;

const MAX_ENTRY: u64 = 64 << 20;
const MAX_TOTAL: u64 = 1 << 30;
const MAX_ENTRIES: usize = 200_000;
const MAX_CAPTURES: usize = 20_000;

/// Why a run file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFileError {
    /// Reading or writing failed.
    #[error("the run file could not be read or written")]
    Io(#[from] std::io::Error),
    /// It is not a zstd-compressed tar.
    #[error("not a run file: {0}")]
    Shape(String),
    /// Written by a newer tool.
    #[error("run file schema {major}.{minor} is newer than this tool reads ({SCHEMA_MAJOR}.x)")]
    Newer {
        /// Its major version.
        major: u32,
        /// Its minor version.
        minor: u32,
    },
    /// A bound was passed.
    #[error("the run file is larger than the reader allows: {0}")]
    TooLarge(String),
    /// Index and content disagree.
    #[error("the run file is damaged: {0}")]
    Damaged(String),
    /// A JSON member does not parse.
    #[error("{member} of the run file does not parse")]
    Json {
        /// Which member.
        member: String,
        /// The parser's error.
        source: serde_json::Error,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Index {
    schema: Schema,
    tool: String,
    captures: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Schema {
    major: u32,
    minor: u32,
}

/// SHA-256 of bytes, in hex.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Digest of a set of trails: two captures with the same one were looked for in the same places.
pub fn trails_digest(trails: &[Trail]) -> String {
    digest(&serde_json::to_vec(trails).unwrap_or_default())
}

/// Writes a run file.
pub fn write_run(run: &Run, out: impl Write) -> Result<(), RunFileError> {
    let mut archive = tar::Builder::new(Vec::new());
    let captures: Vec<String> = (0..run.captures.len()).map(|at| format!("captures/{at}.json")).collect();
    let index = Index {
        schema: Schema { major: SCHEMA_MAJOR, minor: SCHEMA_MINOR },
        tool: concat!("kube-assay ", env!("CARGO_PKG_VERSION")).to_owned(),
        captures: captures.clone(),
    };
    append(&mut archive, "index.json", &json("index.json", &index)?)?;
    let mut blobs: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for (capture, name) in run.captures.iter().zip(&captures) {
        append(&mut archive, name, &json(name, capture)?)?;
        for text in capture.items.iter().flat_map(|item| texts(&item.seen)) {
            blobs.insert(&text.digest, &text.bytes);
        }
    }
    for (digest, bytes) in blobs {
        append(&mut archive, &format!("blobs/{digest}"), bytes)?;
    }
    let tar = archive.into_inner()?;
    let mut out = out;
    out.write_all(&ruzstd::encoding::compress_to_vec(tar.as_slice(), ruzstd::encoding::CompressionLevel::Fastest))?;
    Ok(out.flush()?)
}

fn json(member: &str, value: &impl Serialize) -> Result<Vec<u8>, RunFileError> {
    serde_json::to_vec(value).map_err(|source| RunFileError::Json { member: member.to_owned(), source })
}

fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, bytes)
}

/// Reads a run file.
pub fn read_run(from: impl Read) -> Result<Run, RunFileError> {
    let decoder =
        ruzstd::decoding::StreamingDecoder::new(from).map_err(|error| RunFileError::Shape(error.to_string()))?;
    let mut members = members(decoder.take(MAX_TOTAL + 1))?;
    let index: Index = parse(&members, "index.json")?;
    if index.schema.major != SCHEMA_MAJOR {
        return Err(RunFileError::Newer { major: index.schema.major, minor: index.schema.minor });
    }
    if index.captures.len() > MAX_CAPTURES {
        return Err(RunFileError::TooLarge(format!("{} captures", index.captures.len())));
    }
    let mut captures: Vec<Capture> =
        index.captures.iter().map(|name| parse(&members, name)).collect::<Result<_, _>>()?;
    let mut blobs: BTreeMap<String, Arc<[u8]>> = BTreeMap::new();
    for text in captures.iter_mut().flat_map(|capture| &mut capture.items).flat_map(|item| texts_mut(&mut item.seen)) {
        if let Some(bytes) = blobs.get(&text.digest) {
            text.bytes = Arc::clone(bytes);
            continue;
        }
        let bytes = members
            .remove(&format!("blobs/{}", text.digest))
            .ok_or_else(|| RunFileError::Damaged(format!("blob {} is missing", text.digest)))?;
        if digest(&bytes) != text.digest {
            return Err(RunFileError::Damaged(format!("blob {} has another content", text.digest)));
        }
        text.bytes = bytes.into();
        blobs.insert(text.digest.clone(), Arc::clone(&text.bytes));
    }
    Ok(Run { captures })
}

fn members(tar: impl Read) -> Result<BTreeMap<String, Vec<u8>>, RunFileError> {
    let shape = |error: std::io::Error| RunFileError::Shape(error.to_string());
    let mut archive = tar::Archive::new(tar);
    let mut members = BTreeMap::new();
    let mut total = 0;
    for entry in archive.entries().map_err(shape)? {
        let entry = entry.map_err(shape)?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(RunFileError::Shape("it holds something other than plain files".to_owned()));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        total += entry.size();
        if entry.size() > MAX_ENTRY || total > MAX_TOTAL || members.len() >= MAX_ENTRIES {
            return Err(RunFileError::TooLarge(name));
        }
        let mut bytes = Vec::new();
        entry.take(MAX_ENTRY).read_to_end(&mut bytes).map_err(shape)?;
        members.insert(name, bytes);
    }
    Ok(members)
}

fn parse<T: serde::de::DeserializeOwned>(members: &BTreeMap<String, Vec<u8>>, name: &str) -> Result<T, RunFileError> {
    let bytes = members.get(name).ok_or_else(|| RunFileError::Shape(format!("it has no {name}")))?;
    serde_json::from_slice(bytes).map_err(|source| RunFileError::Json { member: name.to_owned(), source })
}

fn texts(seen: &Seen) -> &[Text] {
    match seen {
        Seen::Text(text) => std::slice::from_ref(text),
        Seen::Certs(certs) => certs,
        _ => &[],
    }
}

fn texts_mut(seen: &mut Seen) -> &mut [Text] {
    match seen {
        Seen::Text(text) => std::slice::from_mut(text),
        Seen::Certs(certs) => certs,
        _ => &mut [],
    }
}
