//! Lookups on their way to the store and back. Calls of one tick for one entry read it together. Calls of a later tick read
//! again, since a reply is shared only by calls that began before it was asked for.
//!
//! Driver contract: calls come in by [`Lookups::begin`]; when nothing else is left to send, the engine calls
//! [`Lookups::send_batch`], and passes answers and timers on. A lookup that needs a lease is handed off as `Handoff::Place`, and
//! comes back as `Evaluate`, `ReadAgain` or `Lost`. `waits` owns what lookups do while another process loads.

mod batch;
mod spare;
mod waits;

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;

use super::caller::Caller;
use super::decision::Decision;
use super::effects::{Fx, Outbox};
use super::evaluate::{evaluate, Next, Rules};
use super::handoff::Handoff;
use super::ids::CallId;
use super::lookup::{Beginning, Lookup, Phase};
use super::names::Repo;
use super::purpose::{Batch, ForLookup, Purpose};
use super::shortfall::unread;
use super::tags::{current, fit_together, Known};
use super::timers::{Numbered, Timer};
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::store::entry::Tag;
use crate::store::{Answer, Found, Id, Key, Op, Seen, StoreError, Ticket};

use spare::Spare;

/// How often a read is sent again after its answer was lost with the link.
const RESENDS_MAX: u8 = 3;

/// The settings of lookups.
#[derive(Debug, Clone, Copy)]
pub(super) struct LookupConfig {
    /// How long a read waits for a node that may not be read.
    pub budget: Duration,
    /// How long a lease lives.
    pub lease: Duration,
    /// Whether stale entries are served while they are refreshed.
    pub swr: bool,
}

/// The lookups of one process.
#[derive(Debug)]
pub(super) struct Lookups {
    config: LookupConfig,
    active: Numbered<u64, Box<Lookup>>,
    /// Lookups that leave with the next batch.
    queue: VecDeque<u64>,
    /// Whether none of them can leave, as far as is known: nothing has changed since the last try.
    is_stuck: bool,
    /// Lookups that a call of this tick may still join, by the hash of their key.
    forming: Numbered<u64, u64>,
    hasher: RandomState,
    /// The lookup that waits for another process's lease, by entry. Those that come later join it.
    waiting: HashMap<Key, u64>,
    spare: Spare,
}

impl Lookups {
    pub(super) fn new(config: LookupConfig) -> Self {
        Self {
            config,
            active: Numbered::default(),
            queue: VecDeque::new(),
            is_stuck: false,
            forming: Numbered::default(),
            hasher: RandomState::default(),
            waiting: HashMap::new(),
            spare: Spare::default(),
        }
    }

    /// A call reads `entry`, and waits for its node for `budget` at most. `may_read`: it does not have to wait.
    pub(super) fn begin(&mut self, fx: &mut Fx<'_>, repo: &Arc<Repo>, entry: Key, caller: Caller, budget: Duration, may_read: bool) {
        let give_up_at = fx.attended + budget;
        let hash = self.hasher.hash_one(&entry);
        let joined = self.forming.get(&hash).and_then(|id| self.active.get_mut(id));
        // A lookup that has waited for the store for a while would take this caller's time away.
        let joined = joined.filter(|lookup| *lookup.entry == *entry && lookup.give_up_at >= give_up_at);
        // One load serves them all, with the tags of them all.
        if let Some(lookup) = joined.filter(|lookup| fit_together(&lookup.tags, caller.tags())) {
            lookup.tags.add(caller.tags().iter().map(|tag| &**tag));
            lookup.with_age |= caller.wants_age();
            lookup.callers.push(caller);
            return;
        }
        let id = fx.number();
        if !may_read {
            fx.wake_after(budget, Timer::Lookup(id));
        }
        let lookup = self.spare.renew(Beginning { repo, entry, caller, now: fx.now, give_up_at, is_cluster: fx.is_cluster });
        self.active.insert(id, lookup);
        self.forming.insert(hash, id);
        self.enqueue(id);
    }

    fn enqueue(&mut self, id: u64) {
        self.queue.push_back(id);
        self.is_stuck = false;
    }

    /// Whether a lookup waits for the next batch.
    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether a lookup may be able to leave.
    pub(super) fn may_send(&self) -> bool {
        !self.queue.is_empty() && !self.is_stuck
    }

    /// The store's answer.
    pub(super) fn on_answer(&mut self, fx: &mut Fx<'_>, ticket: Ticket, asked: ForLookup, answer: Result<Answer, StoreError>) {
        match (asked, answer) {
            (ForLookup::Batch(batch), Ok(Answer::Read { entries, versions, atomic })) => {
                self.on_read(fx, ticket, batch, entries, &versions, atomic);
            }
            (ForLookup::Versions(id, tags), Ok(Answer::Versions(versions))) => self.on_versions(fx, ticket, id, tags, &versions),
            (ForLookup::Batch(batch), other) => {
                let error = other.err().unwrap_or(StoreError::Unexpected);
                for (id, ..) in batch.lookups {
                    self.on_lost(fx, ticket, id, &error);
                }
            }
            (ForLookup::Versions(id, _), other) => self.on_lost(fx, ticket, id, &other.err().unwrap_or(StoreError::Unexpected)),
        }
    }

