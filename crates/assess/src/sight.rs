//! One capture, indexed: what was seen of a place, or why not, in words for a reader.

use std::collections::HashMap;

use evidence::{
    Aspect, Basis, Capture, FileKind, Listing, ObjectList, OsText, Place, ProcessTable, Resource, Sockets, Source,
    Stat, Text,
};

use crate::value::{Seen, Unknown};

/// The role of Talos that may see everything.
const ADMIN: &str = "os:admin";

/// An index over a capture.
#[derive(Debug)]
pub(crate) struct Sight<'a> {
    /// The capture.
    pub capture: &'a Capture,
    index: HashMap<(&'a Place, Aspect), (&'a evidence::Seen, Basis)>,
}

impl<'a> Sight<'a> {
    pub(crate) fn new(capture: &'a Capture) -> Self {
        let mut index = HashMap::with_capacity(capture.items.len());
        for item in &capture.items {
            index.entry((&item.place, item.aspect)).or_insert((&item.seen, item.basis));
        }
        Self { capture, index }
    }

    fn look<T>(&self, place: &Place, aspect: Aspect, pick: impl FnOnce(&'a evidence::Seen) -> Option<T>) -> Seen<T> {
        let name = match place {
            Place::Path(path) => path.to_lossy(),
            Place::Process(pid) => format!("process {pid}"),
            Place::Processes => "the process table".to_owned(),
            Place::Api(api) if aspect == Aspect::Objects => {
                format!("the list of {} of the cluster", api.rsplit('/').next().unwrap_or(api))
            }
            Place::Api(api) => format!("the API's answer to {api}"),
            Place::Resources(kind) => kind.split('.').next().unwrap_or(kind).to_owned(),
        };
        let Some((seen, _)) = self.index.get(&(place, aspect)).copied() else {
            return Seen::Unknown(self.never_asked(place, &name));
        };
        match seen {
            evidence::Seen::Absent { proof } => Seen::Absent(format!("{name}: {proof}")),
            // A role's reach is fixed before looking: what it may not see lies outside of it.
            evidence::Seen::Denied { right } if right == ADMIN => Seen::Unknown(Unknown::outside(
                format!("{name} is for {ADMIN} only"),
                format!("needs {ADMIN}: scan with a certificate of that role"),
            )),
            evidence::Seen::Denied { right } if matches!(place, Place::Api(_)) => Seen::Unknown(Unknown::new(
                format!("{name} may not be read"),
                format!("grant the right to {right}, and audit again"),
            )),
            evidence::Seen::Denied { right } => {
                Seen::Unknown(Unknown::new(format!("{name} may not be read"), format!("run with {right}")))
            }
            evidence::Seen::Withheld { why } => Seen::Unknown(Unknown::new(
                format!("{name} was withheld: {why}"),
                "its secrets could not be cut out safely",
            )),
            evidence::Seen::Namespaced { namespace, help } => Seen::Unknown(Unknown::new(
                format!("{name} shows another {namespace} namespace than the node's own"),
                help.clone(),
            )),
            evidence::Seen::TooLarge { size, limit } => Seen::Unknown(Unknown::new(
                format!("{name} has {size} bytes, more than the {limit} that are taken"),
                "look at the file: no component's configuration is that large",
            )),
            evidence::Seen::Unsupported { by } => {
                Seen::Unknown(Unknown::new(format!("{name} is not supported by {by}"), "use a newer version of it"))
            }
            evidence::Seen::Failed { why } => {
                Seen::Unknown(Unknown::new(format!("{name} could not be read: {why}"), "look at it on the node itself"))
            }
            other => pick(other).map_or_else(
                || {
                    Seen::Unknown(Unknown::new(
                        format!("{name} was recorded as something else"),
                        "collect the evidence again",
                    ))
                },
                Seen::Known,
            ),
        }
    }

    /// Why there is no item: the source cannot show such a thing, or did not ask.
    fn never_asked(&self, place: &Place, name: &str) -> Unknown {
        let reach = &self.capture.reach;
        if evidence::is_kernels(name.as_bytes()) && !reach.kernel {
            return Unknown::outside(
                format!("this source does not show {name}"),
                "scan the running node, or save this from it too",
            );
        }
        if matches!(place, Place::Resources(_)) {
            return Unknown::outside(
                format!("this source does not show {name} of Talos' API"),
                "scan the machine through its API, or save that resource too",
            );
        }
        if matches!(place, Place::Api(_)) {
            return Unknown::outside(
                format!("this source does not show {name}"),
                "audit the cluster through its API, or record that answer too",
            );
        }
        if name.starts_with('/') && !reach.files {
            let help = match self.capture.source {
                Source::ClusterNode => "let a probe look at the node",
                _ => "save this file too",
            };
            return Unknown::outside(format!("this source does not show {name}"), help);
        }
        Unknown::new(format!("{name} was not collected"), "collect the evidence again with this version of kube-assay")
    }

    /// Metadata of a path, links followed.
    pub(crate) fn stat(&self, path: &str) -> Seen<&'a Stat> {
        self.look(&at(path), Aspect::Stat, |seen| match seen {
            evidence::Seen::Stat(stat) => Some(stat),
            _ => None,
        })
    }

