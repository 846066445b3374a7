//! Loads under their leases: which caller runs a loader, which callers have joined it, how its lease is renewed, and what
//! happens to its result.
//!
//! Driver contract: a load begins when its lease is in place ([`Loads::begin`], [`Loads::begin_refresh`]) and ends with
//! [`Loads::end`]. Callers that have read the lease join by [`Loads::join`]. Unneeded leases leave as `Handoff::GiveBack` or
//! `BackOff`, callers that wait too long as `Uncached`.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use super::caller::{Caller, EntryOptions};
use super::decision::Decision;
use super::effects::Fx;
use super::ending::{conclude, Ending};
use super::handoff::{Handoff, PlacedRefresh};
use super::ids::{CallId, LoadId};
use super::load::{fallback_for, soften, Age, Former, Lease, Load, Replaced};
use super::lookup::Lookup;
use super::payload::Payload;
use super::purpose::{ForLoad, Purpose};
use super::request::{LoadOutcome, ResultOptions};
use super::shortfall::unstored;
use super::timers::{Numbered, Timer};
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::store::entry::{self, Tag};
use crate::store::{Answer, Id, Key, Op, Seen, StoreError, Value};

/// How many versions of tags a process remembers that came with results.
const LEARNED_MAX: usize = 10_000;

/// The settings of loads.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoadConfig {
    /// How long a lease lives.
    pub lease: Duration,
    /// How often it is renewed.
    pub renew_every: Duration,
    /// The first and the longest backoff after a load that failed.
    pub backoff: (Duration, Duration),
    /// How long a load may run for its result to be stored.
    pub longest: Duration,
    /// Whether stale entries are served while they are refreshed.
    pub swr: bool,
}

/// The loads of one process that have a lease.
#[derive(Debug)]
pub(super) struct Loads {
    pub(super) config: LoadConfig,
    pub(super) running: Numbered<u32, Load>,
    /// The loads that may be joined, by the token of their lease.
    pub(super) by_token: HashMap<Id, u32>,
    /// Versions of tags that came with results, by their keys, and when they were learned of.
    pub(super) learned: LruCache<Key, (Id, u64)>,
}

impl Loads {
    pub(super) fn new(config: LoadConfig) -> Self {
        let learned = LruCache::new(NonZeroUsize::new(LEARNED_MAX).unwrap_or(NonZeroUsize::MIN));
        Self { config, running: Numbered::default(), by_token: HashMap::new(), learned }
    }

    /// The lease is in place: the first caller's loader runs, the others have joined it.
    pub(super) fn begin(&mut self, fx: &mut Fx<'_>, lookup: Lookup, token: Id) {
        let Lookup { repo, entry, callers, found, mut plan, .. } = lookup;
        let mut callers = callers.into_iter();
        let Some((options, owner)) = callers.next().and_then(|owner| Some((owner.options()?.clone(), owner))) else {
            return fx.hand(Handoff::GiveBack(entry, token));
        };
        let before = if let Seen::Own(value) = found.value { Some(value) } else { None };
        let replaced = match (&before, plan.end) {
            (Some(value), Some((until, end))) => Some(Replaced { value: value.clone(), until, end }),
            _ => None,
        };
        let (replaces_current, marks) = (plan.is_current, std::mem::take(&mut plan.marks));
        let lease = Lease { replaced, before, replaces_current, marks, ..self.lease(fx, token, plan.inside, plan.captured, options) };
        let call = owner.id;
        let load = self.add(fx, Load { repo, entry, owner: Some(owner), joined: Vec::new(), lease, outcome: None, age: Age::new(fx.now) });
        fx.decide(Decision::Load { call, load: LoadId(load), storing: true });
        for caller in callers {
            self.join(fx, load, caller);
        }
    }

    /// The lease of a refresh is in place: the loader of a caller that has been answered runs.
    pub(super) fn begin_refresh(&mut self, fx: &mut Fx<'_>, placed: PlacedRefresh) {
        let PlacedRefresh { call, repo, entry, token, value, head_of, captured, marks, options } = placed;
        let (is_refresh, before) = (true, Some(value));
        let lease = Lease { is_refresh, before, head_of, replaces_current: true, marks, ..self.lease(fx, token, true, captured, options) };
        let load = self.add(fx, Load { repo, entry, owner: None, joined: Vec::new(), lease, outcome: None, age: Age::new(fx.now) });
        fx.decide(Decision::Refresh { call, load: LoadId(load) });
    }

