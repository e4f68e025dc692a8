//! Resources of Talos' API as facts use them, and the files that Talos renders from them.
//!
//! What Talos writes for a component stands in a resource before it stands in a file. Where a file may not be read, the
//! resource tells what was declared: a weaker basis, and told as such.

pub(crate) mod documents;
pub(crate) mod render;

use std::rc::Rc;

use evidence::{Cut, OsText, Resource, Source};
use serde_json::Value as Json;

pub(crate) use render::rendered;
pub(crate) use render::{arguments_of, is_denied, is_protected};

use crate::document;
use crate::facts;
use crate::manifest::Manifest;
use crate::node::{Manifests, Node};
use crate::value::{Seen, Unknown};

pub(crate) const STATIC_PODS: &str = "StaticPods.kubernetes.talos.dev";
pub(crate) const KUBELET_SPECS: &str = "KubeletSpecs.kubernetes.talos.dev";
pub(crate) const KUBELET_STATUSES: &str = "KubeletStatuses.kubernetes.talos.dev";
pub(crate) const MACHINE_CONFIGS: &str = "MachineConfigs.config.talos.dev";
pub(crate) const MACHINE_TYPES: &str = "MachineTypes.config.talos.dev";
pub(crate) const NODE_NAMES: &str = "Nodenames.kubernetes.talos.dev";
pub(crate) const SECURITY_STATES: &str = "SecurityStates.talos.dev";
pub(crate) const SERVICES: &str = "Services.v1alpha1.talos.dev";
pub(crate) const EXTENSIONS: &str = "ExtensionStatuses.runtime.talos.dev";
pub(crate) const MOUNTS: &str = "MountStatuses.runtime.talos.dev";
pub(crate) const API_SERVICE: &str = "APIServiceConfigs.runtime.talos.dev";
pub(crate) const KUBERNETES_ACCESS: &str = "KubernetesAccessConfigs.cluster.talos.dev";
/// Read before rollout only: a running machine shows the arguments of the process instead.
pub(crate) const ETCD_SPECS: &str = "EtcdSpecs.etcd.talos.dev";
pub(crate) const OWN_SETTINGS: &str = "KernelParamSpecs.runtime.talos.dev";
const ADMISSION: &str = "AdmissionControlConfigs.kubernetes.talos.dev";
const AUDIT: &str = "AuditPolicyConfigs.kubernetes.talos.dev";
const AUTHORIZATION: &str = "AuthorizationConfigs.kubernetes.talos.dev";
const AUTHENTICATION: &str = "AuthenticationConfigs.kubernetes.talos.dev";
const SCHEDULER: &str = "SchedulerConfigs.kubernetes.talos.dev";

/// Every type that facts look at, and how its specs are cut.
pub(crate) const TYPES: [(&str, Cut); 18] = [
    (STATIC_PODS, Cut::Manifest),
    (KUBELET_SPECS, Cut::Resource),
    (KUBELET_STATUSES, Cut::Resource),
    (MACHINE_CONFIGS, Cut::Machine),
    (MACHINE_TYPES, Cut::Resource),
    (NODE_NAMES, Cut::Resource),
    (SECURITY_STATES, Cut::Resource),
    (SERVICES, Cut::Resource),
    (EXTENSIONS, Cut::Resource),
    (MOUNTS, Cut::Resource),
    (API_SERVICE, Cut::Resource),
    (OWN_SETTINGS, Cut::Resource),
    (KUBERNETES_ACCESS, Cut::Resource),
    (ADMISSION, Cut::Resource),
    (AUDIT, Cut::Resource),
    (AUTHORIZATION, Cut::Resource),
    (AUTHENTICATION, Cut::Resource),
    (SCHEDULER, Cut::Resource),
];

/// A file that Talos renders: the flag that names it, its place, the resource that it is rendered from, and how.
struct Rendered {
    flag: &'static str,
    path: &'static str,
    kind: &'static str,
    id: &'static str,
    form: fn(&Json) -> Option<Json>,
}

