//! Secrets are cut where they are read; what cannot be cut safely is withheld.
//!
//! Two principles. Files that exist to hold secrets (kubeconfigs, encryption configurations) keep only what a table
//! lists. Other files lose what a name or a shape betrays. Comments go from every configuration: old secrets live there.

mod kconfig;
mod lines;
mod mounts;
mod scalar;
mod scrub;
#[cfg(test)]
mod tests;
mod yaml;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub(crate) use lines::{Line, is_lines, lines};
use scalar::quote;
pub(crate) use scrub::marker;
use scrub::{Find, harmless, in_argument, in_text, is_marker, names_secret, note, remove};
pub use scrub::{scrub_argv, scrub_env};
pub(crate) use yaml::{Event, events};
use yaml::{Scalar, Style};

/// What kind of file is cut, and so how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// Configuration of a Kubernetes component, in YAML or JSON: loses the values of names of secrets.
    Config,
    /// A systemd unit or drop-in: as `Config`.
    Unit,
    /// etcd's configuration file: as `Config`.
    Etcd,
    /// containerd's configuration file: as `Config`.
    Toml,
    /// A pod's manifest: as `Config`, and loses every `value` (of environment variables, of headers).
    Manifest,
    /// A kubeconfig: keeps addresses, names, paths and certificates only.
    Kubeconfig,
    /// An `EncryptionConfiguration`: keeps resources, providers and the names of keys only.
    Encryption,
    /// Lines of `NAME=value`.
    Env,
    /// A kernel's configuration, plain or compressed by gzip; it is kept plain.
    Kconfig,
    /// A resource of Talos' API: as `Config`.
    Resource,
    /// Talos' machine configuration: keeps only what a table lists (see [`crate::take_spec`]).
    Machine,
    /// `/proc/PID/mountinfo`: keeps mount point, options and type, of mounts near the root.
    Mounts,
    /// `/etc/passwd` or `/etc/group`: loses the second field, where old systems hold hashes.
    Accounts,
}

/// One thing that was cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutNote {
    /// The name of the key or flag, or what it looked like.
    pub what: String,
    /// How many bytes were cut.
    pub bytes: u64,
}

/// The values that a kubeconfig keeps, by the keys above them. Lists add nothing to the way.
const KUBECONFIG: &[&str] = &[
    "apiVersion",
    "kind",
    "current-context",
    "preferences.colors",
    "clusters.name",
    "clusters.cluster.server",
    "clusters.cluster.certificate-authority",
    "clusters.cluster.certificate-authority-data",
    "clusters.cluster.tls-server-name",
    "clusters.cluster.insecure-skip-tls-verify",
    "clusters.cluster.proxy-url",
    "clusters.cluster.disable-compression",
    "contexts.name",
    "contexts.context.cluster",
    "contexts.context.user",
    "contexts.context.namespace",
    "users.name",
    "users.user.client-certificate",
    "users.user.client-certificate-data",
    "users.user.client-key",
    "users.user.tokenFile",
    "users.user.exec.apiVersion",
    "users.user.exec.command",
    "users.user.exec.interactiveMode",
    "users.user.exec.provideClusterInfo",
];

/// The same for an encryption configuration.
const ENCRYPTION: &[&str] = &[
    "apiVersion",
    "kind",
    "resources.resources",
    "resources.providers.aescbc.keys.name",
    "resources.providers.aesgcm.keys.name",
    "resources.providers.secretbox.keys.name",
    "resources.providers.kms.apiVersion",
    "resources.providers.kms.name",
    "resources.providers.kms.endpoint",
    "resources.providers.kms.timeout",
    "resources.providers.kms.cachesize",
];

/// Keys below which other files keep no value: headers, registries' logins, the content of a Secret.
const SUBTREES: [&str; 4] = ["staticPodURLHeader", "auths", "stringData", "data"];

/// How often a file is read at most. Sane ones need two.
const PASSES: usize = 5;

type Kept = (Vec<u8>, Vec<CutNote>);

/// Cuts a file's secrets out of its bytes. The error says why the whole file must be withheld.
///
/// What was cut is read again, until nothing is left to cut: the result is known to be clean and understood.
pub fn cut(how: Cut, bytes: Vec<u8>) -> Result<(Vec<u8>, Vec<CutNote>), String> {
    let mut kept = bytes;
    let mut notes = Vec::new();
    for _ in 0..PASSES {
        let (next, more) = cut_once(how, &kept)?;
        notes.extend(more);
        if next == kept {
            return Ok((kept, notes));
        }
        kept = next;
    }
    Err("what was cut needs cutting again and again".into())
}

