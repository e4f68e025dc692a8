//! What to do about a gate that failed: each finding that stands in the way, by what settles it.

use assess::Verdict;
use register::State;

use crate::model::{Finding, Report};
use crate::words;

/// So many decisions are told one by one.
const MOST: usize = 3;

/// What settles the findings of such ids, in one line; `kept`: where the report is kept. Accepting is offered only where it
/// may be.
pub(super) fn next(report: &Report, ids: &[String], kept: Option<&str>) -> String {
    let add = format!("kube-assay register add --report {}", kept.map_or("REPORT".into(), words::shell_word));
    let named = |finding: &&Finding| ids.iter().any(|id| id == finding.id());
    // Decisions that ended stand in the way whether or not they are named.
    let concerns = |finding: &&Finding| named(finding) || finding.decision.state == State::Overdue;
    let mut findings: Vec<&Finding> = report.findings.iter().filter(concerns).collect();
    findings.sort_by_key(|finding| ids.iter().position(|id| id == finding.id()));
    let of =
        |what: Way| -> Vec<&Finding> { findings.iter().copied().filter(|own| Way::of(own) == Some(what)).collect() };
    let mut parts = decisions(&of(Way::Decide));
    let failures = of(Way::Mend);
    if let Some(first) = failures.first() {
        let acceptable = failures.iter().copied().find(|finding| may_be_accepted(finding));
        let accept = acceptable.map_or(String::new(), |finding| {
            let id = finding.id();
            format!(", or have {id} accepted: {add} {id}")
        });
        parts.push(format!("mend {} (kube-assay explain {}){accept}", listed(&failures), first.id()));
    }
    let questions = of(Way::Answer);
    parts.extend(questions.first().map(|first| format!("answer {}: {add} {}", listed(&questions), first.id())));
    let unseen = of(Way::See);
    parts.extend(
        unseen
            .first()
            .map(|first| format!("let the audit see {} (kube-assay explain {})", listed(&unseen), first.id())),
    );
    parts.join("; ")
}

/// What settles a finding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Somebody decides or answers anew.
    Decide,
    /// It is mended or accepted.
    Mend,
    /// Somebody answers.
    Answer,
    /// It is seen.
    See,
}

impl Way {
    fn of(finding: &Finding) -> Option<Self> {
        match finding.verdict {
            _ if finding.decision.state == State::Overdue || finding.is_answered_no() => Some(Self::Decide),
            _ if !finding.decision.state.is_open() => None,
            Verdict::Fail => Some(Self::Mend),
            Verdict::Manual => Some(Self::Answer),
            Verdict::Unknown => Some(Self::See),
            Verdict::Pass | Verdict::NotApplicable => None,
        }
    }
}

/// Whether a register may accept a failure of it at all.
fn may_be_accepted(finding: &Finding) -> bool {
    !register::NEVER.contains(&finding.control.as_str())
}

/// What has to be decided anew, by whom and where; each entry once.
fn decisions(findings: &[&Finding]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for finding in findings {
        let Some(edit) = finding.edit() else { continue };
        let (id, owner) = (finding.id(), finding.decision.owner.as_deref().unwrap_or("somebody"));
        let line = if finding.is_answered_no() {
            format!("mend what {id} asks for, then answer anew: {edit}")
        } else {
            format!("{owner} decides anew about {id}: {edit}")
        };
        if !all.contains(&line) {
            all.push(line);
        }
    }
    if all.len() > MOST {
        let more = all.len() - MOST;
        all.truncate(MOST);
        all.push(format!("and {more} more such decisions"));
    }
    all
}

fn listed(findings: &[&Finding]) -> String {
    let mut ids: Vec<&str> = findings.iter().map(|finding| finding.id()).collect();
    ids.dedup();
    words::some(&ids, false)
}
