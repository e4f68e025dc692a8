//! The configuration file that a component was really given, with its drop-ins.

use std::rc::Rc;

use benchmark::Setting;
use evidence::{Basis, CONFIGZ};
use serde_json::Value;

use crate::document;
use crate::node::{Instance, Node};
use crate::talos::{KUBELET_CONFIG, KUBELET_SPECS};
use crate::value::{Seen, Unknown};

/// A component's configuration: the main file and what is laid over it, in order.
#[derive(Debug)]
pub(crate) struct Config {
    merged: Value,
    parts: Vec<(Value, String)>,
    /// How directly it was seen.
    pub basis: Basis,
    /// Whether it is the whole of what is in force, in which what is zero is left out.
    pub in_force: bool,
}

impl Config {
    /// The value of a field, with the file that has the last word on it.
    pub(crate) fn get(&self, field: &str) -> Option<(&Value, &str)> {
        let value = document::at(&self.merged, field)?;
        let origin = self.parts.iter().rev().find(|(part, _)| document::at(part, field).is_some());
        Some((value, origin.map_or("", |(_, place)| place.as_str())))
    }

    /// The files, for a proof that none of them sets something.
    pub(crate) fn places(&self) -> String {
        self.parts.iter().map(|(_, place)| place.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl Config {
    /// A configuration that a `ConfigMap` declares.
    pub(crate) fn declared(merged: Value, place: String) -> Self {
        let parts = vec![(merged.clone(), place)];
        Self { merged, parts, basis: Basis::Declared, in_force: false }
    }
}

impl Node<'_> {
    /// The configuration of an instance; none inside: it was given no file.
    pub(crate) fn config(&self, instance: &Instance) -> Seen<Option<Rc<Config>>> {
        if let Some(known) = self.configs.borrow().get(&instance.name) {
            return known.clone();
        }
        let config = self.read_config(instance);
        self.configs.borrow_mut().insert(instance.name.clone(), config.clone());
        config
    }

    fn read_config(&self, instance: &Instance) -> Seen<Option<Rc<Config>>> {
        let Some(flag) = instance.component.config else { return Seen::Known(None) };
        let in_force = (instance.component.name == "kubelet").then(|| self.in_force());
        if let Some(Seen::Unknown(unknown)) = in_force {
            return Seen::Unknown(unknown);
        }
        if let Some(Seen::Known(mut merged)) = in_force {
            // It tells the certificate that it made itself as if somebody had given it one.
            let directory = instance.flags.last("cert-dir").unwrap_or("/var/lib/kubelet/pki").trim_end_matches('/');
            let own = format!("{directory}/kubelet.crt");
            if document::text_at(&merged, "tlsCertFile").as_deref() == Some(own.as_str())
                && let Some(fields) = merged.as_object_mut()
            {
                fields.remove("tlsCertFile");
                fields.remove("tlsPrivateKeyFile");
            }
            let parts = vec![(merged.clone(), "the kubelet's /configz".to_owned())];
            return Seen::Known(Some(Rc::new(Config { merged, parts, basis: Basis::Running, in_force: true })));
        }
        let mut parts = Vec::new();
        let mut paths = Vec::new();
        let mut basis = instance.basis;
        // etcd also takes its configuration file's name from the environment.
        let from_env = (instance.component.name == "etcd").then(|| instance.environment("ETCD_CONFIG_FILE"));
        match (instance.flags.last(flag).filter(|path| !path.is_empty()), from_env) {
            (Some(path), _) => paths.push(path.to_owned()),
            (None, Some(Seen::Known(path))) => paths.push(path),
            // etcd's container on Talos holds no file that a person could name (its mounts are fixed, 1.9 to 1.15).
            (None, Some(Seen::Unknown(_))) if self.asks_talos() => {}
            (None, Some(Seen::Unknown(unknown))) => return Seen::Unknown(unknown),
            _ => {}
        }
        for path in paths {
            match self.part(instance, &path) {
                Seen::Known(part) => parts.push(part),
                // Only where the file lies outside of reach: one that could have been seen leaves nothing.
                Seen::Unknown(unseen) if self.asks_talos() && unseen.outside => {
                    match self.declared_part(instance, flag, &path).unwrap_or(Seen::Unknown(unseen)) {
                        Seen::Known(part) => parts.push(part),
                        Seen::Absent(proof) => return Seen::Unknown(Unknown::new(proof, "look at the file itself")),
                        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
                    }
                    basis = basis.min(Basis::Declared);
                }
                // The component runs with this file, so it is somewhere; only not where this source can see it.
                Seen::Absent(proof) => {
                    return Seen::Unknown(Unknown::new(
                        format!(
                            "{} was given --{flag}={path}, which is not among the node's files ({proof})",
                            instance.name
                        ),
                        "look at the file inside its container",
                    ));
                }
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        if instance.component.name == "kubelet"
            && let Some(directory) = instance.flags.last("config-dir").filter(|path| !path.is_empty())
        {
            match self.drop_ins(instance, directory) {
                Seen::Known(more) => parts.extend(more),
                // The kubelet does not start without the directory, so it was there.
                Seen::Absent(proof) => {
                    return Seen::Unknown(Unknown::new(
                        format!("{} was given --config-dir={directory}, which is not there ({proof})", instance.name),
                        "restart the kubelet and scan again",
                    ));
                }
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        if parts.is_empty() {
            return Seen::Known(None);
        }
        let mut merged = Value::Object(serde_json::Map::new());
        for (part, _) in &parts {
            document::merge(&mut merged, part);
        }
        Seen::Known(Some(Rc::new(Config { merged, parts, basis, in_force: false })))
    }

    /// The kubelet's answer at /configz. Absent: there is none; unknown: it is not whole. Pointers are always shown.
    fn in_force(&self) -> Seen<Value> {
        let partial = || {
            Seen::Unknown(Unknown::new(
                "what was saved of the kubelet's /configz is not the whole of its answer",
                "save all of it: `kubectl get --raw /api/v1/nodes/NAME/proxy/configz`",
            ))
        };
        let body = match self.sight.body(CONFIGZ) {
            Seen::Known(body) => body,
            Seen::Unknown(unknown) if unknown.why.contains("withheld") => return partial(),
            _ => return Seen::Absent("no kubelet's /configz was saved".to_owned()),
        };
        let config = document::parse(&body.bytes).ok().and_then(|answer| answer.get("kubeletconfig").cloned());
        let always = ["authentication.anonymous.enabled", "authorization.mode", "port", "syncFrequency"];
        let whole = config.filter(|config| always.iter().all(|field| document::at(config, field).is_some()));
        whole.map_or_else(partial, Seen::Known)
    }

    /// What Talos renders a component's configuration file from; none: it renders none at this path.
    fn declared_part(&self, instance: &Instance, flag: &str, path: &str) -> Option<Seen<(Value, String)>> {
        if instance.component.name != "kubelet" {
            return self.rendered_from(flag, path);
        }
        if path != KUBELET_CONFIG {
            return None;
        }
        Some(self.spec(KUBELET_SPECS, "kubelet").and_then(|spec| match spec.json.get("config") {
            Some(config) => Seen::Known((config.clone(), format!("config of {}", spec.place))),
            None => Seen::Unknown(Unknown::new(
                format!("{} shows no configuration", spec.place),
                "look at the kubelet's file on the machine",
            )),
        }))
    }

    fn part(&self, instance: &Instance, path: &str) -> Seen<(Value, String)> {
        self.configuration(instance, path, false)
            .and_then(|(text, place)| document::read(&place, &text.bytes).map(|value| (value, place)))
    }

    /// Kubelet drop-ins: `*.conf` in the directory and below it, in order of their paths
    /// (`mergeKubeletConfigurations`, checked in v1.36.2).
    fn drop_ins(&self, instance: &Instance, directory: &str) -> Seen<Vec<(Value, String)>> {
        let mut parts = Vec::new();
        let mut directories = match self.locate(instance, directory.trim_end_matches('/')) {
            Seen::Known(place) => vec![place],
            Seen::Absent(proof) => return Seen::Absent(proof),
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        };
        let mut files = Vec::new();
        while let Some(directory) = directories.pop() {
            match self.sight.list(&directory) {
                Seen::Known(listing) if listing.complete => {
                    for entry in &listing.entries {
                        let path = format!("{directory}/{}", entry.name);
                        if entry.dir {
                            directories.push(path);
                        } else if entry.name.as_bytes().ends_with(b".conf") {
                            files.push(path);
                        }
                    }
                }
                Seen::Known(_) => {
                    return Seen::Unknown(Unknown::new(
                        format!("{directory} has more entries than are taken"),
                        "tidy it up",
                    ));
                }
                Seen::Absent(proof) => return Seen::Absent(proof),
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        // A directory is entered where its name stands among its neighbours.
        files.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        for path in files {
            match self.part(instance, &path) {
                Seen::Known(part) => parts.push(part),
                Seen::Absent(_) => {}
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
        }
        Seen::Known(parts)
    }
}

impl Instance {
    /// Whether an instance was given a configuration file; kubelet defaults depend on it.
    pub(crate) fn has_config(&self) -> bool {
        self.component.config.is_some_and(|flag| self.flags.last(flag).is_some_and(|path| !path.is_empty()))
    }

    /// A variable of an instance's environment.
    pub(crate) fn environment(&self, name: &str) -> Seen<String> {
        let Some(process) = &self.process else {
            return Seen::Absent(format!("{} declares no {name}", self.source));
        };
        match process.env.as_ref().map(|env| env.get(name)) {
            Some(Some(Some(value))) if !value.is_empty() => Seen::Known(value.to_lossy()),
            Some(Some(None)) => Seen::Unknown(Unknown::new(
                format!("{name} is set in the environment of {}, but its value was not recorded", self.name),
                "scan the running node",
            )),
            Some(_) => Seen::Absent(format!("{} has no {name} in its environment", self.name)),
            None => Seen::Unknown(Unknown::new(
                format!("the environment of {} may not be read", self.name),
                "run with root, or CAP_SYS_PTRACE",
            )),
        }
    }

    /// The environment variable that sets a setting, for components that have them (etcd: `ETCD_` and the flag).
    pub(crate) fn variable(&self, setting: &Setting) -> Option<String> {
        (self.component.name == "etcd")
            .then(|| setting.flag.as_ref().map(|flag| format!("ETCD_{}", flag.to_uppercase().replace('-', "_"))))
            .flatten()
    }
}
