//! The nodes of a cluster by number and by address: role, whether its link is up, since when it is not. Nodes that left stay until what they have in
//! flight is answered; see `fences`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::address::Address;
use super::choice::Choice;
use crate::clock::Instant;
use crate::contract::ClusterNodeNumber;

/// How long a node that was silent is asked last.
const SILENCE: Duration = Duration::from_secs(2);

/// Names a node. A number is used again long after its node has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u16);

/// The state of a node's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// It connects when it is used.
    Idle,
    /// It is ready.
    Up,
    /// It is lost, and tries again by itself.
    Down,
    /// It is lost, and the driver has to open another one.
    Ended,
}

/// One node.
#[derive(Debug)]
pub struct Node {
    /// Where it is, after `natMap`.
    pub address: Address,
    /// Whether it is a replica.
    pub is_replica: bool,
    /// Whether the last map or the application names it.
    pub is_listed: bool,
    /// Whether it is about to be closed.
    pub is_leaving: bool,
    condition: Condition,
    /// Since when it cannot be reached, until a link is ready again.
    lost_since: Option<Instant>,
    silent_at: Option<Instant>,
}

impl Node {
    /// Since when it cannot be reached.
    pub fn lost_since(&self) -> Option<Instant> {
        self.lost_since
    }

    /// Whether its link has ended.
    pub fn is_ended(&self) -> bool {
        self.condition == Condition::Ended
    }

    /// Its link is ready.
    pub fn on_up(&mut self) {
        (self.condition, self.lost_since, self.silent_at) = (Condition::Up, None, None);
    }

    /// Its link is lost.
    pub fn on_down(&mut self, has_ended: bool, now: Instant) {
        self.condition = if has_ended { Condition::Ended } else { Condition::Down };
        self.lost_since = self.lost_since.or(Some(now));
    }

    /// It has a new link, which connects when it is used.
    pub fn on_opened(&mut self) {
        self.condition = Condition::Idle;
    }

    /// It has not answered for a while.
    pub fn on_silence(&mut self, now: Instant) {
        self.silent_at = Some(now);
    }

    /// How promising it is to ask it: lower is better.
    fn rank(&self, now: Instant) -> u8 {
        let is_silent = self.silent_at.is_some_and(|at| now.since(at) < SILENCE);
        match self.condition {
            Condition::Up if !is_silent => 0,
            Condition::Idle if self.lost_since.is_none() => 1,
            Condition::Up => 2,
            Condition::Idle | Condition::Down => 3,
            Condition::Ended => 4,
        }
    }
}

/// All nodes.
#[derive(Debug, Default)]
pub struct Nodes {
    all: BTreeMap<NodeId, Node>,
    by_address: HashMap<Address, NodeId>,
    next: u16,
}

