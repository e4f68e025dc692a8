//! The machine that answers: files, processes, sockets and resources that follow from how it was made.

use serde_json::{Value as Json, json};

use super::{CONFIG, Made, Role, SECRETS, kubernetes};
use crate::server::Machine;

impl Made {
    fn command(&self, component: &str) -> Vec<String> {
        let flags = self.flags.get(component).into_iter().flatten();
        flags
            .map(|(name, value)| if value.is_empty() { format!("--{name}") } else { format!("--{name}={value}") })
            .collect()
    }

    /// The machine that answers.
    pub(crate) fn machine(&self, admin: bool) -> Machine {
        let mut machine =
            Machine { tag: format!("v1.{}.0", self.minor), admin, files: self.files.clone(), ..Machine::default() };
        machine.sockets.clone_from(&self.sockets);
        let processes = [
            ("kubelet", 2100, 0),
            ("etcd", 2200, 60),
            ("kube-apiserver", 2300, 65_534),
            ("kube-controller-manager", 2400, 65_535),
            ("kube-scheduler", 2500, 65_536),
            ("kube-proxy", 2600, 0),
        ];
        machine.processes.push((1, "/usr/bin/init".to_owned(), "/sbin/init".to_owned()));
        for (name, pid, uid) in processes {
            if !self.flags.contains_key(name) {
                continue;
            }
            let program = format!("/usr/local/bin/{name}");
            machine.processes.push((pid, program.clone(), format!("{program} {}", self.command(name).join(" "))));
            let ids = format!("{uid}\t{uid}\t{uid}\t{uid}");
            machine.file(
                &format!("/proc/{pid}/status"),
                0o444,
                0,
                &format!("Name:\t{name}\nUid:\t{ids}\nGid:\t{ids}\n"),
            );
            let stat = format!("{pid} ({name}) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 2350 100 50");
            machine.file(&format!("/proc/{pid}/stat"), 0o444, 0, &stat);
            machine.file(
                &format!("/proc/{pid}/environ"),
                0o400,
                uid,
                "PATH=/usr/bin\0ETCD_CIPHER_SUITES=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\0",
            );
        }
        let rendered = |value: &Json, kind: &str| {
            let mut value = value.clone();
            value["apiVersion"] = json!("x/v1");
            value["kind"] = json!(kind);
            value.to_string()
        };
        machine.file("/etc/kubernetes/kubelet.yaml", self.kubelet_mode, 0, &self.kubelet.to_string());
        if self.role == Role::ControlPlane {
            let put = |machine: &mut Machine, name: &str, content: &str| {
                machine.file(&format!("{CONFIG}/{name}"), 0o400, 65_534, content);
            };
            put(
                &mut machine,
                "admission-control-config.yaml",
                &rendered(&json!({ "plugins": self.admission }), "AdmissionConfiguration"),
            );
            put(&mut machine, "auditpolicy.yaml", &self.audit.to_string());
            put(
                &mut machine,
                "authorization-config.yaml",
                &rendered(&json!({ "authorizers": self.authorizers }), "AuthorizationConfiguration"),
            );
            if self.documents {
                put(&mut machine, "authentication-config.yaml", &self.authentication.to_string());
            }
            machine.file(
                "/system/config/kubernetes/kube-scheduler/scheduler-config.yaml",
                0o400,
                65_536,
                &rendered(&self.scheduler, "KubeSchedulerConfiguration"),
            );
        }
        self.resources(&mut machine);
        machine
    }

