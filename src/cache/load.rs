//! A load under its lease: who runs it, who has joined it, how it is renewed and what becomes of its result.

use super::engine::{Awaited, Context, Engine};
use super::freshness::{self, classify, Freshness, Periods};
use super::read::{Caller, Seek, Terms};
use super::request::{CallId, Decision, Hit, LoadId, LoadOutcome, Payload, RepoId};
use super::timers::Timer;
use crate::clock::Instant;
use crate::store::entry::{self, Header, Stored, Tag};
use crate::store::{Id, Key, Op, StoreError, StoreReply, Ticket, Value};

/// How many leases that nobody holds are remembered. What is forgotten ends by itself.
const ORPHANS_MAX: usize = 1000;

/// A load.
#[derive(Debug)]
pub(super) struct Load {
    pub repo: RepoId,
    pub entry: Key,
    /// Orders it among calls.
    pub began: u64,
    /// Whose loader runs; `None` for a refresh, and when the caller has given up.
    pub owner: Option<Caller>,
    pub joined: Vec<Caller>,
    /// `None`: its result is not stored.
    pub lease: Option<Lease>,
    /// Set while its result is being stored.
    pub commit: Option<Commit>,
}

/// The lease of a load.
#[derive(Debug)]
pub(super) struct Lease {
    pub token: Id,
    /// Whether an entry stays readable around it.
    pub inside: bool,
    /// Whether nobody waits for it.
    pub is_refresh: bool,
    /// The entry that it has taken the place of.
    pub replaced: Option<Replaced>,
    pub tags: Vec<(Tag, Id)>,
    pub terms: Terms,
    pub renew_at: Instant,
    /// Whether the result must not be stored any more.
    pub lost: bool,
    /// Tags that are being named.
    pub naming: u32,
}

/// An entry with current versions whose place a lease has taken.
#[derive(Debug, Clone)]
pub(super) struct Replaced {
    value: Value,
    /// When it would have ended, by this process's clock.
    until: Instant,
    /// The same by the store's clock, in milliseconds.
    end: u64,
}

/// A result that is being stored.
#[derive(Debug)]
pub(super) struct Commit {
    ticket: Ticket,
    deadline: Instant,
    payload: Payload,
}

/// How a load ended.
#[derive(Debug, Clone)]
enum End {
    Value { payload: Payload, stored: bool },
    Nothing,
    Failed,
}

impl Engine {
    /// The lease is in place: the first caller's loader runs, the others have joined it.
    pub(super) fn begin_load(&mut self, cx: &mut Context<'_>, seek: Seek, token: Id) {
        let inside = seek.plan.inside;
        let replaced = seek.found.value.zip(seek.plan.end).map(|(value, (until, end))| Replaced { value, until, end });
        let mut callers = seek.callers.into_iter();
        let Some((terms, owner)) = callers.next().and_then(|owner| Some((owner.terms()?.clone(), owner))) else {
            self.give_back(seek.entry, token);
            return;
        };
        let mut lease = self.lease(cx, token, inside, seek.plan.captured, terms);
        lease.replaced = replaced;
        let call = owner.id;
        let load = self.add_load(Load { owner: Some(owner), lease: Some(lease), ..Load::new(seek.repo, seek.entry) });
        self.decide(Decision::Load { call, load: LoadId(load), storing: true });
        for caller in callers {
            self.join_load(cx, load, caller);
        }
    }

    pub(super) fn lease(&self, cx: &Context<'_>, token: Id, inside: bool, tags: Vec<(Tag, Id)>, terms: Terms) -> Lease {
        let renew_at = cx.now + self.config.renew_every;
        Lease { token, inside, is_refresh: false, replaced: None, tags, terms, renew_at, lost: false, naming: 0 }
    }

    pub(super) fn add_load(&mut self, mut load: Load) -> u32 {
        let id = self.load_id();
        load.began = self.number();
        if let Some(lease) = &load.lease {
            self.flights.insert(lease.token, id);
            self.timers.set(lease.renew_at, Timer::Load(id));
        }
        self.loads.insert(id, load);
        id
    }

