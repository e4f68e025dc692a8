//! Values of facts, and what resolving a fact can give.

use std::fmt;

use evidence::Basis;

/// The type of a fact's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A text.
    Text,
    /// Texts.
    List,
    /// A length of time.
    Duration,
    /// Permission bits.
    Mode,
    /// Owner and group.
    Owner,
    /// A text or a whole number, as the kernel writes its settings.
    Scalar,
    /// A version of three numbers.
    Version,
}

impl Type {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Text => "text",
            Self::List => "list",
            Self::Duration => "duration",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Scalar => "scalar",
            Self::Version => "version",
        }
    }
}

/// A fact's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
    /// Texts, in their own order.
    List(Vec<String>),
    /// Milliseconds.
    Duration(i64),
    /// Permission bits.
    Mode(u32),
    /// Owner and group.
    Owner(Owner),
    /// Major, minor and patch.
    Version([u32; 3]),
}

/// Owner and group by number, with the names that the root's own passwd and group give them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// User name, if the root has one for the id.
    pub user: Option<String>,
    /// Group name, if the root has one for the id.
    pub group: Option<String>,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) if value.is_empty() => f.write_str("\"\""),
            Self::Text(value) => f.write_str(value),
            Self::List(members) if members.is_empty() => f.write_str("nothing"),
            Self::List(members) => f.write_str(&members.join(", ")),
            Self::Duration(milliseconds) => f.write_str(&go_duration(*milliseconds)),
            Self::Mode(mode) => write!(f, "{mode:o}"),
            Self::Owner(owner) => write!(f, "{owner}"),
            Self::Version([major, minor, patch]) => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |name: &Option<String>, id: u32| name.clone().unwrap_or_else(|| id.to_string());
        write!(f, "{}:{}", part(&self.user, self.uid), part(&self.group, self.gid))
    }
}

/// Reads the numbers at the beginning of a version: `6.18.44-fc`, `v1.12.0`, `6.1`, `5.14.0-503.el9`.
pub(crate) fn parse_version(text: &str) -> Option<[u32; 3]> {
    let text = text.trim();
    let plain = text.strip_prefix('v').unwrap_or(text);
    let end = plain.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(plain.len());
    let mut numbers = plain[..end].trim_end_matches('.').split('.');
    let mut number = || numbers.next().map(str::parse::<u32>);
    let (major, minor) = (number()?.ok()?, number()?.ok()?);
    Some([major, minor, number().transpose().ok()?.unwrap_or(0)])
}

/// Reads a whole number as the kernel writes it: decimal or hexadecimal.
pub(crate) fn parse_number(text: &str) -> Option<i64> {
    let text = text.trim();
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |digits| i64::from_str_radix(digits, 16).ok())
}

/// A duration as Go writes it: `4h0m0s`, `1m30s`, `500ms`.
pub(crate) fn go_duration(milliseconds: i64) -> String {
    let (sign, ms) =
        if milliseconds < 0 { ("-", milliseconds.unsigned_abs()) } else { ("", milliseconds.unsigned_abs()) };
    let (hours, minutes, seconds, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    let seconds =
        if rest == 0 { format!("{seconds}") } else { format!("{seconds}.{rest:03}").trim_end_matches('0').to_owned() };
    match (hours, minutes) {
        _ if ms == 0 => "0s".to_owned(),
        _ if ms < 1000 => format!("{sign}{ms}ms"),
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// Reads a Go duration (`time.ParseDuration`) to milliseconds: `5m`, `1h30m`, `0`, `1.5s`. Smaller units round to zero
/// only if they are zero: `1ns` is one millisecond, so that "not zero" stays true.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let units = [("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 36e5)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| {
            rest.strip_prefix(unit)
                .is_some_and(|after| after.is_empty() || after.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
        })?;
        total += number * factor;
        rest = &rest[unit.len()..];
    }
    let rounded = if total > 0.0 { total.max(1.0).round() } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    (rounded < 9e15).then_some((sign * rounded) as i64)
}

/// How a value came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Somebody set it.
    Explicit,
    /// Nobody set it; this documented default holds.
    Default,
    /// It is set to zero, which means the documented default.
    ZeroMeansDefault,
    /// It is what was seen: a mode, a socket.
    Observed,
    /// It follows from other values.
    Derived,
}

