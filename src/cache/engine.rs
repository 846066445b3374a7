//! The engine's interface for its driver: inputs, outputs, time. It gives each input to its machine, which decides the
//! effects; the [`Router`] passes the machines' messages on.
//!
//! After every input the driver drains [`Engine::poll_output`] and asks [`Engine::next_wakeup`]. Calls given between two
//! drains are one batch: their reads leave in one operation. Only [`Engine::on_timer`] decides whether something has waited too long; the
//! driver calls it after one more look at its socket. Waiting for the store counts in attentive time (`store::node::Attention`).

use super::caller::Caller;
use super::config::EngineConfig;
use super::decision::Decision;
use super::effects::{Effect, Fx, Outbox};
use super::ids::{CallId, LoadId, ParsedId, Reader, RepoId};
use super::io::{Context, LaneEvent, Output};
use super::load::Former;
use super::lookup::keys_of;
use super::near::{Ground, Near};
use super::parsed::Parsed;
use super::payload::Payload;
use super::repos::Repos;
use super::request::{LoadOutcome, Request};
use super::router::{fx, Router};
use super::tag_addition::Admission;
use super::targets::Targets;
use super::timers::Timer;
use super::wire::Message;
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::error::{Error, ErrorKind};
use crate::store::entry::Tag;
use crate::store::nodes::Change;
use crate::store::{NodeId, StoreError, StoreReply, Ticket};

/// The value that a load replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stale {
    /// Itself.
    Value(Payload),
    /// The driver keeps it parsed.
    Parsed(ParsedId),
}

/// The cache engine of one process.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    repos: Repos,
    router: Router,
}

impl Engine {
    /// An engine whose store is not up yet.
    pub fn new(config: EngineConfig) -> Self {
        let mut out = Outbox::default();
        out.set_longest_load(config.longest_load);
        out.set_parsed(Parsed::new(config.parsed_bytes, config.conditional_bytes));
        Self { repos: Repos::default(), router: Router::new(&config, out), config }
    }

    /// The repository with this prefix. The same prefix is the same repository.
    pub fn register(&mut self, prefix: &str) -> Result<RepoId, Error> {
        self.repos.register(prefix)
    }

    /// No further call names this repository. Calls under way continue.
    pub fn forget(&mut self, repo: RepoId) {
        self.repos.forget(repo);
    }

    /// Takes a message of the facade.
    pub fn take(&mut self, cx: &mut Context<'_>, message: Message) {
        match message {
            Message::Call(call, reader, request) => self.call_by(cx, call, reader, request),
            Message::Dropped(parsed) => self.dropped(parsed),
            Message::Loaded(load, outcome) => self.loaded(cx, load, outcome),
            Message::AddTags(call, load, tags) => self.add_tags(cx, call, load, tags),
            Message::Cancel(call) => self.cancel(call),
            Message::NearFill(fill, repo, key, tags) => self.near_fill(cx, fill, repo, &key, tags),
            Message::NearForget(copies) => copies.into_iter().for_each(|copy| self.router.near.forget(copy)),
            Message::Soften(call) => self.soften(cx, call),
            // It is for the stage before the engine.
            Message::Word(..) => {}
        }
    }

    /// A call of a caller who wants the text of a value.
    pub fn call(&mut self, cx: &mut Context<'_>, call: CallId, repo: RepoId, request: Request) {
        self.call_by(cx, call, Reader { repo, codec: None }, request);
    }

    /// A call.
    pub fn call_by(&mut self, cx: &mut Context<'_>, call: CallId, reader: Reader, request: Request) {
        let Some(repo) = self.repos.get(reader.repo) else {
            let error = Error::new(ErrorKind::Internal, "the repository of a cache call is not registered");
            return self.router.out.decide(Decision::Error { call, error, kept: false });
        };
        if matches!(request, Request::GetOrSet { .. } | Request::Get { .. } | Request::Has { .. }) {
            let began = self.router.out.number();
            let Some((mut caller, key)) = Caller::of(call, request, began, self.config.lock_timeout) else { return };
            caller.codec = reader.codec;
            let entry = repo.names.entry(&key);
            let keys = if self.router.nodes.is_cluster() { keys_of(repo, &entry, caller.tags()) } else { Vec::new() };
            // While a node is silent it is not worth asking.
            if self.router.nodes.allows(&keys, cx.now) {
                let budget = if self.router.nodes.was_readable(&keys) { self.config.command_timeout } else { self.config.connect_budget };
                let can_be_read = self.router.nodes.group_of(keys.iter()).is_some();
                self.router.machines.lookups.begin(fx!(self.router, cx), repo, entry, caller, budget, can_be_read);
            } else {
                self.router.out.bypass(repo, &entry, caller, Shortfall::ReadNotAsked);
            }
        } else if matches!(request, Request::Inspect { .. } | Request::Scan { .. }) {
            self.router.machines.inspections.begin(fx!(self.router, cx), call, repo, request, Targets::Nodes(&self.router.nodes));
        } else {
            self.router.machines.writes.begin(fx!(self.router, cx), call, repo, request, Targets::Nodes(&self.router.nodes));
        }
        self.router.settle(cx);
    }

