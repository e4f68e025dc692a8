//! The seal: one hash over every byte of the file, which lies in the file and is written with what it seals.
//!
//! The digests of parts and entries prove what a history says. They do not cover bytes that say nothing: room between
//! rows, and most of the file's header. The seal does, so that a byte that changed on the disk is found wherever it is.
//! It is made over the pages as the transaction will leave them, with the seal itself left out, and so it is there or
//! not together with them. What SQLite writes only when it commits is left out too, and checked by itself: the counter
//! of changes, which stands twice in the header, and the version of SQLite that wrote it
//! (<https://www.sqlite.org/fileformat2.html#the_database_header>).
//!
//! The image of the file is had from SQLite: a process that opens and closes the file beside it loses SQLite's locks
//! (<https://www.sqlite.org/howtocorrupt.html>, 2.2). It is held in memory, once, and so a file may outgrow its seal.

use std::ops::Range;

use rusqlite::serialize::Data;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest as _, Sha256};

use crate::{Digest, HistoryError};

/// A larger file is not sealed: some 30,000 unchanged runs of a small cluster.
pub(crate) const MOST: u64 = 256 << 20;

/// The counter of changes.
const COUNTER: Range<usize> = 24..28;
/// The counter of changes for which the version is valid.
const COUNTER_AGAIN: Range<usize> = 92..96;
/// The version of SQLite that wrote the file last.
const WRITER: Range<usize> = 96..100;

/// How a file and its seal stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sealed {
    /// Every byte is what it was when it was written.
    Whole,
    /// Some are not; why that is known.
    Broken(&'static str),
    /// It has no seal: a version that did not know how has written it, or it has outgrown it.
    Never,
}

struct Seal {
    hash: Digest,
    writer: u32,
    /// The page that holds it, from 1.
    page: usize,
}

/// Seals what a transaction has written. Nothing may be written after it.
pub(crate) fn renew(connection: &Connection) -> Result<(), HistoryError> {
    renew_up_to(MOST, connection)
}

fn renew_up_to(most: u64, connection: &Connection) -> Result<(), HistoryError> {
    // Pages that nobody needs leave the file now: a commit would move them after they were sealed.
    let mut vacuum = connection.prepare("pragma incremental_vacuum")?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    let put = |hash: Digest| {
        let row = params![hash.0, rusqlite::version_number()];
        connection.execute("update seal set hash = ?, writer = ?", row)
    };
    put(Digest([0; 32]))?;
    if size(connection)? > most {
        return Ok(());
    }
    let image = self::image(connection)?;
    let blank = read(connection)?.and_then(|seal| seal.place(&image));
    let blank = blank.ok_or_else(|| HistoryError::Damaged("the seal has no place in the file".to_owned()))?;
    let hash = hash(&image, &blank);
    drop(image);
    put(hash)?;
    // It took the blank one's place, and nothing else moved.
    let image = self::image(connection)?;
    if read(connection)?.is_some_and(|seal| seal.fits(&image)) {
        Ok(())
    } else {
        Err(HistoryError::Damaged("the file could not be sealed".to_owned()))
    }
}

/// Compares the file with its seal, outside of any change.
pub(crate) fn check(connection: &Connection) -> Result<Sealed, HistoryError> {
    let Some(seal) = read(connection)? else { return Ok(Sealed::Never) };
    if seal.hash == Digest([0; 32]) {
        return Ok(Sealed::Never);
    }
    if size(connection)? > MOST {
        return Ok(Sealed::Broken("the file is longer than any that is sealed"));
    }
    let image = image(connection)?;
    let longer = connection.path().and_then(|path| std::fs::metadata(path).ok());
    if longer.is_some_and(|file| file.len() != image.len() as u64) {
        return Ok(Sealed::Broken("the file is longer or shorter than it was written"));
    }
    let number = |place: &Range<usize>| image.get(place.clone());
    if number(&COUNTER) != number(&COUNTER_AGAIN) || number(&WRITER) != Some(&seal.writer.to_be_bytes()) {
        return Ok(Sealed::Broken("the file's header is not what was written"));
    }
    if seal.fits(&image) { Ok(Sealed::Whole) } else { Ok(Sealed::Broken("bytes of the file are not what was written")) }
}

fn read(connection: &Connection) -> Result<Option<Seal>, HistoryError> {
    let page = "select rootpage from sqlite_schema where name = 'seal'";
    let Some(page) = connection.query_row(page, [], |row| row.get::<_, u32>(0)).optional()? else { return Ok(None) };
    let seal = connection.query_row("select hash, writer from seal", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Some(Seal { hash: Digest(seal.0), writer: seal.1, page: page as usize }))
}

/// Bytes of the file.
fn size(connection: &Connection) -> Result<u64, HistoryError> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
    Ok(u64::from(number("page_count")?) * u64::from(number("page_size")?))
}

fn image(connection: &Connection) -> Result<Data<'_>, HistoryError> {
    Ok(connection.serialize("main")?)
}

impl Seal {
    fn fits(&self, image: &[u8]) -> bool {
        self.place(image).is_some_and(|place| hash(image, &place) == self.hash)
    }

    /// Where its hash lies in the file: its table has one page.
    fn place(&self, image: &[u8]) -> Option<Range<usize>> {
        // A size of 65,536 is written as 1.
        let size = match u16::from_be_bytes(image.get(16..18)?.try_into().ok()?) {
            1 => 1 << 16,
            size => usize::from(size),
        };
        let start = self.page.checked_sub(1)?.checked_mul(size)?;
        let page = image.get(start..start.checked_add(size)?)?;
        // From the end, where SQLite puts the rows of a page.
        let at = page.windows(32).rposition(|window| window == self.hash.0)?;
        Some(start + at..start + at + 32)
    }
}

/// SHA-256 of all but the seal and what is written at a commit.
fn hash(image: &[u8], seal: &Range<usize>) -> Digest {
    let mut hasher = Sha256::new();
    let mut from = 0;
    for hole in [COUNTER, COUNTER_AGAIN.start..WRITER.end, seal.clone()] {
        hasher.update(image.get(from..hole.start).unwrap_or_default());
        from = hole.end;
    }
    hasher.update(image.get(from..).unwrap_or_default());
    Digest(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_outgrows_its_seal_has_none() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = crate::database::open(&directory.path().join("history.db")).unwrap();
        let mut seal = |most: u64| {
            let transaction = connection.transaction().unwrap();
            renew_up_to(most, &transaction).unwrap();
            transaction.commit().unwrap();
            check(&connection).unwrap()
        };
        assert_eq!(seal(MOST), Sealed::Whole);
        assert_eq!(seal(4096), Sealed::Never);
        assert_eq!(seal(MOST), Sealed::Whole);
    }
}
