//! Which parts there are, and where each leads: what is missing, and what nobody needs.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use crate::part::whole;
use crate::tree::{Leads, parse, references};
use crate::{Digest, HistoryError, Recorded};

/// Parts by digest, with their size and their references. No references: it is no JSON with references in it.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    parts: BTreeMap<Digest, Option<Vec<(Leads, Digest)>>>,
    /// Bytes of all parts together.
    pub size: u64,
}

impl Graph {
    /// The graph of a database. Each part that is not what its digest says is handed to `wrong`.
    pub(crate) fn of(connection: &Connection, wrong: &mut dyn FnMut(String)) -> Result<Self, HistoryError> {
        let mut graph = Self::default();
        let mut statement = connection.prepare("select digest, size, packed, bytes from part")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let digest = Digest(row.get(0)?);
            match whole(digest, row.get(1)?, row.get(2)?, row.get(3)?) {
                Ok(bytes) => graph.add(digest, &bytes),
                Err(HistoryError::Damaged(text)) => {
                    wrong(text);
                    graph.parts.insert(digest, None);
                }
                Err(other) => return Err(other),
            }
        }
        Ok(graph)
    }

    /// Adds a part that is what its digest says.
    pub(crate) fn add(&mut self, digest: Digest, bytes: &[u8]) {
        let mut found = Vec::new();
        // Most texts of a node are no JSON. One that is may look like a part with references: only what leads to it
        // tells that it is none.
        let tree = parse(bytes).and_then(|value| references(&value, &mut found));
        self.size += bytes.len() as u64;
        self.parts.insert(digest, tree.is_ok().then_some(found));
    }

    /// How many parts there are.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Marks what is needed by a run, beyond what was marked before; what is missing is handed to `wrong`.
    pub(crate) fn mark(&self, run: &Recorded, marked: &mut Marked, wrong: &mut dyn FnMut(String)) {
        let roots = [run.report, run.evidence, run.content].map(|root| (Leads::Tree, root));
        let register = run.register.map(|register| (Leads::Bytes, register));
        let mut open: Vec<(Leads, Digest)> = roots.into_iter().chain(register).collect();
        while let Some((leads, digest)) = open.pop() {
            if !marked.0.insert((digest, leads)) {
                continue;
            }
            match (leads, self.parts.get(&digest)) {
                (_, None) => wrong(format!("part {digest} is missing")),
                (Leads::Tree, Some(None)) => wrong(format!("part {digest} cannot be read")),
                (Leads::Tree, Some(Some(references))) => open.extend(references),
                (Leads::Bytes, Some(_)) => {}
            }
        }
    }

    /// Parts that were not marked.
    pub(crate) fn unneeded(&self, marked: &Marked) -> impl Iterator<Item = Digest> {
        let needed: BTreeSet<Digest> = marked.digests().collect();
        self.parts.keys().copied().filter(move |digest| !needed.contains(digest))
    }
}

/// Parts that some run needs.
#[derive(Debug, Default)]
pub(crate) struct Marked(BTreeSet<(Digest, Leads)>);

impl Marked {
    /// Each once, in order.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.0.iter().map(|(digest, _)| *digest).collect::<BTreeSet<_>>().into_iter()
    }
}
