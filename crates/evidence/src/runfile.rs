//! The run file: a zstd-compressed tar of `index.json`, one `captures/N.json` each, and `blobs/DIGEST` once each.
//!
//! The reader bounds every size, verifies every digest and refuses a newer major version. A writer of a newer minor
//! version may add fields and kinds; an older reader that meets an unknown kind says so. Nothing in it depends on when
//! or where it was written: the same run gives the same bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Read, Seek, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::spool::Span;
use crate::{Capture, Captures as _, Run, Spool, Trail};

/// Major version of the format. A reader refuses another.
pub const SCHEMA_MAJOR: u32 = 1;
/// Minor version of the format.
pub const SCHEMA_MINOR: u32 = 3;

const MAX_ENTRY: u64 = 256 << 20;
/// What a run file may unpack to where it is read a member at a time: some 20,000 nodes and their cluster.
pub const MAX_TOTAL: u64 = 4 << 30;
const MAX_IN_MEMORY: u64 = 1 << 30;
const MAX_ENTRIES: usize = 500_000;
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
    let mut spool = Spool::new(Cursor::new(Vec::new()));
    run.captures.iter().try_for_each(|capture| spool.push(capture))?;
    spool.write(out)
}

/// Writes what a store holds as a run file, a member at a time.
pub(crate) fn write_from<S: Read + Write + Seek>(spool: &Spool<S>, out: impl Write) -> Result<(), RunFileError> {
    let names: Vec<String> = (0..spool.spooled().len()).map(|at| format!("captures/{at}.json")).collect();
    let index = Index {
        schema: Schema { major: SCHEMA_MAJOR, minor: SCHEMA_MINOR },
        tool: concat!("kube-assay ", env!("CARGO_PKG_VERSION")).to_owned(),
        captures: names.clone(),
    };
    let captures = spool.each().zip(&names).map(|(capture, name)| Ok((name.clone(), json(name, &*capture?)?)));
    let blobs = spool.digests().map(|digest| {
        let bytes = spool.blob(digest).unwrap_or_else(|| Err(missing(digest)))?;
        Ok((format!("blobs/{digest}"), bytes))
    });
    let first = json("index.json", &index).map(|bytes| ("index.json".to_owned(), bytes));
    let mut tar = Tar {
        members: std::iter::once(first).chain(captures).chain(blobs),
        archive: Some(tar::Builder::new(Vec::new())),
        ready: Cursor::new(Vec::new()),
        failed: None,
    };
    let mut out = Drain { out, failed: None };
    ruzstd::encoding::compress(&mut tar, &mut out, LEVEL);
    match (tar.failed, out.failed) {
        (Some(failed), _) => Err(failed),
        (None, Some(failed)) => Err(failed.into()),
        (None, None) => Ok(out.out.flush()?),
    }
}

const LEVEL: ruzstd::encoding::CompressionLevel = ruzstd::encoding::CompressionLevel::Fastest;

/// Bytes, compressed.
pub(crate) fn compressed(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, LEVEL)
}

/// The inverse.
pub(crate) fn decompressed(bytes: &[u8]) -> Result<Vec<u8>, RunFileError> {
    let mut all = Vec::new();
    decoder(bytes)?.read_to_end(&mut all)?;
    Ok(all)
}

fn decoder<R: Read>(
    from: R,
) -> Result<ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>, RunFileError> {
    ruzstd::decoding::StreamingDecoder::new(from)
        .map_err(|_| RunFileError::Shape("it is not compressed by zstd".to_owned()))
}

/// A tar that is made while it is read. The compressor panics if what it reads or writes fails: here both end early
/// instead, and keep the reason.
struct Tar<I> {
    members: I,
    archive: Option<tar::Builder<Vec<u8>>>,
    ready: Cursor<Vec<u8>>,
    failed: Option<RunFileError>,
}

impl<I: Iterator<Item = Result<(String, Vec<u8>), RunFileError>>> Tar<I> {
    /// The bytes of the next member, or the tar's end; none: it has ended.
    fn next(&mut self) -> Result<Option<Vec<u8>>, RunFileError> {
        let Some(archive) = &mut self.archive else { return Ok(None) };
        if let Some(member) = self.members.next() {
            let (name, bytes) = member?;
            append(archive, &name, &bytes)?;
            return Ok(Some(std::mem::take(archive.get_mut())));
        }
        let end = self.archive.take().map(tar::Builder::into_inner).transpose()?;
        Ok(end)
    }
}