    fn lease(&self, fx: &mut Fx<'_>, token: Id, inside: bool, tags: Vec<(Tag, Id)>, options: EntryOptions) -> Lease {
        Lease {
            token,
            inside,
            is_refresh: false,
            replaced: None,
            before: None,
            head_of: None,
            replaces_current: false,
            marks: Vec::new(),
            began: fx.number(),
            tags,
            added: 0,
            claimed: Vec::new(),
            captured_for: options.need(self.config.lease),
            options,
            renew_at: fx.now + self.config.renew_every,
            is_lost: false,
            additions: 0,
        }
    }

    fn add(&mut self, fx: &mut Fx<'_>, load: Load) -> u32 {
        let now = fx.now;
        let id = fx.open_load(now);
        self.by_token.insert(load.lease.token, id);
        fx.wake_at(load.lease.renew_at, Timer::Load(id));
        self.running.insert(id, load);
        id
    }

    /// The load that holds this lease and may be joined.
    pub(super) fn of_token(&self, token: &Id) -> Option<u32> {
        self.by_token.get(token).copied()
    }

    /// Whether a load with this number is here.
    pub(super) fn has(&self, id: u32) -> bool {
        self.running.contains_key(&id)
    }

    /// A caller that has read the load's lease shares its result.
    pub(super) fn join(&mut self, fx: &mut Fx<'_>, id: u32, mut caller: Caller) {
        let until = *caller.waits_until.get_or_insert(fx.now + caller.lock_timeout);
        let call = caller.id;
        let Some(load) = self.running.get_mut(&id) else { return };
        if caller.fallback.is_none() {
            caller.fallback = fallback_for(&caller, &load.lease, fx.now, self.config.swr);
        }
        load.joined.push(caller);
        fx.wake_at(until, Timer::Load(id));
        fx.decide(Decision::Waiting { call });
    }

    /// A loader has ended. `may_write`: whether the entry's node takes writes now.
    pub(super) fn end(&mut self, fx: &mut Fx<'_>, id: u32, outcome: LoadOutcome, may_write: bool) {
        let Some(load) = self.running.get_mut(&id).filter(|load| load.outcome.is_none()) else { return };
        match outcome {
            LoadOutcome::Value(payload) => self.settle(fx, id, Some(payload), &ResultOptions::default(), may_write),
            LoadOutcome::ValueWith(payload, options) => self.settle(fx, id, Some(payload), &options, may_write),
            LoadOutcome::Unmodified(options) => self.settle(fx, id, None, &options, may_write),
            LoadOutcome::Failed => {
                if load.lease.is_refresh {
                    fx.event(Some(load.repo.id), "refreshError", id.to_string());
                }
                self.release_after_failure(fx, id, may_write);
                self.finish(fx, id, &Ending::Failed);
            }
            LoadOutcome::Nothing => self.end_with_nothing(fx, id),
        }
    }

    /// A loader has ended without a value.
    pub(super) fn end_with_nothing(&mut self, fx: &mut Fx<'_>, id: u32) {
        let Some(load) = self.running.get(&id) else { return };
        fx.hand(if load.lease.inside && load.lease.is_refresh {
            Handoff::BackOff(load.entry.clone(), load.lease.token)
        } else {
            Handoff::GiveBack(load.entry.clone(), load.lease.token)
        });
        self.finish(fx, id, &Ending::Nothing);
    }

