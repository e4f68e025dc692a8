//! What a person does with the patches for kubeadm, and how they go back. Commands can be pasted; what only the person
//! knows stands in capitals.

use benchmark::Version;

use crate::edits::Edits;
use crate::kubeadm::{DROP_INS, MANIFESTS, part};
use crate::model::Target;
use crate::words::Advice;

/// etcdctl in etcd's own pod, with the client certificate that kubeadm makes for its probes.
const ETCDCTL: &str = "kubectl -n kube-system exec etcd-NODE -- etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key";

/// What a kubelet that asks for its serving certificate waits for.
pub(crate) const APPROVE: &str = "`kubectl get csr` has one of kubernetes.io/kubelet-serving for each of these nodes: see that requester and addresses are the node's, then `kubectl certificate approve CSR`. So too for each node that follows.";

/// Whether kubelets will ask for serving certificates.
pub(crate) fn asks(edits: &Edits<'_>) -> bool {
    let on = |edit: &crate::edits::SettingEdit<'_>| edit.value == Some(serde_json::Value::Bool(true));
    edits.settings.iter().any(|edit| edit.setting.name == "serverTLSBootstrap" && on(edit))
}

fn lines(all: &[&str]) -> Vec<String> {
    all.iter().map(|line| (*line).to_owned()).collect()
}

/// What to do, and how to go back.
pub(crate) fn advice(target: Target, edits: &Edits<'_>, version: Option<Version>) -> Advice {
    match target {
        Target::Files => Advice {
            todo: lines(&[
                "As root on each node: `sh PATCH | tee -a /root/modes.before`. What it left alone, look at yourself.",
                "Give what writes these files a umask of 077, or their modes come back.",
            ]),
            restart: "Nothing restarts.".to_owned(),
            rollback: "chmod and chown back to what /root/modes.before says; of several lines the first.".to_owned(),
        },
        Target::Sysctls => Advice {
            todo: lines(&[
                "Put the file in place on the trial, then `sysctl --system`, and read the values again: what sets them later (an agent, a CNI, a privileged pod) wins.",
                "Then into the image or the configuration management of all nodes.",
            ]),
            restart: "Nothing restarts; a value holds at once.".to_owned(),
            rollback: "Remove the file and set the old values with `sysctl -w`. Settings that only ever get stricter (kernel.yama.ptrace_scope = 3, kernel.kexec_load_disabled) stay until the next boot.".to_owned(),
        },
        Target::KernelArguments => Advice {
            todo: lines(&[
                "On one node of the trial: `kubectl drain NODE --ignore-daemonsets`, write the parameters, boot it, see that /proc/cmdline has them, `kubectl uncordon NODE`, and look at its work for a day.",
                "Then the other nodes, one after another, or a new image.",
            ]),
            restart: "Each node is drained and boots.".to_owned(),
            rollback: "Take the parameters out again and boot; a node that does not come up boots with the older entry of the boot loader.".to_owned(),
        },
        Target::Kubelet => kubelet(edits, version),
        _ => control_plane(target, edits),
    }
}

