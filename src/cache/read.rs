//! Reads on their way to the store: who reads what, in which batch. Calls of one tick for one entry read it together; calls of
//! a later tick read again, since a reply is shared only among those who began before it was asked for.

use std::hash::BuildHasher;
use std::time::Duration;

use super::engine::{Awaited, Context, Engine};
use super::freshness::Wishes;
use super::request::{CallId, Decision, Payload, RepoId, Request};
use super::tags::{normalize, Known};
use super::timers::Timer;
use crate::clock::Instant;
use crate::store::entry::Tag;
use crate::store::{Found, Id, Key, Op, ReadEntry, StoreError, StoreReply, Ticket};

/// Entries that one operation reads at most.
const BATCH_MAX: usize = 512;
/// How often a read is sent again after it was lost with its link.
const REQUEUES_MAX: u8 = 3;

/// What a caller wants of a read.
#[derive(Debug, Clone)]
pub(super) enum Want {
    Get,
    Has,
    Load(Terms),
}

/// How what is loaded is stored.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub ttl: Duration,
    pub fresh: Duration,
    pub keep: Duration,
    pub tags: Vec<Tag>,
}

impl Terms {
    /// How long the entry lives.
    pub fn life(&self) -> Duration {
        self.ttl.saturating_add(self.keep)
    }
}

/// A call that reads.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub id: CallId,
    pub want: Want,
    pub wishes: Wishes,
    /// Orders it among calls and loads.
    pub began: u64,
    pub lock_timeout: Duration,
    /// Until when it waits for others' loads; counted from its first wait.
    pub patience: Option<Instant>,
    /// What it may be given until this moment if a loader fails.
    pub kept: Option<(Payload, Instant)>,
}

impl Caller {
    pub fn terms(&self) -> Option<&Terms> {
        match &self.want {
            Want::Load(terms) => Some(terms),
            _ => None,
        }
    }

    pub fn tags(&self) -> &[Tag] {
        self.terms().map_or(&[], |terms| &terms.tags)
    }

    pub fn is_patient(&self, now: Instant) -> bool {
        self.patience.is_none_or(|until| until > now)
    }
}

/// Where a read stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It leaves with the next batch.
    Queued,
    /// An answer is due.
    Asked(Ticket),
    /// It reads again at this moment: another process has a lease.
    Waiting(Instant),
}

/// What a read is about to place.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// What has to be there still.
    pub expected: Option<Id>,
    /// Whether the lease goes into the header.
    pub inside: bool,
    /// Whether the entry ends before a lease in its header would.
    pub ends_soon: bool,
    /// Whether what was found is an entry with current versions.
    pub is_current: bool,
    /// Of such an entry that is replaced: when it would have ended, by the process's clock and by the store's.
    pub end: Option<(Instant, u64)>,
    pub tags: Vec<Tag>,
    pub captured: Vec<(Tag, Id)>,
}

/// Calls that read one entry together.
#[derive(Debug)]
pub(super) struct Seek {
    pub repo: RepoId,
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
    pub rounds: u8,
    pub polls: u32,
    pub requeues: u8,
    /// Whether the origin was read again because of what was found.
    pub rechecked: bool,
    /// Whether others were loading when it began: what it finds is their work.
    pub is_late: bool,
}

impl Seek {
    /// When it wants to be looked at.
    pub fn due(&self) -> Instant {
        match self.phase {
            Phase::Waiting(wake) => wake,
            _ => self.deadline,
        }
    }
}

/// Reads that one operation carries, each with the number of its tags, and where in the answer each tag's version is.
#[derive(Debug, Default)]
pub(super) struct Batch {
    seeks: Vec<(u64, u32)>,
    slots: Vec<u32>,
}

