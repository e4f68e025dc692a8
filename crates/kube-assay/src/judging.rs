//! Judging as a person chose: by which profiles, read as which platform and version, and by whose register.

use std::collections::BTreeSet;
use std::path::PathBuf;

use assess::{Case, Choice, Selection};
use benchmark::{Content, Profile};
use clap::Args;
use evidence::{Capture, Captures};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use report::{Answerable, CaptureInfo, Material, Report};

use crate::cli::ContentArgs;
use crate::exit::mistake;
use crate::{content, register};

/// How evidence is judged.
#[derive(Args, Debug, Default)]
pub(crate) struct Judging {
    #[command(flatten)]
    pub content: ContentArgs,
    /// Profile to judge by; may be repeated. Default: the one written for the Kubernetes version
    #[arg(long, value_name = "NAME")]
    pub profile: Vec<String>,
    /// A tailoring: a profile with bounds of your own
    #[arg(long, value_name = "FILE")]
    pub tailoring: Vec<PathBuf>,
    /// Read the evidence as this platform's
    #[arg(long, value_name = "NAME")]
    pub platform: Option<String>,
    /// The Kubernetes version, where the evidence does not show it
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
    /// Judge only these controls, by id or name (with --section: those that satisfy both)
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub control: Vec<String>,
    /// Judge only these sections, by id
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub section: Vec<String>,
    #[command(flatten)]
    pub answerable: AnswerableArgs,
}

/// Who answers for what is found.
#[derive(Args, Debug, Default)]
pub(crate) struct AnswerableArgs {
    /// The register of owners, exceptions, grants and answers that decides
    #[arg(long, value_name = "FILE")]
    pub register: Option<PathBuf>,
    /// The day on which exceptions are judged, as YEAR-MONTH-DAY. Default: today (UTC)
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub as_of: Option<Date>,
    /// What its keepers call this cluster. Default: the uid of its namespace kube-system, where the evidence shows it
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,
}

/// `2026-03-01`.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{text}` is no day: YEAR-MONTH-DAY is wanted, as in 2026-03-01"))
}

impl AnswerableArgs {
    /// The day on which decisions are judged.
    pub(crate) fn as_of(&self) -> Date {
        self.as_of.unwrap_or_else(|| jiff::Timestamp::now().to_zoned(TimeZone::UTC).date())
    }
}

impl Judging {
    /// The content: what is built in, and what the arguments add.
    pub(crate) fn content(&self) -> anyhow::Result<Content> {
        content::load_valid(&self.added())
    }

    /// The files that the content is read from: names and texts.
    pub(crate) fn files(&self) -> anyhow::Result<Vec<(String, String)>> {
        content::files(&self.added())
    }

    fn added(&self) -> Vec<PathBuf> {
        [self.content.controls.clone(), self.tailoring.clone()].concat()
    }
}

/// Profiles, each with the reason for it.
type Profiles<'c> = Vec<(&'c Profile, Choice)>;

/// How a run is read, and the profiles that it is judged by: what a person chose, else what the evidence tells.
pub(crate) fn chosen<'c, C: Captures<Error: Into<anyhow::Error>>>(
    run: &'c C,
    content: &'c Content,
    arguments: &Judging,
) -> anyhow::Result<(Case<'c, C>, Profiles<'c>)> {
    let kubernetes = arguments.kubernetes_version.as_ref().map(|given| {
        given.parse().map(|version| (version, Choice::given(given, "--kubernetes-version"))).map_err(mistake)
    });
    let platform = arguments.platform.as_ref().map(|name| {
        let known = content.platforms.iter().map(|platform| platform.name.as_str());
        let platform = content.platform(name).ok_or_else(|| unknown("platform", name, known))?;
        anyhow::Ok((platform, Choice::given(name, "--platform")))
    });
    let case = Case::new(run, content, platform.transpose()?, kubernetes.transpose()?)
        .map_err(Into::into)?
        .ok_or_else(|| mistake("the content has no platform"))?;
    let profiles = profiles(&case, content, arguments)?;
    Ok((case, profiles))
}

/// Judges a run as the arguments say, and decides by the register that they name.
pub(crate) fn judge<C: Captures<Error: Into<anyhow::Error>>>(
    run: &C,
    content: &Content,
    arguments: &Judging,
) -> anyhow::Result<Report> {
    let kept = arguments.answerable.register.as_deref().map(|path| register::load_valid(path, content)).transpose()?;
    let as_of = arguments.answerable.as_of();
    let cluster = arguments.answerable.cluster_name.as_deref();
    let answerable = kept.as_ref().map(|(register, digest)| Answerable { register, digest, as_of, cluster });
    let (case, profiles) = chosen(run, content, arguments)?;
    let only = Selection {
        controls: arguments.control.iter().cloned().collect(),
        sections: arguments.section.iter().cloned().collect(),
    };
    let wanted: Vec<&Profile> = profiles.iter().map(|(profile, _)| *profile).collect();
    let mut captures = Vec::new();
    let told = |capture: &Capture, presence| captures.push(CaptureInfo::of(capture, presence));
    let judged = case.judge(&wanted, &only, told).map_err(Into::into)?;
    if judged.is_empty() {
        return Err(mistake("the selection holds no control of the profile"));
    }
    Ok(report::build(Material {
        captures,
        content,
        judged: &judged,
        profiles,
        platform: case.platform().clone(),
        kubernetes: case.kubernetes().map(|(_, choice)| choice.clone()),
        selection: selection(arguments),
        register: answerable,
        version: env!("CARGO_PKG_VERSION"),
    }))
}

fn profiles<'c, C: Captures>(
    case: &Case<'c, C>,
    content: &'c Content,
    arguments: &Judging,
) -> anyhow::Result<Profiles<'c>> {
    let version = case.kubernetes().map(|(version, _)| *version);
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
        chosen.extend(case.profile());
    }
    for (profile, choice) in &mut chosen {
        choice.warning = choice.warning.take().or_else(|| assess::misfit(profile, version, content));
    }
    let mut names = BTreeSet::new();
    chosen.retain(|(profile, _)| names.insert(profile.name.clone()));
    Ok(chosen)
}

fn selection(arguments: &Judging) -> Option<String> {
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
