//! Versions and ranges of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version by major and minor: documented defaults and profiles do not depend on a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
}

impl FromStr for Version {
    type Err = String;

    /// Reads `1.36`, `v1.36.2`, `v1.31.1+k3s1`, `1.34+`.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no version such as 1.36");
        let mut parts = text.strip_prefix('v').unwrap_or(text).split(['.', '+', '-']);
        let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or_else(bad);
        Ok(Self { major: number()?, minor: number()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A range of versions: `>=1.30 <=1.32`, `<=1.29`, or everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Range {
    /// The first version in it.
    pub from: Option<Version>,
    /// The last version in it.
    pub to: Option<Version>,
}

impl Range {
    /// Whether a version is in it.
    pub fn contains(&self, version: Version) -> bool {
        self.from.is_none_or(|from| from <= version) && self.to.is_none_or(|to| version <= to)
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut range = Self::default();
        for part in text.split_whitespace() {
            if let Some(from) = part.strip_prefix(">=") {
                range.from = Some(from.parse()?);
            } else if let Some(to) = part.strip_prefix("<=") {
                range.to = Some(to.parse()?);
            } else {
                return Err(format!("`{part}` is no bound such as >=1.30 or <=1.32"));
            }
        }
        Ok(range)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from == to => write!(f, "{from}"),
            (Some(from), Some(to)) => write!(f, "{from} to {to}"),
            (Some(from), None) => write!(f, "{from} and later"),
            (None, Some(to)) => write!(f, "up to {to}"),
            (None, None) => f.write_str("every version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_ranges() {
        let version = |text: &str| text.parse::<Version>();
        assert_eq!(version("v1.36.2").unwrap().to_string(), "1.36");
        assert_eq!(version("1.31.1+k3s1").unwrap().to_string(), "1.31");
        assert!(version("one").is_err() && version("1").is_err() && version("").is_err());
        let range: Range = ">=1.30 <=1.32".parse().unwrap();
        let inside = ["1.29", "1.30", "1.32", "1.33"].map(|text| range.contains(version(text).unwrap()));
        assert_eq!(inside, [false, true, true, false]);
        assert!("1.30".parse::<Range>().is_err());
        assert!("".parse::<Range>().unwrap().contains(version("9.9").unwrap()));
    }
}
