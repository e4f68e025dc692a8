//! The end: what could not be seen, what no profile looks at, the numbers, and where to start.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use benchmark::Priority;
use register::State;

use super::Telling;
use super::components::grade;
use super::page::ROW;
use crate::model::{Finding, Report};
use crate::plain;
use crate::triage::{First, triage};
use crate::words::{self, number};

impl<'r> Telling<'r> {
    /// Unknowns within reach by what would help, and below it each reason with all that it would decide.
    pub(super) fn unseen(&mut self) {
        let unknown = |finding: &&Finding| finding.verdict == Verdict::Unknown && !finding.outside;
        let findings: Vec<&Finding> = self.report.findings.iter().filter(unknown).collect();
        if findings.is_empty() {
            return;
        }
        self.page.heading("not seen, and what would help");
        for group in grouped(&findings, |finding| finding.help.as_ref().unwrap_or(&finding.reason)) {
            self.page.paragraph(0, 2, group[0].help.as_ref().unwrap_or(&group[0].reason));
            for alike in grouped(&group, |finding| &finding.reason) {
                if alike[0].help.is_some() {
                    self.page.paragraph(4, 6, &format!("because {}", alike[0].reason));
                }
                self.page.paragraph(4, 6, &format!("would decide {}", self.id_list(&alike)));
            }
        }
    }

    /// What this source can never show, by reason and section, and what it shows in part.
    pub(super) fn outside(&mut self) {
        let report: &'r Report = self.report;
        let findings: Vec<&Finding> = report.findings.iter().filter(|finding| finding.outside).collect();
        let part = |finding: &&Finding| !finding.outside && self.demands.is_outside(finding);
        let parts: Vec<&Finding> = report.findings.iter().filter(part).collect();
        if findings.is_empty() && parts.is_empty() {
            return;
        }
        self.page.heading(&match self.report.coverage.outside {
            // What is undecided in part is decided all the same, or is undecided within reach too.
            0 => "UNKNOWN in part, outside what this source can see".to_owned(),
            some => format!("UNKNOWN, outside what this source can see: {}", number(some, "demand", "demands")),
        });
        for group in grouped(&findings, |finding| (&finding.help, &finding.reason)) {
            self.page.paragraph(0, 2, &group[0].reason);
            if let Some(help) = &group[0].help {
                self.page.paragraph(0, 2, &format!("to see it: {help}"));
            }
            for section in grouped(&group, section) {
                let ids = self.id_list(&section);
                let title = section[0].cited_by.first().map_or("", |cited| &cited.section);
                let colon = if title.is_empty() { "" } else { ": " };
                self.page.paragraph(4, 6, &format!("{title}{colon}{ids}"));
            }
        }
        self.findings(parts);
    }

    /// What the profiles do not look at, so that nobody takes a pass for more than it is.
    pub(super) fn not_covered(&mut self) {
        let profiles = self.report.profiles.iter().filter(|profile| !profile.not_covered.is_empty());
        let mut groups = grouped(&profiles.collect::<Vec<_>>(), |profile| &profile.not_covered);
        match groups.as_mut_slice() {
            [] => {}
            [one] => {
                self.page.heading("not covered by any profile that was judged");
                self.items(&one[0].not_covered);
            }
            // What one leaves out another may judge.
            several => {
                self.page.heading("not covered, profile by profile");
                for alike in several {
                    let names: Vec<&str> = alike.iter().map(|profile| profile.name.as_str()).collect();
                    self.page.paragraph(0, 2, &format!("by {}:", names.join(", ")));
                    self.items(&alike[0].not_covered);
                }
            }
        }
    }

    fn items(&mut self, items: &[String]) {
        for item in items {
            self.page.paragraph(0, 2, &format!("- {item}"));
        }
    }

    /// Verdicts by number, and how much of what was within reach was seen.
    pub(super) fn numbers(&mut self) {
        let coverage = &self.report.coverage;
        self.page.heading("numbers");
        for (verdict, count) in &self.report.counts {
            let outside = match coverage.outside {
                some if *verdict != Verdict::Unknown || some == 0 => String::new(),
                all if all == *count => "  all of them outside what this source can see".to_owned(),
                some => format!("  {some} of them outside what this source can see"),
            };
            self.page.row(*verdict, ROW, &format!("{count}{outside}"));
        }
        self.page.blank();
        self.page.prose(&format!("{}.", plain::coverage(self.whole)));
        self.decided_though_manual();
    }