impl Nodes {
    /// The node with this number.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.all.get(&id)
    }

    /// The node with this number.
    pub fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.all.get_mut(&id)
    }

    /// The node at this address.
    pub fn find(&self, address: &Address) -> Option<NodeId> {
        self.by_address.get(address).copied()
    }

    /// The number that the node with this number has now. `None` if it is gone.
    pub fn current(&self, id: NodeId) -> Option<NodeId> {
        self.all.get(&id).and_then(|node| self.find(&node.address))
    }

    /// A new node. It is the one that `find` returns for its address.
    pub fn add(&mut self, address: Address, is_replica: bool) -> NodeId {
        while self.all.contains_key(&NodeId(self.next)) || u32::from(self.next) >= ClusterNodeNumber::Wait.number() {
            self.next = if u32::from(self.next) >= ClusterNodeNumber::Wait.number() { 0 } else { self.next + 1 };
        }
        let id = NodeId(self.next);
        self.next += 1;
        let node = Node {
            address: address.clone(),
            is_replica,
            is_listed: false,
            is_leaving: false,
            condition: Condition::Idle,
            lost_since: None,
            silent_at: None,
        };
        self.by_address.insert(address, id);
        self.all.insert(id, node);
        id
    }

    /// Forgets a node.
    pub fn remove(&mut self, id: NodeId) -> Option<Node> {
        let node = self.all.remove(&id)?;
        if self.by_address.get(&node.address) == Some(&id) {
            self.by_address.remove(&node.address);
        }
        Some(node)
    }

    /// Another node at the address of this one, in its place.
    pub fn replace(&mut self, id: NodeId) -> Option<NodeId> {
        let former = self.all.get_mut(&id)?;
        let is_listed = std::mem::replace(&mut former.is_listed, false);
        let (address, is_replica) = (former.address.clone(), former.is_replica);
        let new = self.add(address, is_replica);
        if let Some(node) = self.all.get_mut(&new) {
            node.is_listed = is_listed;
        }
        Some(new)
    }

    /// All nodes in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.all.iter().map(|(id, node)| (*id, node))
    }

    /// How many nodes neither a map nor the application has named.
    pub fn strangers(&self) -> usize {
        self.all.values().filter(|node| !node.is_listed).count()
    }

    /// The nodes to ask for a map: `first` unless it is lost, then those that are up, in random order.
    pub fn to_ask(&self, first: Option<NodeId>, choice: &mut Choice, now: Instant) -> Vec<NodeId> {
        let mut ids: Vec<NodeId> = self.all.keys().copied().collect();
        choice.shuffle(&mut ids);
        ids.sort_by_key(|id| {
            let rank = self.all[id].rank(now);
            (Some(*id) != first || rank > 1, rank)
        });
        ids
    }

    /// A node for a command that no slot binds: a master that is up, if there is one, and another one than `except`, if there is one.
    pub fn any(&self, choice: &mut Choice, except: Option<NodeId>, now: Instant) -> Option<NodeId> {
        let mut ids: Vec<NodeId> = self.all.keys().copied().collect();
        choice.shuffle(&mut ids);
        ids.into_iter().min_by_key(|id| {
            let node = &self.all[id];
            let rank = node.rank(now);
            (Some(*id) == except, node.is_leaving, rank > 2, node.is_replica, rank)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Address {
        Address::announced("h", port).unwrap()
    }

    #[test]
    fn a_number_is_not_used_again_soon() {
        let mut nodes = Nodes::default();
        let first = nodes.add(address(1), false);
        assert!(nodes.remove(first).is_some());
        let second = nodes.add(address(1), false);
        assert_ne!(first, second);
        assert_eq!(nodes.find(&address(1)), Some(second));
        for _ in 0..70_000 {
            let id = nodes.add(address(2), false);
            assert!(id != second && u32::from(id.0) < ClusterNodeNumber::Wait.number());
            nodes.remove(id);
        }
    }

    #[test]
    fn the_nodes_that_are_up_are_asked_first() {
        let mut nodes = Nodes::default();
        let ids: Vec<NodeId> = (1..=5).map(|port| nodes.add(address(port), false)).collect();
        let now = Instant::from_millis(1000);
        nodes.get_mut(ids[0]).unwrap().on_down(true, now);
        nodes.get_mut(ids[1]).unwrap().on_down(false, now);
        nodes.get_mut(ids[2]).unwrap().on_up();
        nodes.get_mut(ids[2]).unwrap().on_silence(now);
        nodes.get_mut(ids[4]).unwrap().on_up();
        let mut choice = Choice::new(1);
        assert_eq!(nodes.to_ask(None, &mut choice, now), [ids[4], ids[3], ids[2], ids[1], ids[0]]);
        assert_eq!(nodes.any(&mut choice, Some(ids[4]), now), Some(ids[3]));
        assert_eq!(nodes.to_ask(None, &mut choice, now + SILENCE)[1..3].iter().filter(|id| **id == ids[3]).count(), 1, "a silence ends");
    }

    #[test]
    fn the_only_node_is_chosen_even_where_another_one_is_wanted() {
        let mut nodes = Nodes::default();
        let only = nodes.add(address(1), true);
        let now = Instant::default();
        assert_eq!(nodes.any(&mut Choice::new(1), Some(only), now), Some(only));
    }
}
