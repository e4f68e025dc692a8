//! Facts that are plain settings: flag over file over documented default.

use super::{Fact, Resolve};
use crate::value::Type;

const fn setting(name: &'static str, kind: Type, of: &'static str, about: &'static str) -> Fact {
    Fact { name, kind, about, from: &[], resolve: Resolve::Setting(of) }
}

macro_rules! settings {
    ($($component:literal { $($name:literal: $kind:ident, $about:literal;)* })*) => {
        &[$($(setting(concat!($component, ".", $name), Type::$kind, $name, $about),)*)*]
    };
}

pub(super) static FACTS: &[Fact] = settings! {
    "kube-apiserver" {
        "token-auth-file": Text, "The file of static bearer tokens that the API server accepts.";
        "kubelet-client-certificate": Text, "The certificate that the API server shows to kubelets.";
        "kubelet-client-key": Text, "The key of the certificate that the API server shows to kubelets.";
        "kubelet-certificate-authority": Text, "The authority that the API server checks kubelet serving certificates against.";
        "profiling": Bool, "Whether the API server serves profiling data.";
        "audit-log-path": Text, "The file that audit events are written to; `-` is standard output.";
        "audit-log-maxage": Int, "Days that old audit log files are kept; 0 is without limit.";
        "audit-log-maxbackup": Int, "Old audit log files that are kept; 0 is without limit.";
        "audit-log-maxsize": Int, "Megabytes after which the audit log file is rotated.";
        "audit-policy-file": Text, "The file that says which requests are audited.";
        "audit-webhook-config-file": Text, "The kubeconfig of the webhook that audit events are sent to.";
        "request-timeout": Duration, "How long an ordinary request may take.";
        "service-account-lookup": Bool, "Whether a service account token is only good while its account and secret exist.";
        "service-account-key-file": List, "The keys that service account tokens are verified with.";
        "service-account-signing-endpoint": Text, "The socket of an external signer of service account tokens.";
        "service-account-extend-token-expiration": Bool, "Whether injected service account tokens live for a year instead of an hour.";
        "etcd-certfile": Text, "The certificate that the API server shows to etcd.";
        "etcd-keyfile": Text, "The key of the certificate that the API server shows to etcd.";
        "etcd-cafile": Text, "The authority that the API server checks etcd's certificate against.";
        "tls-cert-file": Text, "The certificate that the API server serves with.";
        "tls-private-key-file": Text, "The key that the API server serves with.";
        "tls-cipher-suites": List, "The TLS 1.2 cipher suites that the API server offers.";
        "tls-min-version": Text, "The lowest TLS version that the API server speaks.";
        "client-ca-file": Text, "The authority of client certificates that the API server accepts.";
        "encryption-provider-config": Text, "The file that says how objects are encrypted in etcd.";
        "enable-bootstrap-token-auth": Bool, "Whether bootstrap tokens authenticate.";
        "bind-address": Text, "The address that the API server listens on.";
    }
    "kube-controller-manager" {
        "terminated-pod-gc-threshold": Int, "How many terminated pods are kept before they are removed; 0 or less: all.";
        "profiling": Bool, "Whether the controller manager serves profiling data.";
        "use-service-account-credentials": Bool, "Whether each controller uses its own service account.";
        "service-account-private-key-file": Text, "The key that service account tokens are signed with.";
        "root-ca-file": Text, "The authority that is put into service account secrets.";
        "bind-address": Text, "The address that the controller manager listens on.";
        "secure-port": Int, "The port that the controller manager listens on.";
    }
    "kube-scheduler" {
        "profiling": Bool, "Whether the scheduler serves profiling data.";
        "bind-address": Text, "The address that the scheduler listens on.";
        "secure-port": Int, "The port that the scheduler listens on.";
    }
    "etcd" {
        "cert-file": Text, "The certificate that etcd serves clients with.";
        "key-file": Text, "The key that etcd serves clients with.";
        "client-cert-auth": Bool, "Whether clients of etcd must show a certificate.";
        "auto-tls": Bool, "Whether etcd serves clients with a certificate that it signed itself.";
        "peer-cert-file": Text, "The certificate that etcd uses between members.";
        "peer-key-file": Text, "The key that etcd uses between members.";
        "peer-client-cert-auth": Bool, "Whether members of etcd must show each other a certificate.";
        "peer-auto-tls": Bool, "Whether members of etcd use certificates that they signed themselves.";
        "trusted-ca-file": Text, "The authority of client certificates that etcd accepts.";
        "peer-trusted-ca-file": Text, "The authority of peer certificates that etcd accepts.";
        "data-dir": Text, "The directory that etcd keeps its data in.";
    }
    "kubelet" {
        "authentication.anonymous.enabled": Bool, "Whether the kubelet takes requests without credentials.";
        "authentication.webhook.enabled": Bool, "Whether the kubelet asks the API server who a bearer token is.";
        "authentication.x509.clientCAFile": Text, "The authority of client certificates that the kubelet accepts.";
        "authorization.mode": Text, "Who may use the kubelet's API.";
        "readOnlyPort": Int, "The kubelet's port without authentication; 0 is none.";
        "streamingConnectionIdleTimeout": Duration, "How long an idle exec, attach or port-forward connection stays open.";
        "makeIPTablesUtilChains": Bool, "Whether the kubelet keeps its iptables chains in order.";
        "hostname-override": Text, "The node name that the kubelet was told instead of the host's.";
        "eventRecordQPS": Int, "Events a second that the kubelet may record; 0 is without limit.";
        "tlsCertFile": Text, "The certificate that the kubelet serves with, if it was given one.";
        "tlsPrivateKeyFile": Text, "The key that the kubelet serves with, if it was given one.";
        "serverTLSBootstrap": Bool, "Whether the kubelet asks the cluster's authority for its serving certificate and renews it.";
        "rotateCertificates": Bool, "Whether the kubelet renews its client certificate.";
        "tlsCipherSuites": List, "The TLS 1.2 cipher suites that the kubelet offers.";
        "tlsMinVersion": Text, "The lowest TLS version that the kubelet speaks.";
        "podPidsLimit": Int, "How many processes a pod may have; -1 is no limit of the kubelet's own.";
        "protectKernelDefaults": Bool, "Whether the kubelet refuses to start on a host whose kernel settings differ from what it expects.";
        "staticPodPath": Text, "The directory of static pod manifests.";
    }
};
