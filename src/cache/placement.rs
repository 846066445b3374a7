//! From a miss to a load: the versions of the tags are ensured and captured, then the lease is placed where nothing has changed
//! since the read. A loader starts only after the answer to that.
//!
//! Driver contract: a lookup with a plan comes in by [`Placements::begin`] and leaves as `Handoff::Start` (the lease is in place),
//! `Evaluate` (something else was found), `Follow`, `ReadAgain`, `Lost`, or with its callers going on without the cache.

use std::time::Duration;

use super::awaited::Inner;
use super::caller::{tags_of, Caller, EntryOptions};
use super::decision::{Decision, Hit};
use super::effects::Fx;
use super::evaluate::{is_captured, served};
use super::handoff::Handoff;
use super::ids::CallId;
use super::lookup::{Lookup, Phase};
use super::marks::{is_mark, Mark};
use super::purpose::{ForPlacement, Purpose};
use super::shortfall::unread;
use super::tags::{captured_repository, Currency};
use super::timers::Numbered;
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::store::entry::{self, is_repository};
use crate::store::{Answer, Found, Id, Key, Op, Seen, StoreError, Ticket};

/// How often placing a lease is tried before the loader runs without one.
const ROUNDS_MAX: u8 = 3;

/// The lookups that are placing a lease.
#[derive(Debug)]
pub(super) struct Placements {
    /// How long a lease lives.
    lease: Duration,
    lookups: Numbered<u64, Box<Lookup>>,
}

impl Placements {
    pub(super) fn new(lease: Duration) -> Self {
        Self { lease, lookups: Numbered::default() }
    }

    /// Captures the versions of the plan's tags, then places.
    pub(super) fn begin(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>) {
        let Some(options) = lookup.callers.first().and_then(|caller| caller.options()) else { return };
        let marks = fx.marks_for(&lookup.repo, options);
        lookup.plan.captured.clear();
        if let Some(current) = lookup.known.repository() {
            // Captured as it was read: that was before the loader starts, too.
            lookup.plan.captured.push((lookup.own.name.clone(), current));
            fx.prolong(&lookup.own, current, options, self.lease);
            if lookup.plan.tags.is_empty() && marks.is_empty() {
                return self.place(fx, id, lookup);
            }
        } else {
            lookup.plan.tags.insert(0, lookup.own.name.clone());
        }
        let tags = [&lookup.plan.tags[..], &marks].concat();
        let op = fx.ensure(&lookup.repo, &tags, options, self.lease);
        let ticket = fx.send(op, Purpose::Placement(ForPlacement::Ensure(id)));
        lookup.phase = Phase::Asked(ticket);
        self.lookups.insert(id, lookup);
    }

    /// The store's answer.
    pub(super) fn on_answer(&mut self, fx: &mut Fx<'_>, ticket: Ticket, asked: ForPlacement, answer: Result<Answer, StoreError>) {
        match asked {
            ForPlacement::Ensure(id) => self.on_ensured(fx, ticket, id, answer),
            ForPlacement::Place(id, entry, token) => self.on_placed(fx, ticket, id, entry, token, answer),
        }
    }

