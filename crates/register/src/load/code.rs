//! The codes of mistakes in registers, beside those that `diag` gives.

/// A control, id or profile that does not exist.
pub const UNKNOWN_CONTROL: &str = "unknown-control";
/// A section that no profile has.
pub const UNKNOWN_SECTION: &str = "unknown-section";
/// A component that no control is about.
pub const UNKNOWN_COMPONENT: &str = "unknown-component";
/// A platform that does not exist.
pub const UNKNOWN_PLATFORM: &str = "unknown-platform";
/// A fact that does not exist.
pub const UNKNOWN_FACT: &str = "unknown-fact";
/// A date that cannot be read.
pub const WRONG_DATE: &str = "wrong-date";
/// A number outside its bounds.
pub const WRONG_VALUE: &str = "wrong-value";
/// A text that says nothing.
pub const EMPTY: &str = "empty-text";
/// An exception without the state that was accepted.
pub const NO_STATE: &str = "no-state";
/// A grant that names nobody.
pub const NO_SUBJECT: &str = "no-subject";
/// A list that nothing can be put into as it is written.
pub const NO_PLACE: &str = "no-place";
/// A decision that holds too long.
pub const FAR_EXPIRY: &str = "far-expiry";
/// A decision that has expired.
pub const EXPIRED: &str = "expired";
/// A day that lies in the future, or after another that must follow it.
pub const WRONG_ORDER: &str = "wrong-order";
/// One person where it takes two.
pub const ONE_PERSON: &str = "one-person";
/// A text that an auditor would not take.
pub const WEAK_TEXT: &str = "weak-text";
/// A control that may never be accepted.
pub const NEVER: &str = "never-accepted";
/// More exceptions than there may be.
pub const TOO_MANY: &str = "too-many-exceptions";
/// A provider's share without anything that shows it.
pub const NO_EVIDENCE: &str = "no-evidence";
/// A provider's share that nobody would look at again.
pub const NO_RECHECK: &str = "no-recheck";
/// A scope that speaks of everything.
pub const TOO_WIDE: &str = "too-wide";
/// An entry by which nothing was decided.
pub const UNUSED: &str = "unused-entry";
/// An entry that stands in the register twice.
pub const TWICE: &str = "entry-twice";
/// A control that compensates for itself.
pub const SELF: &str = "compensates-itself";
/// A state that names no fact of its control.
pub const FOREIGN_FACT: &str = "foreign-fact";
/// A trigger that nothing can fire.
pub const IDLE_TRIGGER: &str = "idle-trigger";
/// An answer where evidence decides.
pub const NO_QUESTION: &str = "no-question";
/// A grant to subjects where the control judges none one by one.
pub const NO_SUBJECTS: &str = "judges-no-subjects";
