//! The walk: trails in, questions out, answers in, items out. It does no I/O; a driver answers it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    Ask, Aspect, Break, Cut, FileKind, Hop, Item, OsText, Place, Process, Seen, Spec, Start, Take, Trail, argv, scan,
};

#[cfg(test)]
mod tests;

/// Bounds of one walk.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one text.
    pub text: u64,
    /// Bytes of all texts together.
    pub total: u64,
    /// Entries of one directory.
    pub entries: usize,
    /// Places visited.
    pub places: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text: 1 << 20, total: 64 << 20, entries: 4096, places: 20_000 }
    }
}

/// Where systemd looks for units, strongest first (systemd.unit(5), system search path without generators).
pub const UNIT_DIRS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Where the kubelet keeps the volumes of its pods, by default.
pub const POD_VOLUMES: &str = "/var/lib/kubelet/pods";

/// A walk along trails. Ask it for the next question, answer it, until there is none; then take the items.
///
/// Questions are never asked twice. Trails that take static pod manifests go first: the host paths of a manifest say
/// where the files lie that a component names inside its pod.
#[derive(Debug)]
pub struct Walk {
    trails: Vec<Trail>,
    limits: Limits,
    ready: Vec<Task>,
    later: Vec<Task>,
    waiting: BTreeMap<Ask, Vec<Task>>,
    queue: VecDeque<Ask>,
    current: Option<Ask>,
    answers: BTreeMap<Ask, Seen>,
    mounts: BTreeSet<(String, String)>,
    names: BTreeSet<String>,
    env: BTreeSet<String>,
    items: Vec<Item>,
    kept: BTreeSet<(Place, Aspect)>,
    /// What nobody could be asked about.
    unasked: BTreeSet<(Place, Aspect)>,
    breaks: BTreeSet<Break>,
    taken: u64,
    visited: BTreeSet<(usize, usize, Cursor)>,
}

/// One trail at one place.
#[derive(Clone, Debug)]
struct Task {
    trail: usize,
    hop: usize,
    at: Cursor,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cursor {
    Start,
    Process(u32),
    /// A path as a process sees it, or (no process) as the root has it.
    Path {
        path: OsText,
        of: Option<u32>,
        /// Levels of directories still to enter.
        depth: u8,
    },
    Api(String),
    Resources(String),
}

impl Walk {
    /// A walk along these trails.
    pub fn new(trails: Vec<Trail>, limits: Limits) -> Self {
        let mut names = BTreeSet::new();
        let mut env = BTreeSet::new();
        for trail in &trails {
            if let Start::Process(of) = &trail.start {
                names.extend(of.iter().cloned());
            }
            for hop in &trail.hops {
                if let Hop::Env(name) = hop {
                    env.insert(name.clone());
                }
            }
            for take in &trail.take {
                if let Take::Process { env: of } = take {
                    env.extend(of.iter().cloned());
                }
            }
        }
        let tasks = (0..trails.len()).rev().map(|trail| Task { trail, hop: 0, at: Cursor::Start });
        let (ready, later) = tasks.partition(|task| {
            let take = &trails[task.trail].take;
            take.contains(&Take::Text(Cut::Manifest)) || take.contains(&Take::Resources(Cut::Manifest))
        });
        Self {
            limits,
            ready,
            later,
            waiting: BTreeMap::new(),
            queue: VecDeque::new(),
            current: None,
            answers: BTreeMap::new(),
            mounts: BTreeSet::new(),
            names,
            env,
            items: Vec::new(),
            kept: BTreeSet::new(),
            unasked: BTreeSet::new(),
            breaks: BTreeSet::new(),
            taken: 0,
            visited: BTreeSet::new(),
            trails,
        }
    }

    /// The next question, or none when the walk is done. It must be answered before the next is asked.
    pub fn next_ask(&mut self) -> Option<Ask> {
        loop {
            while let Some(task) = self.ready.pop() {
                self.step(&task);
            }
            if let Some(ask) = self.queue.pop_front() {
                self.current = Some(ask.clone());
                if matches!(ask, Ask::Text { .. }) && self.taken >= self.limits.total {
                    self.answer(Seen::TooLarge { size: self.taken, limit: self.limits.total });
                    continue;
                }
                return Some(ask);
            }
            if self.later.is_empty() {
                return None;
            }
            self.ready = std::mem::take(&mut self.later);
        }
    }

    /// The answer to the last question.
    pub fn answer(&mut self, seen: Seen) {
        let Some(ask) = self.current.take() else { return };
        if let Seen::Text(text) = &seen {
            self.taken += text.size;
        }
        self.ready.extend(self.waiting.remove(&ask).unwrap_or_default());
        self.answers.insert(ask, seen);
    }

