//! The archive for an auditor: zstd over tar of `index.json`, `entries.jsonl` and `parts/SHA-256`, and a seal.
//!
//! The chain is in it whole, whatever runs are asked for: without all entries nothing can be proven of any. The seal is
//! the SHA-256 of all bytes before it, in a frame that zstd skips: it tells a flipped byte also where that would change
//! nothing that is read, and whatever version of zstd wrote the file. The same runs give the same bytes.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde::{Deserialize, Serialize};

use crate::graph::{Graph, Marked};
use crate::part::Stored;
use crate::store::there;
use crate::tree::{MAX_PART, Parts};
use crate::{Digest, Entry, HistoryError, Store, Verification, database};

/// Version of the form. A reader refuses a newer one. 2 brought reviews among the entries.
const VERSION: u32 = 2;

/// At most so many bytes are an archive, packed or not.
const MAX_TOTAL: u64 = 1 << 30;

/// A skippable frame of zstd (RFC 8878, 3.1.2) with 32 bytes in it.
const SEAL: [u8; 8] = [0x5a, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];

#[derive(Debug, Serialize, Deserialize)]
struct Index {
    version: u32,
    tool: String,
    /// Numbers of the runs that are here whole.
    runs: BTreeSet<u64>,
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Numbers of the runs that are in the archive whole.
    pub runs: BTreeSet<u64>,
    /// Hash of the last entry: what the archive's reader should be told on another way.
    pub head: Option<Digest>,
}

impl Store {
    /// Writes runs as one archive, with the whole chain. No runs named: all that were not pruned.
    pub fn export(&self, runs: &[Entry], out: impl Write) -> Result<Exported, HistoryError> {
        let moment = self.connection.unchecked_transaction()?;
        let entries = self.entries()?;
        let mut wanted = BTreeSet::new();
        for entry in runs {
            there(entry)?;
            wanted.insert(entry.number);
        }
        if runs.is_empty() {
            wanted.extend(entries.iter().filter(|entry| entry.whole().is_some()).map(|entry| entry.number));
        }
        let mut first = None;
        let mut wrong = |text: String| first = first.take().or(Some(text));
        let graph = Graph::of(&moment, &mut wrong)?;
        let mut marked = Marked::default();
        for entry in entries.iter().filter(|entry| wanted.contains(&entry.number)) {
            if let Some(run) = entry.whole() {
                graph.mark(run, &mut marked, &mut wrong);
            }
        }
        if let Some(wrong) = first {
            return Err(HistoryError::Damaged(wrong));
        }
        let stored = database::entries(&moment)?;
        write(&stored, &wanted, &marked, &mut Stored::new(&moment)?, out)?;
        Ok(Exported { runs: wanted, head: stored.last().map(|(hash, _)| *hash) })
    }
}

fn write(
    stored: &[(Digest, String)],
    runs: &BTreeSet<u64>,
    marked: &Marked,
    parts: &mut dyn Parts,
    mut out: impl Write,
) -> Result<(), HistoryError> {
    let mut archive = tar::Builder::new(Vec::new());
    let tool = concat!("kube-assay ", env!("CARGO_PKG_VERSION")).to_owned();
    let index = Index { version: VERSION, tool, runs: runs.clone() };
    append(
        &mut archive,
        "index.json",
        &serde_json::to_vec(&index).map_err(HistoryError::json("the archive's index"))?,
    )?;
    let lines: String = stored.iter().flat_map(|(_, body)| [body.as_str(), "\n"]).collect();
    append(&mut archive, "entries.jsonl", lines.as_bytes())?;
    for digest in marked.digests() {
        append(&mut archive, &format!("parts/{digest}"), &parts.needed(digest)?)?;
    }
    let tar = archive.into_inner().map_err(HistoryError::Archive)?;
    let packed = compress_to_vec(tar.as_slice(), CompressionLevel::Fastest);
    let seal = [SEAL.as_slice(), &Digest::of(&packed).0].concat();
    out.write_all(&packed).and_then(|()| out.write_all(&seal)).and_then(|()| out.flush()).map_err(HistoryError::Archive)
}

fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) -> Result<(), HistoryError> {
    let size = bytes.len() as u64;
    if archive.get_ref().len() as u64 + size + 2048 > MAX_TOTAL {
        return Err(HistoryError::TooLarge(format!("an archive holds at most {MAX_TOTAL} bytes: export fewer runs")));
    }
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, bytes).map_err(HistoryError::Archive)
}

/// Checks an archive: its seal, every part, the chain, every reference. `head` as in [`Store::verify`].
pub fn verify_archive(from: impl Read, head: Option<Digest>) -> Result<Verification, HistoryError> {
    let bad = |text: &str| HistoryError::BadArchive(text.to_owned());
    let mut bytes = Vec::new();
    from.take(MAX_TOTAL + 1).read_to_end(&mut bytes).map_err(HistoryError::Archive)?;
    if bytes.len() as u64 > MAX_TOTAL {
        return Err(HistoryError::TooLarge(format!("an archive has at most {MAX_TOTAL} bytes")));
    }
    let (packed, seal) = bytes.split_last_chunk::<40>().ok_or_else(|| bad("it is too short to be one"))?;
    if seal[..8] != SEAL {
        return Err(bad("its seal is missing: it was cut, or it is something else"));
    }
    if seal[8..] != Digest::of(packed).0 {
        return Err(bad("its bytes are not those that were sealed"));
    }
    let decoder = StreamingDecoder::new(packed).map_err(|_| bad("it is not compressed by zstd"))?;
    unpack(decoder.take(MAX_TOTAL), head)
}

fn unpack(tar: impl Read, head: Option<Digest>) -> Result<Verification, HistoryError> {
    let bad = |text: String| HistoryError::BadArchive(text);
    let unreadable = |error: std::io::Error| HistoryError::BadArchive(error.to_string());
    let mut archive = tar::Archive::new(tar);
    let mut members = archive.entries().map_err(unreadable)?.raw(true);
    let mut next = || -> Result<Option<(String, Vec<u8>)>, HistoryError> {
        let Some(member) = members.next() else { return Ok(None) };
        let member = member.map_err(unreadable)?;
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        if member.header().entry_type() != tar::EntryType::Regular {
            return Err(bad(format!("{name:?} is no plain file")));
        }
        if member.size() > MAX_PART as u64 {
            return Err(HistoryError::TooLarge(format!("{name:?} is larger than a history takes")));
        }
        let mut bytes = Vec::new();
        member.take(MAX_PART as u64).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(Some((name, bytes)))
    };
    let mut named = |wanted: &str| match next()? {
        Some((name, bytes)) if name == wanted => Ok(bytes),
        _ => Err(bad(format!("{wanted} is not where it belongs"))),
    };
    let index: serde_json::Value =
        serde_json::from_slice(&named("index.json")?).map_err(HistoryError::json("the archive's index"))?;
    match index.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version > u64::from(VERSION) => {
            return Err(HistoryError::Newer { found: version.cast_signed(), known: VERSION.into() });
        }
        _ => {}
    }
    let index: Index = serde_json::from_value(index).map_err(HistoryError::json("the archive's index"))?;
    let lines = String::from_utf8(named("entries.jsonl")?).map_err(|_| bad("its entries are no text".to_owned()))?;
    let mut stored: Vec<(Digest, String)> =
        lines.split('\n').map(|line| (Digest::of(line.as_bytes()), line.to_owned())).collect();
    if stored.pop().is_none_or(|(_, rest)| !rest.is_empty()) {
        return Err(bad("its entries have no end".to_owned()));
    }
    let mut graph = Graph::default();
    let mut found = Verification::default();
    let mut before = None;
    while let Some((name, bytes)) = next()? {
        let digest: Option<Digest> = name.strip_prefix("parts/").and_then(|digest| digest.parse().ok());
        let digest = digest.filter(|digest| before.is_none_or(|before| before < *digest));
        let digest = digest.ok_or_else(|| bad(format!("{name:?} does not belong there")))?;
        before = Some(digest);
        if Digest::of(&bytes) != digest {
            found.wrong(format!("part {digest} is not what its digest says"));
        }
        graph.add(digest, &bytes);
    }
    found.check(&stored, &graph, Some(&index.runs), head);
    Ok(found)
}
