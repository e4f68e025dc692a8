//! `scan`: evidence, judged and told.

use std::collections::BTreeSet;

use assess::Verdict;
use report::{Report, State};

use crate::cli::{FailOn, Scan, VerdictArg};
use crate::exit::Exit;
use crate::{judging, output, preflight, source};

pub(crate) fn run(arguments: &Scan) -> anyhow::Result<Exit> {
    let content = arguments.judging.content()?;
    if arguments.dry_run {
        return preflight::run(arguments, &content);
    }
    let run = source::run(&arguments.source, None, &content)?;
    let report = judging::judge(&run, &content, &arguments.judging)?;
    let only: BTreeSet<Verdict> = arguments.only.iter().map(|only| (*only).into()).collect();
    output::tell(&report, &arguments.output, &only, arguments.verbose)?;
    Ok(exit(&report, arguments.fail_on))
}

fn exit(report: &Report, fail_on: FailOn) -> Exit {
    let any = |test: &dyn Fn(&report::Finding) -> bool| report.findings.iter().any(test);
    // What somebody accepted until a day that is past is as open as before, whatever it is.
    let overdue = any(&|finding| finding.decision.state == State::Overdue);
    let failed =
        overdue || any(&|finding| finding.verdict == Verdict::Fail && finding.decision.state == State::Required);
    let unseen = any(&|finding| finding.verdict == Verdict::Unknown && finding.decision.state == State::Required);
    let unanswered = any(&|finding| finding.decision.state == State::Unanswered);
    let open = match fail_on {
        FailOn::Required => failed,
        FailOn::Any => failed || unseen || unanswered,
        FailOn::None => false,
    };
    match (open, unseen) {
        (true, _) => Exit::Open,
        (false, true) => Exit::Unseen,
        (false, false) => Exit::Clean,
    }
}

impl From<VerdictArg> for Verdict {
    fn from(argument: VerdictArg) -> Self {
        match argument {
            VerdictArg::Fail => Self::Fail,
            VerdictArg::Unknown => Self::Unknown,
            VerdictArg::Manual => Self::Manual,
            VerdictArg::Pass => Self::Pass,
            VerdictArg::NotApplicable => Self::NotApplicable,
        }
    }
}
