//! The drift as Markdown, for the summary of a job and for merge requests.

use super::model::{Change, Drift, Kind};
use super::words as said;
use crate::markdown::text;
use crate::words;

/// Renders the drift as Markdown. What comes from nodes is text, never markup, link or mention.
pub fn markdown(drift: &Drift) -> String {
    let mut page = Page { drift, text: String::new() };
    page.head();
    for kind in Kind::ALL {
        let of = |change: &&Change| change.kind == kind;
        let (failures, rest): (Vec<&Change>, Vec<&Change>) =
            drift.changes.iter().filter(of).partition(|change| change.is_new_failure());
        let (altered, rest): (Vec<&Change>, Vec<&Change>) =
            rest.into_iter().partition(|change| change.is_worse_than_known());
        let (debt, rest): (Vec<&Change>, Vec<&Change>) =
            rest.into_iter().partition(|change| kind == Kind::Unchanged && change.is_old_debt());
        let fails = if matches!(kind, Kind::New | Kind::Regressed) { "" } else { ", and fails" };
        page.section(&format!("{}{fails}", said::heading(kind)), &failures, true);
        page.section(said::ALTERED, &altered, true);
        page.section("Failed before and fails still", &debt, false);
        page.section(said::heading(kind), &rest, false);
    }
    page.decisions();
    page.text
}

struct Page<'d> {
    drift: &'d Drift,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn head(&mut self) {
        let drift = self.drift;
        let worse = said::worse(drift);
        let lead = worse.map_or("Nothing got worse".to_owned(), |worse| format!("Worse: {worse}"));
        self.line("# kube-assay: drift\n");
        self.line(&format!("**{}**. {}.\n", text(&lead), text(&said::rest(drift))));
        for warning in said::unseparated(drift).iter().chain(&drift.warnings) {
            self.line(&format!("> **WARNING** {}\n", text(warning)));
        }
        self.line("| | |\n|---|---|");
        self.line(&format!("| before | {} |", text(&said::head(&drift.before))));
        self.line(&format!("| now | {} |", text(&said::head(&drift.after))));
        for node in said::nodes(&drift.nodes, true) {
            self.line(&format!("| node | {} |", text(&node)));
        }
    }

    /// Failures that nobody knew stand open; everything else is to be unfolded.
    fn section(&mut self, heading: &str, changes: &[&Change], open: bool) {
        if changes.is_empty() {
            return;
        }
        let count = words::number(changes.len(), "finding", "findings");
        if open {
            self.line(&format!("\n## {heading}\n"));
        } else {
            self.line(&format!("\n<details><summary>{heading}: {count}</summary>\n"));
        }
        let (was, is) = said::sides(self.drift);
        self.line(&format!("| verdict | id | priority | component | title | {was} | {is} | where | cause |"));
        self.line("|---|---|---|---|---|---|---|---|---|");
        for change in changes {
            self.row(change, open);
        }
        if !open {
            self.line("\n</details>");
        }
    }

    fn row(&mut self, change: &Change, open: bool) {
        let answer = |answer: &Option<super::Answer>| answer.as_ref().map_or("not there".to_owned(), said::answer);
        let verdict = change.after.as_ref().map_or("gone", |answer| words::verdict(answer.verdict));
        let mut is = vec![answer(&change.after)];
        if open {
            // Without facts the answer has said it.
            is.extend(change.after.iter().filter(|own| !own.observed.is_empty()).map(|own| own.reason.clone()));
            is.extend(said::regressed(change));
        }
        is.extend(said::profile(change));
        let pool = change.compared_with.as_ref().map_or(String::new(), |pool| format!(" (compared with {pool})"));
        let cells = [
            verdict.to_owned(),
            text(&said::change_ids(change)),
            words::priority(change.priority).to_owned(),
            text(&change.component),
            text(&change.title),
            if change.kind == Kind::Unchanged { "the same".to_owned() } else { text(&answer(&change.before)) },
            is.iter().filter(|line| !line.is_empty()).map(|line| text(line)).collect::<Vec<_>>().join("<br>"),
            text(&said::subjects(&change.subjects, true)),
            text(&format!("{}{pool}", said::causes(change, self.drift))),
        ];
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    fn decisions(&mut self) {
        let drift = self.drift;
        if drift.decisions.is_empty() {
            return;
        }
        self.line("\n## Decisions\n\n| event | verdict | id | title | decision | where |\n|---|---|---|---|---|---|");
        for change in &drift.decisions {
            let cells = [
                change.event.word().to_owned(),
                words::verdict(change.verdict).to_owned(),
                text(&said::ids(&change.cited_by, &change.control)),
                text(&change.title),
                text(&said::decision(change)),
                text(&said::subjects(&change.subjects, true)),
            ];
            self.line(&format!("| {} |", cells.join(" | ")));
        }
    }
}
