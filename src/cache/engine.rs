//! The engine's interface for its driver: inputs, outputs, time. It owns the machines and passes inputs and messages between
//! them. The machine that takes an input decides its effects.
//!
//! After every input the driver drains [`Engine::poll_output`] and asks [`Engine::next_wakeup`]. Calls given between two
//! drains are one batch: their reads leave in one operation. Only [`Engine::on_timer`] decides whether something has waited too long; the
//! driver calls it after one more look at its socket. Waiting for the store counts in attentive time (`store::node::Attention`).

use super::caller::Caller;
use super::config::EngineConfig;
use super::effects::{Effect, Fx, Outbox};
use super::handoff::Handoff;
use super::io::{Context, LaneEvent, Output};
use super::load::Former;
use super::lookup::keys_of;
use super::machines::Machines;
use super::near::{Ground, Near, NearOutput};
use super::parsed::Parsed;
use super::repos::Repos;
use super::request::{CallId, Decision, LoadId, LoadOutcome, ParsedId, Reader, RepoId, Request};
use super::tag_addition::Admission;
use super::timers::Timer;
use super::wire::{self, Message};
use super::writes::Targets;
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::error::{Error, ErrorKind};
use crate::store::entry::Tag;
use crate::store::node::Attention;
use crate::store::nodes::{Change, Nodes, NodesOutput};
use crate::store::{Answer, Key, NodeId, StoreError, StoreReply, Ticket};

/// The value that a load replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale<'a> {
    /// Its text.
    Text(&'a [u8]),
    /// The driver keeps it parsed.
    Parsed(ParsedId),
}

/// The cache engine of one process.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    repos: Repos,
    out: Outbox,
    attention: Attention,
    /// The time of the last input.
    now: Instant,
    nodes: Nodes,
    is_map_outdated: bool,
    machines: Machines,
    near: Near,
}

/// The effects' sink for one input of a machine: borrows the outbox, and leaves the machines free.
macro_rules! fx {
    ($engine:ident, $cx:ident) => {
        &mut Fx {
            now: $cx.now,
            attended: $engine.attention.at($cx.now).attended,
            entropy: &mut *$cx.entropy,
            is_cluster: $engine.nodes.is_cluster(),
            out: &mut $engine.out,
        }
    };
}

impl Engine {
    /// An engine whose store is not up yet.
    pub fn new(config: EngineConfig) -> Self {
        let mut out = Outbox::default();
        out.set_longest_load(config.longest_load);
        out.set_parsed(Parsed::new(config.parsed_bytes, config.conditional_bytes));
        Self {
            repos: Repos::default(),
            out,
            attention: Attention::new(config.command_timeout),
            now: Instant::default(),
            nodes: Nodes::new(config.node()),
            is_map_outdated: false,
            machines: Machines::new(&config),
            near: Near::default(),
            config,
        }
    }

    /// The repository with this prefix. The same prefix is the same repository.
    pub fn register(&mut self, prefix: &str) -> Result<RepoId, Error> {
        self.repos.register(prefix)
    }

    /// No further call names this repository. Calls under way continue.
    pub fn forget(&mut self, repo: RepoId) {
        self.repos.forget(repo);
    }

