//! The command line.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::judging::Judging;
use crate::register::RegisterArgs;

/// Audits Kubernetes nodes against the CIS Kubernetes Benchmark, their kernels against KSPP, and Talos Linux machines.
///
/// It reads what really runs: arguments from /proc, the files that a process was given, drop-ins, documented defaults.
/// What it could not see it calls unknown, and says what would let it see.
#[derive(Debug, Parser)]
#[command(version, name = "kube-assay", bin_name = name(), max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 nothing open, 1 open findings, 2 usage or a mistake in a file that a person wrote,
3 something within reach could not be seen, 4 the run itself failed.";

/// kubectl calls a plugin by its own name; help then shows what was typed.
fn name() -> &'static str {
    let called = std::env::args_os().next().map(PathBuf::from);
    match called.as_deref().and_then(std::path::Path::file_name) {
        Some(file) if file == "kubectl-assay" => "kubectl assay",
        _ => "kube-assay",
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Audit: this node, a node's file tree, a cluster, Talos machines, recorded nodes or run files collected earlier
    Scan(Box<Scan>),
    /// Collect evidence into a run file, to be judged anywhere and again later
    Collect(Box<Collect>),
    /// Print what an auditor of a cluster needs: roles, and with an image the Jobs that look at nodes
    Manifests(Manifests),
    /// Compare two runs: what got worse, what is fixed, and whether the cluster, the profile or the tool made it so
    Compare(Box<crate::compare::Compare>),
    /// Make a report of what another tool told
    Import(crate::import::Import),
    /// Plan what to change: patches by owner and durable source, in order. Nothing is applied
    Plan(Box<crate::plan::PlanArgs>),
    /// Tell what is missing between a finding and its end: owner, duty, fix or exception, a rerun, a record
    Triage(crate::triage::TriageArgs),
    /// Explain a control: what it demands, why, where it is looked for, what to do
    Explain(Explain),
    /// List, show and compare profiles
    Profiles(Profiles),
    /// Owners, exceptions, grants and answers: check a register, draft entries, tell what is due
    Register(RegisterArgs),
    /// What was recorded of earlier runs: list, show, verify, export for an auditor, prune
    History(crate::history::History),
    /// Check controls, profiles, platforms, defaults and tailorings
    Lint(Lint),
    /// Print a shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages into a directory
    Man {
        /// The directory
        directory: PathBuf,
    },
}

/// Where evidence comes from. Nothing given: this node.
#[derive(Args, Debug, Default)]
pub(crate) struct Source {
    #[command(flatten)]
    pub local: Local,
    #[command(flatten)]
    pub cluster: Cluster,
    #[command(flatten)]
    pub talos: Talos,
    /// The version of Talos that a machine configuration (--rendered) is for. Default: that of its installer's image
    #[arg(long, value_name = "VERSION", requires = "rendered")]
    pub talos_version: Option<String>,
}

impl Source {
    /// What narrows the nodes that are looked at, in words; none: all are.
    pub(crate) fn narrowed(&self) -> Option<String> {
        let nodes = [&self.cluster.nodes, &self.talos.nodes].into_iter().find(|nodes| !nodes.is_empty());
        let nodes = nodes.map(|nodes| format!("nodes {}", nodes.join(", ")));
        let selector = self.cluster.selector.as_ref().map(|selector| format!("nodes with {selector}"));
        let said: Vec<String> = nodes.into_iter().chain(selector).collect();
        (!said.is_empty()).then(|| format!("only {}", said.join("; ")))
    }
}

/// A cluster, asked through the Kubernetes API.
#[derive(Args, Debug, Default)]
#[group(id = "cluster", multiple = true, conflicts_with_all = ["local", "talos"])]
pub(crate) struct Cluster {
    /// A cluster, asked through the Kubernetes API with this kubeconfig. Without FILE: as kubectl finds it
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap's way to tell a flag without its value from no flag")]
    pub kubeconfig: Option<Option<PathBuf>>,
    /// The kubeconfig's context, instead of its current one
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Only these nodes, by name
    #[arg(long, value_name = "NODE", value_delimiter = ',', value_parser = named)]
    pub nodes: Vec<String>,
    /// Only nodes with these labels: KEY=VALUE, KEY!=VALUE, KEY or !KEY
    #[arg(long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Look at each node from within too, by a short-lived Job of this image of kube-assay-probe (see Containerfile)
    #[arg(long, value_name = "IMAGE", conflicts_with = "no_probe")]
    pub probe_image: Option<String>,
    /// Ask the API alone, and do not remind of what only a node shows
    #[arg(long)]
    pub no_probe: bool,
    /// The namespace of the Jobs. It is made for the run, or must be there for nothing else
    #[arg(long, value_name = "NAME", default_value = collect::cluster::probe::NAMESPACE, requires = "probe_image")]
    pub probe_namespace: String,
    /// So many nodes are looked at from within at once
    #[arg(long, value_name = "NUMBER", default_value_t = 20, requires = "probe_image")]
    pub max_parallel: u16,
}

