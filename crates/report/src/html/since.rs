//! What changed since the baseline, in the words that a drift has in every format.

use std::fmt::Write as _;

use super::{Item, Page, badge, safe};
use crate::drift::{Change, Drift, Kind, words as said};
use crate::words::{self, number};

/// So many changes of a kind are told one by one; a drift of its own tells all.
const CHANGES: usize = 200;

/// Kinds that somebody wants to read at once.
const FIRST: [Kind; 7] = [
    Kind::Regressed,
    Kind::New,
    Kind::Disagrees,
    Kind::Demanded,
    Kind::VisibilityLost,
    Kind::VisibilityGained,
    Kind::Fixed,
];

impl Page<'_> {
    /// What is worse, what is fixed, and what else differs.
    pub(super) fn changes(&mut self) {
        let Some(drift) = self.beside.drift else { return };
        self.open("since", "Since the baseline");
        let worse =
            said::worse(drift).map_or_else(|| "Nothing got worse".to_owned(), |worse| format!("Worse: {worse}"));
        let rest = said::rest(drift);
        let _ = writeln!(
            self.text,
            "<p><strong>{}.</strong> {}.</p>\n<p class=\"muted\">Compared with: {}.</p>",
            safe(&worse),
            safe(&format!("{}{}", rest[..1].to_uppercase(), &rest[1..])),
            safe(&said::head(&drift.before))
        );
        let unseparated = said::unseparated(drift);
        for warning in unseparated.iter().chain(&drift.warnings) {
            let _ = writeln!(self.text, "<p class=\"warning\" role=\"note\">{}</p>", safe(warning));
        }
        let items = std::mem::take(&mut self.items);
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Unchanged) {
            let of_kind = drift.changes.iter().filter(|change| change.kind == kind);
            let (altered, rest): (Vec<&Change>, Vec<&Change>) =
                of_kind.partition(|change| change.is_worse_than_known());
            self.section(drift, said::ALTERED, &altered, true, &items);
            self.section(drift, said::heading(kind), &rest, FIRST.contains(&kind), &items);
        }
        self.items = items;
        self.list("Nodes", &said::nodes(&drift.nodes, false));
        let decisions: Vec<String> = drift
            .decisions
            .iter()
            .map(|change| {
                let ids = said::ids(&change.cited_by, &change.control);
                format!("{} {ids} {}: {}", change.event.word(), change.title, said::decision(change))
            })
            .collect();
        self.list("Decisions", &decisions);
        self.close();
    }

    /// Changes under a heading. What nobody has to act on is folded.
    fn section(&mut self, drift: &Drift, heading: &str, changes: &[&Change], first: bool, items: &[Item<'_>]) {
        if changes.is_empty() {
            return;
        }
        let count = number(changes.len(), "finding", "findings");
        let title = format!("{} <span class=\"muted\">{count}</span>", safe(heading));
        let (open, close) = if first { ("<h3>", "</h3>") } else { ("<details><summary>", "</summary>") };
        let _ = writeln!(self.text, "{open}{title}{close}");
        self.text.push_str("<ul class=\"todo\">\n");
        for change in changes.iter().take(CHANGES) {
            self.changed(drift, change, items);
        }
        self.text.push_str("</ul>\n");
        if changes.len() > CHANGES {
            let more = changes.len() - CHANGES;
            let _ = writeln!(self.text, "<p>… and {more} more, which <code>kube-assay compare</code> tells.</p>");
        }
        self.text.push_str(if first { "" } else { "</details>\n" });
    }

    fn changed(&mut self, drift: &Drift, change: &Change, items: &[Item<'_>]) {
        let name = safe(&format!("{} {}", said::change_ids(change), change.title));
        let verdict = change.after.as_ref().map_or_else(|| "gone".to_owned(), |after| badge(after.verdict));
        // The one finding of the page that is the later side of it, if it is told here.
        let own = |item: &&Item<'_>| self.since.of(item.finding).any(|own| std::ptr::eq(own, change));
        let of_control = items.iter().filter(|item| item.finding.control == change.control);
        let name = match of_control.into_iter().find(own) {
            Some(item) => format!("<a href=\"#{}\">{name}</a>", item.anchor),
            None => name,
        };
        let (was, is) = said::sides(drift);
        let answer = |label: &str, answer: Option<&crate::drift::Answer>| match answer {
            Some(answer) => format!("<br/>{label}: {}", safe(&said::answer(answer))),
            None => format!("<br/>{label}: not there"),
        };
        let mut lines = answer(was, change.before.as_ref());
        lines += &answer(is, change.after.as_ref());
        for line in said::regressed(change).into_iter().chain(said::profile(change)) {
            let _ = write!(lines, "<br/>{}", safe(&line));
        }
        let pool = change.compared_with.as_ref().map_or(String::new(), |pool| format!(", compared with {pool}"));
        let beneath = format!(
            "{}, {}{pool}; cause: {}",
            words::priority(change.priority),
            said::subjects(&change.subjects, false),
            said::causes(change, drift)
        );
        let _ = writeln!(
            self.text,
            "<li>{verdict} {name} <span class=\"muted\">{}</span><span class=\"because\">{}</span></li>",
            safe(&beneath),
            lines.trim_start_matches("<br/>")
        );
    }

    fn list(&mut self, title: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let _ = writeln!(self.text, "<h3>{title}</h3>\n<ul>");
        for line in lines.iter().take(CHANGES) {
            let _ = writeln!(self.text, "<li>{}</li>", safe(line));
        }
        self.text.push_str("</ul>\n");
        if lines.len() > CHANGES {
            let more = lines.len() - CHANGES;
            let _ = writeln!(self.text, "<p>… and {more} more, which <code>kube-assay compare</code> tells.</p>");
        }
    }
}
