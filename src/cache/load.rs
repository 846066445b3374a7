//! A load under its lease, as a value.

use std::sync::Arc;
use std::time::Duration;

use super::caller::{Caller, EntryOptions};
use super::decision::Decision;
use super::effects::Fx;
use super::freshness::{self, classify, Freshness, Periods};
use super::ids::{CallId, Codec, RepoId};
use super::marks::is_mark;
use super::names::Repo;
use super::payload::Payload;
use super::tag_set::{normalize, unite};
use super::tags::{captured_repository, VERSIONS_MAX};
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::store::entry::{self, Entry, Stored, Tag, Tags};
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
    /// Its result, from its loader's end on.
    pub outcome: Option<Outcome>,
    pub age: Age,
}

/// The value that a load replaces.
#[derive(Debug)]
pub(super) enum Former {
    /// Itself.
    Value(Payload),
    /// Only the start of its entry was read. The driver has it under this stamp.
    Parsed(Id, Codec),
}

/// The result of a load on its way to the store.
#[derive(Debug)]
pub(super) struct Outcome {
    pub payload: Payload,
    /// Whether it is the value that was to be replaced.
    pub is_kept: bool,
    /// Whether only the start of its entry is here.
    pub is_head: bool,
    /// Whether its further tags are proven.
    pub is_proven: bool,
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
    /// What was at the entry's key before the load.
    pub before: Option<Value>,
    /// If only its start was read: how its value is decoded.
    pub head_of: Option<Codec>,
    /// Whether that is an entry whose versions were current: the value that the load replaces.
    pub replaces_current: bool,
    /// The versions of the marks, if they were captured before the load.
    pub marks: Vec<(Tag, Id)>,
    /// Orders the load among what the process has learned.
    pub began: u64,
    /// The captured versions: that of the repository, those of the tags that callers named, then those that the loader added.
    pub tags: Vec<(Tag, Id)>,
    /// How many of them, at the end, the loader added.
    pub added: usize,
    /// Those that callers named before and that the loader has named as well: its value depends on them.
    pub claimed: Vec<Tag>,
    /// How long the versions of its tags live at least.
    pub captured_for: Duration,
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
    /// The captured versions without those of tags that the loader added.
    pub(super) fn named_by_callers(&self) -> &[(Tag, Id)] {
        &self.tags[..self.tags.len() - self.added]
    }

    /// Whether the lease carries this tag in the store as well. Of the tags that are being added, nobody knows yet: a caller may have
    /// judged the lease without them.
    pub(super) fn carries(&self, tag: &Tag) -> bool {
        let settled = if self.additions > 0 { self.named_by_callers() } else { &self.tags };
        settled.iter().any(|(known, _)| known == tag)
    }

    /// The entry whose value the load replaces, if it was usable.
    pub(super) fn stale(&self) -> Option<Entry<'_>> {
        let before = self.before.as_ref().filter(|_| self.replaces_current)?;
        if let Some(Stored::Entry(entry)) = entry::parse(before) {
            Some(entry)
        } else {
            None
        }
    }

    /// Whether this version of a tag was there before the load: what was at the entry's key carries it.
    pub(super) fn carried_before(&self, name: &[u8], version: Id) -> bool {
        let tags = match self.before.as_deref().and_then(|before| entry::parse(before)) {
            Some(Stored::Entry(entry)) => entry.tags,
            Some(Stored::Lease(lease)) => lease.tags,
            None => Tags::NONE,
        };
        tags.iter().any(|(tag, captured)| tag == name && captured == version)
    }

    /// The loader names tags. Returns those that the lease does not carry yet; the others stay.
    pub(super) fn claim(&mut self, tags: Vec<Tag>) -> Vec<Tag> {
        let (carried, new): (Vec<_>, Vec<_>) = normalize(tags).into_iter().partition(|tag| self.carries(tag));
        unite(&mut self.claimed, carried.iter().map(|tag| &**tag));
        new
    }

    /// Makes room for tags of the loader: within the bound, they go before those that the load has inherited. Says whether there is
    /// room.
    pub(super) fn make_room(&mut self, count: usize) -> bool {
        if self.tags.len() + count > VERSIONS_MAX {
            let from = self.tags.len() - self.added;
            let mut at = 0;
            self.tags.retain(|(tag, _)| {
                at += 1;
                at > from || is_mark(tag) || self.options.tags.contains(tag) || self.claimed.contains(tag)
            });
        }
        self.tags.len() + count <= VERSIONS_MAX
    }
}

impl Load {
    /// The versions that it depends on.
    pub(super) fn versions(&self) -> Vec<(Key, Id)> {
        let Lease { tags, marks, .. } = &self.lease;
        let all = tags.iter().chain(marks.iter().filter(|mark| !tags.contains(mark)));
        all.map(|(tag, captured)| (self.repo.names.version(tag), *captured)).collect()
    }

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

/// Takes a caller out that may be given a stale value. Returns the decisions that do so.
pub(super) fn soften(owner: &mut Option<Caller>, joined: &mut Vec<Caller>, now: Instant, call: CallId) -> Option<Vec<Decision>> {
    if let Some(caller) = owner.as_ref().filter(|owner| owner.id == call) {
        let told = caller.softened(true, now)?;
        *owner = None;
        return Some(told);
    }
    let at = joined.iter().position(|caller| caller.id == call)?;
    let told = joined[at].softened(false, now)?;
    joined.remove(at);
    Some(told)
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
    if entry.tags.repository() != captured_repository(&lease.tags) {
        return None;
    }
    let periods = Periods::from(&entry);
    let left = i64::try_from(until.since(now).as_millis()).ok()?;
    let until = match classify(&periods, &caller.overrides, freshness::age(&periods, left), swr) {
        Freshness::Expired(kept) => now + kept,
        Freshness::Fresh | Freshness::Stale => *until,
    };
    (until > now).then(|| (Payload::of(value, &entry), until))
}
