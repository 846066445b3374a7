//! The servers of one cache. There is one node that holds every key, or a cluster of nodes that hold slots. Operations are split by
//! the slots of their keys, sent each to its node, and their answers are joined. A part that a server redirects is sent on within
//! the operation's budget; a part that is lost makes the operation lost. Pending invalidations belong to slots: they are
//! delivered to the node that holds the slot now, and reads of that node wait for them.
//!
//! A node decides for itself whether it can be read and written, and what silence means ([`node`](super::node)). Here is what
//! concerns several: which node has a key, operations in parts, redirects, pending invalidations, leases that nobody holds.
//!
//! The driver (the cache engine) calls an input and then takes the outputs with [`Nodes::poll_output`] until there is none, and the
//! operations that leave with [`Nodes::next_to_send`]. It reports their outcomes by [`Nodes::on_outcome`].
//!
//! | file | owns |
//! |---|---|
//! | `slots` | which node has a slot |
//! | `split`, `parts` | operations as parts of one key each; those under way |
//! | `routing` | where a part goes, and what follows from its refusal |
//! | `asking`, `proof` | what counts of what was carried out behind ASKING |
//! | `scan` | one walk through the keys of all masters |
//! | `view` | whether keys can be read or written now |
//! | `pending`, `delivery` | pending invalidations; their delivery |

mod asking;
mod delivery;
mod id;
mod output;
mod parts;
mod pending;
mod proof;
mod routing;
mod scan;
mod slots;
mod split;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use id::NodeId;
pub use output::{Change, NodesOutput};
pub use pending::Invalidation;

use parts::{Own, Parts};
use pending::PendingInvalidations;
use slots::Slots;

use super::node::{Moment, Node, NodeConfig, NodeOutput, Patience};
use super::{slot_of, Answer, Id, Key, NodeOp, Numbered, Op, StoreError, StoreReply, Ticket};
use crate::clock::Instant;

#[derive(Debug)]
struct Member {
    node: Node,
    /// `host:port`, as redirects name it.
    address: String,
    /// Bytes of requests on its link that are not answered.
    unanswered: usize,
}

/// The nodes of one cache.
#[derive(Debug)]
pub struct Nodes {
    config: NodeConfig,
    /// Present in a cluster.
    slots: Option<Slots>,
    members: Vec<Option<Box<Member>>>,
    /// In the place of nodes that are not there: it is always down, and its breaker counts the reads that wait for them.
    nobody: Node,
    parts: Parts,
    /// Parts that wait until their node can be read.
    held: Vec<Ticket>,
    /// Parts that go out again later.
    delayed: Vec<Ticket>,
    /// Operations that have failed or are given up, and because of whom.
    blamed: BTreeMap<Ticket, NodeId>,
    /// What servers call nodes that are reached at other addresses.
    aliases: BTreeMap<String, NodeId>,
    pending: PendingInvalidations,
    /// Leases that nobody holds, to be given back when their node is there.
    abandoned: VecDeque<(Key, Id)>,
    /// Operations that the nodes themselves need.
    own: Numbered<Ticket, Own>,
    last_own: u64,
    /// Epochs of nodes that are gone, and changes of the map.
    changes: u64,
    sends: VecDeque<(NodeId, Ticket, NodeOp)>,
    outputs: VecDeque<NodesOutput>,
}

