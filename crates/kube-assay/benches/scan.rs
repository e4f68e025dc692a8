//! Speed of the main job on a recorded control plane node: `cargo bench -p kube-assay`.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use assess::{Case, Choice, Selection};
use collect::recording::Recording;
use divan::Bencher;
use evidence::{Capture, Run};
use report::{CaptureInfo, Material};

fn main() {
    divan::main();
}

fn content() -> benchmark::Content {
    benchmark::load(&benchmark::builtin_files(), &assess::vocabulary(), &mut diag::Sources::default()).0
}

fn recording() -> Recording {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nodes/kubeadm-v1.36");
    Recording::load(&root).expect("the fixture is there")
}

/// Loading and checking all content.
#[divan::bench]
fn load_content(bencher: Bencher<'_, '_>) {
    bencher.bench(content);
}

/// The walk over the fixture node, in memory.
#[divan::bench]
fn walk_a_node(bencher: Bencher<'_, '_>) {
    let (content, node) = (content(), recording());
    bencher.with_inputs(|| assess::trails(&content)).bench_values(|trails| node.capture(trails));
}

/// The walk over this machine.
#[divan::bench]
fn walk_this_machine(bencher: Bencher<'_, '_>) {
    let content = content();
    bencher
        .with_inputs(|| assess::trails(&content))
        .bench_values(|trails| probe::capture(std::path::Path::new("/"), None, trails, probe::Options::default()));
}

/// Judging one capture.
#[divan::bench]
fn judge_a_capture(bencher: Bencher<'_, '_>) {
    let content = content();
    let run = Run { captures: vec![recording().capture(assess::trails(&content))] };
    let profile = content.profile("cis-2.0.1").expect("it is built in");
    bencher.bench(|| {
        let case = Case::new(&run, &content, None, None).unwrap().expect("the content has a platform");
        case.judge(&[profile], &Selection::default(), |_, _| ()).unwrap().len()
    });
}

/// Judging the kernel of one capture: 421 demands.
#[divan::bench]
fn judge_a_kernel(bencher: Bencher<'_, '_>) {
    let content = content();
    let run = Run { captures: vec![recording().capture(assess::trails(&content))] };
    let profile = content.profile("kspp").expect("it is built in");
    bencher.bench(|| {
        let case = Case::new(&run, &content, None, None).unwrap().expect("the content has a platform");
        case.judge(&[profile], &Selection::default(), |_, _| ()).unwrap().len()
    });
}

/// The whole scan of a collected node, content and rendering included, as `scan --evidence` does it.
#[divan::bench]
fn scan_a_run_file(bencher: Bencher<'_, '_>) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs/kubeadm-v1.36.run");
    let file = std::fs::read(root).expect("the fixture is there");
    bencher.bench(|| {
        let (content, run) = (content(), evidence::read_run(file.as_slice()).expect("it is a run file"));
        let case = Case::new(&run, &content, None, None).unwrap().expect("the content has a platform");
        let profile = content.profile("cis-2.0.1").expect("it is built in");
        let mut captures = Vec::new();
        let done = |capture: &Capture, presence| captures.push(CaptureInfo::of(capture, presence));
        let judged = case.judge(&[profile], &Selection::default(), done).unwrap();
        let report = report::build(Material {
            captures,
            content: &content,
            judged: &judged,
            profiles: vec![(profile, Choice::given("cis-2.0.1", "--profile"))],
            platform: case.platform().clone(),
            kubernetes: None,
            selection: None,
            register: None,
            version: "bench",
        });
        report::terminal(&report, &report::Beside::default(), &report::Options::default()).len()
    });
}