impl Cluster {
    /// Whether a cluster is the source.
    pub(crate) fn is_meant(&self) -> bool {
        self.kubeconfig.is_some()
            || self.context.is_some()
            || !self.nodes.is_empty()
            || self.selector.is_some()
            || self.probe_image.is_some()
            || self.no_probe
    }
}

/// Talos machines, asked through their own API.
#[derive(Args, Debug, Default)]
#[group(id = "talos", multiple = true, conflicts_with = "local")]
pub(crate) struct Talos {
    /// Talos machines, asked through their own API with this talosconfig; `os:reader` is enough for most of it. Without
    /// FILE: `$TALOSCONFIG`, `$TALOS_HOME/config` or ~/.talos/config, /var/run/secrets/talos.dev/config
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap's way to tell a flag without its value from no flag")]
    pub talosconfig: Option<Option<PathBuf>>,
    /// The talosconfig's context, instead of its current one
    #[arg(id = "talos-context", long = "talos-context", value_name = "NAME")]
    pub context: Option<String>,
    /// The machines, by address or name. Default: the nodes of the context, else its endpoints
    #[arg(id = "talos-nodes", long = "talos-nodes", value_name = "NODE", value_delimiter = ',', value_parser = named)]
    pub nodes: Vec<String>,
}

/// A name without the blanks that a person writes after a comma.
fn named(text: &str) -> Result<String, &'static str> {
    Some(text.trim()).filter(|name| !name.is_empty()).map(str::to_owned).ok_or("a name is missing")
}

impl Talos {
    /// Whether Talos machines are the source.
    pub(crate) fn is_meant(&self) -> bool {
        self.talosconfig.is_some() || self.context.is_some() || !self.nodes.is_empty()
    }
}

/// What lies on this machine.
#[derive(Args, Debug, Default)]
#[group(id = "local", multiple = false)]
pub(crate) struct Local {
    /// A node's file tree: /host in a container, a mounted disk, a directory
    #[arg(long, value_name = "DIR")]
    pub node_root: Option<PathBuf>,
    /// Run files collected earlier
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub evidence: Vec<PathBuf>,
    /// Configuration before rollout: machine configurations of Talos, a file for each machine, of either generation or
    /// both. What the version of Talos would make of it is judged
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub rendered: Vec<PathBuf>,
    /// What a person saved: recorded nodes (directories with stat.tsv, processes.json, tree/, …), or a host's kernel
    /// configuration (plain or .gz), /proc/cmdline, `sysctl -a` output, /proc/version and /etc/os-release, or of Talos
    /// `talosctl get … -o yaml`, `list -l`, `processes`, `read`, of Omni `kernelargsstatus`, and a kubelet's /configz, as
    /// files of one host or as a directory for each
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    pub import: Vec<PathBuf>,
}

#[derive(Args, Debug, Default)]
#[command(after_help = "\
Examples:
  kube-assay scan                                   audit this node
  kube-assay scan --node-root /host -o json         audit the node whose root is mounted at /host
  kube-assay scan --evidence cp1.run --profile cis-1.11
  kube-assay scan --context prod --dry-run          what an audit of this cluster would see, and is missing
  kube-assay scan --context prod --no-probe         audit a cluster through its API
  kube-assay scan --context prod --probe-image registry.example/kube-assay-probe:0.1   and each node from within
  kube-assay scan --only fail,unknown --section 1.2
  kube-assay scan --profile cis-2.0.1 --profile node-kernel   the node and its kernel on one page
  kube-assay scan --profile kspp --import config.gz cmdline sysctl.txt   a host that nobody may look at
  kube-assay scan --talosconfig reader.yaml --talos-nodes 10.0.0.2,10.0.0.3 --profile cis-1.12 --profile talos
  kube-assay scan --evidence cp1.run --register register.yaml   with owners, exceptions, grants and answers
  kube-assay scan --context prod --no-probe --history --baseline last-good --fail-on new   the nightly gate
  kube-assay scan --rendered controlplane.yaml --talos-version 1.14 --profile cis-2.0.1   before rollout
  kube-assay scan -o terminal -o json=report.json -o junit=report.xml   tell a person and a pipeline at once")]
