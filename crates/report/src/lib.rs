//! How it is told: the [`Report`] value and its renderers. Pure.
//!
//! The report's JSON is the record. Folding subjects into findings happens once, in [`build`]; renderers, and later
//! drift and exceptions, read findings and never evidence. A renderer leaves nothing out: a test expands what it tells.

mod apart;
mod beside;
mod build;
mod csv;
mod demand;
pub mod drift;
mod fold;
mod formats;
mod gate;
mod github;
mod html;
mod junit;
mod kube_bench;
mod markdown;
mod markup;
mod model;
mod plain;
mod sarif;
mod terminal;
mod triage;
mod wide;
mod words;

pub use assess::Verdict;
pub use beside::{Beside, PastRun};
pub use build::{Answerable, Material, build};
pub use csv::csv;
pub use fold::{expand, refold, roll_up};
pub use formats::{filter, filter_demands, json, schema, written, yaml};
pub use gate::{FailOn, Gate, OtherDay, Policy, Stand, gate, other_day};
pub use github::github;
pub use html::html;
pub use junit::junit;
pub use kube_bench::{
    ImportError, Imported, KUBE_BENCH, KubeBench, imported, kube_bench, kube_bench_json, read_kube_bench,
};
pub use markdown::{code as markdown_code, fenced as markdown_fence, markdown, text as markdown_text};
pub use model::{
    CaptureInfo, CitedBy, Coverage, Finding, ProfileInfo, RecordedAs, RegisterInfo, Report, RunInfo, SCHEMA, Subject,
    Tool,
};
pub use register::{Decision, State};
pub use sarif::sarif;
pub use terminal::{Options, terminal, wrap};
pub use triage::{First, triage};
pub use wide::wide;
pub use words::{inert, priority as priority_word, shell_word, verdict as verdict_word};
