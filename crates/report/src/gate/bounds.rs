//! What a report must satisfy as a whole: how much was seen, how old it is, and as of which day and by whose bounds it was
//! judged.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{Found, Policy};
use crate::model::Report;
use crate::words::number;

/// How far two machines' clocks may be apart.
const CLOCKS: SignedDuration = SignedDuration::from_mins(10);

/// A day that is not that of now, nowhere on earth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherDay {
    /// It is over.
    Past(Date),
    /// It is yet to come: what is judged as of it is a rehearsal.
    Future(Date),
}

impl Found {
    pub(super) fn coverage(&mut self, report: &Report, policy: &Policy) {
        let coverage = &report.coverage;
        let Some(least) = policy.min_coverage else { return };
        // In whole numbers, so that 94.9 percent are not 95.
        let none = least > 0 && coverage.within_reach == 0;
        if none || coverage.decided * 100 < usize::from(least) * coverage.within_reach {
            let within = number(coverage.within_reach, "demand", "demands");
            self.unseen.push(format!(
                "coverage: {} of {within} within reach were decided, less than {least} percent",
                coverage.decided
            ));
        }
    }

    pub(super) fn age(&mut self, report: &Report, policy: &Policy) {
        let Some(most) = policy.max_age else { return };
        for capture in &report.run.captures {
            let Some(taken) = capture.taken.as_deref().and_then(|time| time.parse::<Timestamp>().ok()) else {
                self.unseen.push(format!("age: when the evidence of {} was taken is not known", capture.name));
                continue;
            };
            let age = policy.now.duration_since(taken);
            if age < -CLOCKS {
                self.unseen.push(format!("age: the evidence of {} is dated in the future, {taken}", capture.name));
            }
            if age > most {
                let (old, most) = (days(age), days(most));
                self.unseen.push(format!("age: the evidence of {} is {old} old, older than {most}", capture.name));
            }
        }
    }

    /// What a tailoring changed: it opens a gate as an exception does, and nobody approved it.
    pub(super) fn tailored(&mut self, report: &Report) {
        for profile in &report.profiles {
            let (shown, more) = profile.tailoring.split_at(profile.tailoring.len().min(5));
            self.notes.extend(shown.iter().map(|change| format!("{} is a tailoring: {change}", profile.name)));
            if !more.is_empty() {
                self.notes.push(format!("{} is a tailoring: {} more changes", profile.name, more.len()));
            }
        }
    }

    /// The day on which decisions were judged, where it is not that of now.
    pub(super) fn day(&mut self, report: &Report, policy: &Policy) {
        self.notes.extend(other_day(report, policy.now).map(|other| match other {
            OtherDay::Past(day) => {
                format!("decisions were judged as of {day}: what has expired since then counts as accepted")
            }
            OtherDay::Future(day) => {
                format!(
                    "decisions were judged as of {day}: that is yet to come, so this is a rehearsal and no good run"
                )
            }
        }));
    }
}

/// The day on which a report's register decided, if it is another one than now; none also where there is no register.
pub fn other_day(report: &Report, now: Timestamp) -> Option<OtherDay> {
    let day = report.register.as_ref()?.as_of.parse::<Date>().ok()?;
    let today = now.to_zoned(TimeZone::UTC).date();
    if day < today.saturating_sub(1.day()) {
        Some(OtherDay::Past(day))
    } else if day > today.saturating_add(1.day()) {
        Some(OtherDay::Future(day))
    } else {
        None
    }
}

/// A span of time in days, and hours below two days.
fn days(time: SignedDuration) -> String {
    match time.as_hours() {
        hours @ ..48 => number(usize::try_from(hours).unwrap_or(0), "hour", "hours"),
        hours => format!("{} days", hours / 24),
    }
}
