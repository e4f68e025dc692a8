//! Sentences of a plan: what a step is, what its findings have in common, where to try it.

use std::collections::{BTreeMap, BTreeSet};

use report::{CaptureInfo, Finding, Report};

use crate::edits::Edits;
use crate::model::Target;

/// What a platform says of a step.
#[derive(Clone, Debug)]
pub(crate) struct Advice {
    /// What to do, in order.
    pub(crate) todo: Vec<String>,
    /// What restarts, and what that costs.
    pub(crate) restart: String,
    /// How to go back.
    pub(crate) rollback: String,
}

/// Labels by which clouds and provisioners name the pool of a node.
const POOLS: [&str; 10] = [
    "label pool",
    "label node-pool",
    "label nodepool",
    "label cloud.google.com/gke-nodepool",
    "label eks.amazonaws.com/nodegroup",
    "label kubernetes.azure.com/agentpool",
    "label agentpool",
    "label doks.digitalocean.com/node-pool",
    "label karpenter.sh/nodepool",
    "label alibabacloud.com/nodepool-id",
];

impl Target {
    /// The end of patches' names, and the word in headings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Sysctls => "sysctls",
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::KernelArguments => "kernel-arguments",
        }
    }

    /// Whether it is tried on one pool first.
    pub(crate) fn is_of_all_nodes(self) -> bool {
        matches!(self, Self::Sysctls | Self::Kubelet | Self::KernelArguments)
    }
}

/// A heading.
pub(crate) fn title(target: Target, edits: &Edits<'_>) -> String {
    let count = edits.changes.len();
    let of = |one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    match target {
        Target::Files => format!("Modes and owners: {}", of("file", "files")),
        Target::Sysctls => format!("Running kernel: {}", of("setting", "settings")),
        Target::KernelArguments => format!("Kernel command line: {}", of("parameter", "parameters")),
        _ => format!("{}: {}", target.word(), of("setting", "settings")),
    }
}

/// What several findings have in common.
pub(crate) fn cause(target: Target, edits: &Edits<'_>, findings: &[&Finding], report: &Report) -> Option<String> {
    if findings.len() < 2 && edits.changes.len() < 2 {
        return None;
    }
    let which = match target {
        Target::Files => {
            let mut by_directory: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
            for file in &edits.files {
                let directory = file.path.rsplit_once('/').map_or("/", |(directory, _)| directory);
                by_directory.entry(directory).or_default().insert(&file.path);
            }
            let told = by_directory.iter().map(|(directory, files)| format!("{} in {directory}", files.len()));
            let told: Vec<String> = told.take(6).collect();
            format!("Files that were written under a loose umask, or shipped so: {}.", told.join(", "))
        }
        Target::Sysctls => {
            "All are values of the running kernel that nobody set, or that something set again: one file of settings."
                .to_owned()
        }
        Target::KernelArguments => "All are parameters of one command line: one boot settles them.".to_owned(),
        Target::Kubelet => "All stand in the configuration that the kubelets share.".to_owned(),
        _ => format!("All are arguments of one static pod, {}: one manifest and one restart.", target.word()),
    };
    let nodes = nodes(findings);
    let noted: BTreeSet<&String> = findings
        .iter()
        .flat_map(|finding| &finding.notes)
        .filter(|note| note.starts_with("these nodes, and no others, have "))
        .collect();
    let all = report.run.captures.iter().filter(|capture| capture.source != "cluster").count();
    let spread = match noted.iter().next() {
        Some(note) if noted.len() == 1 => format!(" Only some nodes: {note}."),
        _ if nodes.len() > 1 && nodes.len() == all => {
            format!(" The same on all {all} nodes: their template or image, and no node of its own.")
        }
        _ => String::new(),
    };
    Some(which + &spread)
}

/// The nodes that findings were seen on.
pub(crate) fn nodes(findings: &[&Finding]) -> Vec<String> {
    let all: BTreeSet<&String> =
        findings.iter().flat_map(|finding| &finding.subjects).flat_map(|subject| &subject.captures).collect();
    all.into_iter().cloned().collect()
}

