//! Why history could not be read or written.

use std::path::{Path, PathBuf};

/// Why history could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The evidence that is to be recorded could not be read.
    #[error("the evidence could not be read")]
    Evidence(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no such file.
    #[error("there is no history at {}", .0.display())]
    NoHistory(PathBuf),
    /// The file is something else.
    #[error("{} is no history of kube-assay", .0.display())]
    NotHistory(PathBuf),
    /// A newer tool wrote it.
    #[error("the history is of version {found}, and this kube-assay knows versions up to {known}: use a newer one")]
    Newer {
        /// Its version.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// The file system failed.
    #[error("{}", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An archive could not be read or written.
    #[error("the archive could not be read or written")]
    Archive(#[source] std::io::Error),
    /// It is no archive, or not what it was when it was written.
    #[error("the archive is damaged: {0}")]
    BadArchive(String),
    /// Somebody else has been writing for too long.
    #[error("another process is writing to the history, and did not end in time")]
    Busy,
    /// No room was left. What was recorded before is whole.
    #[error("no room is left for the history: nothing was added to it")]
    Full,
    /// The database failed.
    #[error("the history could not be read or written")]
    Sqlite(#[source] rusqlite::Error),
    /// Something is not as it was written.
    #[error("the history is damaged: {0} (`kube-assay history verify` tells all)")]
    Damaged(String),
    /// No run is meant by a reference.
    #[error("{0}")]
    NoRun(String),
    /// The run was pruned.
    #[error("run {number} was pruned by entry {by}: its digests are left, its report and its evidence are not")]
    Pruned {
        /// The run.
        number: u64,
        /// The entry that pruned it.
        by: u64,
    },
    /// Something is larger than a reader takes.
    #[error("{0}")]
    TooLarge(String),
    /// A report or a run does not become JSON, or a stored one is of a form that is not known here.
    #[error("{what} is of a form that is not known here")]
    Json {
        /// What.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl HistoryError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Io { path, source }
    }

    pub(crate) fn json(what: impl Into<String>) -> impl FnOnce(serde_json::Error) -> Self {
        let what = what.into();
        |source| Self::Json { what, source }
    }
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt) => {
                Self::Damaged(format!("the file was cut or changed, SQLite says: {error}"))
            }
            _ => Self::Sqlite(error),
        }
    }
}
