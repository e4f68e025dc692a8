//! What is demanded: controls, profiles, tailorings, platforms and documented defaults.
//!
//! People write these as YAML (`benchmarks/` holds our own, `--controls` and `--tailoring` add theirs); [`load`] turns
//! any number of such files into one checked [`Content`] and says everything that is wrong in them at once. After that
//! nothing here can fail any more: a control names facts that exist, compares them with what fits, and is demanded by
//! ids that lead to it.
//!
//! There is no evidence here and no way to look at anything: files come in as text, and which facts exist is told by
//! the caller in a [`Vocabulary`].

mod builtin;
mod content;
mod control;
mod defaults;
mod load;
mod platform;
mod profile;
mod version;

pub use builtin::builtin_files;
pub use content::Content;
pub use control::{
    Comparison, Control, Equivalent, Fix, Judge, Need, Operand, Operator, Parameters, Priority, Requirement, plain,
};
pub use defaults::{Component, Condition, Default, DefaultRow, FlagRules, Kind, Setting};
pub use load::{Vocabulary, code, load};
pub use platform::{Explanation, Marks, Platform};
pub use profile::{Assessment, Entry, Profile, Section, Tailoring, id_order};
pub use version::{Range, Version};