impl Engine {
    pub(super) fn begin_read(&mut self, cx: &mut Context<'_>, id: CallId, repo: RepoId, request: Request) {
        let began = self.number();
        let lock_timeout = self.config.lock_timeout;
        let mut caller = Caller { id, want: Want::Get, wishes: Wishes::default(), began, lock_timeout, patience: None, kept: None };
        let key = match request {
            Request::GetOrSet { key, ttl, keep, fresh, max_age, lock_timeout, tags } => {
                caller.wishes = Wishes { fresh, max_age, keep };
                caller.lock_timeout = lock_timeout.unwrap_or(caller.lock_timeout);
                let fresh = fresh.map_or(ttl, |fresh| fresh.min(ttl));
                caller.want = Want::Load(Terms { ttl, fresh, keep: keep.unwrap_or_default(), tags: normalize(tags) });
                key
            }
            Request::Get { key, fresh, max_age } => {
                caller.wishes = Wishes { fresh, max_age, keep: None };
                key
            }
            Request::Has { key } => {
                caller.want = Want::Has;
                key
            }
            _ => return,
        };
        let Some(entry) = self.names(repo).map(|names| names.entry(&key)) else { return };
        if self.breaker.allows(cx.now) {
            self.join_batch(cx, repo, entry, caller);
        } else {
            self.forgo(cx, repo, &entry, caller);
        }
    }

    fn join_batch(&mut self, cx: &mut Context<'_>, repo: RepoId, entry: Key, caller: Caller) {
        let hash = self.hasher.hash_one(&entry);
        let budget = if self.link.was_trusted() { self.config.command_timeout } else { self.config.connect_budget };
        let deadline = cx.now + budget;
        let joined = self.forming.get(&hash).and_then(|seek| self.seeks.get_mut(seek));
        // One that has waited for the store for a while would take this caller's time away.
        if let Some(seek) = joined.filter(|seek| *seek.entry == *entry && seek.deadline >= deadline) {
            super::tags::unite(&mut seek.tags, caller.tags().iter().map(|tag| &**tag));
            seek.with_age |= wants_age(&caller);
            seek.callers.push(caller);
            return;
        }
        let seek = Seek {
            repo,
            entry,
            tags: caller.tags().to_vec(),
            with_age: wants_age(&caller),
            callers: vec![caller],
            phase: Phase::Queued,
            deadline,
            found: Found::default(),
            known: Known::default(),
            plan: Plan::default(),
            rounds: 0,
            polls: 0,
            requeues: 0,
            rechecked: false,
            is_late: false,
        };
        let id = self.number();
        self.timers.set(seek.deadline, Timer::Seek(id));
        self.seeks.insert(id, seek);
        self.forming.insert(hash, id);
        self.queue.push_back(id);
    }

    /// Sends the queue as one operation (as several, where it is long).
    pub(super) fn send_reads(&mut self) {
        self.forming.clear();
        let mut entries = Vec::with_capacity(self.queue.len().min(BATCH_MAX));
        let mut versions: Vec<Key> = Vec::new();
        let mut places: std::collections::HashMap<Key, u32> = std::collections::HashMap::new();
        let mut batch = Batch::default();
        while entries.len() < BATCH_MAX {
            let Some(id) = self.queue.pop_front() else { break };
            let Some(seek) = self.seeks.get(&id).filter(|seek| seek.phase == Phase::Queued) else { continue };
            let Some(names) = self.names(seek.repo) else { continue };
            entries.push(ReadEntry { key: seek.entry.clone(), with_age: seek.with_age });
            for tag in &seek.tags {
                let key = names.version(tag);
                let place = *places.entry(key).or_insert_with_key(|key| {
                    versions.push(key.clone());
                    versions.len() as u32 - 1
                });
                batch.slots.push(place);
            }
            batch.seeks.push((id, seek.tags.len() as u32));
        }
        if entries.is_empty() {
            return;
        }
        let ids: Vec<u64> = batch.seeks.iter().map(|(id, _)| *id).collect();
        let ticket = self.send(Op::Read { entries, versions }, Awaited::Read(batch));
        for id in ids {
            if let Some(seek) = self.seeks.get_mut(&id) {
                seek.phase = Phase::Asked(ticket);
            }
        }
    }

