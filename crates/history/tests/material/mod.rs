//! Runs of real size: the recorded node, judged, as one node or as several.

#![allow(dead_code, reason = "each test and the bench use a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use assess::{Case, Choice, Selection};
use benchmark::Content;
use evidence::{Run, Seen};
use history::{Entry, HistoryError, Record, Store};
use jiff::Timestamp;
use report::{CaptureInfo, Material, Report};

/// 2026-01-01, in seconds.
const START: i64 = 1_767_225_600;

/// A run with all that is recorded of it.
#[derive(Clone)]
pub(crate) struct Told {
    pub run: Run,
    pub report: Report,
    pub content: Vec<(String, String)>,
    pub register: Option<String>,
}

/// The recorded node so many times, under other names.
pub(crate) fn told(nodes: usize) -> Told {
    let content = benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut diag::Sources::default()).0;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs/kubeadm-v1.36.run");
    let one = evidence::read_run(std::fs::File::open(path).unwrap()).unwrap().captures.remove(0);
    let captures = (1..=nodes).map(|at| {
        let mut capture = one.clone();
        capture.name = format!("cp{at}");
        capture.identity.insert("machine-id".to_owned(), format!("{at:032x}"));
        capture
    });
    let run = Run { captures: captures.collect() };
    Told { report: judged(&run, &content), run, content: benchmark::builtin_files(), register: None }
}

pub(crate) fn judged(run: &Run, content: &Content) -> Report {
    let case = Case::new(run, content, None, None).unwrap().unwrap();
    let profile = content.profile("cis-2.0.1").unwrap();
    let mut captures = Vec::new();
    let done = |capture: &evidence::Capture, presence| captures.push(CaptureInfo::of(capture, presence));
    let judged = case.judge(&[profile], &Selection::default(), done).unwrap();
    report::build(Material {
        captures,
        content,
        judged: &judged,
        profiles: vec![(profile, Choice::given("cis-2.0.1", "--profile"))],
        platform: case.platform().clone(),
        kubernetes: None,
        selection: None,
        register: None,
        version: "test",
    })
}

impl Told {
    /// The same audit, so many days later: other times, another number of processes, and nothing else.
    pub(crate) fn later(&self, days: i64) -> Self {
        let mut later = self.clone();
        for (at, capture) in later.run.captures.iter_mut().enumerate() {
            let taken = (START + 86_400 * days) * 1000 + i64::try_from(at).unwrap();
            capture.taken = Some(taken);
            later.report.run.captures[at].taken = Some(Timestamp::from_millisecond(taken).unwrap().to_string());
            for item in &mut capture.items {
                if let Seen::Processes(table) = &mut item.seen {
                    table.examined += u32::try_from(days).unwrap() % 50;
                }
            }
        }
        later
    }

    pub(crate) fn record(&self, store: &mut Store, cluster: &str, days: i64) -> Result<Entry, HistoryError> {
        store.record(&Record {
            report: &self.report,
            run: &self.run,
            content: &self.content,
            register: self.register.as_deref(),
            cluster,
            at: Timestamp::from_second(START + 86_400 * days).unwrap(),
            good: days % 2 == 0,
            gate: if days % 2 == 0 { "passed" } else { "closed" },
        })
    }

    /// Whether a store gives back exactly this.
    pub(crate) fn is_in(&self, store: &Store, entry: &Entry) {
        assert_eq!(store.report(entry).unwrap(), self.report);
        assert_eq!(store.evidence(entry).unwrap(), self.run);
        assert_eq!(store.content(entry).unwrap(), self.content);
        assert_eq!(store.register(entry).unwrap(), self.register);
    }
}
