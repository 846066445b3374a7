//! A call that reads, and the options an entry is stored with.

use std::time::Duration;

use super::decision::{Decision, Hit};
use super::freshness::Overrides;
use super::ids::{CallId, Codec};
use super::payload::Payload;
use super::request::{Request, ResultOptions};
use super::tag_set::{unite, TagSet};
use crate::clock::Instant;
use crate::store::entry::Tag;

/// How long a caller whose lock time-out is over waits at most for a load that others in the same position have just begun.
const SHARED_WAIT_MAX: Duration = Duration::from_secs(10);
/// The shortest life that versions are made for.
const NEED_MIN: Duration = Duration::from_secs(60);

/// The kind of a read.
#[derive(Debug, Clone)]
pub(super) enum ReadKind {
    Get,
    Has,
    /// A read with a loader for a miss.
    Load(EntryOptions),
}

/// How a loaded value is stored.
#[derive(Debug, Clone)]
pub(super) struct EntryOptions {
    pub ttl: Duration,
    pub fresh: Duration,
    pub keep: Duration,
    pub tags: TagSet,
    /// Whether the loader's result brings further tags.
    pub tags_result: bool,
}

impl EntryOptions {
    pub(super) fn new(ttl: Duration, fresh: Option<Duration>, keep: Option<Duration>, tags: TagSet) -> Self {
        let fresh = fresh.map_or(ttl, |fresh| fresh.min(ttl));
        Self { ttl, fresh, keep: keep.unwrap_or_default(), tags, tags_result: false }
    }

    /// What the loader says about its result counts.
    pub(super) fn apply(&mut self, options: &ResultOptions) {
        // Without a word about it, what was fresh for its whole life still is.
        let is_always_fresh = self.fresh >= self.ttl;
        self.ttl = options.ttl.unwrap_or(self.ttl);
        self.keep = options.keep.unwrap_or(self.keep);
        self.fresh = options.fresh.unwrap_or(if is_always_fresh { self.ttl } else { self.fresh }).min(self.ttl);
    }

    /// How long the store keeps the entry.
    pub(super) fn life(&self) -> Duration {
        self.ttl.saturating_add(self.keep)
    }

    /// How long the versions of its tags have to live at least: its own life and that of the lease before it.
    pub(super) fn need(&self, lease: Duration) -> Duration {
        self.life().saturating_add(lease).max(NEED_MIN)
    }
}

/// A call that reads.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub id: CallId,
    pub kind: ReadKind,
    pub overrides: Overrides,
    /// Its serializer, if a parsed value will do for it.
    pub codec: Option<Codec>,
    /// Whether only the start of the entry that it was served was read: it has the value.
    pub read_head: bool,
    /// Whether an entry that is there counts as missing.
    pub replaces: bool,
    /// Orders it among calls and loads.
    pub began: u64,
    pub lock_timeout: Duration,
    /// Until when it waits for others' loads. It is set by its first wait.
    pub waits_until: Option<Instant>,
    /// Whether its lock time-out is over and it waits for a load that began after it.
    pub is_overdue: bool,
    /// The value it may be given until this time if a loader fails.
    pub fallback: Option<(Payload, Instant)>,
}

impl Caller {
    /// The caller and the key of a request that reads; `None` for a request that writes.
    pub(super) fn of(id: CallId, request: Request, began: u64, lock_timeout: Duration) -> Option<(Self, Vec<u8>)> {
        let caller = |kind, overrides, lock_timeout| Self {
            id,
            kind,
            overrides,
            codec: None,
            read_head: false,
            replaces: false,
            began,
            lock_timeout,
            waits_until: None,
            is_overdue: false,
            fallback: None,
        };
        Some(match request {
            Request::GetOrSet { key, ttl, keep, fresh, max_age, lock_timeout: own, tags, replaces, early, tags_result } => {
                let kind = ReadKind::Load(EntryOptions { tags_result, ..EntryOptions::new(ttl, fresh, keep, tags) });
                let caller = caller(kind, Overrides { fresh, max_age, keep, early }, own.unwrap_or(lock_timeout));
                (Self { replaces, ..caller }, key)
            }
            Request::Get { key, fresh, max_age } => {
                (caller(ReadKind::Get, Overrides { fresh, max_age, ..Overrides::default() }, lock_timeout), key)
            }
            Request::Has { key } => (caller(ReadKind::Has, Overrides::default(), lock_timeout), key),
            _ => return None,
        })
    }

