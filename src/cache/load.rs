//! A load under its lease, as a value.

use std::sync::Arc;
use std::time::Duration;

use super::caller::{Caller, EntryOptions};
use super::effects::Fx;
use super::freshness::{self, classify, Freshness, Periods};
use super::names::Repo;
use super::request::{Payload, RepoId};
use super::tags::TAGS_MAX;
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::store::entry::{self, Stored, Tag};
use crate::store::{Id, Key, Value};

/// A load that takes longer is worth a warning.
const SLOW_AFTER: Duration = Duration::from_secs(30);

/// A load whose result is stored.
#[derive(Debug)]
pub(super) struct Load {
    pub repo: Arc<Repo>,
    pub entry: Key,
    /// The caller whose loader runs; `None` for a refresh, and when the caller has given up.
    pub owner: Option<Caller>,
    pub joined: Vec<Caller>,
    pub lease: Lease,
    /// Its result, while that is being stored.
    pub commit: Option<Payload>,
    pub age: Age,
}

/// How long a loader has been running.
#[derive(Debug)]
pub(super) struct Age {
    began: Instant,
    is_noticed: bool,
}

impl Age {
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, is_noticed: false }
    }

    /// Counts a load that has become slow, once.
    pub(super) fn look(&mut self, fx: &mut Fx<'_>, repo: RepoId) {
        if self.is_over(fx.now, SLOW_AFTER) && !std::mem::replace(&mut self.is_noticed, true) {
            fx.tally(repo, Shortfall::SlowLoad);
        }
    }

    /// Whether it has run for so long.
    pub(super) fn is_over(&self, now: Instant, time: Duration) -> bool {
        now.since(self.began) >= time
    }
}

/// The lease of a load.
#[derive(Debug)]
pub(super) struct Lease {
    pub token: Id,
    /// Whether it is in the header of an entry, which stays readable.
    pub inside: bool,
    /// Whether the load is a refresh in the background.
    pub is_refresh: bool,
    /// The entry that it took the place of.
    pub replaced: Option<Replaced>,
    /// The tags that callers named, then those that the loader added.
    pub tags: Vec<(Tag, Id)>,
    /// How many of them, at the end, the loader added.
    pub added: usize,
    pub options: EntryOptions,
    pub renew_at: Instant,
    /// Whether the result must not be stored any more.
    pub is_lost: bool,
    /// How many additions of tags are under way.
    pub additions: u32,
}

/// An entry with current versions whose place a lease has taken.
#[derive(Debug, Clone)]
pub(super) struct Replaced {
    pub value: Value,
    /// When it would have ended, by this process's clock.
    pub until: Instant,
    /// The same by the store's clock, in milliseconds.
    pub end: u64,
}

impl Lease {
    /// The tags that callers named.
    pub(super) fn named_by_callers(&self) -> &[(Tag, Id)] {
        &self.tags[..self.tags.len() - self.added]
    }

    /// Makes room for tags of the loader: within the bound, they go before those that the load has inherited. Says whether there is
    /// room.
    pub(super) fn make_room(&mut self, count: usize) -> bool {
        if self.tags.len() + count > TAGS_MAX {
            let from = self.tags.len() - self.added;
            let mut at = 0;
            self.tags.retain(|(tag, _)| {
                at += 1;
                at > from || self.options.tags.contains(tag)
            });
        }
        self.tags.len() + count <= TAGS_MAX
    }
}

impl Load {
    /// Whether a caller gets a fallback value if the loader has just failed.
    pub(super) fn has_fallback(&self, now: Instant) -> bool {
        let has = |caller: &Caller| caller.fallback.as_ref().is_some_and(|(_, until)| *until > now);
        self.owner.iter().chain(&self.joined).any(has)
    }

    /// Takes the callers out that do not wait any longer.
    pub(super) fn take_impatient(&mut self, now: Instant) -> Vec<Caller> {
        take_impatient(&mut self.joined, now)
    }
}

/// Takes the callers out that do not wait any longer.
pub(super) fn take_impatient(callers: &mut Vec<Caller>, now: Instant) -> Vec<Caller> {
    if callers.iter().all(|caller| caller.still_waits(now)) {
        return Vec::new();
    }
    let (stay, go) = std::mem::take(callers).into_iter().partition(|caller| caller.still_waits(now));
    *callers = stay;
    go
}

/// The value of a replaced entry that a caller, who has not seen it, may be given if the loader fails. The caller has judged the
/// lease and not the entry, so every tag of the entry has to be in the lease: one that the entry's own loader added is not.
pub(super) fn fallback_for(caller: &Caller, lease: &Lease, now: Instant, swr: bool) -> Option<(Payload, Instant)> {
    let Replaced { value, until, .. } = lease.replaced.as_ref()?;
    let Some(Stored::Entry(entry)) = entry::parse(value) else { return None };
    let is_judged = |name: &[u8], version| lease.tags.iter().any(|(tag, captured)| **tag == *name && *captured == version);
    if caller.tags().iter().any(|tag| !entry.tags.has(tag)) || !entry.tags.iter().all(|(name, version)| is_judged(name, version)) {
        return None;
    }
    let periods = Periods::from(&entry);
    let left = i64::try_from(until.since(now).as_millis()).ok()?;
    let until = match classify(&periods, &caller.overrides, freshness::age(&periods, left), swr) {
        Freshness::Expired(kept) => now + kept,
        Freshness::Fresh | Freshness::Stale => *until,
    };
    (until > now).then(|| (Payload::new(value.clone(), entry.payload), until))
}
