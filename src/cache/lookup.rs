//! A lookup: the calls of one tick that read one entry together, from the first read to a hit, a miss, a load or a wait. The
//! machines `lookups` and `placement` pass it to each other; one of them holds it at a time.

use std::sync::Arc;
use std::time::Duration;

use super::caller::Caller;
use super::decision::Decision;
use super::ids::CallId;
use super::names::{OwnVersion, Repo};
use super::tag_set::TagSet;
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

/// The lease that a lookup is about to place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Stamp or token of the value that must still be there.
    pub expected: Option<Id>,
    /// Whether the lease goes into the entry's header.
    pub inside: bool,
    /// Whether the entry ends before a lease in its header would.
    pub ends_soon: bool,
    /// Whether an entry with current versions was found.
    pub is_current: bool,
    /// When such an entry, if it is replaced, would have ended: by the process's clock and by the store's.
    pub end: Option<(Instant, u64)>,
    /// The tags of the load: those that callers name. Placement puts the name of the repository's version before them if the store
    /// had none.
    pub tags: Vec<Tag>,
    pub captured: Vec<(Tag, Id)>,
    /// The captured versions of the marks, if the loader's result brings tags.
    pub marks: Vec<(Tag, Id)>,
}

/// How a lookup begins.
#[derive(Debug)]
pub(super) struct Beginning<'a> {
    pub repo: &'a Arc<Repo>,
    pub entry: Key,
    pub caller: Caller,
    pub now: Instant,
    /// See [`Lookup::give_up_at`].
    pub give_up_at: Duration,
    pub is_cluster: bool,
}

/// Calls that read one entry together.
#[derive(Debug)]
pub(super) struct Lookup {
    pub repo: Arc<Repo>,
    pub entry: Key,
    /// The repository's own version, which is read along.
    pub own: Arc<OwnVersion>,
    pub callers: Vec<Caller>,
    pub phase: Phase,
    /// Attentive waiting (`store::node::Attention`) after which it does not wait any longer for a node that may not be read. What
    /// was sent has its own budget of silence.
    pub give_up_at: Duration,
    /// Since when it waits for the next batch.
    pub queued_at: Instant,
    /// Tags whose versions are read along.
    pub tags: TagSet,
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
    /// Whether the whole entry is needed: reading its start has not been enough.
    pub in_full: bool,
    /// Whether the driver has the value whose start was read, for every caller that wants it.
    pub is_held: bool,
    /// Whether the replication id was read again because of what it found.
    pub rechecked: bool,
    /// Whether others were loading when it began. Then the value that it finds is theirs.
    pub is_late: bool,
}

impl Lookup {
    pub(super) fn new(beginning: Beginning<'_>) -> Self {
        let Beginning { repo, entry, caller, now, give_up_at, is_cluster } = beginning;
        Self {
            repo: Arc::clone(repo),
            own: Arc::clone(repo.own_version(&entry, is_cluster)),
            entry,
            tags: caller.tag_set(),
            with_age: caller.wants_age(),
            callers: vec![caller],
            phase: Phase::Queued,
            give_up_at,
            queued_at: now,
            found: Found::default(),
            known: Known::default(),
            plan: Plan::default(),
            rounds: 0,
            polls: 0,
            resends: 0,
            in_full: false,
            is_held: false,
            rechecked: false,
            is_late: false,
        }
    }

    /// The same in the place of a lookup that is over, with the memory of its lists. Shared things that are the same are left alone:
    /// counting who shares them is what takes long.
    pub(super) fn renew(&mut self, to: Beginning<'_>) {
        // All fields are named here, so none is forgotten.
        #[rustfmt::skip]
        let Self {
            repo, entry, own, callers, phase, give_up_at, queued_at, tags, with_age, found, known, plan,
            rounds, polls, resends, in_full, is_held, rechecked, is_late,
        } = self;
        share(own, to.repo.own_version(&to.entry, to.is_cluster));
        share(repo, to.repo);
        (*entry, *tags, *with_age) = (to.entry, to.caller.tag_set(), to.caller.wants_age());
        callers.clear();
        callers.push(to.caller);
        (*phase, *give_up_at, *queued_at) = (Phase::Queued, to.give_up_at, to.now);
        (*found, *plan) = (Found::default(), Plan::default());
        known.clear();
        (*rounds, *polls, *resends) = (0, 0, 0);
        (*in_full, *is_held, *rechecked, *is_late) = (false, false, false, false);
    }

    /// A lookup of the machines' unit tests, which has read the version of its repository.
    #[cfg(test)]
    pub(super) fn testing(entry: Key, caller: Caller, now: Instant, give_up_at: Duration) -> Self {
        let known = Known::new(Some(super::tags::testing::own().1), Vec::new(), false);
        Self { known, ..Self::new(Beginning { repo: &Repo::testing(), entry, caller, now, give_up_at, is_cluster: false }) }
    }

    /// The keys that it reads: its entry, and the versions of its repository and its tags.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let own = [&self.entry, &self.own.key].into_iter().cloned();
        own.chain(self.tags.iter().map(|tag| self.repo.names.version(tag)))
    }

    /// How much longer it waits for its node, by attentive waiting.
    pub(super) fn left(&self, attended: Duration) -> Duration {
        self.give_up_at.saturating_sub(attended)
    }

    /// Takes a call out of it that may be given a stale value. Returns the decisions that do so.
    pub(super) fn soften(&mut self, now: Instant, call: CallId) -> Option<Vec<Decision>> {
        let at = self.callers.iter().position(|caller| caller.id == call)?;
        let told = self.callers[at].softened(false, now)?;
        self.callers.remove(at);
        Some(told)
    }

    /// Takes a call out of it. Says whether it was there.
    pub(super) fn cancel(&mut self, call: CallId) -> bool {
        let at = self.callers.iter().position(|caller| caller.id == call);
        at.map(|at| self.callers.remove(at)).is_some()
    }
}

/// `place` shares what `other` shares.
fn share<T>(place: &mut Arc<T>, other: &Arc<T>) {
    if !Arc::ptr_eq(place, other) {
        *place = Arc::clone(other);
    }
}

/// The keys that a read of this entry with these tags looks at on a cluster.
pub(super) fn keys_of(repo: &Repo, entry: &Key, tags: &[Tag]) -> Vec<Key> {
    [entry.clone(), repo.own_version(entry, true).key.clone()].into_iter().chain(tags.iter().map(|tag| repo.names.version(tag))).collect()
}
