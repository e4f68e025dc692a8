//! Going to look without standing on the node: each source answers the questions of [`evidence::Walk`].
//!
//! A source knows no control; it is given trails and gives back an [`evidence::Capture`].

pub mod recording;
pub mod rendered;
pub mod saved;
pub mod talos;

use std::collections::BTreeSet;

use evidence::{Ask, Break, Item, Limits, Seen, Trail, Walk};

/// Follows trails. A question that is not answered was never asked: it leaves no item.
fn follow(trails: Vec<Trail>, look: impl Fn(&Ask) -> Option<Seen>) -> (Vec<Item>, Vec<Break>) {
    let mut unasked = BTreeSet::new();
    let mut walk = Walk::new(trails, Limits::default());
    while let Some(ask) = walk.next_ask() {
        let seen = look(&ask).unwrap_or_else(|| {
            unasked.insert(ask.subject());
            Seen::Failed { why: "this source does not show it".to_owned() }
        });
        walk.answer(seen);
    }
    let (mut items, breaks) = walk.finish();
    items.retain(|item| !unasked.contains(&(item.place.clone(), item.aspect)));
    (items, breaks)
}