const RENDERED: [Rendered; 5] = [
    Rendered {
        flag: "admission-control-config-file",
        path: "/system/config/kubernetes/kube-apiserver/admission-control-config.yaml",
        kind: ADMISSION,
        id: "admission-control",
        form: |spec| Some(serde_json::json!({ "plugins": spec.get("config")? })),
    },
    Rendered {
        flag: "audit-policy-file",
        path: "/system/config/kubernetes/kube-apiserver/auditpolicy.yaml",
        kind: AUDIT,
        id: "audit-policy",
        form: |spec| spec.get("config").cloned(),
    },
    Rendered {
        flag: "authorization-config",
        path: "/system/config/kubernetes/kube-apiserver/authorization-config.yaml",
        kind: AUTHORIZATION,
        id: "authorization",
        form: |spec| Some(serde_json::json!({ "authorizers": spec.get("config")? })),
    },
    Rendered {
        flag: "authentication-config",
        path: "/system/config/kubernetes/kube-apiserver/authentication-config.yaml",
        kind: AUTHENTICATION,
        id: "authentication-config",
        form: |spec| spec.get("config").cloned(),
    },
    Rendered {
        flag: "config",
        path: "/system/config/kubernetes/kube-scheduler/scheduler-config.yaml",
        kind: SCHEDULER,
        id: "kube-scheduler",
        form: |spec| Some(spec.get("config").cloned().unwrap_or_else(|| serde_json::json!({}))),
    },
];

/// Where Talos renders the kubelet's configuration.
pub(crate) const KUBELET_CONFIG: &str = "/etc/kubernetes/kubelet.yaml";

/// Where Talos renders the encryption of the API server's objects; the file holds the keys and is never opened.
const ENCRYPTION: &str = "/system/secrets/kubernetes/kube-apiserver/encryptionconfig.yaml";

/// What a resource says.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// As JSON.
    pub json: Json,
    /// Its name for a reader, e.g. `SecurityStates/securitystate`.
    pub place: String,
}

/// The name of a resource for a reader.
pub(crate) fn place(kind: &str, id: &str) -> String {
    format!("{}/{id}", kind.split('.').next().unwrap_or(kind))
}

