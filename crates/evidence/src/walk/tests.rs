//! The walk over files in memory.

use super::*;
use crate::{Entry, Listing, Stat, Text};

/// A driver over a map of files; directories are what lies above them.
fn follow(files: &[(&str, &str)], trails: Vec<Trail>, limits: Limits) -> (Vec<Ask>, Vec<Item>, Vec<Break>) {
    let mut walk = Walk::new(trails, limits);
    let mut asked = Vec::new();
    while let Some(ask) = walk.next_ask() {
        let content = |path: &OsText| files.iter().find(|(name, _)| *path == **name).map(|(_, text)| *text);
        let stat = |kind| Stat { kind, mode: 0o600, uid: 0, gid: 0, size: 1, modified: None, target: None };
        let absent = || Seen::Absent { proof: "not there".to_owned() };
        let seen = match &ask {
            Ask::Stat { path } => content(path).map_or_else(absent, |_| Seen::Stat(stat(FileKind::File))),
            Ask::Text { path, limit, .. } => content(path).map_or_else(absent, |text| {
                let size = text.len() as u64;
                if size > *limit {
                    Seen::TooLarge { size, limit: *limit }
                } else {
                    Seen::Text(Text::new(text.into(), vec![]))
                }
            }),
            Ask::List { path, .. } => {
                let within = |name: &&str| {
                    name.strip_prefix(&format!("{path}/")).filter(|rest| !rest.contains('/')).map(str::to_owned)
                };
                let entries = files
                    .iter()
                    .filter_map(|(name, _)| within(name))
                    .map(|name| Entry { name: name.as_str().into(), dir: false });
                Seen::List(Listing { entries: entries.collect(), complete: true })
            }
            _ => absent(),
        };
        asked.push(ask);
        walk.answer(seen);
    }
    let (items, breaks) = walk.finish();
    (asked, items, breaks)
}

fn trail(start: &str, hops: Vec<Hop>, take: Vec<Take>) -> Trail {
    Trail { id: start.to_owned(), start: Start::Path(start.to_owned()), hops, take }
}

#[test]
fn questions_are_asked_once_and_keys_are_followed() {
    let files = [("/k/config", "clientCAFile: pki/ca.crt\nstaticPodPath: /m"), ("/k/pki/ca.crt", "x"), ("/m/a", "y")];
    let key = |name: &str| Hop::Key { name: name.to_owned(), cut: Cut::Config };
    let trails = vec![
        trail("/k/config", vec![key("clientCAFile")], vec![Take::Stat]),
        trail(
            "/k/config",
            vec![key("staticPodPath"), Hop::Entries { prefix: None, suffix: None, depth: 1 }],
            vec![Take::Stat],
        ),
        trail("/k/config", vec![key("missing")], vec![Take::Stat]),
    ];
    let (asked, items, breaks) = follow(&files, trails, Limits::default());
    let unique: BTreeSet<&Ask> = asked.iter().collect();
    assert_eq!(unique.len(), asked.len());
    let places: Vec<String> = items.iter().map(|item| format!("{:?} {:?}", item.aspect, item.place)).collect();
    for wanted in ["Stat Path(\"/k/pki/ca.crt\")", "Stat Path(\"/m/a\")", "Text Path(\"/k/config\")"] {
        assert!(places.iter().any(|place| place == wanted), "{wanted} in {places:?}");
    }
    assert!(breaks.iter().any(|broken| broken.why.contains("missing")));
}

#[test]
fn a_cycle_of_names_ends_and_places_are_bounded() {
    let files = [("/a", "next: /b"), ("/b", "next: /a")];
    let hop = || Hop::Key { name: "next".to_owned(), cut: Cut::Config };
    let (asked, ..) = follow(&files, vec![trail("/a", vec![hop(), hop(), hop()], vec![Take::Stat])], Limits::default());
    assert!(asked.len() < 10);
    let names: Vec<String> = (0..200).map(|at| format!("/d/{at:03}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let entries = Hop::Entries { prefix: None, suffix: None, depth: 1 };
    let limits = Limits { places: 50, ..Limits::default() };
    let (asked, _, breaks) = follow(&many, vec![trail("/d", vec![entries], vec![Take::Stat])], limits);
    assert!(asked.len() <= 51 && breaks.iter().any(|broken| broken.why.contains("cut short")));
}

#[test]
fn texts_are_bounded_together() {
    let files = [("/a", "0123456789"), ("/b", "0123456789"), ("/c", "0123456789")];
    let trails = ["/a", "/b", "/c"].map(|path| trail(path, vec![], vec![Take::Text(Cut::Config)])).to_vec();
    let (_, items, _) = follow(&files, trails, Limits { total: 15, ..Limits::default() });
    let taken = items.iter().filter(|item| matches!(item.seen, Seen::Text(_))).count();
    let left = items.iter().filter(|item| matches!(item.seen, Seen::TooLarge { .. })).count();
    assert_eq!((taken, left), (2, 1), "the one that passes the bound is the last");
}

#[test]
fn a_path_inside_a_pod_is_looked_for_where_its_manifest_puts_it() {
    let manifest = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command: [etcd, --data-dir=/data/x]\n    \
        volumeMounts:\n    - mountPath: /data\n      name: d\n  volumes:\n  - name: d\n    hostPath:\n      path: /var/lib/etcd\n";
    let flag = Hop::FlagIn { names: vec!["data-dir".to_owned()], cut: Cut::Manifest };
    let trails = vec![
        trail("/m/etcd.yaml", vec![flag], vec![Take::Stat]),
        trail("/m/etcd.yaml", vec![], vec![Take::Text(Cut::Manifest)]),
    ];
    let (asked, ..) = follow(&[("/m/etcd.yaml", manifest)], trails, Limits::default());
    assert!(asked.contains(&Ask::Stat { path: "/var/lib/etcd/x".into() }), "{asked:?}");
}
