//! Static pods: what a manifest declares, and where a path inside its pod lies on the host.

use benchmark::Version;
use evidence::OsText;
use serde_json::Value;

use crate::document;

/// A static pod manifest.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// Its path.
    pub path: String,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Whether the kubelet gets it from elsewhere than a file of the node.
    pub served: bool,
}

/// A container of a static pod.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    /// Command and arguments.
    pub command: Vec<OsText>,
    /// Image reference.
    pub image: String,
    name: String,
    mounts: Vec<Mount>,
}

#[derive(Clone, Debug)]
struct Mount {
    inside: String,
    /// The path on the host; none if the volume is of another kind.
    host: Option<String>,
}

/// Where a path of a container lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lies {
    /// On the host, at this path.
    OnHost(String),
    /// In a volume that is no directory of the host's own.
    InVolume,
    /// In the image.
    InImage,
}

impl Manifest {
    /// Reads a manifest. An error says what is wrong with it.
    pub(crate) fn read(path: &str, text: &[u8]) -> Result<Self, String> {
        Ok(Self::of(path.to_owned(), &document::parse_first(text)?, false))
    }

    /// A manifest from a pod that was read.
    pub(crate) fn of(path: String, pod: &Value, served: bool) -> Self {
        let volumes = document::list_at(pod, "spec.volumes");
        let host_path = |name: &str| {
            volumes
                .iter()
                .find(|volume| document::text_at(volume, "name").as_deref() == Some(name))
                .and_then(|volume| document::text_at(volume, "hostPath.path"))
        };
        let containers = document::list_at(pod, "spec.containers").iter().map(|container| Container {
            command: ["command", "args"]
                .iter()
                .flat_map(|key| document::list_at(container, key))
                .filter_map(Value::as_str)
                .map(OsText::from)
                .collect(),
            image: document::text_at(container, "image").unwrap_or_default(),
            name: document::text_at(container, "name").unwrap_or_default(),
            mounts: document::list_at(container, "volumeMounts")
                .iter()
                .filter_map(|mount| {
                    let inside = document::text_at(mount, "mountPath")?;
                    let host = document::text_at(mount, "name").and_then(|name| host_path(&name));
                    let host = match (host, document::text_at(mount, "subPath")) {
                        (Some(host), Some(sub)) => Some(format!("{}/{sub}", host.trim_end_matches('/'))),
                        (host, _) => host,
                    };
                    Some(Mount { inside, host })
                })
                .collect(),
        });
        Self { path, containers: containers.collect(), served }
    }

    /// The container that runs one of these programs: by its command, else by its own or its image's name, else
    /// by a shell's command line.
    pub(crate) fn runs(&self, programs: &[&str]) -> Option<&Container> {
        let find = |test: &dyn Fn(&Container) -> bool| self.containers.iter().find(|container| test(container));
        find(&|container| container.starts(programs))
            .or_else(|| find(&|container| programs.iter().any(|program| container.is_called(program))))
            .or_else(|| find(&|container| container.shell_starts(programs)))
    }
}

impl Container {
    fn starts(&self, programs: &[&str]) -> bool {
        let names = programs.iter().map(|name| (*name).to_owned()).collect();
        !evidence::process_names(&names, None, &self.command).is_empty()
    }

    fn is_called(&self, program: &str) -> bool {
        let file = self.image.rsplit('/').next().unwrap_or_default();
        self.name == program || file.split([':', '@']).next() == Some(program)
    }

    fn shell_starts(&self, programs: &[&str]) -> bool {
        let lines = self.command.iter().map(OsText::to_lossy).filter(|word| word.contains(char::is_whitespace));
        lines.into_iter().any(|line| {
            let mut words = line.split(|letter: char| letter.is_whitespace() || ";&|()\"'".contains(letter));
            words.any(|word| programs.contains(&word.rsplit('/').next().unwrap_or(word)))
        })
    }

    /// The arguments that the program is given. None: another program starts it, and only that knows.
    pub(crate) fn arguments(&self, programs: &[&str]) -> Option<&[OsText]> {
        match self.command.first() {
            // The image's own entry point is the program.
            None => Some(&self.command),
            Some(first) if first.as_bytes().starts_with(b"-") => Some(&self.command),
            Some(_) => self.starts(programs).then(|| &self.command[1..]),
        }
    }

