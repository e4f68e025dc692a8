//! The numbers over the last runs of a history: a row of bars for each verdict, and all of it as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use assess::Verdict;

use super::{Page, VERDICTS, class, safe};
use crate::beside::PastRun;
use crate::words::{self, number};

/// At most so many runs are shown, this one among them; the others are counted.
const RUNS: usize = 30;
/// The room of one run, and the height of its highest bar.
const WIDTH: usize = 16;
const HEIGHT: usize = 28;

impl Page<'_> {
    /// Numbers by verdict over the runs of the history.
    pub(super) fn trend(&mut self) {
        let past = self.beside.past;
        if past.is_empty() {
            return;
        }
        let recorded = self.report.run.recorded.as_ref();
        let now = PastRun {
            run: recorded.map_or_else(|| "this run".to_owned(), |recorded| recorded.run.clone()),
            time: String::new(),
            counts: self.report.counts.clone(),
        };
        let earlier = past.len().saturating_sub(RUNS - 1);
        let runs: Vec<&PastRun> = past[earlier..].iter().chain([&now]).collect();
        let more = if earlier == 0 { String::new() } else { format!(" {earlier} before these are not shown.") };
        let _ = write!(
            self.text,
            "<h3>Over the last runs</h3>\n<p>{} from {} to this one, on the right. Each is as it was told then: other \
             profiles make other numbers.{more} Each row has a scale of its own.</p>\n<div class=\"scroll\" \
             tabindex=\"0\" role=\"group\" aria-label=\"Over the last runs\">\n<table class=\"trend\">\n<thead><tr>\
             <th scope=\"col\">Verdict</th><th scope=\"col\">Demands by run</th><th scope=\"col\">First and now</th></tr>\
             </thead>\n<tbody>\n",
            number(runs.len(), "run", "runs"),
            safe(&words::time(&runs[0].time)),
        );
        for verdict in VERDICTS {
            let numbers: Vec<usize> = runs.iter().map(|run| of(&run.counts, verdict)).collect();
            if numbers.iter().all(|count| *count == 0) {
                continue;
            }
            let (first, now) = (numbers[0], numbers[numbers.len() - 1]);
            let _ = writeln!(
                self.text,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
                words::verdict(verdict),
                bars(&numbers, class(verdict)),
                if first == now { format!("{now}") } else { format!("{first}, now {now}") }
            );
        }
        self.text.push_str("</tbody>\n</table>\n</div>\n<details><summary>All numbers</summary>\n");
        self.numbers(&runs);
        self.text.push_str("</details>\n");
    }

    /// The same as a table.
    fn numbers(&mut self, runs: &[&PastRun]) {
        self.text.push_str(
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"All numbers\">\n<table>\n<thead><tr>\
             <th scope=\"col\">Run</th><th scope=\"col\">Recorded</th>",
        );
        for verdict in VERDICTS {
            let _ = write!(self.text, "<th scope=\"col\">{}</th>", words::verdict(verdict));
        }
        self.text.push_str("</tr></thead>\n<tbody>\n");
        for run in runs {
            let time = if run.time.is_empty() { "this run".to_owned() } else { words::time(&run.time) };
            let _ = write!(self.text, "<tr><th scope=\"row\">{}</th><td>{}</td>", safe(&run.run), safe(&time));
            for verdict in VERDICTS {
                let _ = write!(self.text, "<td>{}</td>", of(&run.counts, verdict));
            }
            self.text.push_str("</tr>\n");
        }
        self.text.push_str("</tbody>\n</table>\n</div>\n");
    }
}

fn of(counts: &BTreeMap<Verdict, usize>, verdict: Verdict) -> usize {
    counts.get(&verdict).copied().unwrap_or(0)
}

/// One bar for each number, on a line that stands for none.
fn bars(numbers: &[usize], class: &str) -> String {
    let most = numbers.iter().copied().max().unwrap_or(0).max(1);
    let width = numbers.len() * WIDTH;
    let mut svg = format!("<svg aria-hidden=\"true\" width=\"{width}\" height=\"{}\">", HEIGHT + 1);
    for (at, number) in numbers.iter().enumerate().filter(|(_, number)| **number > 0) {
        // What is there is seen, however little of the most it is.
        let height = (number * HEIGHT / most).max(1);
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\"/>",
            at * WIDTH + 1,
            HEIGHT - height,
            WIDTH - 2
        );
    }
    let _ = write!(svg, "<rect class=\"line\" x=\"0\" y=\"{HEIGHT}\" width=\"{width}\" height=\"1\"/></svg>");
    svg
}
