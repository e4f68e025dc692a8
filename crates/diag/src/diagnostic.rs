//! One mistake, and the place it was made in.

use std::ops::Range;

use crate::suggest;

/// The codes that this crate itself gives; loaders add their own beside them.
pub mod code {
    /// The text is not YAML.
    pub const YAML_SYNTAX: &str = "yaml-syntax";
    /// Too large, too deep or too many nodes.
    pub const YAML_LIMIT: &str = "yaml-limit";
    /// YAML that these files have no use for: anchors, aliases, tags, merge keys, several documents.
    pub const YAML_UNSUPPORTED: &str = "yaml-unsupported";
    /// A field is given twice.
    pub const DUPLICATE_FIELD: &str = "duplicate-field";
    /// A field that must be there is not.
    pub const MISSING_FIELD: &str = "missing-field";
    /// A field that nothing reads.
    pub const UNKNOWN_FIELD: &str = "unknown-field";
    /// A list where a string belongs, and the like.
    pub const WRONG_TYPE: &str = "wrong-type";
    /// A word that is none of those allowed in this place.
    pub const UNKNOWN_VALUE: &str = "unknown-value";
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but probably does not say what its author meant.
    Warning,
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place: byte offsets into the file's text.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// Another value at the same place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: change(self.value), span: self.span }
    }
}

/// One mistake in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable word for this kind of mistake, such as `unknown-field`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file's name, as [`Sources`](crate::Sources) knows it.
    pub file: String,
    /// The offending text: byte offsets into the file.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// A few words beside the underlined text.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake that makes the file unusable.
    pub fn error(
        code: &'static str,
        file: impl Into<String>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        let (file, message) = (file.into(), message.into());
        Diagnostic { code, severity: Severity::Error, file, span, message, label: None, help: None }
    }

    /// Something that is allowed and probably not meant.
    pub fn warning(
        code: &'static str,
        file: impl Into<String>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, file, span, message) }
    }

    /// With a few words beside the underlined text.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Diagnostic {
        Diagnostic { label: Some(label.into()), ..self }
    }

    /// With advice.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Diagnostic {
        Diagnostic { help: Some(help.into()), ..self }
    }

    /// With "did you mean", if one of `candidates` is close to `name`; otherwise unchanged.
    #[must_use]
    pub fn did_you_mean<C: AsRef<str>>(self, name: &str, candidates: impl IntoIterator<Item = C>) -> Diagnostic {
        match suggest(name, candidates) {
            Some(candidate) => self.help(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }
}

/// Whether any of these makes its file unusable.
pub fn has_errors(diags: &[Diagnostic]) -> bool {
    diags.iter().any(|diag| diag.severity == Severity::Error)
}
