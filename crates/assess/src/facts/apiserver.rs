//! Facts of kube-apiserver that more than one setting makes.

use evidence::Basis;
use serde_json::Value as Json;

use super::{Fact, Resolve, derived, members};
use crate::document;
use crate::node::{Instance, Node};
use crate::value::{How, Known, Resolved, Seen, Type, Unknown, Value};

pub(super) static FACTS: &[Fact] = &[
    Fact {
        name: "kube-apiserver.anonymous-paths",
        kind: Type::List,
        about: "The paths that requests without credentials reach; `*` is every path.",
        from: &["authentication-config", "anonymous-auth", "authorization-config", "authorization-mode"],
        resolve: Resolve::Instance(anonymous_paths),
    },
    Fact {
        name: "kube-apiserver.authorization-modes",
        kind: Type::List,
        about: "The authorizers that the API server asks, in order.",
        from: &["authorization-config", "authorization-mode"],
        resolve: Resolve::Instance(authorization_modes),
    },
    Fact {
        name: "kube-apiserver.authenticators",
        kind: Type::List,
        about: "The ways in which the API server recognises who asks.",
        from: &[
            "client-ca-file",
            "requestheader-client-ca-file",
            "token-auth-file",
            "oidc-issuer-url",
            "authentication-token-webhook-config-file",
            "service-account-key-file",
            "enable-bootstrap-token-auth",
            "authentication-config",
        ],
        resolve: Resolve::Instance(authenticators),
    },
    Fact {
        name: "kube-apiserver.admission-plugins",
        kind: Type::List,
        about: "The admission plugins that run: the version's own, plus those enabled, less those disabled.",
        from: &[
            "admission-control",
            "enable-admission-plugins",
            "disable-admission-plugins",
            "default-admission-plugins",
        ],
        resolve: Resolve::Instance(admission_plugins),
    },
    Fact {
        name: "kube-apiserver.event-rate-limits",
        kind: Type::List,
        about: "The limits that the EventRateLimit plugin was given.",
        from: &["admission-control-config-file"],
        resolve: Resolve::Instance(event_rate_limits),
    },
    Fact {
        name: "kube-apiserver.pod-security-default",
        kind: Type::Text,
        about: "The Pod Security level that namespaces without a label are held to.",
        from: &["admission-control-config-file"],
        resolve: Resolve::Instance(pod_security_default),
    },
];

/// A document that a flag names.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// What it says.
    pub json: Json,
    /// Where it stands, for a reader.
    pub place: String,
    /// How directly it was seen.
    pub basis: Basis,
}

impl Named {
    /// What follows from it.
    pub(super) fn says(&self, value: Value, what: &str) -> Resolved {
        let source = if what.is_empty() { self.place.clone() } else { format!("{what} in {}", self.place) };
        Seen::Known(Known { value, how: How::Explicit, source, basis: self.basis, notes: Vec::new(), partial: None })
    }
}

/// The document that a flag names. Absent: the flag is not set.
pub(super) fn document_of(node: &Node<'_>, instance: &Instance, flag: &str, reloads: bool) -> Seen<Named> {
    node.setting(instance, flag).and_then(|known| {
        let path = known.value.to_string();
        let basis = known.basis;
        let seen = match node.configuration(instance, &path, reloads) {
            Seen::Known((text, place)) => {
                return document::read(&place, &text.bytes).map(|json| Named { json, place, basis });
            }
            // It runs with the file, so the file is somewhere.
            Seen::Absent(proof) => Unknown::new(
                format!("--{flag} names a file that is not there: {proof}"),
                "look at it inside the container",
            ),
            Seen::Unknown(unknown) => unknown,
        };
        // Only where the file lies outside of reach, or is never opened; one that could have been seen leaves nothing.
        if !seen.outside && flag != "encryption-provider-config" {
            return Seen::Unknown(seen);
        }
        match node.rendered_from(flag, &path) {
            Some(declared) => declared.map(|(json, place)| Named { json, place, basis: basis.min(Basis::Declared) }),
            None => Seen::Unknown(seen),
        }
    })
}

