//! The certificates that kubelets serve with: each kubelet's own, and all of them as an API server meets them.

use std::collections::BTreeSet;

use evidence::{Source, Text};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::{Fact, Resolve, certificates, derived, text};
use crate::node::{Instance, Node};
use crate::value::{Known, Resolved, Seen, Type, Unknown, Value};

pub(super) static FACTS: &[Fact] = &[
    Fact {
        name: "kubelet.serving-certificate",
        kind: Type::Text,
        about: "Who signed the certificate that the kubelet serves with: cluster-signed, other-signed or self-signed.",
        from: &["tlsCertFile", "cert-dir", "authentication.x509.clientCAFile"],
        resolve: Resolve::Instance(serving_certificate),
    },
    Fact {
        name: "kube-apiserver.refused-kubelets",
        kind: Type::List,
        about: "The nodes of this run whose kubelets serve a certificate that --kubelet-certificate-authority did not issue, by issuer's name and key identifiers (signatures are not computed).",
        from: &["kubelet-certificate-authority"],
        resolve: Resolve::Instance(refused_kubelets),
    },
];

/// At most so many nodes are named.
const MOST: usize = 16;

/// What one kubelet serves with.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// Its node.
    node: String,
    /// The certificates, its own first; none: this kind of source shows no such file.
    certificates: Option<Seen<Vec<Text>>>,
}

/// What the kubelets of a node serve with. On a node before rollout none has a certificate yet.
pub(crate) fn served_on(node: &Node<'_>) -> Vec<Served> {
    let capture = node.sight.capture;
    let of = |certificates| Served { node: capture.name.clone(), certificates };
    if capture.source == Source::Rendered {
        return Vec::new();
    }
    match node.instances("kubelet") {
        Seen::Known(kubelets) => {
            let each = |kubelet| if capture.reach.files { shown(node, kubelet) } else { None };
            kubelets.iter().map(|kubelet| of(each(kubelet))).collect()
        }
        Seen::Absent(_) => Vec::new(),
        Seen::Unknown(unknown) => vec![of(Some(Seen::Unknown(unknown)))],
    }
}

/// The certificates that a kubelet serves with; none: they are beyond what may be seen here in principle.
fn shown(node: &Node<'_>, kubelet: &Instance) -> Option<Seen<Vec<Text>>> {
    match file(node, kubelet) {
        Seen::Known(path) => match node.sight.certs(&path) {
            Seen::Unknown(unknown) if unknown.outside => None,
            certificates => Some(certificates.map(<[Text]>::to_vec)),
        },
        Seen::Absent(proof) => Some(Seen::Absent(proof)),
        Seen::Unknown(unknown) => Some(Seen::Unknown(unknown)),
    }
}

/// The file that a kubelet's serving certificate lies in: with `serverTLSBootstrap` the one that the cluster signed for it,
/// and until then the one that it was given; without, the one that it was given, else the one that it signed itself
/// (`InitializeTLS` and `NewKubeletServerCertificateManager` of the kubelet, 1.27 to 1.36).
fn file(node: &Node<'_>, kubelet: &Instance) -> Seen<String> {
    let directory = match node.setting(kubelet, "cert-dir") {
        Seen::Known(known) => text(&known).trim_end_matches('/').to_owned(),
        _ => node.platform.places("kubelet-certificates").first().cloned().unwrap_or_default(),
    };
    let asks = match node.setting(kubelet, "serverTLSBootstrap") {
        Seen::Known(known) => known.value == Value::Bool(true),
        Seen::Absent(_) => false,
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    };
    let given = match node.setting(kubelet, "tlsCertFile") {
        Seen::Known(known) => Some(text(&known)),
        Seen::Absent(_) => None,
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    };
    if !asks {
        return Seen::Known(given.unwrap_or_else(|| format!("{directory}/kubelet.crt")));
    }
    let signed = format!("{directory}/kubelet-server-current.pem");
    match (node.sight.stat(&signed), given) {
        (Seen::Absent(_), Some(given)) => Seen::Known(given),
        (Seen::Absent(_), None) => {
            Seen::Absent(format!("no serving certificate lies in {directory}: nobody signed one for this kubelet yet"))
        }
        (Seen::Unknown(unknown), _) if !unknown.outside => Seen::Unknown(unknown),
        _ => Seen::Known(signed),
    }
}