impl Nodes {
    /// One node without a link.
    pub fn new(config: NodeConfig) -> Self {
        let mut nodes = Self {
            config,
            slots: None,
            members: Vec::new(),
            nobody: Node::new(config),
            parts: Parts::default(),
            held: Vec::new(),
            delayed: Vec::new(),
            blamed: BTreeMap::new(),
            aliases: BTreeMap::new(),
            pending: PendingInvalidations::new(config.pending_max),
            abandoned: VecDeque::new(),
            own: Numbered::default(),
            last_own: 0,
            changes: 0,
            sends: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        nodes.add_node(NodeId::ONLY, String::new());
        nodes
    }

    // ---- which nodes there are

    /// The servers have changed.
    pub fn on_change(&mut self, change: Change<'_>, at: Moment) {
        match change {
            Change::One => self.use_one(at),
            Change::Cluster => self.use_cluster(at),
            Change::Joined(id, address) => self.add_node(id, address),
            Change::Aliases(aliases) => self.aliases = aliases,
            Change::Left(id) => self.remove_node(id, at),
            Change::Slots(numbers) => {
                if self.slots.as_mut().is_some_and(|slots| slots.replace(numbers)) {
                    self.on_slots_changed(at);
                }
            }
        }
    }

    fn use_one(&mut self, at: Moment) {
        if self.slots.is_some() {
            self.drop_nodes(at);
            self.slots = None;
            self.add_node(NodeId::ONLY, String::new());
        }
    }

    fn use_cluster(&mut self, at: Moment) {
        self.drop_nodes(at);
        self.slots = Some(Slots::empty());
    }

    fn drop_nodes(&mut self, at: Moment) {
        self.aliases.clear();
        for number in 0..self.members.len() {
            self.remove_node(NodeId(number as u16), at);
        }
        self.reroute(at);
    }

    fn add_node(&mut self, id: NodeId, address: String) {
        if !id.is_some() {
            return;
        }
        let number = usize::from(id.0);
        if self.members.len() <= number {
            self.members.resize_with(number + 1, || None);
        }
        match &mut self.members[number] {
            Some(member) => member.address = address,
            none => *none = Some(Box::new(Member { node: Node::new(self.config), address, unanswered: 0 })),
        }
        self.update_trust();
    }

    fn remove_node(&mut self, id: NodeId, at: Moment) {
        let Some(mut member) = self.members.get_mut(usize::from(id.0)).and_then(Option::take) else { return };
        member.node.on_down();
        while let Some((ticket, op)) = member.node.next_to_send(at) {
            self.sends.push_back((NodeId::NONE, ticket, op));
        }
        self.changes += 1 + member.node.epoch();
        self.reroute(at);
    }

    // ---- the links

    /// A node's link is ready.
    pub fn on_up(&mut self, id: NodeId, now: Instant) {
        if let Some(node) = self.node_mut(id) {
            node.on_up(now);
        }
    }

    /// The store in this process is ready.
    pub fn on_memory_up(&mut self) {
        if let Some(node) = self.node_mut(NodeId::ONLY) {
            node.on_memory_up();
        }
    }

    /// A node's link is lost.
    pub fn on_down(&mut self, id: NodeId, at: Moment) {
        if let Some(node) = self.node_mut(id) {
            node.on_down();
        }
        self.reroute(at);
    }

    /// Somebody has taken the cache off its store, and the next links are a new start. Pending invalidations stay.
    pub fn on_detached(&mut self) {
        for member in self.members.iter_mut().flatten() {
            member.node.on_detached();
        }
    }

    /// Bytes have arrived on a node's link.
    pub fn on_heard(&mut self, id: NodeId, at: Moment) {
        if let Some(node) = self.node_mut(id) {
            node.on_heard(at);
        }
    }

    /// Requests are still leaving, says the transport of a node's link.
    pub fn on_leaving(&mut self, id: NodeId, at: Moment) {
        if let Some(node) = self.node_mut(id) {
            node.on_leaving(at);
        }
    }

    /// How many bytes of requests on a node's link are not answered. Returns whether its transport should be asked whether they are
    /// still leaving.
    pub fn set_unanswered(&mut self, id: NodeId, bytes: usize) -> bool {
        let Some(member) = self.member_mut(id) else { return false };
        member.unanswered = bytes;
        member.node.asks_transport(bytes)
    }

    // ---- operations

    /// Takes an operation over.
    pub fn submit(&mut self, ticket: Ticket, op: Op, patience: Patience, at: Moment) {
        if self.slots.is_none() {
            return self.send(NodeId::ONLY, ticket, op, patience, at);
        }
        let Self { parts, slots, .. } = self;
        for part in parts.open(ticket, op, patience, at, |key| node_of(slots.as_ref(), key)) {
            self.route(part, at);
        }
    }

    /// The next operation that leaves, and its node.
    pub fn next_to_send(&mut self, at: Moment) -> Option<(NodeId, Ticket, NodeOp)> {
        if let Some(send) = self.sends.pop_front() {
            return Some(send);
        }
        for (number, member) in self.members.iter_mut().enumerate() {
            if let Some((ticket, op)) = member.as_mut().and_then(|member| member.node.next_to_send(at)) {
                self.note_sent(NodeId(number as u16), ticket, op);
                return self.sends.pop_front();
            }
        }
        None
    }

    fn send(&mut self, id: NodeId, ticket: Ticket, op: Op, patience: Patience, at: Moment) {
        match self.node_mut(id) {
            Some(node) => {
                if let Some(op) = node.submit(ticket, op, patience, at) {
                    self.note_sent(id, ticket, op);
                }
            }
            // The store has no such node, and says so.
            None => self.sends.push_back((NodeId::NONE, ticket, op.into())),
        }
    }

    /// An operation that left has its outcome.
    pub fn on_outcome(&mut self, ticket: Ticket, answer: Result<StoreReply, StoreError>, at: Moment) {
        if Parts::is_part(ticket) {
            return self.on_part(ticket, answer, at);
        }
        if let Some(Own::Identify(id)) = self.own.get(&ticket) {
            let id = *id;
            self.own.remove(&ticket);
            if let Some(node) = self.node_mut(id) {
                node.on_outcome(ticket, &answer, at);
                node.on_identity(at.now, answer);
            }
            return;
        }
        let Some(node) = self.node_mut(NodeId::ONLY) else { return };
        node.on_outcome(ticket, &answer, at);
        let answer = answer.map(|reply| node.interpret(reply));
        self.on_carried(ticket, answer.as_ref().err(), at);
        self.answer(ticket, answer, at);
    }

    /// An operation is answered: for the driver, or for the nodes themselves.
    fn answer(&mut self, ticket: Ticket, answer: Result<Answer, StoreError>, at: Moment) {
        match self.own.remove(&ticket) {
            Some(own) => {
                self.blamed.remove(&ticket);
                self.on_own(own, answer, at);
            }
            None => self.outputs.push_back(NodesOutput::Answer { ticket, answer }),
        }
    }

    // ---- time

    /// The links have been looked at.
    pub fn on_look(&mut self, at: Moment) {
        for member in self.members.iter_mut().flatten() {
            member.node.on_look(at, member.unanswered);
        }
        self.give_up_held(at);
    }

    /// Attentive waiting at which [`Nodes::on_look`] may find something; `None`: nobody waits for an answer.
    pub fn due(&self) -> Option<Duration> {
        let nodes = self.members.iter().flatten().filter_map(|member| member.node.due());
        nodes.chain(self.held_due()).min()
    }

    /// The time of a [`NodesOutput::WakeAt`] has come.
    pub fn on_timer(&mut self, at: Moment) {
        for member in self.members.iter_mut().flatten() {
            member.node.on_timer(at.now);
        }
        self.deliver(at);
        self.send_delayed(at);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self, at: Moment) -> Option<NodesOutput> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            let next = self.members.iter_mut().enumerate().find_map(|(number, member)| {
                let output = member.as_mut()?.node.poll_output()?;
                Some((NodeId(number as u16), output))
            });
            let Some((id, output)) = next else {
                let output = self.nobody.poll_output()?;
                self.on_node_output(NodeId::NONE, output, at);
                continue;
            };
            self.on_node_output(id, output, at);
        }
    }

    fn on_node_output(&mut self, id: NodeId, output: NodeOutput, at: Moment) {
        match output {
            NodeOutput::Identify => {
                let ticket = self.own(Own::Identify(id));
                self.send(id, ticket, Op::Identify, Patience::Endless, at);
            }
            NodeOutput::WakeAt(when) => self.outputs.push_back(NodesOutput::WakeAt(when)),
            NodeOutput::Writable => {
                self.deliver(at);
                self.give_abandoned_back(at);
                self.outputs.push_back(NodesOutput::Writable);
            }
            NodeOutput::Readable => {
                self.outputs.push_back(NodesOutput::Readable(id));
                self.reroute_held(at);
            }
            NodeOutput::GivenUp { ticket, was_sent } => self.on_given_up(ticket, was_sent, at),
            NodeOutput::Event { name, mut text } => {
                if let Some(member) =
                    self.member_mut(id).filter(|member| matches!(name, "warning" | "breaker") && !member.address.is_empty())
                {
                    text = format!("{}: {text}", member.address);
                }
                self.outputs.push_back(NodesOutput::Event { name, text });
            }
        }
    }

    fn member_mut(&mut self, id: NodeId) -> Option<&mut Member> {
        self.members.get_mut(usize::from(id.0))?.as_deref_mut()
    }

    fn node(&self, id: NodeId) -> Option<&Node> {
        self.members.get(usize::from(id.0))?.as_deref().map(|member| &member.node)
    }

    fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.member_mut(id).map(|member| &mut member.node)
    }
}

fn node_of(slots: Option<&Slots>, key: &[u8]) -> NodeId {
    slots.map_or(NodeId::ONLY, |slots| slots.node(slot_of(key)))
}
