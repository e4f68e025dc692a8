//! YAML as people write it for us: a tree in which every node knows where it stands.
//!
//! One document of maps, lists and scalars. Anchors, aliases, tags and merge keys are refused: these files do not need
//! them, and without them a file cannot grow while it is read.

mod scalar;
mod tree;

use std::ops::Range;

use crate::{Diagnostic, code};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting of lists and maps.
pub const MAX_DEPTH: usize = 32;
/// The most nodes, counting keys.
pub const MAX_NODES: usize = 50_000;

/// A value and its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Byte offsets into the text. A field left empty has the place of its key.
    pub span: Range<usize>,
    /// What stands there.
    pub value: Value,
}

/// What can stand in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, or a plain `null` or `~`.
    Null,
    /// Text. `plain` is without quotes and not a block, so that it may also be read as a number or a boolean.
    Scalar {
        /// The text after quotes, escapes and folding.
        text: String,
        /// Written without quotes.
        plain: bool,
    },
    /// A list.
    Seq(Vec<Node>),
    /// A map, in the order of the file, each key once.
    Map(Vec<(Key, Node)>),
    /// Something refused, and already reported as such: readers pass over it in silence.
    Refused,
}

/// The name of a field and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The name.
    pub text: String,
    /// Byte offsets into the text.
    pub span: Range<usize>,
}

/// Reads one document. There is a tree unless the text could not be read to its end; mistakes that leave the tree
/// usable (a field given twice, an anchor) stand beside it. An empty file is [`Value::Null`].
pub fn parse(file: &str, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} that are read", text.len());
        return (None, vec![Diagnostic::error(code::YAML_LIMIT, file, 0..0, message)]);
    }
    tree::read(file, text)
}
