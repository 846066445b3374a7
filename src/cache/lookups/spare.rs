//! The memory of lookups that are over. Most are hits, and over soon: the next ones take their place.

use crate::cache::lookup::{Beginning, Lookup};
use crate::store::Found;

/// How many are kept.
const MAX: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Spare {
    #[allow(clippy::vec_box, reason = "a lookup comes and goes in its box")]
    lookups: Vec<Box<Lookup>>,
}

impl Spare {
    /// A new lookup.
    pub(super) fn renew(&mut self, beginning: Beginning<'_>) -> Box<Lookup> {
        match self.lookups.pop() {
            Some(mut lookup) => {
                lookup.renew(beginning);
                lookup
            }
            None => Box::new(Lookup::new(beginning)),
        }
    }

    /// Keeps one that is over.
    pub(super) fn keep(&mut self, mut lookup: Box<Lookup>) {
        if self.lookups.len() < MAX {
            lookup.found = Found::default();
            self.lookups.push(lookup);
        }
    }
}
