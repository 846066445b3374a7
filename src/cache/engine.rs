//! The engine as its driver sees it: inputs, outputs, time. What each input leads to is in the files named after it.
//!
//! After every input the driver drains [`Engine::poll_output`] and asks [`Engine::next_wakeup`]. Calls given between two drains
//! are one batch: their reads leave in one operation. Deadlines are judged in [`Engine::on_timer`] alone, which the driver calls
//! after one more look at its socket.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use super::bare::Bare;
use super::breaker::{self, Breaker};
use super::debts::Debts;
use super::link::Link;
use super::load::Load;
use super::names::Names;
use super::naming::Naming;
use super::read::{Batch, Seek};
use super::refresh::Refreshing;
use super::request::{CallId, Decision, LoadId, LoadOutcome, RepoId, Request};
use super::timers::{Numbered, Timer, Timers};
use super::write::{Step, Write};
use crate::clock::Instant;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorKind};
use crate::store::entry::Tag;
use crate::store::{Id, Key, Op, StoreError, StoreReply, Ticket};

/// How many stale entries a process remembers not to refresh before a moment.
const RESTING_MAX: usize = 10_000;

/// What the engine does not decide for itself. Defaults are those of the README's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Budget of all store steps of one read before its loader, counted from the moment the store is up.
    pub command_timeout: Duration,
    /// The same while the first connection is being made.
    pub connect_budget: Duration,
    /// Budget of a write.
    pub write_timeout: Duration,
    /// How long a lease lives.
    pub lease: Duration,
    /// How often it is renewed.
    pub renew_every: Duration,
    /// How long a call waits for another's load, unless it says so itself.
    pub lock_timeout: Duration,
    /// Time-outs in a row that open the breaker.
    pub breaker_after: u32,
    /// How long the breaker opens at first.
    pub breaker_first: Duration,
    /// And at most.
    pub breaker_longest: Duration,
    /// Backoff after a failed refresh at first.
    pub backoff_first: Duration,
    /// And at most.
    pub backoff_longest: Duration,
    /// How many undelivered invalidations are kept.
    pub undelivered_max: usize,
    /// Whether stale entries are served while they are refreshed; otherwise they are misses.
    pub swr: bool,
    /// Whether values of another reign are used (`afterFailover: 'trust'`).
    pub trust_after_failover: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            command_timeout: Duration::from_millis(250),
            connect_budget: Duration::from_secs(1),
            write_timeout: Duration::from_secs(5),
            lease: Duration::from_secs(10),
            renew_every: Duration::from_secs(3),
            lock_timeout: Duration::from_secs(30),
            breaker_after: 5,
            breaker_first: Duration::from_secs(1),
            breaker_longest: Duration::from_secs(30),
            backoff_first: Duration::from_secs(1),
            backoff_longest: Duration::from_secs(60),
            undelivered_max: 10_000,
            swr: true,
            trust_after_failover: false,
        }
    }
}

/// What every input brings along.
pub struct Context<'a> {
    /// The driver's clock.
    pub now: Instant,
    /// The operating system's generator.
    pub entropy: &'a mut dyn Entropy,
}

/// What the driver has to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Hand this to the store; its answer goes to [`Engine::on_store`].
    Store {
        /// Names the operation.
        ticket: Ticket,
        /// The operation.
        op: Op,
    },
    /// Tell the caller.
    Decision(Decision),
}

/// What an answer of the store is for.
#[derive(Debug)]
pub(super) enum Awaited {
    /// Nobody waits for it.
    Nothing,
    Origin,
    Read(Batch),
    Versions(u64, Vec<Tag>),
    Ensure(u64),
    Place(u64, Key, Id),
    GiveBack(Key, Id),
    Commit(u32),
    Renew(u32),
    TagsEnsured(u64, Vec<Tag>),
    Amended(u64),
    RefreshEnsure(u64),
    RefreshPlace(u64, Key, Id),
    Write(u64, Step),
    Debts(Vec<u64>),
}

