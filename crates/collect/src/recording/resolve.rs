//! Following a path through a recorded listing, links and all.

use std::collections::VecDeque;
use std::ops::Bound;

use evidence::{FileKind, OsText, Seen};

use super::{Listed, Recording};

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// Where a path led.
pub(super) struct Found<'a> {
    /// The path without links.
    pub(super) path: String,
    /// Whether links led there.
    pub(super) linked: bool,
    /// What is there.
    pub(super) node: Node<'a>,
}

/// What a recording has at a path.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    /// A listed path.
    Listed(&'a Listed),
    /// A directory known only by what is below it.
    Implied,
    /// A content without a listing.
    Content,
}

impl Node<'_> {
    pub(super) fn is_dir(self) -> bool {
        match self {
            Self::Listed(listed) => listed.kind == FileKind::Dir,
            Self::Implied => true,
            Self::Content => false,
        }
    }
}

impl Recording {
    /// Follows a path, or says why it leads nowhere.
    pub(super) fn resolve(&self, path: &OsText) -> Result<Found<'_>, Seen> {
        let Some(path) = path.as_str() else {
            return Err(not_listed()); // the listing is UTF-8
        };
        if !path.starts_with('/') {
            return Err(failed("not an absolute path"));
        }
        let mut todo: VecDeque<String> = path.split('/').map(str::to_owned).collect();
        let (mut here, mut node, mut links) = ("/".to_owned(), self.node("/").unwrap_or(Node::Implied), 0);
        while let Some(name) = todo.pop_front() {
            if name.is_empty() || name == "." {
                continue;
            }
            if !node.is_dir() {
                return Err(Seen::Absent { proof: format!("{here} is not a directory") });
            }
            if name == ".." {
                here.truncate(here.rfind('/').unwrap_or(0).max(1));
                node = self.node(&here).unwrap_or(Node::Implied);
                continue;
            }
            let next = join(&here, &name);
            if self.denied.contains(&next) {
                return Err(Seen::Denied { right: "root, or CAP_DAC_READ_SEARCH".to_owned() });
            }
            match self.node(&next) {
                Some(Node::Listed(Listed { kind: FileKind::Symlink, link_target, .. })) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(failed(format!("more than {MAX_LINKS} symbolic links")));
                    }
                    let Some(target) = link_target else {
                        return Err(failed("the link's target was not recorded"));
                    };
                    if target.starts_with('/') {
                        (here, node) = ("/".to_owned(), self.node("/").unwrap_or(Node::Implied));
                    }
                    for name in target.split('/').rev() {
                        todo.push_front(name.to_owned());
                    }
                }
                Some(there) => (here, node) = (next, there),
                // Nobody listed the directory that the link leads to, so nothing says that its target is missing.
                None if links > 0 && matches!(node, Node::Implied) => {
                    return Err(failed(format!("a link leads to {next}, which was not recorded")));
                }
                None => return Err(not_listed()),
            }
        }
        Ok(Found { path: here, linked: links > 0, node })
    }

    /// What is at a path, links not followed.
    fn node(&self, path: &str) -> Option<Node<'_>> {
        if let Some(listed) = self.stats.get(path) {
            return Some(Node::Listed(listed));
        }
        if self.texts.contains_key(path) {
            return Some(Node::Content);
        }
        self.below(path).next().map(|_| Node::Implied)
    }

    /// Every known path below a directory, relative to it, with what the listing says of it.
    pub(super) fn below(&self, dir: &str) -> impl Iterator<Item = (&str, Option<&Listed>)> {
        let prefix = join(dir, "");
        let from = (Bound::Excluded(prefix.clone()), Bound::Unbounded);
        let listed = self.stats.range(from.clone()).map(|(path, listed)| (path, Some(listed)));
        let listed = listed.map_while({
            let prefix = prefix.clone();
            move |(path, listed)| Some((path.strip_prefix(&prefix)?, listed))
        });
        let contents = self.texts.range(from).map_while(move |(path, _)| Some((path.strip_prefix(&prefix)?, None)));
        listed.chain(contents)
    }
}

fn join(dir: &str, name: &str) -> String {
    format!("{}/{name}", dir.trim_end_matches('/'))
}

fn not_listed() -> Seen {
    Seen::Absent { proof: "not in the recording's listing".to_owned() }
}

pub(super) fn failed(why: impl Into<String>) -> Seen {
    Seen::Failed { why: why.into() }
}
