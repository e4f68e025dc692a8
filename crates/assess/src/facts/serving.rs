//! The certificates that kubelets serve with: each kubelet's own, and all of them as an API server meets them.

use std::collections::BTreeSet;

use benchmark::Version;
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
    /// The certificates of each file that it serves from, its own first; none: this kind of source shows no such file.
    files: Option<Seen<Vec<Vec<Text>>>>,
}

/// The files that a kubelet serves from.
struct Files {
    /// For whoever calls it by its name, which is everybody where there is no other.
    by_name: String,
    /// For whoever calls it by its address, if that is another.
    by_address: Option<String>,
}

impl Files {
    fn all(&self) -> impl Iterator<Item = &String> {
        [&self.by_name].into_iter().chain(&self.by_address)
    }
}

/// From here on a kubelet that asks for its serving certificate serves with that alone.
const ONE_FOR_ALL: Version = Version { major: 1, minor: 36 };

/// What the kubelets of a node serve with. On a node before rollout none has a certificate yet.
pub(crate) fn served_on(node: &Node<'_>) -> Vec<Served> {
    let capture = node.sight.capture;
    let of = |files| Served { node: capture.name.clone(), files };
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
fn shown(node: &Node<'_>, kubelet: &Instance) -> Option<Seen<Vec<Vec<Text>>>> {
    let files = match files(node, kubelet) {
        Seen::Known(files) => files,
        Seen::Absent(proof) => return Some(Seen::Absent(proof)),
        Seen::Unknown(unknown) => return Some(Seen::Unknown(unknown)),
    };
    let mut all = Vec::new();
    for path in files.all() {
        match node.sight.certs(path) {
            Seen::Known(certificates) => all.push(certificates.to_vec()),
            Seen::Unknown(unknown) if unknown.outside => return None,
            Seen::Absent(proof) => return Some(Seen::Absent(proof)),
            Seen::Unknown(unknown) => return Some(Seen::Unknown(unknown)),
        }
    }
    Some(Seen::Known(all))
}

/// The files that a kubelet's serving certificate lies in: with `serverTLSBootstrap` the one that the cluster signed for it,
/// and until then the one that it was given; without, the one that it was given, else the one that it made itself
/// (`InitializeTLS` in `cmd/kubelet/app/server.go`, `NewKubeletServerCertificateManager` in `pkg/kubelet/certificate/kubelet.go`,
/// in 1.27, 1.30 and 1.34 to 1.36; the order of a store's files: `certificate_store.go` of client-go).
/// `rotateCertificates` is about its client certificate alone.
///
/// Where it was given one and asks as well, kubelets before 1.36 serve both: the given pair goes to `ListenAndServeTLS`
/// (`pkg/kubelet/server/server.go`), and Go asks `GetCertificate`, which has the signed one, only for clients that name the
/// server (`crypto/tls`). Whoever calls an address, as the API server mostly does, names none. 1.36 passes no file.
fn files(node: &Node<'_>, kubelet: &Instance) -> Seen<Files> {
    let alone = |path| Seen::Known(Files { by_name: path, by_address: None });
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
        return alone(given.unwrap_or_else(|| format!("{directory}/kubelet.crt")));
    }
    let signed = format!("{directory}/kubelet-server-current.pem");
    match (node.sight.stat(&signed), given) {
        (Seen::Absent(_), Some(given)) => alone(given),
        (Seen::Absent(_), None) => {
            Seen::Absent(format!("no serving certificate lies in {directory}: nobody signed one for this kubelet yet"))
        }
        (Seen::Unknown(unknown), _) if !unknown.outside => Seen::Unknown(unknown),
        (_, given) => {
            let one = node.version.is_some_and(|version| version >= ONE_FOR_ALL);
            Seen::Known(Files { by_name: signed, by_address: given.filter(|_| !one) })
        }
    }
}

