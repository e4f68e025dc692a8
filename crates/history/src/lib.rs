//! What was told before: runs with their evidence and the content they were judged by, chained by hash.
//!
//! A run is stored in parts that are named by their digest (`tree`), so that what is unchanged is stored once. Entries
//! ([`Entry`]) form a chain; nothing in it is ever changed, also not by a prune, which is an entry itself. All of it is
//! one SQLite file ([`Store`]), or one archive for somebody who has neither the file nor the cluster.
//!
//! This crate reads no clock and no environment, decides nothing, and compares no reports.

mod archive;
mod database;
mod digest;
mod entry;
mod error;
mod graph;
mod listing;
mod part;
mod past;
mod prune;
mod seal;
mod store;
mod tree;
mod trend;
mod verify;

pub use archive::{Exported, verify_archive};
pub use digest::Digest;
pub use entry::{Entry, Event, Prune, Recorded, Review};
pub use error::HistoryError;
pub use listing::{Listing, SCHEMA, schema};
pub use past::Past;
pub use prune::{Plan, Rule};
pub use store::{Record, Store};
pub use trend::{Point, TREND, Trend, trend_schema};
pub use verify::Verification;
