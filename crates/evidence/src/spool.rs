//! Captures one by one: all of a run's need not be in memory at once.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{Read, Seek, SeekFrom, Write};

use crate::runfile::{self, RunFileError};
use crate::{Capture, Run, Source};

/// Captures that are judged together, gone through one at a time and as often as needed, always in one order.
pub trait Captures {
    /// Why a capture could not be had.
    type Error;

    /// Every capture.
    fn each(&self) -> impl Iterator<Item = Result<Cow<'_, Capture>, Self::Error>>;
}

impl Captures for Run {
    type Error = Infallible;

    fn each(&self) -> impl Iterator<Item = Result<Cow<'_, Capture>, Infallible>> {
        self.captures.iter().map(|capture| Ok(Cow::Borrowed(capture)))
    }
}

/// Captures in a store: written as they come and read back one at a time. Each text stands in it once, by its digest.
#[derive(Debug)]
pub struct Spool<S> {
    store: RefCell<S>,
    end: u64,
    captures: Vec<Spooled>,
    blobs: BTreeMap<String, Span>,
}

/// What is known of a capture in a store without reading it.
#[derive(Clone, Debug)]
pub struct Spooled {
    /// Its name, which may be changed: a capture bears it when it is read back.
    pub name: String,
    /// Its kind of source.
    pub source: Source,
    /// The id of the machine, where it tells one: two machines may bear one name.
    pub machine: Option<String>,
    at: Span,
}

/// Bytes of a store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u64,
    length: u64,
}

impl<S: Read + Write + Seek> Spool<S> {
    /// An empty store.
    pub fn new(store: S) -> Self {
        Self { store: RefCell::new(store), end: 0, captures: Vec::new(), blobs: BTreeMap::new() }
    }

    /// Adds a capture at the end.
    pub fn push(&mut self, capture: &Capture) -> Result<(), RunFileError> {
        for text in capture.items.iter().flat_map(|item| item.seen.texts()) {
            self.put_blob(&text.digest, &text.bytes)?;
        }
        self.put_capture(capture)
    }

    /// Adds the captures of a run file, which may unpack to so many bytes.
    pub fn read(&mut self, from: impl Read, limit: u64) -> Result<(), RunFileError> {
        runfile::read_into(self, from, limit)
    }

    /// Writes all captures as a run file.
    pub fn write(&self, out: impl Write) -> Result<(), RunFileError> {
        runfile::write_from(self, out)
    }

    /// What is in the store, in its order.
    pub fn spooled(&self) -> &[Spooled] {
        &self.captures
    }

    /// The same, to be renamed or put in another order.
    pub fn spooled_mut(&mut self) -> &mut [Spooled] {
        &mut self.captures
    }

    /// Adds a capture whose texts are in the store.
    pub(crate) fn put_capture(&mut self, capture: &Capture) -> Result<(), RunFileError> {
        let json = runfile::json(&capture.name, capture)?;
        let at = self.put(&runfile::compressed(&json))?;
        let machine = capture.identity.get("machine-id").cloned();
        self.captures.push(Spooled { name: capture.name.clone(), source: capture.source, machine, at });
        Ok(())
    }

    /// Adds bytes by their digest, unless they are there.
    pub(crate) fn put_blob(&mut self, digest: &str, bytes: &[u8]) -> Result<(), RunFileError> {
        if !self.blobs.contains_key(digest) {
            let at = self.put(bytes)?;
            self.blobs.insert(digest.to_owned(), at);
        }
        Ok(())
    }

    pub(crate) fn has_blob(&self, digest: &str) -> bool {
        self.blobs.contains_key(digest)
    }

    /// Takes back the captures after so many.
    pub(crate) fn truncate(&mut self, to: usize) {
        self.captures.truncate(to);
    }

    /// Digests of all texts.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &String> {
        self.blobs.keys()
    }

    /// A text by its digest; none: it is not in the store.
    pub(crate) fn blob(&self, digest: &str) -> Option<Result<Vec<u8>, RunFileError>> {
        self.blobs.get(digest).map(|at| self.get(*at))
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<Span, RunFileError> {
        let at = Span { start: self.end, length: bytes.len() as u64 };
        let store = self.store.get_mut();
        store.seek(SeekFrom::Start(at.start))?;
        store.write_all(bytes)?;
        self.end += at.length;
        Ok(at)
    }

    pub(crate) fn get(&self, at: Span) -> Result<Vec<u8>, RunFileError> {
        let mut store = self.store.borrow_mut();
        store.seek(SeekFrom::Start(at.start))?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut *store).take(at.length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == at.length {
            Ok(bytes)
        } else {
            Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into())
        }
    }

    /// Reads a capture back.
    pub(crate) fn capture(&self, spooled: &Spooled) -> Result<Capture, RunFileError> {
        let json = runfile::decompressed(&self.get(spooled.at)?)?;
        let mut capture: Capture = serde_json::from_slice(&json)
            .map_err(|source| RunFileError::Json { member: spooled.name.clone(), source })?;
        capture.name.clone_from(&spooled.name);
        for text in capture.items.iter_mut().flat_map(|item| item.seen.texts_mut()) {
            text.bytes = self.blob(&text.digest).unwrap_or_else(|| Err(runfile::missing(&text.digest)))?.into();
        }
        Ok(capture)
    }
}

