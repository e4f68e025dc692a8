//! The script that takes rights away from files and sets their owners.

use std::fmt::Write as _;

use crate::edits::FileEdit;
use crate::yaml::comments;

/// What the script does to one file. It runs as root over directories that others may have a say in, so it does nothing where
/// somebody else could put another file in the place of the one that is meant: it enters the directory without following
/// links, and works on a name there.
const APPLY: &str = r#"set -u
status=0
# apply FILE COMMAND ARGUMENT...
apply() (
    file=$1 directory=${1%/*} name=./${1##*/}
    directory=${directory:-/}
    shift
    left() { printf 'left alone: %s: %s\n' "$file" "$1" >&2; exit 1; }
    [ -d "$directory" ] || exit 0
    cd -P -- "$directory" || left "its directory cannot be entered"
    [ "$(pwd -P)" = "$directory" ] || left "its directory is really $(pwd -P)"
    [ ! -L "$name" ] || left "it is a link"
    [ -e "$name" ] || exit 0
    [ -n "$(find . -prune -user "$(id -u)" ! -perm -002 \( ! -perm -020 -o -group "$(id -g)" \))" ] ||
        left "its directory belongs to somebody else, or others may write to it"
    ls -ldn "$file"
    "$@" "$name"
)
"#;

/// The script for some files. Nowhere it adds a right; it passes over what is not there; it prints each file as it was; what
/// it leaves alone it tells, and then it ends with 1.
pub(crate) fn modes(files: &[FileEdit]) -> String {
    let head = [
        "To be run as root. It prints each file as it was: keep that, it is the way back.",
        "Files that a node does not have are passed over. A link, what lies below one, and what lies in a directory",
        "that others may write to is left alone, and told: look at it yourself.",
    ];
    let mut lines = "#!/bin/sh\n".to_owned() + &comments(&head.map(str::to_owned)) + APPLY;
    // Owners before modes, since whoever owns a file may change its mode; directories before what lies in them.
    let mut files: Vec<&FileEdit> = files.iter().collect();
    files.sort();
    files.dedup();
    for file in files {
        let path = quoted(&file.path);
        if let Some(owner) = &file.owner {
            let _ = writeln!(lines, "apply {path} chown -h {owner} || status=1");
        }
        if let Some(forbidden) = file.forbidden {
            let _ = writeln!(lines, "apply {path} chmod {} || status=1", takes(forbidden));
        }
    }
    lines + "exit \"$status\"\n"
}

/// What chmod is told to take away: `u-x,g-rwx,o-rwx`.
fn takes(forbidden: u32) -> String {
    let class = |name: char, shift: u32, special: (u32, char)| {
        let bits = forbidden >> shift;
        let mut taken: String = [(4, 'r'), (2, 'w'), (1, 'x')]
            .iter()
            .filter(|(bit, _)| bits & bit != 0)
            .map(|(_, letter)| *letter)
            .collect();
        if forbidden & special.0 != 0 {
            taken.push(special.1);
        }
        (!taken.is_empty()).then(|| format!("{name}-{taken}"))
    };
    let all = [class('u', 6, (0o4000, 's')), class('g', 3, (0o2000, 's')), class('o', 0, (0o1000, 't'))];
    all.into_iter().flatten().collect::<Vec<_>>().join(",")
}

