//! Machines that somebody weakened: each change must be found.

use std::collections::BTreeMap;

use assess::Verdict;
use serde_json::json;

use crate::made::{Made, Role};
use crate::server::{DIRECTORY, File};
use crate::{captured, common, verdicts};

const APISERVER: &str = "/system/secrets/kubernetes/kube-apiserver";

impl Made {
    fn flag(&mut self, component: &'static str, name: &str, value: &str) {
        self.flags.get_mut(component).unwrap().insert(name.to_owned(), value.to_owned());
    }

    fn without(&mut self, component: &'static str, name: &str) {
        assert!(self.flags.get_mut(component).unwrap().remove(name).is_some(), "{component} has no --{name}");
    }

    fn file(&mut self, path: &str) -> &mut File {
        self.files.get_mut(path).unwrap_or_else(|| panic!("{path} is not there"))
    }
}

/// Weakens a stock control plane, and sees each of the ids fail for an administrator, and never pass for a reader.
fn found(minor: u32, documents: bool, profile: &str, ids: &[&str], weaken: impl Fn(&mut Made)) {
    let stock = Made::stock(minor, Role::ControlPlane, documents);
    let mut weak = stock.clone();
    weaken(&mut weak);
    let (before, after) = (verdicts(&stock, true, profile), verdicts(&weak, true, profile));
    let reader = verdicts(&weak, false, profile);
    let of = |verdicts: &BTreeMap<String, Verdict>, id: &str| {
        *verdicts.get(id).unwrap_or_else(|| panic!("no {id} in {profile}"))
    };
    for id in ids {
        assert_ne!(of(&before, id), Verdict::Fail, "1.{minor} {id} failed before");
        assert_eq!(of(&after, id), Verdict::Fail, "1.{minor} {id} is not found");
        assert!(
            matches!(of(&reader, id), Verdict::Fail | Verdict::Unknown),
            "1.{minor} {id}: a reader sees {:?}",
            of(&reader, id)
        );
    }
}

#[test]
fn flags_that_were_overridden() {
    for (minor, documents) in [(13, false), (15, true)] {
        let ids = [
            "1.2.2", "1.2.10", "1.2.12", "1.2.13", "1.2.15", "1.2.17", "1.2.18", "1.2.19", "1.2.21", "1.3.2", "1.3.3",
            "1.3.6", "1.3.7", "1.4.2", "2.1", "2.2", "2.3", "2.5", "2.6", "4.3.1",
        ];
        found(minor, documents, "cis-2.0.1", &ids, |made| {
            for (name, value) in [
                ("token-auth-file", "/tokens.csv"),
                ("enable-admission-plugins", "NodeRestriction,AlwaysAdmit"),
                ("disable-admission-plugins", "ServiceAccount,NamespaceLifecycle"),
                ("profiling", "true"),
                ("audit-log-maxage", "3"),
                ("audit-log-maxbackup", "1"),
                ("audit-log-maxsize", "10"),
                ("service-account-lookup", "false"),
            ] {
                made.flag("kube-apiserver", name, value);
            }
            made.flag("kube-controller-manager", "profiling", "true");
            made.flag("kube-controller-manager", "use-service-account-credentials", "false");
            made.flag("kube-controller-manager", "feature-gates", "RotateKubeletServerCertificate=false");
            made.flag("kube-controller-manager", "bind-address", "0.0.0.0");
            made.flag("kube-scheduler", "bind-address", "0.0.0.0");
            made.flag("etcd", "client-cert-auth", "false");
            made.flag("etcd", "peer-client-cert-auth", "false");
            made.flag("etcd", "auto-tls", "true");
            made.flag("etcd", "peer-auto-tls", "true");
            made.without("etcd", "cert-file");
            made.flag("kube-proxy", "metrics-bind-address", "0.0.0.0:10249");
        });
    }
}

#[test]
fn flags_that_were_taken_away() {
    let ids = [
        "1.2.4", "1.2.14", "1.2.16", "1.2.22", "1.2.23", "1.2.24", "1.2.25", "1.2.26", "1.2.27", "1.3.4", "1.3.5",
        "2.1", "2.4",
    ];
    found(13, false, "cis-2.0.1", &ids, |made| {
        for name in [
            "kubelet-client-certificate",
            "enable-admission-plugins",
            "audit-log-path",
            "audit-policy-file",
            "service-account-key-file",
            "etcd-certfile",
            "tls-cert-file",
            "client-ca-file",
            "etcd-cafile",
            "encryption-provider-config",
        ] {
            made.without("kube-apiserver", name);
        }
        made.without("kube-controller-manager", "service-account-private-key-file");
        made.without("kube-controller-manager", "root-ca-file");
        made.without("etcd", "key-file");
        made.without("etcd", "peer-cert-file");
    });
}

