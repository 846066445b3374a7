//! The memory of lookups that are over. Most are hits, and over soon: the next ones take their place.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::caller::Caller;
use crate::cache::lookup::Lookup;
use crate::cache::names::{OwnVersion, Repo};
use crate::clock::Instant;
use crate::store::{Found, Key};

/// How many are kept.
const MAX: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Spare {
    #[allow(clippy::vec_box, reason = "a lookup comes and goes in its box")]
    lookups: Vec<Box<Lookup>>,
}

impl Spare {
    /// A new lookup ([`Lookup::new`]).
    pub(super) fn renew(
        &mut self,
        repo: Arc<Repo>,
        entry: Key,
        own: Arc<OwnVersion>,
        caller: Caller,
        now: Instant,
        give_up_at: Duration,
    ) -> Box<Lookup> {
        match self.lookups.pop() {
            Some(mut lookup) => {
                lookup.renew(repo, entry, own, caller, now, give_up_at);
                lookup
            }
            None => Box::new(Lookup::new(repo, entry, own, caller, now, give_up_at)),
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
