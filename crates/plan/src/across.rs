//! What all nodes of a report have of a fact, those on which nothing fails included: one patch goes to all of them, and
//! must not take from one what only another lacks.

use std::collections::{BTreeMap, BTreeSet};

use assess::{Lever, Observed, Verdict, meets};
use benchmark::{Comparison, Content, Judge, Kind, Operand, Operator, Requirement};
use report::{Finding, Report};
use serde_json::{Value as Json, json};

use crate::derive::{MEMBERS, Move, To, UNSEEN, is_plain, list, members};

const DIFFER: &str = "nodes differ in it, and no single value serves them all";

/// What the nodes of a report have of each fact.
pub(crate) struct Across<'r> {
    report: &'r Report,
    content: &'r Content,
    seen: BTreeMap<&'r str, BTreeMap<&'r str, &'r Observed>>,
}

impl<'r> Across<'r> {
    /// By fact and node. What one finding could not see, another may show.
    pub(crate) fn of(report: &'r Report, content: &'r Content) -> Self {
        let mut seen: BTreeMap<&str, BTreeMap<&str, &Observed>> = BTreeMap::new();
        for finding in &report.findings {
            for observed in &finding.observed {
                let nodes = seen.entry(&observed.fact).or_default();
                for node in nodes_of(finding) {
                    let known = nodes.entry(node).or_insert(observed);
                    if known.how == "unknown" {
                        *known = observed;
                    }
                }
            }
        }
        Self { report, content, seen }
    }

