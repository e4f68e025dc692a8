//! The drift for a person who was woken by it: what got worse first, then what else differs, then what did not.

use assess::Verdict;

use super::model::{Answer, Change, Drift, Kind};
use super::words as said;
use crate::terminal::Options;
use crate::terminal::page::{Page, ROW};
use crate::words;

/// Kinds that are counted, and told one by one only if everything is.
const IN_SHORT: [Kind; 4] = [Kind::Appeared, Kind::Vanished, Kind::Dropped, Kind::VerdictChanged];

/// Renders the drift for a terminal.
pub fn terminal(drift: &Drift, options: &Options) -> String {
    let width = drift.changes.iter().map(|change| said::change_ids(change).chars().count()).max().unwrap_or(0).min(8);
    let mut telling = Telling {
        drift,
        several_nodes: drift.before.captures.max(drift.after.captures) > 1,
        sides: said::sides(drift),
        id_width: width,
        verbose: options.verbose,
        page: Page::new(options),
    };
    telling.first_line();
    telling.head();
    telling.worse();
    telling.rest();
    telling.debt();
    telling.decisions(false);
    telling.last_line();
    telling.page.finish()
}

struct Telling<'d> {
    drift: &'d Drift,
    page: Page,
    verbose: bool,
    several_nodes: bool,
    /// What the earlier and the later answer are called.
    sides: (&'static str, &'static str),
    id_width: usize,
}

