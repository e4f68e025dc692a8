//! Mistakes in files that people write: all of them found in one run, drawn where they stand, with a hint.
//!
//! [`yaml::parse`] turns a file into a tree that remembers where everything was written. A [`Reader`] walks that tree
//! and notes what is missing, misspelt or of the wrong kind instead of stopping at it, so that a loader reads like a
//! table of fields. [`render`] draws the [`Diagnostic`]s. The crate knows no control, profile or register.
//!
//! ```
//! use diag::{Node, Reader, Sources, Spanned, render_short, yaml};
//!
//! #[derive(Clone, Copy)]
//! enum Priority { Critical, High }
//!
//! struct Control { name: Spanned<String>, title: Spanned<String>, priority: Priority, levels: Vec<i64> }
//!
//! fn control(reader: &Reader, node: &Node) -> Option<Control> {
//!     let mut fields = reader.map(node)?;
//!     let name = fields.required_str("control");
//!     let title = fields.required_str("title");
//!     let priority = fields.required_one_of("priority", &[("critical", Priority::Critical), ("high", Priority::High)]);
//!     let levels = fields.optional_list("levels").unwrap_or_default();
//!     let levels = levels.iter().filter_map(|level| reader.int(level)).map(|level| level.value).collect();
//!     fields.finish();
//!     // Only here may a mistake end the reading: everything wrong with this control has been noted.
//!     Some(Control { name: name?, title: title?, priority: priority?, levels })
//! }
//!
//! let mut sources = Sources::default();
//! let text = sources.add("kubelet.yaml", "control: read-only-port\ntitel: No open port\npriority: hihg\n");
//! let (tree, mut found) = yaml::parse("kubelet.yaml", text);
//! let reader = Reader::new("kubelet.yaml", &mut found);
//! assert!(tree.and_then(|node| control(&reader, &node)).is_none());
//! assert_eq!(render_short(&found, &sources), "\
//! kubelet.yaml:1:1: error[missing-field]: missing field `title`
//! kubelet.yaml:2:1: error[unknown-field]: unknown field `titel`
//! kubelet.yaml:3:11: error[unknown-value]: unknown value `hihg`
//! ");
//! ```

mod diagnostic;
mod fields;
mod reader;
mod render;
mod suggest;
mod text;
pub mod yaml;

pub use diagnostic::{Diagnostic, Severity, Spanned, code, has_errors};
pub use fields::Fields;
pub use reader::Reader;
pub use render::{Sources, render, render_short, summary};
pub use suggest::suggest;
pub use text::{inert, quoted};
pub use yaml::{Key, Node, Value};
