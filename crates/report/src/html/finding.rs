//! The findings: by component, each with all that is known of it, and a form that narrows them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use assess::Verdict;
use register::State;

use super::{Item, Page, VERDICTS, badge_of, class, counts, safe};
use crate::markup;
use crate::model::{Finding, Subject};
use crate::plain;
use crate::terminal::grade;
use crate::words::{self, number};

/// More subjects, or nodes of a subject, than this are folded.
const FEW: usize = 6;

impl Page<'_> {
    pub(super) fn findings(&mut self) {
        self.open("findings", "Findings");
        self.filter();
        let items = std::mem::take(&mut self.items);
        let mut components: Vec<(&str, Vec<&Item<'_>>)> = Vec::new();
        // A demand stands with all its findings, so that they add up to what it is rolled up to.
        let (mut outside, within): (Vec<&Item<'_>>, Vec<&Item<'_>>) =
            items.iter().partition(|item| self.demands.is_outside(item.finding));
        for item in within {
            match components.iter_mut().find(|(name, _)| *name == item.finding.component) {
                Some((_, items)) => items.push(item),
                None => components.push((&item.finding.component, vec![item])),
            }
        }
        components.sort_by_key(|(_, items)| items.iter().map(|item| grade(item.finding)).min());
        for (name, items) in &mut components {
            self.group(&safe(name), items);
        }
        if !outside.is_empty() {
            self.group("Outside what this source can see", &mut outside);
        }
        if items.is_empty() {
            self.text.push_str("<p>There is no finding to tell.</p>\n");
        }
        drop(components);
        self.items = items;
        self.close();
    }

    /// The form does nothing without the script, which shows it.
    fn filter(&mut self) {
        self.text.push_str(
            "<form id=\"filter\" role=\"search\" aria-label=\"Narrow the findings\" hidden=\"hidden\">\n\
             <p><label for=\"text\">Text</label> <input id=\"text\" type=\"search\" autocomplete=\"off\"/></p>\n\
             <fieldset><legend>Verdicts</legend>\n",
        );
        let has = |test: &dyn Fn(&Finding) -> bool| self.report.findings.iter().any(test);
        let mut form = String::new();
        for verdict in VERDICTS.into_iter().filter(|verdict| has(&|finding| finding.verdict == *verdict)) {
            let (name, word) = (class(verdict), words::verdict(verdict));
            let _ = writeln!(
                form,
                "<label><input type=\"checkbox\" name=\"verdict\" value=\"{name}\" checked=\"checked\"/> {word}</label>"
            );
        }
        form.push_str("</fieldset>\n<p><label for=\"decision\">Decision</label> <select id=\"decision\">\n<option value=\"\">any</option>\n");
        for each in State::ALL {
            if has(&|finding| finding.decision.state == each) {
                let _ = writeln!(form, "<option>{}</option>", each.word());
            }
        }
        form.push_str("</select></p>\n");
        let owners: BTreeSet<&str> =
            self.report.findings.iter().filter_map(|finding| finding.decision.owner.as_deref()).collect();
        if !owners.is_empty() {
            form.push_str(
                "<p><label for=\"owner\">Owner</label> <select id=\"owner\">\n<option value=\"\">any</option>\n",
            );
            for owner in owners {
                let _ = writeln!(form, "<option>{}</option>", safe(owner));
            }
            form.push_str("</select></p>\n");
        }
        let changed: BTreeSet<&str> =
            self.report.findings.iter().flat_map(|finding| self.since.words(finding)).collect();
        if !changed.is_empty() {
            form.push_str(
                "<p><label for=\"change\">Since the baseline</label> <select id=\"change\">\n<option \
                 value=\"\">any</option>\n",
            );
            for word in changed {
                let _ = writeln!(form, "<option>{word}</option>");
            }
            form.push_str("</select></p>\n");
        }
        form.push_str(
            "<p><button type=\"button\" id=\"unfold\">Unfold all</button> <button type=\"button\" \
             id=\"fold\">Fold all</button></p>\n<p id=\"shown\" role=\"status\"></p>\n</form>\n\
             <p id=\"narrowed\" class=\"warning\" hidden=\"hidden\"></p>\n",
        );
        self.text.push_str(&form);
    }

    fn group(&mut self, title: &str, items: &mut [&Item<'_>]) {
        let numbers = words::counts(&counts(items.iter().map(|item| item.finding)));
        let _ = writeln!(self.text, "<div class=\"group\">\n<h3>{title} <span class=\"muted\">{numbers}</span></h3>");
        items.sort_by_key(|item| grade(item.finding));
        for item in items {
            self.article(item);
        }
        self.text.push_str("</div>\n");
    }

    fn article(&mut self, item: &Item<'_>) {
        let finding = item.finding;
        let open = finding.verdict < Verdict::Pass;
        let because = if finding.reason.is_empty() && finding.equivalent.is_none() {
            String::new()
        } else {
            format!("<span class=\"because\">{}</span>", safe(plain::because(finding)))
        };
        let changed = self.since.words(finding);
        let priority = open.then(|| words::priority(finding.priority));
        let mut chips = String::new();
        for word in priority.iter().chain(&changed) {
            let _ = write!(chips, " <span class=\"chip\">{word}</span>");
        }
        let _ = writeln!(
            self.text,
            "<article class=\"finding {verdict}\" id=\"{}\" data-verdict=\"{verdict}\" data-decision=\"{}\" data-owner=\"{}\" data-change=\"{}\">\n<details>\n\
             <summary>{} <h4><span class=\"id\">{}</span> {}</h4>{chips}{because}</summary>\n<dl>",
            item.anchor,
            finding.decision.state.word(),
            safe(finding.decision.owner.as_deref().unwrap_or_default()),
            changed.join(" "),
            badge_of(finding.verdict, &self.demands.word(finding)),
            safe(&words::ids(finding, &self.ambiguous)),
            safe(&finding.title),
            verdict = class(finding.verdict),
        );
        self.facts(finding);
        self.text.push_str("</dl>\n</details>\n</article>\n");
    }

    fn facts(&mut self, finding: &Finding) {
        if let Some(basis) = finding.basis {
            self.row("basis", &format!("what is {}", words::basis(basis)));
        }
        self.row("in part", &self.demands.part(finding).map_or(String::new(), |part| safe(&part)));
        let since: Vec<String> = self.since.told(finding).iter().map(|line| safe(line)).collect();
        self.row("since", &since.join("<br/>"));
        // The heading has said why.
        let said = plain::said(finding).into_iter().filter(|(label, _)| !["because", "question"].contains(label));
        let said: Vec<(&str, String)> = said.collect();
        for alike in said.chunk_by(|(left, _), (right, _)| left == right) {
            let lines: Vec<String> = alike.iter().map(|(_, line)| safe(line)).collect();
            self.row(alike[0].0, &lines.join("<br/>"));
        }
        if !finding.subjects.is_empty() {
            let subjects = self.subjects(finding);
            self.row("where", &subjects);
        }
        if finding.decision.entry.is_none() {
            self.row("decision", finding.decision.state.word());
        }
        let cited = finding.cited_by.iter().map(|cited| {
            let (level, assessment) = (cited.level, words::assessment(cited.assessment));
            safe(&format!("{} {}, level {level}, {assessment}: {}", cited.profile, cited.id, cited.section))
        });
        self.row("cited by", &cited.collect::<Vec<_>>().join("<br/>"));
        self.row("control", &format!("<code>{}</code>", safe(&finding.control)));
        self.more("risk", &safe(&finding.why));
        let remediation = finding.remediation.trim_end();
        if !remediation.is_empty() {
            let label = if finding.verdict == Verdict::Fail { "what to do" } else { "if it fails" };
            self.more(label, &format!("<pre tabindex=\"0\">{}</pre>", markup::text(remediation)));
        }
    }

    /// A label and what it says, which is markup already.
    fn row(&mut self, label: &str, said: &str) {
        if !said.is_empty() {
            let _ = writeln!(self.text, "<div><dt>{label}</dt><dd>{said}</dd></div>");
        }
    }

    /// What of a pass nobody wants on paper.
    fn more(&mut self, label: &str, said: &str) {
        if !said.is_empty() {
            let _ = writeln!(self.text, "<div class=\"more\"><dt>{label}</dt><dd>{said}</dd></div>");
        }
    }

    /// Every subject; many are folded.
    fn subjects(&self, finding: &Finding) -> String {
        let subjects = &finding.subjects;
        let first = &subjects[0];
        let together = subjects.iter().all(|subject| subject.captures == first.captures);
        let each = |subject: &Subject| {
            let nodes = if self.several && !together { format!(": {}", self.nodes(subject)) } else { String::new() };
            format!("<li>{}{nodes}</li>", safe(&subject.name))
        };
        let list: String = subjects.iter().map(each).collect();
        let on = if self.several && together { format!("<div>on {}</div>", self.nodes(first)) } else { String::new() };
        if let [only] = subjects.as_slice() {
            let on = if self.several { format!(" on {}", self.nodes(only)) } else { String::new() };
            return format!("{}{on}", safe(&only.name));
        }
        if subjects.len() <= FEW {
            return format!("<ul>{list}</ul>{on}");
        }
        let kind = &first.kind;
        let count = safe(&number(subjects.len(), kind, &format!("{kind}s")));
        format!("<details><summary>{count}</summary><ul>{list}</ul></details>{on}")
    }

    fn nodes(&self, subject: &Subject) -> String {
        self.names(&subject.captures.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Names of nodes; many are folded.
    #[expect(clippy::unused_self, reason = "beside its like")]
    pub(super) fn names(&self, names: &[&str]) -> String {
        let list = names.iter().map(|name| safe(name)).collect::<Vec<_>>().join(", ");
        if names.len() <= FEW {
            return list;
        }
        format!("<details><summary>{}</summary>{list}</details>", number(names.len(), "node", "nodes"))
    }
}
