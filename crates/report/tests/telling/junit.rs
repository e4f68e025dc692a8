//! JUnit: well-formed, and what its readers count.

use assess::Verdict;
use report::{Beside, Finding, Report, inert};
use roxmltree::{Document, Node};

use crate::every::left_out;
use crate::samples;

fn cases<'d>(document: &'d Document<'_>) -> impl Iterator<Item = Node<'d, 'd>> {
    document.root().descendants().filter(|node| node.has_tag_name("testcase"))
}

/// What is not told of a finding.
pub(crate) fn missing(told: &str, finding: &Finding) -> Option<String> {
    let document = Document::parse(told).map_err(|error| format!("{error} in {told}")).unwrap();
    let class = format!("{}.{}", inert(&finding.component), inert(&finding.control));
    let of = |case: &Node<'_, '_>| case.attribute("classname") == Some(class.as_str());
    let out = |case: Node<'_, '_>| {
        let out = case.children().find(|child| child.has_tag_name("system-out"));
        out.and_then(|out| out.text().map(str::to_owned)).unwrap_or_default()
    };
    // A control with other bounds is a case of its own.
    let mut why = Some(format!("no case of {class}"));
    for case in cases(&document).filter(of) {
        why = left_out(&out(case), finding, 100);
        if why.is_none() {
            break;
        }
    }
    why
}

/// The case of an id: the elements that say how it ended, with their messages.
fn ended(report: &Report, id: &str) -> Vec<(String, String)> {
    let told = report::junit(report, &Beside::default());
    let document = Document::parse(&told).unwrap();
    let case = cases(&document).find(|case| case.attribute("name").unwrap().starts_with(id)).unwrap();
    let element = |child: Node<'_, '_>| {
        (child.tag_name().name().to_owned(), child.attribute("message").unwrap_or_default().to_owned())
    };
    case.children().filter(Node::is_element).map(element).filter(|(name, _)| name != "system-out").collect()
}

#[test]
fn how_it_looks() {
    insta::assert_snapshot!(report::junit(&samples::control_plane(), &Beside::default()));
}

#[test]
fn several_nodes_and_profiles() {
    insta::assert_snapshot!(report::junit(&samples::two_nodes(), &Beside::default()));
}

#[test]
fn a_verdict_is_what_pipelines_make_of_it() {
    let report = samples::control_plane();
    for (id, element, message) in [
        ("2.2 ", "failure", "FAIL: etcd.client-cert-auth is false by default"),
        ("4.2.1 ", "error", "UNKNOWN: /var/lib/kubelet/config.yaml may not be read"),
        ("4.2.13 ", "skipped", "MANUAL: Is there a limit on processes in pods that suits this node?"),
        ("4.2.9 ", "skipped", "N/A: The kubelet gets its certificates from the cluster, so no file is named."),
        // Outside the source nothing can be done, so it breaks no build.
        ("5.1.1 ", "skipped", "UNKNOWN: outside this source: it needs the objects of the Kubernetes API"),
    ] {
        assert_eq!(ended(&report, id), [(element.to_owned(), message.to_owned())]);
    }
    assert_eq!(ended(&report, "1.2.1 "), []);
}

#[test]
fn a_demand_is_one_case_and_the_numbers_add_up() {
    for report in [samples::control_plane(), samples::two_nodes(), samples::empty()] {
        let told = report::junit(&report, &Beside::default());
        let document = Document::parse(&told).unwrap();
        let number = |node: Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<usize>().unwrap();
        let suites: Vec<Node<'_, '_>> =
            document.root_element().children().filter(|node| node.has_tag_name("testsuite")).collect();
        for name in ["tests", "failures", "errors", "skipped"] {
            let sum: usize = suites.iter().map(|suite| number(*suite, name)).sum();
            assert_eq!(number(document.root_element(), name), sum, "{name}");
        }
        assert_eq!(number(document.root_element(), "tests"), report.demands().count());
        assert_eq!(cases(&document).count(), report.demands().count());
        let mut names: Vec<&str> = cases(&document).map(|case| case.attribute("name").unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), report.demands().count(), "a name belongs to one case");
        let failed = |demand: &[Finding]| demand.iter().any(|finding| finding.verdict == Verdict::Fail);
        assert_eq!(
            number(document.root_element(), "failures"),
            report.demands().filter(|demand| failed(demand)).count()
        );
    }
}