    /// Takes a buffer of messages. Anything that is not a message of this protocol ends it, as an error.
    pub fn take_messages(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Result<(), Error> {
        let mut at = 0;
        while at < bytes.len() {
            let Some((message, length)) = wire::parse(&bytes[at..]) else {
                return Err(Error::new(ErrorKind::Internal, "a cache call that crossed over cannot be understood"));
            };
            at += length;
            match message {
                Message::Call(call, reader, request) => self.call_by(cx, call, reader, request),
                Message::Dropped(parsed) => self.dropped(parsed),
                Message::Loaded(load, outcome) => self.loaded(cx, load, outcome),
                Message::AddTags(call, load, tags) => self.add_tags(cx, call, load, tags),
                Message::Cancel(call) => self.cancel(call),
                Message::NearFill(fill, repo, key, tags) => self.near_fill(cx, fill, repo, &key, tags),
                Message::NearForget(copies) => copies.into_iter().for_each(|copy| self.near.forget(copy)),
                Message::Soften(call) => self.soften(cx, call),
            }
        }
        Ok(())
    }

    /// A call of a caller who wants the text of a value.
    pub fn call(&mut self, cx: &mut Context<'_>, call: CallId, repo: RepoId, request: Request) {
        self.call_by(cx, call, Reader { repo, codec: None }, request);
    }

    /// A call.
    pub fn call_by(&mut self, cx: &mut Context<'_>, call: CallId, reader: Reader, request: Request) {
        let Some(repo) = self.repos.get(reader.repo) else {
            let error = Error::new(ErrorKind::Internal, "the repository of a cache call is not registered");
            return self.out.decide(Decision::Error { call, error, kept: false });
        };
        if matches!(request, Request::GetOrSet { .. } | Request::Get { .. } | Request::Has { .. }) {
            let began = self.out.number();
            let Some((mut caller, key)) = Caller::of(call, request, began, self.config.lock_timeout) else { return };
            caller.codec = reader.codec;
            let entry = repo.names.entry(&key);
            let keys = if self.nodes.is_cluster() { keys_of(repo, &entry, caller.tags()) } else { Vec::new() };
            // While a node is silent it is not worth asking.
            if self.nodes.allows(&keys, cx.now) {
                let budget = if self.nodes.was_readable(&keys) { self.config.command_timeout } else { self.config.connect_budget };
                let can_be_read = self.nodes.group_of(keys.iter()).is_some();
                self.machines.lookups.begin(fx!(self, cx), repo, entry, caller, budget, can_be_read);
            } else {
                self.out.bypass(repo, &entry, caller, Shortfall::ReadNotAsked);
            }
        } else {
            self.machines.writes.begin(fx!(self, cx), call, repo, request, Targets::Nodes(&self.nodes));
        }
        self.settle(cx);
    }

    /// The driver does not keep this parsed value any longer.
    pub fn dropped(&mut self, parsed: ParsedId) {
        self.out.parsed.drop(parsed);
    }

    /// The caller has given a call up. Its loader, if it runs, goes on; a write goes on too.
    pub fn cancel(&mut self, call: CallId) {
        self.machines.cancel(call);
    }

    /// The caller has waited for a load for some time: it gets the value that is being replaced, if it may have that. The load goes on.
    pub fn soften(&mut self, cx: &mut Context<'_>, call: CallId) {
        self.machines.soften(fx!(self, cx), call);
        self.settle(cx);
    }

    /// The value that a load replaces, if it was usable when the load began.
    pub fn stale_of(&self, load: LoadId) -> Option<Stale<'_>> {
        match self.machines.loads.stale_of(load.0)? {
            Former::Text(text) => Some(Stale::Text(text)),
            Former::Parsed(stamp, codec) => self.out.parsed.id_of(stamp, codec).map(Stale::Parsed),
        }
    }

    /// A loader's outcome.
    pub fn loaded(&mut self, cx: &mut Context<'_>, load: LoadId, outcome: LoadOutcome) {
        if self.machines.loads.has(load.0) {
            let may_write = self.may_write_for(load.0);
            self.machines.loads.end(fx!(self, cx), load.0, outcome, may_write);
        } else {
            self.machines.uncached.end(fx!(self, cx), load.0, outcome);
        }
        self.settle(cx);
    }

    /// A loader adds tags before it reads its source. The call is done when they are in place, or when the load's result will not
    /// be stored.
    pub fn add_tags(&mut self, cx: &mut Context<'_>, call: CallId, load: LoadId, tags: Vec<Tag>) {
        let may_write = self.may_write_for(load.0);
        let admission = if self.machines.uncached.has(load.0) {
            Admission::NotStored
        } else {
            self.machines.loads.admit_tags(fx!(self, cx), load.0, tags, may_write)
        };
        self.machines.additions.begin(fx!(self, cx), call, load.0, admission);
        self.settle(cx);
    }

    /// The facade wants a near copy of an entry.
    pub fn near_fill(&mut self, cx: &mut Context<'_>, fill: u32, repo: RepoId, key: &[u8], tags: Vec<Tag>) {
        match self.repos.get(repo) {
            Some(repo) => self.near.fill(cx.now, fill, repo, key, tags, Ground::Nodes(&self.nodes)),
            None => self.out.decide(Decision::NearRefused { fill }),
        }
        self.settle(cx);
    }

    /// The lane of a node, or a push on it.
    pub fn on_lane(&mut self, cx: &mut Context<'_>, node: NodeId, event: LaneEvent) {
        self.out.tell_near();
        self.near.on_lane(cx.now, node, event, Ground::Nodes(&self.nodes));
        self.settle(cx);
    }

