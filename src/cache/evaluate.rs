//! Evaluates the result of a lookup: which callers are served, and what must happen for the others. The function is pure.

use std::time::Duration;

use super::caller::{tags_of, Caller, ReadKind};
use super::decision::{Decision, Hit};
use super::freshness::{self, classify, needs_age, Freshness, Periods};
use super::lookup::{Lookup, Plan};
use super::payload::Payload;
use super::tags::{captured_repository, inherit, Currency};
use crate::clock::Instant;
use crate::store::entry::{self, Entry, Lease, Stored, Tag};
use crate::store::{Id, Seen, Value};

/// The settings that the evaluation depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub now: Instant,
    /// Whether stale entries are served while they are refreshed.
    pub swr: bool,
    /// How long a lease lives.
    pub lease: Duration,
}

/// The next step for the callers that are still in the lookup.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// No caller is left.
    Done,
    /// The value carries another replication id.
    Foreign,
    /// The versions of these tags have to be read first.
    ReadVersions(Vec<Tag>),
    /// The entry's age has to be read first.
    ReadAge,
    /// Only the start of the entry was read, and the whole of it is needed.
    ReadPayload,
    /// A current lease with this token is there.
    Follow(Id),
    /// A lease has to be placed.
    Place(Plan),
}

/// A caller that was served a stale value and may refresh it.
#[derive(Debug)]
pub(super) struct Refresher {
    pub caller: Caller,
    pub value: Value,
}

/// Evaluates what `lookup` found. Takes the callers that are answered out of it and passes their decisions to `decide`.
pub(super) fn evaluate(lookup: &mut Lookup, rules: Rules, decide: &mut impl FnMut(Decision)) -> (Next, Option<Refresher>) {
    let value = match std::mem::take(&mut lookup.found.value) {
        Seen::Own(value) => value,
        seen => {
            let is_new = matches!(seen, Seen::Foreign) && !lookup.rechecked;
            lookup.found.value = seen;
            return (if is_new { Next::Foreign } else { nothing(lookup, None, decide) }, None);
        }
    };
    let done = match entry::parse(&value) {
        Some(Stored::Entry(entry)) => of_entry(lookup, &value, &entry, rules, decide),
        Some(Stored::Lease(lease)) => (of_lease(lookup, &lease, decide), None),
        // The header may be longer than what was read.
        None if lookup.found.is_head => (Next::ReadPayload, None),
        None => (nothing(lookup, entry::name(&value), decide), None),
    };
    lookup.found.value = Seen::Own(value);
    done
}

/// Nothing that could be served is there. `expected` is its name.
fn nothing(lookup: &mut Lookup, expected: Option<Id>, decide: &mut impl FnMut(Decision)) -> Next {
    keep_loaders(lookup, decide);
    place(lookup, |tags| Plan { expected, tags, ..Plan::default() })
}

fn place(lookup: &Lookup, plan: impl FnOnce(Vec<Tag>) -> Plan) -> Next {
    if lookup.callers.is_empty() {
        return Next::Done;
    }
    Next::Place(plan(tags_of(&lookup.callers)))
}

/// `get` and `has` end with a miss. Callers with a loader stay.
fn keep_loaders(lookup: &mut Lookup, decide: &mut impl FnMut(Decision)) {
    lookup.callers.retain(|caller| {
        let has_loader = caller.options().is_some();
        if !has_loader {
            decide(Decision::Miss { call: caller.id });
        }
        has_loader
    });
}

/// The decision that serves `payload` to a caller.
pub(super) fn served(caller: &Caller, payload: Payload, hit: Hit) -> Decision {
    match caller.kind {
        ReadKind::Has => Decision::Done { call: caller.id, number: 1 },
        _ => Decision::Hit { call: caller.id, payload: payload.decoded_by(caller.codec), hit },
    }
}

