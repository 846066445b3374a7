//! What is made of what was found: a hit, a miss, a lease to wait for, or a lease to place.

use std::time::Duration;

use super::engine::{Awaited, Context, Engine};
use super::freshness::{self, classify, needs_age, Freshness, Periods};
use super::read::{Caller, Phase, Plan, Seek, Want};
use super::request::{Decision, Hit, Payload};
use super::tags::{unite, Currency};
use crate::store::entry::{self, Entry, Lease, Stored, Tag};
use crate::store::{Id, Op, StoreError, StoreReply, Ticket, Value};

impl Engine {
    /// Goes on with a read whose `found` and `known` are set.
    pub(super) fn judge(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek) {
        let Some(raw) = seek.found.value.clone() else {
            self.nothing(cx, id, seek, None);
            return;
        };
        match entry::parse(&raw) {
            Some(stored) if !self.link.reign().accepts(stored.origin().as_bytes()) => {
                if self.recheck(cx, &mut seek) {
                    self.requeue(id, seek);
                } else {
                    self.nothing(cx, id, seek, None);
                }
            }
            Some(Stored::Entry(entry)) => self.judge_entry(cx, id, seek, &raw, &entry),
            Some(Stored::Lease(lease)) => self.judge_lease(cx, id, seek, &lease),
            None => {
                let name = entry::name(&raw, &self.link.reign());
                self.nothing(cx, id, seek, name);
            }
        }
    }

    /// Nothing that could be served is there; `expected` is what it is called.
    fn nothing(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek, expected: Option<Id>) {
        self.keep_loaders(&mut seek);
        let tags = tags_of(&seek.callers);
        self.ensure(cx, id, seek, Plan { expected, tags, ..Plan::default() });
    }

    fn judge_entry(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek, raw: &Value, entry: &Entry<'_>) {
        match seek.known.judge(&entry.tags) {
            Currency::Current => {}
            Currency::Outdated => return self.nothing(cx, id, seek, Some(entry.stamp)),
            Currency::Unknown(tags) => return self.ask_versions(id, seek, tags),
        }
        let periods = Periods::from(entry);
        let age = seek.found.pttl.map(|pttl| freshness::age(&periods, pttl));
        let payload = Payload::new(raw.clone(), entry.payload);
        let mut rest = Vec::new();
        let (mut lacks, mut unaged, mut refresher) = (false, false, None);
        for mut caller in std::mem::take(&mut seek.callers) {
            if caller.tags().iter().any(|tag| !entry.tags.has(tag)) {
                lacks = true;
                rest.push(caller);
                continue;
            }
            let age = match age {
                Some(age) => age,
                None if needs_age(&periods, &caller.wishes) => {
                    unaged = true;
                    rest.push(caller);
                    continue;
                }
                None => Duration::ZERO,
            };
            match classify(&periods, &caller.wishes, age, self.config.swr) {
                Freshness::Fresh => {
                    self.serve(&caller, payload.clone(), if seek.is_late { Hit::Joined } else { Hit::Fresh });
                }
                Freshness::Stale => {
                    self.serve(&caller, payload.clone(), Hit::Stale);
                    match caller.want {
                        Want::Load(_) if refresher.is_none() => refresher = Some(caller),
                        Want::Has => {}
                        _ => self.decide(Decision::LoadOver { call: Some(caller.id), load: None }),
                    }
                }
                Freshness::Expired(kept) => {
                    if caller.terms().is_none() {
                        self.decide(Decision::Miss { call: caller.id });
                        continue;
                    }
                    caller.kept = (!kept.is_zero()).then(|| (payload.clone(), cx.now + kept));
                    rest.push(caller);
                }
            }
        }
        if let Some(caller) = refresher {
            self.begin_refresh(cx, &seek, &caller, raw, entry);
        }
        if rest.is_empty() {
            return;
        }
        seek.callers = rest;
        if unaged {
            seek.with_age = true;
            return self.requeue(id, seek);
        }
        self.keep_loaders(&mut seek);
        // It is current but for what these callers ask: whoever loads now carries its tags too, or callers that name different
        // tags for one key would throw each other's work away for ever.
        let mut tags = tags_of(&seek.callers);
        unite(&mut tags, entry.tags.iter().map(|(name, _)| name));
        let left = seek.found.pttl.and_then(|pttl| u64::try_from(pttl).ok()).map(Duration::from_millis);
        // A lease in the header ends with the entry: one that ends soon is replaced, and comes back if the loader fails. Whether
        // the source is resting has to be asked all the same.
        let ends_soon = left.is_none_or(|left| left < self.config.lease);
        let inside = !lacks && (!ends_soon || entry.lease.is_some());
        self.ensure(cx, id, seek, Plan { expected: Some(entry.stamp), inside, ends_soon, is_current: true, tags, ..Plan::default() });
    }

