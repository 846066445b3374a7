//! What all parts of a cluster look at and change: nodes, slots, the table that the driver reads, and the outputs.

use std::collections::VecDeque;

use super::address::Address;
use super::choice::Choice;
use super::nodes::{Node, NodeId, Nodes};
use super::options::ClusterOptions;
use super::output::{Output, Ticket, Trail, Traveller};
use super::slots::{Slots, SLOTS};
use crate::contract::{ClusterNodeNumber, ClusterRejection};

/// How many nodes there may be that only redirects have named. A map that lists them makes them nodes like others, one that does not closes them.
const MOST_STRANGERS: usize = 64;

/// How many characters of a hostile text an error shows.
const LONGEST_SHOWN: usize = 200;

/// An output, or a change of the table that the driver must not see before it has done all outputs in front of it: a slot's node is open and has the
/// commands that waited for it, before new ones go there.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Output(Output),
    Show(u16),
    ShowAll,
}

/// The nodes, the slots and the table.
#[derive(Debug)]
pub struct Board {
    pub options: ClusterOptions,
    pub nodes: Nodes,
    pub slots: Slots,
    pub choice: Choice,
    /// The number that the driver reads for each slot.
    table: Vec<u16>,
    held: Vec<bool>,
    /// Slots whose table entry or shard is not what the driver has read.
    changed: Vec<u16>,
    steps: VecDeque<Step>,
    /// The last order that was given to a command.
    order: u64,
}

impl Board {
    pub fn new(options: ClusterOptions, seed: u64) -> Self {
        Self {
            options,
            nodes: Nodes::default(),
            slots: Slots::default(),
            choice: Choice::new(seed),
            table: vec![ClusterNodeNumber::Uncovered.number() as u16; SLOTS],
            held: vec![false; SLOTS],
            changed: Vec::new(),
            steps: VecDeque::new(),
            order: 0,
        }
    }

    /// The number that the driver reads for a slot.
    pub fn entry(&self, slot: u16) -> u16 {
        self.table[usize::from(slot)]
    }

    /// Takes the slots whose entry or shard has changed since the last call. Some may be in it twice.
    pub fn take_changed(&mut self) -> Vec<u16> {
        std::mem::take(&mut self.changed)
    }

    /// The slot is held from now on, or not any more.
    pub fn set_held(&mut self, slot: u16, held: bool) {
        self.held[usize::from(slot)] = held;
        self.show(slot);
    }

    /// Brings the table entry of a slot up to date: at once if it is no node, else behind the outputs.
    pub fn show(&mut self, slot: u16) {
        let entry = self.entry_of(slot);
        if is_node(entry) {
            self.steps.push_back(Step::Show(slot));
        } else {
            self.write(slot, entry);
        }
    }

    /// What the driver should read for a slot.
    fn entry_of(&self, slot: u16) -> u16 {
        match self.slots.owner(slot) {
            _ if self.held[usize::from(slot)] => ClusterNodeNumber::Wait.number() as u16,
            None => ClusterNodeNumber::Uncovered.number() as u16,
            Some(node) if self.nodes.get(node).is_none_or(Node::is_ended) => ClusterNodeNumber::Wait.number() as u16,
            Some(node) => node.0,
        }
    }

    fn write(&mut self, slot: u16, entry: u16) {
        if std::mem::replace(&mut self.table[usize::from(slot)], entry) != entry {
            self.changed.push(slot);
        }
    }

    /// Brings the table entries of a node's slots up to date.
    pub fn show_slots_of(&mut self, node: NodeId) {
        if self.slots.has_slots(node) {
            self.show_all();
        }
    }

    /// Brings all table entries up to date.
    pub fn show_all(&mut self) {
        for slot in 0..SLOTS as u16 {
            let entry = self.entry_of(slot);
            if !is_node(entry) {
                self.write(slot, entry);
            }
        }
        self.steps.push_back(Step::ShowAll);
    }

    /// The driver reads all shards again.
    pub fn show_shards(&mut self) {
        self.changed = (0..SLOTS as u16).collect();
    }

    /// A redirect gave a slot to a node.
    pub fn give(&mut self, slot: u16, node: NodeId) {
        self.slots.give(slot, node);
        self.changed.push(slot);
        self.show(slot);
        self.tell_shards();
    }

    /// Shards are others than before.
    pub fn tell_shards(&mut self) {
        if self.steps.back() != Some(&Step::Output(Output::Mapped)) {
            self.push(Output::Mapped);
        }
    }

    /// The node at an address; a new one if there is none. `None` if redirects have named too many nodes.
    pub fn stranger(&mut self, address: &Address) -> Option<NodeId> {
        match self.nodes.find(address) {
            Some(node) => {
                self.keep(node);
                Some(node)
            }
            None if self.nodes.strangers() >= MOST_STRANGERS => None,
            None => Some(self.add(address.clone(), false)),
        }
    }

