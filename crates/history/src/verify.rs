//! Whether a history is what it was when it was written, and what that does not prove.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::entry::linked;
use crate::graph::{Graph, Marked};
use crate::seal::{self, Sealed};
use crate::{Digest, Entry, HistoryError, Store, database};

/// So many words about damage are enough; the others are counted.
const ENOUGH: usize = 100;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Entries of the chain.
    pub entries: usize,
    /// Runs whose every part was there to be checked.
    pub runs: usize,
    /// Runs that were pruned: their entries are left.
    pub pruned: usize,
    /// Runs that an archive names by their entries alone.
    pub left_out: usize,
    /// Parts that were hashed again.
    pub parts: usize,
    /// Bytes of these.
    pub bytes: u64,
    /// Whether the file has no seal, which would tell a changed byte also where it says nothing.
    pub unsealed: bool,
    /// Hash of the last entry.
    pub head: Option<Digest>,
    /// Number of the entry whose hash was given as one that somebody else holds.
    pub held: Option<u64>,
    /// What is wrong; nothing: all is as it was written.
    pub damage: Vec<String>,
    /// What else is wrong, as a number.
    pub more_damage: usize,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }

    /// What this verification cannot prove, in sentences.
    pub fn unproven(&self) -> Vec<String> {
        let mut said = Vec::new();
        let entries = self.entries as u64;
        match self.held {
            None => said.push(
                "That nobody made the whole chain anew or cut off its end: who can write the file can do so, with hashes \
                 that fit. Give a hash that somebody else has kept from an earlier run: --head HASH."
                    .to_owned(),
            ),
            Some(held) if held < entries => said.push(format!(
                "Anything of the entries after {held}: the hash that was given covers all up to that one. Whoever can write \
                 the file could have made the later ones anew or cut some off."
            )),
            Some(_) => {}
        }
        if self.pruned > 0 {
            said.push("What pruned runs said: of these only the digests are left, to compare a copy with.".to_owned());
        }
        if self.left_out > 0 {
            said.push("What the runs say that are not in this archive: of these it has the entries alone.".to_owned());
        }
        if self.unsealed {
            said.push(
                "That no byte changed which says nothing: the file has no seal, since an earlier version wrote it (the next \
                 run that is recorded seals it), or since it is larger than 256 MiB (`history prune` makes it smaller)."
                    .to_owned(),
            );
        }
        said.push(
            "That every run was recorded, and at the time that its entry tells: that time is the clock's of the machine \
             that recorded it."
                .to_owned(),
        );
        said
    }

    /// The verification of what could not be read as what it is.
    pub fn of_damage(text: String) -> Self {
        Self { damage: vec![text], ..Self::default() }
    }

    pub(crate) fn wrong(&mut self, text: String) {
        if self.damage.len() < ENOUGH {
            self.damage.push(text);
        } else {
            self.more_damage += 1;
        }
    }

    /// Checks the chain and that all parts are there which it needs, and no others. `whole`: the runs that an archive
    /// holds whole; none: all that were not pruned.
    pub(crate) fn check(
        &mut self,
        stored: &[(Digest, String)],
        graph: &Graph,
        whole: Option<&BTreeSet<u64>>,
        head: Option<Digest>,
    ) -> Vec<Entry> {
        let entries = linked(stored, &mut |wrong| self.wrong(wrong));
        let mut marked = Marked::default();
        let mut told: BTreeSet<u64> = whole.cloned().unwrap_or_default();
        for entry in &entries {
            let Some(run) = entry.run() else { continue };
            if entry.pruned_by.is_some() {
                self.pruned += 1;
            } else if whole.is_none_or(|whole| whole.contains(&entry.number)) {
                told.remove(&entry.number);
                self.runs += 1;
                graph.mark(run, &mut marked, &mut |wrong| self.wrong(format!("run {}: {wrong}", entry.number)));
            } else {
                self.left_out += 1;
            }
        }
        for number in told {
            self.wrong(format!("run {number} should be here whole, and there is no such run"));
        }
        for part in graph.unneeded(&marked) {
            self.wrong(format!("part {part} belongs to no run"));
        }
        (self.entries, self.parts, self.bytes) = (stored.len(), graph.len(), graph.size);
        self.head = stored.last().map(|(hash, _)| *hash);
        if let Some(head) = head {
            self.held = entries.iter().find(|entry| entry.hash == head).map(|entry| entry.number);
            if self.held.is_none() {
                self.wrong(format!("no entry has the hash {head}: the chain was made anew, or its end was cut off"));
            }
        }
        entries
    }
}

impl Store {
    /// Hashes everything again, and checks the chain, every reference and the database itself. `head`: the hash of an
    /// entry that somebody else has kept. What is wrong with the history is told in the result; an error tells that it
    /// could not be checked.
    pub fn verify(&self, head: Option<Digest>) -> Result<Verification, HistoryError> {
        // One moment is checked, whoever writes meanwhile.
        let moment = self.connection.unchecked_transaction()?;
        let mut found = Verification::default();
        if let Err(error) = look(&moment, head, &mut found) {
            match error {
                HistoryError::Damaged(text) => found.wrong(text),
                HistoryError::Sqlite(error) => found.wrong(format!("it could not be read to its end: {error}")),
                other => return Err(other),
            }
        }
        Ok(found)
    }
}

fn look(connection: &Connection, head: Option<Digest>, found: &mut Verification) -> Result<(), HistoryError> {
    match seal::check(connection)? {
        Sealed::Whole => {}
        Sealed::Broken(why) => found.wrong(why.to_owned()),
        Sealed::Never => found.unsealed = true,
    }
    for text in connection.prepare("pragma integrity_check")?.query_map([], |row| row.get::<_, String>(0))? {
        match text?.as_str() {
            "ok" => {}
            text => found.wrong(format!("the database: {text}")),
        }
    }
    if database::schema(connection)? != database::expected_schema(connection)? {
        found.wrong("the database has other tables than it was made with".to_owned());
    }
    let (count, first, last) =
        connection.query_row("select count(*), min(number), max(number) from entry", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?))
        })?;
    if count > 0 && (first, last) != (Some(1), Some(count)) {
        found.wrong("the numbers of the entries have gaps".to_owned());
    }
    let stored = database::entries(connection)?;
    let graph = Graph::of(connection, &mut |wrong| found.wrong(wrong))?;
    found.check(&stored, &graph, None, head);
    Ok(())
}
