//! A register to begin with, for a platform: who keeps what there, and what its provider keeps to itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use benchmark::{Content, Platform};
use jiff::ToSpan;
use jiff::civil::Date;

use crate::write::{comment, list, scalar};

/// The text of a register for a platform. It does not pass [`crate::lint`] until somebody has read the provider's documents
/// and written down the day.
pub fn init(name: &str, platform: &Platform, content: &Content, as_of: Date) -> String {
    let mut text = format!(
        "# A register for {}: who answers for what, and what was decided. `kube-assay register lint FILE` says what is\n\
         # still missing in it; `kube-assay scan --register FILE` decides by it.\n\
         register: {}\n# cluster: NAME # its uid, or what --cluster-name calls it; without it, this decides for every cluster\n\n\
         review:\n  longest_days: 365 # of an exception or grant\n  answers_days: 400\n\nowners:\n",
        comment(&platform.title),
        scalar(name),
    );
    let hidden = platform.provider.as_deref();
    for (owner, what, components, source) in teams(&platform.name, hidden.is_some()) {
        let known: BTreeSet<&str> = content.controls.iter().map(|control| control.component.as_str()).collect();
        let here = |name: &&str| known.contains(name) && (*name != "talos" || platform.name == "talos");
        let components = components.iter().copied().filter(here);
        let _ = writeln!(
            text,
            "  - owner: {owner} # {what}\n    # contact: where they are reached\n    source: {}\n    of: {{ components: {} }}",
            scalar(source),
            list(components),
        );
    }
    if let Some(provider) = hidden {
        let again = as_of.checked_add(365.days()).unwrap_or(as_of);
        let _ = writeln!(
            text,
            "\nclasses:\n  # {} runs the control plane and shows nothing of it. Read what it says of its share, and put the day \
             on\n  # which you did so beside each link.\n  - class: provider-owned\n    of: {{ components: {} }}\n    reason: {}\n    \
             evidence:{}",
            comment(provider),
            list(assess::PROVIDERS),
            scalar(&format!(
                "{provider} runs and secures the control plane of {}; its customers can neither see nor set it.",
                platform.title
            )),
            if platform.attests.is_empty() { " [] # a link to what the provider says of its share" } else { "" },
        );
        for link in &platform.attests {
            let _ = writeln!(text, "      - {{ link: {}, dated: \"\" }}", scalar(link));
        }
        let _ = writeln!(text, "    recheck: {{ before: {again} }}");
    }
    text.push_str(
        "\n# Here follow the lists `exceptions:`, `grants:` and `answers:`. `kube-assay register add CONTROL --report report.json\n\
         # --into FILE` drafts an entry and puts it into its list.\n",
    );
    text
}

type Team = (&'static str, &'static str, &'static [&'static str], &'static str);

/// Who usually keeps what. People change the names; the parts are those that one change mends.
fn teams(platform: &str, hidden: bool) -> Vec<Team> {
    const CONTROL_PLANE: &[&str] =
        &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "control-plane"];
    const NODES: &[&str] = &["kubelet", "kube-proxy", "node", "kernel", "talos"];
    const WORKLOADS: &[&str] = &["pods", "network", "policies", "secrets"];
    let (plane, nodes) = match platform {
        "kubeadm" => ("kubeadm's ClusterConfiguration", "kubeadm's KubeletConfiguration and the image of the nodes"),
        "talos" => ("the machine configuration of the control planes", "the machine configuration of the workers"),
        _ => ("the cluster's own configuration", "the node pools' configuration"),
    };
    let mut teams: Vec<Team> = Vec::new();
    if !hidden {
        teams.push(("control-plane-team", "API server, etcd and what stands beside them", CONTROL_PLANE, plane));
    }
    teams.push(("node-team", "kubelets, kernels and images", NODES, nodes));
    teams.push(("access-team", "who may do what", &["rbac"], "the repository of roles and bindings"));
    teams.push(("workload-team", "what runs, and what keeps it apart", WORKLOADS, "the repository of workloads"));
    teams
}
