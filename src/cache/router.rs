//! The way of messages between the machines, the nodes and the near cache. It owns them, and decides nothing: the engine gives it the
//! inputs, and the machine that takes a message decides its effects.

use super::awaited::Awaited;
use super::config::EngineConfig;
use super::decision::Decision;
use super::effects::{Fx, Outbox};
use super::handoff::Handoff;
use super::io::Context;
use super::machines::Machines;
use super::near::{Ground, Near, NearOutput};
use super::targets::Targets;
use super::timers::Timer;
use crate::clock::Instant;
use crate::store::node::Attention;
use crate::store::nodes::{Nodes, NodesOutput};
use crate::store::{Answer, Key, StoreError, Ticket};

/// The machines, the nodes, and what they have left for each other.
#[derive(Debug)]
pub(super) struct Router {
    pub out: Outbox,
    pub attention: Attention,
    /// The time of the last input.
    pub now: Instant,
    pub nodes: Nodes,
    pub is_map_outdated: bool,
    pub machines: Machines,
    pub near: Near,
}

/// The effects' sink for one input of a machine: borrows the outbox, and leaves the machines free.
macro_rules! fx {
    ($router:expr, $cx:ident) => {
        &mut Fx {
            now: $cx.now,
            attended: $router.attention.at($cx.now).attended,
            entropy: &mut *$cx.entropy,
            is_cluster: $router.nodes.is_cluster(),
            out: &mut $router.out,
        }
    };
}
pub(super) use fx;

impl Router {
    pub(super) fn new(config: &EngineConfig, out: Outbox) -> Self {
        Self {
            out,
            attention: Attention::new(config.command_timeout),
            now: Instant::default(),
            nodes: Nodes::new(config.node()),
            is_map_outdated: false,
            machines: Machines::new(config),
            near: Near::default(),
        }
    }

    /// Passes messages between the machines and the node until none is left.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>) {
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
            NodesOutput::Writable => {
                self.machines.writes.resume(fx!(self, cx), Targets::Nodes(&self.nodes));
                self.machines.inspections.resume(fx!(self, cx), Targets::Nodes(&self.nodes));
            }
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
            Handoff::ForeignInspected(id, keys) => {
                let is_read_again = self.nodes.on_foreign(&keys, cx.now);
                self.machines.on_foreign_inspected(fx!(self, cx), Targets::Nodes(&self.nodes), id, is_read_again);
            }
            Handoff::Place(id, lookup) => self.machines.placements.begin(fx!(self, cx), id, lookup),
            Handoff::Follow(id, lookup, token, inner) => {
                if let Some(load) = self.machines.loads.of_token(&token) {
                    lookup.callers.into_iter().for_each(|caller| self.machines.loads.join(fx!(self, cx), load, caller));
                } else {
                    let (entry, lease) = (lookup.entry.clone(), Awaited::of(&lookup, token, inner.as_ref(), cx.now));
                    let id = self.machines.lookups.wait(fx!(self, cx), id, lookup);
                    if let Some(lease) = lease {
                        self.near.watch(cx.now, id, &entry, lease, Ground::Nodes(&self.nodes));
                    }
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
                self.machines.refreshes.begin(fx!(self, cx), repo, entry, &caller, &value, can_be_read);
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