    /// The driver does not keep this parsed value any longer.
    pub fn dropped(&mut self, parsed: ParsedId) {
        self.router.out.parsed.drop(parsed);
    }

    /// The caller has given a call up. Its loader, if it runs, goes on; a write goes on too.
    pub fn cancel(&mut self, call: CallId) {
        self.router.machines.cancel(call);
    }

    /// The caller has waited for a load for some time: it gets the value that is being replaced, if it may have that. The load goes on.
    pub fn soften(&mut self, cx: &mut Context<'_>, call: CallId) {
        self.router.machines.soften(fx!(self.router, cx), call);
        self.router.settle(cx);
    }

    /// The value that a load replaces, if it was usable when the load began.
    pub fn stale_of(&self, load: LoadId) -> Option<Stale> {
        match self.router.machines.loads.stale_of(load.0)? {
            Former::Value(payload) => Some(Stale::Value(payload)),
            Former::Parsed(stamp, codec) => self.router.out.parsed.id_of(stamp, codec).map(Stale::Parsed),
        }
    }

    /// A loader's outcome.
    pub fn loaded(&mut self, cx: &mut Context<'_>, load: LoadId, outcome: LoadOutcome) {
        if self.router.machines.loads.has(load.0) {
            let may_write = self.may_write_for(load.0);
            self.router.machines.loads.end(fx!(self.router, cx), load.0, outcome, may_write);
        } else {
            self.router.machines.uncached.end(fx!(self.router, cx), load.0, outcome);
        }
        self.router.settle(cx);
    }

    /// A loader adds tags before it reads its source. The call is done when they are in place, or when the load's result will not
    /// be stored.
    pub fn add_tags(&mut self, cx: &mut Context<'_>, call: CallId, load: LoadId, tags: Vec<Tag>) {
        let may_write = self.may_write_for(load.0);
        let admission = if self.router.machines.uncached.has(load.0) {
            Admission::NotStored
        } else {
            self.router.machines.loads.admit_tags(fx!(self.router, cx), load.0, tags, may_write)
        };
        self.router.machines.additions.begin(fx!(self.router, cx), call, load.0, admission);
        self.router.settle(cx);
    }

    /// The facade wants a near copy of an entry.
    pub fn near_fill(&mut self, cx: &mut Context<'_>, fill: u32, repo: RepoId, key: &[u8], tags: Vec<Tag>) {
        match self.repos.get(repo) {
            Some(repo) => self.router.near.fill(cx.now, fill, repo, key, tags, Ground::Nodes(&self.router.nodes)),
            None => self.router.out.decide(Decision::NearRefused { fill }),
        }
        self.router.settle(cx);
    }

    /// The lane of a node, or a push on it.
    pub fn on_lane(&mut self, cx: &mut Context<'_>, node: NodeId, event: LaneEvent) {
        self.router.out.tell_near();
        self.router.near.on_lane(cx.now, node, event, Ground::Nodes(&self.router.nodes));
        self.router.settle(cx);
    }

    /// Near copies may be served until this moment; `None`: as long as they are not dropped.
    pub fn near_proven_until(&self) -> Option<Instant> {
        self.router.near.proven_until()
    }

    /// The store's answer to an operation.
    pub fn on_store(&mut self, cx: &mut Context<'_>, ticket: Ticket, answer: Result<StoreReply, StoreError>) {
        if Near::owns(ticket) {
            self.router.near.on_answer(cx.now, ticket, answer, Ground::Nodes(&self.router.nodes));
        } else {
            self.router.nodes.on_outcome(ticket, answer, self.router.attention.at(cx.now));
        }
        self.router.settle(cx);
    }

    /// The store's servers have changed.
    pub fn on_store_change(&mut self, cx: &mut Context<'_>, change: Change<'_>) {
        self.router.nodes.on_change(change, self.router.attention.at(cx.now));
        self.router.near.on_slots(Ground::Nodes(&self.router.nodes));
        self.on_unavailable(cx);
    }

    /// A node's link is ready.
    pub fn on_store_up(&mut self, cx: &mut Context<'_>, node: NodeId) {
        self.router.nodes.on_up(node, cx.now);
        self.router.settle(cx);
    }

    /// The store in this process is ready.
    pub fn on_memory_up(&mut self, cx: &mut Context<'_>) {
        self.router.nodes.on_memory_up();
        self.router.out.tell_near();
        self.router.near.on_memory();
        self.router.settle(cx);
    }

    /// A node's link is lost. The driver answers what was in flight with [`StoreError::Cut`] or [`StoreError::NotSent`], before
    /// or after this.
    pub fn on_store_down(&mut self, cx: &mut Context<'_>, node: NodeId) {
        self.router.nodes.on_down(node, self.router.attention.at(cx.now));
        self.on_unavailable(cx);
    }