    /// The loader failed. What its lease becomes depends on where it is: in a header it stays as a backoff if it was a refresh or
    /// a caller gets a fallback value; an entry whose place it took comes back; otherwise it is given back.
    fn release_after_failure(&mut self, fx: &mut Fx<'_>, id: u32, may_write: bool) {
        let Some(load) = self.running.get(&id) else { return };
        let lease = &load.lease;
        let (entry, token) = (load.entry.clone(), lease.token);
        let has_fallback = load.has_fallback(fx.now);
        if lease.inside && (lease.is_refresh || has_fallback) {
            return fx.hand(Handoff::BackOff(entry, token));
        }
        let replaced = lease.replaced.as_ref().filter(|replaced| may_write && replaced.until > fx.now);
        let restored = replaced.and_then(|replaced| {
            let inner = has_fallback.then_some((token, lease.named_by_callers()));
            Some((Value::new(entry::with_lease(&replaced.value, inner)?), replaced.end))
        });
        match restored {
            Some((value, end)) => {
                let backoff = has_fallback.then_some(self.config.backoff);
                fx.send(Op::Restore { entry, token, value, end, backoff }, Purpose::Unobserved);
            }
            None => fx.hand(Handoff::GiveBack(entry, token)),
        }
    }

    /// The store's answer.
    pub(super) fn on_answer(&mut self, fx: &mut Fx<'_>, asked: ForLoad, answer: Result<Answer, StoreError>) {
        match asked {
            ForLoad::Prove(id, tags) => self.on_proved(fx, id, &tags, answer),
            ForLoad::Commit(id) => self.on_commit(fx, id, answer),
            ForLoad::Renew(id) => {
                if let (Ok(Answer::Lease(false)), Some(load)) = (answer, self.running.get_mut(&id)) {
                    load.lease.is_lost = true;
                }
            }
        }
    }

    fn on_commit(&mut self, fx: &mut Fx<'_>, id: u32, answer: Result<Answer, StoreError>) {
        let Some((load, outcome)) = self.running.get(&id).and_then(|load| Some((load, load.outcome.as_ref()?))) else { return };
        // A refresh replaces a value that there may be near copies of.
        fx.written(|| Some(vec![load.entry.clone()]), None);
        if let (Ok(Answer::Lease(true)), false) = (&answer, outcome.is_kept) {
            fx.packed(load.repo.id, &outcome.payload);
        }
        match answer {
            // Nobody but its own caller has the payload.
            Ok(Answer::Lease(true)) if outcome.is_head => self.finish(fx, id, &Ending::Unproven),
            Ok(Answer::Lease(true)) => self.finish(fx, id, &Ending::Value { payload: outcome.payload.clone(), stored: true }),
            Ok(Answer::Lease(false)) => self.finish_unstored(fx, id, Shortfall::NotStoredLeaseLost),
            other => {
                let error = other.err().unwrap_or(StoreError::Unexpected);
                let why = unstored(&error);
                fx.hand(Handoff::Refused(error));
                self.give_back(fx, id);
                self.finish_unstored(fx, id, why);
            }
        }
    }

    pub(super) fn give_back(&mut self, fx: &mut Fx<'_>, id: u32) {
        if let Some(load) = self.running.get(&id) {
            fx.hand(Handoff::GiveBack(load.entry.clone(), load.lease.token));
        }
    }

    /// The result is not stored.
    pub(super) fn finish_unstored(&mut self, fx: &mut Fx<'_>, id: u32, why: Shortfall) {
        let Some(load) = self.running.get(&id) else { return };
        fx.tally(load.repo.id, why);
        let ending = match &load.outcome {
            Some(outcome) if outcome.is_proven && !outcome.is_head => Ending::Value { payload: outcome.payload.clone(), stored: false },
            _ => Ending::Unproven,
        };
        self.finish(fx, id, &ending);
    }

    /// The server has been silent about this operation for too long.
    pub(super) fn on_silence(&mut self, fx: &mut Fx<'_>, asked: &ForLoad) {
        let (ForLoad::Commit(id) | ForLoad::Prove(id, _)) = asked else { return };
        if self.running.get(id).is_none_or(|load| load.outcome.is_none()) {
            return;
        }
        // If the result is not stored by now, it will not be.
        self.give_back(fx, *id);
        self.finish_unstored(fx, *id, Shortfall::NotStoredTimedOut);
    }