impl<I: Iterator<Item = Result<(String, Vec<u8>), RunFileError>>> Read for Tar<I> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let read = self.ready.read(into)?;
            if read > 0 || into.is_empty() || self.failed.is_some() {
                return Ok(read);
            }
            match self.next() {
                Ok(Some(bytes)) => self.ready = Cursor::new(bytes),
                Ok(None) => return Ok(0),
                Err(failed) => self.failed = Some(failed),
            }
        }
    }
}

struct Drain<W> {
    out: W,
    failed: Option<std::io::Error>,
}

impl<W: Write> Write for Drain<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.failed.is_none() {
            self.failed = self.out.write_all(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn json(member: &str, value: &impl Serialize) -> Result<Vec<u8>, RunFileError> {
    serde_json::to_vec(value).map_err(|source| RunFileError::Json { member: member.to_owned(), source })
}

fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, bytes)
}

/// Reads a run file into memory.
pub fn read_run(from: impl Read) -> Result<Run, RunFileError> {
    read_run_within(from, MAX_IN_MEMORY)
}

/// Reads a run file that may unpack to so many bytes: one of a single node, from a hand that is not trusted.
pub fn read_run_within(from: impl Read, limit: u64) -> Result<Run, RunFileError> {
    let mut spool = Spool::new(Cursor::new(Vec::new()));
    spool.read(from, limit.min(MAX_IN_MEMORY))?;
    let captures = spool.each().map(|capture| capture.map(Cow::into_owned)).collect::<Result<_, _>>()?;
    Ok(Run { captures })
}

/// Adds what a run file holds to a store, a member at a time. Nothing of a file that is refused is among its captures.
pub(crate) fn read_into<S: Read + Write + Seek>(
    spool: &mut Spool<S>,
    from: impl Read,
    limit: u64,
) -> Result<(), RunFileError> {
    let limit = limit.min(MAX_TOTAL);
    let mut members = members(spool, decoder(from)?.take(limit + 1), limit)?;
    // Taken out, so that an index that names one twice cannot multiply it.
    let mut take = |spool: &Spool<S>, name: &str| {
        let at = members.remove(name).ok_or_else(|| RunFileError::Shape(format!("it has no {name}")))?;
        spool.get(at)
    };
    let index: Index = parse(&take(spool, "index.json")?, "index.json")?;
    if index.schema.major != SCHEMA_MAJOR {
        return Err(RunFileError::Newer { major: index.schema.major, minor: index.schema.minor });
    }
    if index.captures.len() > MAX_CAPTURES {
        return Err(RunFileError::TooLarge(format!("{} captures", index.captures.len())));
    }
    let before = spool.spooled().len();
    let mut all = || {
        for name in &index.captures {
            let capture: Capture = parse(&decompressed(&take(spool, name)?)?, name)?;
            let mut texts = capture.items.iter().flat_map(|item| item.seen.texts());
            if let Some(text) = texts.find(|text| !spool.has_blob(&text.digest)) {
                return Err(missing(&text.digest));
            }
            spool.put_capture(&capture)?;
        }
        Ok(())
    };
    let ended = all();
    if ended.is_err() {
        spool.truncate(before);
    }
    ended
}

/// Puts every member into a store: blobs by their digests, captures compressed, the index as it is.
fn members<S: Read + Write + Seek>(
    spool: &mut Spool<S>,
    tar: impl Read,
    limit: u64,
) -> Result<BTreeMap<String, Span>, RunFileError> {
    let shape = |error: std::io::Error| RunFileError::Shape(error.to_string());
    let mut archive = tar::Archive::new(tar);
    let mut members = BTreeMap::new();
    let (mut total, mut count) = (0, 0);
    for entry in archive.entries().map_err(shape)? {
        let entry = entry.map_err(shape)?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(RunFileError::Shape("it holds something other than plain files".to_owned()));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        total += entry.size();
        if entry.size() > MAX_ENTRY || total > limit || count >= MAX_ENTRIES {
            return Err(RunFileError::TooLarge(name));
        }
        count += 1;
        let mut bytes = Vec::new();
        entry.take(MAX_ENTRY).read_to_end(&mut bytes).map_err(shape)?;
        if let Some(named) = name.strip_prefix("blobs/") {
            if digest(&bytes) != named {
                return Err(RunFileError::Damaged(format!("blob {named} has another content")));
            }
            spool.put_blob(named, &bytes)?;
        } else {
            let kept = if name == "index.json" { bytes } else { compressed(&bytes) };
            members.insert(name, spool.put(&kept)?);
        }
    }
    Ok(members)
}

