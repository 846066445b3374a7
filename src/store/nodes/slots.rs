//! Which node holds a slot, as the cluster's map says, with what redirects have told since.

use std::collections::BTreeMap;

use super::id::NodeId;
use crate::store::SLOTS;

/// In a map: the slot waits for its next node.
const WAIT: u16 = u16::MAX - 1;

/// The slots of a cluster with their nodes.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    nodes: Box<[NodeId]>,
    /// How many slots each node holds.
    counts: BTreeMap<NodeId, usize>,
}

impl Slots {
    /// No slot is covered.
    pub(super) fn empty() -> Self {
        Self { nodes: vec![NodeId::NONE; SLOTS].into(), counts: BTreeMap::new() }
    }

    pub(super) fn node(&self, slot: u16) -> NodeId {
        self.nodes.get(usize::from(slot)).copied().unwrap_or(NodeId::NONE)
    }

    /// A server has said that a slot has moved.
    pub(super) fn set(&mut self, slot: u16, node: NodeId) {
        if let Some(place) = self.nodes.get_mut(usize::from(slot)) {
            let former = std::mem::replace(place, node);
            if let Some(count) = self.counts.get_mut(&former) {
                *count -= 1;
            }
            *self.counts.entry(node).or_default() += 1;
            self.counts.retain(|_, count| *count > 0);
        }
    }

    /// Takes a new map over: the number of each slot's node. A slot that waits for its next node keeps the former one. Returns whether
    /// anything has changed.
    pub(super) fn replace(&mut self, numbers: &[u16]) -> bool {
        let stays = |node: &NodeId, number: u16| number == node.0 || number == WAIT;
        if self.nodes.iter().zip(numbers).all(|(node, number)| stays(node, *number)) {
            return false;
        }
        self.counts.clear();
        for (node, number) in self.nodes.iter_mut().zip(numbers) {
            if !stays(node, *number) {
                node.0 = *number;
            }
            if node.is_some() {
                *self.counts.entry(*node).or_default() += 1;
            }
        }
        true
    }

    /// The masters: every node that holds a slot, in the order of their numbers.
    pub(super) fn masters(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.counts.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_the_nodes_that_hold_slots() {
        let mut slots = Slots::empty();
        assert_eq!(slots.masters().count(), 0);
        let mut map = vec![u16::MAX; SLOTS];
        map[..10].fill(3);
        map[10..20].fill(1);
        assert!(slots.replace(&map) && !slots.replace(&map));
        map[15] = WAIT;
        assert!(!slots.replace(&map), "a slot that waits keeps its node");
        slots.set(4, NodeId(7));
        assert_eq!(slots.masters().collect::<Vec<_>>(), [NodeId(1), NodeId(3), NodeId(7)]);
        assert_eq!((slots.node(4), slots.node(100)), (NodeId(7), NodeId::NONE));
    }
}
