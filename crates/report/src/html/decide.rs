//! What somebody has to deal with: what a register decided, and all open findings by who answers for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use register::State;

use super::{Item, Page, badge_of, safe};
use crate::model::Finding;
use crate::plain;
use crate::terminal::grade;
use crate::words::{self, number};

/// More findings of a state than this are folded.
const FEW: usize = 40;

impl Page<'_> {
    /// The register's part, numbers by owner, then what is to be decided, the gravest first.
    pub(super) fn decisions(&mut self) {
        self.open("decisions", "To decide");
        self.register();
        self.owners();
        let mut any = false;
        for (wanted, says) in [
            (State::Required, "Required: to be dealt with"),
            (State::Overdue, "Overdue: what was decided has expired"),
            (State::Unanswered, "Unanswered: questions for a person"),
            (State::Accepted, "Accepted: somebody answers for it until a day"),
            (State::Answered, "Answered: a person looked"),
            (State::Informational, "Informational: nobody has to act"),
            (State::ProviderOwned, "Provider-owned: the provider alone can see and settle it"),
        ] {
            let items = std::mem::take(&mut self.items);
            let mut own: Vec<&Item<'_>> = items.iter().filter(|item| item.finding.decision.state == wanted).collect();
            own.sort_by_key(|item| grade(item.finding));
            any |= !own.is_empty();
            self.state(says, &own);
            drop(own);
            self.items = items;
        }
        if !any {
            self.text.push_str("<p>Nothing has to be decided.</p>\n");
        }
        self.close();
    }

    fn state(&mut self, says: &str, items: &[&Item<'_>]) {
        if items.is_empty() {
            return;
        }
        let count = number(items.len(), "finding", "findings");
        let _ = writeln!(self.text, "<h3>{says} <span class=\"muted\">{count}</span></h3>");
        let (shown, more) = items.split_at(items.len().min(FEW));
        self.todo(shown);
        if !more.is_empty() {
            let _ = writeln!(self.text, "<details><summary>{} more</summary>", more.len());
            self.todo(more);
            self.text.push_str("</details>\n");
        }
    }

    fn todo(&mut self, items: &[&Item<'_>]) {
        self.text.push_str("<ol class=\"todo\">\n");
        for item in items {
            let _ = writeln!(
                self.text,
                "<li>{} {} <span class=\"muted\">{}, {}{}</span></li>",
                badge_of(item.finding.verdict, &self.demands.word(item.finding)),
                self.link(item, true),
                safe(&item.finding.component),
                words::priority(item.finding.priority),
                safe(&answerable(item.finding)),
            );
        }
        self.text.push_str("</ol>\n");
    }

    fn link(&self, item: &Item<'_>, titled: bool) -> String {
        let ids = words::ids(item.finding, &self.ambiguous);
        let said = if titled { format!("{ids} {}", item.finding.title) } else { ids };
        format!("<a href=\"#{}\">{}</a>", item.anchor, safe(&said))
    }

    /// Whose register it is and of which day, and what of it has to be looked at again.
    fn register(&mut self) {
        let Some(register) = &self.report.register else {
            self.text.push_str("<p>No register was given: what is told as required, nobody has decided yet.</p>\n");
            return;
        };
        self.text.push_str("<dl>\n");
        for (label, said) in plain::register(register) {
            self.pair(label, &safe(&said));
        }
        let numbers = plain::decisions(self.report);
        if !numbers.is_empty() {
            self.pair("findings", &numbers);
        }
        self.text.push_str("</dl>\n");
        self.again("No longer holds", |finding| &finding.decision.lapsed);
        self.again("Due to be looked at again", |finding| &finding.decision.due);
    }

    fn again(&mut self, title: &str, why: fn(&Finding) -> &Vec<String>) {
        let all: Vec<&Item<'_>> = self.items.iter().filter(|item| !why(item.finding).is_empty()).collect();
        if all.is_empty() {
            return;
        }
        let mut list = format!("<h3>{title}</h3>\n<ul>\n");
        for item in all {
            let owner = item.finding.decision.owner.as_deref().unwrap_or("nobody");
            let why = format!(", {owner}: {}", why(item.finding).join("; "));
            let _ = writeln!(list, "<li>{}{}</li>", self.link(item, true), safe(&why));
        }
        self.text.push_str(&list);
        self.text.push_str("</ul>\n");
    }

    /// Findings by who answers for them and by the state of their decision; nothing where nobody is named.
    fn owners(&mut self) {
        let mut owners: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in self.report.findings.iter().filter(|finding| finding.decision.state != State::None) {
            owners.entry(finding.decision.owner.as_deref().unwrap_or_default()).or_default().push(finding);
        }
        if owners.keys().all(|owner| owner.is_empty()) {
            return;
        }
        let used: BTreeSet<State> = owners.values().flatten().map(|finding| finding.decision.state).collect();
        let states: Vec<State> = State::ALL.iter().copied().filter(|state| used.contains(state)).collect();
        self.text.push_str(
            "<h3>By owner</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"By owner\">\n<table class=\"owners\">\n\
             <thead><tr><th scope=\"col\">Owner</th>",
        );
        for state in &states {
            let _ = write!(self.text, "<th scope=\"col\">{}</th>", state.word());
        }
        self.text.push_str("<th scope=\"col\">Components</th></tr></thead>\n<tbody>\n");
        for (owner, findings) in owners {
            let owner = if owner.is_empty() { "nobody".to_owned() } else { safe(owner) };
            let _ = write!(self.text, "<tr><th scope=\"row\">{owner}</th>");
            for state in &states {
                let count = findings.iter().filter(|finding| finding.decision.state == *state).count();
                let _ = write!(self.text, "<td>{count}</td>");
            }
            let mut components: BTreeMap<&str, usize> = BTreeMap::new();
            for finding in findings {
                *components.entry(&finding.component).or_default() += 1;
            }
            let components: Vec<String> = components.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let _ = writeln!(self.text, "<td>{}</td></tr>", safe(&components.join(", ")));
        }
        self.text.push_str("</tbody>\n</table>\n</div>\n");
    }
}

/// Who answers for a finding, and until when it holds, after a comma; nothing where nobody was named.
fn answerable(finding: &Finding) -> String {
    let owner = finding.decision.owner.as_ref().map_or(String::new(), |owner| format!(", {owner}"));
    let until = finding.decision.term().map_or(String::new(), |term| format!(", {term}"));
    owner + &until
}