/// The state of an entry from the point of view of one caller.
enum Verdict {
    Serve(Hit),
    /// The caller could not decode it.
    Unusable,
    /// Its tags do not cover the caller's.
    LacksTags,
    /// Its age has to be known.
    Unaged,
    /// It may stand in for a loader that fails within this time (zero: not at all).
    Expired(Duration),
}

/// `has_tags`: the entry has all tags that the lookup read, so those of every caller.
fn verdict(lookup: &Lookup, caller: &Caller, entry: &Entry<'_>, has_tags: bool, swr: bool) -> Verdict {
    // Others have loaded another value since the caller read this one.
    if caller.replaces && !lookup.is_late {
        return Verdict::Unusable;
    }
    if !has_tags && !entry.tags.cover(caller.tags()) {
        return Verdict::LacksTags;
    }
    let periods = Periods::from(entry);
    let age = match lookup.found.pttl {
        Some(pttl) => freshness::age(&periods, pttl),
        None if needs_age(&periods, &caller.overrides) => return Verdict::Unaged,
        None => Duration::ZERO,
    };
    match classify(&periods, &caller.overrides, age, swr) {
        Freshness::Fresh if lookup.is_late => Verdict::Serve(Hit::Joined),
        Freshness::Fresh if swr && freshness::is_early(&periods, &caller.overrides, age) => Verdict::Serve(Hit::Early),
        Freshness::Fresh => Verdict::Serve(Hit::Fresh),
        Freshness::Stale => Verdict::Serve(Hit::Stale),
        Freshness::Expired(left) => Verdict::Expired(left),
    }
}

/// Whether the header of the entry is all that is needed of it: every caller is served with a value that it has, or asks only whether
/// there is one, or needs its age first.
fn suffices(lookup: &Lookup, entry: &Entry<'_>, has_tags: bool, rules: Rules) -> bool {
    let is_enough = |caller| matches!(verdict(lookup, caller, entry, has_tags, rules.swr), Verdict::Serve(_) | Verdict::Unaged);
    lookup.is_held && lookup.callers.iter().all(is_enough)
}

fn of_entry(
    lookup: &mut Lookup,
    value: &Value,
    entry: &Entry<'_>,
    rules: Rules,
    decide: &mut impl FnMut(Decision),
) -> (Next, Option<Refresher>) {
    // 1. The entry counts only if its versions are the current ones.
    let has_tags = match lookup.known.currency_of(&entry.tags, &lookup.own.name) {
        Currency::Current { has_first } => has_first && lookup.known.are_first(&lookup.tags),
        Currency::Outdated => return (nothing(lookup, Some(entry.stamp), decide), None),
        Currency::Unknown(tags) => return (Next::ReadVersions(tags), None),
    };
    // 2. A payload that was not read has to be, unless the callers have it. One that may be replaced is needed as well: it comes back
    //    if the loader fails.
    if lookup.found.is_head && !suffices(lookup, entry, has_tags, rules) {
        return (Next::ReadPayload, None);
    }
    // 3. Every caller that the entry will do for is served. The first one with a loader that gets a stale value may refresh it.
    let is_head = lookup.found.is_head;
    let payload = || Payload::of(value, entry).with_head(is_head);
    let (mut lacks_tags, mut unaged, mut unusable, mut refresher) = (false, false, false, None);
    let mut unserved = Vec::new();
    let mut callers = std::mem::take(&mut lookup.callers);
    for mut caller in callers.drain(..) {
        match verdict(lookup, &caller, entry, has_tags, rules.swr) {
            Verdict::Serve(hit) => {
                decide(served(&caller, payload(), hit));
                match caller.kind {
                    _ if !matches!(hit, Hit::Stale | Hit::Early) => {}
                    ReadKind::Load(_) if refresher.is_none() => {
                        caller.read_head = lookup.found.is_head;
                        refresher = Some(Refresher { caller, value: value.clone() });
                    }
                    ReadKind::Has => {}
                    _ => decide(Decision::LoadOver { call: Some(caller.id), load: None }),
                }
            }
            Verdict::Expired(_) if caller.options().is_none() => decide(Decision::Miss { call: caller.id }),
            Verdict::Expired(left) => {
                caller.fallback = (!left.is_zero()).then(|| (payload(), rules.now + left));
                unserved.push(caller);
            }
            Verdict::Unusable => {
                unusable = true;
                unserved.push(caller);
            }
            Verdict::LacksTags => {
                lacks_tags = true;
                unserved.push(caller);
            }
            Verdict::Unaged => {
                unaged = true;
                unserved.push(caller);
            }
        }
    }
    lookup.callers = if unserved.is_empty() { callers } else { unserved };
    // 4. The others need the entry's age, or a load.
    let next = match (lookup.callers.is_empty(), unaged) {
        (true, _) => Next::Done,
        // It is as good as nothing, also for a loader that fails.
        (false, _) if unusable => nothing(lookup, Some(entry.stamp), decide),
        (false, true) => Next::ReadAge,
        (false, false) => replace(lookup, entry, lacks_tags, rules, decide),
    };
    (next, refresher)
}

