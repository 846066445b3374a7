//! What all parts of a cluster look at and change: nodes, slots, the table that the driver reads, and the outputs.

use std::collections::VecDeque;

use super::address::Address;
use super::choice::Choice;
use super::nodes::{Node, NodeId, Nodes};
use super::options::ClusterOptions;
use super::output::{Output, Ticket};
use super::slots::{Slots, SLOTS};
use crate::contract::{ClusterNodeNumber, ClusterRejection};

/// How many nodes there may be that only redirects have named. A map that lists them makes them nodes like others, one that does not closes them.
const MOST_STRANGERS: usize = 64;

/// How many characters of a hostile text an error shows.
const LONGEST_SHOWN: usize = 200;

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
    outputs: VecDeque<Output>,
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
            outputs: VecDeque::new(),
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

    /// Brings the table entry of a slot up to date.
    pub fn show(&mut self, slot: u16) {
        let entry = match self.slots.owner(slot) {
            _ if self.held[usize::from(slot)] => ClusterNodeNumber::Wait.number() as u16,
            None => ClusterNodeNumber::Uncovered.number() as u16,
            Some(node) if self.nodes.get(node).is_none_or(Node::is_ended) => ClusterNodeNumber::Wait.number() as u16,
            Some(node) => node.0,
        };
        if std::mem::replace(&mut self.table[usize::from(slot)], entry) != entry {
            self.changed.push(slot);
        }
    }

    /// Brings the table entries of a node's slots up to date.
    pub fn show_slots_of(&mut self, node: NodeId) {
        if self.slots.has_land(node) {
            let slots: Vec<u16> = self.slots.of(node).collect();
            for slot in slots {
                self.show(slot);
            }
        }
    }

    /// Brings all table entries and shards up to date.
    pub fn show_all(&mut self) {
        (0..SLOTS as u16).for_each(|slot| self.show(slot));
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
        if self.outputs.back() != Some(&Output::Mapped) {
            self.outputs.push_back(Output::Mapped);
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
        self.outputs.push_back(Output::Open { node, address, is_replica });
        node
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
        self.outputs.push_back(Output::Open { node: id, address, is_replica });
        self.show_slots_of(id);
    }

    /// A map lists a node that is known. It may have another role, and its link may have ended.
    pub fn reopen_listed(&mut self, id: NodeId, is_replica: bool) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        if std::mem::replace(&mut node.is_replica, is_replica) != is_replica && !node.is_ended() {
            self.outputs.push_back(Output::Role { node: id, is_replica });
        }
        self.reopen(id);
    }

    /// Closes a node and forgets it.
    pub fn close(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.remove(id) {
            self.outputs.push_back(Output::Close { node: id, address: node.address });
        }
    }

    /// Sends a command to a node.
    pub fn send(&mut self, ticket: Ticket, node: NodeId, is_asking: bool) {
        self.keep(node);
        self.reopen(node);
        self.outputs.push_back(Output::Send { ticket, node, is_asking });
    }

    /// Sends commands to a node, in this order.
    pub fn send_all(&mut self, tickets: Vec<Ticket>, node: NodeId) {
        for ticket in tickets {
            self.send(ticket, node, false);
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
        self.outputs.push_back(Output::Reject { ticket, rejection, text, maybe_executed });
    }

    /// A node sent something that is not allowed, or gave no map.
    pub fn node_error(&mut self, id: Option<NodeId>, address: Address, text: String, is_protocol: bool) {
        self.outputs.push_back(Output::NodeError { node: id, address, text, is_protocol });
    }

    /// Anything else for the driver to do.
    pub fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// The next thing for the driver to do.
    pub fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How many outputs wait.
    pub fn waiting(&self) -> usize {
        self.outputs.len()
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
    }
}
