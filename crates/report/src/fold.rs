//! Folding: subjects that share everything that was seen of a demand are told as one finding. It happens here, once.

use std::collections::BTreeMap;

use assess::{Judged, Outcome, SubjectName, Verdict};
use register::{Asked, Decider, Decision};

use crate::model::{CitedBy, Finding, Subject};

/// Findings from what was judged, in its order; within a demand, the gravest first.
pub(crate) fn fold(judged: &[Judged<'_>], platform: &str, decider: &Decider<'_>) -> Vec<Finding> {
    judged.iter().flat_map(|demand| fold_one(demand, platform, decider)).collect()
}

/// Subjects, each with the captures it was seen in.
type Subjects<'o> = BTreeMap<&'o SubjectName, Vec<String>>;

fn fold_one(demand: &Judged<'_>, platform: &str, decider: &Decider<'_>) -> Vec<Finding> {
    let mut groups: Vec<(&Outcome, Decision, Subjects<'_>)> = Vec::new();
    for (capture, outcome) in &demand.outcomes {
        let decision = decider.decide(&Asked { demand, capture, outcome });
        let at = groups.iter().position(|(other, decided, _)| same(other, outcome) && *decided == decision);
        let at = at.unwrap_or_else(|| {
            groups.push((outcome, decision, BTreeMap::new()));
            groups.len() - 1
        });
        groups[at].2.entry(&outcome.subject).or_default().push(capture.clone());
    }
    groups.sort_by(|(left, _, a), (right, _, b)| left.verdict.cmp(&right.verdict).then_with(|| a.keys().cmp(b.keys())));
    groups
        .into_iter()
        .map(|(outcome, decision, subjects)| finding(demand, outcome, decision, subjects, platform))
        .collect()
}

/// Whether two outcomes differ in nothing but their subject.
fn same(left: &Outcome, right: &Outcome) -> bool {
    left.subject.kind == right.subject.kind
        && left.verdict == right.verdict
        && left.equivalent == right.equivalent
        && left.basis == right.basis
        && left.reason == right.reason
        && left.help == right.help
        && left.outside == right.outside
        && left.provider == right.provider
        && left.observed == right.observed
        && left.notes == right.notes
}

fn finding(
    demand: &Judged<'_>,
    outcome: &Outcome,
    decision: Decision,
    subjects: Subjects<'_>,
    platform: &str,
) -> Finding {
    let control = demand.control;
    Finding {
        control: control.name.clone(),
        title: control.title.clone(),
        component: control.component.clone(),
        priority: control.priority,
        parameters: demand.parameters.clone(),
        cited_by: demand
            .cited_by
            .iter()
            .map(|cited| CitedBy {
                profile: cited.profile.clone(),
                id: cited.id.clone(),
                section: cited.section.clone(),
                level: cited.level,
                assessment: cited.assessment,
            })
            .collect(),
        verdict: outcome.verdict,
        equivalent: outcome.equivalent.clone(),
        basis: outcome.basis,
        reason: outcome.reason.clone(),
        help: outcome.help.clone(),
        outside: outcome.outside,
        expected: control.expected(&demand.parameters),
        observed: outcome.observed.clone(),
        notes: outcome.notes.clone(),
        subjects: subjects.into_iter().map(|(name, captures)| Subject { captures, ..Subject::from(name) }).collect(),
        why: control.why.clone(),
        // Of what a provider runs nothing can be mended here.
        remediation: match &outcome.provider {
            Some(_) => outcome.help.clone().unwrap_or_default(),
            None => control.remedy(platform, &demand.parameters),
        },
        decision,
    }
}

/// The inverse: one row for every subject of every capture, each a finding of one subject.
pub fn expand(findings: &[Finding]) -> Vec<Finding> {
    let mut rows = Vec::new();
    for finding in findings {
        // Without its subjects: a row that copied them all would cost their number squared.
        let bare = Finding { subjects: Vec::new(), ..finding.clone() };
        for subject in &finding.subjects {
            for capture in &subject.captures {
                let (kind, name) = (subject.kind.clone(), subject.name.clone());
                let only = Subject { kind, name, captures: vec![capture.clone()] };
                rows.push(Finding { subjects: vec![only], ..bare.clone() });
            }
        }
    }
    rows
}

/// Folds rows again: `refold(expand(findings))` is `findings`.
pub fn refold(rows: &[Finding]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for row in rows {
        let same = |finding: &&mut Finding| {
            let blank = |finding: &Finding| Finding { subjects: Vec::new(), ..finding.clone() };
            blank(finding) == blank(row)
        };
        match findings.iter_mut().find(same) {
            None => findings.push(row.clone()),
            Some(finding) => {
                for subject in &row.subjects {
                    match finding
                        .subjects
                        .iter_mut()
                        .find(|known| known.kind == subject.kind && known.name == subject.name)
                    {
                        Some(known) => known.captures.extend(subject.captures.iter().cloned()),
                        None => finding.subjects.push(subject.clone()),
                    }
                }
            }
        }
    }
    findings
}

/// An id's verdict over its subjects: fail > unknown > manual > pass > not-applicable.
pub fn roll_up<'f>(findings: impl Iterator<Item = &'f Finding>) -> Option<Verdict> {
    findings.map(|finding| finding.verdict).min()
}