    fn on_ensured(&mut self, fx: &mut Fx<'_>, ticket: Ticket, id: u64, answer: Result<Answer, StoreError>) {
        let Some(mut lookup) = self.take(id, ticket) else { return };
        let ids = match answer {
            Ok(Answer::Ensured(ids)) if ids.len() >= lookup.plan.tags.len() => ids,
            other => return fx.hand(Handoff::Lost(id, lookup, other.err().unwrap_or(StoreError::Unexpected))),
        };
        // The marks come after the tags.
        let marks = if ids.len() > lookup.plan.tags.len() { Mark::AnyTag.all(fx.is_cluster) } else { Vec::new() };
        lookup.plan.marks = marks.into_iter().zip(ids[lookup.plan.tags.len()..].iter().copied()).collect();
        let is_own_ensured = lookup.plan.captured.is_empty();
        lookup.plan.captured.extend(lookup.plan.tags.iter().cloned().zip(ids));
        if is_own_ensured {
            note_own(fx, &lookup);
        }
        lookup.known.update(lookup.plan.captured.iter().map(|(tag, id)| (tag.clone(), Some(*id))));
        let is_captured = matches!(&lookup.found.value, Seen::Own(value) if is_captured(value, &lookup.plan.captured));
        if lookup.plan.is_current && !is_captured {
            // The entry was invalidated meanwhile. Nothing in it is worth keeping, its tags included.
            lookup.plan.inside = false;
            lookup.plan.is_current = false;
            let wanted = tags_of(&lookup.callers);
            lookup.plan.captured.retain(|(tag, _)| is_mark(tag) || wanted.contains(tag));
        }
        self.place(fx, id, lookup);
    }

    fn place(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>) {
        let token = Id::draw(fx.entropy);
        let (entry, life) = (lookup.entry.clone(), self.lease);
        let op = match lookup.plan.expected {
            Some(stamp) if lookup.plan.inside => {
                Op::PlaceInside { entry, stamp, token, tags: entry::encode_tags(&lookup.plan.captured, 0), life }
            }
            expected => {
                let tail = lookup.callers.first().and_then(Caller::options).map(EntryOptions::life).unwrap_or_default();
                Op::Place { entry, expected, lease: entry::encode_lease(token, tail, &lookup.plan.captured), life, tail }
            }
        };
        let ticket = fx.send(op, Purpose::Placement(ForPlacement::Place(id, lookup.entry.clone(), token)));
        lookup.phase = Phase::Asked(ticket);
        self.lookups.insert(id, lookup);
    }

    fn on_placed(&mut self, fx: &mut Fx<'_>, ticket: Ticket, id: u64, entry: Key, token: Id, answer: Result<Answer, StoreError>) {
        let Some(mut lookup) = self.take(id, ticket) else {
            // Its callers went on without it.
            if is_placed(&answer) || answer.is_err_and(|error| error.is_maybe_executed()) {
                fx.hand(Handoff::GiveBack(entry, token));
            }
            return;
        };
        match answer {
            // The source is not resting: now for a lease that outlives the entry.
            Ok(Answer::PlacedInside) if lookup.plan.ends_soon => self.place_over(fx, id, lookup),
            Ok(Answer::PlacedInside) => fx.hand(Handoff::Start(lookup, token)),
            Ok(Answer::Placed { left, end }) => {
                lookup.plan.end = (lookup.plan.is_current && !left.is_zero()).then(|| (fx.now + left, end));
                fx.hand(Handoff::Start(lookup, token));
            }
            Ok(Answer::Changed(found)) => evaluate_again(fx, id, lookup, found),
            Ok(Answer::Held { lease, remaining }) => self.meet_inner(fx, id, lookup, Inner { lease, remaining }),
            Err(StoreError::NotSent) => fx.hand(Handoff::Lost(id, lookup, StoreError::NotSent)),
            other => {
                // The lease may be there, now or a little later, but a loader may start only after its reply.
                let error = other.err().unwrap_or(StoreError::Unexpected);
                if error.is_maybe_executed() {
                    fx.hand(Handoff::GiveBack(entry, token));
                }
                let why = unread(&error);
                fx.hand(Handoff::Refused(error));
                fx.bypass_all(*lookup, why);
            }
        }
    }