    pub(super) fn on_read(&mut self, cx: &mut Context<'_>, ticket: Ticket, batch: Batch, answer: Result<StoreReply, StoreError>) {
        let (found, versions, atomic) = match answer {
            Ok(StoreReply::Read { entries, versions, atomic }) => (entries, versions, atomic),
            other => {
                let error = other.err().unwrap_or(StoreError::Unexpected);
                for (id, _) in batch.seeks {
                    if let Some(seek) = self.take_asked(cx, id, ticket) {
                        self.lost(cx, id, seek, &error);
                    }
                }
                return;
            }
        };
        let mut found = found.into_iter();
        let mut slots = batch.slots.iter();
        for (id, tags) in batch.seeks {
            let own: Vec<u32> = slots.by_ref().take(tags as usize).copied().collect();
            let found = found.next().unwrap_or_default();
            let Some(mut seek) = self.take_asked(cx, id, ticket) else { continue };
            self.answered();
            let mut meets_foreign = false;
            let mut known = Vec::with_capacity(own.len());
            for (tag, slot) in seek.tags.iter().zip(own) {
                let version = versions.get(slot as usize).copied().flatten();
                let current = version.filter(|version| self.link.reign().accepts(version.origin.as_bytes()));
                meets_foreign |= version.is_some() && current.is_none();
                known.push((tag.clone(), current.map(|version| version.id)));
            }
            seek.found = found;
            seek.known = Known::new(known, atomic);
            if meets_foreign && self.recheck(cx, &mut seek) {
                self.requeue(id, seek);
            } else {
                self.judge(cx, id, seek);
            }
        }
    }

    /// The read that waits for this answer, taken out of its place. Whoever goes on with it puts it back.
    ///
    /// An answer that is looked at after the deadline has waited for the process and not for the server, or the deadline would have
    /// been judged: what has to be asked next has the whole budget.
    pub(super) fn take_asked(&mut self, cx: &Context<'_>, id: u64, ticket: Ticket) -> Option<Seek> {
        if self.seeks.get(&id)?.phase != Phase::Asked(ticket) {
            return None;
        }
        let mut seek = self.seeks.remove(&id)?;
        if seek.deadline <= cx.now {
            seek.deadline = cx.now + self.config.command_timeout;
            self.timers.set(seek.deadline, Timer::Seek(id));
        }
        Some(seek)
    }

    /// Reads again with the next batch.
    pub(super) fn requeue(&mut self, id: u64, mut seek: Seek) {
        seek.phase = Phase::Queued;
        seek.known = Known::default();
        seek.found = Found::default();
        self.seeks.insert(id, seek);
        self.queue.push_back(id);
    }

    /// A read's operation has no answer.
    pub(super) fn lost(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek, error: &StoreError) {
        if matches!(error, StoreError::Cut { .. } | StoreError::NotSent) && seek.requeues < REQUEUES_MAX {
            seek.requeues += 1;
            seek.rounds = 0;
            self.requeue(id, seek);
            return;
        }
        self.refused(cx, error);
        self.forgo_all(cx, seek);
    }

    /// Every caller of a read goes on without the cache.
    pub(super) fn forgo_all(&mut self, cx: &mut Context<'_>, seek: Seek) {
        for caller in seek.callers {
            self.forgo(cx, seek.repo, &seek.entry, caller);
        }
    }

    /// A caller goes on without the cache.
    pub(super) fn forgo(&mut self, cx: &mut Context<'_>, repo: RepoId, entry: &Key, caller: Caller) {
        match caller.want {
            Want::Load(_) => self.load_bare(cx, repo, entry, caller),
            _ => self.decide(Decision::Miss { call: caller.id }),
        }
    }

    pub(super) fn seek_due(&mut self, cx: &mut Context<'_>, id: u64) {
        let Some(seek) = self.seeks.remove(&id) else { return };
        if seek.due() > cx.now {
            self.seeks.insert(id, seek);
            return;
        }
        match seek.phase {
            Phase::Waiting(_) => self.wake(cx, id, seek),
            Phase::Queued => {
                self.timed_out(cx, None);
                self.forgo_all(cx, seek);
            }
            Phase::Asked(ticket) => {
                self.timed_out(cx, Some(ticket));
                self.forgo_all(cx, seek);
            }
        }
    }

    pub(super) fn cancel_read(&mut self, call: CallId) {
        let in_seek = self.seeks.iter_mut().find_map(|(id, seek)| {
            let at = seek.callers.iter().position(|caller| caller.id == call)?;
            seek.callers.remove(at);
            Some((*id, seek.callers.is_empty()))
        });
        match in_seek {
            // Its place in the queue and its answer lead nowhere; a lease that it has asked for is given back.
            Some((id, true)) => drop(self.seeks.remove(&id)),
            Some(_) => {}
            None => self.cancel_joined(call),
        }
    }
}

fn wants_age(caller: &Caller) -> bool {
    let keeps = caller.terms().is_some_and(|terms| terms.fresh < terms.ttl || !terms.keep.is_zero());
    keeps || caller.wishes.fresh.is_some() || caller.wishes.max_age.is_some()
}