    /// A caller that has seen the load's lease, or began before a load without one, shares what it brings.
    pub(super) fn join_load(&mut self, cx: &mut Context<'_>, id: u32, mut caller: Caller) {
        let until = *caller.patience.get_or_insert_with(|| cx.now + caller.lock_timeout);
        let call = caller.id;
        let swr = self.config.swr;
        let Some(load) = self.loads.get_mut(&id) else { return };
        if let Some(replaced) = load.lease.as_ref().and_then(|lease| lease.replaced.as_ref()).filter(|_| caller.kept.is_none()) {
            caller.kept = kept_for(&caller, replaced, cx.now, swr);
        }
        load.joined.push(caller);
        self.timers.set(until, Timer::Load(id));
        self.decide(Decision::Waiting { call });
    }

    /// A loader has ended.
    pub(super) fn end_load(&mut self, cx: &mut Context<'_>, id: u32, outcome: LoadOutcome) {
        let reign = self.link.reign();
        let is_identified = self.link.is_identified();
        let Some(load) = self.loads.get_mut(&id).filter(|load| load.commit.is_none()) else { return };
        let Some(lease) = &load.lease else {
            let end = match outcome {
                LoadOutcome::Value(payload) => End::Value { payload: payload.into(), stored: false },
                LoadOutcome::Nothing => End::Nothing,
                LoadOutcome::Failed => End::Failed,
            };
            return self.finish(cx, id, &end);
        };
        match outcome {
            LoadOutcome::Value(payload) if is_identified && !lease.lost && lease.naming == 0 => {
                let Terms { ttl, fresh, keep, .. } = lease.terms;
                let header = Header { stamp: Id::draw(cx.entropy), origin: reign.origin, ttl, fresh, keep, tags: &lease.tags };
                let (value, from) = entry::encode(&header, &payload);
                let value = Value::new(value);
                let payload = Payload::new(value.clone(), from);
                let (entry, token, life) = (load.entry.clone(), lease.token, lease.terms.life());
                let (repo, tags) = (load.repo, lease.tags.clone());
                let ticket = self.send(Op::Commit { entry: entry.clone(), token, value, life, reign }, Awaited::Commit(id));
                self.count(repo, entry, &tags);
                let deadline = cx.now + self.config.command_timeout;
                self.timers.set(deadline, Timer::Load(id));
                if let Some(load) = self.loads.get_mut(&id) {
                    load.commit = Some(Commit { ticket, deadline, payload });
                }
            }
            LoadOutcome::Value(payload) => {
                let (entry, token) = (load.entry.clone(), lease.token);
                self.give_back(entry, token);
                self.finish(cx, id, &End::Value { payload: payload.into(), stored: false });
            }
            LoadOutcome::Nothing | LoadOutcome::Failed => {
                let failed = outcome == LoadOutcome::Failed;
                let kept = |caller: &Caller| caller.kept.as_ref().is_some_and(|(_, until)| *until > cx.now);
                let stands_in = failed && load.owner.iter().chain(&load.joined).any(kept);
                let (repo, entry, token) = (load.repo, load.entry.clone(), lease.token);
                let is_refresh = lease.is_refresh;
                let replaced = lease.replaced.as_ref().filter(|replaced| failed && replaced.until > cx.now);
                let restored = replaced.map(|replaced| (replaced.clone(), lease.tags.clone()));
                if lease.inside && (is_refresh || stands_in) {
                    self.back_off(cx, entry, token);
                } else if let Some((replaced, tags)) = restored.filter(|_| is_identified) {
                    self.restore(entry, token, &replaced, stands_in.then_some(&*tags));
                } else {
                    self.give_back(entry, token);
                }
                if is_refresh && failed {
                    self.event(Some(repo), "refreshError", id.to_string());
                }
                self.finish(cx, id, if failed { &End::Failed } else { &End::Nothing });
            }
        }
    }

    /// Counts an entry under its tags. Goes along with what stores it, and nobody waits for it.
    pub(super) fn count(&mut self, repo: RepoId, member: Key, tags: &[(Tag, Id)]) {
        let Some(names) = self.names(repo).filter(|_| !tags.is_empty()) else { return };
        let items = tags.iter().map(|(tag, id)| (names.version(tag), names.counter(tag), *id)).collect();
        self.send(Op::Count { items, member, reign: self.link.reign() }, Awaited::Nothing);
    }

