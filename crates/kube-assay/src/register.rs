//! `register`: checking a register, drafting entries, telling what is due, and a first one for a platform.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use assess::Verdict;
use benchmark::Content;
use clap::{Args, Subcommand};
use diag::{Diagnostic, Sources};
use register::{Draft, Register, Review, Under};
use report::{Finding, RegisterInfo, Report};

use crate::cli::ContentArgs;
use crate::exit::{Exit, Mistake, mistake};
use crate::judging::{AnswerableArgs, unknown};
use crate::{content, earlier, import, output};

#[derive(Args, Debug)]
pub(crate) struct RegisterArgs {
    #[command(subcommand)]
    pub command: RegisterCommand,
    #[command(flatten)]
    pub content: ContentArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RegisterCommand {
    /// Check a register: mistakes in it, and what an auditor would refuse
    Lint {
        /// The register
        file: PathBuf,
        /// A report that was made with this register (-o json): entries by which nothing was decided are mistakes too
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        #[command(flatten)]
        day: Day,
    },
    /// Draft entries for what a report found: evidence is filled in, what a person must say is left open
    Add {
        /// Controls, by name, ID or ID@PROFILE
        #[arg(required = true)]
        control: Vec<String>,
        /// The report (-o json)
        #[arg(long, value_name = "FILE")]
        report: PathBuf,
        /// Put the entries into this register, each at the end of its list, and leave the rest as it is. Default: print them
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
        #[command(flatten)]
        day: Day,
    },
    /// Tell which entries expire, or are to be looked at again
    Due {
        /// The register
        file: PathBuf,
        /// Within so many days, as in 30d
        #[arg(long, value_name = "DAYS", default_value = "30d", value_parser = days)]
        within: i64,
        #[command(flatten)]
        day: Day,
    },
    /// Print a register to begin with: who usually keeps what, and a provider's share
    Init {
        /// The platform
        #[arg(long, value_name = "NAME")]
        platform: String,
        /// The register's name
        #[arg(long, default_value = "production")]
        name: String,
        #[command(flatten)]
        day: Day,
    },
    /// Print the JSON Schema of a register, for editors
    Schema,
}

/// The day on which a register is looked at.
#[derive(Args, Debug)]
pub(crate) struct Day {
    /// The day, as YEAR-MONTH-DAY. Default: today (UTC)
    #[arg(long, value_name = "DATE", value_parser = crate::judging::day)]
    pub as_of: Option<jiff::civil::Date>,
}

impl Day {
    fn day(&self) -> jiff::civil::Date {
        AnswerableArgs { as_of: self.as_of, ..AnswerableArgs::default() }.as_of()
    }
}

fn days(text: &str) -> Result<i64, String> {
    let number = text.strip_suffix('d').unwrap_or(text).parse();
    number.ok().filter(|days| (0..=36_500).contains(days)).ok_or_else(|| "write days, as in 30d".to_owned())
}

pub(crate) fn run(arguments: &RegisterArgs) -> anyhow::Result<Exit> {
    let content = content::load_valid(&arguments.content.controls)?;
    match &arguments.command {
        RegisterCommand::Lint { file, report, day } => lint(file, report.as_deref(), day, &content),
        RegisterCommand::Add { control, report, into, day } => {
            let review = into.as_deref().map(|path| review(path, &content)).transpose()?.unwrap_or_default();
            add(&drafts(control, &read_report(report)?, &review, day, &content)?, into.as_deref())
        }
        RegisterCommand::Due { file, within, day } => due(file, *within, day, &content),
        RegisterCommand::Init { platform, name, day } => {
            let known = content.platforms.iter().map(|platform| platform.name.as_str());
            let found = content.platform(platform).ok_or_else(|| unknown("platform", platform, known))?;
            output::print(&register::init(name, found, &content, day.day()))?;
            Ok(Exit::Clean)
        }
        RegisterCommand::Schema => {
            output::print(&(serde_json::to_string_pretty(&register::schema())? + "\n"))?;
            Ok(Exit::Clean)
        }
    }
}

/// A register and the digest of its file; mistakes in it end the command.
pub(crate) fn load_valid(path: &Path, content: &Content) -> anyhow::Result<(Register, String)> {
    let mut sources = Sources::default();
    let (register, found, digest) = load(path, content, &mut sources)?;
    if diag::has_errors(&found) {
        let drawn = diag::render(&found, &sources, false);
        return Err(Mistake(format!("the register has mistakes\n{drawn}")).into());
    }
    Ok((register, digest))
}

fn load(path: &Path, content: &Content, sources: &mut Sources) -> anyhow::Result<(Register, Vec<Diagnostic>, String)> {
    let text = content::text(path)?;
    let (register, found) = register::load(&path.display().to_string(), &text, content, sources);
    Ok((register, found, evidence::digest(text.as_bytes())))
}

fn lint(file: &Path, report: Option<&Path>, day: &Day, content: &Content) -> anyhow::Result<Exit> {
    let mut sources = Sources::default();
    let (register, mut found, digest) = load(file, content, &mut sources)?;
    found.extend(register::lint(&register, content, day.day()));
    let color = std::io::stdout().is_terminal();
    let mut told = diag::render(&found, &sources, color);
    let mut wrong = diag::has_errors(&found);
    if found.iter().any(|one| one.code == register::code::WEAK_TEXT) {
        let _ = write!(told, "\n{}", register::STRONG);
    }
    if let Some(path) = report {
        let report = read_report(path)?;
        let unused = unused(&report, &digest)?;
        wrong |= !unused.is_empty();
        for entry in &unused {
            let _ = writeln!(told, "error[{}]: {}: take it out", register::code::UNUSED, report::inert(entry));
        }
        if !unused.is_empty() && !report.run.captures.iter().any(|capture| capture.source == "cluster") {
            let nodes: Vec<&str> = report.run.captures.iter().map(|capture| capture.name.as_str()).collect();
            let note = format!("the report tells of {} alone: other nodes may have what it lacks", nodes.join(", "));
            let _ = writeln!(told, "note: {}", report::inert(&note));
        }
    }
    if !wrong {
        let _ = writeln!(
            told,
            "no mistake in {} owner(s), {} class(es), {} exception(s), {} grant(s) and {} answer(s)",
            register.owners.len(),
            register.classes.len(),
            register.exceptions.len(),
            register.grants.len(),
            register.answers.len()
        );
    }
    output::print(&told)?;
    Ok(if wrong { Exit::Usage } else { Exit::Clean })
}

/// Entries by which nothing was decided when a report was made with this very register.
fn unused(report: &Report, digest: &str) -> anyhow::Result<Vec<String>> {
    match &report.register {
        Some(RegisterInfo { digest: own, foreign: Some(why), .. }) if own == digest => {
            Err(mistake(format!("the report says nothing of its entries: {why}")))
        }
        Some(info) if info.digest == digest => Ok(info.unused.clone()),
        _ => {
            Err(mistake("the report was made with another register: scan again with --register, and give that report"))
        }
    }
}

/// Drafts by the name of the list that they go into.
type Drafts = BTreeMap<&'static str, String>;

fn add(lists: &Drafts, into: Option<&Path>) -> anyhow::Result<Exit> {
    let Some(path) = into else {
        let text: Vec<String> = lists.iter().map(|(list, entries)| format!("{list}:\n{entries}")).collect();
        output::print(&text.join("\n"))?;
        return Ok(Exit::Clean);
    };
    let name = path.display().to_string();
    let mut text = content::text(path)?;
    for (list, entries) in lists {
        text = register::insert(&name, &text, list, entries).map_err(|found| {
            let mut sources = Sources::default();
            sources.add(&name, &text);
            let drawn = diag::render(&found, &sources, false);
            mistake(format!("{name} was left as it is: nothing could be put into it\n{drawn}"))
        })?;
    }
    // Who may read it may read it afterwards.
    let may = std::fs::metadata(path).map_err(|error| mistake(format!("{name}: {error}")))?.permissions();
    output::write_by(path, |file| {
        file.set_permissions(may)?;
        Ok(file.write_all(text.as_bytes())?)
    })?;
    let lists = lists.keys().copied().collect::<Vec<_>>().join(", ");
    output::print(&report::inert(&format!(
        "drafted into {name}, at the end of {lists}: `kube-assay register lint` says what is left to be written"
    )))?;
    output::print("\n")?;
    Ok(Exit::Clean)
}

/// How long decisions may hold in a register that may still have mistakes.
fn review(path: &Path, content: &Content) -> anyhow::Result<Review> {
    let (register, ..) = load(path, content, &mut Sources::default())?;
    Ok(register.review)
}

/// Drafts of what is open about controls.
fn drafts(names: &[String], report: &Report, review: &Review, day: &Day, content: &Content) -> anyhow::Result<Drafts> {
    let now = Under {
        kubernetes: report
            .kubernetes
            .as_ref()
            .map(|choice| choice.name.split('.').take(2).collect::<Vec<_>>().join(".")),
        // What Kubernetes itself is called is no distribution's own version.
        provider: told(report, "kubernetes").filter(|version| version.contains(['-', '+'])),
        profile: report.profiles.first().map(|profile| format!("{}@{:.12}", profile.name, profile.digest)),
        cluster: told(report, "cluster-uid"),
    };
    let mut lists = Drafts::new();
    for name in names {
        let found = |finding: &&Finding| {
            finding.control == *name
                || finding
                    .cited_by
                    .iter()
                    .any(|cited| cited.id == *name || format!("{}@{}", cited.id, cited.profile) == *name)
        };
        let findings: Vec<&Finding> = report.findings.iter().filter(found).collect();
        if findings.is_empty() {
            let known = report.findings.iter().flat_map(|finding| [finding.control.as_str(), finding.id()]);
            return Err(unknown("control or id in this report:", name, known));
        }
        let open: Vec<&&Finding> = findings.iter().filter(|finding| finding.decision.state.is_open()).collect();
        if open.is_empty() {
            let unseen = findings.iter().find(|finding| finding.verdict == Verdict::Unknown);
            let why = unseen.map_or("there is nothing to decide".to_owned(), |finding| {
                format!("it lies outside what this source can see, and asks for no decision: {}", finding.reason)
            });
            return Err(mistake(format!("{name} has nothing open in this report: {why}")));
        }
        for finding in open {
            if register::NEVER.contains(&finding.control.as_str()) || review.never.contains(&finding.control) {
                return Err(mistake(format!("a failure of {} may never be accepted: mend it", finding.control)));
            }
            let (list, entry) = drafted(finding, &now, review, day.day());
            let text = lists.entry(list).or_default();
            text.push_str(&entry);
            if let Some(control) = content.control(&finding.control).filter(|control| register::takes_two(control)) {
                let _ = writeln!(
                    text,
                    "    # {} takes two people: the approver is somebody else than the owner",
                    control.name
                );
            }
        }
    }
    Ok(lists)
}

/// What a run's captures tell under a name.
fn told(report: &Report, key: &str) -> Option<String> {
    report.run.captures.iter().find_map(|capture| capture.identity.get(key)).cloned()
}

/// The list that a draft goes into, and its text.
fn drafted(finding: &Finding, now: &Under, review: &Review, as_of: jiff::civil::Date) -> (&'static str, String) {
    let cited: Vec<String> = finding.cited_by.iter().map(|cited| format!("{}@{}", cited.id, cited.profile)).collect();
    let subjects: BTreeSet<&str> = finding.subjects.iter().map(|subject| subject.name.as_str()).collect();
    let draft = Draft {
        control: &finding.control,
        title: &format!("{}: {}", cited.join(", "), finding.title),
        verdict: finding.verdict,
        expected: &finding.expected,
        state: if finding.verdict == Verdict::Manual {
            BTreeMap::new()
        } else {
            register::state(finding.verdict, &finding.observed)
        },
        kind: finding.subjects.first().map_or("component", |subject| subject.kind.as_str()),
        subjects,
        owner: finding.decision.owner.as_deref(),
        now,
        review,
        as_of,
    };
    (register::kind(&draft), register::draft(&draft))
}

fn due(file: &Path, within: i64, day: &Day, content: &Content) -> anyhow::Result<Exit> {
    let (register, _) = load_valid(file, content)?;
    let entries = register::due(&register, day.day(), within);
    let mut text = String::new();
    for due in &entries {
        let when = match due.left {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            left if left > 0 => format!("in {left} days"),
            -1 => "1 day past".to_owned(),
            left => format!("{} days past", -left),
        };
        let owner = due.owner.unwrap_or("nobody");
        let line = format!("{}  {when}  {owner}  {}  ({})", due.day, due.what, due.at);
        let _ = writeln!(text, "{}", report::inert(&line));
    }
    if entries.is_empty() {
        let _ = writeln!(text, "nothing is due within {within} days");
    }
    output::print(&text)?;
    Ok(if entries.iter().any(|due| due.left < 0) { Exit::Open } else { Exit::Clean })
}

/// A report that was written with `-o json`.
pub(crate) fn read_report(path: &Path) -> anyhow::Result<Report> {
    let wrong = |why: String| mistake(format!("{}: {why}", path.display()));
    let text = import::read(path, earlier::MAX_REPORT)?;
    let report: Report = serde_json::from_slice(&text)
        .map_err(|error| wrong(format!("it is no report that `scan -o json` wrote: {error}")))?;
    if report.schema != report::SCHEMA {
        return Err(wrong(format!("it is a {}, and {} is known here", report::inert(&report.schema), report::SCHEMA)));
    }
    Ok(report)
}
