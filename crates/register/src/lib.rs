//! Who answers for it: the register of owners, classes, exceptions, grants and answers, and what it decides. Pure.
//!
//! The register never alters a verdict and never hides an outcome: it lays a [`Decision`] beside it.

mod decision;

pub use decision::{Decision, State};