    /// Puts the entry back that a lease took the place of; `resting`: with the tags of a backoff in its header.
    fn restore(&mut self, entry: Key, token: Id, replaced: &Replaced, resting: Option<&[(Tag, Id)]>) {
        let Some(value) = entry::with_lease(&replaced.value, resting.map(|tags| (token, tags))) else {
            return self.give_back(entry, token);
        };
        let (value, end, reign) = (Value::new(value), replaced.end, self.link.reign());
        let rest = resting.map(|_| (self.config.backoff_first, self.config.backoff_longest));
        self.send(Op::Restore { entry, token, value, end, rest, reign }, Awaited::Nothing);
    }

    /// Lets the source rest: the lease stays in the header without a holder.
    fn back_off(&mut self, cx: &mut Context<'_>, entry: Key, token: Id) {
        let (base, max) = (self.config.backoff_first, self.config.backoff_longest);
        if let Some((_, until)) = self.resting.get_mut(&entry) {
            *until = cx.now + base;
        }
        if self.link.is_identified() {
            self.send(Op::Backoff { entry, token, base, max }, Awaited::Nothing);
        }
    }

    /// Takes a lease away that nobody holds.
    pub(super) fn give_back(&mut self, entry: Key, token: Id) {
        if self.link.is_identified() {
            self.send(Op::GiveBack { entry: entry.clone(), token }, Awaited::GiveBack(entry, token));
        } else {
            self.orphan(entry, token);
        }
    }

    /// Remembers a lease that nobody holds until the store is there.
    pub(super) fn orphan(&mut self, entry: Key, token: Id) {
        if self.orphans.len() < ORPHANS_MAX {
            self.orphans.push_back((entry, token));
        }
    }

    pub(super) fn on_commit(&mut self, cx: &mut Context<'_>, id: u32, answer: Result<StoreReply, StoreError>) {
        let Some(payload) = self.loads.get(&id).and_then(|load| load.commit.as_ref()).map(|commit| commit.payload.clone()) else {
            return;
        };
        let stored = match answer {
            Ok(StoreReply::Held(held)) => {
                self.answered();
                held
            }
            other => {
                let error = other.err().unwrap_or(StoreError::Unexpected);
                self.refused(cx, &error);
                self.give_back_of(id);
                false
            }
        };
        self.finish(cx, id, &End::Value { payload, stored });
    }

    fn give_back_of(&mut self, id: u32) {
        let lease = self.loads.get(&id).and_then(|load| Some((load.entry.clone(), load.lease.as_ref()?.token)));
        if let Some((entry, token)) = lease {
            self.give_back(entry, token);
        }
    }

    pub(super) fn on_renewed(&mut self, id: u32, answer: Result<StoreReply, StoreError>) {
        if let (Ok(StoreReply::Held(false)), Some(load)) = (answer, self.loads.get_mut(&id)) {
            if let Some(lease) = &mut load.lease {
                lease.lost = true;
            }
        }
    }

    pub(super) fn load_due(&mut self, cx: &mut Context<'_>, id: u32) {
        let Some(load) = self.loads.get_mut(&id) else { return };
        if let Some(commit) = load.commit.as_ref().filter(|commit| commit.deadline <= cx.now) {
            let (ticket, payload) = (commit.ticket, commit.payload.clone());
            self.timed_out(cx, Some(ticket));
            // If it was not stored, nobody is going to any more.
            self.give_back_of(id);
            self.finish(cx, id, &End::Value { payload, stored: false });
            return;
        }
        let mut impatient = Vec::new();
        if load.commit.is_none() {
            let at = load.joined.iter().position(|caller| !caller.is_patient(cx.now));
            if at.is_some() {
                let (stay, go) = std::mem::take(&mut load.joined).into_iter().partition(|caller| caller.is_patient(cx.now));
                load.joined = stay;
                impatient = go;
            }
        }
        let (repo, entry, is_bare) = (load.repo, load.entry.clone(), load.lease.is_none());
        let renew = load.commit.is_none() && load.lease.as_ref().is_some_and(|lease| !lease.lost && lease.renew_at <= cx.now);
        if renew {
            self.renew(cx, id);
        }
        self.bare_due(cx, repo, &entry);
        if is_bare {
            self.run_bare(cx, repo, &entry, impatient);
        } else {
            for caller in impatient {
                self.forgo(cx, repo, &entry, caller);
            }
        }
    }