    /// Looks how long loads have been running. The result of one that takes too long is not stored, and others may load.
    pub(super) fn on_ages(&mut self, fx: &mut Fx<'_>) {
        let mut endless = Vec::new();
        for (id, load) in self.running.iter_mut().filter(|(_, load)| load.outcome.is_none()) {
            load.age.look(fx, load.repo.id);
            if load.age.is_over(fx.now, self.config.longest) && !load.lease.is_lost {
                fx.tally(load.repo.id, Shortfall::EndlessLoad);
                endless.push(*id);
            }
        }
        for id in endless {
            self.disown(fx, id);
        }
    }

    /// A time that the load waited for: its renewal, or the end of a caller's wait.
    pub(super) fn on_timer(&mut self, fx: &mut Fx<'_>, id: u32, may_write: bool) {
        let Some(load) = self.running.get_mut(&id) else { return };
        // A commit is under way; its answer settles all callers.
        if load.outcome.is_some() {
            return;
        }
        // Callers that have waited long enough load for themselves.
        for caller in load.take_impatient(fx.now) {
            fx.out.bypass(&load.repo, &load.entry, caller, Shortfall::ReadWaited);
        }
        // The lease is renewed while the loader runs.
        if !load.lease.is_lost && load.lease.renew_at <= fx.now {
            self.renew(fx, id, may_write);
        }
    }

    fn renew(&mut self, fx: &mut Fx<'_>, id: u32, may_write: bool) {
        let Some(load) = self.running.get_mut(&id) else { return };
        load.lease.renew_at = fx.now + self.config.renew_every;
        fx.wake_at(load.lease.renew_at, Timer::Load(id));
        if may_write {
            let versions = load.versions();
            let lease = &load.lease;
            let (need, life) = (lease.options.need(self.config.lease), self.config.lease);
            let op = Op::Renew { entry: load.entry.clone(), token: lease.token, life, versions, need };
            fx.send(op, Purpose::Load(ForLoad::Renew(id)));
        }
    }

    /// The load goes on under tags that its lease does not carry. An invalidation of such a tag could not be seen in the lease, so
    /// nobody may join the load any more and its result is not stored. The next load may begin at once.
    pub(super) fn disown(&mut self, fx: &mut Fx<'_>, id: u32) {
        let Some(load) = self.running.get_mut(&id).filter(|load| !load.lease.is_lost) else { return };
        load.lease.is_lost = true;
        self.by_token.remove(&load.lease.token);
        fx.hand(Handoff::GiveBack(load.entry.clone(), load.lease.token));
    }

    fn finish(&mut self, fx: &mut Fx<'_>, id: u32, ending: &Ending) {
        let Some(load) = self.running.remove(&id) else { return };
        self.by_token.remove(&load.lease.token);
        conclude(fx.out, id, load.owner, load.joined, ending, fx.now);
    }

    /// The caller would rather have a stale value than wait any longer. Returns the decisions that give it one.
    pub(super) fn soften(&mut self, now: Instant, call: CallId) -> Option<Vec<Decision>> {
        self.running.values_mut().find_map(|load| {
            let told = soften(&mut load.owner, &mut load.joined, now, call)?;
            // It goes on in the background. If it fails, the source rests for a while, as after any refresh.
            load.lease.is_refresh |= load.owner.is_none();
            Some(told)
        })
    }

    /// The value that a load replaces.
    pub(super) fn stale_of(&self, id: u32) -> Option<Former> {
        let lease = &self.running.get(&id)?.lease;
        let entry = lease.stale()?;
        Some(match lease.head_of {
            Some(codec) => Former::Parsed(entry.stamp, codec),
            None => Former::Value(Payload::of(lease.before.as_ref()?, &entry)),
        })
    }

    /// The caller has given up. Says whether its call was here. Its loader, if it runs, goes on.
    pub(super) fn cancel(&mut self, call: CallId) -> bool {
        for load in self.running.values_mut() {
            if load.owner.take_if(|owner| owner.id == call).is_some() {
                return true;
            }
            if let Some(at) = load.joined.iter().position(|caller| caller.id == call) {
                load.joined.remove(at);
                return true;
            }
        }
        false
    }

    /// The key of a load's entry.
    pub(super) fn entry_of(&self, id: u32) -> Option<&Key> {
        self.running.get(&id).map(|load| &load.entry)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.by_token.is_empty()
    }
}

#[cfg(test)]
#[path = "loads_tests.rs"]
mod tests;