/// Where to try a change first: the smallest pool, else one node.
pub(crate) fn trial(nodes: &[String], captures: &[CaptureInfo]) -> Option<String> {
    let [first, _, ..] = nodes else {
        return nodes.first().map(|only| format!("There is one node alone, {only}: try it where nothing hangs on it."));
    };
    let known: BTreeMap<&str, &CaptureInfo> = captures.iter().map(|capture| (capture.name.as_str(), capture)).collect();
    for label in POOLS {
        let mut pools: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for node in nodes {
            let own = known.get(node.as_str()).and_then(|capture| capture.identity.get(label));
            if let Some(pool) = own {
                pools.entry(pool).or_default().push(node);
            }
        }
        let smallest = pools.iter().min_by_key(|(name, nodes)| (nodes.len(), **name));
        if let (Some((pool, own)), true) = (smallest, pools.len() > 1) {
            let name = label.strip_prefix("label ").unwrap_or(label);
            return Some(format!("First the pool {pool} ({name}), the smallest of {}: {}.", pools.len(), some(own)));
        }
    }
    Some(format!("First one node, such as {first}: labels do not tell pools here."))
}

/// Some names, and how many more there are.
pub(crate) fn some(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<&str> = names.iter().take(4).map(AsRef::as_ref).collect();
    match names.len() {
        0..=4 => shown.join(", "),
        more => format!("{}, … and {} more", shown.join(", "), more - 4),
    }
}

/// What to know before a step that follows from the settings themselves.
pub(crate) fn warnings(target: Target, edits: &Edits<'_>) -> Vec<String> {
    let has = |name: &str| edits.settings.iter().any(|edit| edit.setting.name == name && edit.value.is_some());
    let mut said = Vec::new();
    if has("protectKernelDefaults") {
        said.push("With protectKernelDefaults a kubelet does not start on a host whose kernel is set otherwise: first the kernel's settings, on every node of the pool (vm.overcommit_memory = 1, vm.panic_on_oom = 0, kernel.panic = 10, kernel.panic_on_oops = 1, kernel.keys.root_maxkeys = 1000000, kernel.keys.root_maxbytes = 25000000).");
    }
    if has("anonymous-auth") {
        said.push("Without anonymous access the kubelet's own probes of the API server get 401, and it is restarted for ever: change the probes first.");
    }
    if has("audit-policy-file") || has("audit-log-path") {
        said.push("The audit policy and the log's directory have to be on each node, and mounted into the pod, before the flag is.");
    }
    if edits.settings.iter().any(|edit| target == Target::Kubelet && edit.by_flag && edit.setting.field.is_some()) {
        said.push("A flag says it now, and a flag wins over the file: nothing changes until the flag is gone.");
    }
    if target == Target::Files
        && edits.files.iter().any(|file| ["/usr/", "/lib/"].iter().any(|below| file.path.starts_with(below)))
    {
        said.push("A package brings its files with its own modes again at each upgrade: say it to the package manager as well (dpkg-statoverride), or override the unit in /etc/systemd/system.");
    }
    let argument = |name: &str| edits.arguments.iter().any(|(own, stays)| *stays && own.contains(name));
    if target == Target::KernelArguments {
        said.push("Each of them costs something: read `kube-assay explain ID` of each first, and leave out what this pool cannot pay.");
    }
    if argument("nosmt") {
        said.push("nosmt takes half of the threads of processors with SMT away.");
    }
    if argument("lockdown=") {
        said.push("Under lockdown drivers without a signature are not loaded; at confidentiality, tools that trace the kernel (Falco, Tetragon, Cilium) see nothing.");
    }
    said.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn node(name: &str, labels: &[(&str, &str)]) -> CaptureInfo {
        CaptureInfo {
            name: name.to_owned(),
            source: "cluster-node".to_owned(),
            taken: None,
            root: String::new(),
            identity: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            rights: Vec::new(),
            sees: Vec::new(),
            components: BTreeMap::new(),
            remarks: Vec::new(),
            cuts: Vec::new(),
            catalogue: String::new(),
        }
    }

    #[test]
    fn a_trial_is_the_smallest_pool_or_else_one_node() {
        let pool = "label eks.amazonaws.com/nodegroup";
        let captures =
            [node("a", &[(pool, "cpu")]), node("b", &[(pool, "gpu")]), node("c", &[(pool, "cpu")]), node("d", &[])];
        let said = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            trial(&names, &captures)
        };
        assert_eq!(
            said(&["a", "b", "c"]).unwrap(),
            "First the pool gpu (eks.amazonaws.com/nodegroup), the smallest of 2: b."
        );
        assert_eq!(said(&["a", "c"]).unwrap(), "First one node, such as a: labels do not tell pools here.");
        assert!(said(&["d"]).unwrap().starts_with("There is one node alone, d"));
        assert_eq!(said(&[]), None);
    }
}
