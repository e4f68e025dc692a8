//! What is to be decided anew, and by when.

use jiff::civil::Date;
use jiff::{ToSpan, Unit};

use crate::model::{At, Class, Register, Scope};

/// An entry whose day is near, or past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due<'r> {
    /// Its last day.
    pub day: Date,
    /// Days from then to now; negative: so long past.
    pub left: i32,
    /// What it is.
    pub what: String,
    /// Who answers for it, as far as the register says.
    pub owner: Option<&'r str>,
    /// Where it stands.
    pub at: &'r At,
}

/// Entries that expire, or are to be looked at again, within so many days of a day, and those past it: the nearest first.
pub fn due(register: &Register, as_of: Date, within: i64) -> Vec<Due<'_>> {
    let exceptions = register
        .exceptions
        .iter()
        .map(|entry| (entry.expires, format!("exception for {}", entry.control), Some(&entry.owner), &entry.at));
    let grants = register.grants.iter().map(|entry| {
        let what = format!("grant of {} to {}", entry.control, entry.subjects.join(", "));
        (entry.expires, what, Some(&entry.owner), &entry.at)
    });
    let answers = register
        .answers
        .iter()
        .map(|entry| (entry.expires, format!("answer for {}", entry.control), Some(&entry.author), &entry.at));
    let classes = register.classes.iter().filter_map(|entry| {
        let what = match entry.class {
            Class::ProviderOwned => "the provider's share",
            Class::Informational => "what is informational",
            Class::Required => "what is required",
        };
        Some((entry.recheck.as_ref()?.before?, format!("{what}: {}", of(&entry.of)), None, &entry.at))
    });
    let last = as_of.checked_add(within.days()).unwrap_or(Date::MAX);
    let mut all: Vec<Due<'_>> = exceptions
        .chain(grants)
        .chain(answers)
        .chain(classes)
        .filter(|(day, ..)| *day <= last)
        .map(|(day, what, owner, at)| {
            let left = as_of.until((Unit::Day, day)).map_or(0, |span| span.get_days());
            Due { day, left, what, owner: owner.map(String::as_str), at }
        })
        .collect();
    all.sort_by_key(|due| (due.day, due.at.line));
    all
}

/// What a scope speaks of, in words.
fn of(scope: &Scope) -> String {
    let lists =
        [&scope.controls, &scope.sections, &scope.components, &scope.platforms, &scope.namespaces, &scope.subjects];
    lists.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
}