    fn judge_lease(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek, lease: &Lease<'_>) {
        self.keep_loaders(&mut seek);
        if seek.callers.is_empty() {
            return;
        }
        let mut tags = tags_of(&seek.callers);
        match seek.known.judge(&lease.tags) {
            Currency::Unknown(unknown) => self.ask_versions(id, seek, unknown),
            Currency::Outdated => self.nothing(cx, id, seek, Some(lease.token)),
            Currency::Current if tags.iter().any(|tag| !lease.tags.has(tag)) => {
                unite(&mut tags, lease.tags.iter().map(|(name, _)| name));
                self.ensure(cx, id, seek, Plan { expected: Some(lease.token), tags, ..Plan::default() });
            }
            Currency::Current => self.follow(cx, id, seek, lease.token),
        }
    }

    /// A current lease: joins the load if it is ours, waits for it otherwise.
    pub(super) fn follow(&mut self, cx: &mut Context<'_>, id: u64, seek: Seek, token: Id) {
        match self.flights.get(&token).copied() {
            Some(load) => {
                for caller in seek.callers {
                    self.join_load(cx, load, caller);
                }
            }
            None => self.wait(cx, id, seek),
        }
    }

    /// `get` and `has` end here with a miss; who brings a loader stays.
    fn keep_loaders(&mut self, seek: &mut Seek) {
        for caller in std::mem::take(&mut seek.callers) {
            match caller.want {
                Want::Load(_) => seek.callers.push(caller),
                _ => self.decide(Decision::Miss { call: caller.id }),
            }
        }
    }

    pub(super) fn serve(&mut self, caller: &Caller, payload: Payload, hit: Hit) {
        self.decide(match caller.want {
            Want::Has => Decision::Done { call: caller.id, number: 1 },
            _ => Decision::Hit { call: caller.id, payload, hit },
        });
    }

    /// Reads versions that the batch did not have. They are younger than what they judge.
    fn ask_versions(&mut self, id: u64, mut seek: Seek, tags: Vec<Tag>) {
        let Some(names) = self.names(seek.repo) else { return };
        let versions = tags.iter().map(|tag| names.version(tag)).collect();
        let ticket = self.send(Op::ReadVersions { versions }, Awaited::Versions(id, tags));
        seek.phase = Phase::Asked(ticket);
        self.seeks.insert(id, seek);
    }

    pub(super) fn on_versions(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        id: u64,
        tags: Vec<Tag>,
        answer: Result<StoreReply, StoreError>,
    ) {
        let Some(mut seek) = self.take_asked(cx, id, ticket) else { return };
        let versions = match answer {
            Ok(StoreReply::Versions(versions)) => versions,
            other => return self.lost(cx, id, seek, &other.err().unwrap_or(StoreError::Unexpected)),
        };
        self.answered();
        let reign = self.link.reign();
        let current = versions.into_iter().map(|version| version.filter(|v| reign.accepts(v.origin.as_bytes())).map(|v| v.id));
        seek.known.update(tags.into_iter().zip(current));
        seek.known.is_after = true;
        self.judge(cx, id, seek);
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
