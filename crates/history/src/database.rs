//! The SQLite file: how it is made, opened and kept from harm.
//!
//! A rollback journal, not a write-ahead log: the history is then one file, which can be read from a medium that is
//! read-only, and copied by anybody while nobody writes. `synchronous=EXTRA` also syncs the directory after the journal
//! is gone: without it the last transaction could be rolled back after a power failure, though it was acknowledged.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use crate::{Digest, HistoryError, seal};

/// `kasy`, in the header of the file.
const APPLICATION: i64 = 0x6b61_7379;

/// How long is waited for who else writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The schema, version by version. What was released is never changed, only added to.
const MIGRATIONS: &[M<'static>] = &[M::up(include_str!("schema/1.sql")), M::up(include_str!("schema/2.sql"))];

/// The newest version of the schema that is known here.
const KNOWN: i64 = MIGRATIONS.len().cast_signed() as i64;

/// Opens for writing; makes the file, and directories on the way to it, where there is none.
pub(crate) fn open(path: &Path) -> Result<Connection, HistoryError> {
    make(path)?;
    let mut connection = connect(path)?;
    let found = version(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    // What was pruned is overwritten.
    connection.pragma_update(None, "secure_delete", true)?;
    if found < KNOWN {
        // The pages that nobody needs leave the file where it is sealed, and not at the commit after that.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        if let Err(error) = migrate(&mut connection)
            // Somebody else may have been faster.
            && version(&connection, path)? < KNOWN
        {
            return Err(error);
        }
        let transaction = connection.transaction()?;
        seal::renew(&transaction)?;
        transaction.commit()?;
    }
    Ok(connection)
}

/// Opens for reading alone. What an interrupted writer left is rolled back, where the file may be written to.
pub(crate) fn read(path: &Path) -> Result<Connection, HistoryError> {
    if !path.try_exists().map_err(HistoryError::io(path))? {
        return Err(HistoryError::NoHistory(path.to_path_buf()));
    }
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    match version(&connection, path)? {
        0 => Err(HistoryError::NoHistory(path.to_path_buf())),
        _ => Ok(connection),
    }
}

fn migrate(connection: &mut Connection) -> Result<(), HistoryError> {
    Migrations::from_slice(MIGRATIONS).to_latest(connection).map_err(unmoved)
}

fn unmoved(error: rusqlite_migration::Error) -> HistoryError {
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
        other => HistoryError::Damaged(other.to_string()),
    }
}

/// Makes an empty file that its owner alone may read: what runs in a cluster is nobody else's business.
fn make(path: &Path) -> Result<(), HistoryError> {
    if path.exists() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(HistoryError::io(parent))?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(HistoryError::io(path))?;
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(HistoryError::io(parent))
}

fn connect(path: &Path) -> Result<Connection, HistoryError> {
    // SQLite reads only where the file may not be written to.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // The file may have been tampered with: nothing that it brings along is run, and its pages are checked when read.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// The version of the schema; 0: the file is empty.
fn version(connection: &Connection, path: &Path) -> Result<i64, HistoryError> {
    let foreign = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => HistoryError::NotHistory(path.to_path_buf()),
        _ => error.into(),
    };
    // At one moment: somebody else may be making the tables.
    let moment = connection.unchecked_transaction().map_err(foreign)?;
    let number = |pragma: &str| moment.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(foreign);
    let (version, application) = (number("user_version")?, number("application_id")?);
    let tables: i64 = moment.query_row("select count(*) from sqlite_schema", [], |row| row.get(0)).map_err(foreign)?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION, version) if version > KNOWN => Err(HistoryError::Newer { found: version, known: KNOWN }),
        (APPLICATION, version) if version > 0 => Ok(version),
        _ => Err(HistoryError::NotHistory(path.to_path_buf())),
    }
}

/// What the schema of a file says, to be compared with what it should say.
pub(crate) fn schema(connection: &Connection) -> Result<Vec<(String, Option<String>)>, HistoryError> {
    let mut statement = connection.prepare("select name, sql from sqlite_schema order by name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What it should say, in the version that it says it has.
pub(crate) fn expected_schema(of: &Connection) -> Result<Vec<(String, Option<String>)>, HistoryError> {
    let version: u32 = of.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut connection = Connection::open_in_memory()?;
    Migrations::from_slice(MIGRATIONS).to_version(&mut connection, version as usize).map_err(unmoved)?;
    schema(&connection)
}

/// The entries as they are stored: hash and text, in order.
pub(crate) fn entries(connection: &Connection) -> Result<Vec<(Digest, String)>, HistoryError> {
    let mut statement = connection.prepare("select hash, body from entry order by number")?;
    let rows = statement.query_map([], |row| Ok((Digest(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_history_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/history.db");
        assert!(matches!(read(&path), Err(HistoryError::NoHistory(_))));
        drop(open(&path).unwrap());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let connection = open(&path).unwrap();
        assert_eq!(version(&connection, &path).unwrap(), KNOWN);
        assert_eq!(schema(&connection).unwrap(), expected_schema(&connection).unwrap());
        for (pragma, expected) in [("synchronous", 3), ("secure_delete", 1), ("auto_vacuum", 2)] {
            let set: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
            assert_eq!(set, expected, "{pragma}");
        }
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[test]
    fn what_is_no_history_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("create table t (a); insert into t values (1)").unwrap();
        drop(other);
        let newer = directory.path().join("newer");
        open(&newer).unwrap().pragma_update(None, "user_version", KNOWN + 1).unwrap();
        let text = directory.path().join("text");
        std::fs::write(&text, "kind: Pod\n".repeat(200)).unwrap();
        for (path, expected) in [(&path, "is no history"), (&newer, "use a newer one"), (&text, "is no history")] {
            let before = std::fs::read(path).unwrap();
            for error in [open(path).unwrap_err(), read(path).unwrap_err()] {
                assert!(error.to_string().contains(expected), "{error}");
            }
            assert_eq!(std::fs::read(path).unwrap(), before);
        }
        let empty = directory.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        assert!(matches!(read(&empty), Err(HistoryError::NoHistory(_))));
        open(&empty).unwrap();
        assert!(matches!(open(directory.path()), Err(HistoryError::Sqlite(_))));
        assert!(matches!(open(&text.join("below")), Err(HistoryError::Io { .. })));
    }
}
