//! One finding in full: why, what was demanded, what was seen, where, and what to do.

use assess::{Observed, Verdict};
use evidence::Basis;

use super::Telling;
use crate::model::{Finding, Subject};
use crate::{plain, words};

impl Telling<'_> {
    pub(super) fn block(&mut self, finding: &Finding) {
        self.page.row(finding.verdict, self.title_column(finding), &self.title(finding));
        self.labelled("in part", &self.demands.part(finding).unwrap_or_default());
        self.labelled("priority", &standing(finding));
        let label = if finding.verdict == Verdict::Manual { "question" } else { "because" };
        self.labelled(label, &finding.reason);
        self.labelled("instead", finding.equivalent.as_deref().unwrap_or_default());
        if finding.expected != finding.reason {
            self.labelled("expected", &finding.expected);
        }
        self.seen(finding);
        let mut label = "note";
        for note in &finding.notes {
            self.labelled(label, note);
            label = "";
        }
        self.subjects(finding);
        self.labelled("to see it", finding.help.as_deref().unwrap_or_default());
        let mut last = "";
        for (label, said) in plain::decided(&finding.decision) {
            self.labelled(if label == last { "" } else { label }, &said);
            last = label;
        }
        if self.verbose {
            self.labelled("control", &finding.control);
            self.page.listing("risk", &finding.why);
        }
        self.remediation(finding);
    }

    fn labelled(&mut self, label: &str, text: &str) {
        if !text.is_empty() {
            self.page.labelled(label, text);
        }
    }

    /// The facts that decide, then those that are only shown.
    fn seen(&mut self, finding: &Finding) {
        for (decides, mut label) in [(true, "seen"), (false, "also seen")] {
            for observed in finding.observed.iter().filter(|observed| observed.decides == decides) {
                self.page.labelled(label, &fact(observed, &finding.reason, self.verbose));
                label = "";
            }
        }
    }

    /// What was judged. A component on the only node needs no line of its own.
    fn subjects(&mut self, finding: &Finding) {
        let subjects = finding.subjects.as_slice();
        let Some(first) = subjects.first() else { return };
        let plain = subjects.len() == 1 && first.name == finding.component;
        if plain && !self.several_nodes {
            return;
        }
        let together = subjects.iter().all(|subject| subject.captures == first.captures);
        let names: Vec<String> = subjects.iter().map(|subject| self.subject(subject, !together)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let count = if names.len() > 1 { format!("{} {}s: ", names.len(), first.kind) } else { String::new() };
        let on = if together && self.several_nodes { format!(" on {}", self.nodes(first)) } else { String::new() };
        let label = if first.kind == "file" { "files" } else { "where" };
        self.page.labelled(label, &format!("{count}{}{on}", words::some(&names, self.verbose)));
    }

    fn subject(&self, subject: &Subject, apart: bool) -> String {
        format!("{}{}", subject.name, if apart { format!(" ({})", self.nodes(subject)) } else { String::new() })
    }

    fn nodes(&self, subject: &Subject) -> String {
        let names: Vec<&str> = subject.captures.iter().map(String::as_str).collect();
        words::some(&names, self.verbose)
    }

    /// What to do where it failed, or if it should turn out so; in full only if all is told in full.
    fn remediation(&mut self, finding: &Finding) {
        let whole = finding.remediation.trim_end();
        let label = match finding.verdict {
            Verdict::Fail => "do",
            Verdict::Manual => "if not",
            Verdict::Unknown if self.verbose => "if not",
            _ => return,
        };
        if self.verbose {
            return self.page.listing(label, whole);
        }
        let beginning = words::beginning(whole);
        self.page.listing(label, &beginning);
        if beginning != whole {
            let name = if self.report.profiles.len() > 1 { &finding.control } else { finding.id() };
            let all = match words::steps(whole) {
                0 | 1 => "all".to_owned(),
                steps => format!("all {steps} steps"),
            };
            self.page.labelled("", &format!("(kube-assay explain {name} shows {all})"));
        }
    }
}

/// How grave it is, how the publisher sees it, and how directly it was seen.
fn standing(finding: &Finding) -> String {
    let mut said = vec![words::priority(finding.priority).to_owned()];
    if let Some(level) = finding.cited_by.iter().map(|cited| cited.level).min() {
        said.push(format!("level {level}"));
    }
    // What runs is the rule; anything weaker is said.
    if let Some(basis) = finding.basis.filter(|basis| *basis != Basis::Running) {
        said.push(format!("judged by what is {}", words::basis(basis)));
    }
    said.join(", ")
}

/// `fact = value (how: source)`; a long list is folded, and what the reason has just said is not said again.
fn fact(observed: &Observed, reason: &str, all: bool) -> String {
    let Observed { fact, value, how, source, .. } = observed;
    let value = value.as_ref().map_or(String::new(), |value| format!(" = {}", words::value(value, all)));
    match how.as_str() {
        // Where a default is documented is for those who want to check it.
        "default" if !all => format!("{fact}{value} (default)"),
        "absent" => format!("{fact}: {source}"),
        _ if source.is_empty() || source == reason => format!("{fact}{value} ({how})"),
        _ => format!("{fact}{value} ({how}: {source})"),
    }
}
