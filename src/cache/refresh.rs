//! Revalidation behind a stale hit: one in the fleet, and none where the last one has just failed. Its caller has been answered,
//! so nothing here fails anybody.

use super::engine::{Awaited, Context, Engine};
use super::load::Load;
use super::place;
use super::read::{Caller, Seek, Terms};
use super::request::{CallId, Decision, LoadId, RepoId};
use super::tags::unite;
use super::timers::Timer;
use crate::clock::Instant;
use crate::store::entry::{self, Entry, Tag};
use crate::store::{Id, Inside, Key, Op, StoreError, StoreReply, Value};

/// A refresh on its way to its lease.
#[derive(Debug)]
pub(super) struct Refreshing {
    call: CallId,
    repo: RepoId,
    entry: Key,
    stamp: Id,
    /// The entry as it was read.
    raw: Value,
    terms: Terms,
    tags: Vec<Tag>,
    captured: Vec<(Tag, Id)>,
    deadline: Instant,
}

impl Engine {
    /// A stale value was served: has it refreshed by this caller's loader, if nobody does so already.
    pub(super) fn begin_refresh(&mut self, cx: &mut Context<'_>, seek: &Seek, caller: &Caller, raw: &Value, entry: &Entry<'_>) {
        let call = caller.id;
        let rests = self.resting.get(&seek.entry).is_some_and(|(stamp, until)| *stamp == entry.stamp && *until > cx.now);
        let Some(terms) = caller.terms().filter(|_| !rests && self.link.is_trusted()).cloned() else {
            self.decide(Decision::LoadOver { call: Some(call), load: None });
            return;
        };
        // One attempt at a time.
        let deadline = cx.now + self.config.command_timeout;
        self.resting.put(seek.entry.clone(), (entry.stamp, deadline));
        let mut tags = terms.tags.clone();
        unite(&mut tags, entry.tags.iter().map(|(name, _)| name));
        let id = self.number();
        let refresh = Refreshing {
            call,
            repo: seek.repo,
            entry: seek.entry.clone(),
            stamp: entry.stamp,
            raw: raw.clone(),
            terms,
            tags,
            captured: Vec::new(),
            deadline,
        };
        self.timers.set(deadline, Timer::Refresh(id));
        if refresh.tags.is_empty() {
            self.refreshing.insert(id, refresh);
            return self.place_refresh(cx, id);
        }
        let need = self.need(&refresh.terms);
        let Some(names) = self.names(refresh.repo) else { return };
        let items = refresh.tags.iter().map(|tag| (names.version(tag), Id::draw(cx.entropy))).collect();
        self.refreshing.insert(id, refresh);
        self.send(Op::Ensure { items, need, reign: self.link.reign() }, Awaited::RefreshEnsure(id));
    }

    pub(super) fn on_refresh_ensured(&mut self, cx: &mut Context<'_>, id: u64, answer: Result<StoreReply, StoreError>) {
        let Some(refresh) = self.refreshing.get_mut(&id) else { return };
        let ids = match answer {
            Ok(StoreReply::Ensured(ids)) if ids.len() == refresh.tags.len() => ids,
            _ => return self.drop_refresh(id),
        };
        refresh.captured = refresh.tags.iter().cloned().zip(ids).collect();
        if place::is_captured(&refresh.raw, &refresh.captured) {
            self.place_refresh(cx, id);
        } else {
            // Invalidated meanwhile: the next read loads.
            self.drop_refresh(id);
        }
    }

    fn place_refresh(&mut self, cx: &mut Context<'_>, id: u64) {
        let Some(refresh) = self.refreshing.get(&id) else { return };
        let token = Id::draw(cx.entropy);
        let (entry, life, reign) = (refresh.entry.clone(), self.config.lease, self.link.reign());
        let tags = entry::encode_tags(&refresh.captured);
        let op = Op::PlaceInside { entry: entry.clone(), stamp: refresh.stamp, token, tags, life, reign };
        self.send(op, Awaited::RefreshPlace(id, entry, token));
    }

    pub(super) fn on_refresh_placed(
        &mut self,
        cx: &mut Context<'_>,
        id: u64,
        entry: Key,
        token: Id,
        answer: Result<StoreReply, StoreError>,
    ) {
        let placed = matches!(answer, Ok(StoreReply::PlacedInside(Inside::Yes)));
        if !placed || !self.refreshing.contains_key(&id) {
            // In time or not: a lease that leads to no load is given back.
            if placed || answer.as_ref().is_err_and(StoreError::is_maybe_executed) {
                self.give_back(entry.clone(), token);
            }
            if let (Ok(StoreReply::PlacedInside(Inside::Held { remaining, .. })), Some((_, until))) = (answer, self.resting.get_mut(&entry))
            {
                *until = cx.now + remaining;
            }
            return self.drop_refresh(id);
        }
        let Some(refresh) = self.refreshing.remove(&id) else { return };
        self.resting.put(entry, (refresh.stamp, cx.now + self.config.lease));
        let mut lease = self.lease(cx, token, true, refresh.captured, refresh.terms);
        lease.is_refresh = true;
        let load = self.add_load(Load { lease: Some(lease), ..Load::new(refresh.repo, refresh.entry) });
        self.decide(Decision::Refresh { call: refresh.call, load: LoadId(load) });
    }

    pub(super) fn refresh_due(&mut self, cx: &mut Context<'_>, id: u64) {
        if self.refreshing.get(&id).is_some_and(|refresh| refresh.deadline <= cx.now) {
            self.drop_refresh(id);
        }
    }

    fn drop_refresh(&mut self, id: u64) {
        if let Some(refresh) = self.refreshing.remove(&id) {
            self.decide(Decision::LoadOver { call: Some(refresh.call), load: None });
        }
    }
}