    /// Whether a process with this command line may have been started from this container.
    pub(crate) fn may_have_started(&self, programs: &[&str], argv: &[OsText]) -> bool {
        self.arguments(programs).is_none_or(|arguments| argv.get(1..) == Some(arguments))
    }

    /// Where a path inside the container lies: the longest mount that holds it decides.
    pub(crate) fn locate(&self, path: &str) -> Lies {
        let holding = self.mounts.iter().filter_map(|mount| {
            let rest = path.strip_prefix(mount.inside.trim_end_matches('/'))?;
            (rest.is_empty() || rest.starts_with('/')).then_some((mount, rest))
        });
        match holding.max_by_key(|(mount, _)| mount.inside.len()) {
            Some((Mount { host: Some(host), .. }, rest)) => {
                Lies::OnHost(format!("{}{rest}", host.trim_end_matches('/')))
            }
            Some((Mount { host: None, .. }, _)) => Lies::InVolume,
            None => Lies::InImage,
        }
    }

    /// The version in the image's tag, e.g. `v1.36.2`.
    pub(crate) fn version(&self) -> Option<Version> {
        evidence::image_tag(&self.image)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_inside_a_pod_are_found_on_the_host() {
        let text = br#"
apiVersion: v1
kind: Pod
spec:
  containers:
  - command: [etcd, --data-dir=/data]
    args: ["--name=x"]
    image: registry.k8s.io/etcd:3.6.13-0
    volumeMounts:
    - {mountPath: /data, name: data}
    - {mountPath: /data/certs, name: certs}
    - {mountPath: /config, name: config}
    - {mountPath: /one, name: data, subPath: one}
  volumes:
  - {name: data, hostPath: {path: /var/lib/etcd}}
  - {name: certs, hostPath: {path: /etc/kubernetes/pki/etcd/}}
  - {name: config, configMap: {name: c}}
"#;
        let manifest = Manifest::read("/m.yaml", text).unwrap();
        assert!(manifest.runs(&["kube-apiserver"]).is_none());
        let container = manifest.runs(&["etcd"]).unwrap();
        assert_eq!(container.command.len(), 3);
        let cases = [
            ("/data", Lies::OnHost("/var/lib/etcd".into())),
            ("/data/member", Lies::OnHost("/var/lib/etcd/member".into())),
            ("/data/certs/ca.crt", Lies::OnHost("/etc/kubernetes/pki/etcd/ca.crt".into())),
            ("/datas/x", Lies::InImage),
            ("/config/x", Lies::InVolume),
            ("/one/x", Lies::OnHost("/var/lib/etcd/one/x".into())),
        ];
        for (path, expect) in cases {
            assert_eq!(container.locate(path), expect, "{path}");
        }
        assert_eq!(container.version().unwrap().to_string(), "3.6");
        assert!(Manifest::read("/m.yaml", b"[").is_err());
    }

    #[test]
    fn a_program_is_found_however_a_container_starts_it() {
        let etcd: &[&str] = &["etcd"];
        let cases = [
            ("{command: [/usr/bin/etcd, --a]}", Some(Some(1))),
            ("{name: etcd, args: [--a, --b]}", Some(Some(2))),
            ("{image: registry.k8s.io/etcd:3.6, args: [--a]}", Some(Some(1))),
            ("{image: registry.k8s.io/etcd@sha256:0}", Some(Some(0))),
            ("{command: [/bin/sh, -c, 'exec /bin/etcd --a >log']}", Some(None)),
            ("{name: backup, command: [sh, -c, etcdctl snapshot]}", None),
            ("{name: a, image: 'example.org/etcd/proxy:1'}", None),
        ];
        for (container, expect) in cases {
            let text = format!("spec: {{containers: [{container}]}}");
            let manifest = Manifest::read("/m.yaml", text.as_bytes()).unwrap();
            let found = manifest.runs(etcd).map(|own| own.arguments(etcd).map(<[OsText]>::len));
            assert_eq!(found, expect, "{container}");
        }
    }
}
