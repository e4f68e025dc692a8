//! Which node of the later run is which of the earlier one: by name, else those of its pool.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::slice;

use assess::Verdict;

use super::lanes::Rows;
use super::model::{Added, Changed, Gone, Nodes, Stopped};
use super::pool::Pool;
use crate::model::{CaptureInfo, Report};

/// Labels by which providers and installers name the pool of a node.
const POOL_LABELS: [&str; 10] = [
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "karpenter.sh/nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "kops.k8s.io/instancegroup",
    "doks.digitalocean.com/node-pool",
    "lke.linode.com/pool-id",
    "k8s.scaleway.com/pool-name",
];

/// What of an identity is another at every boot or look.
const FLEETING: [&str; 4] = ["boot-id", "client-expires", "client-roles", "context"];

const CLUSTER: &str = "cluster";

/// So many nodes of a pool are named for each that is new: all for all would be their number squared.
const MATES: usize = 20;

/// What a later node is compared with.
#[derive(Clone, Debug)]
pub(super) enum Counterpart<'r> {
    /// Itself, by its name in the earlier run.
    Itself(&'r str),
    /// Its pool: the earlier run did not know it.
    Pool(Rc<Pool<'r>>),
}

impl<'r> Counterpart<'r> {
    /// Their names in the earlier run.
    pub(super) fn nodes(&self) -> &[&'r str] {
        match self {
            Self::Itself(node) => slice::from_ref(node),
            Self::Pool(pool) => &pool.before,
        }
    }
}

/// Which node is which.
#[derive(Debug)]
pub(super) struct Matching<'r> {
    /// Each later node's counterpart.
    of: BTreeMap<&'r str, Counterpart<'r>>,
    /// Each earlier node's name in the later run, where it has one.
    later: BTreeMap<&'r str, &'r str>,
    /// What is told of nodes.
    pub told: Nodes,
}

impl<'r> Matching<'r> {
    pub(super) fn new(before: &Rows<'r>, after: &Rows<'r>, another_tool: bool) -> Self {
        let (old, new) = (names(before), names(after));
        let mut later: BTreeMap<&str, &str> = old.intersection(&new).map(|name| (*name, *name)).collect();
        // A cluster's own capture bears the name that its context had at the time.
        if let (Some(old), Some(new)) = (cluster(before.report), cluster(after.report)) {
            later.insert(old, new);
        }
        let taken: BTreeSet<&str> = later.values().copied().collect();
        let mut unknown: Vec<&str> = new.iter().filter(|name| !taken.contains(**name)).copied().collect();
        let lost: Vec<&str> = old.iter().filter(|name| !later.contains_key(**name)).copied().collect();
        // Another tool may not have known the only node's name.
        if let ([one], [other]) = (lost.as_slice(), unknown.as_slice())
            && another_tool
        {
            later.insert(one, other);
            unknown.clear();
        }
        let gone: Vec<&str> = old.iter().filter(|name| !later.contains_key(**name)).copied().collect();
        let same = |(old, new): (&&'r str, &&'r str)| (*new, Counterpart::Itself(old));
        let mut of: BTreeMap<&str, Counterpart<'_>> = later.iter().map(same).collect();
        let (old_pools, new_pools) = (pools(before.report), pools(after.report));
        let known = together(&old_pools, &new_pools);
        let mut told = Nodes::default();
        for name in unknown {
            let own = new_pools.get(name).and_then(|pool| known.get(pool.as_str())).cloned().unwrap_or_default();
            told.added.push(Added {
                name: name.to_owned(),
                pool: own.name.clone(),
                mates: own.before.len(),
                compared_with: own.before.iter().take(MATES).map(|name| (*name).to_owned()).collect(),
            });
            of.insert(name, Counterpart::Pool(own));
        }
        for name in gone {
            let verdicts = || before.all.iter().filter(|(key, _)| key.node == name).map(|(_, at)| before.finding(*at));
            told.gone.push(Gone {
                name: name.to_owned(),
                pool: old_pools.get(name).cloned().unwrap_or_default(),
                subjects: verdicts().count(),
                failed: verdicts().filter(|finding| finding.verdict == Verdict::Fail).count(),
            });
        }
        if !another_tool {
            told.changed = changed(before.report, after.report, &later);
            told.stopped = stopped(before.report, after.report, &later);
        }
        Self { of, later, told }
    }

