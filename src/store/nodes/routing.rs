//! Where the parts of operations go: to the node of their slot, or to another one if a server says so. A read waits while its node
//! cannot be read, and any part after a refusal that passes.

use std::time::Duration;

use super::asking::Way;
use super::parts::{Carried, Parts, Stage};
use super::proof::Proof;
use super::split::tells_the_present;
use super::{node_of, scan, Member, Node, NodeId, Nodes, NodesOutput};
use crate::store::node::{Moment, Patience};
use crate::store::{NodeOp, Op, Redirect, StoreError, StoreReply, Ticket};

/// How often a part is sent on after a refusal.
const REFUSALS_MAX: u32 = 16;
/// How long the first wait after a refusal is, and how long the longest.
const DELAY_FIRST: Duration = Duration::from_millis(5);
const DELAY_LONGEST: Duration = Duration::from_millis(200);

/// What a refused part does next.
enum Next {
    /// It goes there now.
    Now,
    Later,
    Fail,
}

impl Nodes {
    /// Sends a part to its node.
    pub(super) fn route(&mut self, ticket: Ticket, at: Moment) {
        let Some(part) = self.parts.get_mut(ticket) else { return };
        let check = part.asking.check(&part.op);
        let is_check = check.is_some();
        let (id, op) = match (check, &part.op, part.ask) {
            (Some(check), ..) => check,
            (None, op, Some(id)) => (id, op.clone()),
            (None, Op::Scan { cursor, pattern }, None) => {
                let (id, cursor) = scan::target(self.slots.as_ref(), cursor);
                (id, Op::Scan { cursor, pattern: pattern.clone() })
            }
            (None, op, None) => {
                let id = op.routing_key().map_or(NodeId::NONE, |key| node_of(self.slots.as_ref(), key));
                (id, op.clone())
            }
        };
        (part.node, part.stage) = (id, Stage::Waiting);
        let patience = part.patience;
        let waits = patience == Patience::Read && !is_check && tells_the_present(&op);
        let node = self.node(id);
        // It may be on its way: a node that connects, that tells its replication id, or that has pending invalidations.
        if waits && !node.is_some_and(Node::may_read) {
            if let Some(part) = self.parts.get_mut(ticket) {
                part.stage = Stage::Held;
            }
            return self.held.push(ticket);
        }
        if node.is_some_and(Node::may_write) {
            self.send(id, ticket, op, patience, at);
        } else {
            // It is not sent, and the store says so.
            self.sends.push_back((NodeId::NONE, ticket, op.into()));
        }
    }

    /// An operation leaves.
    pub(super) fn note_sent(&mut self, id: NodeId, ticket: Ticket, mut op: NodeOp) {
        if Parts::is_part(ticket) {
            if let Some(part) = self.parts.get_mut(ticket) {
                part.stage = Stage::Sent;
                op.asks = part.ask.is_some();
                op.reads_apart = true;
            }
        }
        self.sends.push_back((id, ticket, op));
    }

    /// A part has its outcome, unless it is sent on.
    pub(super) fn on_part(&mut self, ticket: Ticket, answer: Result<StoreReply, StoreError>, at: Moment) {
        let Some(id) = self.parts.get_mut(ticket).map(|part| part.node) else { return };
        let answer = match (self.node_mut(id), answer) {
            (Some(node), answer) => {
                node.on_outcome(ticket, &answer, at);
                answer.map(|reply| node.interpret(reply))
            }
            (None, Err(error)) => Err(error),
            // The node has left with its replication id.
            (None, Ok(_)) => Err(StoreError::Cut { maybe_executed: true }),
        };
        if let Some(error) = answer.as_ref().err().filter(|_| !Self::is_check(&self.parts, ticket)) {
            // One of several keys is elsewhere: each goes its own way.
            if is_elsewhere(error) && !self.parts.is_given_up(ticket) {
                let parts = self.parts.scatter(ticket);
                if !parts.is_empty() {
                    self.learn(error, id, at);
                    return parts.into_iter().for_each(|part| self.route(part, at));
                }
            }
            match self.after_refusal(ticket, error, at) {
                Next::Now => return self.route(ticket, at),
                Next::Later => return,
                Next::Fail => {}
            }
        }
        let answer = answer.map(|answer| scan::answer(self.slots.as_ref(), id, answer));
        let answer = match self.prove(ticket, answer, at) {
            Proof::Settled(answer) => answer,
            Proof::Again => return self.route(ticket, at),
        };
        self.on_carried(ticket, answer.as_ref().err(), at);
        self.settle(ticket, answer, at);
    }