/// An operator's additional `AlwaysAllow` fails even on Talos, in either generation and by either flag.
#[test]
fn authorization_that_lets_everything_through() {
    found(13, false, "cis-2.0.1", &["1.2.6"], |made| {
        made.without("kube-apiserver", "authorization-config");
        made.flag("kube-apiserver", "authorization-mode", "Node,RBAC,AlwaysAllow");
    });
    found(13, false, "cis-2.0.1", &["1.2.7", "1.2.8"], |made| {
        made.authorizers = json!([{ "type": "Webhook", "name": "w" }]);
    });
    found(15, true, "cis-2.0.1", &["1.2.8"], |made| made.authorizers = json!([{ "type": "Node", "name": "n" }]));
}

#[test]
fn anonymous_requests_that_reach_more_than_health() {
    found(13, false, "cis-2.0.1", &["1.2.1"], |made| made.flag("kube-apiserver", "anonymous-auth", "true"));
    found(13, false, "cis-2.0.1", &["1.2.1"], |made| made.without("kube-apiserver", "anonymous-auth"));
    found(15, true, "cis-2.0.1", &["1.2.1"], |made| made.authentication["anonymous"] = json!({ "enabled": true }));
    found(15, true, "cis-2.0.1", &["1.2.1"], |made| {
        made.authentication["anonymous"]["conditions"].as_array_mut().unwrap().push(json!({ "path": "/api" }));
    });
    // Without any word the server's own default holds, which lets anonymous requests in.
    found(15, true, "cis-2.0.1", &["1.2.1"], |made| {
        made.authentication.as_object_mut().unwrap().remove("anonymous");
    });
}

#[test]
fn secrets_that_are_written_in_clear_although_the_flag_is_set() {
    found(13, false, "cis-2.0.1", &["1.2.28"], |made| {
        made.config[0]["cluster"]["secretboxEncryptionSecret"] = json!("");
    });
    found(15, true, "cis-2.0.1", &["1.2.28"], |made| {
        let document = made.config.iter_mut().find(|own| own["kind"] == "KubeEtcdEncryptionConfig").unwrap();
        document["config"]["resources"][0]["providers"].as_array_mut().unwrap().reverse();
    });
}

#[test]
fn audit_policies_that_record_nothing() {
    for (minor, documents) in [(12, false), (14, true)] {
        found(minor, documents, "cis-2.0.1", &["3.2.1"], |made| made.audit["rules"] = json!([{ "level": "None" }]));
    }
}

#[test]
fn suites_that_are_weak() {
    found(13, false, "cis-2.0.1", &["1.2.29"], |made| {
        let suites = made.flags["kube-apiserver"]["tls-cipher-suites"].clone() + ",TLS_RSA_WITH_3DES_EDE_CBC_SHA";
        made.flag("kube-apiserver", "tls-cipher-suites", &suites);
    });
}

#[test]
fn files_that_others_may_read_or_own() {
    let modes = ["1.1.9", "1.1.11", "1.1.13", "1.1.15", "1.1.17", "1.1.20", "1.1.21", "4.1.5", "4.1.7", "4.1.9"];
    let owners = ["1.1.10", "1.1.12", "1.1.14", "1.1.16", "1.1.18", "1.1.19", "4.1.6", "4.1.8"];
    let admin = |made: &mut Made, mode: u32, uid: u32| {
        let file = File { mode, uid, gid: uid, content: b"apiVersion: v1\nkind: Config\n".to_vec(), ..File::default() };
        made.files.insert("/etc/kubernetes/admin.conf".to_owned(), file);
    };
    let paths = [
        "/etc/cni/net.d/10-flannel.conflist",
        "/system/secrets/kubernetes/kube-scheduler/kubeconfig",
        "/system/secrets/kubernetes/kube-controller-manager/kubeconfig",
        "/etc/kubernetes/kubeconfig-kubelet",
        "/etc/kubernetes/pki/ca.crt",
    ];
    found(14, true, "cis-2.0.1", &modes, |made| {
        admin(made, 0o644, 0);
        for path in paths {
            made.file(path).mode = 0o666;
        }
        made.file("/var/lib/etcd").mode = DIRECTORY | 0o755;
        made.file(&format!("{APISERVER}/apiserver.crt")).mode = 0o666;
        made.file(&format!("{APISERVER}/apiserver.key")).mode = 0o644;
        made.kubelet_mode = 0o644;
    });
    found(14, true, "cis-2.0.1", &owners, |made| {
        admin(made, 0o600, 1000);
        for path in paths {
            (made.file(path).uid, made.file(path).gid) = (1000, 1000);
        }
        made.file("/var/lib/etcd").uid = 1000;
        made.file(&format!("{APISERVER}/apiserver.crt")).uid = 65_535;
    });
}

