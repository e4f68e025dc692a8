//! Going to look without standing on the node: each source answers the questions of [`evidence::Walk`].
//!
//! A source knows no control; it is given trails and gives back an [`evidence::Capture`].

pub mod cluster;
pub mod recording;
pub mod rendered;
pub mod saved;
pub mod talos;

use evidence::{Ask, Aspect, Basis, Break, Item, Limits, OsText, Place, Seen, Trail, Walk};

/// Follows trails. A question that is not answered was never asked: it leaves no item.
fn follow(trails: Vec<Trail>, look: impl Fn(&Ask) -> Option<Seen>) -> (Vec<Item>, Vec<Break>) {
    let mut walk = Walk::new(trails, Limits::default());
    while let Some(ask) = walk.next_ask() {
        match look(&ask) {
            Some(seen) => walk.answer(seen),
            None => walk.pass(),
        }
    }
    walk.finish()
}

/// Marks the values that tell what Talos wrote last, and not what is.
fn declare(items: &mut [Item], is_declared: impl Fn(&OsText) -> bool) {
    for item in items {
        if item.aspect == Aspect::Value && matches!(&item.place, Place::Path(path) if is_declared(path)) {
            item.basis = Basis::Declared;
        }
    }
}

/// An error with what is behind it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        next = cause.source();
    }
    told
}