/// The cache engine of one process.
#[derive(Debug)]
pub struct Engine {
    pub(super) config: EngineConfig,
    pub(super) repos: Vec<(String, Names)>,
    outputs: VecDeque<Output>,
    pub(super) timers: Timers,
    pub(super) link: Link,
    pub(super) breaker: Breaker,
    /// The operation whose silence the breaker has counted last: one silence counts once, however many calls it strands.
    pub(super) counted: Option<Ticket>,
    awaited: Numbered<u64, Awaited>,
    next_ticket: u64,
    next_number: u64,
    pub(super) seeks: Numbered<u64, Seek>,
    /// Reads that leave with the next batch.
    pub(super) queue: VecDeque<u64>,
    /// Reads that a call of this tick may still join, by hash of their key.
    pub(super) forming: Numbered<u64, u64>,
    pub(super) hasher: std::collections::hash_map::RandomState,
    pub(super) loads: Numbered<u32, Load>,
    next_load: u32,
    /// Own leases.
    pub(super) flights: HashMap<Id, u32>,
    pub(super) bare: HashMap<Key, Bare>,
    pub(super) refreshing: Numbered<u64, Refreshing>,
    /// Stale entries by stamp that need no attempt at a refresh until a moment.
    pub(super) resting: LruCache<Key, (Id, Instant)>,
    pub(super) namings: Numbered<u64, Naming>,
    pub(super) writes: Numbered<u64, Write>,
    pub(super) debts: Debts,
    /// Leases that nobody holds, to be given back when the store is there.
    pub(super) orphans: VecDeque<(Key, Id)>,
}

impl Engine {
    /// An engine whose store is not up yet.
    pub fn new(config: EngineConfig) -> Self {
        let limits = breaker::Limits {
            after: config.breaker_after,
            first: config.breaker_first,
            longest: config.breaker_longest,
            trial: config.command_timeout.saturating_mul(2),
        };
        Self {
            breaker: Breaker::new(limits),
            debts: Debts::new(config.undelivered_max),
            config,
            repos: Vec::new(),
            outputs: VecDeque::new(),
            timers: Timers::default(),
            link: Link::default(),
            counted: None,
            awaited: Numbered::default(),
            next_ticket: 0,
            next_number: 0,
            seeks: Numbered::default(),
            queue: VecDeque::new(),
            forming: Numbered::default(),
            hasher: std::collections::hash_map::RandomState::new(),
            loads: Numbered::default(),
            next_load: 0,
            flights: HashMap::new(),
            bare: HashMap::new(),
            refreshing: Numbered::default(),
            resting: LruCache::new(NonZeroUsize::new(RESTING_MAX).unwrap_or(NonZeroUsize::MIN)),
            namings: Numbered::default(),
            writes: Numbered::default(),
            orphans: VecDeque::new(),
        }
    }

    /// The repository with this prefix. The same prefix is the same repository.
    pub fn register(&mut self, prefix: &str) -> Result<RepoId, Error> {
        if let Some(at) = self.repos.iter().position(|(known, _)| known == prefix) {
            return Ok(RepoId(at as u32 + 1));
        }
        self.repos.push((prefix.to_owned(), Names::new(prefix)?));
        Ok(RepoId(self.repos.len() as u32))
    }

    /// A call.
    pub fn call(&mut self, cx: &mut Context<'_>, call: CallId, repo: RepoId, request: Request) {
        if self.names(repo).is_none() {
            let error = Error::new(ErrorKind::Internal, "the repository of a cache call is not registered");
            self.decide(Decision::Error { call, error, kept: false });
            return;
        }
        match request {
            Request::GetOrSet { .. } | Request::Get { .. } | Request::Has { .. } => self.begin_read(cx, call, repo, request),
            _ => self.begin_write(cx, call, repo, request),
        }
    }

    /// The caller has given a call up. Its loader, if it runs, goes on; a write goes on too.
    pub fn cancel(&mut self, call: CallId) {
        self.cancel_read(call);
        for naming in self.namings.values_mut().filter(|naming| naming.call == Some(call)) {
            naming.call = None;
        }
        for write in self.writes.values_mut().filter(|write| write.call == Some(call)) {
            write.call = None;
        }
    }

    /// A loader's outcome.
    pub fn loaded(&mut self, cx: &mut Context<'_>, load: LoadId, outcome: LoadOutcome) {
        self.end_load(cx, load.0, outcome);
    }

    /// A loader names more tags, before it reads its source. The call is done when they are in place, or when the load's result
    /// will not be stored.
    pub fn add_tags(&mut self, cx: &mut Context<'_>, call: CallId, load: LoadId, tags: Vec<Tag>) {
        self.name_tags(cx, call, load.0, tags);
    }

