//! Facts of certificates. Private keys are never opened; certificates are public.

use std::collections::BTreeSet;

use evidence::Text;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectAltName, SubjectKeyIdentifier};

use super::{Fact, Resolve};
use crate::node::Node;
use crate::value::{How, Known, Resolved, Seen, Type, Unknown, Value};

pub(super) static FACTS: &[Fact] = &[
    Fact {
        name: "certificate.days-left",
        kind: Type::Int,
        about: "Days until the first certificate of the file expires, from the time of the capture; negative once it has.",
        from: &[],
        resolve: Resolve::Member(days_left),
    },
    Fact {
        name: "certificate.names",
        kind: Type::List,
        about: "The DNS names and addresses that the file's first certificate is good for.",
        from: &[],
        resolve: Resolve::Member(names),
    },
    Fact {
        name: "certificate.issuer",
        kind: Type::Text,
        about: "Who issued the file's first certificate.",
        from: &[],
        resolve: Resolve::Member(|node, path| {
            first(node, path, |certificate| Value::Text(certificate.tbs_certificate().issuer().to_string()))
        }),
    },
    Fact {
        name: "certificate.subject",
        kind: Type::Text,
        about: "Whom the file's first certificate names.",
        from: &[],
        resolve: Resolve::Member(|node, path| {
            first(node, path, |certificate| Value::Text(certificate.tbs_certificate().subject().to_string()))
        }),
    },
];

/// The certificates of a file; one that does not parse makes the file unknown.
pub(super) fn read(node: &Node<'_>, path: &str) -> Seen<Vec<Certificate>> {
    node.sight.certs(path).and_then(|certs| {
        let parsed: Result<Vec<_>, _> = certs.iter().map(|der| Certificate::from_der(&der.bytes)).collect();
        match parsed {
            Ok(certificates) if certificates.is_empty() => {
                Seen::Unknown(Unknown::new(format!("{path} holds no certificate"), "look at the file on the node"))
            }
            Ok(certificates) => Seen::Known(certificates),
            Err(error) => Seen::Unknown(Unknown::new(
                format!("a certificate of {path} does not parse: {error}"),
                "look at it with openssl x509 -text",
            )),
        }
    })
}

/// Digests of the certificates of a file.
pub(super) fn fingerprints(node: &Node<'_>, path: &str) -> Seen<BTreeSet<String>> {
    read(node, path)
        .and_then(|_| node.sight.certs(path).map(|certs| certs.iter().map(|der: &Text| der.digest.clone()).collect()))
}

fn first(node: &Node<'_>, path: &str, value: impl FnOnce(&Certificate) -> Value) -> Resolved {
    read(node, path).and_then(|certificates| match certificates.first() {
        Some(certificate) => Seen::Known(observed(value(certificate), node)),
        None => Seen::Absent(format!("{path} holds no certificate")),
    })
}

fn observed(value: Value, node: &Node<'_>) -> Known {
    // No path here: subjects that share a value are told together.
    let basis = if node.sight.capture.reach.processes { evidence::Basis::Running } else { evidence::Basis::Declared };
    Known { value, how: How::Observed, source: "the certificate".to_owned(), basis, notes: Vec::new(), partial: None }
}

fn days_left(node: &Node<'_>, path: &str) -> Resolved {
    let Some(taken) = node.sight.capture.taken else {
        return Seen::Unknown(Unknown::outside("the recording does not say when it was made", "scan the running node"));
    };
    read(node, path).map(|certificates| {
        let ends = certificates.iter().map(|certificate| {
            i64::try_from(certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs())
                .unwrap_or(i64::MAX)
        });
        let seconds = ends.min().unwrap_or(i64::MAX).saturating_sub(taken.div_euclid(1000));
        observed(Value::Int(seconds.div_euclid(86_400)), node)
    })
}

fn names(node: &Node<'_>, path: &str) -> Resolved {
    first(node, path, |certificate| {
        let found = certificate.tbs_certificate().get_extension::<SubjectAltName>();
        let names = found.ok().flatten().map(|(_, names)| names.0).unwrap_or_default();
        Value::List(
            names
                .iter()
                .filter_map(|name| match name {
                    GeneralName::DnsName(name) => Some(name.to_string()),
                    GeneralName::IpAddress(bytes) => match <[u8; 4]>::try_from(bytes.as_bytes()) {
                        Ok(v4) => Some(std::net::Ipv4Addr::from(v4).to_string()),
                        Err(_) => <[u8; 16]>::try_from(bytes.as_bytes())
                            .ok()
                            .map(|v6| std::net::Ipv6Addr::from(v6).to_string()),
                    },
                    _ => None,
                })
                .collect(),
        )
    })
}

/// Whether one certificate names another as its issuer: by key identifiers where both have them, else by name.
pub(super) fn issued_by(certificate: &Certificate, authority: &Certificate) -> bool {
    let (leaf, ca) = (certificate.tbs_certificate(), authority.tbs_certificate());
    let named = leaf.issuer().to_der().ok() == ca.subject().to_der().ok();
    let issuer_key =
        leaf.get_extension::<AuthorityKeyIdentifier>().ok().flatten().and_then(|(_, id)| id.key_identifier);
    let own_key = ca.get_extension::<SubjectKeyIdentifier>().ok().flatten().map(|(_, id)| id.0);
    match (issuer_key, own_key) {
        (Some(issuer), Some(own)) => named && issuer == own,
        _ => named,
    }
}
