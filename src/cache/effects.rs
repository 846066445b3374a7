//! The effects of the engine's machines: operations for the store, decisions, timers, and messages for other machines. A machine
//! never calls another one. It leaves a [`Handoff`], and the engine passes it on.

use std::collections::{HashSet, VecDeque};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use super::caller::{Caller, EntryOptions};
use super::decision::Decision;
use super::handoff::Handoff;
use super::ids::{LoadId, RepoId};
use super::latest::Latest;
use super::lookup::Lookup;
use super::marks::{is_mark, Mark};
use super::names::{OwnVersion, Repo};
use super::parsed::{Held, Parsed};
use super::payload::Payload;
use super::purpose::Purpose;
use super::timers::{Numbered, Timer, Timers};
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::entropy::Entropy;
use crate::store::entry::{Packed, Tag};
use crate::store::node::Patience;
use crate::store::{Answer, Id, Key, NodeId, NodeOp, Op, StoreError, Ticket};

/// How often the ages of loads are looked at, unless loads may run for a short time only.
const AGES_EVERY: Duration = Duration::from_secs(5);

/// A task for the driver, before the engine addresses it to a node.
#[derive(Debug)]
pub(super) enum Effect {
    Send(Ticket, Op, Patience),
    /// On the node's lane.
    SendOnLane(Ticket, NodeId, NodeOp),
    Decide(Decision),
}

/// The effects that wait for the engine, and the numbers that machines draw.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    effects: VecDeque<Effect>,
    handoffs: VecDeque<Handoff>,
    timers: Timers,
    awaited: Numbered<u64, Purpose>,
    /// Work that was left undone since the engine asked last, by its kind.
    tally: Vec<(Option<RepoId>, Shortfall, u64)>,
    /// What the driver keeps parsed.
    pub parsed: Parsed,
    /// The versions of repositories that were seen last.
    pub latest: Latest,
    last_ticket: u64,
    last_number: u64,
    last_load: u32,
    loads: HashSet<u32>,
    /// How often the ages of loads are looked at.
    ages_every: Option<Duration>,
    /// The address of the node that the present input is about, if it is a failure.
    pub(super) place: Option<String>,
    is_watching_ages: bool,
    /// Whether the near cache has to know about own writes.
    tells_near: bool,
}

