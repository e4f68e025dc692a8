//! systemd units: the few rules that decide what a service would be started with.

use std::collections::BTreeMap;

use evidence::OsText;

use crate::node::Node;
use crate::value::{Seen, Unknown};

/// The assignments of a unit and its drop-ins, in the order systemd reads them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unit {
    assignments: Vec<(String, String)>,
}

impl Unit {
    /// Reads a unit file over what was read before: an empty assignment clears the earlier ones (systemd.syntax(7)).
    pub(crate) fn read(&mut self, text: &str) {
        let mut joined = String::new();
        let mut service = false;
        for line in text.lines() {
            let line = line.trim_end();
            if joined.is_empty() && line.starts_with('[') {
                service = line == "[Service]";
            }
            if joined.is_empty() && (line.trim_start().is_empty() || line.trim_start().starts_with(['#', ';', '['])) {
                continue;
            }
            if let Some(part) = line.strip_suffix('\\') {
                joined.push_str(part);
                joined.push(' ');
                continue;
            }
            joined.push_str(line);
            // Everything that we ask for belongs into [Service]; elsewhere systemd ignores it.
            if let Some((key, value)) = std::mem::take(&mut joined).split_once('=').filter(|_| service) {
                let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
                if value.is_empty() {
                    self.assignments.retain(|(earlier, _)| *earlier != key);
                } else {
                    self.assignments.push((key, value));
                }
            }
        }
    }

    /// The values of a key, in order.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.assignments.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The command line that `ExecStart` gives, with the environment put in. `file` gives the text of an
    /// `EnvironmentFile`; none: it is not there.
    pub(crate) fn command(&self, file: impl Fn(&str) -> Option<String>) -> Option<Vec<OsText>> {
        let mut environment = BTreeMap::new();
        for line in self.all("Environment") {
            environment.extend(words(line).iter().filter_map(|word| assignment(word)));
        }
        for path in self.all("EnvironmentFile") {
            for line in file(path.trim_start_matches('-')).unwrap_or_default().lines() {
                let line = line.trim();
                if !line.starts_with(['#', ';']) {
                    environment.extend(assignment(line).map(|(name, value)| (name, words(&value).join(" "))));
                }
            }
        }
        let command = self.all("ExecStart").last()?.trim_start_matches(['-', '@', ':', '+', '!']);
        let mut argv = Vec::new();
        for word in words(command) {
            // `$NAME` alone is split into words; `${NAME}` is put in as it is (systemd.service(5)).
            match word.strip_prefix('$').filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')) {
                Some(name) => {
                    argv.extend(words(environment.get(name).map_or("", String::as_str)).into_iter().map(OsText::from));
                }
                None => argv.push(OsText::from(braces(&word, &environment))),
            }
        }
        Some(argv)
    }
}

fn assignment(word: &str) -> Option<(String, String)> {
    word.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
}

fn braces(word: &str, environment: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(environment.get(name).map_or("", String::as_str));
        rest = after;
    }
    out + rest
}

/// Splits at blanks outside quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut open) = (String::new(), None, false);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', _) => word.extend(characters.next()),
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => (quote, open) = (Some(c), true),
            (c, None) if c.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (c, _) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

/// The files of a systemd unit.
#[derive(Debug, Default)]
pub(crate) struct UnitFiles {
    /// Unit files and drop-ins, strongest directory first.
    pub files: Vec<String>,
    /// Why there may be more.
    pub unseen: Option<Unknown>,
}

impl Node<'_> {
    /// A systemd unit with its drop-ins in reading order: the strongest unit file, then drop-ins by name.
    pub(crate) fn unit(&self, name: &str) -> Seen<(Unit, Vec<String>)> {
        let UnitFiles { files, unseen } = self.unit_files(name);
        if let Some(unseen) = unseen {
            return Seen::Unknown(unseen);
        }
        let Some(fragment) = files.iter().find(|path| path.ends_with(&format!("/{name}"))) else {
            return Seen::Absent(format!("there is no unit file {name}"));
        };
        let mut drop_ins: BTreeMap<&str, &String> = BTreeMap::new();
        for path in files.iter().filter(|path| path.contains(".d/")) {
            // A drop-in of a stronger directory hides one of the same name (systemd.unit(5)).
            drop_ins.entry(path.rsplit('/').next().unwrap_or(path)).or_insert(path);
        }
        let mut unit = Unit::default();
        let mut read = Vec::new();
        for path in std::iter::once(fragment).chain(drop_ins.into_values()) {
            match self.sight.text(path) {
                Seen::Known((text, _)) => unit.read(&text.to_lossy()),
                Seen::Absent(_) => continue,
                Seen::Unknown(unknown) => return Seen::Unknown(unknown),
            }
            read.push(path.clone());
        }
        Seen::Known((unit, read))
    }

    /// The unit files and drop-ins of a unit that are on the node, strongest directory first, each once.
    pub(crate) fn unit_files(&self, name: &str) -> UnitFiles {
        let mut found = UnitFiles::default();
        for directory in evidence::UNIT_DIRS {
            let drop_ins = format!("{directory}/{name}.d");
            let mut paths = vec![format!("{directory}/{name}")];
            match self.sight.list(&drop_ins) {
                Seen::Known(listing) => {
                    let conf = listing.entries.iter().filter(|entry| entry.name.as_bytes().ends_with(b".conf"));
                    paths.extend(conf.map(|entry| format!("{drop_ins}/{}", entry.name)));
                }
                Seen::Absent(_) => {}
                Seen::Unknown(unknown) => found.unseen = found.unseen.or(Some(unknown)),
            }
            for path in paths {
                // /lib is the same directory as /usr/lib nearly everywhere: a file is told once.
                let twin = path.strip_prefix("/lib/").map(|rest| format!("/usr/lib/{rest}"));
                match self.sight.stat(&path) {
                    Seen::Known(_) if twin.is_some_and(|twin| found.files.contains(&twin)) => {}
                    Seen::Known(_) => found.files.push(path),
                    Seen::Absent(_) => {}
                    Seen::Unknown(unknown) => found.unseen = found.unseen.or(Some(unknown)),
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubelet_unit_gives_its_command_line() {
        let mut unit = Unit::default();
        unit.read("[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\nIPAddressDeny=any\n");
        unit.read(
            "[Service]\nEnvironment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml\"\n\
             EnvironmentFile=-/etc/default/kubelet\nExecStart=\nExecStart=/usr/bin/kubelet \\\n  $KUBELET_CONFIG_ARGS \
             $KUBELET_EXTRA_ARGS --node-ip=${IP} $MISSING\n",
        );
        let argv = unit.command(|path| {
            (path == "/etc/default/kubelet")
                .then(|| "# x\nKUBELET_EXTRA_ARGS=\"--v=2 --a=b\"\nIP=10.0.0.1\n".to_owned())
        });
        let argv: Vec<String> = argv.unwrap().iter().map(OsText::to_lossy).collect();
        assert_eq!(
            argv,
            ["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", "--v=2", "--a=b", "--node-ip=10.0.0.1"]
        );
        assert_eq!(unit.all("IPAddressDeny").collect::<Vec<_>>(), ["any"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_read(text in "[ -~\n$\\\\\"']{0,200}") {
            let mut unit = Unit::default();
            unit.read(&text);
            let _ = unit.command(|_| Some(text.clone()));
        }
    }
}
