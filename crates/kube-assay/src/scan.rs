//! `scan`: evidence, judged and told.

use std::collections::BTreeSet;

use assess::Verdict;
use jiff::Timestamp;
use report::Beside;

use crate::cli::{Format, Scan, VerdictArg};
use crate::earlier::{Finder, runs_before};
use crate::exit::Exit;
use crate::gate::FailOn;
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
    let narrowed = arguments.source.narrowed();
    if let (Some(_), Some(register)) = (&narrowed, &mut report.register) {
        // An entry may be meant for a node that was left out.
        register.unused.clear();
    }
    report.run.selection =
        [report.run.selection.take(), narrowed].into_iter().flatten().reduce(|all, one| all + "; " + &one);
    let cluster = gate::cluster(&report, &arguments.judging);
    let finder = Finder {
        content: &content,
        judging: &arguments.judging,
        history: history.as_ref(),
        cluster: Some(cluster.as_str()),
    };
    let earlier = history.as_ref().map_or(Ok(Vec::new()), |store| runs_before(store, &cluster, u64::MAX));
    let compared = earlier.and_then(|past| Ok((past, arguments.gate.drift(&report, &finder)?)));
    // What was found is told, also where nothing before it can be read: then it is not remembered either.
    let (before, mut failed) = match compared {
        Ok(before) => (before, None),
        Err(error) => ((Vec::new(), (None, None, false)), Some(error)),
    };
    let (past, (drift, note, sound)) = before;
    let now = Timestamp::now();
    let mut known = false;
    let mut json = arguments.output.iter().filter(|output| output.format == Format::Json);
    let kept = json.find_map(|output| Some(output.file.as_ref()?.to_string_lossy().into_owned()));
    let gate = arguments.gate.stand(&report, kept.as_deref(), drift.as_ref(), &run, now)?;
    if let (Some(store), None) = (&mut history, &failed) {
        let good = arguments.gate.is_good(&gate, &report, sound, now);
        let words = arguments.gate.words(&gate, &report, sound, now);
        let told = (cluster.as_str(), good, words.as_str(), now);
        failed = gate::record(store, &mut report, &run, &arguments.judging, arguments.gate.file(), told).err();
        known = good && failed.is_none() && arguments.gate.fail_on == FailOn::None;
    }
    let notes: Vec<String> = note.into_iter().chain(arguments.gate.overwrites(&arguments.output)).collect();
    let only: BTreeSet<Verdict> = arguments.only.iter().map(|only| (*only).into()).collect();
    let beside = Beside { past: &past, drift: drift.as_ref(), whole: None };
    output::tell(&report, &beside, &arguments.output, &only, arguments.verbose)?;
    if let Some(error) = failed {
        return Err(error);
    }
    if arguments.gate.is_told(&gate) {
        gate::tell(&gate, &notes);
    }
    if known {
        gate::tell_known(&report);
    }
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