fn kubelet(edits: &Edits<'_>, version: Option<Version>) -> Advice {
    let fields = edits.settings.iter().any(|edit| edit.setting.field.is_some() && edit.value.is_some());
    let restart = "Each kubelet restarts. Pods go on running; the node may be NotReady for some seconds.".to_owned();
    if !fields {
        return Advice {
            todo: lines(&[
                "On the trial, then pool by pool: change the arguments, then `systemctl restart kubelet`; wait until the node is Ready.",
            ]),
            restart,
            rollback: "Put the old arguments back and restart the kubelet.".to_owned(),
        };
    }
    let drop_ins = version.is_some_and(|version| version >= DROP_INS);
    let winning = edits.winning_files().into_iter().collect::<Vec<_>>().join(", ");
    let trial = if drop_ins {
        "On the trial: the drop-in, with --config-dir=/etc/kubernetes/kubelet.conf.d in KUBELET_EXTRA_ARGS (kubeadm's unit does not give it), or the same fields in /var/lib/kubelet/config.yaml; then `systemctl restart kubelet`."
    } else {
        "On the trial: the same fields in /var/lib/kubelet/config.yaml; then `systemctl restart kubelet`."
    };
    let mut todo = lines(&["`kubectl -n kube-system get configmap kubelet-config -o yaml > before-kubelet.yaml`."]);
    if !winning.is_empty() {
        todo.push(format!(
            "On the trial: `cp -p` of {winning} to /root, then change there what the patch for them says."
        ));
    }
    todo.push(trial.to_owned());
    if asks(edits) {
        todo.push(APPROVE.to_owned());
    }
    todo.push(
        "When the trial has held: `kubectl -n kube-system edit configmap kubelet-config`, lay the patch over it."
            .to_owned(),
    );
    if !winning.is_empty() {
        todo.push(format!("Whatever writes {winning} (an image, configuration management): change it there too, or the old values come back. Each node that has the file gets the new one before the next point."));
    }
    todo.push("Pool by pool on each node: `kubeadm upgrade node phase kubelet-config`, then `systemctl restart kubelet`; wait until it is Ready.".to_owned());
    if drop_ins {
        todo.push("When all nodes have it: on one node of the trial take its drop-in away, restart the kubelet and verify. If a finding is back, another drop-in says it: change that one. Then the other nodes of the trial.".to_owned());
    }
    Advice {
        todo,
        restart,
        rollback: format!(
            "{}On the trial take the change away; later put what before-kubelet.yaml says back into the ConfigMap and run the phase again. Then restart the kubelet.",
            if winning.is_empty() { String::new() } else { "Put the copies from /root back. ".to_owned() }
        ),
    }
}

fn control_plane(target: Target, edits: &Edits<'_>) -> Advice {
    let (_, component, phase) = part(target).unwrap_or((&[], "", ""));
    let mut todo = Vec::new();
    if target == Target::Etcd {
        todo.push(format!("`{ETCDCTL} snapshot save /var/lib/etcd/before.db`, and copy that off the node."));
    }
    let manifest = format!("{MANIFESTS}/{component}.yaml");
    todo.extend([
        format!("`kubectl -n kube-system get configmap kubeadm-config -o yaml > before-{component}.yaml`, and on each control-plane node `cp -p {manifest} /root/`."),
        "`kubectl -n kube-system edit configmap kubeadm-config`: lay the first patch over ClusterConfiguration. Nothing restarts by that.".to_owned(),
        format!("On one control-plane node: `kubectl -n kube-system get configmap kubeadm-config -o jsonpath='{{.data.ClusterConfiguration}}' > cluster.yaml`, `KUBEADM_INIT_DRYRUN_DIR=/root/dry kubeadm init phase {phase} --config cluster.yaml --dry-run`, and `find /root/dry -name {component}.yaml -exec diff {manifest} {{}} \\;`. It has to show the changes of this step and no other. If an address, a name or a patch of the node is lost, an InitConfiguration that says it goes behind a line `---` into cluster.yaml."),
        format!("There `kubeadm init phase {phase} --config cluster.yaml`. Or edit the manifest by the second patch."),
    ]);
    todo.push(if target == Target::Etcd {
        format!("Wait until `{ETCDCTL} endpoint health --cluster` is well, then the next node: never two members at once.")
    } else {
        format!("Wait until the pod is Ready, verify, then the next node. If it does not come up, `crictl ps -a --name {component}` and `crictl logs ID` say why.")
    });
    if edits.settings.iter().any(|edit| edit.setting.field.is_some()) && target == Target::KubeScheduler {
        todo.push("If the scheduler is given --config, set the field in that file instead (enableProfiling): the flag is then not read.".to_owned());
    }
    Advice {
        todo,
        restart: match target {
            Target::Etcd => "etcd restarts on each control-plane node; a member that is away counts against the quorum.",
            Target::KubeApiserver => "The API server of each control-plane node restarts; with a single one the API is away for about a minute. Workloads go on running.",
            _ => "It restarts on each control-plane node, and another one leads meanwhile; with a single node nothing is scheduled or reconciled for some seconds.",
        }
        .to_owned(),
        rollback: format!("On the node `cp /root/{component}.yaml {manifest}`; then into ClusterConfiguration what before-{component}.yaml says."),
    }
}