    /// Makes a move fit all nodes, or says why none does. Lists keep what any node has and no demand forbids; a value with
    /// which another node passes stays.
    pub(crate) fn widen(&self, one: &mut Move, finding: &Finding) -> Result<(), &'static str> {
        if !matches!(one.lever, Lever::Setting { .. } | Lever::AdmissionPlugins) {
            return Ok(());
        }
        let Some(seen) = &one.seen else { return Ok(()) };
        let fact = seen.fact.clone();
        match &mut one.to {
            To::With(_) | To::Without(_) | To::Only(_) => {
                self.all_seen(&fact, finding)?;
                one.base = self.union(&fact, self.lists(&fact))?;
            }
            To::Value(Json::Array(value)) => {
                let passing = self.passing(finding, &fact).map(|(node, own)| (node, members_of(own))).collect();
                let mut all: Vec<String> = value.iter().map(benchmark::plain).collect();
                for name in self.union(&fact, passing)? {
                    if !all.contains(&name) {
                        all.push(name);
                    }
                }
                *value = all.into_iter().map(Json::from).collect();
            }
            To::Value(value) => {
                let chosen = self.passing(finding, &fact).filter(|(_, own)| own.how == "explicit");
                let by_text: BTreeMap<&str, &str> =
                    chosen.filter_map(|(node, own)| Some((own.value.as_deref()?, node))).collect();
                let texts = by_text.keys().copied().collect();
                if let Some(kept) = kept(&fact, &texts, value)?.filter(|kept| kept != value) {
                    one.kept_from = by_text.get(benchmark::plain(&kept).as_str()).map(|node| (*node).to_owned());
                    *value = kept;
                }
            }
            To::Gone => {}
        }
        Ok(())
    }

    /// How the nodes differ in what a move changes, and what the patch makes of that; none: they do not.
    pub(crate) fn differ(&self, one: &Move) -> Option<String> {
        let fact = &one.seen.as_ref()?.fact;
        if let (Some(node), To::Value(value)) = (&one.kept_from, &one.to) {
            let value = benchmark::plain(value);
            return Some(format!("These nodes differ in {fact}: {node} passes with {value}, and all get that."));
        }
        let is_list = match &one.lever {
            Lever::AdmissionPlugins => true,
            Lever::Setting { component, name } => self
                .content
                .component(component)
                .setting(name)
                .is_some_and(|own| matches!(own.kind, Kind::List | Kind::LastList | Kind::Repeated)),
            _ => false,
        };
        if !is_list {
            return None;
        }
        let lists = self.lists(fact);
        let all: BTreeSet<&String> = lists.values().flatten().collect();
        let apart: Vec<&String> =
            all.into_iter().filter(|name| !lists.values().all(|own| own.contains(name))).collect();
        let mut by_members: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
        for (node, own) in &lists {
            let more = apart.iter().filter(|name| own.contains(name)).map(|name| name.as_str()).collect::<Vec<_>>();
            if !more.is_empty() {
                by_members.entry(more).or_default().push(node);
            }
        }
        let mut told: Vec<String> =
            by_members.iter().map(|(more, nodes)| format!("{} has {}", nodes.join(", "), more.join(", "))).collect();
        told.sort();
        (!told.is_empty()).then(|| {
            format!(
                "These nodes differ in {fact}: {}. The patch keeps for all what any of them has and no demand forbids. What a member needs, such as a file or a configuration, has to be on every node first, or the component does not start there.",
                told.join("; ")
            )
        })
    }

    fn lists(&self, fact: &str) -> BTreeMap<&'r str, Vec<String>> {
        let all = self.seen.get(fact).into_iter().flatten();
        all.map(|(node, own)| (*node, members_of(own))).collect()
    }

    /// Fails where a node that has to do with a demand does not show what it has.
    fn all_seen(&self, fact: &str, finding: &Finding) -> Result<(), &'static str> {
        let seen = self.seen.get(fact);
        let hidden = seen.is_some_and(|all| all.values().any(|own| own.how == "unknown"));
        let mut same = self.report.findings.iter().filter(|own| own.control == finding.control);
        let untold = same.any(|own| {
            own.verdict == Verdict::Unknown && nodes_of(own).any(|node| seen.is_none_or(|all| !all.contains_key(node)))
        });
        if hidden || untold { Err(UNSEEN) } else { Ok(()) }
    }

    /// What other nodes have that meet the same demand.
    fn passing(&self, finding: &Finding, fact: &str) -> impl Iterator<Item = (&'r str, &'r Observed)> {
        let same =
            self.report.findings.iter().filter(|own| {
                own.control == finding.control && own.verdict == Verdict::Pass && own.equivalent.is_none()
            });
        let pairs =
            same.flat_map(|own| own.observed.iter().flat_map(|seen| nodes_of(own).map(move |node| (node, seen))));
        pairs.filter(move |(_, seen)| seen.fact == fact)
    }

    /// The members of several lists, in the order of the longest, without those that a demand forbids.
    fn union(&self, fact: &str, lists: BTreeMap<&str, Vec<String>>) -> Result<Vec<String>, &'static str> {
        let mut lists: Vec<Vec<String>> = lists.into_values().collect();
        lists.sort_by_key(|own| std::cmp::Reverse(own.len()));
        let mut met = BTreeSet::new();
        let mut all: Vec<String> = Vec::new();
        for name in lists.into_iter().flatten().filter(|name| met.insert(name.clone())) {
            if !is_plain(&name) {
                return Err(MEMBERS);
            }
            if !self.is_forbidden(fact, &name)? {
                all.push(name);
            }
        }
        Ok(all)
    }

    /// Whether a demand that holds somewhere, or is to hold, forbids a member. Fails where that was accepted elsewhere: the
    /// member may neither go nor come.
    fn is_forbidden(&self, fact: &str, name: &str) -> Result<bool, &'static str> {
        let by: Vec<&Finding> = self.report.findings.iter().filter(|own| self.forbids(own, fact, name)).collect();
        let fails = |own: &&&Finding| own.verdict == Verdict::Fail;
        let accepted = by.iter().filter(fails).any(|own| !own.decision.state.is_open());
        let holds = by.iter().any(|own| own.verdict == Verdict::Pass && own.equivalent.is_none());
        let open = by.iter().filter(fails).any(|own| own.decision.state.is_open());
        match (accepted, holds || open) {
            (true, true) => Err(DIFFER),
            (_, forbidden) => Ok(forbidden),
        }
    }

    fn forbids(&self, finding: &Finding, fact: &str, name: &str) -> bool {
        let Some(control) = self.content.control(&finding.control) else { return false };
        let Judge::Require(requirement) = &control.judge else { return false };
        let has = |operand: &Operand| {
            let value = match operand {
                Operand::Literal(value) => Some(value),
                Operand::Parameter(name) => finding.parameters.get(name),
                Operand::Fact(_) => None,
            };
            value.map(|value| members(value).iter().any(|own| own == name))
        };
        comparisons(requirement).into_iter().filter(|own| own.fact == fact).any(|own| match own.operator {
            Operator::Excludes | Operator::Disjoint => has(&own.operand) == Some(true),
            Operator::Within => has(&own.operand) == Some(false),
            _ => false,
        })
    }
}