fn cut_once(how: Cut, bytes: &[u8]) -> Result<Kept, String> {
    let allowed = match how {
        Cut::Kubeconfig => Some(KUBECONFIG),
        Cut::Encryption => Some(ENCRYPTION),
        Cut::Config | Cut::Etcd if !is_lines(bytes) => None,
        Cut::Manifest | Cut::Resource | Cut::Machine => None,
        Cut::Config | Cut::Etcd | Cut::Unit | Cut::Toml | Cut::Env => return cut_lines(bytes),
        Cut::Accounts => return cut_accounts(bytes),
        Cut::Mounts => return Ok((mounts::cut(bytes), Vec::new())),
        Cut::Kconfig => return kconfig::cut(bytes),
    };
    let text = str::from_utf8(bytes).map_err(|_| "not UTF-8")?;
    let (kept, notes) = cut_yaml(text, how, allowed)?;
    // Every value is clean. A secret that still shows stands where none is understood, in a key for example.
    match scrub::shaped(&kept).first() {
        Some(find) => Err(format!("a {} outside of any value", find.what)),
        None => Ok((kept, notes)),
    }
}

/// Whether a text holds what can only be a secret.
pub(crate) fn shaped_secret(text: &[u8]) -> bool {
    !scrub::shaped(text).is_empty()
}

/// Changes to a text, in order.
#[derive(Default)]
struct Edits {
    changes: Vec<(Range<usize>, Vec<u8>)>,
    notes: Vec<CutNote>,
    comments: u64,
}

impl Edits {
    fn change(&mut self, at: Range<usize>, with: impl Into<Vec<u8>>) {
        self.changes.push((at, with.into()));
    }

    /// Empties a comment, but for the sign at its beginning.
    fn comment(&mut self, text: &[u8], at: Range<usize>) {
        let body = at.start + 1..at.end;
        if !text[body.clone()].trim_ascii().is_empty() {
            self.comments += body.len() as u64;
            self.change(body, "");
        }
    }

    /// Removes what was found in the part of the text that begins at `from`.
    fn finds(&mut self, from: usize, finds: &[Find]) {
        for find in finds {
            self.change(from + find.at.start..from + find.at.end, marker(find.at.len()));
        }
        self.notes.extend(finds.iter().map(note));
    }

    fn apply(mut self, text: &[u8]) -> Kept {
        let mut out = Vec::with_capacity(text.len());
        let mut from = 0;
        for (at, with) in &self.changes {
            out.extend_from_slice(&text[from..at.start]);
            out.extend_from_slice(with);
            from = at.end;
        }
        out.extend_from_slice(&text[from..]);
        if self.comments > 0 {
            self.notes.push(CutNote { what: "comments".into(), bytes: self.comments });
        }
        (out, self.notes)
    }
}

/// A mapping or list that is being read.
struct Frame<'a> {
    map: bool,
    /// The key that governs the next value: a mapping's latest, or the key of the list.
    key: Option<&'a str>,
    /// In a list of arguments: the flag that awaits its value.
    flag: Option<String>,
}

fn cut_yaml(text: &str, how: Cut, allowed: Option<&[&str]>) -> Result<Kept, String> {
    let events = events(text)?;
    let mut edits = Edits::default();
    let mut frames: Vec<Frame> = Vec::new();
    for event in &events {
        match event {
            Event::Open { map } => {
                let key = frames.last().and_then(|frame| frame.key).filter(|_| !map);
                frames.push(Frame { map: *map, key, flag: None });
            }
            Event::Close => drop(frames.pop()),
            Event::Key(name) => {
                if allowed.is_some() && !is_word(name) {
                    return Err("a key that is no plain word".into());
                }
                if let Some(frame) = frames.last_mut() {
                    frame.key = Some(name);
                }
            }
            Event::Comment(at) => edits.comment(text.as_bytes(), at.clone()),
            Event::Scalar(scalar) => {
                let keep = match allowed {
                    Some(allowed) => is_nothing(scalar) || is_allowed(&frames, allowed),
                    None => is_nothing(scalar) || !is_denied(&frames, how, &scalar.text),
                };
                let frame = frames.last_mut().ok_or("a value without a place")?;
                if scalar.style == Style::Plain && is_marker(scalar.text.as_bytes()) {
                    edits.change(scalar.span.clone(), quote(&scalar.text));
                } else if keep {
                    scrub_scalar(scalar, frame, &mut edits);
                } else {
                    let what = frame.key.unwrap_or("value").to_owned();
                    edits.change(scalar.span.clone(), quote(&marker(scalar.body.len())));
                    edits.notes.push(CutNote { what, bytes: scalar.body.len() as u64 });
                }
            }
        }
    }
    Ok(edits.apply(text.as_bytes()))
}