    /// Near copies may be served until this moment; `None`: as long as they are not dropped.
    pub fn near_proven_until(&self) -> Option<Instant> {
        self.near.proven_until()
    }

    /// The store's answer to an operation.
    pub fn on_store(&mut self, cx: &mut Context<'_>, ticket: Ticket, answer: Result<StoreReply, StoreError>) {
        if Near::owns(ticket) {
            self.near.on_answer(cx.now, ticket, answer, Ground::Nodes(&self.nodes));
        } else {
            self.nodes.on_outcome(ticket, answer, self.attention.at(cx.now));
        }
        self.settle(cx);
    }

    /// The store's servers have changed.
    pub fn on_store_change(&mut self, cx: &mut Context<'_>, change: Change<'_>) {
        self.nodes.on_change(change, self.attention.at(cx.now));
        self.near.on_slots(Ground::Nodes(&self.nodes));
        self.on_unavailable(cx);
    }

    /// A node's link is ready.
    pub fn on_store_up(&mut self, cx: &mut Context<'_>, node: NodeId) {
        self.nodes.on_up(node, cx.now);
        self.settle(cx);
    }

    /// The store in this process is ready.
    pub fn on_memory_up(&mut self, cx: &mut Context<'_>) {
        self.nodes.on_memory_up();
        self.out.tell_near();
        self.near.on_memory();
        self.settle(cx);
    }

    /// A node's link is lost. The driver answers what was in flight with [`StoreError::Cut`] or [`StoreError::NotSent`], before
    /// or after this.
    pub fn on_store_down(&mut self, cx: &mut Context<'_>, node: NodeId) {
        self.nodes.on_down(node, self.attention.at(cx.now));
        self.on_unavailable(cx);
    }

    fn on_unavailable(&mut self, cx: &mut Context<'_>) {
        self.machines.lookups.on_unreadable(fx!(self, cx));
        self.machines.writes.on_unwritable(fx!(self, cx));
        self.settle(cx);
    }

    /// The driver has taken the cache off its store. The next store is a new start.
    pub fn on_detached(&mut self, cx: &mut Context<'_>) {
        self.nodes.on_detached();
        self.near.on_detached();
        self.settle(cx);
    }

    /// Bytes have arrived on a node's link.
    pub fn on_heard(&mut self, node: NodeId, now: Instant) {
        self.nodes.on_heard(node, self.attention.at(now));
    }

    /// Sets how many bytes of requests on a node's link are not answered. Called before [`Engine::on_timer`]. Returns whether the
    /// link's transport should be asked whether they are still leaving.
    pub fn set_unanswered(&mut self, node: NodeId, bytes: usize) -> bool {
        self.nodes.set_unanswered(node, bytes)
    }

    /// Requests are still leaving, says the transport of a node's link.
    pub fn on_leaving(&mut self, node: NodeId, now: Instant) {
        self.nodes.on_leaving(node, self.attention.at(now));
    }

    /// Gives up what has waited too long. The driver has looked at its socket once more.
    pub fn on_timer(&mut self, cx: &mut Context<'_>) {
        if self.is_waiting() {
            let at = self.attention.look(cx.now);
            self.nodes.on_look(at);
            self.settle(cx);
        } else {
            self.attention.rest();
        }
        self.near.on_timer(cx.now, Ground::Nodes(&self.nodes));
        self.settle(cx);
        // A timer that is set from here on is for another time, even if that is now.
        let mut due = Vec::new();
        while self.out.timers().peek().is_some_and(|(when, _)| when <= cx.now) {
            if let Some((when, timer)) = self.out.timers().pop() {
                if self.machines.is_live(when, timer) {
                    due.push(timer);
                }
            }
        }
        for timer in due {
            if timer == Timer::Node {
                self.nodes.on_timer(self.attention.at(cx.now));
            } else {
                self.machines.on_timer(fx!(self, cx), Targets::Nodes(&self.nodes), timer);
            }
            self.settle(cx);
        }
    }