    /// What a node of the later run is compared with; none: it is not a node of that run.
    pub(super) fn counterpart(&self, node: &str) -> Option<&Counterpart<'r>> {
        self.of.get(node)
    }

    /// The name of an earlier node in the later run.
    pub(super) fn later(&self, node: &str) -> Option<&'r str> {
        self.later.get(node).copied()
    }
}

fn names<'r>(rows: &Rows<'r>) -> BTreeSet<&'r str> {
    let captures = rows.report.run.captures.iter().map(|capture| capture.name.as_str());
    captures.chain(rows.all.keys().map(|key| key.node)).collect()
}

/// The only capture of a cluster's own objects.
fn cluster(report: &Report) -> Option<&str> {
    let mut all = report.run.captures.iter().filter(|capture| capture.source == CLUSTER);
    let one = all.next()?;
    all.next().is_none().then_some(&one.name)
}

/// Each node's pool, in words.
fn pools(report: &Report) -> BTreeMap<&str, String> {
    let nodes = report.run.captures.iter().filter(|capture| capture.source != CLUSTER);
    nodes.map(|capture| (capture.name.as_str(), pool(capture))).collect()
}

/// The pools of the later run, each with its nodes in both.
fn together<'r, 'p>(
    before: &BTreeMap<&'r str, String>,
    after: &'p BTreeMap<&'r str, String>,
) -> BTreeMap<&'p str, Rc<Pool<'r>>> {
    let mut all: BTreeMap<&str, Pool<'r>> = BTreeMap::new();
    for (node, name) in after {
        let pool = all.entry(name).or_insert_with(|| Pool { name: name.clone(), ..Pool::default() });
        pool.after.push(node);
    }
    for (node, name) in before {
        if let Some(pool) = all.get_mut(name.as_str()) {
            pool.before.push(node);
        }
    }
    all.into_iter().map(|(name, pool)| (name, Rc::new(pool))).collect()
}

/// `pool general (worker)`: the pool's label where there is one, and the role.
fn pool(capture: &CaptureInfo) -> String {
    let role = match capture.identity.get("role") {
        Some(role) => role.as_str(),
        None if capture.components.contains_key("kube-apiserver") => "control-plane",
        None if capture.components.contains_key("kubelet") => "worker",
        None => "no role",
    };
    let label = POOL_LABELS.iter().find_map(|label| capture.identity.get(&format!("label {label}")));
    label.map_or_else(|| format!("nodes of role {role}"), |name| format!("pool {name} ({role})"))
}

fn changed(before: &Report, after: &Report, later: &BTreeMap<&str, &str>) -> Vec<Changed> {
    let by_name: BTreeMap<&str, &CaptureInfo> =
        after.run.captures.iter().map(|capture| (capture.name.as_str(), capture)).collect();
    let mut changed: Vec<Changed> = Vec::new();
    for old in &before.run.captures {
        let Some(new) = later.get(old.name.as_str()).and_then(|name| by_name.get(name)) else { continue };
        let what = differences(old, new);
        if !what.is_empty() {
            changed.push(Changed { name: new.name.clone(), what });
        }
    }
    changed.sort();
    changed
}

/// Nobody takes one of these away without meaning to; other components give way to others.
const MISSED: [&str; 5] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"];