impl How {
    /// The word in a report.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::Default => "default",
            Self::ZeroMeansDefault => "zero-means-default",
            Self::Observed => "observed",
            Self::Derived => "derived",
        }
    }
}

/// A value with its winner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The value.
    pub value: Value,
    /// How it came about.
    pub how: How,
    /// Where it stands, for a reader: `--profiling in the arguments of pid 389`.
    pub source: String,
    /// How directly it was seen.
    pub basis: Basis,
    /// What else a reader should know: a weaker source that disagrees.
    pub notes: Vec<String>,
    /// Of a list: why it may have more members than these.
    pub partial: Option<Unknown>,
}

/// Why something is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unknown {
    /// Why.
    pub why: String,
    /// What would let us see.
    pub help: Option<String>,
    /// Whether it lies outside what this source can see at all.
    pub outside: bool,
}

impl Unknown {
    /// Something within reach that could not be seen.
    pub(crate) fn new(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { why: why.into(), help: Some(help.into()), outside: false }
    }

    /// Something that this kind of source cannot see.
    pub(crate) fn outside(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { why: why.into(), help: Some(help.into()), outside: true }
    }
}

/// What a look gives, whatever is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen<T> {
    /// It is there.
    Known(T),
    /// It is provably not there.
    Absent(String),
    /// It could not be seen.
    Unknown(Unknown),
}

/// What resolving a fact gives.
pub(crate) type Resolved = Seen<Known>;

impl<T> Seen<T> {
    /// Goes on with what is there.
    pub(crate) fn and_then<U>(self, next: impl FnOnce(T) -> Seen<U>) -> Seen<U> {
        match self {
            Self::Known(value) => next(value),
            Self::Absent(proof) => Seen::Absent(proof),
            Self::Unknown(unknown) => Seen::Unknown(unknown),
        }
    }

    /// The same, of what stays where it is.
    pub(crate) fn as_ref(&self) -> Seen<&T> {
        match self {
            Self::Known(value) => Seen::Known(value),
            Self::Absent(proof) => Seen::Absent(proof.clone()),
            Self::Unknown(unknown) => Seen::Unknown(unknown.clone()),
        }
    }

    /// Changes what is there.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        self.and_then(|value| Seen::Known(change(value)))
    }

    /// What is there.
    pub(crate) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        let cases = [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("5m", 300_000, "5m0s"),
            ("4h0m0s", 14_400_000, "4h0m0s"),
            ("1h30m", 5_400_000, "1h30m0s"),
            ("1.5s", 1500, "1.5s"),
            ("300ms", 300, "300ms"),
            ("1ns", 1, "1ms"),
            ("-1m", -60_000, "-1m0s"),
        ];
        for (text, milliseconds, written) in cases {
            assert_eq!(parse_duration(text), Some(milliseconds), "{text}");
            assert_eq!(go_duration(milliseconds), written, "{text}");
        }
        for text in ["", "5", "m", "5x", "1h 30m", "five", "-"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn versions_and_numbers_are_read_as_the_kernel_writes_them() {
        for (text, expected) in [
            ("6.18.44-fc-v769", Some([6, 18, 44])),
            ("5.14.0-503.11.1.el9_5.x86_64", Some([5, 14, 0])),
            ("v1.12.0", Some([1, 12, 0])),
            ("6.1", Some([6, 1, 0])),
            ("6.1-rc3", Some([6, 1, 0])),
            ("6.18.44+", Some([6, 18, 44])),
            ("6", None),
            ("six.one", None),
            ("", None),
            ("99999999999.1", None),
        ] {
            assert_eq!(parse_version(text), expected, "{text}");
        }
        assert_eq!(
            ["10", "0x1f", "-1", " 7 ", "y", ""].map(parse_number),
            [Some(10), Some(31), Some(-1), Some(7), None, None]
        );
    }

    proptest::proptest! {
        #[test]
        fn reading_a_duration_never_panics(text in ".{0,40}") {
            let _ = parse_duration(&text);
        }

        #[test]
        fn a_written_duration_reads_the_same(ms in 0_i64..1_000_000_000_000) {
            proptest::prop_assert_eq!(parse_duration(&go_duration(ms)), Some(ms));
        }
    }
}