/// A current entry that will not do for the callers that are left: plans the load that replaces it.
fn replace(lookup: &mut Lookup, entry: &Entry<'_>, lacks_tags: bool, rules: Rules, decide: &mut impl FnMut(Decision)) -> Next {
    keep_loaders(lookup, decide);
    // A lease in the header ends with the entry. An entry that ends soon is therefore replaced, and comes back if the loader fails.
    // Its header is tried first all the same if it has a lease: that may be the backoff of a loader that has failed.
    let left = lookup.found.pttl.and_then(|pttl| u64::try_from(pttl).ok()).map(Duration::from_millis);
    let ends_soon = left.is_none_or(|left| left < rules.lease);
    let inside = !lacks_tags && (!ends_soon || entry.lease.is_some());
    place(lookup, |mut tags| {
        // The new load carries the tags that callers of the entry named. Otherwise callers that name different tags for one key
        // would throw each other's work away without end.
        if !inherit(&mut tags, &entry.tags) {
            if let Some(warning) = lookup.repo.too_many_tags() {
                decide(warning);
            }
        }
        Plan { expected: Some(entry.stamp), inside, ends_soon, is_current: true, tags, ..Plan::default() }
    })
}

fn of_lease(lookup: &mut Lookup, lease: &Lease<'_>, decide: &mut impl FnMut(Decision)) -> Next {
    keep_loaders(lookup, decide);
    if lookup.callers.is_empty() {
        return Next::Done;
    }
    if lookup.found.pttl.is_some_and(|pttl| lease.remaining(pttl).is_none()) {
        return nothing(lookup, None, decide);
    }
    match lookup.known.currency_of(&lease.tags, &lookup.own.name) {
        Currency::Unknown(tags) => Next::ReadVersions(tags),
        Currency::Outdated => nothing(lookup, Some(lease.token), decide),
        Currency::Current { .. } if lookup.callers.iter().flat_map(Caller::tags).any(|tag| !lease.tags.has(tag)) => {
            place(lookup, |mut tags| {
                if !inherit(&mut tags, &lease.tags) {
                    if let Some(warning) = lookup.repo.too_many_tags() {
                        decide(warning);
                    }
                }
                Plan { expected: Some(lease.token), tags, ..Plan::default() }
            })
        }
        Currency::Current { .. } => Next::Follow(lease.token),
    }
}

/// Whether no version that was just captured differs from the one in the entry that was read. Tags that the new load does not
/// inherit were judged when the entry was.
pub(super) fn is_captured(value: &[u8], captured: &[(Tag, Id)]) -> bool {
    match entry::parse(value) {
        Some(Stored::Entry(entry)) => {
            let is_current = |name: &[u8], id| captured.iter().all(|(tag, current)| **tag != *name || *current == id);
            captured_repository(captured) == entry.tags.repository() && entry.tags.iter().all(|(name, id)| is_current(name, id))
        }
        _ => false,
    }
}

#[cfg(test)]
#[path = "evaluate_tests.rs"]
mod tests;
