//! Which node serves which slot: what the last map says, and what redirects have said since.

use std::collections::BTreeMap;

use crc16::{State, XMODEM};

use super::nodes::NodeId;

/// How many slots a cluster has.
pub const SLOTS: usize = 16_384;

/// The slot of a key: CRC16 of the key, or of what is between its first braces.
pub fn slot_of(key: &[u8]) -> u16 {
    State::<XMODEM>::calculate(hash_tag(key).unwrap_or(key)) % SLOTS as u16
}

/// What is between the first `{` and the next `}`, unless that is nothing.
fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let from = memchr::memchr(b'{', key)? + 1;
    let length = memchr::memchr(b'}', &key[from..])?;
    (length > 0).then(|| &key[from..from + length])
}

/// A slot whose node changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub slot: u16,
    /// The node that served it.
    pub from: Option<NodeId>,
}

/// A range of slots and the numbers of its nodes, master first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The first slot.
    pub first: u16,
    /// The last slot.
    pub last: u16,
    /// Master, then replicas.
    pub nodes: Vec<NodeId>,
}

impl Range {
    /// Whether it gives `slot` to this master.
    pub fn serves(&self, slot: u16, node: NodeId) -> bool {
        (self.first..=self.last).contains(&slot) && self.nodes[0] == node
    }
}

/// The masters and shards of all slots.
#[derive(Debug)]
pub struct Slots {
    owners: Vec<Option<NodeId>>,
    /// The shard of each slot, as an index.
    shard_of: Vec<Option<u16>>,
    shards: Vec<Vec<NodeId>>,
    /// How many slots each node serves.
    counts: BTreeMap<NodeId, usize>,
}

impl Default for Slots {
    fn default() -> Self {
        Self { owners: vec![None; SLOTS], shard_of: vec![None; SLOTS], shards: Vec::new(), counts: BTreeMap::new() }
    }
}

impl Slots {
    /// The master of a slot.
    pub fn owner(&self, slot: u16) -> Option<NodeId> {
        self.owners[usize::from(slot)]
    }

    /// The index of a slot's shard.
    pub fn shard_of(&self, slot: u16) -> Option<u16> {
        self.shard_of[usize::from(slot)]
    }

    /// All shards: the master, then its replicas.
    pub fn shards(&self) -> &[Vec<NodeId>] {
        &self.shards
    }

    /// Whether a node is the master of a slot.
    pub fn has_slots(&self, node: NodeId) -> bool {
        self.counts.contains_key(&node)
    }

    /// All masters.
    pub fn masters(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.counts.keys().copied()
    }

    /// Another number stands for a node from now on. Returns its slots.
    pub fn replace(&mut self, former: NodeId, node: NodeId) -> Vec<u16> {
        let slots: Vec<u16> = (0..SLOTS as u16).filter(|slot| self.owner(*slot) == Some(former)).collect();
        for slot in &slots {
            self.set_owner(*slot, Some(node));
        }
        for one in self.shards.iter_mut().flatten().filter(|one| **one == former) {
            *one = node;
        }
        slots
    }

    /// A redirect gave `slot` to `node`.
    pub fn give(&mut self, slot: u16, node: NodeId) {
        self.set_owner(slot, Some(node));
        self.shard_of[usize::from(slot)] = Some(self.shard_led_by(node));
    }

