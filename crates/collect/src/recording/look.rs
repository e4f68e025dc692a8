//! What a recording answers.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{
    Ask, Cut, Entry, FileKind, Listener, Listing, OsText, Process, ProcessTable, Seen, Sockets, Stat, Text,
};

use super::resolve::{Found, Node, failed};
use super::{RecordedProcess, Recording};

impl Recording {
    /// Answers one question of a walk.
    pub fn look(&self, ask: &Ask) -> Seen {
        let answer = match ask {
            Ask::Processes { names, env } => Ok(Seen::Processes(self.process_table(names, env))),
            Ask::Sockets { pid } => self.sockets(*pid),
            Ask::Stat { path } => self.stat(path),
            Ask::List { path, limit } => self.list(path, *limit),
            Ask::Text { path, cut, limit } => self.text(path, *cut, *limit),
            Ask::Certs { path, limit } => self.certs(path, *limit),
            Ask::Body { api, limit } => self.body(api, *limit),
            // The kernel's own are answered by what was saved of it.
            Ask::Value { .. } | Ask::Parameters { .. } | Ask::Resources { .. } | Ask::Objects { .. } => {
                Err(failed("it was not recorded"))
            }
        };
        match answer {
            Ok(seen) | Err(seen) => seen,
        }
    }

    fn process_table(&self, names: &BTreeSet<String>, env: &BTreeSet<String>) -> ProcessTable {
        if self.hide_processes.is_some() {
            return ProcessTable { incomplete: self.hide_processes.clone(), ..ProcessTable::default() };
        }
        let mut matched: Vec<Process> = self.processes.iter().filter_map(|process| process.seen(names, env)).collect();
        matched.sort_by_key(|process| process.pid);
        let examined = u32::try_from(self.processes.len()).unwrap_or(u32::MAX);
        ProcessTable { matched, examined, incomplete: None }
    }

    fn sockets(&self, pid: u32) -> Result<Seen, Seen> {
        if !self.sockets {
            return Err(failed("listening sockets were not recorded"));
        }
        if self.hide_processes.is_some() || !self.processes.iter().any(|process| process.pid == pid) {
            return Err(failed(format!("process {pid} was not recorded")));
        }
        let listening = self.listeners.iter().map(|listener| Listener {
            address: listener.address,
            port: listener.port,
            own: listener.owners.as_ref().map(|owners| owners.contains(&pid)),
        });
        let mut listening: Vec<Listener> = listening.collect();
        listening.sort();
        let owners_known = self.listeners.iter().all(|listener| listener.owners.is_some());
        Ok(Seen::Sockets(Sockets { listening, owners_known }))
    }

    fn stat(&self, path: &OsText) -> Result<Seen, Seen> {
        let found = self.resolve(path)?;
        let Node::Listed(listed) = found.node else {
            return Err(failed("its mode was not recorded"));
        };
        Ok(Seen::Stat(Stat {
            kind: listed.kind,
            mode: listed.mode,
            uid: listed.uid,
            gid: listed.gid,
            size: listed.size,
            modified: None,
            target: found.linked.then(|| found.path.into()),
        }))
    }

    fn list(&self, path: &OsText, limit: usize) -> Result<Seen, Seen> {
        let found = self.resolve(path)?;
        if !found.node.is_dir() {
            return Err(failed("not a directory"));
        }
        // A name is a directory if the listing says so, or if anything is below it.
        let mut names: BTreeMap<&str, bool> = BTreeMap::new();
        for (path, listed) in self.below(&found.path) {
            let (name, deeper) = path.split_once('/').map_or((path, false), |(name, _)| (name, true));
            *names.entry(name).or_default() |= deeper || listed.is_some_and(|listed| listed.kind == FileKind::Dir);
        }
        let complete = names.len() <= limit;
        let entries = names.into_iter().take(limit).map(|(name, dir)| Entry { name: name.into(), dir }).collect();
        Ok(Seen::List(Listing { entries, complete }))
    }

    fn text(&self, path: &OsText, how: Cut, limit: u64) -> Result<Seen, Seen> {
        let content = within(self.content(&self.resolve(path)?)?, limit)?;
        Ok(evidence::take_text(how, content.to_vec()))
    }

    fn certs(&self, path: &OsText, limit: u64) -> Result<Seen, Seen> {
        let content = within(self.content(&self.resolve(path)?)?, limit)?;
        let certificates = evidence::pem_certificates(content);
        Ok(Seen::Certs(certificates.into_iter().map(|der| Text::new(der, Vec::new())).collect()))
    }

    fn content(&self, found: &Found<'_>) -> Result<&[u8], Seen> {
        match (self.texts.get(&found.path), found.node) {
            (Some(content), _) => Ok(content),
            (None, Node::Listed(listed)) if listed.kind == FileKind::File => {
                Err(failed("its content was not recorded"))
            }
            (None, _) => Err(failed("not a regular file")),
        }
    }

    fn body(&self, api: &str, limit: u64) -> Result<Seen, Seen> {
        // Of lists only what a table keeps is taken.
        if evidence::object_kind(api).is_some() {
            return Err(failed("this API answer is a list of objects"));
        }
        let body = self.api.get(api).ok_or_else(|| failed("this API answer was not recorded"))?;
        Ok(Seen::Text(Text::new(within(body, limit)?.to_vec(), Vec::new())))
    }
}

impl RecordedProcess {
    /// The process as a walk sees it, if it answers to any of the names.
    fn seen(&self, names: &BTreeSet<String>, env: &BTreeSet<String>) -> Option<Process> {
        let names = evidence::process_names(names, self.exe.as_ref(), &self.argv);
        if names.is_empty() {
            return None;
        }
        let kept = self.exe.as_ref().and_then(|exe| exe.as_bytes().strip_suffix(b" (deleted)"));
        let exe = kept.map(OsText::from).or_else(|| self.exe.clone());
        let (argv, cuts) = evidence::scrub_argv(self.argv.clone());
        let allowed =
            |keys: &Vec<String>| keys.iter().filter(|key| env.contains(*key)).map(|key| (key.clone(), None)).collect();
        Some(Process {
            pid: self.pid,
            ppid: self.ppid,
            names,
            comm: self.comm.clone(),
            exe,
            exe_deleted: kept.is_some(),
            argv,
            uid: self.uid,
            gid: self.gid,
            cwd: self.cwd.clone(),
            started: None,
            env: self.environ_keys.as_ref().map(allowed),
            pod: None,
            cuts,
        })
    }
}

fn within(bytes: &[u8], limit: u64) -> Result<&[u8], Seen> {
    let size = bytes.len() as u64;
    if size > limit { Err(Seen::TooLarge { size, limit }) } else { Ok(bytes) }
}