fn serving_certificate(node: &Node<'_>, kubelet: &Instance) -> Resolved {
    let path = match file(node, kubelet) {
        Seen::Known(path) => path,
        Seen::Absent(proof) => return Seen::Absent(proof),
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    };
    certificates::read(node, &path).and_then(|served| {
        let Some(leaf) = served.first() else { return Seen::Absent(format!("{path} holds no certificate")) };
        let authority = node
            .setting(kubelet, "authentication.x509.clientCAFile")
            .and_then(|known| certificates::read(node, &text(&known)));
        let signed_by_cluster =
            authority.known().is_some_and(|cas| cas.iter().any(|ca| certificates::issued_by(leaf, ca)));
        let by_itself =
            leaf.tbs_certificate().issuer() == leaf.tbs_certificate().subject() || path.ends_with("/kubelet.crt");
        let word = match (signed_by_cluster, by_itself) {
            (true, _) => "cluster-signed",
            (false, true) => "self-signed",
            (false, false) => "other-signed",
        };
        derived(Value::Text(word.to_owned()), path, kubelet)
    })
}

/// The join of 1.2.5. A kubelet whose certificate this kind of source does not show is not compared, as with sockets; one
/// that was within reach and could not be seen may be among those that are refused.
fn refused_kubelets(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    let authority = match node.setting(apiserver, FLAG) {
        Seen::Known(known) => text(&known),
        Seen::Absent(proof) => {
            let source = format!("no certificate is verified, so no kubelet is refused: {proof}");
            return derived(Value::List(Vec::new()), source, apiserver);
        }
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    };
    if !node.sight.capture.reach.files {
        let source = format!("this source does not show {authority}, so no certificate was compared with it");
        return derived(Value::List(Vec::new()), source, apiserver);
    }
    let place = node.locate(apiserver, &authority);
    let authorities = match place.and_then(|place| certificates::read(node, &place)) {
        Seen::Known(authorities) => authorities,
        Seen::Absent(proof) => {
            return Seen::Unknown(Unknown::new(
                format!("--{FLAG} names a file that is not there: {proof}"),
                "look inside the container",
            ));
        }
        Seen::Unknown(unknown) if unknown.outside => {
            return derived(
                Value::List(Vec::new()),
                format!("no certificate was compared: {}", unknown.why),
                apiserver,
            );
        }
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    };
    let (mut refused, mut compared, mut beyond, mut partial) = (BTreeSet::new(), 0_usize, 0_usize, None);
    for Served { node, certificates } in node.kubelets {
        match certificates.as_ref().map(|seen| issued(seen, &authorities)) {
            None => beyond += 1,
            Some(Seen::Known(issued)) => {
                compared += 1;
                if !issued {
                    refused.insert(node.clone());
                }
            }
            Some(Seen::Absent(proof)) => {
                partial.get_or_insert(Unknown::new(
                    format!("the serving certificate of {node} could not be compared: {proof}"),
                    "look at it on that node; if its kubelet waits for a certificate, approve what it asked for",
                ));
            }
            Some(Seen::Unknown(unknown)) => {
                let why = format!("the serving certificate of {node} could not be compared: {}", unknown.why);
                partial.get_or_insert(Unknown { why, ..unknown });
            }
        }
    }
    let mut notes = Vec::new();
    if !refused.is_empty() {
        notes.push(format!(
            "{authority} issued no certificate that these kubelets serve with, by issuer's name and key identifiers: what the API server asks of them (logs, exec, port-forward) fails"
        ));
    }
    if beyond > 0 {
        notes.push(format!("of {} the serving certificate is not shown here, and was not compared", kubelets(beyond)));
    }
    let mut named: Vec<String> = refused.iter().take(MOST).cloned().collect();
    if refused.len() > MOST {
        named.push(format!("{} more", refused.len() - MOST));
    }
    let source = format!("{authority}, compared with what is served by {} of this run", kubelets(compared));
    derived(Value::List(named), source, apiserver).map(|known| Known { notes, partial, ..known })
}

const FLAG: &str = "kubelet-certificate-authority";

fn kubelets(count: usize) -> String {
    if count == 1 { "1 kubelet".to_owned() } else { format!("{count} kubelets") }
}

/// Whether an authority issued the first of the certificates, directly or through those that are served after it.
fn issued(served: &Seen<Vec<Text>>, authorities: &[Certificate]) -> Seen<bool> {
    served.as_ref().and_then(|served| {
        let chain: Result<Vec<_>, _> = served.iter().map(|der| Certificate::from_der(&der.bytes)).collect();
        let Ok(chain) = chain else {
            return Seen::Unknown(Unknown::new("it does not parse", "look at it with openssl x509 -text"));
        };
        let Some((leaf, between)) = chain.split_first() else {
            return Seen::Unknown(Unknown::new("its file holds no certificate", "look at the file on the node"));
        };
        let mut own = leaf;
        // Each step goes to another certificate of the file, so that a circle ends.
        for _ in 0..=between.len() {
            if authorities.iter().any(|authority| authority == own || certificates::issued_by(own, authority)) {
                return Seen::Known(true);
            }
            let Some(next) = between.iter().find(|next| *next != own && certificates::issued_by(own, next)) else {
                break;
            };
            own = next;
        }
        Seen::Known(false)
    })
}