pub(crate) fn missing(digest: &str) -> RunFileError {
    RunFileError::Damaged(format!("blob {digest} is missing"))
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8], name: &str) -> Result<T, RunFileError> {
    serde_json::from_slice(bytes).map_err(|source| RunFileError::Json { member: name.to_owned(), source })
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Aspect, Basis, Cut, Item, Place, Reach, Seen, Source, Text};

    fn run() -> Run {
        let text = Text::new(b"kind: Pod".to_vec(), Vec::new());
        let item = Item {
            trail: "t".to_owned(),
            place: Place::Path("/a".into()),
            aspect: Aspect::Text,
            basis: Basis::Declared,
            seen: Seen::Text(text),
        };
        let capture = Capture {
            name: "n".to_owned(),
            source: Source::Tree,
            taken: Some(1),
            root: "/".to_owned(),
            identity: BTreeMap::new(),
            reach: Reach::default(),
            rights: Vec::new(),
            remarks: Vec::new(),
            catalogue: trails_digest(&[]),
            items: vec![item],
            breaks: Vec::new(),
        };
        Run { captures: vec![capture] }
    }

    /// A run file of these members.
    fn file(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, bytes) in members {
            append(&mut archive, name, bytes).unwrap();
        }
        ruzstd::encoding::compress_to_vec(
            archive.into_inner().unwrap().as_slice(),
            ruzstd::encoding::CompressionLevel::Fastest,
        )
    }

    fn index(major: u32, captures: &[&str]) -> Vec<u8> {
        let captures = captures.iter().map(|name| (*name).to_owned()).collect();
        serde_json::to_vec(&Index { schema: Schema { major, minor: 9 }, tool: String::new(), captures }).unwrap()
    }

    #[test]
    fn what_was_written_is_read() {
        let mut bytes = Vec::new();
        write_run(&run(), &mut bytes).unwrap();
        let mut again = Vec::new();
        write_run(&run(), &mut again).unwrap();
        assert_eq!(bytes, again, "the same run gives the same bytes");
        assert_eq!(read_run(bytes.as_slice()).unwrap(), run());
        assert_eq!(read_run_within(bytes.as_slice(), 1 << 16).unwrap(), run());
        assert!(read_run_within(bytes.as_slice(), 1000).is_err());
        for cut in [0, 1, 10, bytes.len() / 2, bytes.len() - 1] {
            assert!(read_run(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn bad_run_files_are_refused() {
        let capture = serde_json::to_vec(&run().captures[0]).unwrap();
        let blob = format!("blobs/{}", digest(b"kind: Pod"));
        let refused = |members: &[(&str, &[u8])]| read_run(file(members).as_slice()).unwrap_err().to_string();
        let first = index(1, &["captures/0.json"]);
        let good: [(&str, &[u8]); 3] = [("index.json", &first), ("captures/0.json", &capture), (&blob, b"kind: Pod")];
        assert_eq!(read_run(file(&good).as_slice()).unwrap(), run(), "a newer minor version is read");
        assert!(refused(&[("index.json", &index(2, &[]))]).contains("newer"));
        assert!(refused(&[("captures/0.json", &capture)]).contains("no index.json"));
        assert!(refused(&good[..2]).contains("missing"));
        assert!(refused(&[good[0], good[1], (&blob, b"kind: Pot")]).contains("another content"));
        let twice = index(1, &["captures/0.json", "captures/0.json"]);
        assert!(refused(&[("index.json", &twice), good[1], good[2]]).contains("no captures/0.json"));
        let many: Vec<String> = (0..=MAX_CAPTURES).map(|at| at.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(refused(&[("index.json", &index(1, &many))]).contains("larger"));
        assert!(read_run(b"no zstd".as_slice()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_in_an_error(mut bytes: Vec<u8>, at: usize, with: u8) {
            proptest::prop_assert!(read_run(bytes.as_slice()).is_err());
            bytes.clear();
            write_run(&run(), &mut bytes).unwrap();
            let at = at % bytes.len();
            bytes[at] = with;
            // A changed byte is refused, or changed nothing that is read.
            let _ = read_run(bytes.as_slice());
        }
    }

    #[test]
    fn kinds_of_cuts_keep_their_names_in_files() {
        assert_eq!(serde_json::to_string(&Cut::Kubeconfig).unwrap(), "\"kubeconfig\"");
    }
}
