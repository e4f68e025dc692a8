//! What telling a large fleet costs: 5,000 nodes and 10,000 findings in every format, with time, peak memory and size:
//! `cargo bench -p report`. With `KUBE_ASSAY_PAGE=FILE` it writes the page, and measures nothing: `scripts/test-browser` looks at it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on has failed; it prints sizes")]

use std::sync::OnceLock;

use assess::{Choice, Observed, Verdict};
use benchmark::{Assessment, Priority};
use divan::{AllocProfiler, Bencher, counter::BytesCount};
use evidence::Basis;
use report::{
    Beside, CaptureInfo, CitedBy, Coverage, Finding, Options, PastRun, ProfileInfo, Report, RunInfo, SCHEMA, State,
    Subject, Tool,
};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const NODES: usize = 5_000;
const DEMANDS: usize = 125;
/// Findings of a demand: most nodes pass, and the others answer in many ways.
const FINDINGS: usize = 80;

type Render = fn(&Report) -> String;

const FORMATS: [(&str, Render); 12] = [
    ("terminal", |report| report::terminal(report, &Beside::default(), &Options::default())),
    ("wide", |report| report::wide(report, &Options::default())),
    ("json", report::json),
    ("yaml", report::yaml),
    ("junit", |report| report::junit(report, &Beside::default())),
    ("sarif", |report| report::sarif(report, &Beside::default())),
    ("markdown", |report| report::markdown(report, &Beside::default())),
    ("github", |report| report::github(report, &Beside::default())),
    ("csv", report::csv),
    ("kube-bench", report::kube_bench),
    ("kube-bench-json", report::kube_bench_json),
    ("html", page),
];

fn main() {
    if let Some(path) = std::env::var_os("KUBE_ASSAY_PAGE") {
        return std::fs::write(path, page(fleet())).unwrap();
    }
    for (name, render) in FORMATS {
        println!("{name:<16} {:>7.1} MB", megabytes(render(fleet()).len()));
    }
    divan::main();
}

/// Time and peak memory (`max alloc`), the report itself not among it.
#[divan::bench(args = FORMATS.map(|(name, _)| name), sample_count = 3, sample_size = 1)]
fn tell(bencher: Bencher<'_, '_>, name: &str) {
    let (_, render) = FORMATS.into_iter().find(|(own, _)| *own == name).unwrap();
    let report = fleet();
    let size = render(report).len();
    bencher.counter(BytesCount::new(size)).bench(|| render(report).len());
}

fn page(report: &Report) -> String {
    let run = |at: usize| PastRun {
        run: format!("run-{at}"),
        time: format!("2026-10-{:02}T02:00:00Z", at + 1),
        counts: report.counts.iter().map(|(verdict, count)| (*verdict, count + at % 7)).collect(),
    };
    let past: Vec<PastRun> = (0..29).map(run).collect();
    report::html(report, &Beside { past: &past, ..Beside::default() })
}

#[expect(clippy::cast_precision_loss, reason = "to be looked at")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn node(at: usize) -> String {
    format!("worker-{:04}.eu-west.example.internal", at % NODES)
}

fn fleet() -> &'static Report {
    static FLEET: OnceLock<Report> = OnceLock::new();
    FLEET.get_or_init(|| {
        let findings: Vec<Finding> =
            (0..DEMANDS).flat_map(|demand| (0..FINDINGS).map(move |nth| finding(demand, nth))).collect();
        let count = |wanted| findings.iter().filter(|finding| finding.decision.state == wanted).count();
        Report {
            schema: SCHEMA.to_owned(),
            tool: Tool { name: "kube-assay".to_owned(), version: "bench".to_owned() },
            run: RunInfo { captures: (0..NODES).map(capture).collect(), selection: None, recorded: None },
            platform: Choice::given("kubeadm", "--platform"),
            kubernetes: Some(Choice::given("1.36", "--kubernetes-version")),
            profiles: vec![ProfileInfo {
                name: "cis-2.0.1".to_owned(),
                title: "CIS Kubernetes Benchmark".to_owned(),
                reason: "given".to_owned(),
                digest: "bench".to_owned(),
                tailoring: Vec::new(),
                not_covered: vec!["The operating system of the nodes.".to_owned()],
                notes: Vec::new(),
            }],
            warnings: Vec::new(),
            coverage: Coverage { within_reach: DEMANDS, decided: DEMANDS, outside: 0 },
            counts: [(Verdict::Fail, DEMANDS)].into(),
            decisions: [State::Required, State::Unanswered].map(|state| (state, count(state))).into(),
            register: None,
            findings,
        }
    })
}