    /// The source has no answer to the last question: it was never asked, and leaves no item.
    pub fn pass(&mut self) {
        self.unasked.extend(self.current.as_ref().map(Ask::subject));
        self.answer(Seen::Failed { why: "this source does not show it".to_owned() });
    }

    /// The items in the order they were found, and where trails broke.
    pub fn finish(mut self) -> (Vec<Item>, Vec<Break>) {
        self.items.retain(|item| !self.unasked.contains(&(item.place.clone(), item.aspect)));
        (self.items, self.breaks.into_iter().collect())
    }

    /// The answer to a question, or none after parking the task until it is there. A place becomes one item.
    fn ask(&mut self, task: &Task, ask: Ask) -> Option<Seen> {
        if let Some(seen) = self.answers.get(&ask) {
            let seen = seen.clone();
            self.keep(task.trail, &ask, &seen);
            return Some(seen);
        }
        if !self.waiting.contains_key(&ask) && self.current.as_ref() != Some(&ask) {
            self.queue.push_back(ask.clone());
        }
        self.waiting.entry(ask).or_default().push(task.clone());
        None
    }

    fn keep(&mut self, trail: usize, ask: &Ask, seen: &Seen) {
        let (place, aspect) = ask.subject();
        if !self.kept.insert((place.clone(), aspect)) {
            return;
        }
        match (ask, seen) {
            (Ask::Text { cut: Cut::Manifest, .. }, Seen::Text(text)) => self.mounts.extend(scan::mounts(&text.bytes)),
            (Ask::Resources { cut: Cut::Manifest, .. }, Seen::Resources(all)) => {
                for resource in all {
                    if let Spec::Text(text) = &resource.spec {
                        self.mounts.extend(scan::mounts(&text.bytes));
                    }
                }
            }
            _ => {}
        }
        let trail = self.trails[trail].id.clone();
        self.items.push(Item { trail, place, aspect, basis: aspect.basis(), seen: seen.clone() });
    }

    fn broke(&mut self, task: &Task, why: String) {
        self.breaks.insert(Break { trail: self.trails[task.trail].id.clone(), why });
    }

    fn go(&mut self, trail: usize, hop: usize, at: Cursor) {
        let task = Task { trail, hop, at };
        if self.visited.len() >= self.limits.places {
            self.broke(&task, format!("more than {} places: the walk was cut short", self.limits.places));
        } else if self.visited.insert((task.trail, task.hop, task.at.clone())) {
            self.ready.push(task);
        }
    }

    fn step(&mut self, task: &Task) {
        match task.at.clone() {
            Cursor::Start => self.start(task),
            at => match self.trails[task.trail].hops.get(task.hop).cloned() {
                Some(hop) => self.hop(task, &hop, at),
                None => self.take(task, &at),
            },
        }
    }

    fn start(&mut self, task: &Task) {
        match self.trails[task.trail].start.clone() {
            Start::Process(names) => {
                let Some(seen) = self.ask(task, self.processes()) else { return };
                let Seen::Processes(table) = seen else { return };
                let of: Vec<u32> =
                    table.matched.iter().filter(|p| p.names.iter().any(|n| names.contains(n))).map(|p| p.pid).collect();
                for pid in of.into_iter().rev() {
                    self.go(task.trail, task.hop, Cursor::Process(pid));
                }
            }
            Start::Path(path) => self.go(task.trail, task.hop, Cursor::path(path.into())),
            Start::Api(api) | Start::Objects(api) => self.go(task.trail, task.hop, Cursor::Api(api)),
            Start::Resources(kind) => self.go(task.trail, task.hop, Cursor::Resources(kind)),
            Start::Unit(name) => {
                for dir in UNIT_DIRS {
                    let drop_ins = OsText::from(format!("{dir}/{name}.d"));
                    let Some(seen) = self.ask(task, self.list(drop_ins.clone())) else { return };
                    if let Seen::List(listing) = seen {
                        for entry in listing.entries.iter().filter(|e| e.name.as_bytes().ends_with(b".conf")) {
                            self.go(task.trail, task.hop, Cursor::path(join(&drop_ins, entry.name.as_bytes())));
                        }
                    }
                    self.go(task.trail, task.hop, Cursor::path(format!("{dir}/{name}").into()));
                }
            }
        }
    }

