//! Before rollout: what a machine would be given by its configuration, in the resources that Talos would make of it.
//!
//! The defaults are those of Talos' own controllers by version (`k8s.ControlPlaneStaticPodController`,
//! `k8s.KubeletSpecController`, `etcd.SpecController`, 1.9 to 1.15), and what a person set is laid over them by Talos'
//! own rules: refused, added, or taken instead.

mod components;
mod sysctls;

pub(crate) use components::{arguments_of, is_denied, is_protected};
use std::borrow::Cow;

use evidence::{Aspect, Basis, Capture, Item, Place, Resource, Seen, Source, Text};
use serde_json::{Value as Json, json};

use super::documents::Documents;
use super::{ADMISSION, AUDIT, AUTHENTICATION, AUTHORIZATION, ETCD_SPECS, KUBELET_SPECS, KUBERNETES_ACCESS};
use super::{MACHINE_CONFIGS, NODE_NAMES, OWN_SETTINGS, SCHEDULER, STATIC_PODS, parsed};
use crate::document;
use crate::value::{Seen as Resolved, parse_version};

/// What stands for the name that the machine will get.
const NODE: &str = "the-node-itself";

/// A machine before rollout.
struct Machine<'d> {
    documents: &'d Documents,
    /// Minor version of Talos 1.
    minor: u32,
    /// Whether the API server is configured by documents of its own (1.14 and newer).
    modern: bool,
}

