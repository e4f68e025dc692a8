//! What is told of a demand as a whole: an id's word is its roll-up, and a finding that says less is told as a part.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;

use crate::fold::roll_up;
use crate::model::{Finding, Report, Subject};
use crate::words;

/// A report's demands, each with all its findings.
#[derive(Debug)]
pub(crate) struct Demands<'r>(BTreeMap<&'r str, Vec<&'r [Finding]>>);

impl<'r> Demands<'r> {
    /// Of the whole report: one that was narrowed no longer tells what a demand is rolled up to.
    pub(crate) fn new(report: &'r Report) -> Self {
        let mut demands: BTreeMap<&str, Vec<&[Finding]>> = BTreeMap::new();
        for demand in report.demands() {
            demands.entry(&demand[0].control).or_default().push(demand);
        }
        Self(demands)
    }

    /// All findings of the demand that a finding is of.
    pub(crate) fn of<'f>(&self, finding: &'f Finding) -> &'f [Finding]
    where
        'r: 'f,
    {
        let alike = self.0.get(finding.control.as_str()).into_iter().flatten();
        let own = alike.copied().find(|demand| demand[0].parameters == finding.parameters);
        own.unwrap_or(std::slice::from_ref(finding))
    }

    /// The verdict on the demand as a whole.
    pub(crate) fn whole(&self, finding: &Finding) -> Verdict {
        roll_up(self.of(finding).iter()).unwrap_or(finding.verdict)
    }

    /// Whether other subjects make the demand's verdict a graver one than the finding's.
    pub(crate) fn is_part(&self, finding: &Finding) -> bool {
        self.whole(finding) != finding.verdict
    }

    /// A finding's verdict as its id may be told: `PASS`, or `PASS in part`.
    pub(crate) fn word(&self, finding: &Finding) -> String {
        let part = if self.is_part(finding) { " in part" } else { "" };
        format!("{}{part}", words::verdict(finding.verdict))
    }

    /// Whether nothing but what lies outside the source leaves the demand undecided: it is counted there.
    pub(crate) fn is_outside(&self, finding: &Finding) -> bool {
        lies_outside(self.of(finding))
    }

    /// Where a finding says less than its demand as a whole: `1 of 4 namespaces; UNKNOWN in 3 (why)`.
    pub(crate) fn part(&self, finding: &Finding) -> Option<String> {
        let demand = self.of(finding);
        if !self.is_part(finding) {
            return None;
        }
        let unit = Unit::of(demand);
        let all = unit.named(Unit::number(demand));
        let mut said = vec![format!("{} of {all}", Unit::number([finding]))];
        for verdict in [Verdict::Fail, Verdict::Unknown, Verdict::Manual, Verdict::Pass] {
            let graver: Vec<&Finding> = demand.iter().filter(|other| other.verdict == verdict).collect();
            if verdict >= finding.verdict || graver.is_empty() {
                continue;
            }
            let reasons: BTreeSet<&str> = graver.iter().map(|other| other.reason.as_str()).collect();
            let why = match (reasons.first(), reasons.len()) {
                (Some(why), 1) if !why.is_empty() => format!(" ({why})"),
                (Some(why), many) if many > 1 => {
                    format!(" ({why}, and {})", words::number(many - 1, "other reason", "other reasons"))
                }
                _ => String::new(),
            };
            said.push(format!("{} in {}{why}", words::verdict(verdict), Unit::number(graver)));
        }
        Some(said.join("; "))
    }
}

/// Whether nothing but what lies outside the source leaves a demand undecided.
pub(crate) fn lies_outside(demand: &[Finding]) -> bool {
    let unknown = |finding: &&Finding| finding.verdict == Verdict::Unknown;
    roll_up(demand.iter()) == Some(Verdict::Unknown) && demand.iter().filter(unknown).all(|finding| finding.outside)
}

/// Numbers of demands by verdict, rolled up.
pub(crate) fn tally<'f>(demands: impl Iterator<Item = &'f [Finding]>) -> BTreeMap<Verdict, usize> {
    let mut counts = BTreeMap::new();
    for verdict in demands.filter_map(|demand| roll_up(demand.iter())) {
        *counts.entry(verdict).or_default() += 1;
    }
    counts
}

