//! Addresses that components really listen on, as their sockets tell.

use std::net::IpAddr;

use super::{Fact, Resolve, derived};
use crate::node::{Instance, Node};
use crate::value::{How, Known, Resolved, Seen, Type, Unknown, Value};

pub(super) static FACTS: &[Fact] = &[
    Fact {
        name: "kube-controller-manager.listen-addresses",
        kind: Type::List,
        about: "The addresses of the sockets on the controller manager's port.",
        from: &["secure-port"],
        resolve: Resolve::Instance(secure_port),
    },
    Fact {
        name: "kube-scheduler.listen-addresses",
        kind: Type::List,
        about: "The addresses of the sockets on the scheduler's port.",
        from: &["secure-port"],
        resolve: Resolve::Instance(secure_port),
    },
    Fact {
        name: "kubelet.read-only-listeners",
        kind: Type::List,
        about: "The addresses of sockets on port 10255, the kubelet's port without authentication.",
        from: &[],
        resolve: Resolve::Instance(|node, kubelet| listening(node, kubelet, 10255)),
    },
    Fact {
        name: "kube-proxy.metrics-address",
        kind: Type::Text,
        about: "The address that kube-proxy serves its metrics on.",
        from: &["metricsBindAddress"],
        resolve: Resolve::Instance(metrics_address),
    },
    Fact {
        name: "kube-proxy.metrics-listen-addresses",
        kind: Type::List,
        about: "The addresses of the sockets on kube-proxy's metrics port.",
        from: &["metricsBindAddress"],
        resolve: Resolve::Instance(|node, proxy| listening(node, proxy, metrics_port(node, proxy))),
    },
];

/// kube-proxy's metrics port where nothing else is said (`metricsBindAddress` 127.0.0.1:10249).
const METRICS_PORT: u16 = 10249;

fn secure_port(node: &Node<'_>, instance: &Instance) -> Resolved {
    node.setting(instance, "secure-port").and_then(|port| match port.value {
        Value::Int(port) => listening(node, instance, u16::try_from(port).unwrap_or(0)),
        other => Seen::Unknown(Unknown::new(format!("{other} is no port"), "look at the component's flags")),
    })
}

/// Addresses of listening sockets on a port that the process holds, or that could be its own.
fn listening(node: &Node<'_>, instance: &Instance, port: u16) -> Resolved {
    let Some(process) = &instance.process else {
        // No process is in reach, so neither is a socket: what is declared is all there is to tell.
        return derived(Value::List(Vec::new()), "no process is in this source's reach", instance);
    };
    if !node.sight.capture.reach.sockets {
        return derived(Value::List(Vec::new()), "no socket is in this source's reach", instance);
    }
    node.sight.sockets(process.pid).map(|sockets| {
        let mut addresses: Vec<IpAddr> = sockets
            .listening
            .iter()
            .filter(|socket| socket.port == port && socket.own != Some(false))
            .map(|socket| socket.address.to_canonical())
            .collect();
        addresses.sort();
        addresses.dedup();
        Known {
            value: Value::List(addresses.iter().map(IpAddr::to_string).collect()),
            how: How::Observed,
            source: format!("listening sockets on port {port} of {}", instance.name),
            basis: instance.basis,
            notes: Vec::new(),
            partial: None,
        }
    })
}

/// What kube-proxy was told. Where its configuration lies in a volume that this source does not hold, its socket tells.
fn metrics_address(node: &Node<'_>, proxy: &Instance) -> Resolved {
    match node.setting(proxy, "metricsBindAddress") {
        Seen::Known(mut known) => {
            known.value = Value::Text(host(&known.value.to_string()).to_owned());
            Seen::Known(known)
        }
        Seen::Unknown(unknown) if node.configuration_is_elsewhere(proxy) => {
            match listening(node, proxy, METRICS_PORT) {
                Seen::Known(Known { value: Value::List(addresses), how: How::Observed, source, basis, .. }) => {
                    match addresses.as_slice() {
                        [one] => Seen::Known(Known {
                            value: Value::Text(one.clone()),
                            how: How::Observed,
                            source,
                            basis,
                            notes: vec![unknown.why],
                            partial: None,
                        }),
                        _ => Seen::Unknown(unknown),
                    }
                }
                _ => Seen::Unknown(unknown),
            }
        }
        other => other,
    }
}

fn metrics_port(node: &Node<'_>, proxy: &Instance) -> u16 {
    let configured = node.setting(proxy, "metricsBindAddress");
    configured
        .known()
        .and_then(|known| known.value.to_string().rsplit_once(':')?.1.parse().ok())
        .unwrap_or(METRICS_PORT)
}

/// The host part of `host:port`, with `[::1]:10249` and bare addresses.
fn host(text: &str) -> &str {
    if text.parse::<IpAddr>().is_ok() {
        return text;
    }
    text.rsplit_once(':').map_or(text, |(host, _)| host.trim_start_matches('[').trim_end_matches(']'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn hosts() {
        let cases = [
            ("127.0.0.1:10249", "127.0.0.1"),
            ("[::1]:10249", "::1"),
            ("::1", "::1"),
            ("0.0.0.0", "0.0.0.0"),
            ("localhost:1", "localhost"),
        ];
        for (text, host) in cases {
            assert_eq!(super::host(text), host, "{text}");
        }
    }
}