    /// Takes over a map. Slots in `kept` stay where they are. Returns the slots whose master changed, and whether anything is different.
    pub fn apply(&mut self, ranges: &[Range], kept: &BTreeMap<u16, NodeId>) -> (Vec<Change>, bool) {
        let before: Vec<Vec<NodeId>> = std::mem::take(&mut self.shards);
        let former = std::mem::replace(&mut self.shard_of, vec![None; SLOTS]);
        let mut owners = vec![None; SLOTS];
        for range in ranges {
            let shard = self.shard(&range.nodes);
            for slot in range.first..=range.last {
                owners[usize::from(slot)] = Some(range.nodes[0]);
                self.shard_of[usize::from(slot)] = Some(shard);
            }
        }
        let mut changes = Vec::new();
        for slot in 0..SLOTS as u16 {
            if let Some(node) = kept.get(&slot) {
                self.give(slot, *node);
                continue;
            }
            let (from, to) = (self.owner(slot), owners[usize::from(slot)]);
            if from != to {
                self.set_owner(slot, to);
                changes.push(Change { slot, from });
            }
        }
        let is_other = !changes.is_empty() || before != self.shards || former != self.shard_of;
        (changes, is_other)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn set_owner(&mut self, slot: u16, node: Option<NodeId>) {
        let former = std::mem::replace(&mut self.owners[usize::from(slot)], node);
        if let Some(former) = former {
            if let Some(count) = self.counts.get_mut(&former) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&former);
                }
            }
        }
        if let Some(node) = node {
            *self.counts.entry(node).or_default() += 1;
        }
    }

    fn shard(&mut self, nodes: &[NodeId]) -> u16 {
        let known = self.shards.iter().position(|shard| shard == nodes);
        known.unwrap_or_else(|| {
            self.shards.push(nodes.to_vec());
            self.shards.len() - 1
        }) as u16
    }

    /// The shard of a master; one of its own if no map names its replicas.
    fn shard_led_by(&mut self, node: NodeId) -> u16 {
        let known = self.shards.iter().position(|shard| shard[0] == node);
        known.map_or_else(|| self.shard(&[node]), |index| index as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId(0);
    const B: NodeId = NodeId(1);
    const C: NodeId = NodeId(2);

    fn range(first: u16, last: u16, nodes: &[NodeId]) -> Range {
        Range { first, last, nodes: nodes.to_vec() }
    }

    #[test]
    fn keys_with_one_tag_have_one_slot() {
        // Redis's cluster specification.
        assert_eq!(slot_of(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"foo"), 12182);
        assert_eq!(slot_of(b""), 0);
        for same in [&b"{foo}bar"[..], b"x{foo}bar}", b"{foo}{bar}", b"x{foo"] {
            assert_eq!(slot_of(same) == 12182, same != b"x{foo", "{same:?}");
        }
        assert_ne!(slot_of(b"{}foo"), slot_of(b"{}bar"));
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
    }

    #[test]
    fn a_map_tells_which_slots_changed() {
        let mut slots = Slots::default();
        let none = BTreeMap::new();
        let (changes, is_other) = slots.apply(&[range(0, 1, &[A, C]), range(2, 16383, &[B])], &none);
        assert_eq!((changes.len(), is_other), (SLOTS, true));
        assert_eq!(slots.apply(&[range(0, 1, &[A, C]), range(2, 16383, &[B])], &none), (vec![], false));
        let (changes, _) = slots.apply(&[range(0, 0, &[A, C]), range(1, 16382, &[B])], &none);
        assert_eq!(changes, [Change { slot: 1, from: Some(A) }, Change { slot: 16383, from: Some(B) }]);
        assert_eq!((slots.owner(0), slots.owner(1), slots.owner(16383)), (Some(A), Some(B), None));
        assert_eq!(slots.shards(), [vec![A, C], vec![B]]);
    }

    #[test]
    fn another_replica_is_a_change_of_no_slot() {
        let mut slots = Slots::default();
        slots.apply(&[range(0, 16383, &[A])], &BTreeMap::new());
        assert_eq!(slots.apply(&[range(0, 16383, &[A, B])], &BTreeMap::new()), (vec![], true));
    }

    #[test]
    fn a_redirect_moves_one_slot() {
        let mut slots = Slots::default();
        slots.apply(&[range(0, 9, &[A, C]), range(10, 16383, &[B])], &BTreeMap::new());
        slots.give(10, A);
        slots.give(11, C);
        assert_eq!((slots.owner(10), slots.shard_of(10)), (Some(A), slots.shard_of(0)));
        assert_eq!(slots.shards()[usize::from(slots.shard_of(11).unwrap())], [C]);
        assert!(slots.has_slots(C) && !slots.has_slots(NodeId(9)));
        assert_eq!(slots.replace(C, NodeId(9)), [11]);
        assert_eq!((slots.owner(11), slots.shards()[0].clone()), (Some(NodeId(9)), vec![A, NodeId(9)]));
    }

    #[test]
    fn what_a_redirect_said_later_survives_an_older_map() {
        let mut slots = Slots::default();
        slots.apply(&[range(0, 16383, &[A])], &BTreeMap::new());
        slots.give(5, B);
        let (changes, _) = slots.apply(&[range(0, 16383, &[A])], &BTreeMap::from([(5, B)]));
        assert_eq!((changes, slots.owner(5)), (vec![], Some(B)));
        let (changes, _) = slots.apply(&[range(0, 16383, &[A])], &BTreeMap::new());
        assert_eq!(changes, [Change { slot: 5, from: Some(B) }]);
        assert!(!slots.has_slots(B));
    }
}
