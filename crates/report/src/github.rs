//! Workflow commands of GitHub Actions: an annotation for what is open, the gravest first since only some are shown, and
//! lines of a folded group for the rest.

use std::collections::BTreeSet;

use assess::Verdict;
use register::State;

use crate::beside::{Beside, Since};
use crate::demand::Demands;
use crate::model::{CaptureInfo, Finding, Report};
use crate::plain;
use crate::words::{self, inert};

/// A finding names at most so many subjects; the rest is counted.
const SUBJECTS: usize = 10;

/// Renders the report as annotations. What fails anew since the baseline, or in another state,
/// stands before what failed before.
pub fn github(report: &Report, beside: &Beside<'_>) -> String {
    let log =
        Log { report, ambiguous: words::ambiguous(report), demands: beside.demands(report), since: Since::new(beside) };
    let (mut open, rest): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.decision.state != State::None);
    open.sort_by_cached_key(|finding| {
        let settled = finding.decision.state.is_settled();
        (settled, !log.since.is_worse(finding), finding.verdict, finding.priority)
    });
    let mut lines: Vec<String> =
        plain::warnings(report).iter().map(|warning| command("warning", &[("title", "kube-assay")], warning)).collect();
    lines.extend(open.iter().map(|finding| log.annotation(finding)));
    let counts: Vec<String> =
        report.counts.iter().map(|(verdict, count)| format!("{count} {}", words::verdict(*verdict))).collect();
    let mut summary = vec![format!("{}. {}.", counts.join(", "), plain::coverage(report))];
    summary.extend(log.since.summary().into_iter().map(|(label, said)| format!("{label}: {said}")));
    lines.push(command("notice", &[("title", "kube-assay")], &lines_of(&summary)));
    lines.push(command("group", &[], &words::number(rest.len(), "further finding", "further findings")));
    lines.extend(rest.iter().map(|finding| {
        let decided = plain::decided(&finding.decision).into_iter().map(|(label, said)| format!("; {label}: {said}"));
        let since = log.since.told(finding).into_iter().map(|line| format!("; {line}"));
        plain_line(&format!("{}{}", log.told(finding), decided.chain(since).collect::<String>()))
    }));
    lines.push("::endgroup::".to_owned());
    lines.join("\n") + "\n"
}

/// Lines of a message, each of which steers nothing.
fn lines_of(message: &[String]) -> String {
    message.iter().map(|line| inert(line).into_owned()).collect::<Vec<_>>().join("\n")
}

/// A report on its way into a log.
struct Log<'r> {
    report: &'r Report,
    ambiguous: BTreeSet<String>,
    demands: Demands<'r>,
    since: Since<'r>,
}

impl Log<'_> {
    /// What is open: a failure is an error, all else a warning. What somebody settled is a notice.
    fn annotation(&self, finding: &Finding) -> String {
        let kind = match finding.verdict {
            _ if finding.decision.state.is_settled() => "notice",
            Verdict::Fail => "error",
            _ => "warning",
        };
        let title = self.title(finding);
        let mut properties = Vec::new();
        if let Some(capture) = rendered(finding, self.report) {
            properties.push(("file", capture.root.as_str()));
        }
        properties.push(("title", title.as_str()));
        let mut message = vec![self.told(finding)];
        message.extend(self.since.told(finding));
        message.extend(plain::said(finding).into_iter().map(|(label, said)| format!("{label}: {said}")));
        message.extend(finding.remediation.trim_end().lines().map(str::to_owned));
        command(kind, &properties, &lines_of(&message))
    }

    fn title(&self, finding: &Finding) -> String {
        let ids = words::ids(finding, &self.ambiguous);
        let changed = self.since.words(finding).join(", ");
        let changed = if changed.is_empty() { changed } else { format!(" ({changed})") };
        format!("{} {ids}{changed} {}", self.demands.word(finding), finding.title)
    }

    /// A finding in one line.
    fn told(&self, finding: &Finding) -> String {
        let subjects = plain::subjects(finding, self.report.run.captures.len() > 1, SUBJECTS);
        let part = self.demands.part(finding).map_or(String::new(), |part| format!(" ({part})"));
        format!(
            "{} [{}, {}]: {} - {}{part}",
            self.title(finding),
            finding.control,
            words::priority(finding.priority),
            plain::because(finding),
            subjects.join(", ")
        )
    }
}

/// The file that a finding of configuration before rollout lies in.
fn rendered<'r>(finding: &Finding, report: &'r Report) -> Option<&'r CaptureInfo> {
    let node = finding.subjects.first()?.captures.first()?;
    report.run.captures.iter().find(|capture| capture.source == "rendered" && capture.name == *node)
}

/// A line of the log: it begins with our word, so that it is no command of today's form, and holds none of the old one.
fn plain_line(text: &str) -> String {
    inert(text).replace("##[", "## [")
}

/// `::error title=…::message`. Lines of the message are kept; a property has none.
fn command(name: &str, properties: &[(&str, &str)], message: &str) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace("##[", "## [");
    let property = |(key, value): &(&str, &str)| {
        format!("{key}={}", escaped(&inert(value)).replace(':', "%3A").replace(',', "%2C"))
    };
    let properties = properties.iter().map(property).collect::<Vec<_>>().join(",");
    let space = if properties.is_empty() { "" } else { " " };
    let message: Vec<String> = message.lines().map(|line| escaped(&inert(line))).collect();
    format!("::{name}{space}{properties}::{}", message.join("%0A"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_where_we_end_it() {
        assert_eq!(
            command("error", &[("title", "1.1: a, b\n::c")], "100%\nnext ##[x]\r"),
            "::error title=1.1%3A a%2C b\\n%3A%3Cc::100%25%0Anext ## [x]\\r".replace("%3Cc", "%3Ac")
        );
        assert_eq!(plain_line("FAIL ##[add-mask]x\n::error::y"), "FAIL ## [add-mask]x\\n::error::y");
    }
}
