//! Tags that a loader names while it runs: their versions are captured and written into the lease before the loader reads its
//! source. Where that fails, the load goes on and its result is not stored.

use super::engine::{Awaited, Context, Engine};
use super::request::{CallId, Decision};
use super::tags::normalize;
use super::timers::Timer;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::entry::{self, Tag};
use crate::store::{Id, Op, StoreError, StoreReply};

/// Tags on their way into a lease.
#[derive(Debug)]
pub(super) struct Naming {
    pub call: Option<CallId>,
    load: u32,
    deadline: Instant,
}

impl Engine {
    pub(super) fn name_tags(&mut self, cx: &mut Context<'_>, call: CallId, id: u32, tags: Vec<Tag>) {
        let number = self.number();
        let is_identified = self.link.is_identified();
        let deadline = cx.now + self.config.command_timeout;
        let Some(load) = self.loads.get_mut(&id).filter(|load| load.commit.is_none()) else {
            let error = Error::new(ErrorKind::BadState, "addTags was called after the loader had settled");
            return self.decide(Decision::Error { call, error, kept: false });
        };
        let repo = load.repo;
        let Some(lease) = load.lease.as_mut().filter(|lease| !lease.lost) else {
            // Nothing is going to be stored under these tags.
            return self.decide(Decision::Done { call, number: 0 });
        };
        let tags: Vec<Tag> = normalize(tags).into_iter().filter(|tag| lease.tags.iter().all(|(known, _)| known != tag)).collect();
        if tags.is_empty() {
            return self.decide(Decision::Done { call, number: 1 });
        }
        if !is_identified {
            self.disown(id);
            return self.decide(Decision::Done { call, number: 0 });
        }
        lease.naming += 1;
        let terms = lease.terms.clone();
        let Some(names) = self.names(repo) else { return };
        let items = tags.iter().map(|tag| (names.version(tag), Id::draw(cx.entropy))).collect();
        let op = Op::Ensure { items, need: self.need(&terms), reign: self.link.reign() };
        self.namings.insert(number, Naming { call: Some(call), load: id, deadline });
        self.timers.set(deadline, Timer::Naming(number));
        self.send(op, Awaited::TagsEnsured(number, tags));
    }

    pub(super) fn on_tags_ensured(&mut self, cx: &mut Context<'_>, number: u64, tags: Vec<Tag>, answer: Result<StoreReply, StoreError>) {
        let Some(load) = self.namings.get(&number).map(|naming| naming.load) else { return };
        let ids = match answer {
            Ok(StoreReply::Ensured(ids)) if ids.len() == tags.len() => ids,
            other => {
                self.refused(cx, &other.err().unwrap_or(StoreError::Unexpected));
                return self.end_naming(number, false);
            }
        };
        let lease = self.loads.get_mut(&load).and_then(|load| Some((load.entry.clone(), load.lease.as_mut()?)));
        let Some((entry, lease)) = lease.filter(|(_, lease)| !lease.lost) else { return self.end_naming(number, false) };
        for (tag, id) in tags.into_iter().zip(ids) {
            // Two calls may have named one tag: the version that was captured first is the one to hold.
            if lease.tags.iter().all(|(known, _)| *known != tag) {
                lease.tags.push((tag, id));
            }
        }
        let (token, tags, reign) = (lease.token, entry::encode_tags(&lease.tags), self.link.reign());
        self.send(Op::Amend { entry, token, tags, reign }, Awaited::Amended(number));
    }

    pub(super) fn on_amended(&mut self, number: u64, answer: &Result<StoreReply, StoreError>) {
        self.end_naming(number, matches!(answer, Ok(StoreReply::Held(true))));
    }

    pub(super) fn naming_due(&mut self, cx: &mut Context<'_>, number: u64) {
        if self.namings.get(&number).is_some_and(|naming| naming.deadline <= cx.now) {
            self.timed_out(cx, None);
            self.end_naming(number, false);
        }
    }

    /// A load goes on under tags that its lease does not carry. What is read from now on may be invalidated without anybody
    /// seeing that in the lease: nobody may join it any more, and its result is not stored. The next one may load at once.
    fn disown(&mut self, id: u32) {
        let Some(load) = self.loads.get_mut(&id) else { return };
        let Some(lease) = load.lease.as_mut().filter(|lease| !lease.lost) else { return };
        lease.lost = true;
        let (entry, token) = (load.entry.clone(), lease.token);
        self.flights.remove(&token);
        self.give_back(entry, token);
    }

    fn end_naming(&mut self, number: u64, in_place: bool) {
        let Some(naming) = self.namings.remove(&number) else { return };
        if let Some(lease) = self.loads.get_mut(&naming.load).and_then(|load| load.lease.as_mut()) {
            lease.naming -= 1;
        }
        if !in_place {
            self.disown(naming.load);
        }
        if let Some(call) = naming.call {
            self.decide(Decision::Done { call, number: u64::from(in_place) });
        }
    }
}
