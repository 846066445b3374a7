//! From a miss to a load: versions are ensured and captured, then the lease is placed where nothing has changed since the read,
//! and only when that is answered does a loader start. Or the wait for another process's lease.

use std::time::Duration;

use super::engine::{Awaited, Context, Engine};
use super::judge::tags_of;
use super::read::{Phase, Plan, Seek, Terms};
use super::request::{Decision, Hit};
use super::tags::Currency;
use super::timers::Timer;
use crate::entropy::Entropy;
use crate::store::entry::{self, Stored, Tag};
use crate::store::{Found, Id, Inside, Key, Op, Placed, StoreError, StoreReply, Ticket};

/// How often a lease is tried to be placed before the loader runs without one.
const ROUNDS_MAX: u8 = 3;
/// The shortest life of what versions are made for.
const NEED_MIN: Duration = Duration::from_secs(60);
const POLL_FIRST: Duration = Duration::from_millis(5);
const POLL_LONGEST: Duration = Duration::from_millis(100);

impl Engine {
    /// How long the versions of an entry have to live.
    pub(super) fn need(&self, terms: &Terms) -> Duration {
        terms.life().saturating_add(self.config.lease).max(NEED_MIN)
    }

    /// Captures the versions of the plan's tags, then places.
    pub(super) fn ensure(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek, plan: Plan) {
        let Some(need) = seek.callers.first().and_then(|caller| caller.terms()).map(|terms| self.need(terms)) else { return };
        seek.plan = plan;
        if seek.plan.tags.is_empty() {
            return self.place(cx, id, seek);
        }
        let Some(names) = self.names(seek.repo) else { return };
        let items = seek.plan.tags.iter().map(|tag| (names.version(tag), Id::draw(cx.entropy))).collect();
        let ticket = self.send(Op::Ensure { items, need, reign: self.link.reign() }, Awaited::Ensure(id));
        seek.phase = Phase::Asked(ticket);
        self.seeks.insert(id, seek);
    }

    pub(super) fn on_ensured(&mut self, cx: &mut Context<'_>, ticket: Ticket, id: u64, answer: Result<StoreReply, StoreError>) {
        let Some(mut seek) = self.take_asked(cx, id, ticket) else { return };
        let ids = match answer {
            Ok(StoreReply::Ensured(ids)) if ids.len() == seek.plan.tags.len() => ids,
            other => return self.lost(cx, id, seek, &other.err().unwrap_or(StoreError::Unexpected)),
        };
        self.answered();
        seek.plan.captured = seek.plan.tags.iter().cloned().zip(ids).collect();
        seek.known.update(seek.plan.captured.iter().map(|(tag, id)| (tag.clone(), Some(*id))));
        if seek.plan.is_current && !seek.found.value.as_ref().is_some_and(|raw| is_captured(raw, &seek.plan.captured)) {
            // Invalidated meanwhile: nothing in it is worth keeping, its tags included.
            seek.plan.inside = false;
            seek.plan.is_current = false;
            let wanted = tags_of(&seek.callers);
            seek.plan.captured.retain(|(tag, _)| wanted.contains(tag));
        }
        self.place(cx, id, seek);
    }

    fn place(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek) {
        let token = Id::draw(cx.entropy);
        let (entry, life, reign) = (seek.entry.clone(), self.config.lease, self.link.reign());
        let op = match seek.plan.expected {
            Some(stamp) if seek.plan.inside => {
                let tags = entry::encode_tags(&seek.plan.captured);
                Op::PlaceInside { entry, stamp, token, tags, life, reign }
            }
            expected => {
                let lease = entry::encode_lease(token, reign.origin, &seek.plan.captured);
                Op::Place { entry, expected, lease, life, reign }
            }
        };
        let ticket = self.send(op, Awaited::Place(id, seek.entry.clone(), token));
        seek.phase = Phase::Asked(ticket);
        self.seeks.insert(id, seek);
    }