/// A manifest on disk is judged as anywhere, whatever Talos serves from memory.
#[test]
fn manifests_that_lie_on_disk() {
    found(13, false, "cis-2.0.1", &["1.1.1", "1.1.2"], |made| {
        made.kubelet["staticPodPath"] = json!("/etc/kubernetes/manifests");
        let pod =
            "apiVersion: v1\nkind: Pod\nspec: { containers: [{ name: kube-apiserver, command: [kube-apiserver] }] }\n";
        let file = File { mode: 0o644, uid: 1000, gid: 1000, content: pod.as_bytes().to_vec(), ..File::default() };
        made.files.insert("/etc/kubernetes/manifests/kube-apiserver.yaml".to_owned(), file);
    });
}

#[test]
fn kubelets_that_were_opened() {
    let ids = ["4.2.1", "4.2.2", "4.2.3", "4.2.4", "4.2.5", "4.2.6", "4.2.8", "4.2.10", "4.2.12", "4.2.14"];
    for (minor, documents) in [(12, false), (15, true)] {
        found(minor, documents, "cis-2.0.1", &ids, |made| {
            made.kubelet["authentication"]["anonymous"]["enabled"] = json!(true);
            // What skipNodeRegistration brings by design.
            made.kubelet["authorization"]["mode"] = json!("AlwaysAllow");
            made.kubelet["authentication"]["x509"] = json!({});
            made.kubelet["readOnlyPort"] = json!(10_255);
            made.kubelet["streamingConnectionIdleTimeout"] = json!("0s");
            made.flag("kubelet", "streaming-connection-idle-timeout", "0");
            made.kubelet["makeIPTablesUtilChains"] = json!(false);
            made.kubelet["eventRecordQPS"] = json!(0);
            made.kubelet["rotateCertificates"] = json!(false);
            made.kubelet["tlsMinVersion"] = json!("VersionTLS12");
            made.kubelet["tlsCipherSuites"] = json!(["TLS_RSA_WITH_AES_128_CBC_SHA"]);
            made.kubelet["seccompDefault"] = json!(false);
        });
    }
    // A flag of extraArgs beats the file.
    found(13, false, "cis-2.0.1", &["4.2.1", "4.2.4"], |made| {
        made.flag("kubelet", "anonymous-auth", "true");
        made.flag("kubelet", "read-only-port", "10255");
    });
    // Another name than the system's own is somebody's choice.
    found(13, false, "cis-2.0.1", &["4.2.7"], |made| made.flag("kubelet", "hostname-override", "other"));
}

/// What a stock machine fails can be mended.
#[test]
fn what_is_mended_passes() {
    let mut made = Made::stock(14, Role::ControlPlane, true);
    made.flag("kube-apiserver", "service-account-extend-token-expiration", "false");
    made.flag("kube-apiserver", "kubelet-certificate-authority", &format!("{APISERVER}/ca.crt"));
    made.flag("kube-apiserver", "enable-admission-plugins", "NodeRestriction,AlwaysPullImages,DenyServiceExternalIPs");
    made.scheduler = json!({ "enableProfiling": false });
    made.kubelet["podPidsLimit"] = json!(4096);
    made.kubelet["serverTLSBootstrap"] = json!(true);
    // Until somebody signs what the kubelet asks for, it has no certificate that could be of the authority.
    assert_eq!(verdicts(&made, true, "cis-2.0.1")["1.2.5"], Verdict::Unknown);
    let signed = made.files["/etc/kubernetes/pki/ca.crt"].clone();
    made.files.insert("/var/lib/kubelet/pki/kubelet-server-current.pem".to_owned(), signed);
    let after = verdicts(&made, true, "cis-2.0.1");
    for id in ["1.2.3", "1.2.5", "1.2.11", "1.2.30", "1.4.1", "4.2.11", "4.2.13"] {
        assert_eq!(after[id], Verdict::Pass, "{id}");
    }
}