    fn settle(&mut self, ticket: Ticket, answer: Result<crate::store::Answer, StoreError>, at: Moment) {
        if answer.is_err() {
            self.blame(ticket);
        }
        if let Some((whole, answer)) = self.parts.settle(ticket, answer) {
            self.answer(whole, answer, at);
        }
    }

    /// The operation of this part fails because of its node.
    fn blame(&mut self, ticket: Ticket) {
        if let Some(part) = self.parts.get(ticket) {
            self.blamed.entry(part.whole).or_insert(part.node);
        }
    }

    /// What a part that got this error does next.
    fn after_refusal(&mut self, ticket: Ticket, error: &StoreError, at: Moment) -> Next {
        let redirect = match error {
            StoreError::Redirected(redirect) => Some(redirect.clone()),
            StoreError::Refused(text) if is_for_a_while(text) => None,
            _ => return Next::Fail,
        };
        let is_given_up = self.parts.is_given_up(ticket);
        let (read_budget, write_budget) = (self.config.read_budget, self.config.write_budget);
        let Some(part) = self.parts.get_mut(ticket) else { return Next::Fail };
        let from = part.node;
        part.refusals += 1;
        part.ask = None;
        if redirect.as_ref().is_some_and(|redirect| !redirect.asks) {
            part.asking.moved();
        }
        let budget = if part.patience == Patience::Read { read_budget } else { write_budget };
        let may_go_on = !is_given_up && part.refusals <= REFUSALS_MAX && at.now.since(part.since.now) < budget;
        let refusals = part.refusals;
        let to = redirect.as_ref().and_then(|redirect| self.node_at(&redirect.address, from));
        match (&redirect, to) {
            (Some(Redirect { asks: false, slot, .. }), to) => {
                self.outputs.push_back(NodesOutput::MapOutdated);
                if let Some(to) = to {
                    self.on_moved(*slot, to, at);
                    if may_go_on {
                        return Next::Now;
                    }
                }
            }
            (Some(Redirect { asks: true, .. }), Some(to)) if may_go_on && self.node(to).is_some_and(Node::may_write) => {
                if let Some(part) = self.parts.get_mut(ticket) {
                    part.ask = Some(to);
                    part.asking.told(Way { from, to });
                }
                return Next::Now;
            }
            _ => {}
        }
        if !may_go_on {
            return Next::Fail;
        }
        let when = at.now + DELAY_FIRST.saturating_mul(1 << refusals.min(8)).min(DELAY_LONGEST);
        if let Some(part) = self.parts.get_mut(ticket) {
            part.stage = Stage::Delayed(when);
        }
        self.delayed.push(ticket);
        self.outputs.push_back(NodesOutput::WakeAt(when));
        Next::Later
    }

    /// Takes from a refusal where a slot is.
    pub(super) fn learn(&mut self, error: &StoreError, from: NodeId, at: Moment) {
        if let StoreError::Redirected(Redirect { asks: false, slot, address }) = error {
            self.outputs.push_back(NodesOutput::MapOutdated);
            if let Some(to) = self.node_at(address, from) {
                self.on_moved(*slot, to, at);
            }
        }
    }

    /// A server says that a slot has moved to this node.
    fn on_moved(&mut self, slot: u16, to: NodeId, at: Moment) {
        let Some(slots) = self.slots.as_mut().filter(|slots| slots.node(slot) != to) else { return };
        slots.set(slot, to);
        self.on_slots_changed(at);
    }

    /// Slots have other nodes than before: what waits is routed again, and pending invalidations go to the new nodes.
    pub(super) fn on_slots_changed(&mut self, at: Moment) {
        self.changes += 1;
        self.nobody = Node::new(self.config);
        self.pending.block_all();
        self.update_trust();
        self.deliver(at);
        self.give_abandoned_back(at);
        self.reroute(at);
        self.outputs.push_back(NodesOutput::Writable);
        let readable = self.members.iter().flatten().zip(0..).filter(|(member, _)| member.node.may_read());
        let readable: Vec<NodesOutput> = readable.map(|(_, number)| NodesOutput::Readable(NodeId(number))).collect();
        self.outputs.extend(readable);
    }