/// A capture of a configuration with what Talos would make of it. Others stay as they are.
pub(crate) fn rendered(capture: Cow<'_, Capture>) -> Cow<'_, Capture> {
    if capture.source != Source::Rendered {
        return capture;
    }
    let configuration = capture.items.iter().find_map(|item| match (&item.place, &item.seen) {
        (Place::Resources(kind), Seen::Resources(all)) if kind == MACHINE_CONFIGS => all.first(),
        _ => None,
    });
    let Some(Resolved::Known(spec)) = configuration.map(|own| parsed(MACHINE_CONFIGS, own)) else { return capture };
    let version = capture.identity.get("talos").and_then(|version| parse_version(version));
    let Some([1, minor, _]) = version else { return capture };
    let documents = Documents::of(spec);
    let modern = minor >= 14 && documents.of_kind("KubeAPIServerConfig").next().is_some();
    let machine = Machine { documents: &documents, minor, modern };
    let mut items = Vec::new();
    for (kind, all) in machine.resources() {
        items.push(resources(kind, all));
    }
    for (key, value) in machine.sysctls() {
        items.push(Item {
            trail: "rendered".to_owned(),
            place: Place::Path(evidence::setting_path(&key).into()),
            aspect: Aspect::Value,
            basis: Basis::Rendered,
            seen: evidence::take_value(value.as_bytes()),
        });
    }
    drop(documents);
    let mut capture = capture.into_owned();
    capture.items.extend(items);
    Cow::Owned(capture)
}

fn resources(kind: &str, all: Vec<(String, Json)>) -> Item {
    let of = |(id, spec): (String, Json)| {
        // What it is made of was cut already.
        let text = Text::new(spec.to_string().into_bytes(), Vec::new());
        Resource { id, owner: String::new(), spec: evidence::Spec::Text(text) }
    };
    Item {
        trail: "rendered".to_owned(),
        place: Place::Resources(kind.to_owned()),
        aspect: Aspect::Resources,
        basis: Basis::Rendered,
        seen: Seen::Resources(all.into_iter().map(of).collect()),
    }
}

impl Machine<'_> {
    fn is_control_plane(&self) -> bool {
        let kind = self.documents.legacy("machine.type").and_then(Json::as_str);
        matches!(kind, Some("controlplane" | "init"))
    }

    /// A value of the first document of a kind.
    fn document(&self, kind: &str, path: &str) -> Option<Json> {
        self.documents.of_kind(kind).find_map(|own| document::at(own, path)).cloned()
    }

    /// A value of a document of 1.14 and newer, else of the old one.
    fn either(&self, kind: &str, path: &str, legacy: &str) -> Option<Json> {
        self.document(kind, path).or_else(|| self.documents.legacy(legacy).cloned())
    }

    fn resources(&self) -> Vec<(&'static str, Vec<(String, Json)>)> {
        let one = |id: &str, spec: Json| vec![(id.to_owned(), spec)];
        let mut all = vec![
            (KUBELET_SPECS, one("kubelet", self.kubelet())),
            (NODE_NAMES, one("nodename", json!({ "nodename": NODE }))),
            (KUBERNETES_ACCESS, one("config", self.kubernetes_access())),
            (OWN_SETTINGS, self.own_settings()),
        ];
        if self.is_control_plane() {
            let off = |part: &str| {
                let path = format!("machine.controlPlane.{part}.disabled");
                self.documents.legacy(&path) == Some(&json!(true))
            };
            let mut pods = vec!["kube-apiserver"];
            pods.extend((!off("controllerManager")).then_some("kube-controller-manager"));
            pods.extend((!off("scheduler")).then_some("kube-scheduler"));
            all.push((STATIC_PODS, pods.iter().map(|name| ((*name).to_owned(), self.pod(name))).collect()));
            all.push((ETCD_SPECS, one("etcd", json!({ "args": self.command("etcd") }))));
            all.push((ADMISSION, one("admission-control", json!({ "config": self.admission() }))));
            all.push((AUDIT, one("audit-policy", json!({ "config": self.audit_policy() }))));
            all.push((AUTHORIZATION, one("authorization", json!({ "config": self.authorizers() }))));
            all.push((SCHEDULER, one("kube-scheduler", json!({ "config": self.scheduler() }))));
            if self.modern {
                let config = self.document("KubeAuthenticationConfig", "configuration").unwrap_or_else(|| json!({}));
                all.push((AUTHENTICATION, one("authentication-config", json!({ "config": config }))));
            }
        } else {
            all.push((STATIC_PODS, Vec::new()));
            all.push((ETCD_SPECS, Vec::new()));
        }
        all
    }

    fn kubernetes_access(&self) -> Json {
        if let Some(own) = self.documents.of_kind("KubeTalosAPIAccessConfig").next() {
            return json!({ "enabled": true, "allowedAPIRoles": document::texts_at(own, "allowedRoles") });
        }
        let own = self.documents.legacy("machine.features.kubernetesTalosAPIAccess").cloned().unwrap_or_default();
        json!({
            "enabled": own.get("enabled").cloned().unwrap_or(json!(false)),
            "allowedAPIRoles": document::texts_at(&own, "allowedRoles"),
        })
    }

    /// Without one, Talos brings Pod Security at baseline only in configurations that it generated: a hand-made one that
    /// names no plugin has none.
    fn admission(&self) -> Json {
        let modern: Vec<Json> = self
            .documents
            .of_kind("KubeAdmissionControlConfig")
            .map(|own| json!({ "name": own.get("name"), "configuration": own.get("configuration") }))
            .collect();
        if !modern.is_empty() {
            return Json::Array(modern);
        }
        self.documents.legacy("cluster.apiServer.admissionControl").cloned().unwrap_or_else(|| json!([]))
    }

    /// Without one, the policy of `k8s.AuditPolicyConfig`: everything at Metadata.
    fn audit_policy(&self) -> Json {
        let own = self.either("KubeAuditPolicyConfig", "configuration", "cluster.apiServer.auditPolicy");
        own.filter(|policy| policy.as_object().is_none_or(|fields| !fields.is_empty())).unwrap_or_else(
            || json!({ "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{ "level": "Metadata" }] }),
        )
    }

    /// By documents exactly these; else Node and RBAC are put before what a person added.
    fn authorizers(&self) -> Json {
        let entry = |kind: &str| json!({ "type": kind, "name": kind.to_lowercase() });
        if self.modern {
            let own = self.documents.of_kind("KubeAuthorizerConfig");
            return own.map(|own| json!({ "type": own.get("type"), "name": own.get("name") })).collect();
        }
        let own = self.documents.legacy("cluster.apiServer.authorizationConfig").and_then(Json::as_array);
        let own: Vec<Json> = own.into_iter().flatten().cloned().collect();
        let mut all = own;
        for (at, kind) in ["Node", "RBAC"].into_iter().enumerate() {
            if !all.iter().any(|entry| document::text_at(entry, "type").as_deref() == Some(kind)) {
                all.insert(at.min(all.len()), entry(kind));
            }
        }
        Json::Array(all)
    }

    fn scheduler(&self) -> Json {
        self.either("KubeSchedulerConfig", "config", "cluster.scheduler.config").unwrap_or_else(|| json!({}))
    }
}
