//! Facts of etcd that more than one setting makes.

use evidence::{Basis, Stat};

use super::{Fact, Resolve, certificates, derived, members, text};
use crate::node::{Instance, Node};
use crate::value::{How, Known, Resolved, Seen, Type, Unknown, Value};

pub(super) static FACTS: &[Fact] = &[
    Fact {
        name: "etcd.run-as",
        kind: Type::Text,
        about: "The user and group ids that etcd runs with.",
        from: &[],
        resolve: Resolve::Instance(run_as),
    },
    Fact {
        name: "etcd.plain-client-urls",
        kind: Type::List,
        about: "The addresses on which etcd serves clients without TLS, whatever certificates it was given.",
        from: &["listen-client-urls"],
        resolve: Resolve::Instance(|node, etcd| plain(node, etcd, "listen-client-urls")),
    },
    Fact {
        name: "etcd.plain-peer-urls",
        kind: Type::List,
        about: "The addresses on which etcd serves its peers without TLS, whatever certificates it was given.",
        from: &["listen-peer-urls"],
        resolve: Resolve::Instance(|node, etcd| plain(node, etcd, "listen-peer-urls")),
    },
    Fact {
        name: "etcd.ca-shared-with-cluster",
        kind: Type::Bool,
        about: "Whether etcd trusts a certificate authority that the API server also accepts clients from.",
        from: &["trusted-ca-file"],
        resolve: Resolve::Instance(ca_shared),
    },
];

fn run_as(node: &Node<'_>, etcd: &Instance) -> Resolved {
    match &etcd.process {
        Some(process)
            if process.uid == Stat::UNRECORDED
                && !node.sight.capture.reach.kernel
                && node.platform.accounts.contains_key("etcd") =>
        {
            Seen::Known(Known {
                value: Value::Text(node.platform.accounts["etcd"].clone()),
                how: How::Default,
                source: format!("{} runs etcd as that account", node.platform.title),
                basis: Basis::Declared,
                notes: Vec::new(),
                partial: None,
            })
        }
        Some(process) if process.uid == Stat::UNRECORDED => {
            Seen::Unknown(Unknown::new(format!("the user of {} was not recorded", etcd.name), "scan the running node"))
        }
        Some(process) => Seen::Known(Known {
            value: Value::Text(format!("{}:{}", process.uid, process.gid)),
            how: How::Observed,
            source: format!("the process of {}", etcd.name),
            basis: etcd.basis,
            notes: Vec::new(),
            partial: None,
        }),
        None => Seen::Unknown(Unknown::outside("no process is in this source's reach", "scan the running node")),
    }
}

/// etcd ignores its certificates on an `http://` listener and only logs a warning (embed/etcd.go, 3.5 and 3.6).
fn plain(node: &Node<'_>, etcd: &Instance, setting: &str) -> Resolved {
    node.setting(etcd, setting).map(|known| {
        let mut urls = members(known.clone());
        if setting == "listen-client-urls" {
            // Since 3.5.7 HTTP may be served on addresses of its own.
            urls.extend(etcd.flags.all("listen-client-http-urls").flat_map(|urls| urls.split(',')).map(str::to_owned));
        }
        urls.retain(|url| url.to_ascii_lowercase().starts_with("http://"));
        Known { value: Value::List(urls), ..known }
    })
}

/// Authorities are compared by their keys' certificates (fingerprints), not by the paths they lie at.
fn ca_shared(node: &Node<'_>, etcd: &Instance) -> Resolved {
    let authorities = |instance: &Instance, flag: &str| {
        node.setting(instance, flag).and_then(|known| {
            let path = text(&known);
            node.locate(instance, &path).and_then(|place| match certificates::fingerprints(node, &place) {
                Seen::Known(prints) => Seen::Known((prints, place)),
                // The flag names it, so it is somewhere.
                Seen::Absent(proof) => Seen::Unknown(Unknown::new(
                    format!("--{flag} names a file that is not there: {proof}"),
                    "look inside the container",
                )),
                Seen::Unknown(unknown) => Seen::Unknown(unknown),
            })
        })
    };
    authorities(etcd, "trusted-ca-file").and_then(|(etcd_prints, etcd_place)| {
        let cluster = match node.only("kube-apiserver") {
            Seen::Known(apiserver) => authorities(apiserver, "client-ca-file"),
            Seen::Absent(proof) => Seen::Unknown(Unknown::new(
                format!("the cluster's authority is not on this node ({proof})"),
                "judge this node together with a control plane node",
            )),
            Seen::Unknown(unknown) => Seen::Unknown(unknown),
        };
        match cluster {
            Seen::Known((prints, place)) => {
                let shared = etcd_prints.iter().any(|print| prints.contains(print));
                derived(Value::Bool(shared), format!("certificates in {etcd_place} and {place}"), etcd)
            }
            // The API server accepts no client certificates, so nothing is shared.
            Seen::Absent(proof) => derived(Value::Bool(false), proof, etcd),
            Seen::Unknown(unknown) => Seen::Unknown(unknown),
        }
    })
}
