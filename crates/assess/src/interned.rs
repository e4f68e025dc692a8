//! Equal values, kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Values that are met again and again: of equal ones the first is kept.
#[derive(Debug)]
pub(crate) struct Interned<T>(HashSet<Arc<T>>);

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Eq + Hash> Interned<T> {
    /// The value, or the one that is equal to it.
    pub(crate) fn one(&mut self, value: T) -> Arc<T> {
        if let Some(known) = self.0.get(&value) {
            return Arc::clone(known);
        }
        let own = Arc::new(value);
        self.0.insert(Arc::clone(&own));
        own
    }
}