fn capture(at: usize) -> CaptureInfo {
    CaptureInfo {
        name: node(at),
        source: "cluster-node".to_owned(),
        taken: Some("2026-11-26T02:14:07.250Z".to_owned()),
        root: "/".to_owned(),
        identity: [("os".to_owned(), "Debian GNU/Linux 13 (trixie)".to_owned())].into(),
        rights: vec!["CAP_DAC_READ_SEARCH".to_owned()],
        sees: ["processes", "listening sockets", "files"].map(str::to_owned).to_vec(),
        components: [("kubelet".to_owned(), "running".to_owned())].into(),
        remarks: vec!["of environment variables only names were recorded".to_owned()],
        cuts: Vec::new(),
        catalogue: "bench".to_owned(),
    }
}

/// One answer: three fifths of the nodes give the first, and the others share the rest.
fn finding(demand: usize, nth: usize) -> Finding {
    let most = NODES * 3 / 5;
    let share = (NODES - most) / (FINDINGS - 1);
    let nodes: Vec<String> = match nth {
        0 => (0..most).map(|at| node(at + demand)).collect(),
        _ => (0..share).map(|at| node(most + (nth - 1) * share + at + demand)).collect(),
    };
    let verdict = match nth % 8 {
        0 => Verdict::Pass,
        1..4 => Verdict::Fail,
        4 | 5 => Verdict::Unknown,
        6 => Verdict::Manual,
        _ => Verdict::NotApplicable,
    };
    let state = match verdict {
        Verdict::Fail | Verdict::Unknown => State::Required,
        Verdict::Manual => State::Unanswered,
        Verdict::Pass | Verdict::NotApplicable => State::None,
    };
    let component = ["kubelet", "kube-proxy", "files", "kernel", "etcd"][demand % 5];
    let section = demand / 25 + 1;
    Finding {
        control: format!("{component}-control-{demand}"),
        title: format!("The {component} is as number {demand} demands it, on each node of the fleet"),
        component: component.to_owned(),
        priority: [Priority::Critical, Priority::High, Priority::Medium, Priority::Low][demand % 4],
        parameters: [("mode".to_owned(), "600".into())].into(),
        cited_by: vec![CitedBy {
            profile: "cis-2.0.1".to_owned(),
            id: format!("{section}.1.{}", demand % 25 + 1),
            section: format!("{section}.1 Section {section}"),
            level: 1,
            assessment: Assessment::Automated,
        }],
        verdict,
        equivalent: None,
        basis: Some(Basis::Running),
        reason: format!("{component}.setting-{demand} is {nth} by the configuration file"),
        help: (verdict == Verdict::Unknown).then(|| "run with CAP_DAC_READ_SEARCH".to_owned()),
        outside: false,
        expected: format!("{component}.setting-{demand} is true"),
        observed: vec![Observed {
            fact: format!("{component}.setting-{demand}"),
            value: Some(nth.to_string()),
            how: "explicit".to_owned(),
            source: "/var/lib/kubelet/config.yaml".to_owned(),
            decides: true,
            offends: None,
        }],
        notes: Vec::new(),
        subjects: vec![Subject { kind: "component".to_owned(), name: component.to_owned(), captures: nodes }],
        why: "Whoever reaches the port reads the logs of every pod and runs commands in it. ".repeat(2),
        remediation: "1. Each node, /var/lib/kubelet/config.yaml:\n     setting: true\n2. Restart the kubelet.\n"
            .repeat(3),
        decision: state.into(),
    }
}
