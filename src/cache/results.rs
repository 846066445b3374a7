//! What a loader brought, on its way to the store: its options, the proof of the tags that came with it, and the commit.
//!
//! **Tags of a result.** Nobody captured their versions before the source was read. Such a tag is proven, and the result is stored
//! under its current version, in one of two cases. The version was there before the load: what was at the entry's key carries it,
//! or this process has learned of it before. Since a version never comes back, the tag was not invalidated in between. Or the load has
//! captured the mark that changes with every invalidation, and the mark is still the same after the tag's version was read. On one server
//! that is enough, since an invalidation changes the mark first. On a cluster it may reach the two in any order: there the entry carries
//! the mark as well, and is condemned by one or the other. In all other cases the
//! value is returned and not stored, and callers that have joined the load meanwhile read again: for them the tag may have been
//! invalidated before they began. The versions are read after the last caller can have joined.
//!
//! **A value that is kept** is the one that was at the key when the load began. Its tags that the load has not captured are proven
//! like those of a result, or it is not kept. Where only the start of its entry was read, callers that joined read it again.

use super::effects::Fx;
use super::handoff::Handoff;
use super::load::{Load, Outcome};
use super::loads::Loads;
use super::marks::{is_mark, Mark};
use super::payload::Payload;
use super::purpose::{ForLoad, Purpose};
use super::request::ResultOptions;
use crate::contract::Shortfall;
use crate::store::entry::{self, Header, Tag};
use crate::store::{Answer, Id, Op, StoreError, Value};

impl Loads {
    /// A loader has brought a value, or (`payload` is `None`) has found that the one to be replaced is still right.
    pub(super) fn settle(&mut self, fx: &mut Fx<'_>, id: u32, payload: Option<Payload>, options: &ResultOptions, may_write: bool) {
        let Some(load) = self.running.get_mut(&id) else { return };
        let lease = &mut load.lease;
        lease.options.apply(options);
        let is_kept = payload.is_none();
        let (payload, tags) = match payload {
            Some(payload) => (payload, options.tags.clone()),
            None => match kept(load, options) {
                Some(kept) => kept,
                None => return self.end_with_nothing(fx, id),
            },
        };
        let lease = &mut load.lease;
        let tags = lease.claim(tags);
        let is_lost = lease.is_lost || lease.additions > 0;
        let is_proven = tags.is_empty();
        let fits = is_proven || lease.make_room(tags.len());
        let is_head = is_kept && lease.head_of.is_some();
        load.outcome = Some(Outcome { payload, is_kept, is_head, is_proven });
        if is_lost || !may_write || !fits {
            let why = if is_lost {
                Shortfall::NotStoredLeaseLost
            } else if fits {
                Shortfall::NotStoredTimedOut
            } else {
                Shortfall::NotStoredUnproven
            };
            self.give_back(fx, id);
            return self.finish_unstored(fx, id, why);
        }
        if is_proven {
            return self.commit(fx, id);
        }
        self.prove(fx, id, tags);
    }

    /// Reads the versions of the tags that came with the result. From here on nobody joins the load.
    fn prove(&mut self, fx: &mut Fx<'_>, id: u32, tags: Vec<Tag>) {
        let Some(load) = self.running.get(&id) else { return };
        load.repo.note_tagged_result();
        self.by_token.remove(&load.lease.token);
        let mut asked = tags;
        for (mark, _) in &load.lease.marks {
            if asked.iter().any(|tag| !is_mark(tag) && mark_of(load, tag, fx.is_cluster) == *mark) {
                asked.push(mark.clone());
            }
        }
        let op = fx.ensure(&load.repo, &asked, &load.lease.options, self.config.lease);
        fx.send(op, Purpose::Load(ForLoad::Prove(id, asked)));
    }