/// A word of a shell, whatever it holds.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rights_are_only_taken_away() {
        for (bound, expected) in
            [(0o600, "u-x,g-rwx,o-rwx"), (0o644, "u-x,g-wx,o-wx"), (0o700, "g-rwx,o-rwx"), (0o400, "u-wx,g-rwx,o-rwx")]
        {
            assert_eq!(takes(!bound & 0o777), expected, "{bound:o}");
        }
        assert_eq!(takes(0o7000), "u-s,g-s,o-t");
        assert_eq!(takes(0o4077), "u-s,g-rwx,o-rwx");
    }

    #[test]
    fn a_name_is_one_word_of_a_shell() {
        for (text, expected) in [("/a b", "'/a b'"), ("/a'b", "'/a'\\''b'"), ("/$(x)`y`", "'/$(x)`y`'")] {
            assert_eq!(quoted(text), expected);
        }
    }

    /// What lies at a name of a directory.
    #[derive(Clone, Debug)]
    enum Entry {
        File {
            mode: u32,
        },
        Directory,
        /// A link to a file that nobody planned to change.
        Link,
        Missing,
    }

    /// A directory and what is planned of its entries: bits that go, and a new owner.
    #[derive(Clone, Debug)]
    struct Directory {
        mode: u32,
        /// Whether the plan names it by a link to it.
        by_link: bool,
        entries: BTreeMap<String, (Entry, Option<u32>, bool)>,
    }

    fn names() -> impl Strategy<Value = String> {
        let shell = prop::sample::select(vec![
            "'",
            "''",
            "\"",
            "$(touch marker)",
            "`touch marker`",
            "-R",
            "--",
            "a b",
            " ",
            "a\nb",
            "end\n",
            "*",
            "?",
            "\\",
            ";",
            "# x",
            "~",
            "|",
            "&",
            "!",
            "{a,b}",
            "é",
            "\u{202e}",
            "\u{1b}[2J",
            "x",
        ]);
        let name = prop_oneof![3 => shell.prop_map(str::to_owned), 1 => "[^/\u{0}]{1,12}"];
        name.prop_filter("a name", |name| ![".", ".."].contains(&name.as_str()))
    }

    fn directories() -> impl Strategy<Value = BTreeMap<String, Directory>> {
        let entry = prop_oneof![
            4 => (0_u32..=0o777).prop_map(|mode| Entry::File { mode }),
            1 => Just(Entry::Directory),
            1 => Just(Entry::Link),
            1 => Just(Entry::Missing),
        ];
        let planned = (entry, prop::option::of(prop::sample::select(vec![0o177_u32, 0o133, 0o77])), any::<bool>());
        let directory = (
            prop::sample::select(vec![0o700_u32, 0o755, 0o775, 0o757, 0o777]),
            prop::bool::weighted(0.2),
            prop::collection::btree_map(names(), planned, 1..4),
        );
        let directory = directory.prop_map(|(mode, by_link, entries)| Directory { mode, by_link, entries });
        prop::collection::btree_map(names(), directory, 1..4)
    }

    /// Everything below a directory: mode and owner of each, by path.
    fn seen(root: &Path) -> BTreeMap<PathBuf, (u32, u32, u32)> {
        let mut all = BTreeMap::new();
        let mut left = vec![root.to_owned()];
        while let Some(path) = left.pop() {
            let about = std::fs::symlink_metadata(&path).unwrap();
            if about.is_dir() {
                left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            all.insert(path, (about.mode(), about.uid(), about.gid()));
        }
        all
    }

    #[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a person runs the script")]
    fn ended_well(script: &str, at: &Path) -> bool {
        let run = std::process::Command::new("sh").args(["-c", script]).current_dir(at).output().unwrap();
        run.status.success()
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        /// Run by a shell, the script changes the files that were planned and nothing else, whatever they are called; where
        /// somebody else could have had a hand in it, it changes nothing and does not end well.
        #[test]
        fn the_script_changes_what_was_planned_and_nothing_else(directories in directories()) {
            let place = tempfile::tempdir().unwrap();
            let root = place.path().canonicalize().unwrap();
            let (real, links) = (root.join("real"), root.join("links"));
            let canary = root.join("canary");
            std::fs::create_dir(&real).unwrap();
            std::fs::create_dir(&links).unwrap();
            std::fs::write(&canary, "").unwrap();
            set_mode(&canary, 0o666);
            let own = std::fs::metadata(&root).unwrap();
            // Only root gives files away.
            let (uid, gid) = if own.uid() == 0 { (1, 1) } else { (own.uid(), own.gid()) };

            let mut plan = Vec::new();
            for (name, directory) in &directories {
                let path = real.join(name);
                std::fs::create_dir(&path).unwrap();
                symlink(&path, links.join(name)).unwrap();
                for (entry, (kind, forbidden, owned)) in &directory.entries {
                    let at = path.join(entry);
                    match kind {
                        Entry::File { mode } => {
                            std::fs::write(&at, "").unwrap();
                            set_mode(&at, *mode);
                        }
                        Entry::Directory => std::fs::create_dir(&at).unwrap(),
                        Entry::Link => symlink(&canary, &at).unwrap(),
                        Entry::Missing => {}
                    }
                    let named = if directory.by_link { links.join(name).join(entry) } else { at };
                    let path = named.to_str().unwrap().to_owned();
                    if *owned {
                        plan.push(FileEdit { path: path.clone(), forbidden: None, owner: Some(format!("{uid}:{gid}")) });
                    }
                    plan.push(FileEdit { path, forbidden: *forbidden, owner: None });
                }
                set_mode(&path, directory.mode);
            }
            let mut expected = seen(&root);
            let mut well = true;
            for (name, directory) in &directories {
                // A shell does not tell a directory of such a name from one without the line's end.
                let hidden = directory.by_link || name.ends_with('\n');
                for (entry, (kind, forbidden, owned)) in &directory.entries {
                    if forbidden.is_none() && !owned {
                        continue;
                    }
                    let left = match kind {
                        _ if hidden => true,
                        Entry::Link => true,
                        Entry::Missing => continue,
                        Entry::File { .. } | Entry::Directory => directory.mode & 0o002 != 0,
                    };
                    if left {
                        well = false;
                        continue;
                    }
                    let about = expected.get_mut(&real.join(name).join(entry)).unwrap();
                    about.0 &= !forbidden.unwrap_or_default();
                    if *owned {
                        (about.1, about.2) = (uid, gid);
                    }
                }
            }
            let script = modes(&plan);
            prop_assert_eq!(ended_well(&script, &root), well, "{}", script);
            prop_assert_eq!(&seen(&root), &expected, "{}", script);
            // A second time there is nothing left to change.
            prop_assert_eq!(ended_well(&script, &root), well);
            prop_assert_eq!(&seen(&root), &expected);
        }
    }
}