fn nodes_of(finding: &Finding) -> impl Iterator<Item = &str> {
    finding.subjects.iter().flat_map(|subject| &subject.captures).map(String::as_str)
}

fn members_of(seen: &Observed) -> Vec<String> {
    seen.value.as_deref().map(list).unwrap_or_default()
}

/// Comparisons that all have to hold.
fn comparisons(requirement: &Requirement) -> Vec<&Comparison> {
    match requirement {
        Requirement::Compare(comparison) => vec![comparison],
        Requirement::All(parts) => parts.iter().flat_map(comparisons).collect(),
        Requirement::Any(_) | Requirement::Not(_) => Vec::new(),
    }
}

/// Which of the values that others pass with stands for all: of what has an order the one that is furthest from the bound,
/// of texts the only one. None: nobody chose one.
fn kept(fact: &str, texts: &BTreeSet<&str>, bound: &Json) -> Result<Option<Json>, &'static str> {
    let meets = |text: &str, operator, other: &Json| meets(fact, Some(text), operator, other) == Some(true);
    let furthest = |operator| {
        let all = texts.iter().all(|text| meets(text, operator, bound));
        let beyond = |text: &&&str| texts.iter().all(|other| meets(text, operator, &of_kind(other, bound)));
        all.then(|| texts.iter().find(beyond)).flatten()
    };
    let only = || texts.first().filter(|_| texts.len() == 1);
    match furthest(Operator::AtLeast).or_else(|| furthest(Operator::AtMost)).or_else(only) {
        Some(text) if is_plain(text) => Ok(Some(of_kind(text, bound))),
        Some(_) => Err(MEMBERS),
        None if texts.is_empty() => Ok(None),
        None => Err(DIFFER),
    }
}

/// A text as the kind of value that a bound is.
fn of_kind(text: &str, bound: &Json) -> Json {
    match bound {
        Json::String(_) => json!(text),
        _ => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_passes_the_furthest_from_the_bound_is_kept() {
        let pids = "kubelet.podPidsLimit";
        let idle = "kubelet.streamingConnectionIdleTimeout";
        let version = "kube-apiserver.tls-min-version";
        for (fact, texts, bound, expected) in [
            (pids, &["4096", "10000"][..], json!(1), Ok(Some(json!(10000)))),
            (pids, &["90", "100"], json!(1000), Ok(Some(json!(90)))),
            (pids, &["90", "10000"], json!(1000), Err(DIFFER)),
            (pids, &["90"], json!(1000), Ok(Some(json!(90)))),
            (pids, &[], json!(1), Ok(None)),
            (idle, &["10m0s", "1h0m0s"], json!("5m"), Ok(Some(json!("1h0m0s")))),
            (version, &["VersionTLS13"], json!("VersionTLS12"), Ok(Some(json!("VersionTLS13")))),
            (version, &["VersionTLS12", "VersionTLS13"], json!("VersionTLS12"), Err(DIFFER)),
            (version, &["$(reboot)"], json!("VersionTLS12"), Err(MEMBERS)),
        ] {
            let texts = texts.iter().copied().collect();
            assert_eq!(kept(fact, &texts, &bound), expected, "{fact} {texts:?}");
        }
    }
}