impl Outbox {
    /// Hands an operation to the store.
    pub(super) fn send(&mut self, op: Op, purpose: Purpose) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let patience = purpose.patience();
        self.awaited.insert(ticket.0, purpose);
        self.effects.push_back(Effect::Send(ticket, op, patience));
        ticket
    }

    /// Hands an operation of the near cache to the store.
    pub(super) fn send_on_lane(&mut self, ticket: Ticket, node: NodeId, op: NodeOp) {
        self.effects.push_back(Effect::SendOnLane(ticket, node, op));
    }

    /// Tells the driver. A hit on a value that it keeps parsed names that value; one that it may keep goes before its first hit.
    pub(super) fn decide(&mut self, decision: Decision) {
        let decision = match decision {
            Decision::Hit { call, payload, hit } => match self.parsed.hold(&payload) {
                // It was there when the entry was evaluated. The caller goes on without the cache.
                None if payload.is_head => Decision::Miss { call },
                None => Decision::Hit { call, payload, hit },
                Some(Held::Already(parsed)) => Decision::HitParsed { call, parsed, hit },
                Some(Held::FromNow(parsed)) => {
                    self.effects.push_back(Effect::Decide(Decision::Keep { parsed, payload }));
                    Decision::HitParsed { call, parsed, hit }
                }
            },
            other => other,
        };
        self.effects.push_back(Effect::Decide(decision));
    }

    /// A value was stored. Tells the driver if it was packed.
    pub(super) fn packed(&mut self, repo: RepoId, payload: &Payload) {
        if let Some(Packed { length, .. }) = payload.form().packed {
            self.decide(Decision::Packed { repo, before: length as u64, after: payload.as_bytes().len() as u64 });
        }
    }

    pub(super) fn event(&mut self, repo: Option<RepoId>, name: &'static str, text: impl Into<String>) {
        self.decide(Decision::Event { repo, name, text: text.into() });
    }

    pub(super) fn hand(&mut self, handoff: Handoff) {
        self.handoffs.push_back(handoff);
    }

    pub(super) fn wake_at(&mut self, when: Instant, timer: Timer) {
        self.timers.set(when, timer);
    }

    /// A number that was never given before. It also orders what it is given to.
    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// A number for a load that no running load has.
    pub(super) fn open_load(&mut self, now: Instant) -> u32 {
        if !self.is_watching_ages {
            self.watch_ages(now);
        }
        loop {
            self.last_load = self.last_load.checked_add(1).unwrap_or(1);
            if self.loads.insert(self.last_load) {
                return self.last_load;
            }
        }
    }

    /// The load is over, and its number is free again.
    pub(super) fn close_load(&mut self, load: u32) {
        self.loads.remove(&load);
        self.decide(Decision::LoadOver { call: None, load: Some(LoadId(load)) });
    }

    /// Counts work that was left undone for this repository.
    pub(super) fn tally(&mut self, repo: RepoId, what: Shortfall) {
        // Search near the end: a burst is mostly of one kind.
        match self.tally.iter_mut().rev().take(8).find(|(at, kind, _)| *at == Some(repo) && *kind == what) {
            Some((_, _, count)) => *count += 1,
            None => self.tally.push((Some(repo), what, 1)),
        }
    }

    /// So many invalidations are not delivered.
    pub(super) fn count_pending(&mut self, number: u64) {
        self.tally.retain(|(_, kind, _)| *kind != Shortfall::PendingInvalidations);
        self.tally.push((None, Shortfall::PendingInvalidations, number));
    }

    /// A caller goes on without the cache, for this reason: its loader runs without storing, or its read is a miss.
    pub(super) fn bypass(&mut self, repo: &Arc<Repo>, entry: &Key, caller: Caller, why: Shortfall) {
        self.tally(repo.id, why);
        self.load_uncached(repo, entry, caller);
    }

    /// The same without a reason worth counting.
    pub(super) fn load_uncached(&mut self, repo: &Arc<Repo>, entry: &Key, caller: Caller) {
        if caller.options().is_some() {
            self.hand(Handoff::Uncached(Arc::clone(repo), entry.clone(), caller));
        } else {
            self.decide(Decision::Miss { call: caller.id });
        }
    }

    /// Every caller of a lookup goes on without the cache.
    pub(super) fn bypass_all(&mut self, lookup: Lookup, why: Shortfall) {
        for caller in lookup.callers {
            self.bypass(&lookup.repo, &lookup.entry, caller, why);
        }
    }

    /// Counts an entry under its tags, together with the operation that stores it.
    pub(super) fn count(&mut self, repo: &Repo, member: Key, tags: &[(Tag, Id)]) {
        let counted = tags.iter().filter(|(tag, _)| !is_mark(tag));
        let items: Vec<_> = counted.map(|(tag, id)| (repo.names.version(tag), repo.names.counter(tag), *id)).collect();
        if !items.is_empty() {
            self.send(Op::Count { items, member }, Purpose::Unobserved);
        }
    }

    /// A server has said how long a version of a repository lives: zero, if it is not current any more.
    pub(super) fn lives(&mut self, key: &Key, id: Id, asked_at: Instant, answer: &Result<Answer, StoreError>) {
        match answer {
            Ok(Answer::Number(0)) => self.latest.forget(key),
            Ok(Answer::Number(ms)) => self.latest.note(key, id, asked_at + Duration::from_millis(*ms)),
            _ => {}
        }
    }

    /// Looks at the ages of loads again after a while, if there are any.
    fn watch_ages(&mut self, now: Instant) {
        self.is_watching_ages = true;
        self.timers.set(now + self.ages_every.unwrap_or(AGES_EVERY), Timer::Ages);
    }

    /// A write is over, whatever its outcome. Near copies of what it may have changed go before its caller learns it.
    pub(super) fn written(&mut self, changes: impl FnOnce() -> Option<Vec<Key>>, decision: Option<Decision>) {
        if self.tells_near {
            self.hand(Handoff::Written(changes(), decision));
        } else if let Some(decision) = decision {
            self.decide(decision);
        }
    }

    // The rest is for the engine.

    /// There are near copies, or there will be.
    pub(super) fn tell_near(&mut self) {
        self.tells_near = true;
    }

    /// A load may run for so long; until then it is looked at a few times.
    pub(super) fn set_longest_load(&mut self, longest: Duration) {
        self.ages_every = Some((longest / 4).clamp(AGES_EVERY / 100, AGES_EVERY));
    }

    /// The ages have been looked at.
    pub(super) fn ages_seen(&mut self, now: Instant) {
        self.is_watching_ages = false;
        if !self.loads.is_empty() {
            self.watch_ages(now);
        }
    }

    /// What the driver keeps parsed.
    pub(super) fn set_parsed(&mut self, parsed: Parsed) {
        self.parsed = parsed;
    }

    pub(super) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The next effect, if it is a decision.
    pub(super) fn next_decision(&mut self) -> Option<Decision> {
        if !matches!(self.effects.front(), Some(Effect::Decide(_))) {
            return None;
        }
        match self.effects.pop_front() {
            Some(Effect::Decide(decision)) => Some(decision),
            _ => None,
        }
    }

    pub(super) fn next_tally(&mut self) -> Option<Decision> {
        self.tally.pop().map(|(repo, what, number)| Decision::Counted { repo, what, number })
    }

    pub(super) fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    pub(super) fn next_handoff(&mut self) -> Option<Handoff> {
        self.handoffs.pop_front()
    }

    pub(super) fn take_purpose(&mut self, ticket: Ticket) -> Option<Purpose> {
        self.awaited.remove(&ticket.0)
    }

    /// An answer may still come, for the same purpose.
    pub(super) fn await_again(&mut self, ticket: Ticket, purpose: Purpose) {
        self.awaited.insert(ticket.0, purpose);
    }

    pub(super) fn timers(&mut self) -> &mut Timers {
        &mut self.timers
    }
}