/// Secrets within a value that is kept.
fn scrub_scalar(scalar: &Scalar, frame: &mut Frame, edits: &mut Edits) {
    let text = scalar.text.as_bytes();
    let finds = if frame.map { in_text(text) } else { in_argument(text, &mut frame.flag) };
    if scalar.style == Style::Block {
        // A block's text is its bytes in the file.
        return edits.finds(scalar.body.start, &finds);
    }
    if !finds.is_empty() {
        let (kept, notes) = remove(text, &finds);
        edits.change(scalar.span.clone(), quote(&String::from_utf8_lossy(&kept)));
        edits.notes.extend(notes);
    }
}

/// Whether there is nothing to cut: emptiness, or the trace of an earlier cut.
fn is_nothing(scalar: &Scalar) -> bool {
    let null = scalar.style == Style::Plain && matches!(scalar.text.as_str(), "null" | "Null" | "NULL" | "~");
    null || scalar.body.is_empty() || is_marker(scalar.text.as_bytes())
}

fn is_word(name: &str) -> bool {
    (1..=253).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
}

fn is_allowed(frames: &[Frame], allowed: &[&str]) -> bool {
    let way = || frames.iter().filter(|frame| frame.map).map(|frame| frame.key.unwrap_or_default());
    allowed.iter().any(|allowed| allowed.split('.').eq(way()))
}

fn is_denied(frames: &[Frame], how: Cut, value: &str) -> bool {
    if frames.iter().filter_map(|frame| frame.key).any(|key| SUBTREES.iter().any(|name| name.eq_ignore_ascii_case(key)))
    {
        return true;
    }
    let Some(key) = frames.last().and_then(|frame| frame.key) else { return false };
    how == Cut::Manifest && key == "value"
        || names_secret(key.as_bytes()) && !harmless(key.as_bytes(), value.as_bytes())
}

fn cut_lines(text: &[u8]) -> Result<Kept, String> {
    let mut edits = Edits::default();
    let mut secret_section = false;
    for Line { span, name, value } in lines(text)? {
        let line = text[span.clone()].trim_ascii();
        let Some(name) = name else {
            if line.starts_with(b"#") || line.starts_with(b";") {
                let start = span.end - text[span.clone()].trim_ascii_start().len();
                edits.comment(text, start..start + line.len());
                continue;
            }
            if line.starts_with(b"[") {
                // `[host."https://…".header]` and `[….configs."…".auth]` of containerd.
                let last = line.rsplit(|byte| b"[.".contains(byte)).next();
                secret_section = last.is_some_and(|last| last.starts_with(b"header]") || last.starts_with(b"auth]"));
            }
            edits.finds(span.start, &in_text(&text[span]));
            continue;
        };
        edits.finds(span.start, &in_text(&text[span.start..value.start]));
        let name = &text[name];
        if (secret_section || names_secret(name)) && !harmless(name, unquoted(&text[value.clone()])) {
            let what = String::from_utf8_lossy(name).into_owned();
            edits.change(value.clone(), format!("\"{}\"", marker(value.len())));
            edits.notes.push(CutNote { what, bytes: value.len() as u64 });
        } else {
            edits.finds(value.start, &in_text(&text[value]));
        }
    }
    // A last look at the whole, for what goes over several lines.
    let (kept, mut notes) = edits.apply(text);
    let (kept, more) = remove(&kept, &scrub::shaped(&kept));
    notes.extend(more);
    Ok((kept, notes))
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [first @ (b'"' | b'\''), inner @ .., last] if first == last => inner,
        value => value,
    }
}

fn cut_accounts(text: &[u8]) -> Result<Kept, String> {
    if let Some(find) = scrub::unmistakable(text).first() {
        return Err(format!("a {} in a list of accounts", find.what));
    }
    let mut edits = Edits::default();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let mut fields = line.trim_ascii_end().split(|byte| *byte == b':');
        if let (Some(name), Some(hash)) = (fields.next(), fields.next())
            && !matches!(hash, b"" | b"x" | b"*" | b"!")
        {
            let at = start + name.len() + 1;
            edits.change(at..at + hash.len(), "x");
            edits.notes.push(CutNote { what: "password field".into(), bytes: hash.len() as u64 });
        }
        start += line.len();
    }
    Ok(edits.apply(text))
}