    fn decided_though_manual(&mut self) {
        let decided = |finding: &&Finding| {
            matches!(finding.verdict, Verdict::Fail | Verdict::Pass) && words::left_to_a_person(finding)
        };
        let gravest = self.whole.demands().filter_map(|demand| demand.iter().min_by_key(|finding| finding.verdict));
        let findings: Vec<&Finding> = gravest.filter(decided).collect();
        if self.verbose && !findings.is_empty() {
            let ids: Vec<String> = findings.iter().map(|finding| self.ids(finding)).collect();
            self.page.prose(&format!(
                "Left to a person by the benchmark, but decided here from evidence: {}.",
                ids.join(", ")
            ));
        } else if !findings.is_empty() {
            let (count, were) = (findings.len(), if findings.len() == 1 { "was" } else { "were" });
            self.page.prose(&format!(
                "Of what the benchmark leaves to a person, {count} {were} decided here from evidence (-v tells which)."
            ));
        }
    }

    /// The numbers and the gravest findings, for whoever reads no further.
    pub(super) fn summary(&mut self) {
        let failed = self.gravest();
        let mut by_priority: BTreeMap<Priority, usize> = BTreeMap::new();
        for finding in &failed {
            *by_priority.entry(finding.priority).or_default() += 1;
        }
        let grave = by_priority.iter().map(|(priority, count)| format!("{count} {}", words::priority(*priority)));
        let grave: Vec<String> = grave.collect();
        let settled = self
            .settled()
            .iter()
            .fold(String::new(), |said, (state, count)| format!("{said}; {count} {}", state.word()));
        let mut said = Vec::new();
        for (verdict, count) in &self.report.counts {
            let unseen = count.saturating_sub(self.report.coverage.outside);
            said.push(match verdict {
                Verdict::Fail if !grave.is_empty() => format!("{count} FAIL ({}{settled})", grave.join(", ")),
                Verdict::Unknown if unseen == 0 => continue,
                Verdict::Unknown => format!("{unseen} UNKNOWN"),
                other => format!("{count} {}", words::verdict(*other)),
            });
        }
        let outside = match self.report.coverage.outside {
            0 => String::new(),
            some if said.is_empty() => {
                let decided = |finding: &Finding| !finding.outside;
                let what = if self.whole.findings.iter().any(decided) {
                    "no demand was decided in whole"
                } else {
                    "nothing was decided"
                };
                format!("{what}: {} outside what this source can see", number(some, "lies", "lie"))
            }
            some => format!("; {} outside what this source can see", number(some, "lies", "lie")),
        };
        let open = failed.iter().filter(|finding| finding.decision.state.is_open());
        let first = open.take(3).map(|finding| {
            let by_name = ["subject", "role"].contains(&finding.subjects.first().map_or("", |own| own.kind.as_str()));
            let names: Vec<&str> = finding.subjects.iter().map(|subject| subject.name.as_str()).collect();
            let who = if by_name { format!("{}: ", words::some(&names, false)) } else { String::new() };
            format!("{}  {who}{}", finding.id(), finding.reason)
        });
        let first: Vec<String> = first.collect();
        self.page.blank();
        self.page.strong(&format!("{}{outside}.", said.join(", ")));
        for (at, line) in first.iter().enumerate() {
            self.page.labelled(if at == 0 { "first" } else { "" }, line);
        }
    }

    /// Failed demands of which nothing is open, by what was decided of the gravest part.
    fn settled(&self) -> BTreeMap<State, usize> {
        let mut settled = BTreeMap::new();
        for demand in self.report.demands() {
            let mut failed = demand.iter().filter(|finding| finding.verdict == Verdict::Fail);
            if let Some(first) = failed.clone().next()
                && failed.all(|finding| finding.decision.state.is_settled())
            {
                *settled.entry(first.decision.state).or_default() += 1;
            }
        }
        settled
    }

