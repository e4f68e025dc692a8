//! What a pool said of a subject: what a node is compared with that the earlier run did not know.
//!
//! A pool may be replaced as a whole, so its nodes are gone through once for each subject, and not once for each new node.

use std::collections::BTreeMap;

use assess::Verdict;

use super::kinds::same_evidence;
use super::lanes::{Key, Rows};
use crate::model::Finding;

/// Nodes that are alike.
#[derive(Debug, Default)]
pub(super) struct Pool<'r> {
    /// Its name, in words.
    pub name: String,
    /// Its nodes in the earlier run.
    pub before: Vec<&'r str>,
    /// Its nodes in the later run.
    pub after: Vec<&'r str>,
}

/// What the nodes of a pool said of one subject in the earlier run.
#[derive(Debug)]
pub(super) struct Said<'r> {
    /// Each answer once: the first node that gave it, and how many did.
    answers: Vec<(Key<'r>, &'r Finding, usize)>,
    /// How a failure spread over the pool, in words: some of it failed, not all of it, and more of it fails now. None: it
    /// was so before, or one node took the place of another.
    spread: Option<String>,
}

impl<'r> Said<'r> {
    /// Asks the pool for the subject of a key, whichever node that is of.
    pub(super) fn of(pool: &Pool<'r>, key: &Key<'r>, before: &Rows<'r>, after: &Rows<'r>) -> Self {
        let mut answers: Vec<(Key<'r>, &'r Finding, usize)> = Vec::new();
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        for node in &pool.before {
            let key = Key { node, ..*key };
            let Some(at) = before.all.get(&key) else { continue };
            let place = *places.entry(*at).or_insert(answers.len());
            match answers.get_mut(place) {
                Some((_, _, count)) => *count += 1,
                None => answers.push((key, before.finding(*at), 1)),
            }
        }
        let fails = |finding: &Finding| finding.verdict == Verdict::Fail;
        let failed: usize = answers.iter().filter(|(_, finding, _)| fails(finding)).map(|(_, _, count)| count).sum();
        let mut spread = None;
        if failed > 0 && failed < pool.before.len() {
            let now = pool.after.iter().filter(|node| after.get(&Key { node, ..*key }).is_some_and(fails)).count();
            spread = (now > failed).then(|| {
                let (name, was, is) = (&pool.name, pool.before.len(), pool.after.len());
                format!("{name}, of which it failed on {failed} of {was}, and fails on {now} of {is}")
            });
        }
        Self { answers, spread }
    }

    /// The earlier answer that is nearest, for what was there before on any node of the pool is nothing new; and how it
    /// spread. A failure that spread is compared with those that did not fail.
    pub(super) fn nearest(&self, now: &Finding) -> (Option<Key<'r>>, Option<&str>) {
        let spread = self.spread.as_deref().filter(|_| now.verdict == Verdict::Fail);
        let mut common: BTreeMap<Verdict, usize> = BTreeMap::new();
        for (_, finding, count) in &self.answers {
            *common.entry(finding.verdict).or_default() += count;
        }
        let nearness = |finding: &Finding| {
            let same = finding.verdict == now.verdict;
            (same && same_evidence(finding, now), same, common[&finding.verdict])
        };
        let meant = self.answers.iter().filter(|(_, own, _)| spread.is_none() || own.verdict != Verdict::Fail);
        // Of equals the gravest, and of these the first.
        let nearest = meant.rev().max_by(|(_, one, _), (_, other, _)| {
            nearness(one).cmp(&nearness(other)).then(other.verdict.cmp(&one.verdict))
        });
        (nearest.map(|(key, _, _)| *key), spread)
    }
}
