//! Background revalidation after a stale hit: one at a time in the fleet, and none during the backoff of the last one. The
//! caller already has its answer, so nothing here fails a call.
//!
//! Driver contract: [`Refreshes::begin`] for a stale hit; the lease in place leaves as `Handoff::Refresh`, an attempt that comes
//! to nothing as the decision `LoadOver`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;

use super::caller::{Caller, EntryOptions};
use super::decision::Decision;
use super::effects::{Fx, Outbox};
use super::evaluate::is_captured;
use super::handoff::{Handoff, PlacedRefresh};
use super::ids::{CallId, Codec};
use super::marks::Mark;
use super::names::Repo;
use super::purpose::{ForRefresh, Purpose};
use super::tags::inherit;
use super::timers::Numbered;
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::store::entry::{self, Stored, Tag};
use crate::store::{Answer, Id, Key, Op, StoreError, Value};

/// How many stale entries a process remembers not to refresh before some time.
const PAUSED_MAX: usize = 10_000;

/// The settings of refreshes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefreshConfig {
    /// How long after an attempt that came to nothing the next one may be made.
    pub retry_after: Duration,
    /// How long a lease lives.
    pub lease: Duration,
    /// The first and the longest backoff after a load that failed.
    pub backoff: (Duration, Duration),
}

/// A refresh on its way to its lease.
#[derive(Debug)]
struct Refresh {
    call: CallId,
    repo: Arc<Repo>,
    entry: Key,
    stamp: Id,
    /// The entry as it was read.
    value: Value,
    /// If only its start was read: how its value is decoded.
    head_of: Option<Codec>,
    options: EntryOptions,
    tags: Vec<Tag>,
    /// The version of the repository, which the entry was judged by, and then those of the tags.
    captured: Vec<(Tag, Id)>,
    marks: Vec<(Tag, Id)>,
}

/// The refreshes of one process.
#[derive(Debug)]
pub(super) struct Refreshes {
    config: RefreshConfig,
    active: Numbered<u64, Refresh>,
    /// Stale entries, by stamp, that need no attempt at a refresh until some time.
    paused: LruCache<Key, (Id, Instant)>,
}

impl Refreshes {
    pub(super) fn new(config: RefreshConfig) -> Self {
        let paused = LruCache::new(NonZeroUsize::new(PAUSED_MAX).unwrap_or(NonZeroUsize::MIN));
        Self { config, active: Numbered::default(), paused }
    }

    /// A stale value was served: has it refreshed by this caller's loader, unless somebody does so already. `may_read`: whether the
    /// entry's node may be read.
    pub(super) fn begin(&mut self, fx: &mut Fx<'_>, repo: Arc<Repo>, entry: Key, caller: &Caller, value: &Value, may_read: bool) {
        let call = caller.id;
        let (Some(Stored::Entry(header)), Some(options)) = (entry::parse(value), caller.options()) else { return skip(fx.out, call) };
        let Some(current) = header.tags.repository() else { return skip(fx.out, call) };
        let stamp = header.stamp;
        let is_paused = self.paused.get(&entry).is_some_and(|(paused, until)| *paused == stamp && *until > fx.now);
        if is_paused {
            return skip(fx.out, call);
        }
        if !may_read {
            fx.tally(repo.id, Shortfall::RefreshDropped);
            return skip(fx.out, call);
        }
        // One attempt at a time.
        self.paused.put(entry.clone(), (stamp, fx.now + self.config.lease));
        let mut tags = options.tags.to_vec();
        if !inherit(&mut tags, &header.tags) {
            if let Some(warning) = repo.too_many_tags() {
                fx.decide(warning);
            }
        }
        let options = options.clone();
        let id = fx.number();
        let head_of = caller.codec.filter(|_| caller.read_head);
        let own = Arc::clone(repo.own_version(&entry, fx.is_cluster));
        let marks = fx.marks_for(&repo, &options);
        fx.prolong(&own, current, &options, self.config.lease);
        let captured = vec![(own.name.clone(), current)];
        let refresh = Refresh { call, repo, entry, stamp, value: value.clone(), head_of, options, tags, captured, marks: Vec::new() };
        let ensured = [&refresh.tags[..], &marks].concat();
        if ensured.is_empty() {
            self.place(fx, id, &refresh);
        } else {
            let op = fx.ensure(&refresh.repo, &ensured, &refresh.options, self.config.lease);
            fx.send(op, Purpose::Refresh(ForRefresh::Ensure(id)));
        }
        self.active.insert(id, refresh);
    }