/// Passed to every input of a machine: the time, the random generator, and the outbox for its effects.
pub(super) struct Fx<'a> {
    pub now: Instant,
    /// How long the process has waited attentively so far.
    pub attended: Duration,
    pub entropy: &'a mut dyn Entropy,
    pub is_cluster: bool,
    pub out: &'a mut Outbox,
}

impl Fx<'_> {
    pub(super) fn wake_after(&mut self, delay: Duration, timer: Timer) {
        self.out.wake_at(self.now + delay, timer);
    }

    /// The marks whose versions a load captures: those of all ranges, if its result may bring tags.
    pub(super) fn marks_for(&self, repo: &Repo, options: &EntryOptions) -> Vec<Tag> {
        if options.tags_result || repo.tags_results() {
            Mark::AnyTag.all(self.is_cluster)
        } else {
            Vec::new()
        }
    }

    /// The version of a repository is about to be captured as it was read. It has to live as long as an entry of these options.
    pub(super) fn prolong(&mut self, own: &OwnVersion, captured: Id, options: &EntryOptions, lease: Duration) {
        let need = options.need(lease);
        if !self.out.latest.lasts(&own.key, captured, self.now + need) {
            let op = Op::Prolong { version: own.key.clone(), captured, need };
            let now = self.now;
            self.send(op, Purpose::Prolong(own.key.clone(), captured, now));
        }
    }

    /// Offers a fresh version for each tag.
    pub(super) fn ensure(&mut self, repo: &Repo, tags: &[Tag], options: &EntryOptions, lease: Duration) -> Op {
        let items = tags.iter().map(|tag| (repo.names.version(tag), Id::draw(self.entropy))).collect();
        Op::Ensure { items, need: options.need(lease) }
    }
}

impl Deref for Fx<'_> {
    type Target = Outbox;

    fn deref(&self) -> &Outbox {
        self.out
    }
}

impl DerefMut for Fx<'_> {
    fn deref_mut(&mut self) -> &mut Outbox {
        self.out
    }
}

#[cfg(test)]
#[path = "effects_tests.rs"]
pub(super) mod testing;
