//! `scan`: evidence, judged and told.

use std::collections::BTreeSet;

use assess::{Case, Choice, Selection, Verdict};
use benchmark::{Content, Profile};
use evidence::Run;
use report::{Material, Report, State};

use crate::cli::{FailOn, Scan, VerdictArg};
use crate::exit::{Exit, mistake};
use crate::{content, output, preflight, source};

pub(crate) fn run(arguments: &Scan) -> anyhow::Result<Exit> {
    let extra = [arguments.content.controls.clone(), arguments.tailoring.clone()].concat();
    let content = content::load_valid(&extra)?;
    if arguments.dry_run {
        return preflight::run(arguments, &content);
    }
    let report = report(arguments, &content)?;
    let only: BTreeSet<Verdict> = arguments.only.iter().map(|only| (*only).into()).collect();
    output::tell(&report, &arguments.output, &only, arguments.verbose)?;
    Ok(exit(&report, arguments.fail_on))
}

/// Looks, and judges what was seen.
pub(crate) fn report(arguments: &Scan, content: &Content) -> anyhow::Result<Report> {
    let run = source::run(&arguments.source, None, content)?;
    let run = Run { captures: run.captures.into_iter().map(assess::rendered).collect() };
    judge(&run, content, arguments)
}

/// Profiles, each with the reason for it.
type Profiles<'c> = Vec<(&'c Profile, Choice)>;

/// How a run is read, and the profiles that it is judged by: what a person chose, else what the evidence tells.
pub(crate) fn chosen<'c>(
    run: &'c Run,
    content: &'c Content,
    arguments: &Scan,
) -> anyhow::Result<(Case<'c>, Profiles<'c>)> {
    let kubernetes = arguments.kubernetes_version.as_ref().map(|given| {
        given.parse().map(|version| (version, Choice::given(given, "--kubernetes-version"))).map_err(mistake)
    });
    let platform = arguments.platform.as_ref().map(|name| {
        let known = content.platforms.iter().map(|platform| platform.name.as_str());
        let platform = content.platform(name).ok_or_else(|| unknown("platform", name, known))?;
        anyhow::Ok((platform, Choice::given(name, "--platform")))
    });
    let case = Case::new(run, content, platform.transpose()?, kubernetes.transpose()?)
        .ok_or_else(|| mistake("the content has no platform"))?;
    let profiles = profiles(run, content, case.kubernetes().map(|(version, _)| *version), arguments)?;
    Ok((case, profiles))
}

/// Judges a run as the arguments say.
fn judge(run: &Run, content: &Content, arguments: &Scan) -> anyhow::Result<Report> {
    let (case, profiles) = chosen(run, content, arguments)?;
    let only = Selection {
        controls: arguments.control.iter().cloned().collect(),
        sections: arguments.section.iter().cloned().collect(),
    };
    let judged = case.judge(&profiles.iter().map(|(profile, _)| *profile).collect::<Vec<_>>(), &only);
    if judged.is_empty() {
        return Err(mistake("the selection holds no control of the profile"));
    }
    Ok(report::build(&Material {
        run,
        content,
        judged: &judged,
        presence: &case.presence(),
        profiles,
        platform: case.platform().clone(),
        kubernetes: case.kubernetes().map(|(_, choice)| choice.clone()),
        selection: selection(arguments),
        version: env!("CARGO_PKG_VERSION"),
    }))
}

fn profiles<'c>(
    run: &Run,
    content: &'c Content,
    version: Option<benchmark::Version>,
    arguments: &Scan,
) -> anyhow::Result<Profiles<'c>> {
    let mut chosen = Vec::new();
    for name in &arguments.profile {
        let known = content.profiles.iter().map(|profile| profile.name.as_str());
        let profile = content.profile(name).ok_or_else(|| unknown("profile", name, known))?;
        chosen.push((profile, Choice::given(name, "--profile")));
    }
    if !arguments.tailoring.is_empty() {
        let tailored = content.profiles.iter().filter(|profile| profile.tailored.is_some());
        chosen.extend(tailored.map(|profile| (profile, Choice::given(&profile.name, "--tailoring"))));
    }
    if chosen.is_empty() {
        chosen.extend(assess::profile(run, version, content));
    }
    for (profile, choice) in &mut chosen {
        choice.warning = choice.warning.take().or_else(|| assess::misfit(profile, version, content));
    }
    let mut names = BTreeSet::new();
    chosen.retain(|(profile, _)| names.insert(profile.name.clone()));
    Ok(chosen)
}

fn selection(arguments: &Scan) -> Option<String> {
    let mut said = Vec::new();
    if !arguments.control.is_empty() {
        said.push(format!("controls {}", arguments.control.join(", ")));
    }
    if !arguments.section.is_empty() {
        said.push(format!("sections {}", arguments.section.join(", ")));
    }
    (!said.is_empty()).then(|| format!("only {}", said.join("; ")))
}

/// A name that does not exist, with what was probably meant.
pub(crate) fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> anyhow::Error {
    let known: Vec<&str> = known.collect();
    let hint = match diag::suggest(name, known.iter().copied()) {
        Some(near) => format!(": did you mean {near}?"),
        None if known.len() <= 12 => format!(": there are {}", known.join(", ")),
        None => String::new(),
    };
    mistake(format!("there is no {what} {name}{hint}"))
}

fn exit(report: &Report, fail_on: FailOn) -> Exit {
    let any = |test: &dyn Fn(&report::Finding) -> bool| report.findings.iter().any(test);
    let failed = any(&|finding| finding.verdict == Verdict::Fail && finding.decision.state == State::Required);
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