impl<S: Read + Write + Seek> Captures for Spool<S> {
    type Error = RunFileError;

    fn each(&self) -> impl Iterator<Item = Result<Cow<'_, Capture>, RunFileError>> {
        self.captures.iter().map(|spooled| self.capture(spooled).map(Cow::Owned))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{Aspect, Basis, Item, MAX_TOTAL, Place, Reach, Seen, Text, write_run};

    fn capture(name: &str, texts: &[&str]) -> Capture {
        let item = |text: &&str| Item {
            trail: "t".to_owned(),
            place: Place::Path(format!("/{text}").into()),
            aspect: Aspect::Text,
            basis: Basis::Declared,
            seen: Seen::Text(Text::new(text.as_bytes().to_vec(), Vec::new())),
        };
        Capture {
            name: name.to_owned(),
            source: Source::Node,
            taken: Some(1),
            root: "/".to_owned(),
            identity: BTreeMap::new(),
            reach: Reach::default(),
            rights: Vec::new(),
            remarks: Vec::new(),
            catalogue: String::new(),
            items: texts.iter().map(item).collect(),
            breaks: Vec::new(),
        }
    }

    fn run() -> Run {
        Run { captures: vec![capture("b", &["one", "two"]), capture("a", &["two", "three"]), capture("c", &[])] }
    }

    fn all<S: Read + Write + Seek>(spool: &Spool<S>) -> Run {
        Run { captures: spool.each().map(|capture| capture.unwrap().into_owned()).collect() }
    }

    #[test]
    fn captures_come_back_as_they_went_in_again_and_again() {
        let mut spool = Spool::new(Cursor::new(Vec::new()));
        run().captures.iter().for_each(|capture| spool.push(capture).unwrap());
        assert_eq!((all(&spool), all(&spool)), (run(), run()));
        assert_eq!(spool.blobs.len(), 3, "a text stands there once");
        // They may be put in order and renamed.
        spool.spooled_mut().sort_by(|one, other| one.name.cmp(&other.name));
        "z".clone_into(&mut spool.spooled_mut()[0].name);
        let names: Vec<String> = all(&spool).captures.into_iter().map(|capture| capture.name).collect();
        assert_eq!(names, ["z", "b", "c"]);
    }

    #[test]
    fn run_files_are_added_and_written_without_being_whole_in_memory() {
        let (mut file, mut again) = (Vec::new(), Vec::new());
        write_run(&run(), &mut file).unwrap();
        let mut spool = Spool::new(Cursor::new(Vec::new()));
        spool.read(file.as_slice(), MAX_TOTAL).unwrap();
        assert_eq!(all(&spool), run());
        spool.write(&mut again).unwrap();
        assert!(file == again, "the same captures give the same bytes");
        // What is refused adds nothing.
        assert!(spool.read(&file[..file.len() - 9], MAX_TOTAL).is_err());
        assert!(spool.read(file.as_slice(), 100).is_err());
        assert_eq!(all(&spool), run());
        spool.read(file.as_slice(), MAX_TOTAL).unwrap();
        assert_eq!(spool.spooled().len(), 6);
    }

    /// A store, or an output, that is full.
    struct Full(Cursor<Vec<u8>>);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let room = 64_usize.saturating_sub(self.0.get_ref().len());
            if room == 0 {
                Err(std::io::ErrorKind::StorageFull.into())
            } else {
                self.0.write(&bytes[..room.min(bytes.len())])
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Read for Full {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(into)
        }
    }

    impl Seek for Full {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_panic() {
        let full = || Full(Cursor::new(Vec::new()));
        assert!(matches!(Spool::new(full()).push(&run().captures[0]), Err(RunFileError::Io(_))));
        let mut spool = Spool::new(Cursor::new(Vec::new()));
        spool.push(&run().captures[0]).unwrap();
        assert!(matches!(spool.write(full()), Err(RunFileError::Io(_))));
        // Nor is a store that lost what it held.
        spool.store.get_mut().get_mut().truncate(3);
        assert!(matches!(spool.write(Vec::new()), Err(RunFileError::Io(_))));
        assert!(spool.each().all(|capture| capture.is_err()));
    }
}