/// With `anonymous` in an `AuthenticationConfiguration` that decides; else --anonymous-auth; and the server itself turns
/// anonymous requests off when `AlwaysAllow` is among the modes (checked on v1.36.2).
fn anonymous_paths(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    match document_of(node, apiserver, "authentication-config", true) {
        Seen::Known(named) => {
            if let Some(anonymous) = document::at(&named.json, "anonymous") {
                let paths = match (document::at(anonymous, "enabled"), document::list_at(anonymous, "conditions")) {
                    (Some(Json::Bool(true)), []) => vec!["*".to_owned()],
                    (Some(Json::Bool(true)), conditions) => {
                        conditions.iter().filter_map(|condition| document::text_at(condition, "path")).collect()
                    }
                    _ => Vec::new(),
                };
                return named.says(Value::List(paths), "anonymous");
            }
        }
        Seen::Absent(_) => {}
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    }
    // Only the flag's modes count for that: with a structured file the server leaves anonymous requests on.
    let modes = match node.setting(apiserver, "authorization-config") {
        Seen::Absent(_) => node.setting(apiserver, "authorization-mode"),
        Seen::Known(_) => Seen::Absent("--authorization-config is given".to_owned()),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    };
    node.setting(apiserver, "anonymous-auth").and_then(|known| {
        let explicit_flag = apiserver.flags.has("anonymous-auth");
        match (&known.value, modes) {
            (Value::Bool(true), Seen::Unknown(unknown)) if !explicit_flag => Seen::Unknown(unknown),
            (Value::Bool(true), Seen::Known(modes))
                if members(modes.clone()).iter().any(|mode| mode == "AlwaysAllow") =>
            {
                derived(
                    Value::List(Vec::new()),
                    format!("the server turns anonymous requests off because of AlwaysAllow ({})", modes.source),
                    apiserver,
                )
            }
            (Value::Bool(on), _) => {
                let paths = if *on { vec!["*".to_owned()] } else { Vec::new() };
                Seen::Known(Known { value: Value::List(paths), ..known })
            }
            _ => Seen::Known(known),
        }
    })
}