    fn hop(&mut self, task: &Task, hop: &Hop, at: Cursor) {
        let next = task.hop + 1;
        match (hop, at) {
            (Hop::Flag(names), Cursor::Process(pid)) => {
                let Some(process) = self.process(pid) else { return };
                let values = argv::flag_values(&process.argv, names);
                if values.is_empty() {
                    self.broke(
                        task,
                        format!("{} (pid {pid}) has none of the flags {}", process.comm, names.join(", ")),
                    );
                }
                for value in values {
                    self.go_to(task, next, &value, process.cwd.as_ref(), Some(&process));
                }
            }
            (Hop::FlagIn { names, cut }, Cursor::Path { path, .. }) => {
                let Some(Seen::Text(text)) = self.text(task, &path, *cut) else { return };
                for value in argv::flags_in(&text.bytes, names) {
                    self.go_to(task, next, &value, None, None);
                }
            }
            (Hop::Env(name), Cursor::Process(pid)) => {
                let Some(process) = self.process(pid) else { return };
                let value = process.env.as_ref().and_then(|env| env.get(name)).cloned().flatten();
                match value {
                    Some(value) => self.go_to(task, next, value.as_bytes(), process.cwd.as_ref(), Some(&process)),
                    None => {
                        self.broke(task, format!("{} (pid {pid}) shows no {name} in its environment", process.comm));
                    }
                }
            }
            (Hop::Key { name, cut }, Cursor::Path { path, of, .. }) => {
                let Some(seen) = self.text(task, &path, *cut) else { return };
                let Seen::Text(text) = seen else { return };
                let process = of.and_then(|pid| self.process(pid));
                let directory = parent(&path);
                let values = scan::values_of(&text.bytes, name);
                if values.is_empty() {
                    self.broke(task, format!("{path} has no {name}"));
                }
                for value in values {
                    self.go_to(task, next, value.as_bytes(), Some(&directory), process.as_ref());
                }
            }
            (Hop::Entries { prefix, suffix, depth }, Cursor::Path { path, depth: left, .. }) => {
                let Some(seen) = self.ask(task, self.list(path.clone())) else { return };
                let Seen::List(listing) = seen else { return };
                let left = if left == 0 { *depth } else { left };
                for entry in &listing.entries {
                    let child = join(&path, entry.name.as_bytes());
                    if entry.dir && left > 1 {
                        self.go(task.trail, task.hop, Cursor::Path { path: child.clone(), of: None, depth: left - 1 });
                    }
                    let name = entry.name.as_bytes();
                    if prefix.as_ref().is_none_or(|begin| name.starts_with(begin.as_bytes()))
                        && suffix.as_ref().is_none_or(|end| name.ends_with(end.as_bytes()))
                    {
                        self.go(task.trail, next, Cursor::path(child));
                    }
                }
            }
            (Hop::Parent, Cursor::Path { path, of, .. }) => {
                self.go(task.trail, next, Cursor::Path { path: parent(&path), of, depth: 0 });
            }
            (Hop::Join(name), Cursor::Path { path, of, .. }) => {
                self.go(task.trail, next, Cursor::Path { path: join(&path, name.as_bytes()), of, depth: 0 });
            }
            (Hop::Complete { before, after }, Cursor::Path { path, .. }) => {
                let Some(seen) = self.value(task, &path) else { return };
                let Seen::Text(text) = seen else { return };
                match std::str::from_utf8(&text.bytes) {
                    Ok(value) if is_plain_name(value) => {
                        self.go(task.trail, next, Cursor::path(format!("{before}{value}{after}").into()));
                    }
                    _ => self.broke(task, format!("{path} holds no plain name")),
                }
            }
            (hop, at) => self.broke(task, format!("{hop:?} does not follow from {at:?}")),
        }
    }

    fn take(&mut self, task: &Task, at: &Cursor) {
        for take in self.trails[task.trail].take.clone() {
            let done = match (&take, at) {
                (Take::Sockets, Cursor::Process(pid)) => self.ask(task, Ask::Sockets { pid: *pid }).is_some(),
                (Take::Stat, Cursor::Path { path, .. }) => self.ask(task, Ask::Stat { path: path.clone() }).is_some(),
                (Take::List, Cursor::Path { path, .. }) => {
                    self.ask(task, Ask::Stat { path: path.clone() }).is_some()
                        && self.ask(task, self.list(path.clone())).is_some()
                }
                (Take::Text(cut), Cursor::Path { path, .. }) => self.text(task, path, *cut).is_some(),
                (Take::Value, Cursor::Path { path, .. }) => self.value(task, path).is_some(),
                (Take::Parameters(names), Cursor::Path { path, .. }) => {
                    let names = names.iter().cloned().collect();
                    self.ask(task, Ask::Parameters { path: path.clone(), names }).is_some()
                }
                (Take::Certs, Cursor::Path { path, .. }) => self.certs(task, path).is_some(),
                (Take::Body, Cursor::Api(api)) => {
                    self.ask(task, Ask::Body { api: api.clone(), limit: self.limits.text }).is_some()
                }
                (Take::Objects, Cursor::Api(api)) => self.ask(task, Ask::Objects { api: api.clone() }).is_some(),
                (Take::Resources(cut), Cursor::Resources(kind)) => {
                    self.ask(task, Ask::Resources { kind: kind.clone(), cut: *cut }).is_some()
                }
                // The process table itself was kept when the trail started.
                _ => true,
            };
            if !done {
                return;
            }
        }
    }

