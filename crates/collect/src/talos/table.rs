//! Tables as `talosctl` prints them: columns that begin below the words of the heading.

use std::collections::BTreeSet;

use evidence::{FileKind, Stat};

use super::wire::ProcessInfo;

/// The columns of a heading: name and where each begins.
type Columns<'l> = Vec<(&'l str, usize)>;

fn columns(heading: &str) -> Columns<'_> {
    let mut columns = Vec::new();
    let mut at = 0;
    for word in heading.split(' ') {
        if !word.is_empty() {
            columns.push((word, at));
        }
        at += word.len() + 1;
    }
    columns
}

/// The text of a column; the last one goes to the end of the line.
fn cell<'l>(line: &'l str, columns: &[(&str, usize)], name: &str) -> Option<&'l str> {
    let at = columns.iter().position(|(own, _)| own.split('(').next() == Some(name))?;
    let from = columns[at].1;
    let to = columns.get(at + 1).map_or(line.len(), |(_, next)| *next);
    Some(line.get(from..to.min(line.len()))?.trim())
}

/// The lines of a table below its heading; lines that begin with `#` are a person's.
fn rows(text: &str) -> Result<(Columns<'_>, impl Iterator<Item = &str>), String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let heading = lines.next().ok_or("it is empty")?;
    Ok((columns(heading), lines))
}

fn unreadable(line: &str) -> String {
    format!("a line of the table cannot be read (it has {} characters)", line.trim().chars().count())
}

/// The names of nodes in a table, the directory that it is of, and its rows:
/// path, metadata, and where a link leads.
type Files = (BTreeSet<String>, String, Vec<(String, Stat, Option<String>)>);

/// `talosctl list -l [-r]`. Its names are relative to the directory that was asked for, which the table does not name:
/// a line `# /etc/kubernetes` before it does; without one it is the root.
pub(super) fn files(text: &str) -> Result<Files, String> {
    let named =
        text.lines().find_map(|line| line.strip_prefix('#').map(str::trim).filter(|line| line.starts_with('/')));
    let root = named.map_or("/", |root| if root.len() > 1 { root.trim_end_matches('/') } else { root }).to_owned();
    let (columns, lines) = rows(text)?;
    let (mut nodes, mut found) = (BTreeSet::new(), Vec::new());
    for line in lines {
        let get = |name: &str| cell(line, &columns, name);
        nodes.extend(get("NODE").map(str::to_owned));
        let bad = || unreadable(line);
        let (kind, mode) = get("MODE").and_then(mode).ok_or_else(bad)?;
        let number = |name: &str| get(name).and_then(|text| text.parse::<u32>().ok());
        let (uid, gid) = number("UID").zip(number("GID")).ok_or_else(bad)?;
        let size = get("SIZE").and_then(|text| text.parse().ok()).unwrap_or(0);
        let name = get("NAME").ok_or_else(bad)?;
        let (name, link) = name.split_once(" -> ").map_or((name, None), |(name, link)| (name, Some(link.to_owned())));
        let path = match name {
            "." => root.clone(),
            name if name.starts_with('/') => name.to_owned(),
            name => format!("{}/{name}", root.trim_end_matches('/')),
        };
        found.push((path, Stat { kind, mode, uid, gid, size, modified: None, target: None }, link));
    }
    let top = ["etc", "usr", "system"]
        .iter()
        .all(|name| found.iter().any(|(path, ..)| path.trim_start_matches('/') == *name));
    if named.is_none() && !top {
        return Err("of which directory is this table? Put it before the table as a line: # /etc/kubernetes".to_owned());
    }
    Ok((nodes, root, found))
}

