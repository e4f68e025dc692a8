//! What was looked at and how, what could not be seen, and what nobody looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use assess::Verdict;

use super::{Item, Page, safe};
use crate::model::CaptureInfo;
use crate::words::{self, number};

/// More captures than this are folded.
const FEW: usize = 4;
/// More reasons than this are folded.
const REASONS: usize = 40;

impl Page<'_> {
    pub(super) fn scope(&mut self) {
        self.open("scope", "Scope");
        let report = self.report;
        let choice = |choice: &assess::Choice| safe(&format!("{} ({})", choice.name, choice.reason));
        self.text.push_str("<dl>\n");
        self.pair("platform", &choice(&report.platform));
        self.pair("Kubernetes", &report.kubernetes.as_ref().map_or("version not seen".to_owned(), choice));
        for profile in &report.profiles {
            let digest = &profile.digest;
            let mut said = safe(&format!("{}: {} ({})", profile.name, profile.title, profile.reason));
            let _ = write!(said, "<br/><span class=\"muted\">digest <code>{}</code></span>", safe(digest));
            for change in &profile.tailoring {
                let _ = write!(said, "<br/>tailored: {}", safe(change));
            }
            for note in &profile.notes {
                let _ = write!(said, "<br/><span class=\"muted\">{}</span>", safe(note));
            }
            self.pair("profile", &said);
        }
        if let Some(selection) = &report.run.selection {
            self.pair("selection", &safe(selection));
        }
        if let Some(said) = self.recorded() {
            let prove = "kube-assay history verify --head HASH";
            self.pair(
                "recorded",
                &format!("{said}<br/><span class=\"muted\">To prove it unchanged: <code>{prove}</code></span>"),
            );
        }
        self.shared("remarks", |capture| &capture.remarks);
        self.shared("secrets cut", |capture| &capture.cuts);
        self.text.push_str("</dl>\n");
        let few = report.run.captures.len() <= FEW;
        if !few {
            let count = number(report.run.captures.len(), "source", "sources");
            let _ = writeln!(self.text, "<details><summary>{count}</summary>");
        }
        self.captures();
        self.text.push_str(if few { "" } else { "</details>\n" });
        self.close();
    }

    pub(super) fn pair(&mut self, label: &str, said: &str) {
        let _ = writeln!(self.text, "<div><dt>{label}</dt><dd>{said}</dd></div>");
    }

    /// What captures say alike is told once, with those that say it.
    fn shared(&mut self, label: &str, of: fn(&CaptureInfo) -> &Vec<String>) {
        let mut alike: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for capture in &self.report.run.captures {
            for said in of(capture) {
                alike.entry(said).or_default().push(&capture.name);
            }
        }
        let several = self.several;
        let items: Vec<String> = alike
            .into_iter()
            .map(|(said, on)| {
                let on = if several { format!(" ({})", words::some(&on, false)) } else { String::new() };
                format!("<li>{}</li>", safe(&format!("{said}{on}")))
            })
            .collect();
        if items.len() > 6 {
            let (count, list) = (items.len(), items.concat());
            self.pair(label, &format!("<details><summary>{count}</summary><ul>{list}</ul></details>"));
        } else if !items.is_empty() {
            self.pair(label, &format!("<ul>{}</ul>", items.concat()));
        }
    }

    fn captures(&mut self) {
        self.text.push_str(
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Sources\">\n<table>\n<thead><tr>\
             <th scope=\"col\">Source</th><th scope=\"col\">Kind</th><th scope=\"col\">Taken</th><th scope=\"col\">Sees</th>\
             <th scope=\"col\">Runs</th></tr></thead>\n<tbody>\n",
        );
        for capture in &self.report.run.captures {
            let identity = ["os", "kernel"].iter().filter_map(|key| capture.identity.get(*key));
            let identity: Vec<&str> = identity.map(String::as_str).collect();
            let components = capture.components.iter().map(|(name, state)| format!("{name} {state}"));
            let taken = capture.taken.as_ref().map_or("not told".to_owned(), |time| words::time(time));
            let rights =
                if capture.rights.is_empty() { String::new() } else { format!(" (as {})", capture.rights.join(", ")) };
            let _ = writeln!(
                self.text,
                "<tr><th scope=\"row\">{}<br/><span class=\"muted\">{}</span></th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                safe(&capture.name),
                safe(&identity.join(", ")),
                safe(&format!("{} {}", capture.source, capture.root)),
                safe(&taken),
                safe(&format!("{}{rights}", capture.sees.join(", "))),
                safe(&components.collect::<Vec<_>>().join(", ")),
            );
        }
        self.text.push_str("</tbody>\n</table>\n</div>\n");
    }

    /// Unknowns by what would help, then by reason.
    pub(super) fn unseen(&mut self) {
        self.open("unseen", "Not seen");
        let items = std::mem::take(&mut self.items);
        let unknown = |outside: bool| {
            let test =
                move |item: &&Item<'_>| item.finding.verdict == Verdict::Unknown && item.finding.outside == outside;
            items.iter().filter(test).collect::<Vec<_>>()
        };
        let (within, outside) = (unknown(false), unknown(true));
        if within.is_empty() {
            self.text.push_str("<p>Everything within reach was seen.</p>\n");
        } else {
            self.text.push_str("<h3>Within reach</h3>\n");
            self.reasons(&within);
        }
        if !outside.is_empty() {
            self.text.push_str("<h3>Outside what this source can see</h3>\n");
            self.reasons(&outside);
        }
        self.items = items;
        self.close();
    }

    fn reasons(&mut self, items: &[&Item<'_>]) {
        let mut alike: BTreeMap<(&str, &str), Vec<&Item<'_>>> = BTreeMap::new();
        for item in items {
            let help = item.finding.help.as_deref().unwrap_or_default();
            alike.entry((help, &item.finding.reason)).or_default().push(item);
        }
        let lines: Vec<String> = alike
            .into_iter()
            .map(|((help, reason), items)| {
                let help = if help.is_empty() { String::new() } else { format!("<br/>To see it: {}", safe(help)) };
                let link = |item: &&Item<'_>| {
                    format!("<a href=\"#{}\">{}</a>", item.anchor, safe(&words::ids(item.finding, &self.ambiguous)))
                };
                let links = items.iter().map(link).collect::<Vec<_>>().join(", ");
                format!("<li>{}{help}<br/>Would decide {links}</li>\n", safe(reason))
            })
            .collect();
        let (shown, more) = lines.split_at(lines.len().min(REASONS));
        let _ = writeln!(self.text, "<ul>\n{}</ul>", shown.concat());
        if !more.is_empty() {
            let (count, more) = (more.len(), more.concat());
            let _ =
                writeln!(self.text, "<details><summary>{count} more reasons</summary>\n<ul>\n{more}</ul>\n</details>");
        }
    }

    /// So that nobody takes a pass for more than it is.
    pub(super) fn not_covered(&mut self) {
        self.open("not-covered", "Not covered");
        self.text.push_str("<p>What no profile that was judged looks at:</p>\n<ul>\n");
        let mut said = BTreeSet::new();
        for profile in &self.report.profiles {
            for item in profile.not_covered.iter().filter(|item| said.insert(*item)) {
                let name = if self.report.profiles.len() > 1 { format!(" ({})", profile.name) } else { String::new() };
                let _ = writeln!(self.text, "<li>{}</li>", safe(&format!("{item}{name}")));
            }
        }
        self.text.push_str("</ul>\n");
        self.close();
    }
}
