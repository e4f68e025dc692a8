//! Who holds which rights, and what the accounts of workloads are given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::DecodePem as _;
use x509_cert::der::asn1::{ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::request::CertReq;

use super::super::{Members, files::found};
use super::{How, Value, list, members, told};
use crate::cluster::name_of;
use crate::cluster::rbac::{Holders, Right, account};
use crate::node::Node;
use crate::value::{Known, Resolved, Seen, Unknown};

/// The role that has every right.
const ADMIN: &str = "cluster-admin";
/// The group that the API server lets do everything, whatever RBAC says (`user.SystemPrivilegedGroup`).
const MASTERS: &str = "Group system:masters";
const RBAC: &str = "rbac.authorization.k8s.io";
const WORKLOADS: [(&str, &[&str]); 3] = [
    ("", &["pods", "replicationcontrollers"]),
    ("apps", &["deployments", "daemonsets", "statefulsets", "replicasets"]),
    ("batch", &["jobs", "cronjobs"]),
];

const fn right(group: &'static str, resources: &'static [&'static str], verbs: &'static [&'static str]) -> Right {
    Right { group, resources, verbs, by_name: true }
}

/// The rights that a set is about.
fn rights(set: &str) -> Vec<Right> {
    match set {
        "rbac.secret-readers" => {
            vec![Right { by_name: false, ..right("", &["secrets"], &["get", "list", "watch"]) }]
        }
        "rbac.pod-creators" => WORKLOADS.map(|(group, resources)| right(group, resources, &["create"])).into(),
        "rbac.escalators" => vec![
            right(RBAC, &["roles", "clusterroles"], &["bind", "escalate"]),
            right("", &["users", "groups", "serviceaccounts"], &["impersonate"]),
            right("authentication.k8s.io", &["userextras", "uids"], &["impersonate"]),
        ],
        "rbac.volume-creators" => vec![right("", &["persistentvolumes"], &["create"])],
        "rbac.node-proxies" => {
            vec![right("", &["nodes/proxy"], &["get", "list", "watch", "create", "update", "patch", "delete"])]
        }
        "rbac.csr-approvers" => {
            vec![right("certificates.k8s.io", &["certificatesigningrequests/approval"], &["update", "patch"])]
        }
        "rbac.webhook-writers" => vec![right(
            "admissionregistration.k8s.io",
            &["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
            &["create", "update", "patch", "delete", "deletecollection"],
        )],
        "rbac.token-creators" => vec![right("", &["serviceaccounts/token"], &["create"])],
        _ => Vec::new(),
    }
}

fn holding(node: &Node<'_>, set: &str) -> Seen<Holders> {
    node.rbac().map(|rbac| match set {
        "rbac.cluster-admins" => rbac.bound_to(ADMIN),
        _ => rbac.holders(&rights(set)),
    })
}

/// The subjects of a set.
pub(super) fn holders(node: &Node<'_>, set: &str) -> Seen<Members> {
    if set == "rbac.masters" {
        return masters(node);
    }
    let unseen = node.rbac().known().and_then(|rbac| rbac.unseen.clone());
    holding(node, set).and_then(|holders| {
        found(members(holders.into_keys(), unseen), || "no binding gives anybody this right".to_owned())
    })
}

/// The bindings by which a subject comes into a set.
pub(super) fn granted_by(node: &Node<'_>, set: &str, subject: &str) -> Resolved {
    let unseen = node.rbac().known().and_then(|rbac| rbac.unseen.clone());
    holding(node, set).and_then(|mut holders| {
        let ways = list(holders.remove(subject).unwrap_or_default(), "the bindings of the cluster");
        ways.map(|known| Known { partial: unseen.clone(), ..known })
    })
}

/// What makes somebody a member of the group that nothing limits.
fn masters(node: &Node<'_>) -> Seen<Members> {
    let bound = node.rbac().map(|rbac| {
        let ways = rbac.bindings_of(MASTERS);
        let others = ways.into_iter().filter(|way| !way.ends_with(&format!(" to ClusterRole {ADMIN}")));
        (others.collect::<Vec<_>>(), rbac.unseen.clone())
    });
    bound.and_then(|(mut all, mut unseen)| {
        let seen = node.each_object("/apis/certificates.k8s.io/v1/certificatesigningrequests", |object| {
            let approved = crate::cluster::members(object, "/status/conditions")
                .any(|one| one.get("type").and_then(Json::as_str) == Some("Approved"));
            let client = object.pointer("/spec/signerName").and_then(Json::as_str)
                == Some("kubernetes.io/kube-apiserver-client");
            let request = object.pointer("/spec/request").and_then(Json::as_str).unwrap_or_default();
            if approved && client && organizations(request).iter().any(|own| own == "system:masters") {
                all.push(format!("CertificateSigningRequest {}", name_of(object).1));
            }
        });
        match seen {
            Seen::Known(more) => unseen = unseen.or(more),
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => unseen = unseen.or(Some(unknown)),
        }
        found(members(all, unseen), || {
            "no binding names the group, beside that of cluster-admin, and no approved request for a certificate does"
                .to_owned()
        })
    })
}

/// `organizationName` of X.520.
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// The organizations in the subject of a request, which Kubernetes takes for groups.
fn organizations(request: &str) -> Vec<String> {
    let Some(request) = STANDARD.decode(request).ok().and_then(|pem| CertReq::from_pem(pem).ok()) else {
        return Vec::new();
    };
    let text = |attribute: &AttributeTypeAndValue| {
        let utf8 = attribute.value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
        utf8.or_else(|_| attribute.value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned()))
            .ok()
    };
    request.info.subject.iter().filter(|attribute| attribute.oid == ORGANIZATION).filter_map(text).collect()
}

pub(super) fn wildcard_roles(node: &Node<'_>) -> Seen<Members> {
    node.rbac().and_then(|rbac| {
        found(members(rbac.wildcards().into_keys(), rbac.unseen.clone()), || {
            "no role that is bound to somebody has a wildcard".to_owned()
        })
    })
}

pub(super) fn wildcards(node: &Node<'_>, role: &str) -> Resolved {
    node.rbac().and_then(|rbac| {
        let wild = rbac.wildcards().remove(role).unwrap_or_default();
        list(wild.into_iter().map(str::to_owned), "the rules of the role")
    })
}

const ACCOUNTS: &str = "/api/v1/serviceaccounts";

pub(super) fn default_accounts(node: &Node<'_>) -> Seen<Members> {
    let mut all = Vec::new();
    let seen = node.each_object(ACCOUNTS, |object| {
        if let (Some(namespace), "default") = name_of(object) {
            all.push(format!("{namespace}/default"));
        }
    });
    seen.and_then(|unseen| found(members(all, unseen), || "no namespace has such an account".to_owned()))
}

/// The service account that a member of a set is.
fn parts(member: &str) -> (&str, &str) {
    member.split_once('/').unwrap_or_default()
}

pub(super) fn automount(node: &Node<'_>, member: &str) -> Resolved {
    let (namespace, name) = parts(member);
    let mut value = None;
    let seen = node.each_object(ACCOUNTS, |object| {
        if name_of(object) == (Some(namespace), name) {
            value = Some(object.get("automountServiceAccountToken").and_then(Json::as_bool));
        }
    });
    seen.and_then(|unseen| match (value, unseen) {
        (Some(Some(own)), _) => told(Value::Bool(own), How::Explicit, "automountServiceAccountToken of the account"),
        (Some(None), _) => told(Value::Bool(true), How::Default, "automountServiceAccountToken of the account"),
        (None, Some(unknown)) => Seen::Unknown(unknown),
        (None, None) => Seen::Absent("there is no such account".to_owned()),
    })
}

pub(super) fn bindings(node: &Node<'_>, member: &str) -> Resolved {
    let (namespace, name) = parts(member);
    node.rbac().and_then(|rbac| match &rbac.unseen {
        Some(unknown) => Seen::Unknown(unknown.clone()),
        None => list(rbac.bindings_of(&account(namespace, name)), "the bindings of the cluster"),
    })
}

pub(super) fn workloads(node: &Node<'_>, member: &str) -> Resolved {
    let (namespace, name) = parts(member);
    let workloads = node.workloads();
    let of = workloads.all.get(namespace).into_iter().flatten();
    let using: Vec<String> =
        of.filter(|(_, workload)| workload.accounts.contains(name)).map(|(name, _)| name.clone()).collect();
    whole(using, workloads.unseen.as_ref())
}

/// A list of workloads; unknown where it is empty and might not be.
pub(super) fn whole(all: Vec<String>, unseen: Option<&Unknown>) -> Resolved {
    match unseen {
        Some(unknown) if all.is_empty() => Seen::Unknown(unknown.clone()),
        _ => list(all, "pods and the templates of workloads"),
    }
}