fn authorization_modes(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    match document_of(node, apiserver, "authorization-config", true) {
        Seen::Known(named) => {
            let authorizers = document::list_at(&named.json, "authorizers").iter();
            let modes = authorizers.filter_map(|entry| document::text_at(entry, "type"));
            named.says(Value::List(modes.collect()), "authorizers")
        }
        Seen::Absent(_) => node.setting(apiserver, "authorization-mode"),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}

fn authenticators(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    let mut found = Vec::new();
    let flags = [
        ("client-ca-file", "client certificates"),
        ("requestheader-client-ca-file", "front proxy"),
        ("token-auth-file", "static tokens"),
        ("oidc-issuer-url", "OIDC"),
        ("authentication-token-webhook-config-file", "webhook"),
        ("service-account-key-file", "service accounts"),
    ];
    for (flag, name) in flags {
        match node.setting(apiserver, flag) {
            Seen::Known(_) => found.push(name.to_owned()),
            Seen::Absent(_) => {}
            Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        }
    }
    match node.setting(apiserver, "enable-bootstrap-token-auth") {
        Seen::Known(Known { value: Value::Bool(true), .. }) => found.push("bootstrap tokens".to_owned()),
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
        _ => {}
    }
    match document_of(node, apiserver, "authentication-config", true) {
        Seen::Known(named) => {
            let issuers =
                document::list_at(&named.json, "jwt").iter().filter_map(|jwt| document::text_at(jwt, "issuer.url"));
            found.extend(issuers.map(|url| format!("JWT of {url}")));
        }
        Seen::Absent(_) => {}
        Seen::Unknown(unknown) => return Seen::Unknown(unknown),
    }
    derived(Value::List(found), format!("flags in {}", apiserver.source), apiserver)
}

fn admission_plugins(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    let list = |name: &str| match node.setting(apiserver, name) {
        Seen::Known(known) => Seen::Known((known.source.clone(), known.notes.clone(), members(known))),
        Seen::Absent(_) => Seen::Known((String::new(), Vec::new(), Vec::new())),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    };
    // The old flag names exactly what runs.
    match node.setting(apiserver, "admission-control") {
        Seen::Absent(_) => {}
        only => return only,
    }
    list("default-admission-plugins").and_then(|(_, _, mut plugins)| {
        list("enable-admission-plugins").and_then(|(source, mut notes, enabled)| {
            list("disable-admission-plugins").and_then(|(disabled_source, more, disabled)| {
                for plugin in enabled {
                    if !plugins.contains(&plugin) {
                        plugins.push(plugin);
                    }
                }
                plugins.retain(|plugin| !disabled.contains(plugin));
                plugins.sort();
                notes.extend(more);
                let sources = [source, disabled_source, "the version's own plugins".to_owned()];
                let said: Vec<String> = sources.into_iter().filter(|source| !source.is_empty()).collect();
                match derived(Value::List(plugins), said.join(", "), apiserver) {
                    Seen::Known(known) => Seen::Known(Known { notes, ..known }),
                    other => other,
                }
            })
        })
    })
}

/// The configuration of an admission plugin: inline, or in a file named relative to the `AdmissionConfiguration`.
fn plugin_configuration(node: &Node<'_>, apiserver: &Instance, plugin: &str) -> Seen<Named> {
    document_of(node, apiserver, "admission-control-config-file", false).and_then(|Named { json, place, basis }| {
        let named = |entry: &&Json| document::text_at(entry, "name").as_deref() == Some(plugin);
        let Some(entry) = document::list_at(&json, "plugins").iter().find(named) else {
            return Seen::Absent(format!("{place} does not configure {plugin}"));
        };
        if let Some(configuration) = document::at(entry, "configuration") {
            return Seen::Known(Named { json: configuration.clone(), place, basis });
        }
        let Some(path) = document::text_at(entry, "path") else {
            return Seen::Absent(format!("{place} gives {plugin} no configuration"));
        };
        let path = match place.rsplit_once('/') {
            Some((directory, _)) if !path.starts_with('/') => Seen::Known(format!("{directory}/{path}")),
            _ => node.locate(apiserver, &path),
        };
        path.and_then(|path| {
            node.sight.text(&path).and_then(|(text, _)| {
                document::read(&path, &text.bytes).map(|json| Named { json, place: path.clone(), basis })
            })
        })
    })
}

fn event_rate_limits(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    plugin_configuration(node, apiserver, "EventRateLimit").and_then(|named| {
        let limit = |entry: &Json| {
            let part = |key| document::text_at(entry, key).unwrap_or_else(|| "?".to_owned());
            format!("{} {} a second, {} at once", part("type"), part("qps"), part("burst"))
        };
        named.says(Value::List(document::list_at(&named.json, "limits").iter().map(limit).collect()), "")
    })
}

/// Without a `PodSecurity` configuration the default is `privileged` (Pod Security admission, all versions).
fn pod_security_default(node: &Node<'_>, apiserver: &Instance) -> Resolved {
    match plugin_configuration(node, apiserver, "PodSecurity") {
        Seen::Known(named) => {
            let level = document::text_at(&named.json, "defaults.enforce").unwrap_or_else(|| "privileged".to_owned());
            named.says(Value::Text(level), "defaults.enforce")
        }
        Seen::Absent(proof) => derived(Value::Text("privileged".to_owned()), proof, apiserver),
        Seen::Unknown(unknown) => Seen::Unknown(unknown),
    }
}