    /// The store's answer to an operation.
    pub fn on_store(&mut self, cx: &mut Context<'_>, ticket: Ticket, answer: Result<StoreReply, StoreError>) {
        let Some(awaited) = self.awaited.remove(&ticket.0) else { return };
        match awaited {
            Awaited::Nothing => {}
            Awaited::Origin => self.on_origin(cx, answer),
            Awaited::Read(batch) => self.on_read(cx, ticket, batch, answer),
            Awaited::Versions(seek, tags) => self.on_versions(cx, ticket, seek, tags, answer),
            Awaited::Ensure(seek) => self.on_ensured(cx, ticket, seek, answer),
            Awaited::Place(seek, entry, token) => self.on_placed(cx, ticket, seek, entry, token, answer),
            Awaited::GiveBack(entry, token) => {
                if matches!(answer, Err(StoreError::Cut { .. } | StoreError::NotSent)) {
                    self.orphan(entry, token);
                }
            }
            Awaited::Commit(load) => self.on_commit(cx, load, answer),
            Awaited::Renew(load) => self.on_renewed(load, answer),
            Awaited::TagsEnsured(naming, tags) => self.on_tags_ensured(cx, naming, tags, answer),
            Awaited::Amended(naming) => self.on_amended(naming, &answer),
            Awaited::RefreshEnsure(refresh) => self.on_refresh_ensured(cx, refresh, answer),
            Awaited::RefreshPlace(refresh, entry, token) => self.on_refresh_placed(cx, refresh, entry, token, answer),
            Awaited::Write(write, step) => self.on_written(cx, write, step, answer),
            Awaited::Debts(debts) => self.on_debts(cx, &debts, answer),
        }
    }

    /// The store's link is ready.
    pub fn on_store_up(&mut self, cx: &mut Context<'_>) {
        self.link_up(cx);
    }

    /// The store's link is lost. What was in flight is answered by the driver with [`StoreError::Cut`] or
    /// [`StoreError::NotSent`], before or after this.
    pub fn on_store_down(&mut self, cx: &mut Context<'_>) {
        self.link_down(cx);
    }

    /// Judges the deadlines that have passed.
    pub fn on_timer(&mut self, cx: &mut Context<'_>) {
        // What is set from here on is for another time, even if that is now.
        let mut due = Vec::new();
        while self.timers.peek().is_some_and(|(when, _)| when <= cx.now) {
            if let Some((when, timer)) = self.timers.pop() {
                if self.is_live(when, timer) {
                    due.push(timer);
                }
            }
        }
        for timer in due {
            match timer {
                Timer::Seek(seek) => self.seek_due(cx, seek),
                Timer::Load(load) => self.load_due(cx, load),
                Timer::Refresh(refresh) => self.refresh_due(cx, refresh),
                Timer::Naming(naming) => self.naming_due(cx, naming),
                Timer::Write(write) => self.write_due(cx, write),
                Timer::Link => self.link_due(cx),
            }
        }
    }

    /// The next thing to carry out. Reads that were waiting for each other leave when nothing else is left.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() && !self.queue.is_empty() && self.link.is_trusted() {
            self.send_reads();
        }
        self.outputs.pop_front()
    }

    /// When [`Engine::on_timer`] wants to be called.
    pub fn next_wakeup(&mut self) -> Option<Instant> {
        while let Some((when, timer)) = self.timers.peek() {
            if self.is_live(when, timer) {
                return Some(when);
            }
            self.timers.pop();
        }
        None
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        let reads = self.seeks.is_empty() && self.loads.is_empty() && self.flights.is_empty() && self.bare.is_empty();
        reads && self.refreshing.is_empty() && self.namings.is_empty() && self.writes.is_empty()
    }

    fn is_live(&self, when: Instant, timer: Timer) -> bool {
        match timer {
            Timer::Seek(seek) => self.seeks.get(&seek).is_some_and(|seek| seek.due() <= when),
            Timer::Load(load) => self.loads.contains_key(&load),
            Timer::Refresh(refresh) => self.refreshing.contains_key(&refresh),
            Timer::Naming(naming) => self.namings.contains_key(&naming),
            Timer::Write(write) => self.writes.contains_key(&write),
            Timer::Link => true,
        }
    }

    pub(super) fn names(&self, repo: RepoId) -> Option<&Names> {
        self.repos.get((repo.0 as usize).checked_sub(1)?).map(|(_, names)| names)
    }

    pub(super) fn decide(&mut self, decision: Decision) {
        self.outputs.push_back(Output::Decision(decision));
    }

    pub(super) fn event(&mut self, repo: Option<RepoId>, name: &'static str, text: impl Into<String>) {
        self.decide(Decision::Event { repo, name, text: text.into() });
    }

    /// Hands an operation to the store.
    pub(super) fn send(&mut self, op: Op, awaited: Awaited) -> Ticket {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.awaited.insert(ticket.0, awaited);
        self.outputs.push_back(Output::Store { ticket, op });
        ticket
    }

    /// Another purpose for an answer that is still to come.
    pub(super) fn await_instead(&mut self, ticket: Ticket, awaited: Awaited) {
        if let Some(old) = self.awaited.get_mut(&ticket.0) {
            *old = awaited;
        }
    }

    /// A number that was never given before. It also orders what it is given to.
    pub(super) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    pub(super) fn load_id(&mut self) -> u32 {
        loop {
            self.next_load = self.next_load.checked_add(1).unwrap_or(1);
            if !self.loads.contains_key(&self.next_load) {
                return self.next_load;
            }
        }
    }
}
