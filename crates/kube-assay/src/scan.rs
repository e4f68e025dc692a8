//! `scan`: evidence, judged and told.

use std::collections::BTreeSet;

use assess::Verdict;
use jiff::Timestamp;
use report::Beside;

use crate::cli::{Scan, VerdictArg};
use crate::earlier::{Finder, runs_before};
use crate::exit::Exit;
use crate::{gate, judging, output, preflight, source};

pub(crate) fn run(arguments: &Scan) -> anyhow::Result<Exit> {
    let content = arguments.judging.content()?;
    if arguments.dry_run {
        return preflight::run(arguments, &content);
    }
    // What is wrong with the history is told before anything is looked at.
    let mut history = arguments.gate.open()?;
    let run = source::run(&arguments.source, None, &content)?;
    let mut report = judging::judge(&run, &content, &arguments.judging)?;
    report.run.selection = [report.run.selection.take(), arguments.source.narrowed()]
        .into_iter()
        .flatten()
        .reduce(|all, one| all + "; " + &one);
    let cluster = gate::cluster(&report, &arguments.judging);
    let finder = Finder {
        content: &content,
        judging: &arguments.judging,
        history: history.as_ref(),
        cluster: Some(cluster.as_str()),
    };
    let (drift, note) = arguments.gate.drift(&report, &finder)?;
    let past = history.as_ref().map(|store| runs_before(store, &cluster, u64::MAX)).transpose()?.unwrap_or_default();
    let now = Timestamp::now();
    let gate = arguments.gate.stand(&report, drift.as_ref(), now);
    let recorded = history.as_mut().map_or(Ok(()), |store| {
        let good = arguments.gate.is_good(&gate, &report);
        gate::record(store, &mut report, &run, &arguments.judging, (&cluster, good, now))
    });
    let only: BTreeSet<Verdict> = arguments.only.iter().map(|only| (*only).into()).collect();
    let beside = Beside { past: &past, drift: drift.as_ref() };
    output::tell(&report, &beside, &arguments.output, &only, arguments.verbose)?;
    if arguments.gate.is_asked() {
        gate::tell(&gate, note.as_deref());
    }
    // What was found is told, also where it could not be remembered.
    recorded?;
    Ok(gate.stand.into())
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