    /// The next thing to carry out. Lookups that were waiting for each other leave when nothing else is left.
    pub fn poll_output(&mut self) -> Option<Output> {
        let at = self.attention.at(self.now);
        loop {
            if let Some((node, ticket, op)) = self.nodes.next_to_send(at) {
                return Some(Output::Store { ticket, node, op });
            }
            if !self.out.has_effects() && self.machines.lookups.may_send() {
                let Self { machines, out, nodes, .. } = self;
                machines.lookups.send_batch(out, nodes.batch_max(), |lookup| nodes.group_of(lookup.keys()));
            }
            match self.out.next_effect() {
                None if std::mem::take(&mut self.is_map_outdated) => return Some(Output::MapOutdated),
                None => return self.out.next_tally().map(Output::Decision),
                Some(Effect::Decide(decision)) => return Some(Output::Decision(decision)),
                Some(Effect::SendOnLane(ticket, node, op)) => return Some(Output::Lane { ticket, node, op }),
                Some(Effect::Send(ticket, op, patience)) => self.nodes.submit(ticket, op, patience, at),
            }
        }
    }

    /// When [`Engine::on_timer`] wants to be called.
    pub fn next_wakeup(&mut self) -> Option<Instant> {
        let look = self.is_waiting().then(|| self.attention.next(self.now, self.nodes.due()));
        [look, self.next_timer(), self.near.next_wakeup(Ground::Nodes(&self.nodes))].into_iter().flatten().min()
    }

    /// Whether somebody waits for the store.
    fn is_waiting(&self) -> bool {
        self.nodes.due().is_some() || self.machines.lookups.has_queued() || !self.machines.writes.is_empty()
    }

    fn next_timer(&mut self) -> Option<Instant> {
        while let Some((when, timer)) = self.out.timers().peek() {
            if self.machines.is_live(when, timer) {
                return Some(when);
            }
            self.out.timers().pop();
        }
        None
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.machines.is_idle() && self.near.is_idle()
    }

    fn may_write_for(&self, load: u32) -> bool {
        self.machines.loads.entry_of(load).is_some_and(|entry| self.nodes.may_write(std::slice::from_ref(entry)))
    }

    /// Passes messages between the machines and the node until none is left.
    fn settle(&mut self, cx: &mut Context<'_>) {
        self.now = cx.now;
        loop {
            if let Some(output) = self.nodes.poll_output(self.attention.at(cx.now)) {
                self.on_nodes_output(cx, output);
            } else if let Some(handoff) = self.out.next_handoff() {
                self.route(cx, handoff);
            } else {
                self.near.check(cx.now, Ground::Nodes(&self.nodes));
                let Some(output) = self.near.poll_output() else { return };
                self.on_near_output(cx, output);
            }
        }
    }

    fn on_nodes_output(&mut self, cx: &mut Context<'_>, output: NodesOutput) {
        match output {
            NodesOutput::WakeAt(when) => self.out.wake_at(when, Timer::Node),
            NodesOutput::Writable => self.machines.writes.resume(fx!(self, cx), Targets::Nodes(&self.nodes)),
            NodesOutput::Readable(id) => {
                let (attended, nodes) = (self.attention.at(cx.now).attended, &self.nodes);
                self.machines.lookups.on_readable(attended, |lookup| nodes.is_on(id, lookup.keys()));
            }
            NodesOutput::Answer { ticket, answer } => {
                if answer.is_err() {
                    self.out.place = self.nodes.take_blamed(ticket);
                }
                self.on_answer(cx, ticket, answer);
                self.out.place = None;
            }
            NodesOutput::GivenUp { ticket, was_sent } => {
                self.out.place = self.nodes.take_blamed(ticket);
                self.give_up(cx, ticket, was_sent);
                self.out.place = None;
            }
            NodesOutput::Pending(number) => self.out.count_pending(number),
            NodesOutput::MapOutdated => self.is_map_outdated = true,
            NodesOutput::Event { name, text } => self.out.event(None, name, text),
        }
    }

    fn on_near_output(&mut self, cx: &mut Context<'_>, output: NearOutput) {
        match output {
            NearOutput::Send { ticket, node, op } => self.out.send_on_lane(ticket, node, op),
            NearOutput::Filled(filled) => self.out.decide(Decision::NearFilled(filled)),
            NearOutput::Refused { fill } => self.out.decide(Decision::NearRefused { fill }),
            NearOutput::Dropped { copy } => self.out.decide(Decision::NearDropped { copy }),
            NearOutput::Useless { node } => self.out.decide(Decision::LaneUseless { node: node.0 }),
            NearOutput::Wake(lookup) => self.machines.lookups.wake_up(fx!(self, cx), lookup),
            NearOutput::Watched { lookup, until } => self.machines.lookups.watched(fx!(self, cx), lookup, until),
            NearOutput::Warning(text) => self.out.event(None, "warning", text),
        }
    }