    pub(super) fn on_proved(&mut self, fx: &mut Fx<'_>, id: u32, asked: &[Tag], answer: Result<Answer, StoreError>) {
        let ids = match answer {
            Ok(Answer::Ensured(ids)) if ids.len() == asked.len() => ids,
            other => return self.not_proved(fx, id, &other.err().unwrap_or(StoreError::Unexpected)),
        };
        let current: Vec<(Tag, Id)> = asked.iter().cloned().zip(ids).collect();
        let number = fx.number();
        let Some(load) = self.running.get_mut(&id) else { return };
        let mut carried: Vec<(Tag, Id)> = Vec::new();
        let mut is_proven = true;
        for (tag, version) in current.iter().filter(|(tag, _)| !is_mark(tag)) {
            let key = load.repo.names.version(tag);
            let learned = self.learned.get(&key).is_some_and(|(known, at)| known == version && *at < load.lease.began);
            carried.push((tag.clone(), *version));
            if !learned && !load.lease.carried_before(tag, *version) {
                let mark = mark_of(load, tag, fx.is_cluster);
                let unchanged = load.lease.marks.iter().find(|captured| captured.0 == mark && current.contains(captured));
                match unchanged {
                    Some(captured) if fx.is_cluster && !carried.contains(captured) => carried.push(captured.clone()),
                    Some(_) => {}
                    None => is_proven = false,
                }
            }
            // The next load knows that this version was there before it.
            if self.learned.peek(&key).is_none_or(|(known, _)| known != version) {
                self.learned.put(key, (*version, number));
            }
        }
        if !is_proven || !load.lease.make_room(carried.len()) || load.lease.is_lost {
            let why = if load.lease.is_lost { Shortfall::NotStoredLeaseLost } else { Shortfall::NotStoredUnproven };
            self.give_back(fx, id);
            return self.finish_unstored(fx, id, why);
        }
        load.lease.added += carried.len();
        load.lease.tags.extend(carried);
        if let Some(outcome) = &mut load.outcome {
            outcome.is_proven = true;
        }
        self.commit(fx, id);
    }

    /// The versions have no answer.
    pub(super) fn not_proved(&mut self, fx: &mut Fx<'_>, id: u32, error: &StoreError) {
        fx.hand(Handoff::Refused(error.clone()));
        self.give_back(fx, id);
        self.finish_unstored(fx, id, super::shortfall::unstored(error));
    }

    /// Stores the result, where the lease still is.
    pub(super) fn commit(&mut self, fx: &mut Fx<'_>, id: u32) {
        let lease_life = self.config.lease;
        let Some(load) = self.running.get_mut(&id) else { return };
        let versions = load.versions();
        let Some(outcome) = &mut load.outcome else { return };
        let lease = &load.lease;
        let options = &lease.options;
        let header = Header {
            stamp: Id::draw(fx.entropy),
            ttl: options.ttl,
            fresh: options.fresh,
            keep: options.keep,
            tags: &lease.tags,
            added: lease.added,
            form: outcome.payload.form(),
        };
        let (entry, token, life) = (load.entry.clone(), lease.token, options.life());
        if options.need(lease_life) > lease.captured_for {
            // It lives longer than its versions would.
            let op = Op::Renew { entry: entry.clone(), token, life: lease_life, versions, need: options.need(lease_life) };
            fx.send(op, Purpose::Unobserved);
        }
        let op = if let Some((stamp, rest)) = in_place(load.lease.before.as_ref(), outcome.is_kept && load.lease.inside) {
            Op::Keep { entry: entry.clone(), token, stamp, header: entry::encode(&header, b"").0, rest, life }
        } else {
            let (value, from) = entry::encode(&header, outcome.payload.as_bytes());
            let value = Value::new(value);
            outcome.payload = Payload::new(value.clone(), from, header.form);
            Op::Commit { entry: entry.clone(), token, value, life }
        };
        fx.send(op, Purpose::Load(ForLoad::Commit(id)));
        fx.count(&load.repo, entry, &load.lease.tags);
    }
}

/// The value that the load was to replace, and the tags of its entry together with those of the options. `None`: there is no such value.
fn kept(load: &Load, options: &ResultOptions) -> Option<(Payload, Vec<Tag>)> {
    let value = load.lease.before.as_ref()?;
    let entry = load.lease.stale()?;
    let own = entry.tags.iter().map(|(name, _)| name).filter(|name| !is_mark(name)).map(Tag::from);
    let tags = options.tags.iter().cloned().chain(own).collect();
    Some((Payload::of(value, &entry), tags))
}

/// Stamp of the entry that stays where it is, and the length of its header after the lease; `None`: the whole value has to be stored.
fn in_place(before: Option<&Value>, is_kept: bool) -> Option<(Id, usize)> {
    let value = before.filter(|_| is_kept)?;
    Some((entry::name(value)?, entry::rest_of_header(value)?))
}

/// The mark of the range that a tag's version is in.
fn mark_of(load: &Load, tag: &[u8], is_cluster: bool) -> Tag {
    Mark::AnyTag.of(&load.repo.names.version(tag), is_cluster)
}