impl Telling<'_> {
    fn first_line(&mut self) {
        let drift = self.drift;
        let line = match said::worse(drift) {
            Some(worse) => format!("WORSE: {worse}."),
            None => "Nothing got worse.".to_owned(),
        };
        self.page.strong(&line);
        let rest = said::rest(drift);
        self.page.prose(&format!("{}{}.", rest[..1].to_uppercase(), &rest[1..]));
    }

    fn head(&mut self) {
        let drift = self.drift;
        self.page.blank();
        self.page.labelled("before", &said::head(&drift.before));
        self.page.labelled("now", &said::head(&drift.after));
        let mut label = "nodes";
        for line in said::nodes(&drift.nodes, self.verbose) {
            self.page.labelled(label, &line);
            label = "";
        }
        if let Some(unseparated) = said::unseparated(drift) {
            self.page.warning(&unseparated);
        }
        for warning in &drift.warnings {
            self.page.warning(warning);
        }
    }

    /// What got worse, in full, and acceptances that no longer hold.
    fn worse(&mut self) {
        let drift = self.drift;
        for kind in Kind::ALL {
            let all = drift.changes.iter().filter(|change| change.kind == kind && change.is_new_failure());
            let changes: Vec<&Change> = all.collect();
            if !changes.is_empty() {
                let lead =
                    if kind == Kind::VisibilityGained { "Fails, and was hidden before" } else { said::heading(kind) };
                self.page.heading(lead);
            }
            for change in changes {
                self.in_full(change);
            }
        }
        let altered: Vec<&Change> = drift.changes.iter().filter(|change| change.is_worse_than_known()).collect();
        if !altered.is_empty() {
            self.page.heading(said::ALTERED);
        }
        for change in altered {
            self.in_short(change);
        }
        self.decisions(true);
    }

    /// Everything else that differs.
    fn rest(&mut self) {
        let drift = self.drift;
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Unchanged) {
            let told = |change: &Change| change.is_new_failure() || change.is_worse_than_known();
            let all = drift.changes.iter().filter(|change| change.kind == kind && !told(change));
            let changes: Vec<&Change> = all.collect();
            if changes.is_empty() {
                continue;
            }
            let short = IN_SHORT.contains(&kind) || kind == Kind::Demanded;
            if short && !self.verbose {
                let count = words::number(changes.len(), "finding", "findings");
                self.page.blank();
                self.page.prose(&format!("{}: {count} (-v tells each).", said::heading(kind)));
                continue;
            }
            self.page.heading(said::heading(kind));
            for change in changes {
                self.in_short(change);
            }
        }
    }

    /// Failures from before, and what passes as it did.
    fn debt(&mut self) {
        let drift = self.drift;
        let unchanged = || drift.changes.iter().filter(|change| change.kind == Kind::Unchanged);
        for (failed, heading) in [(true, "Failed before and fails still"), (false, "Unchanged")] {
            let changes: Vec<&Change> = unchanged().filter(|change| change.is_old_debt() == failed).collect();
            if changes.is_empty() {
                continue;
            }
            if self.verbose {
                self.page.heading(heading);
                for change in changes {
                    self.row(change);
                    self.places(change, false);
                }
            } else {
                self.page.blank();
                let count = words::number(changes.len(), "finding", "findings");
                self.page.prose(&format!("{heading}: {count} (-v tells each)."));
            }
        }
    }

    fn decisions(&mut self, worse: bool) {
        let drift = self.drift;
        let mut first = true;
        for change in drift.decisions.iter().filter(|change| change.is_worse() == worse) {
            if first {
                self.page.heading(if worse { "No longer accepted" } else { "Decided otherwise" });
                first = false;
            }
            let ids = said::ids(&change.cited_by, &change.control);
            let title = format!("{ids:<width$}  {}", change.title, width = self.id_width);
            self.page.row(change.verdict, self.title_column(), &title);
            self.page.labelled(change.event.word(), &said::decision(change));
            self.page.labelled("where", &said::subjects(&change.subjects, self.verbose));
        }
    }

    fn title_column(&self) -> usize {
        ROW + self.id_width + 2
    }

    /// Verdict, id and title. What has no later answer is gone.
    fn row(&mut self, change: &Change) {
        let title = format!("{:<width$}  {}", said::change_ids(change), change.title, width = self.id_width);
        match &change.after {
            Some(answer) => self.page.row(answer.verdict, self.title_column(), &title),
            None => self.page.gone(self.title_column(), &title),
        }
    }

    /// A failure that nobody knew: what it was, why it fails, where, what made it so, and what to do.
    fn in_full(&mut self, change: &Change) {
        self.row(change);
        self.page.labelled("priority", words::priority(change.priority));
        if let Some(dates) = said::regressed(change) {
            self.page.labelled("regressed", &dates);
        }
        self.was(change);
        if let Some(answer) = &change.after {
            let label = if self.sides.1 == "is" { "because" } else { self.sides.1 };
            self.page.labelled(label, &answer.reason);
            self.seen(answer);
        }
        self.what_else(change);
        self.places(change, true);
        self.decided(change);
        if let Some(answer) = &change.after {
            self.page.listing("do", &words::beginning(answer.remediation.trim_end()));
        }
    }

    fn in_short(&mut self, change: &Change) {
        self.row(change);
        let values = said::differing(change).filter(|_| change.kind == Kind::EvidenceChanged && !self.verbose);
        match (values, &change.after) {
            (Some((old, new)), _) => {
                self.labelled("was", &old);
                self.labelled("is", &new);
            }
            (None, after) => {
                self.was(change);
                let is = after.as_ref().map_or_else(|| absent(change).to_owned(), said::answer);
                self.page.labelled(self.sides.1, &is);
            }
        }
        self.what_else(change);
        self.places(change, true);
        self.decided(change);
    }

    fn labelled(&mut self, label: &str, text: &str) {
        if !text.is_empty() {
            self.page.labelled(label, text);
        }
    }

    fn was(&mut self, change: &Change) {
        let was = change.before.as_ref().map_or_else(|| "not told of this".to_owned(), said::answer);
        self.page.labelled(self.sides.0, &was);
    }

    fn seen(&mut self, answer: &Answer) {
        let mut label = "seen";
        for seen in &answer.observed {
            self.page.labelled(label, &crate::plain::fact(seen));
            label = "";
        }
    }

    /// Ids and bounds that the profile changed, the cause, and whose answer stands for the earlier one.
    fn what_else(&mut self, change: &Change) {
        for line in said::profile(change) {
            self.page.labelled("profile", &line);
        }
        let pool = change.compared_with.as_ref().map_or(String::new(), |pool| format!(" (compared with {pool})"));
        self.labelled("cause", &format!("{}{pool}", said::causes(change, self.drift)));
    }

    /// Where. A component on the only node needs no line.
    fn places(&mut self, change: &Change, always: bool) {
        let plain = change.subjects.len() == 1 && change.subjects[0].name == change.component;
        if (!plain && always) || self.several_nodes || self.verbose {
            self.labelled("where", &said::subjects(&change.subjects, self.verbose));
        }
    }

    /// What was decided, unless it is the default.
    fn decided(&mut self, change: &Change) {
        let Some(answer) = &change.after else { return };
        let decision = &answer.decision;
        if decision.state.is_settled() || decision.owner.is_some() {
            let owner = decision.owner.as_ref().map_or(String::new(), |owner| format!(", owner {owner}"));
            let term = decision.term().map_or(String::new(), |term| format!(", {term}"));
            self.page.labelled("decision", &format!("{}{term}{owner}", decision.state.word()));
        }
    }

    /// What to do next.
    fn last_line(&mut self) {
        let drift = self.drift;
        let mut worst: Vec<&Change> = drift.changes.iter().filter(|change| change.is_worse()).collect();
        worst.sort_by_key(|change| change.priority);
        let name = |change: &&Change| {
            format!("{} {} ({})", change.component, said::change_ids(change), words::priority(change.priority))
        };
        let worst: Vec<String> = worst.iter().take(3).map(name).collect();
        let line = match (worst.is_empty(), drift.decisions.iter().find(|change| change.is_worse())) {
            (false, _) => format!("Start with: {}.", worst.join(", ")),
            (true, Some(change)) => {
                let owner = change.after.owner.as_ref().or(change.before.owner.as_ref());
                let owner = owner.map_or("its owner".to_owned(), Clone::clone);
                format!("Ask {owner} about {}.", said::ids(&change.cited_by, &change.control))
            }
            _ if drift.is_blinder() => "Nothing new failed, but less could be seen: see why, above.".to_owned(),
            _ if said::debt(drift).is_empty() => "Nothing to do.".to_owned(),
            _ => "Nothing new to do: what fails failed before.".to_owned(),
        };
        self.page.blank();
        self.page.strong(&line);
    }
}

/// What is said where the later report has no answer.
fn absent(change: &Change) -> &'static str {
    match (change.kind, change.before.as_ref().map(|answer| answer.verdict)) {
        (Kind::Dropped, _) => "not demanded",
        (Kind::VisibilityLost, _) => "not seen: other things of this demand could not be seen either",
        (_, Some(Verdict::Fail)) => "no longer there",
        _ => "not there",
    }
}