fn serving_certificate(node: &Node<'_>, kubelet: &Instance) -> Resolved {
    files(node, kubelet).and_then(|Files { by_name, by_address }| {
        let first = by_address.as_ref().unwrap_or(&by_name);
        signed_by(node, kubelet, first).and_then(|word| {
            let source = match &by_address {
                None => Seen::Known(by_name.clone()),
                Some(given) => signed_by(node, kubelet, &by_name).map(|other| {
                    format!("{given}, for who calls an address; for who calls a name {by_name} ({other})")
                }),
            };
            source.and_then(|source| derived(Value::Text(word.to_owned()), source, kubelet))
        })
    })
}

/// Who signed the first certificate of a file.
fn signed_by(node: &Node<'_>, kubelet: &Instance, path: &str) -> Seen<&'static str> {
    certificates::read(node, path).and_then(|served| {
        let Some(leaf) = served.first() else { return Seen::Absent(format!("{path} holds no certificate")) };
        let authority = node
            .setting(kubelet, "authentication.x509.clientCAFile")
            .and_then(|known| certificates::read(node, &text(&known)));
        let by_cluster = authority.known().is_some_and(|cas| cas.iter().any(|ca| certificates::issued_by(leaf, ca)));
        let own = leaf.tbs_certificate();
        let (subject, issuer) = (own.subject().to_string(), own.issuer().to_string());
        Seen::Known(match (by_cluster, subject == issuer || made_itself(&subject, &issuer)) {
            (true, _) => "cluster-signed",
            (false, true) => "self-signed",
            (false, false) => "other-signed",
        })
    })
}

/// Whether a certificate is called as those are that a component makes for itself, of an authority that nobody keeps:
/// `CN=HOST@SECONDS` by `CN=HOST-ca@SECONDS` (`GenerateSelfSignedCertKey`, `util/cert/cert.go` of client-go 0.35, and as recorded of 1.36).
fn made_itself(subject: &str, issuer: &str) -> bool {
    let parts = |name: &str| {
        let (host, when) = name.strip_prefix("CN=")?.rsplit_once('@')?;
        when.parse::<i64>().is_ok().then(|| host.to_owned())
    };
    parts(subject).zip(parts(issuer)).is_some_and(|(host, authority)| authority == format!("{host}-ca"))
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
    for Served { node, files } in node.kubelets {
        match files.as_ref().map(|seen| all_issued(seen, &authorities)) {
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

/// Whether an authority issued what a kubelet serves with. Of two files it may have issued one, and then it depends on how
/// the API server calls the kubelet.
fn all_issued(served: &Seen<Vec<Vec<Text>>>, authorities: &[Certificate]) -> Seen<bool> {
    served.as_ref().and_then(|files| {
        let mut each = files.iter().map(|file| issued(file, authorities));
        let first = each.next().unwrap_or(Seen::Known(false));
        each.fold(first, |all, one| match (all, one) {
            (Seen::Known(all), Seen::Known(one)) if all == one => Seen::Known(all),
            (Seen::Known(_), Seen::Known(_)) => Seen::Unknown(Unknown::new(
                "it serves one certificate to who calls its name and another to who calls its address",
                "give the kubelet no tlsCertFile, or do not set serverTLSBootstrap",
            )),
            (Seen::Known(_), other) | (other, _) => other,
        })
    })
}

/// Whether an authority issued the first of the certificates, directly or through those that are served after it.
fn issued(served: &[Text], authorities: &[Certificate]) -> Seen<bool> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kubelet_made_for_itself_is_told_by_its_names() {
        for (subject, issuer, expected) in [
            ("CN=kb-node@1795199035", "CN=kb-node-ca@1795199035", true),
            ("CN=kb-node@1795199035", "CN=kubernetes", false),
            ("CN=kb-node@1795199035", "CN=other-ca@1795199035", false),
            ("CN=ada@example", "CN=ada-ca@example", false),
            ("CN=system:node:kb-node,O=system:nodes", "CN=kb-node-ca@1795199035", false),
            ("", "", false),
        ] {
            assert_eq!(made_itself(subject, issuer), expected, "{subject} by {issuer}");
        }
    }
}