    /// The store's answer.
    pub(super) fn on_answer(&mut self, fx: &mut Fx<'_>, asked: ForRefresh, answer: Result<Answer, StoreError>) {
        match asked {
            ForRefresh::Ensure(id) => self.on_ensured(fx, id, answer),
            ForRefresh::Place(id, entry, token) => self.on_placed(fx, id, entry, token, answer),
        }
    }

    fn on_ensured(&mut self, fx: &mut Fx<'_>, id: u64, answer: Result<Answer, StoreError>) {
        let Some(mut refresh) = self.active.remove(&id) else { return };
        let ids = match answer {
            Ok(Answer::Ensured(ids)) if ids.len() >= refresh.tags.len() => ids,
            _ => return self.fail(fx, &refresh),
        };
        // The marks come after the tags.
        let marks = if ids.len() > refresh.tags.len() { Mark::AnyTag.all(fx.is_cluster) } else { Vec::new() };
        refresh.marks = marks.into_iter().zip(ids[refresh.tags.len()..].iter().copied()).collect();
        refresh.captured.extend(refresh.tags.iter().cloned().zip(ids));
        if is_captured(&refresh.value, &refresh.captured) {
            self.place(fx, id, &refresh);
            self.active.insert(id, refresh);
        } else {
            // Invalidated meanwhile: the next read loads.
            self.drop_attempt(fx, &refresh);
        }
    }

    fn place(&self, fx: &mut Fx<'_>, id: u64, refresh: &Refresh) {
        let token = Id::draw(fx.entropy);
        let (entry, stamp, life) = (refresh.entry.clone(), refresh.stamp, self.config.lease);
        let tags = entry::encode_tags(&refresh.captured, 0);
        let op = Op::PlaceInside { entry: entry.clone(), stamp, token, tags, life };
        fx.send(op, Purpose::Refresh(ForRefresh::Place(id, entry, token)));
    }

    fn on_placed(&mut self, fx: &mut Fx<'_>, id: u64, entry: Key, token: Id, answer: Result<Answer, StoreError>) {
        let is_placed = matches!(answer, Ok(Answer::PlacedInside));
        let refresh = self.active.remove(&id);
        // In time or not: a lease that leads to no load is given back.
        if is_placed && refresh.is_none() || answer.as_ref().is_err_and(StoreError::is_maybe_executed) {
            fx.hand(Handoff::GiveBack(entry.clone(), token));
        }
        let Some(refresh) = refresh else { return };
        if !is_placed {
            match answer {
                Ok(_) => self.drop_attempt(fx, &refresh),
                Err(_) => self.fail(fx, &refresh),
            }
            if let (Ok(Answer::Held { remaining, .. }), Some((_, until))) = (answer, self.paused.get_mut(&entry)) {
                *until = fx.now + remaining;
            }
            return;
        }
        self.paused.put(entry, (refresh.stamp, fx.now + self.config.lease));
        let Refresh { call, repo, entry, value, head_of, captured, marks, options, .. } = refresh;
        fx.hand(Handoff::Refresh(PlacedRefresh { call, repo, entry, token, value, head_of, captured, marks, options }));
    }

    /// The server has been silent about this operation for too long.
    pub(super) fn on_silence(&mut self, fx: &mut Fx<'_>, asked: &ForRefresh) {
        let (ForRefresh::Ensure(id) | ForRefresh::Place(id, ..)) = asked;
        if let Some(refresh) = self.active.remove(id) {
            self.fail(fx, &refresh);
        }
    }

    /// The store has not carried out an attempt's operation.
    fn fail(&mut self, fx: &mut Fx<'_>, refresh: &Refresh) {
        fx.tally(refresh.repo.id, Shortfall::RefreshDropped);
        self.drop_attempt(fx, refresh);
    }

    /// An attempt has come to nothing.
    fn drop_attempt(&mut self, fx: &mut Fx<'_>, refresh: &Refresh) {
        if let Some((_, until)) = self.paused.get_mut(&refresh.entry) {
            *until = fx.now + self.config.retry_after;
        }
        skip(fx.out, refresh.call);
    }

    /// A loader has failed: its lease stays in the header without a holder, so that the fleet lets the source rest.
    pub(super) fn back_off(&mut self, fx: &mut Fx<'_>, entry: Key, token: Id, may_write: bool) {
        let (base, max) = self.config.backoff;
        if let Some((_, until)) = self.paused.get_mut(&entry) {
            *until = fx.now + base;
        }
        if may_write {
            fx.send(Op::Backoff { entry, token, base, max }, Purpose::Unobserved);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }
}

/// No refresh follows this call's stale hit.
fn skip(out: &mut Outbox, call: CallId) {
    out.decide(Decision::LoadOver { call: Some(call), load: None });
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