    /// The node at an address. Without a host it is that of the server that names it.
    pub(super) fn node_at(&self, address: &str, from: NodeId) -> Option<NodeId> {
        let own_host = self.members.get(usize::from(from.0))?.as_ref()?.address.rsplit_once(':').map_or("", |(host, _)| host);
        let full = if address.starts_with(':') { format!("{own_host}{address}") } else { address.to_owned() };
        let is_at = |member: &Option<Box<Member>>| member.as_ref().is_some_and(|member| member.address == full);
        let place = match self.aliases.get(&full) {
            Some(node) => usize::from(node.0),
            None => self.members.iter().position(is_at)?,
        };
        self.members.get(place)?.as_ref().map(|_| NodeId(place as u16))
    }

    /// Routes again what waits for a node, and what waits after a refusal.
    pub(super) fn reroute(&mut self, at: Moment) {
        let mut waiting = std::mem::take(&mut self.held);
        waiting.append(&mut self.delayed);
        waiting.sort_unstable();
        for ticket in waiting {
            self.route(ticket, at);
        }
    }

    /// Routes parts again that waited for a node.
    pub(super) fn reroute_held(&mut self, at: Moment) {
        for ticket in std::mem::take(&mut self.held) {
            self.route(ticket, at);
        }
    }

    pub(super) fn send_delayed(&mut self, at: Moment) {
        for ticket in std::mem::take(&mut self.delayed) {
            match self.parts.get_mut(ticket).map(|part| part.stage) {
                Some(Stage::Delayed(when)) if when > at.now => self.delayed.push(ticket),
                Some(_) => self.route(ticket, at),
                None => {}
            }
        }
    }

    /// Attentive waiting after which a part does not wait any longer for its node.
    pub(super) fn held_due(&self) -> Option<Duration> {
        let since = self.held.iter().filter_map(|ticket| self.parts.get(*ticket)).map(|part| part.since.attended).min()?;
        Some(since + self.config.read_budget)
    }

    pub(super) fn give_up_held(&mut self, at: Moment) {
        let is_over =
            |ticket: &Ticket| self.parts.get(*ticket).is_none_or(|part| part.since.attended + self.config.read_budget <= at.attended);
        let (over, held): (Vec<Ticket>, Vec<Ticket>) = std::mem::take(&mut self.held).into_iter().partition(is_over);
        self.held = held;
        for ticket in over {
            self.on_given_up(ticket, false, at);
        }
    }

    /// A server has been silent about an operation for too long, or about one of its parts. Parts that have not left do not leave any
    /// more.
    pub(super) fn on_given_up(&mut self, ticket: Ticket, was_sent: bool, at: Moment) {
        if !Parts::is_part(ticket) {
            return self.outputs.push_back(NodesOutput::GivenUp { ticket, was_sent });
        }
        self.blame(ticket);
        let Some((whole, was_sent, unsent)) = self.parts.give_up(ticket) else {
            if !was_sent {
                self.settle(ticket, Err(StoreError::NotSent), at);
            }
            return;
        };
        self.outputs.push_back(NodesOutput::GivenUp { ticket: whole, was_sent });
        for part in unsent {
            let id = self.parts.get(part).map_or(NodeId::NONE, |part| part.node);
            if let Some(node) = self.node_mut(id) {
                node.cancel(part);
            }
            self.held.retain(|held| *held != part);
            self.delayed.retain(|delayed| *delayed != part);
            if was_sent {
                self.settle(part, Err(StoreError::NotSent), at);
            }
        }
        if !was_sent {
            self.parts.forget(whole);
        }
    }

    /// What became of the invalidation at `place` of a write whose operation is in flight.
    pub(super) fn carried(&self, whole: Ticket, place: usize) -> Carried {
        if self.slots.is_none() {
            return Carried::Due(whole);
        }
        self.parts.carried(whole, place).unwrap_or(Carried::NotSent)
    }
}

/// Whether a refusal concerns where a key is.
fn is_elsewhere(error: &StoreError) -> bool {
    matches!(error, StoreError::Redirected(_)) || matches!(error, StoreError::Refused(text) if is_for_a_while(text))
}

/// Whether a refusal by a cluster's node passes soon.
fn is_for_a_while(text: &str) -> bool {
    let code = text.split(' ').next().unwrap_or_default();
    matches!(code, "TRYAGAIN" | "CLUSTERDOWN" | "MOVED" | "ASK" | "READONLY")
}