    pub(super) fn on_placed(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        id: u64,
        entry: Key,
        token: Id,
        answer: Result<StoreReply, StoreError>,
    ) {
        let placed = matches!(answer, Ok(StoreReply::Placed(Placed::Yes { .. }) | StoreReply::PlacedInside(Inside::Yes)));
        let Some(mut seek) = self.take_asked(cx, id, ticket) else {
            // Its callers went on without it.
            if placed || answer.is_err_and(|error| error.is_maybe_executed()) {
                self.give_back(entry, token);
            }
            return;
        };
        match answer {
            Ok(ref placed_as) if placed => {
                self.answered();
                if seek.plan.inside && seek.plan.ends_soon {
                    // The source is not resting: now for a lease that outlives the entry.
                    return self.place_over(cx, id, seek);
                }
                if let StoreReply::Placed(Placed::Yes { left, end }) = *placed_as {
                    seek.plan.end = (seek.plan.is_current && !left.is_zero()).then(|| (cx.now + left, end));
                }
                self.begin_load(cx, seek, token);
            }
            Ok(StoreReply::Placed(Placed::No(found)) | StoreReply::PlacedInside(Inside::No(found))) => {
                self.answered();
                self.place_again(cx, id, seek, found);
            }
            Ok(StoreReply::PlacedInside(Inside::Held { lease, .. })) => {
                self.answered();
                self.meet_inner(cx, id, seek, &lease);
            }
            Err(StoreError::NotSent) => self.lost(cx, id, seek, &StoreError::NotSent),
            other => {
                // The lease may be there, now or a little later, but a loader may start only after its reply.
                let error = other.err().unwrap_or(StoreError::Unexpected);
                if error.is_maybe_executed() {
                    self.give_back(entry, token);
                }
                self.refused(cx, &error);
                seek.rounds = 0;
                self.forgo_all(cx, seek);
            }
        }
    }

    /// Something else is there than what was read: judges that.
    fn place_again(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek, found: Found) {
        seek.rounds += 1;
        if seek.rounds >= ROUNDS_MAX {
            return self.forgo_all(cx, seek);
        }
        seek.found = found;
        seek.is_late = true;
        // The versions were read before it: they may confirm it, not condemn it.
        seek.known.is_after = false;
        self.judge(cx, id, seek);
    }

    /// An expired entry whose header has a living lease.
    fn meet_inner(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek, lease: &[u8]) {
        let Some(lease) = entry::parse_inner(lease) else { return self.place_over(cx, id, seek) };
        if !lease.is_held {
            // Somebody's loader has just failed, and the fleet lets the source rest.
            for caller in std::mem::take(&mut seek.callers) {
                match &caller.kept {
                    Some((payload, until)) if *until > cx.now => {
                        self.serve(&caller, payload.clone(), Hit::Stale);
                        self.decide(Decision::LoadOver { call: Some(caller.id), load: None });
                    }
                    _ => self.forgo(cx, seek.repo, &seek.entry, caller),
                }
            }
            return;
        }
        match seek.known.judge(&lease.tags) {
            Currency::Current => self.follow(cx, id, seek, lease.token),
            Currency::Unknown(tags) if seek.rounds == 0 => {
                // Its load has named tags that the entry has not.
                seek.rounds += 1;
                super::tags::unite(&mut seek.tags, tags.iter().map(|tag| &**tag));
                self.requeue(id, seek);
            }
            _ => self.place_over(cx, id, seek),
        }
    }

    /// Replaces an expired entry with a lease: the one in its header is no good.
    fn place_over(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek) {
        seek.plan.inside = false;
        self.place(cx, id, seek);
    }

    /// Reads again after a while: another process loads.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek) {
        let base = POLL_FIRST.saturating_mul(1 << seek.polls.min(8)).min(POLL_LONGEST);
        seek.polls += 1;
        let mut wake = cx.now + jittered(base, cx.entropy);
        for caller in &mut seek.callers {
            if caller.patience.is_none() {
                self.decide(Decision::Waiting { call: caller.id });
            }
            let patience = caller.patience.get_or_insert_with(|| cx.now + caller.lock_timeout);
            wake = wake.min(*patience);
        }
        seek.is_late = true;
        seek.rounds = 0;
        seek.phase = Phase::Waiting(wake);
        self.timers.set(wake, Timer::Seek(id));
        self.seeks.insert(id, seek);
    }

    /// The wait for another's lease is over for now.
    pub(super) fn wake(&mut self, cx: &mut Context<'_>, id: u64, mut seek: Seek) {
        for caller in std::mem::take(&mut seek.callers) {
            if caller.is_patient(cx.now) {
                seek.callers.push(caller);
            } else {
                self.forgo(cx, seek.repo, &seek.entry, caller);
            }
        }
        if seek.callers.is_empty() {
            return;
        }
        // Waiting counts against the callers' patience alone.
        seek.deadline = cx.now + self.config.command_timeout;
        self.timers.set(seek.deadline, Timer::Seek(id));
        self.requeue(id, seek);
    }
}

/// Whether the versions just captured are those of the entry that was read.
pub(super) fn is_captured(raw: &[u8], captured: &[(Tag, Id)]) -> bool {
    match entry::parse(raw) {
        Some(Stored::Entry(entry)) => {
            entry.tags.iter().all(|(name, id)| captured.iter().any(|(tag, current)| **tag == *name && *current == id))
        }
        _ => false,
    }
}

/// Between half of `base` and all of it, so that those who wait do not read in step.
fn jittered(base: Duration, entropy: &mut dyn Entropy) -> Duration {
    let mut byte = [0u8];
    entropy.fill(&mut byte);
    base / 2 + base.mul_f64(f64::from(byte[0]) / 512.0)
}