    /// The header of an expired entry has a living lease.
    fn meet_inner(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>, inner: Inner) {
        let Some(lease) = entry::parse_inner(&inner.lease) else { return self.place_over(fx, id, lookup) };
        if !lease.is_held {
            return serve_fallbacks(fx, *lookup);
        }
        match lookup.known.currency_of(&lease.tags, &lookup.own.name) {
            Currency::Current { .. } => {
                let token = lease.token;
                fx.hand(Handoff::Follow(id, lookup, token, Some(inner)));
            }
            Currency::Unknown(tags) if lookup.rounds == 0 => {
                // Its loader has added tags that the entry does not have.
                lookup.rounds += 1;
                lookup.tags.add(tags.iter().filter(|tag| !is_repository(tag)).map(|tag| &**tag));
                fx.hand(Handoff::ReadAgain(id, lookup));
            }
            _ => self.place_over(fx, id, lookup),
        }
    }

    /// Replaces an expired entry with a lease, because the lease in its header cannot be used.
    fn place_over(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>) {
        lookup.plan.inside = false;
        self.place(fx, id, lookup);
    }

    fn take(&mut self, id: u64, ticket: Ticket) -> Option<Box<Lookup>> {
        if self.lookups.get(&id)?.phase != Phase::Asked(ticket) {
            return None;
        }
        self.lookups.remove(&id)
    }

    /// The server has been silent about this operation for too long.
    pub(super) fn on_silence(&mut self, fx: &mut Fx<'_>, ticket: Ticket, asked: &ForPlacement) {
        let (ForPlacement::Ensure(id) | ForPlacement::Place(id, ..)) = asked;
        if let Some(lookup) = self.take(*id, ticket) {
            fx.bypass_all(*lookup, Shortfall::ReadTimedOut);
        }
    }

    /// The caller would rather have a stale value than wait any longer. Returns the decisions that give it one.
    pub(super) fn soften(&mut self, now: Instant, call: CallId) -> Option<Vec<Decision>> {
        let (id, told) = self.lookups.iter_mut().find_map(|(id, lookup)| Some((*id, lookup.soften(now, call)?)))?;
        if self.lookups.get(&id).is_some_and(|lookup| lookup.callers.is_empty()) {
            self.lookups.remove(&id);
        }
        Some(told)
    }

    /// The caller has given up. Says whether its call was here. A lease that an empty lookup has asked for is given back.
    pub(super) fn cancel(&mut self, call: CallId) -> bool {
        let Some(id) = self.lookups.iter_mut().find_map(|(id, lookup)| lookup.cancel(call).then_some(*id)) else { return false };
        if self.lookups.get(&id).is_some_and(|lookup| lookup.callers.is_empty()) {
            self.lookups.remove(&id);
        }
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lookups.is_empty()
    }
}

/// The captured version of the repository is the latest one.
fn note_own(fx: &mut Fx<'_>, lookup: &Lookup) {
    let now = fx.now;
    if let Some(id) = captured_repository(&lookup.plan.captured) {
        fx.latest.note(&lookup.own.key, id, now);
    }
}

fn is_placed(answer: &Result<Answer, StoreError>) -> bool {
    matches!(answer, Ok(Answer::Placed { .. } | Answer::PlacedInside))
}

/// The value has changed since it was read: evaluates the new one, for a bounded number of rounds.
fn evaluate_again(fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>, found: Found) {
    lookup.rounds += 1;
    if lookup.rounds >= ROUNDS_MAX {
        return fx.bypass_all(*lookup, Shortfall::ReadWaited);
    }
    lookup.found = found;
    lookup.is_late = true;
    // The versions were read before it. They may confirm it, not condemn it.
    lookup.known.is_after = false;
    fx.hand(Handoff::Evaluate(id, lookup));
}

/// A loader has failed a moment ago and the fleet does not ask the source for a while: each caller gets the kept value if it accepts it.
fn serve_fallbacks(fx: &mut Fx<'_>, lookup: Lookup) {
    for caller in lookup.callers {
        match &caller.fallback {
            Some((payload, until)) if *until > fx.now => {
                fx.out.decide(served(&caller, payload.clone(), Hit::Stale));
                fx.out.decide(Decision::LoadOver { call: Some(caller.id), load: None });
            }
            _ => fx.out.load_uncached(&lookup.repo, &lookup.entry, caller),
        }
    }
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