    fn resources(&self, machine: &mut Machine) {
        let mut put = |kind: &str, all: Vec<(String, String)>| machine.resources.insert(kind.to_owned(), all);
        let one = |id: &str, spec: Json| vec![(id.to_owned(), spec.to_string())];
        put(
            "KernelCmdlines.runtime.talos.dev",
            one("cmdline", json!({ "cmdline": String::from_utf8_lossy(&self.files["/proc/cmdline"].content) })),
        );
        let settings = self.sysctls.iter().map(|(key, value)| {
            (format!("proc.sys.{key}"), json!({ "current": value, "default": "x", "unsupported": false }).to_string())
        });
        put("KernelParamStatuses.runtime.talos.dev", settings.collect());
        let own = self.own_sysctls.iter().map(|(key, value)| {
            (format!("proc.sys.{key}"), json!({ "value": value, "ignoreErrors": false }).to_string())
        });
        put("KernelParamSpecs.runtime.talos.dev", own.collect());
        let kind = if self.role == Role::ControlPlane { "controlplane" } else { "worker" };
        put("MachineTypes.config.talos.dev", one("machine-type", json!(kind)));
        put(
            "Nodenames.kubernetes.talos.dev",
            one("nodename", json!({ "nodename": "n1", "hostnameVersion": "1", "skipNodeRegistration": false })),
        );
        put("SecurityStates.talos.dev", one("securitystate", self.security.clone()));
        put(
            "Services.v1alpha1.talos.dev",
            self.services
                .iter()
                .map(|id| ((*id).to_owned(), json!({ "running": true, "healthy": true, "unknown": false }).to_string()))
                .collect(),
        );
        put(
            "ExtensionStatuses.runtime.talos.dev",
            self.extensions
                .iter()
                .enumerate()
                .map(|(at, name)| {
                    (
                        at.to_string(),
                        json!({ "image": format!("{at}.sqsh"), "metadata": { "name": name, "version": "1" } })
                            .to_string(),
                    )
                })
                .collect(),
        );
        put("Versions.runtime.talos.dev", one("version", json!({ "version": format!("v1.{}.0", self.minor) })));
        if self.minor >= 14 {
            put("BootIDs.runtime.talos.dev", one("boot-id", json!({ "bootID": "0a1b" })));
        }
        let mounts = ["STATE", "EPHEMERAL"].iter().map(|id| {
            (
                (*id).to_owned(),
                json!({ "source": "/dev/sda", "target": "/var", "filesystemType": "xfs", "encrypted": self.encrypted })
                    .to_string(),
            )
        });
        put("MountStatuses.runtime.talos.dev", mounts.collect());
        if self.minor >= 13 {
            put(
                "APIServiceConfigs.runtime.talos.dev",
                one(
                    "api-service",
                    json!({ "listenAddress": ":50000", "skipVerifyingClientCert": self.skip_verifying }),
                ),
            );
        }
        let kind = if self.role == Role::ControlPlane { "controlplane" } else { "worker" };
        put("MachineTypes.config.talos.dev", vec![("machine-type".to_owned(), kind.to_owned())]);
        let documents: Vec<String> = self.config.iter().map(Json::to_string).collect();
        let config = Json::String(documents.join("\n---\n")).to_string();
        put("MachineConfigs.config.talos.dev", vec![("v1alpha1".to_owned(), config)]);
        put("KubernetesAccessConfigs.cluster.talos.dev", one("config", self.kubernetes_access.clone()));
        put(
            "KubeletSpecs.kubernetes.talos.dev",
            one(
                "kubelet",
                json!({ "image": format!("ghcr.io/siderolabs/kubelet:{}", kubernetes(self.minor)), "args": self.command("kubelet"), "expectedNodename": "n1", "config": self.kubelet }),
            ),
        );
        if self.minor >= 14 {
            put(
                "KubeletStatuses.kubernetes.talos.dev",
                one("kubelet", json!({ "image": format!("ghcr.io/siderolabs/kubelet:{}", kubernetes(self.minor)) })),
            );
        }
        let pods = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]
            .iter()
            .filter(|name| self.flags.contains_key(**name));
        put("StaticPods.kubernetes.talos.dev", pods.map(|name| ((*name).to_owned(), self.pod(name))).collect());
        if self.role == Role::ControlPlane {
            put(
                "AdmissionControlConfigs.kubernetes.talos.dev",
                one("admission-control", json!({ "config": self.admission })),
            );
            put("AuditPolicyConfigs.kubernetes.talos.dev", one("audit-policy", json!({ "config": self.audit })));
            put(
                "AuthorizationConfigs.kubernetes.talos.dev",
                one("authorization", json!({ "image": "x", "config": self.authorizers })),
            );
            put(
                "SchedulerConfigs.kubernetes.talos.dev",
                one("kube-scheduler", json!({ "enabled": true, "config": self.scheduler })),
            );
            if self.documents {
                put(
                    "AuthenticationConfigs.kubernetes.talos.dev",
                    one("authentication-config", json!({ "config": self.authentication })),
                );
            }
        }
        let sensitive = [
            "MachineConfigs.config",
            "AuditPolicyConfigs.kubernetes",
            "AuthenticationConfigs.kubernetes",
            "AuthorizationConfigs.kubernetes",
        ];
        machine.sensitive = sensitive.iter().map(|name| format!("{name}.talos.dev")).collect();
        // Since 1.12.9 and 1.13.4: what was generated by these fixtures is of the first release, and told apart there.
        if self.minor >= 14 {
            machine.sensitive.insert("KubeletSpecs.kubernetes.talos.dev".to_owned());
        } else {
            machine.sensitive.remove("AuthorizationConfigs.kubernetes.talos.dev");
        }
    }

    fn pod(&self, name: &str) -> String {
        let directories: &[&str] = match name {
            "kube-apiserver" => &[SECRETS, CONFIG, "/var/log/audit/kube"],
            "kube-controller-manager" => &["/system/secrets/kubernetes/kube-controller-manager"],
            _ => &["/system/secrets/kubernetes/kube-scheduler", "/system/config/kubernetes/kube-scheduler"],
        };
        let mut command = vec![format!("/usr/local/bin/{name}")];
        command.extend(self.command(name));
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "kube-system" },
            "spec": {
                "containers": [{ "name": name, "image": format!("registry.k8s.io/{name}:{}", kubernetes(self.minor)), "command": command,
                    "volumeMounts": directories.iter().enumerate().map(|(at, path)| json!({ "name": format!("v{at}"), "mountPath": path, "readOnly": true })).collect::<Vec<_>>() }],
                "hostNetwork": true,
                "volumes": directories.iter().enumerate().map(|(at, path)| json!({ "name": format!("v{at}"), "hostPath": { "path": path } })).collect::<Vec<_>>(),
            },
        })
        .to_string()
    }
}
