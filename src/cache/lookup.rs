//! A lookup: the calls of one tick that read one entry together, from the first read to a hit, a miss, a load or a wait. The
//! machines `lookups` and `placement` pass it to each other; one of them holds it at a time.

use std::sync::Arc;
use std::time::Duration;

use super::caller::Caller;
use super::names::Repo;
use super::request::CallId;
use super::tags::Known;
use crate::clock::Instant;
use crate::store::entry::Tag;
use crate::store::{Found, Id, Key, Ticket};

/// Where a lookup stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It leaves with the next batch.
    Queued,
    /// An answer is due.
    Asked(Ticket),
    /// Another process has a lease. It reads again at this time.
    Waiting(Instant),
}

/// What a lookup is about to place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Stamp or token of what has to be there still.
    pub expected: Option<Id>,
    /// Whether the lease goes into the entry's header.
    pub inside: bool,
    /// Whether the entry ends before a lease in its header would.
    pub ends_soon: bool,
    /// Whether an entry with current versions was found.
    pub is_current: bool,
    /// When such an entry, if it is replaced, would have ended: by the process's clock and by the store's.
    pub end: Option<(Instant, u64)>,
    /// The tags of the load: those that callers name.
    pub tags: Vec<Tag>,
    pub captured: Vec<(Tag, Id)>,
}

/// Calls that read one entry together.
#[derive(Debug)]
pub(super) struct Lookup {
    pub repo: Arc<Repo>,
    pub entry: Key,
    pub callers: Vec<Caller>,
    pub phase: Phase,
    pub deadline: Instant,
    /// Tags whose versions are read along.
    pub tags: Vec<Tag>,
    pub with_age: bool,
    pub found: Found,
    pub known: Known,
    pub plan: Plan,
    /// How often it has tried to place a lease.
    pub rounds: u8,
    /// How often it has waited for another process's lease.
    pub polls: u32,
    /// How often it was sent again after its answer was lost.
    pub resends: u8,
    /// Whether the replication id was read again because of what it found.
    pub rechecked: bool,
    /// Whether others were loading when it began. Then what it finds is their work.
    pub is_late: bool,
}

impl Lookup {
    pub(super) fn new(repo: Arc<Repo>, entry: Key, caller: Caller, deadline: Instant) -> Self {
        Self {
            repo,
            entry,
            tags: caller.tags().to_vec(),
            with_age: caller.wants_age(),
            callers: vec![caller],
            phase: Phase::Queued,
            deadline,
            found: Found::default(),
            known: Known::default(),
            plan: Plan::default(),
            rounds: 0,
            polls: 0,
            resends: 0,
            rechecked: false,
            is_late: false,
        }
    }

    /// When it wants to be looked at.
    pub(super) fn due(&self) -> Instant {
        match self.phase {
            Phase::Waiting(wake) => wake,
            _ => self.deadline,
        }
    }

    /// Its answer has come. An answer that is looked at after the deadline has waited for the process and not for the server, or
    /// the deadline would have been judged first: the next step has the whole budget again. Returns the new deadline.
    pub(super) fn renew_budget(&mut self, now: Instant, budget: Duration) -> Option<Instant> {
        (self.deadline <= now).then(|| {
            self.deadline = now + budget;
            self.deadline
        })
    }

    /// Takes a call out of it. Says whether it was there.
    pub(super) fn cancel(&mut self, call: CallId) -> bool {
        let at = self.callers.iter().position(|caller| caller.id == call);
        at.map(|at| self.callers.remove(at)).is_some()
    }
}