    fn on_read(&mut self, fx: &mut Fx<'_>, ticket: Ticket, batch: Batch, entries: Vec<Found>, versions: &[Seen<Id>], atomic: bool) {
        let mut entries = entries.into_iter();
        for (id, repository, from) in batch.lookups {
            let found = entries.next().unwrap_or_default();
            let Some(mut lookup) = self.take(id, ticket) else { continue };
            let repository = versions.get(repository as usize);
            let mut is_foreign = matches!(repository, Some(Seen::Foreign));
            let places = batch.places.get(from as usize..).unwrap_or_default();
            let of_tags = places.iter().take(lookup.tags.len()).map(|place| {
                let version = versions.get(*place as usize);
                is_foreign |= matches!(version, Some(Seen::Foreign));
                version.and_then(current)
            });
            lookup.known.set(repository.and_then(current), &lookup.tags, of_tags, atomic);
            lookup.found = found;
            if is_foreign && !lookup.rechecked {
                fx.hand(Handoff::Foreign(id, lookup));
            } else {
                self.evaluate(fx, id, lookup);
            }
        }
    }

    fn on_versions(&mut self, fx: &mut Fx<'_>, ticket: Ticket, id: u64, tags: Vec<Tag>, versions: &[Seen<Id>]) {
        let Some(mut lookup) = self.take(id, ticket) else { return };
        lookup.known.update(tags.into_iter().zip(versions.iter().map(current)));
        lookup.known.is_after = true;
        self.evaluate(fx, id, lookup);
    }

    fn on_lost(&mut self, fx: &mut Fx<'_>, ticket: Ticket, id: u64, error: &StoreError) {
        if let Some(lookup) = self.take(id, ticket) {
            self.lost(fx, id, lookup, error);
        }
    }

    /// Takes the lookup that waits for this answer out of its place. Its new owner puts it back, hands it off, or answers its
    /// callers.
    fn take(&mut self, id: u64, ticket: Ticket) -> Option<Box<Lookup>> {
        if self.active.get(&id)?.phase != Phase::Asked(ticket) {
            return None;
        }
        self.active.remove(&id)
    }

    /// The server has been silent about this operation for too long.
    pub(super) fn on_silence(&mut self, fx: &mut Fx<'_>, ticket: Ticket, asked: &ForLookup) {
        let ids = match asked {
            ForLookup::Batch(batch) => batch.lookups.iter().map(|(id, ..)| *id).collect(),
            ForLookup::Versions(id, _) => vec![*id],
        };
        for id in ids {
            if let Some(lookup) = self.take(id, ticket) {
                fx.bypass_all(*lookup, Shortfall::ReadTimedOut);
            }
        }
    }

    /// Continues with a lookup whose `found` and `known` are set.
    pub(super) fn evaluate(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>) {
        let rules = Rules { now: fx.now, swr: self.config.swr, lease: self.config.lease };
        lookup.is_held = lookup.found.is_head && fx.out.parsed.is_held(&lookup);
        let large = fx.out.parsed.large(&lookup);
        let (next, refresher) = evaluate(&mut lookup, rules, &mut |decision| fx.out.decide(decision));
        if let Some(refresher) = refresher {
            let (repo, entry) = (Arc::clone(&lookup.repo), lookup.entry.clone());
            fx.hand(Handoff::Revalidate(repo, entry, refresher.caller, refresher.value));
        }
        if let Some(large) = large {
            fx.out.parsed.note(&lookup.entry, large);
        }
        match next {
            Next::Done => self.spare.keep(lookup),
            Next::ReadPayload => {
                lookup.in_full = true;
                self.read_again(fx, id, lookup);
            }
            Next::Foreign => fx.hand(Handoff::Foreign(id, lookup)),
            Next::ReadVersions(tags) => self.read_versions(fx.out, id, lookup, tags),
            Next::ReadAge => {
                lookup.with_age = true;
                self.read_again(fx, id, lookup);
            }
            Next::Follow(token) => fx.hand(Handoff::Follow(id, lookup, token, None)),
            Next::Place(plan) => {
                lookup.plan = plan;
                fx.hand(Handoff::Place(id, lookup));
            }
        }
    }