    /// Text of a regular file, after its metadata. None: parked.
    fn text(&mut self, task: &Task, path: &OsText, cut: Cut) -> Option<Seen> {
        let stat = self.ask(task, Ask::Stat { path: path.clone() })?;
        if !is_file(&stat) {
            return Some(stat);
        }
        self.ask(task, Ask::Text { path: path.clone(), cut, limit: self.limits.text })
    }

    /// A value of the kernel. Nothing else is ever asked for as a value. None: parked.
    fn value(&mut self, task: &Task, path: &OsText) -> Option<Seen> {
        if crate::is_kernels(path.as_bytes()) {
            return self.ask(task, Ask::Value { path: path.clone() });
        }
        self.broke(task, format!("{path} is no value of the kernel's"));
        Some(Seen::Failed { why: "no value of the kernel's".to_owned() })
    }

    fn certs(&mut self, task: &Task, path: &OsText) -> Option<Seen> {
        let stat = self.ask(task, Ask::Stat { path: path.clone() })?;
        if is_file(&stat) {
            self.ask(task, Ask::Certs { path: path.clone(), limit: self.limits.text })
        } else {
            Some(stat)
        }
    }

    /// Goes to the path that a value names, as the process sees it: itself, and where manifests and volumes put it.
    fn go_to(&mut self, task: &Task, hop: usize, value: &[u8], base: Option<&OsText>, process: Option<&Process>) {
        let Some(path) = absolute(value, base) else { return };
        let of = process.map(|process| process.pid);
        let mut places = vec![path.clone()];
        if let Some(text) = path.as_str() {
            for (mount, host) in &self.mounts {
                if mount != host
                    && let Some(rest) = beneath(text, mount)
                {
                    places.push(format!("{}{rest}", host.trim_end_matches('/')).into());
                }
            }
            let pod = process.and_then(|process| process.pod.as_ref());
            if let (Some(pod), Some((_, file))) = (pod, text.rsplit_once('/')) {
                let volumes = OsText::from(format!("{POD_VOLUMES}/{pod}/volumes/kubernetes.io~configmap"));
                let Some(seen) = self.ask(task, self.list(volumes.clone())) else { return };
                if let Seen::List(listing) = seen {
                    places.extend(
                        listing.entries.iter().map(|e| join(&join(&volumes, e.name.as_bytes()), file.as_bytes())),
                    );
                }
            }
        }
        for path in places {
            self.go(task.trail, hop, Cursor::Path { path, of, depth: 0 });
        }
    }

    fn processes(&self) -> Ask {
        Ask::Processes { names: self.names.clone(), env: self.env.clone() }
    }

    fn process(&self, pid: u32) -> Option<Process> {
        match self.answers.get(&self.processes()) {
            Some(Seen::Processes(table)) => table.matched.iter().find(|process| process.pid == pid).cloned(),
            _ => None,
        }
    }

    fn list(&self, path: OsText) -> Ask {
        Ask::List { path, limit: self.limits.entries }
    }
}

impl Cursor {
    fn path(path: OsText) -> Self {
        Self::Path { path, of: None, depth: 0 }
    }
}

fn is_file(seen: &Seen) -> bool {
    matches!(seen, Seen::Stat(stat) if stat.kind == FileKind::File)
}

/// Whether a value can be part of a file's name: no way leads elsewhere from it.
fn is_plain_name(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~-".contains(&byte);
    (1..=128).contains(&value.len()) && value.bytes().all(plain) && !value.starts_with('.')
}

/// The path that a value names; none if it names no path of this root.
fn absolute(value: &[u8], base: Option<&OsText>) -> Option<OsText> {
    let odd = |byte: &u8| *byte == 0 || *byte == b'\n';
    if value.is_empty() || value.len() > 4096 || value.iter().any(odd) || value.windows(3).any(|w| w == b"://") {
        return None;
    }
    let own = value.iter().rposition(|byte| *byte != b'/').map_or(&b"/"[..], |last| &value[..=last]);
    if value.starts_with(b"/") { Some(own.into()) } else { base.map(|base| join(base, own)) }
}

fn join(directory: &OsText, name: &[u8]) -> OsText {
    let mut path = directory.as_bytes().to_vec();
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path.into()
}

fn parent(path: &OsText) -> OsText {
    let bytes = path.as_bytes();
    match bytes.iter().rposition(|byte| *byte == b'/') {
        Some(at) if at > 0 => bytes[..at].into(),
        _ => "/".into(),
    }
}

/// What follows a directory in a path: `/a/b/c` beneath `/a` is `/b/c`, beneath itself it is empty.
fn beneath<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