    /// Opens a new node.
    pub fn add(&mut self, address: Address, is_replica: bool) -> NodeId {
        let node = self.nodes.add(address.clone(), is_replica);
        self.push(Output::Open { node, address, is_replica });
        node
    }

    /// Opens another node at the address of this one, and gives it all slots. Returns it and the slots.
    pub fn replace(&mut self, id: NodeId) -> Option<(NodeId, Vec<u16>)> {
        let node = self.nodes.replace(id)?;
        let (address, is_replica) = self.nodes.get(node).map(|node| (node.address.clone(), node.is_replica))?;
        self.push(Output::Open { node, address, is_replica });
        let slots = self.slots.replace(id, node);
        self.show_all();
        self.show_shards();
        self.tell_shards();
        Some((node, slots))
    }

    /// A node that was leaving is needed.
    pub fn keep(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.is_leaving = false;
        }
    }

    /// Opens a node again whose link has ended.
    pub fn reopen(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(id).filter(|node| node.is_ended()) else { return };
        node.on_opened();
        let (address, is_replica) = (node.address.clone(), node.is_replica);
        self.push(Output::Open { node: id, address, is_replica });
        self.show_slots_of(id);
    }

    /// A map lists a node that is known. It may have another role, and its link may have ended.
    pub fn reopen_listed(&mut self, id: NodeId, is_replica: bool) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        if std::mem::replace(&mut node.is_replica, is_replica) != is_replica && !node.is_ended() {
            self.push(Output::Role { node: id, is_replica });
        }
        self.reopen(id);
    }

    /// Closes a node and forgets it.
    pub fn close(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.remove(id) {
            self.push(Output::Close { node: id, address: node.address });
        }
    }

    /// The trail of a command that has its place among the others.
    pub fn placed(&mut self, trail: Trail) -> Trail {
        if trail.order != 0 {
            return trail;
        }
        self.order += 1;
        Trail { order: self.order, ..trail }
    }

    /// Sends a command to a node.
    pub fn send(&mut self, Traveller { ticket, trail }: Traveller, node: NodeId, is_asking: bool) {
        self.keep(node);
        self.reopen(node);
        self.push(Output::Send { ticket, node, is_asking, trail });
    }

    /// Sends commands to a node, in this order.
    pub fn send_all(&mut self, travellers: Vec<Traveller>, node: NodeId) {
        for traveller in travellers {
            self.send(traveller, node, false);
        }
    }

    /// A node sent a redirect that no server sends: an error of the node, and of the command that it was the answer to.
    pub fn refuse(&mut self, ticket: Ticket, node: NodeId, what: &str, text: &str, maybe_executed: bool) {
        let shown: String = text.chars().take(LONGEST_SHOWN).collect();
        let reason = format!("a redirect names {what}: {shown}");
        if let Some(address) = self.nodes.get(node).map(|node| node.address.clone()) {
            self.node_error(Some(node), address, reason.clone(), true);
        }
        self.reject(ticket, ClusterRejection::Protocol, reason, maybe_executed);
    }

    /// Rejects a command.
    pub fn reject(&mut self, ticket: Ticket, rejection: ClusterRejection, text: String, maybe_executed: bool) {
        self.push(Output::Reject { ticket, rejection, text, maybe_executed });
    }

    /// A node sent something that is not allowed, or gave no map.
    pub fn node_error(&mut self, id: Option<NodeId>, address: Address, text: String, is_protocol: bool) {
        self.push(Output::NodeError { node: id, address, text, is_protocol });
    }

    /// Anything else for the driver to do.
    pub fn push(&mut self, output: Output) {
        self.steps.push_back(Step::Output(output));
    }

    /// The next thing for the driver to do.
    pub fn pop(&mut self) -> Option<Output> {
        loop {
            match self.steps.pop_front()? {
                Step::Output(output) => return Some(output),
                Step::Show(slot) => self.write(slot, self.entry_of(slot)),
                Step::ShowAll => (0..SLOTS as u16).for_each(|slot| self.write(slot, self.entry_of(slot))),
            }
        }
    }

    /// Whether something waits to be done.
    pub fn has_steps(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Forgets nodes and slots.
    pub fn clear(&mut self) {
        let nodes: Vec<NodeId> = self.nodes.iter().map(|(id, _)| id).collect();
        for node in nodes {
            self.close(node);
        }
        self.slots.clear();
        self.held = vec![false; SLOTS];
        self.show_all();
        self.show_shards();
    }
}

/// Whether a table entry is a node's number.
fn is_node(entry: u16) -> bool {
    u32::from(entry) < ClusterNodeNumber::Wait.number()
}