    /// Reads versions that the batch did not have. They are younger than the entry.
    fn read_versions(&mut self, out: &mut Outbox, id: u64, mut lookup: Box<Lookup>, tags: Vec<Tag>) {
        let versions = tags.iter().map(|tag| lookup.repo.names.version(tag)).collect();
        let ticket = out.send(Op::ReadVersions { versions }, Purpose::Lookup(ForLookup::Versions(id, tags)));
        lookup.phase = Phase::Asked(ticket);
        self.active.insert(id, lookup);
    }

    /// Continues with a lookup that comes back from placement, which found something else.
    pub(super) fn evaluate_again(&mut self, fx: &mut Fx<'_>, id: u64, lookup: Box<Lookup>) {
        self.evaluate(fx, id, lookup);
    }

    /// Reads again with the next batch.
    pub(super) fn read_again(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>) {
        lookup.phase = Phase::Queued;
        lookup.queued_at = fx.now;
        lookup.known = Known::default();
        lookup.found = Found::default();
        fx.wake_after(lookup.left(fx.attended), Timer::Lookup(id));
        self.active.insert(id, lookup);
        self.enqueue(id);
    }

    /// A lookup's operation has no answer.
    pub(super) fn lost(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>, error: &StoreError) {
        if matches!(error, StoreError::Cut { .. } | StoreError::NotSent) && lookup.resends < RESENDS_MAX {
            lookup.resends += 1;
            lookup.rounds = 0;
            return self.read_again(fx, id, lookup);
        }
        fx.hand(Handoff::Refused(error.clone()));
        fx.bypass_all(*lookup, unread(error));
    }

    /// A lookup's timer has fired.
    pub(super) fn on_timer(&mut self, fx: &mut Fx<'_>, id: u64) {
        let Some(lookup) = self.active.get(&id) else { return };
        match lookup.phase {
            Phase::Waiting(wake) if wake <= fx.now => {
                if let Some(lookup) = self.active.remove(&id) {
                    self.wake(fx, id, lookup);
                }
            }
            Phase::Queued => self.wait_for_node(fx, id),
            Phase::Waiting(_) | Phase::Asked(_) => {}
        }
    }

    fn wait_for_node(&mut self, fx: &mut Fx<'_>, id: u64) {
        let Some(left) = self.active.get(&id).map(|lookup| lookup.left(fx.attended)) else { return };
        if !left.is_zero() {
            return fx.wake_after(left, Timer::Lookup(id));
        }
        if let Some(lookup) = self.active.remove(&id) {
            fx.hand(Handoff::Silence(lookup.queued_at, lookup.keys().collect()));
            fx.bypass_all(*lookup, Shortfall::ReadTimedOut);
        }
    }

    /// Reads cannot leave any more: each queued lookup gets a timer for the rest of its budget.
    pub(super) fn on_unreadable(&mut self, fx: &mut Fx<'_>) {
        for id in &self.queue {
            if let Some(lookup) = self.active.get(id) {
                fx.wake_after(lookup.left(fx.attended), Timer::Lookup(*id));
            }
        }
    }

    /// Reads can leave: the lookups that waited for this get their whole budget again.
    pub(super) fn on_readable(&mut self, attended: Duration, concerns: impl Fn(&Lookup) -> bool) {
        self.is_stuck = false;
        for lookup in self.active.values_mut().filter(|lookup| lookup.phase == Phase::Queued && concerns(lookup)) {
            lookup.give_up_at = attended + self.config.budget;
        }
    }

    /// The caller would rather have a stale value than wait any longer. Returns the decisions that give it one.
    pub(super) fn soften(&mut self, now: Instant, call: CallId) -> Option<Vec<Decision>> {
        let (id, told) = self.active.iter_mut().find_map(|(id, lookup)| Some((*id, lookup.soften(now, call)?)))?;
        self.drop_if_empty(id);
        Some(told)
    }

    /// The caller has given up. Returns whether its call was here. A lookup without callers is dropped; its answer has no effect.
    pub(super) fn cancel(&mut self, call: CallId) -> bool {
        let Some(id) = self.active.iter_mut().find_map(|(id, lookup)| lookup.cancel(call).then_some(*id)) else { return false };
        self.drop_if_empty(id);
        true
    }

    fn drop_if_empty(&mut self, id: u64) {
        if self.active.get(&id).is_some_and(|lookup| lookup.callers.is_empty()) {
            if let Some(lookup) = self.active.remove(&id) {
                self.no_longer_waits(id, &lookup);
            }
        }
    }

    /// Whether a timer that was set for `when` still means something.
    pub(super) fn is_live(&self, id: u64, when: Instant) -> bool {
        self.active.get(&id).is_some_and(|lookup| match lookup.phase {
            Phase::Waiting(wake) => wake <= when,
            Phase::Queued => true,
            Phase::Asked(_) => false,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }
}

#[cfg(test)]
#[path = "lookups_tests.rs"]
mod tests;