    /// Failures, one for each id, open ones before others, the gravest first.
    fn gravest(&self) -> Vec<&'r Finding> {
        let report: &'r Report = self.report;
        let mut failed: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.verdict == Verdict::Fail).collect();
        failed.sort_by_key(|finding| (!finding.decision.state.is_open(), grade(finding)));
        let mut seen = BTreeSet::new();
        failed.retain(|finding| seen.insert(finding.id()));
        failed
    }

    /// The end: the few things to do first, and what to do next.
    pub(super) fn next(&mut self) {
        let report: &'r Report = self.report;
        let first = triage(report);
        let count = |verdict| report.counts.get(&verdict).copied().unwrap_or(0);
        let unseen = count(Verdict::Unknown).saturating_sub(report.coverage.outside);
        let told = report.findings.iter().any(|finding| finding.verdict == Verdict::Fail);
        let answered = report.findings.iter().filter(|finding| finding.is_answered_no()).count();
        self.page.blank();
        if first.is_empty() {
            let line = match count(Verdict::Fail) {
                0 if unseen > 0 => {
                    format!("Nothing failed, but {unseen} could not be seen: see what would help, above.")
                }
                0 if answered > 0 => {
                    let questions = number(answered, "question was", "questions were");
                    format!("Nothing failed by evidence, but {questions} answered: it does not hold.")
                }
                0 => "Nothing failed.".to_owned(),
                settled if told => format!("{settled} failed, and nothing of it is open."),
                hidden => format!("{hidden} failed and are not told here."),
            };
            return self.page.strong(&line);
        }
        self.page.strong("Start with:");
        for (at, one) in first.iter().enumerate() {
            let line = self.first(one);
            self.page.paragraph(2, 5, &format!("{}. {line}", at + 1));
        }
        self.page.strong("`kube-assay plan` with the same options writes what to change, in order.");
    }

    /// One thing to do: what it is about, the ids that it settles, and where.
    fn first(&self, first: &First<'_>) -> String {
        let mut ids: Vec<&str> = first.findings.iter().map(|finding| finding.id()).collect();
        let mut seen = BTreeSet::new();
        ids.retain(|id| seen.insert(*id));
        let what = if first.cause.is_empty() { String::new() } else { format!(", {}", first.cause) };
        let all = self.report.run.captures.iter().filter(|capture| capture.source != "cluster").count();
        let nodes: Vec<&str> = first.nodes.iter().copied().collect();
        let on = match nodes.len() {
            _ if all < 2 || assess::is_of_cluster(first.component) => String::new(),
            few if few <= 3 => format!("; on {}", nodes.join(", ")),
            many => format!("; on {many} of {all} nodes"),
        };
        let title = match first.findings.as_slice() {
            [one] => format!(" {}", one.title),
            _ => String::new(),
        };
        let priority = words::priority(first.priority);
        format!("{}{what} ({priority}): {}{title}{on}", first.component, words::some(&ids, false))
    }

    /// A node without any component: one paragraph, and the ids for the record.
    pub(super) fn nothing(&mut self) {
        let coverage = &self.report.coverage;
        let outside: Vec<&Finding> = self.report.findings.iter().filter(|finding| finding.outside).collect();
        let rest: Vec<&Finding> = self.report.findings.iter().filter(|finding| !finding.outside).collect();
        let not_applicable = number(coverage.within_reach, "demand is", "demands are");
        let lie = number(coverage.outside, "lies", "lie");
        self.page.blank();
        self.page.prose(&format!(
            "NOTHING WAS JUDGED: no Kubernetes component runs here. {not_applicable} not applicable (N/A), because nothing that they speak of is here; \
             {lie} outside what this source can see (UNKNOWN)."
        ));
        for (verdict, findings) in [(Verdict::NotApplicable, rest), (Verdict::Unknown, outside)] {
            if !findings.is_empty() {
                self.page.blank();
                self.page.row(verdict, ROW, &self.id_list(&findings));
            }
        }
    }

    /// Ids in the report's order, each once; where other subjects make the verdict a graver one, as parts.
    fn id_list(&self, findings: &[&Finding]) -> String {
        let part = |finding: &Finding| if self.demands.is_part(finding) { " (in part)" } else { "" };
        let mut ids: Vec<String> =
            findings.iter().map(|finding| format!("{}{}", self.ids(finding), part(finding))).collect();
        ids.dedup();
        ids.join(", ")
    }
}

fn section(finding: &Finding) -> Option<&str> {
    finding.cited_by.first().map(|cited| cited.section.as_str())
}

/// Those that share a key, groups and members in order.
fn grouped<'f, T, K: PartialEq>(all: &[&'f T], key: impl Fn(&'f T) -> K) -> Vec<Vec<&'f T>> {
    let mut groups: Vec<(K, Vec<&'f T>)> = Vec::new();
    for one in all {
        let of = key(one);
        match groups.iter_mut().find(|(other, _)| *other == of) {
            Some((_, members)) => members.push(one),
            None => groups.push((of, vec![one])),
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
}