    /// Text of a file, whose metadata must have been seen too.
    pub(crate) fn text(&self, path: &str) -> Seen<(&'a Text, &'a Stat)> {
        self.file(path).and_then(|stat| {
            self.look(&at(path), Aspect::Text, |seen| match seen {
                evidence::Seen::Text(text) => Some((text, stat)),
                _ => None,
            })
        })
    }

    /// DER certificates of a file.
    pub(crate) fn certs(&self, path: &str) -> Seen<&'a [Text]> {
        self.file(path).and_then(|_| {
            self.look(&at(path), Aspect::Certs, |seen| match seen {
                evidence::Seen::Certs(certs) => Some(certs.as_slice()),
                _ => None,
            })
        })
    }

    fn file(&self, path: &str) -> Seen<&'a Stat> {
        self.stat(path).and_then(|stat| match stat.kind {
            FileKind::File => Seen::Known(stat),
            _ => Seen::Unknown(Unknown::new(format!("{path} is no regular file"), "look at it on the node itself")),
        })
    }

    /// A value that the kernel shows as a file.
    pub(crate) fn value(&self, path: &str) -> Seen<String> {
        self.raw(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The same as bytes.
    pub(crate) fn raw(&self, path: &str) -> Seen<&'a [u8]> {
        self.look(&at(path), Aspect::Value, |seen| match seen {
            evidence::Seen::Text(text) => Some(&*text.bytes),
            _ => None,
        })
    }

    /// Entries of a directory.
    pub(crate) fn list(&self, path: &str) -> Seen<&'a Listing> {
        self.look(&at(path), Aspect::List, |seen| match seen {
            evidence::Seen::List(listing) => Some(listing),
            _ => None,
        })
    }

    /// The process table.
    pub(crate) fn processes(&self) -> Seen<&'a ProcessTable> {
        self.look(&Place::Processes, Aspect::Processes, |seen| match seen {
            evidence::Seen::Processes(table) => Some(table),
            _ => None,
        })
    }

    /// Listening sockets in a process's network namespace.
    pub(crate) fn sockets(&self, pid: u32) -> Seen<&'a Sockets> {
        if !self.capture.reach.sockets {
            return Seen::Unknown(Unknown::outside(
                "this source does not show listening sockets",
                "scan the running node, or record its sockets too",
            ));
        }
        self.look(&Place::Process(pid), Aspect::Sockets, |seen| match seen {
            evidence::Seen::Sockets(sockets) => Some(sockets),
            _ => None,
        })
    }

    /// How directly a value of the kernel's was seen.
    pub(crate) fn value_basis(&self, path: &str) -> Basis {
        self.index.get(&(&at(path), Aspect::Value)).map_or(Basis::Running, |(_, basis)| *basis)
    }

    /// The resources of a type of Talos' API. A type that this version does not have has no resources.
    pub(crate) fn resources(&self, kind: &str) -> Seen<&'a [Resource]> {
        let place = Place::Resources(kind.to_owned());
        if let Some((evidence::Seen::Unsupported { by }, _)) = self.index.get(&(&place, Aspect::Resources)) {
            return Seen::Absent(format!("{by} has no {kind}"));
        }
        self.look(&place, Aspect::Resources, |seen| match seen {
            evidence::Seen::Resources(all) => Some(all.as_slice()),
            _ => None,
        })
    }

    /// Objects of a list of the Kubernetes API. An API server that does not have it has none of them.
    pub(crate) fn objects(&self, api: &str) -> Seen<&'a ObjectList> {
        let place = Place::Api(api.to_owned());
        if let Some((evidence::Seen::Unsupported { by }, _)) = self.index.get(&(&place, Aspect::Objects)) {
            return Seen::Absent(format!("{by} has no {api}"));
        }
        self.look(&place, Aspect::Objects, |seen| match seen {
            evidence::Seen::Objects(list) => Some(&**list),
            _ => None,
        })
    }

    /// Body of an API answer.
    pub(crate) fn body(&self, api: &str) -> Seen<&'a Text> {
        self.look(&Place::Api(api.to_owned()), Aspect::Text, |seen| match seen {
            evidence::Seen::Text(text) => Some(text),
            _ => None,
        })
    }
}

/// A path as walks name it: without a slash at its end.
fn at(path: &str) -> Place {
    Place::Path(OsText::from(match path.trim_end_matches('/') {
        "" => "/",
        own => own,
    }))
}