fn stopped(before: &Report, after: &Report, later: &BTreeMap<&str, &str>) -> Vec<Stopped> {
    let mut ran: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut run = ran.clone();
    let missed = |capture: &CaptureInfo| {
        MISSED.into_iter().filter(|name| capture.components.contains_key(*name)).collect::<Vec<_>>()
    };
    for old in &before.run.captures {
        if let Some(name) = later.get(old.name.as_str()) {
            ran.entry(name).or_default().extend(missed(old));
        }
    }
    for new in &after.run.captures {
        run.entry(&new.name).or_default().extend(missed(new));
    }
    let told = run.iter().filter_map(|(name, run)| {
        let stopped = ran.get(name)?.difference(run).map(|component| (*component).to_owned());
        Some(Stopped { name: (*name).to_owned(), components: stopped.collect() })
    });
    told.filter(|stopped| !stopped.components.is_empty()).collect()
}

fn differences(old: &CaptureInfo, new: &CaptureInfo) -> Vec<String> {
    let mut what = Vec::new();
    let mut differ = |name: &str, was: Option<&str>, is: Option<&str>| {
        let said = |value: Option<&str>| value.unwrap_or("not told").to_owned();
        if was != is {
            what.push(format!("{name} {} becomes {}", said(was), said(is)));
        }
    };
    differ("looked at as", Some(&old.source), Some(&new.source));
    let keys: BTreeSet<&String> = old.identity.keys().chain(new.identity.keys()).collect();
    for key in keys.into_iter().filter(|key| !FLEETING.contains(&key.as_str())) {
        differ(key, old.identity.get(key).map(String::as_str), new.identity.get(key).map(String::as_str));
    }
    let (sees, saw): (BTreeSet<&String>, BTreeSet<&String>) = (new.sees.iter().collect(), old.sees.iter().collect());
    what.extend(saw.difference(&sees).map(|kind| format!("{kind} can no longer be seen")));
    what.extend(sees.difference(&saw).map(|kind| format!("{kind} can be seen now")));
    what
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_told_by_its_label_and_role() {
        let capture = |identity: &[(&str, &str)], components: &[&str]| CaptureInfo {
            name: "n".to_owned(),
            source: "node".to_owned(),
            taken: None,
            root: "/".to_owned(),
            identity: identity.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            rights: Vec::new(),
            sees: Vec::new(),
            components: components.iter().map(|name| ((*name).to_owned(), "running".to_owned())).collect(),
            remarks: Vec::new(),
            cuts: Vec::new(),
            catalogue: String::new(),
        };
        for (identity, components, expected) in [
            (&[("role", "worker"), ("label karpenter.sh/nodepool", "spot")][..], &[][..], "pool spot (worker)"),
            (&[("role", "control-plane")], &[], "nodes of role control-plane"),
            (&[], &["kubelet", "kube-apiserver"], "nodes of role control-plane"),
            (&[("label zone", "a")], &["kubelet"], "nodes of role worker"),
            (&[], &[], "nodes of role no role"),
        ] {
            assert_eq!(pool(&capture(identity, components)), expected);
        }
    }

    #[test]
    fn differences_leave_out_what_is_fleeting() {
        let capture = |kubelet: &str, boot: &str, sees: &str| CaptureInfo {
            name: "n".to_owned(),
            source: "node".to_owned(),
            taken: None,
            root: "/".to_owned(),
            identity: [("kubelet", kubelet), ("boot-id", boot)].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            rights: Vec::new(),
            sees: vec![sees.to_owned()],
            components: BTreeMap::new(),
            remarks: Vec::new(),
            cuts: Vec::new(),
            catalogue: String::new(),
        };
        let (old, new) = (capture("v1.35.1", "1", "files"), capture("v1.36.0", "2", "processes"));
        assert_eq!(
            differences(&old, &new),
            ["kubelet v1.35.1 becomes v1.36.0", "files can no longer be seen", "processes can be seen now"]
        );
        assert!(differences(&old, &old).is_empty());
    }
}