/// A mode as Go writes it: `drwxr-xr-x`, `-rw-------`, `Lrwxrwxrwx`, `dtrwxrwxrwx`, `urwxr-xr-x`.
fn mode(text: &str) -> Option<(FileKind, u32)> {
    let split = text.len().checked_sub(9)?;
    if !text.is_char_boundary(split) {
        return None;
    }
    let (letters, bits) = text.split_at(split);
    let mut mode = 0;
    for (at, letter) in bits.chars().enumerate() {
        match (letter, at % 3) {
            ('r', 0) | ('w', 1) | ('x', 2) => mode |= 1 << (8 - at),
            ('-', _) => {}
            _ => return None,
        }
    }
    for (letter, bit) in [('u', 0o4000), ('g', 0o2000), ('t', 0o1000)] {
        if letters.contains(letter) {
            mode |= bit;
        }
    }
    let kind = match letters {
        letters if letters.contains('d') => FileKind::Dir,
        letters if letters.contains('L') => FileKind::Symlink,
        letters if letters.contains(['D', 'p', 'S', 'c']) => FileKind::Other,
        _ => FileKind::File,
    };
    Some((kind, mode))
}

/// `talosctl processes`: names of nodes, and the processes.
pub(super) fn processes(text: &str) -> Result<(BTreeSet<String>, Vec<ProcessInfo>), String> {
    let (columns, lines) = rows(text)?;
    let (mut nodes, mut found) = (BTreeSet::new(), Vec::new());
    for line in lines {
        let get = |name: &str| cell(line, &columns, name);
        nodes.extend(get("NODE").map(str::to_owned));
        let bad = || unreadable(line);
        let pid = get("PID").and_then(|text| text.parse().ok()).ok_or_else(bad)?;
        let command = get("COMMAND").ok_or_else(bad)?;
        let executable = command.split(' ').next().unwrap_or_default().to_owned();
        let name = executable.rsplit('/').next().unwrap_or_default().to_owned();
        found.push(ProcessInfo { pid, ppid: 0, command: name, executable, args: command.to_owned() });
    }
    Ok((nodes, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_by_their_columns() {
        let text = "# /var/lib\n\
            NODE       MODE          UID   GID   SIZE(B)   LASTMOD           LABEL                      NAME\n\
            10.0.0.2   drwxr-xr-x    0     0     4096      Jul 14 10:00:00   system_u:object_r:var_t    .\n\
            10.0.0.2   drwx------    60    60    4096      Jul 14 10:00:00                              etcd\n\
            10.0.0.2   Lrwxrwxrwx    0     0     5         Jul 14 10:00:00                              a -> b c\n\
            10.0.0.2   -rw-r-----    0     7     12        Jul 14 10:00:00                              etcd/x y\n";
        let (nodes, root, rows) = files(text).unwrap();
        assert_eq!((nodes, root.as_str()), (BTreeSet::from(["10.0.0.2".to_owned()]), "/var/lib"));
        let told: Vec<(&str, FileKind, u32, u32, u32)> =
            rows.iter().map(|(path, stat, _)| (path.as_str(), stat.kind, stat.mode, stat.uid, stat.gid)).collect();
        assert_eq!(
            told,
            [
                ("/var/lib", FileKind::Dir, 0o755, 0, 0),
                ("/var/lib/etcd", FileKind::Dir, 0o700, 60, 60),
                ("/var/lib/a", FileKind::Symlink, 0o777, 0, 0),
                ("/var/lib/etcd/x y", FileKind::File, 0o640, 0, 7),
            ]
        );
        let text = "PID    STATE   THREADS   CPU-TIME   VIRTMEM   RESMEM   LABEL   COMMAND\n\
                    2100   S       17        33.2       1.9 GB    79 MB            /usr/local/bin/kubelet --config=/etc/kubernetes/kubelet.yaml\n";
        let (nodes, rows) = processes(text).unwrap();
        assert!(nodes.is_empty());
        assert_eq!((rows[0].pid, rows[0].command.as_str()), (2100, "kubelet"));
        assert!(rows[0].args.ends_with("--config=/etc/kubernetes/kubelet.yaml"));
        for wrong in ["MODE NAME\nrw x\n", "PID COMMAND\nx y\n"] {
            assert!(files(wrong).is_err() && processes(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_table_is_read_or_refused(text in "(NODE +)?MODE +UID +GID +NAME\n[ -~é\n]{0,120}", other in "PID +COMMAND\n[ -~é\n]{0,80}") {
            let _ = files(&text);
            let _ = processes(&other);
        }
    }
}
