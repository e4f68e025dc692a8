//! The codes of mistakes in content, beside those that `diag` gives.

/// The file is none of the kinds that there are.
pub const UNKNOWN_KIND: &str = "unknown-kind";
/// A name that was given before.
pub const DUPLICATE_NAME: &str = "duplicate-name";
/// A fact that does not exist.
pub const UNKNOWN_FACT: &str = "unknown-fact";
/// A fact of a file where there is no file, or of a component where there are files.
pub const WRONG_SUBJECT: &str = "wrong-subject";
/// A set that does not exist.
pub const UNKNOWN_SET: &str = "unknown-set";
/// A component that has no instances.
pub const UNKNOWN_COMPONENT: &str = "unknown-component";
/// A control that does not exist.
pub const UNKNOWN_CONTROL: &str = "unknown-control";
/// A profile that does not exist.
pub const UNKNOWN_PROFILE: &str = "unknown-profile";
/// A parameter that the control does not have.
pub const UNKNOWN_PARAMETER: &str = "unknown-parameter";
/// A parameter that nothing refers to.
pub const UNUSED_PARAMETER: &str = "unused-parameter";
/// An id that the profile does not have.
pub const UNKNOWN_ID: &str = "unknown-id";
/// A tag that no control has.
pub const UNKNOWN_TAG: &str = "unknown-tag";
/// An id that stands under no section.
pub const NO_SECTION: &str = "no-section";
/// Profiles that extend each other in a circle.
pub const CYCLE: &str = "cycle";
/// A requirement that is none, or two at once.
pub const REQUIREMENT: &str = "requirement";
/// A comparison that does not fit the type of its fact.
pub const WRONG_OPERATOR: &str = "wrong-operator";
/// A value that does not fit its comparison or its setting.
pub const WRONG_VALUE: &str = "wrong-value";
/// Two fields of which one says the opposite of the other, or one that needs another.
pub const CONFLICT: &str = "conflict";
/// A range of versions that cannot be read, or that holds none.
pub const WRONG_RANGE: &str = "wrong-range";
/// A control that no profile uses.
pub const UNUSED_CONTROL: &str = "unused-control";
/// A title that does not fit a line.
pub const LONG_TITLE: &str = "long-title";
/// A tailoring's entry that alters nothing.
pub const NO_CHANGE: &str = "no-change";
/// A role of places that neither facts nor trails speak of.
pub const UNKNOWN_ROLE: &str = "unknown-role";