pub(crate) struct Scan {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub judging: Judging,
    /// Tell only these verdicts
    #[arg(long, value_name = "VERDICT", value_delimiter = ',')]
    pub only: Vec<VerdictArg>,
    #[command(flatten)]
    pub gate: crate::gate::GateArgs,
    /// How it is told: terminal, wide, json, yaml, junit, sarif, markdown, github, csv, kube-bench,
    /// kube-bench-json, html; FORMAT=FILE writes a file; may be repeated
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]", default_value = "terminal")]
    pub output: Vec<Output>,
    /// Say what would be looked at in the cluster and which rights are missing, and judge nothing
    #[arg(long, requires = "cluster")]
    pub dry_run: bool,
    /// Tell everything: all subjects, whole remediation
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Args, Debug, Default)]
pub(crate) struct ContentArgs {
    /// Directory with controls, profiles and platforms of your own
    #[arg(long, value_name = "DIR", global = true)]
    pub controls: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerdictArg {
    Fail,
    Unknown,
    Manual,
    Pass,
    NotApplicable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Terminal,
    Wide,
    Json,
    Yaml,
    Junit,
    Sarif,
    Markdown,
    Github,
    Csv,
    KubeBench,
    KubeBenchJson,
    Html,
}

/// A format, and the file that it is written to.
#[derive(Clone, Debug)]
pub(crate) struct Output<F = Format> {
    pub format: F,
    pub file: Option<PathBuf>,
}

impl<F: ValueEnum> std::str::FromStr for Output<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file's name is missing after `=`".to_owned()),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let values: Vec<_> = F::value_variants().iter().filter_map(F::to_possible_value).collect();
        let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
        let format = F::from_str(format, false).map_err(|_| {
            let hint = diag::suggest(format, names.iter().copied()).map(|name| format!(" (did you mean {name}?)"));
            format!("no format `{format}`: there are {}{}", names.join(", "), hint.unwrap_or_default())
        })?;
        Ok(Self { format, file })
    }
}

#[derive(Args, Debug)]
pub(crate) struct Collect {
    #[command(flatten)]
    pub source: Source,
    /// The run file
    #[arg(short, long, value_name = "FILE", required_unless_present = "print_trails")]
    pub output: Option<PathBuf>,
    /// Name of the node, instead of its own
    #[arg(long)]
    pub name: Option<String>,
    /// Print the trails, for kube-assay-probe, instead of following them
    #[arg(long)]
    pub print_trails: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kube-assay manifests | kubectl apply -f -         roles that suffice to audit through the API; bind them to who audits
  kube-assay manifests --probe-image IMAGE --nodes cp1,w1   everything that looks at these nodes, to be applied by hand")]
pub(crate) struct Manifests {
    /// With the Jobs of this image of kube-assay-probe
    #[arg(long, value_name = "IMAGE", requires = "nodes")]
    pub probe_image: Option<String>,
    /// The nodes that a Job is printed for
    #[arg(long, value_name = "NODE", value_delimiter = ',', value_parser = named, requires = "probe_image")]
    pub nodes: Vec<String>,
    /// The namespace of the Jobs
    #[arg(long, value_name = "NAME", default_value = collect::cluster::probe::NAMESPACE)]
    pub probe_namespace: String,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A control's name, or an id of a profile
    pub control: String,
    /// The profile that an id belongs to. Default: the newest that has it
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Show this platform's remediation
    #[arg(long, value_name = "NAME")]
    pub platform: Option<String>,
    #[command(flatten)]
    pub content: ContentArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Profiles {
    #[command(subcommand)]
    pub command: ProfilesCommand,
    #[command(flatten)]
    pub content: ContentArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    /// List the profiles
    List,
    /// Show a profile's ids
    Show {
        /// Its name
        name: String,
    },
    /// Show what differs between two profiles
    Diff {
        /// The one
        from: String,
        /// The other
        to: String,
        /// A register: its exceptions, grants and answers that the difference touches are told too
        #[arg(long, value_name = "FILE")]
        register: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Lint {
    /// Files and directories to check together with the built-in content. Default: the built-in content alone
    pub paths: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
