//! Which node holds a slot, as the cluster's map says, with what redirects have told since.

use super::id::NodeId;
use crate::store::SLOTS;

/// The slots of a cluster with their nodes.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    nodes: Box<[NodeId]>,
}

impl Slots {
    /// No slot is covered.
    pub(super) fn empty() -> Self {
        Self { nodes: vec![NodeId::NONE; SLOTS].into() }
    }

    pub(super) fn node(&self, slot: u16) -> NodeId {
        self.nodes.get(usize::from(slot)).copied().unwrap_or(NodeId::NONE)
    }

    /// A server has said that a slot has moved.
    pub(super) fn set(&mut self, slot: u16, node: NodeId) {
        if let Some(place) = self.nodes.get_mut(usize::from(slot)) {
            *place = node;
        }
    }

    /// Takes a new map over: the number of each slot's node. Returns whether it differs from the former one.
    pub(super) fn replace(&mut self, numbers: &[u16]) -> bool {
        let mut differs = false;
        for (place, number) in self.nodes.iter_mut().zip(numbers) {
            differs |= place.0 != *number;
            place.0 = *number;
        }
        differs
    }

    /// The masters: every node that holds a slot, in the order of their numbers.
    pub(super) fn masters(&self) -> Vec<NodeId> {
        let mut masters: Vec<NodeId> = self.nodes.iter().copied().filter(|node| node.is_some()).collect();
        masters.sort_unstable();
        masters.dedup();
        masters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_the_nodes_that_hold_slots() {
        let mut slots = Slots::empty();
        assert_eq!(slots.masters(), []);
        let mut map = vec![u16::MAX; SLOTS];
        map[..10].fill(3);
        map[10..20].fill(1);
        assert!(slots.replace(&map) && !slots.replace(&map));
        slots.set(4, NodeId(7));
        assert_eq!(slots.masters(), [NodeId(1), NodeId(3), NodeId(7)]);
        assert_eq!((slots.node(4), slots.node(100)), (NodeId(7), NodeId::NONE));
    }
}
