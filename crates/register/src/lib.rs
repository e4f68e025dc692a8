//! Who answers for it: the register of owners, classes, exceptions, grants and answers, and what it decides. Pure.
//!
//! A register is a YAML file that people keep in git. [`load`] reads it and says everything that is wrong in it,
//! [`lint`] what an auditor would refuse. A [`Decider`] lays a [`Decision`] beside each outcome. It never alters a verdict
//! and never hides an outcome, and it reads no clock: the day is an argument.

mod decide;
mod decision;
mod draft;
mod due;
mod init;
mod insert;
mod lint;
mod load;
mod model;
#[cfg(test)]
mod tests;
mod write;

pub use decide::{Asked, Context, Decider, state};
pub use decision::{Decision, State};
pub use draft::{Draft, draft, kind};
pub use due::{Due, due};
pub use init::init;
pub use insert::insert;
pub use lint::{NEVER, STRONG, lint, refused, takes_two};
pub use load::{code, load};
pub use model::{
    Accepted, Answer, At, Class, Classed, Compensating, Evidence, Exception, Grant, Owner, Recheck, Register, Review,
    Scope, TRIGGERS, Trigger, Under,
};

/// The JSON Schema of a register's file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Register).to_value()
}