impl Node<'_> {
    /// Whether this is a machine that runs Talos, asked through its API, or what was saved of that.
    pub(crate) fn asks_talos(&self) -> bool {
        self.sight.capture.identity.contains_key("talos")
    }

    /// Whether Talos runs a component as a service of its own. None: it does not say, or is not Talos.
    pub(crate) fn is_service(&self, name: &str) -> Option<bool> {
        let services = self.asks_talos().then(|| self.resources(SERVICES))?;
        let all = services.known()?;
        let has = |name: &str| all.iter().any(|service| service.id == name);
        // A list without those that always run is a part, and proves nothing absent.
        if has(name) { Some(true) } else { (has("machined") && has("apid")).then_some(false) }
    }

    /// Whether the machine is provably a worker: it says so itself. That a service is not among those that run now says
    /// nothing, since Talos shows none that waits or starts again.
    pub(crate) fn is_worker(&self) -> bool {
        let told = match self.resources(MACHINE_TYPES) {
            Seen::Known([one, ..]) => {
                parsed(MACHINE_TYPES, one).known().and_then(|spec| document::text_at(&spec.json, "value"))
            }
            _ => None,
        };
        let configured = || {
            let documents = self.machine_config();
            let kind = documents.known().and_then(|documents| documents.legacy("machine.type").cloned());
            kind.and_then(|kind| kind.as_str().map(str::to_owned))
        };
        ["worker", "join"].contains(&told.or_else(configured).as_deref().unwrap_or_default())
    }

    /// Whether etcd is provably none of the machine's: a worker's configuration, or services without it.
    pub(crate) fn is_provably_without_etcd(&self) -> bool {
        let rendered = self.sight.capture.source == Source::Rendered;
        self.is_worker() || rendered && matches!(self.resources(ETCD_SPECS), Seen::Known([]))
    }

    /// The resources of a type.
    pub(crate) fn resources(&self, kind: &str) -> Seen<&[Resource]> {
        if self.asks_talos() {
            return self.sight.resources(kind);
        }
        // A machine that provably runs something else has none of these.
        match facts::talos::version(self) {
            Seen::Absent(proof) => Seen::Absent(proof),
            _ => self.sight.resources(kind),
        }
    }

    /// What a resource says.
    pub(crate) fn spec(&self, kind: &str, id: &str) -> Seen<Rc<Spec>> {
        let key = place(kind, id);
        if let Some(known) = self.specs.borrow().get(&key) {
            return known.clone();
        }
        let seen = self.resources(kind).and_then(|all| match all.iter().find(|resource| resource.id == id) {
            Some(resource) => parsed(kind, resource).map(Rc::new),
            None => Seen::Absent(format!("the machine has no {key}")),
        });
        self.specs.borrow_mut().insert(key, seen.clone());
        seen
    }

    /// Static pods that Talos serves to the kubelet from memory.
    pub(crate) fn served_by_talos(&self, manifests: &mut Manifests) {
        if !self.asks_talos() {
            return;
        }
        match self.resources(STATIC_PODS) {
            Seen::Known(pods) => {
                for pod in pods {
                    match parsed(STATIC_PODS, pod) {
                        Seen::Known(spec) => manifests.read.push(Manifest::of(spec.place, &spec.json, true)),
                        Seen::Absent(_) => {}
                        Seen::Unknown(unknown) => manifests.unseen = manifests.unseen.take().or(Some(unknown)),
                    }
                }
            }
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => manifests.unseen = manifests.unseen.take().or(Some(unknown)),
        }
    }

    /// The arguments that a resource declares for a component that no static pod starts; none: no resource does. Those of
    /// etcd stand in one before rollout only; of a running machine the process tells.
    pub(crate) fn declared_by_talos(&self, component: &str) -> Option<Seen<(Vec<OsText>, String)>> {
        let (kind, id) = match component {
            "kubelet" => (KUBELET_SPECS, "kubelet"),
            "etcd" if self.sight.capture.source == Source::Rendered => (ETCD_SPECS, "etcd"),
            _ => return None,
        };
        self.asks_talos().then(|| {
            self.spec(kind, id).map(|spec| {
                let arguments = document::texts_at(&spec.json, "args");
                (arguments.iter().map(|text| text.as_str().into()).collect(), spec.place.clone())
            })
        })
    }

    /// What the resource says that a component's file is rendered from; none: a person named another file, or Talos
    /// renders none for this flag.
    pub(crate) fn rendered_from(&self, flag: &str, path: &str) -> Option<Seen<(Json, String)>> {
        if !self.asks_talos() {
            return None;
        }
        if path == ENCRYPTION {
            return Some(self.machine_config().and_then(|documents| documents.encryption()));
        }
        let file = RENDERED.iter().find(|file| file.flag == flag && file.path == path)?;
        Some(match self.spec(file.kind, file.id) {
            Seen::Known(spec) => (file.form)(&spec.json).map_or_else(
                || {
                    Seen::Unknown(Unknown::new(
                        format!("{} says nothing of it", spec.place),
                        "look at it on the machine",
                    ))
                },
                |json| Seen::Known((json, spec.place.clone())),
            ),
            Seen::Absent(proof) => Seen::Unknown(Unknown::new(proof, "look at it on the machine")),
            Seen::Unknown(unknown) => Seen::Unknown(unknown),
        })
    }
}

/// A resource's spec, read.
pub(crate) fn parsed(kind: &str, resource: &Resource) -> Seen<Spec> {
    let place = place(kind, &resource.id);
    match &resource.spec {
        evidence::Spec::Text(text) => match document::parse(&text.bytes) {
            Ok(json) => Seen::Known(Spec { json, place }),
            Err(error) => Seen::Unknown(Unknown::new(
                format!("{place} does not parse: {error}"),
                "collect the evidence again with this version of kube-assay",
            )),
        },
        evidence::Spec::Withheld { why } => Seen::Unknown(Unknown::new(
            format!("{place} was withheld: {why}"),
            "its secrets could not be cut out safely",
        )),
    }
}
