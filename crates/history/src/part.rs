//! Parts in the database: compressed where that is smaller, checked whenever they are read.

use std::io::Read;

use rusqlite::{Connection, OptionalExtension, Statement, params};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::tree::{MAX_PART, Parts};
use crate::{Digest, HistoryError};

/// Parts of a database.
#[derive(Debug)]
pub(crate) struct Stored<'c> {
    get: Statement<'c>,
}

impl<'c> Stored<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Result<Self, HistoryError> {
        Ok(Self { get: connection.prepare("select size, packed, bytes from part where digest = ?")? })
    }
}

impl Parts for Stored<'_> {
    fn part(&mut self, digest: Digest) -> Result<Option<Vec<u8>>, HistoryError> {
        let row = self.get.query_row([digest.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        row.map(|(size, packed, bytes)| whole(digest, size, packed, bytes)).transpose()
    }
}

/// The content of a row, if it is what its digest says.
pub(crate) fn whole(digest: Digest, size: i64, packed: bool, bytes: Vec<u8>) -> Result<Vec<u8>, HistoryError> {
    let damaged = || HistoryError::Damaged(format!("part {digest} is not what its digest says"));
    let size = usize::try_from(size).ok().filter(|size| *size <= MAX_PART).ok_or_else(damaged)?;
    let content = if packed {
        let mut content = Vec::new();
        let decoder = StreamingDecoder::new(bytes.as_slice()).map_err(|_| damaged())?;
        decoder.take(size as u64 + 1).read_to_end(&mut content).map_err(|_| damaged())?;
        content
    } else {
        bytes
    };
    if content.len() == size && Digest::of(&content) == digest { Ok(content) } else { Err(damaged()) }
}

/// Stores a part, where it is not there yet. One that is there must be whole: a run that is acknowledged rests on it.
pub(crate) struct Putter<'c> {
    stored: Stored<'c>,
    put: Statement<'c>,
}

impl<'c> Putter<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Result<Self, HistoryError> {
        let put = connection.prepare("insert into part (digest, size, packed, bytes) values (?, ?, ?, ?)")?;
        Ok(Self { stored: Stored::new(connection)?, put })
    }

    pub(crate) fn put(&mut self, digest: Digest, bytes: &[u8]) -> Result<(), HistoryError> {
        if self.stored.part(digest)?.is_some() {
            return Ok(());
        }
        if bytes.len() > MAX_PART {
            return Err(HistoryError::TooLarge(format!(
                "{} bytes in one piece are more than a history takes",
                bytes.len()
            )));
        }
        let packed = compress_to_vec(bytes, CompressionLevel::Fastest);
        let smaller = packed.len() < bytes.len();
        let row = if smaller { packed.as_slice() } else { bytes };
        self.put.execute(params![digest.0, bytes.len().cast_signed() as i64, smaller, row])?;
        Ok(())
    }
}