    fn on_answer(&mut self, cx: &mut Context<'_>, ticket: Ticket, answer: Result<Answer, StoreError>) {
        let Some(purpose) = self.out.take_purpose(ticket) else { return };
        self.machines.on_answer(fx!(self, cx), Targets::Nodes(&self.nodes), ticket, purpose, answer);
    }

    /// The server has been silent about an operation for too long.
    fn give_up(&mut self, cx: &mut Context<'_>, ticket: Ticket, was_sent: bool) {
        let Some(purpose) = self.out.take_purpose(ticket) else { return };
        self.machines.on_silence(fx!(self, cx), ticket, &purpose, was_sent);
        if was_sent {
            self.out.await_again(ticket, purpose);
        }
    }

    fn route(&mut self, cx: &mut Context<'_>, handoff: Handoff) {
        match handoff {
            Handoff::Foreign(id, mut lookup) => {
                lookup.rechecked = true;
                let keys: Vec<Key> = lookup.keys().collect();
                if self.nodes.on_foreign(&keys, cx.now) {
                    self.machines.lookups.read_again(fx!(self, cx), id, lookup);
                } else {
                    self.machines.lookups.evaluate_again(fx!(self, cx), id, lookup);
                }
            }
            Handoff::Place(id, lookup) => self.machines.placements.begin(fx!(self, cx), id, lookup),
            Handoff::Follow(id, lookup, token) => {
                if let Some(load) = self.machines.loads.of_token(&token) {
                    lookup.callers.into_iter().for_each(|caller| self.machines.loads.join(fx!(self, cx), load, caller));
                } else {
                    let entry = lookup.entry.clone();
                    let id = self.machines.lookups.wait(fx!(self, cx), id, lookup);
                    self.near.watch(cx.now, id, &entry, token, Ground::Nodes(&self.nodes));
                }
            }
            Handoff::Written(keys, decision) => {
                self.near.on_own_write(keys.as_deref());
                while let Some(output) = self.near.poll_output() {
                    self.on_near_output(cx, output);
                }
                if let Some(decision) = decision {
                    self.out.decide(decision);
                }
            }
            Handoff::Evaluate(id, lookup) => self.machines.lookups.evaluate_again(fx!(self, cx), id, lookup),
            Handoff::ReadAgain(id, lookup) => self.machines.lookups.read_again(fx!(self, cx), id, lookup),
            Handoff::Lost(id, lookup, error) => self.machines.lookups.lost(fx!(self, cx), id, lookup, &error),
            Handoff::Start(lookup, token) => self.machines.loads.begin(fx!(self, cx), *lookup, token),
            Handoff::Uncached(repo, entry, caller) => self.machines.uncached.begin(fx!(self, cx), &repo, &entry, caller),
            Handoff::Revalidate(repo, entry, caller, value) => {
                let can_be_read = self.nodes.group_of(std::iter::once(entry.clone())).is_some();
                self.machines.refreshes.begin(fx!(self, cx), repo, entry, &caller, value, can_be_read);
            }
            Handoff::Refresh(placed) => self.machines.loads.begin_refresh(fx!(self, cx), placed),
            Handoff::GiveBack(entry, token) => self.nodes.give_back(entry, token, self.attention.at(cx.now)),
            Handoff::BackOff(entry, token) => {
                let may_write = self.nodes.may_write(std::slice::from_ref(&entry));
                self.machines.refreshes.back_off(fx!(self, cx), entry, token, may_write);
            }
            Handoff::TagsCaptured { addition, load, captured } => {
                let amend = self.machines.loads.capture_tags(load, captured);
                self.machines.additions.on_captured(fx!(self, cx), addition, amend);
            }
            Handoff::TagsAdded { load, in_place } => self.machines.loads.tags_added(fx!(self, cx), load, in_place),
            Handoff::Undelivered(overdue, invalidations) => {
                let is_kept = !invalidations.is_empty() && self.nodes.keep(invalidations, overdue.in_flight, self.attention.at(cx.now));
                self.machines.writes.give_up(&mut self.out, overdue, is_kept);
            }
            Handoff::Silence(since, keys) => self.nodes.on_silence(&keys, cx.now, since),
            Handoff::Refused(error) => self.nodes.on_refused(cx.now, &error),
        }
    }
}