    fn on_unavailable(&mut self, cx: &mut Context<'_>) {
        self.router.machines.lookups.on_unreadable(fx!(self.router, cx));
        self.router.machines.writes.on_unwritable(fx!(self.router, cx));
        self.router.settle(cx);
    }

    /// The driver has taken the cache off its store. The next store is a new start.
    pub fn on_detached(&mut self, cx: &mut Context<'_>) {
        self.router.nodes.on_detached();
        self.router.near.on_detached();
        self.router.settle(cx);
    }

    /// Bytes have arrived on a node's link.
    pub fn on_heard(&mut self, node: NodeId, now: Instant) {
        self.router.nodes.on_heard(node, self.router.attention.at(now));
    }

    /// Sets how many bytes of requests on a node's link are not answered. Called before [`Engine::on_timer`]. Returns whether the
    /// link's transport should be asked whether they are still leaving.
    pub fn set_unanswered(&mut self, node: NodeId, bytes: usize) -> bool {
        self.router.nodes.set_unanswered(node, bytes)
    }

    /// Requests are still leaving, says the transport of a node's link.
    pub fn on_leaving(&mut self, node: NodeId, now: Instant) {
        self.router.nodes.on_leaving(node, self.router.attention.at(now));
    }

    /// Gives up what has waited too long. The driver has looked at its socket once more.
    pub fn on_timer(&mut self, cx: &mut Context<'_>) {
        if self.is_waiting() {
            let at = self.router.attention.look(cx.now);
            self.router.nodes.on_look(at);
            self.router.settle(cx);
        } else {
            self.router.attention.rest();
        }
        self.router.near.on_timer(cx.now, Ground::Nodes(&self.router.nodes));
        self.router.settle(cx);
        // A timer that is set from here on is for another time, even if that is now.
        let mut due = Vec::new();
        while self.router.out.timers().peek().is_some_and(|(when, _)| when <= cx.now) {
            if let Some((when, timer)) = self.router.out.timers().pop() {
                if self.router.machines.is_live(when, timer) {
                    due.push(timer);
                }
            }
        }
        for timer in due {
            if timer == Timer::Node {
                self.router.nodes.on_timer(self.router.attention.at(cx.now));
            } else {
                self.router.machines.on_timer(fx!(self.router, cx), Targets::Nodes(&self.router.nodes), timer);
            }
            self.router.settle(cx);
        }
    }

    /// The next thing to carry out. Lookups that were waiting for each other leave when nothing else is left.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.router.machines.writes.seal();
        let at = self.router.attention.at(self.router.now);
        loop {
            if let Some((node, ticket, op)) = self.router.nodes.next_to_send(at) {
                return Some(Output::Store { ticket, node, op });
            }
            if !self.router.out.has_effects() && self.router.machines.lookups.may_send() {
                let Router { machines, out, nodes, .. } = &mut self.router;
                machines.lookups.send_batch(out, nodes.batch_max(), |lookup| nodes.group_of(lookup.keys()));
            }
            match self.router.out.next_effect() {
                None if std::mem::take(&mut self.router.is_map_outdated) => return Some(Output::MapOutdated),
                None => return self.router.out.next_tally().map(Output::Decision),
                Some(Effect::Decide(decision)) => return Some(Output::Decision(decision)),
                Some(Effect::SendOnLane(ticket, node, op)) => return Some(Output::Lane { ticket, node, op }),
                Some(Effect::Send(ticket, op, patience)) => self.router.nodes.submit(ticket, op, patience, at),
            }
        }
    }

    /// The decision that follows the last output, which was one: most outputs are decisions, and nothing leaves between two of them.
    pub fn next_decision(&mut self) -> Option<Decision> {
        self.router.out.next_decision()
    }

    /// When [`Engine::on_timer`] wants to be called.
    pub fn next_wakeup(&mut self) -> Option<Instant> {
        let look = self.is_waiting().then(|| self.router.attention.next(self.router.now, self.router.nodes.due()));
        [look, self.next_timer(), self.router.near.next_wakeup(Ground::Nodes(&self.router.nodes))].into_iter().flatten().min()
    }

    /// Whether somebody waits for the store.
    fn is_waiting(&self) -> bool {
        self.router.nodes.due().is_some() || self.router.machines.is_waiting()
    }

    fn next_timer(&mut self) -> Option<Instant> {
        while let Some((when, timer)) = self.router.out.timers().peek() {
            if self.router.machines.is_live(when, timer) {
                return Some(when);
            }
            self.router.out.timers().pop();
        }
        None
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.router.machines.is_idle() && self.router.near.is_idle()
    }

    fn may_write_for(&self, load: u32) -> bool {
        self.router.machines.loads.entry_of(load).is_some_and(|entry| self.router.nodes.may_write(std::slice::from_ref(entry)))
    }
}