/// What the parts of a demand are counted by.
enum Unit<'d> {
    /// One subject on several nodes.
    Nodes,
    /// Subjects of one kind.
    Kind(&'d str),
    /// Subjects of several kinds.
    Subjects,
}

impl<'d> Unit<'d> {
    fn of(demand: &'d [Finding]) -> Self {
        let mut subjects = demand.iter().flat_map(|finding| &finding.subjects);
        let Some(first) = subjects.next() else { return Self::Subjects };
        let (mut one, mut alike) = (true, true);
        for other in subjects {
            one &= other.name == first.name;
            alike &= other.kind == first.kind;
        }
        match (one, alike) {
            (true, true) => Self::Nodes,
            (false, true) => Self::Kind(&first.kind),
            (_, false) => Self::Subjects,
        }
    }

    /// A subject counts once for each node, as it is judged there.
    fn number<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> usize {
        let judged = |subject: &Subject| subject.captures.len().max(1);
        findings.into_iter().flat_map(|finding| &finding.subjects).map(judged).sum()
    }

    fn named(&self, count: usize) -> String {
        let one = match self {
            Self::Nodes => "node",
            Self::Kind(kind) => kind,
            Self::Subjects => "subject",
        };
        words::number(count, one, &format!("{one}s"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use serde_json::json;

    use super::*;

    fn finding(verdict: &str, outside: bool, reason: &str, subjects: &[(&str, &str, &[&str])]) -> Finding {
        let subject = |(kind, name, captures): &(&str, &str, &[&str])| json!({ "kind": kind, "name": name, "captures": captures });
        serde_json::from_value(json!({
            "control": "c", "title": "t", "component": "pods", "priority": "high", "parameters": {}, "cited_by": [],
            "verdict": verdict, "equivalent": null, "basis": null, "reason": reason, "help": null,
            "outside": outside, "expected": "", "observed": [], "notes": [], "why": "", "remediation": "",
            "subjects": subjects.iter().map(subject).collect::<Vec<_>>(), "decision": { "state": "none" },
        }))
        .unwrap()
    }

    #[test]
    fn a_part_says_of_how_many_it_is_and_what_the_others_are() {
        let namespace = |name: &'static str| ("namespace", name, &["c"][..]);
        let kubelet = |nodes: &'static [&'static str]| ("component", "kubelet", nodes);
        for (findings, outside, expected) in [
            (
                vec![
                    finding("unknown", true, "not seen", &[namespace("a"), namespace("b"), namespace("c")]),
                    finding("pass", false, "", &[namespace("kube-system")]),
                ],
                true,
                Some("1 of 4 namespaces; UNKNOWN in 3 (not seen)"),
            ),
            (
                vec![
                    finding("fail", false, "it is on", &[kubelet(&["n1"])]),
                    finding("unknown", false, "denied", &[kubelet(&["n2"])]),
                    finding("unknown", false, "failed", &[kubelet(&["n3"])]),
                    finding("pass", false, "", &[kubelet(&["n4", "n5"])]),
                ],
                false,
                Some("2 of 5 nodes; FAIL in 1 (it is on); UNKNOWN in 2 (denied, and 1 other reason)"),
            ),
            (
                vec![
                    finding("unknown", false, "", &[("set", "files", &["n1"])]),
                    finding("pass", false, "", &[("file", "/a", &["n1"])]),
                ],
                false,
                Some("1 of 2 subjects; UNKNOWN in 1"),
            ),
            (vec![finding("pass", false, "", &[namespace("a")])], false, None),
            (
                vec![
                    finding("pass", false, "", &[namespace("a")]),
                    finding("not-applicable", false, "", &[namespace("b")]),
                ],
                false,
                Some("1 of 2 namespaces; PASS in 1"),
            ),
        ] {
            let report = Report { findings, ..crate::build::empty() };
            let (demands, last) = (Demands::new(&report), report.findings.last().unwrap());
            assert_eq!(demands.part(last).as_deref(), expected);
            assert_eq!(demands.is_outside(last), outside, "{expected:?}");
            assert_eq!(demands.part(&report.findings[0]), None, "the gravest says what the whole is");
        }
    }
}