    fn renew(&mut self, cx: &mut Context<'_>, id: u32) {
        let next = cx.now + self.config.renew_every;
        let (life, reign, is_identified) = (self.config.lease, self.link.reign(), self.link.is_identified());
        let need = self.loads.get(&id).and_then(|load| load.lease.as_ref()).map(|lease| self.need(&lease.terms));
        let (Some(need), Some(load)) = (need, self.loads.get_mut(&id)) else { return };
        let Some(lease) = &mut load.lease else { return };
        lease.renew_at = next;
        let (repo, entry, token, tags) = (load.repo, load.entry.clone(), lease.token, lease.tags.clone());
        self.timers.set(next, Timer::Load(id));
        let Some(names) = self.names(repo).filter(|_| is_identified) else { return };
        let versions = tags.iter().map(|(tag, captured)| (names.version(tag), *captured)).collect();
        self.send(Op::Renew { entry, token, life, versions, need, reign }, Awaited::Renew(id));
    }

    /// Tells everybody how a load ended.
    fn finish(&mut self, cx: &mut Context<'_>, id: u32, end: &End) {
        let Some(load) = self.loads.remove(&id) else { return };
        if let Some(lease) = &load.lease {
            self.flights.remove(&lease.token);
        }
        let load_id = LoadId(id);
        let owner = load.owner.into_iter().map(|caller| (caller, true));
        for (caller, is_owner) in owner.chain(load.joined.into_iter().map(|caller| (caller, false))) {
            let call = caller.id;
            self.decide(match (end, &caller.kept) {
                (End::Value { stored, .. }, _) if is_owner => Decision::Stored { call, load: load_id, stored: *stored },
                (End::Value { payload, .. }, _) => Decision::Hit { call, payload: payload.clone(), hit: Hit::Joined },
                (End::Nothing, _) => Decision::Nothing { call, load: load_id },
                (End::Failed, Some((payload, until))) if *until > cx.now => {
                    Decision::Hit { call, payload: payload.clone(), hit: if is_owner { Hit::Kept } else { Hit::Joined } }
                }
                (End::Failed, _) => Decision::FailedWith { call, load: load_id },
            });
        }
        self.decide(Decision::LoadOver { call: None, load: Some(load_id) });
        if load.lease.is_none() {
            self.bare_over(cx, load.repo, &load.entry, id);
        }
    }

    /// A caller that is in no read: it owns a load, has joined one, or waits for the next without storing.
    pub(super) fn cancel_joined(&mut self, call: CallId) {
        for load in self.loads.values_mut() {
            if load.owner.as_ref().is_some_and(|owner| owner.id == call) {
                load.owner = None;
                return;
            }
            if let Some(at) = load.joined.iter().position(|caller| caller.id == call) {
                load.joined.remove(at);
                return;
            }
        }
        for bare in self.bare.values_mut() {
            bare.next.retain(|caller| caller.id != call);
        }
    }
}

/// What a caller may be given of a replaced entry that it has not seen, if the loader fails.
fn kept_for(caller: &Caller, Replaced { value, until, .. }: &Replaced, now: Instant, swr: bool) -> Option<(Payload, Instant)> {
    let Some(Stored::Entry(entry)) = entry::parse(value) else { return None };
    if caller.tags().iter().any(|tag| !entry.tags.has(tag)) {
        return None;
    }
    let periods = Periods::from(&entry);
    let left = i64::try_from(until.since(now).as_millis()).ok()?;
    let until = match classify(&periods, &caller.wishes, freshness::age(&periods, left), swr) {
        Freshness::Expired(kept) => now + kept,
        Freshness::Fresh | Freshness::Stale => *until,
    };
    (until > now).then(|| (Payload::new(value.clone(), entry.payload), until))
}

impl Load {
    /// A load that nobody runs yet.
    pub(super) fn new(repo: RepoId, entry: Key) -> Self {
        Self { repo, entry, began: 0, owner: None, joined: Vec::new(), lease: None, commit: None }
    }
}