#[test]
fn systems_that_were_opened() {
    let ids = ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "2.4", "3.1", "3.2", "4.1", "4.2", "4.3"];
    found(13, false, "talos", &ids, |made| {
        for name in ["bash", "apk", "sshd"] {
            made.files.insert(format!("/usr/bin/{name}"), File { mode: 0o755, ..File::default() });
        }
        made.services.push("ext-tool");
        made.extensions.push("tool");
        made.sockets.push(("0.0.0.0".to_owned(), 22, 3000));
        made.skip_verifying = true;
        made.kubernetes_access =
            json!({ "enabled": true, "allowedAPIRoles": ["os:admin"], "allowedKubernetesNamespaces": ["default"] });
        made.own_sysctls.insert("kernel.kptr_restrict".to_owned(), "0".to_owned());
        made.config[0]["machine"]["install"]["extraKernelArgs"] = json!(["lockdown=integrity"]);
        made.config[0]["machine"]["pods"] = json!([{ "metadata": { "name": "backdoor" } }]);
        made.security["moduleSignatureEnforced"] = json!(false);
        made.file("/sys/module/module/parameters/sig_enforce").content = b"N\n".to_vec();
        made.file("/sys/kernel/security/lockdown").content = b"[none] integrity confidentiality\n".to_vec();
        let line = String::from_utf8_lossy(&made.file("/proc/cmdline").content).replace(" module.sig_enforce=1", "");
        made.file("/proc/cmdline").content = line.into_bytes();
        made.file("/proc/1/mountinfo").content = b"21 1 8:3 / / rw,relatime - ext4 /dev/sda3 rw\n".to_vec();
    });
    found(13, false, "talos", &["2.2"], |made| made.security["bootedWithUKI"] = json!(false));
}

/// Conversely, what a careful owner turns on passes; and the wanted level of FIPS is the policy's.
#[test]
fn systems_that_were_closed() {
    let mut made = Made::stock(14, Role::Worker, true);
    made.security = json!({ "secureBoot": true, "selinuxState": "enabled, enforcing", "bootedWithUKI": true,
        "fipsState": "enabled, strict", "moduleSignatureEnforced": true });
    made.encrypted = true;
    made.config.push(json!({ "apiVersion": "v1alpha1", "kind": "NetworkDefaultActionConfig", "ingress": "block" }));
    made.config.push(json!({ "apiVersion": "v1alpha1", "kind": "SecurityProfileConfig", "workloadIsolation": true }));
    let report = crate::judged(&made, true, "talos");
    assert!(crate::with(&report, Verdict::Fail).is_empty(), "{:?}", crate::with(&report, Verdict::Fail));
    let fips = report.findings.iter().find(|finding| finding.id() == "2.5").unwrap();
    assert!(fips.observed.iter().any(|fact| fact.value.as_deref() == Some("strict")));
}

/// Talos shows no service that waits or starts again: that etcd is none of those that run makes no worker of a machine.
#[test]
fn a_service_that_does_not_run_now_makes_no_worker() {
    let mut capture = captured(&Made::stock(13, Role::ControlPlane, false), true);
    let verdicts = |capture: &evidence::Capture| {
        common::verdicts(&common::judge(capture.clone(), &common::content(), "cis-2.0.1"))
    };
    capture.reach.processes = false;
    capture.items.retain(|item| item.place != evidence::Place::Processes);
    for item in &mut capture.items {
        if let evidence::Seen::Resources(all) = &mut item.seen {
            all.retain(|resource| resource.id != "etcd");
        }
    }
    let judged = verdicts(&capture);
    for id in ["2.1", "2.4", "2.7"] {
        assert!(![Verdict::Pass, Verdict::NotApplicable].contains(&judged[id]), "{id}: {:?}", judged[id]);
    }
}

/// Every control plane has this resource: an answer without it is no proof that nobody may ask.
#[test]
fn an_empty_answer_of_who_may_ask_is_no_pass() {
    let mut capture = captured(&Made::stock(13, Role::ControlPlane, false), true);
    let profile = |capture: &evidence::Capture| {
        common::verdicts(&common::judge(capture.clone(), &common::content(), "talos"))["3.2"]
    };
    assert_eq!(profile(&capture), Verdict::Pass);
    let place = evidence::Place::Resources("KubernetesAccessConfigs.cluster.talos.dev".to_owned());
    let item = capture.items.iter_mut().find(|item| item.place == place).unwrap();
    item.seen = evidence::Seen::Resources(Vec::new());
    assert_eq!(profile(&capture), Verdict::Unknown);
}