    /// How its loader's result is stored; `None` if it has no loader.
    pub(super) fn options(&self) -> Option<&EntryOptions> {
        match &self.kind {
            ReadKind::Load(options) => Some(options),
            _ => None,
        }
    }

    pub(super) fn tags(&self) -> &[Tag] {
        self.options().map_or(&[], |options| &options.tags)
    }

    /// The same as a set of its own.
    pub(super) fn tag_set(&self) -> TagSet {
        self.options().map_or_else(TagSet::default, |options| options.tags.clone())
    }

    /// It is about to wait for a load without storing. Until when; `None`: it has waited long enough. A caller whose lock time-out is
    /// over shares a load once more, or a source that is slow would meet all of them at once.
    pub(super) fn wait_for_uncached(&mut self, now: Instant) -> Option<Instant> {
        let until = self.waits_until.get_or_insert(now + self.lock_timeout);
        if *until <= now {
            if self.is_overdue {
                return None;
            }
            self.is_overdue = true;
            *until = now + self.lock_timeout.min(SHARED_WAIT_MAX);
        }
        Some(*until)
    }

    /// The decisions that give it the value that is being replaced, if it may have that. `is_owner`: its own loader is running.
    pub(super) fn softened(&self, is_owner: bool, now: Instant) -> Option<Vec<Decision>> {
        let (payload, until) = self.fallback.as_ref()?;
        if *until <= now {
            return None;
        }
        let call = self.id;
        let hit = |hit| Decision::Hit { call, payload: payload.clone().decoded_by(self.codec), hit };
        Some(if is_owner { vec![hit(Hit::Kept)] } else { vec![hit(Hit::Stale), Decision::LoadOver { call: Some(call), load: None }] })
    }

    /// Whether it still waits for others' loads.
    pub(super) fn still_waits(&self, now: Instant) -> bool {
        self.waits_until.is_none_or(|until| until > now)
    }

    /// Whether the age of the entry is probably needed to answer it.
    pub(super) fn wants_age(&self) -> bool {
        let keeps = self.options().is_some_and(|options| options.fresh < options.ttl || !options.keep.is_zero());
        let Overrides { fresh, max_age, early, .. } = self.overrides;
        keeps || fresh.is_some() || max_age.is_some() || early.is_some()
    }
}

/// Every tag that one of the callers names.
pub(super) fn tags_of(callers: &[Caller]) -> Vec<Tag> {
    let mut tags = Vec::new();
    for caller in callers {
        unite(&mut tags, caller.tags().iter().map(|tag| &**tag));
    }
    tags
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A caller with a loader whose entry lives for a minute.
    pub(in crate::cache) fn loader(id: u32, tags: &[&str]) -> Caller {
        let tags = tags.iter().map(|tag| Tag::from(tag.as_bytes())).collect::<Vec<_>>().into();
        let (ttl, lock_timeout) = (Duration::from_secs(60), Some(Duration::from_secs(5)));
        let request = Request::GetOrSet {
            key: b"k".to_vec(),
            ttl,
            keep: None,
            fresh: None,
            max_age: None,
            lock_timeout,
            tags,
            replaces: false,
            early: None,
            tags_result: false,
        };
        Caller::of(CallId(id), request, u64::from(id), Duration::from_secs(30)).expect("a read").0
    }
    /// A caller without one.
    pub(in crate::cache) fn getter(id: u32) -> Caller {
        let request = Request::Get { key: b"k".to_vec(), fresh: None, max_age: None };
        Caller::of(CallId(id), request, u64::from(id), Duration::from_secs(30)).expect("a read").0
    }
}
