//! Invalidations that were promised to a caller and could not be delivered. They are kept, and sent again to the node that holds their
//! slot; reads of that node wait for them. Their number is bounded. The process loses undelivered ones when it exits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::id::NodeId;
use crate::store::{Key, Op, Ticket};

/// How many invalidations one operation carries.
const BATCH_MAX: usize = 500;

/// An entry or a tag that must become unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalidation {
    /// An entry.
    Entry(Key),
    /// A tag: the key of its version and of its counter.
    Tag(Key, Key),
    /// A version that is invalidated beside those of tags, with the key of a counter that nothing is counted in. Nobody has asked for it.
    Mark(Key, Key),
}

impl Invalidation {
    fn key(&self) -> &Key {
        match self {
            Self::Entry(key) | Self::Tag(key, _) | Self::Mark(key, _) => key,
        }
    }
}

#[derive(Debug)]
struct Pending {
    invalidation: Invalidation,
    /// Whether an operation that delivers it is in flight.
    is_sent: bool,
    /// Whether reads wait for it. While its first operation is in flight on a living link, it reaches the server before any later
    /// read does.
    blocks: bool,
}

/// The pending invalidations of a cache, numbered in the order they came.
#[derive(Debug)]
pub(super) struct PendingInvalidations {
    pending: BTreeMap<u64, Pending>,
    /// First operations that are still in flight, with the numbers that they deliver.
    carriers: HashMap<Ticket, Vec<u64>>,
    max: usize,
    last: u64,
}

impl PendingInvalidations {
    pub(super) fn new(max: usize) -> Self {
        Self { pending: BTreeMap::new(), carriers: HashMap::new(), max, last: 0 }
    }

    /// How many there are that somebody has asked for.
    pub(super) fn len(&self) -> usize {
        self.pending.values().filter(|pending| !matches!(pending.invalidation, Invalidation::Mark(..))).count()
    }

    /// Whether nothing is left to deliver.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// The nodes whose reads have to wait.
    pub(super) fn nodes(&self, node_of: impl Fn(&Key) -> NodeId) -> BTreeSet<NodeId> {
        self.pending.values().filter(|pending| pending.blocks).map(|pending| node_of(pending.invalidation.key())).collect()
    }

    /// Keeps invalidations, all or none; each with the operation that carries it, if one is in flight. Returns whether there is room.
    pub(super) fn keep(&mut self, invalidations: Vec<(Invalidation, Option<Ticket>)>) -> bool {
        if self.pending.len() + invalidations.len() > self.max {
            return false;
        }
        for (invalidation, carrier) in invalidations {
            self.last += 1;
            if let Some(ticket) = carrier {
                self.carriers.entry(ticket).or_default().push(self.last);
            }
            self.pending.insert(self.last, Pending { invalidation, is_sent: carrier.is_some(), blocks: carrier.is_none() });
        }
        true
    }

    /// An operation has its outcome. Returns the numbers that it carried, if it carried any.
    pub(super) fn carried_by(&mut self, ticket: Ticket) -> Option<Vec<u64>> {
        if self.carriers.is_empty() {
            return None;
        }
        self.carriers.remove(&ticket)
    }

    /// Slots have moved. An operation in flight on a slot's former node does not reach the new one before a later read does.
    pub(super) fn block_all(&mut self) {
        self.pending.values_mut().for_each(|pending| pending.blocks = true);
    }

    /// The operations that deliver everything that is not in flight, by node, each with the numbers it covers. `writable` gives the
    /// node of a key, if it accepts writes.
    pub(super) fn take_unsent(&mut self, writable: impl Fn(&Key) -> Option<NodeId>) -> Vec<(Op, Vec<u64>)> {
        let mut by_node: BTreeMap<NodeId, Vec<(u64, &mut Pending)>> = BTreeMap::new();
        for (number, pending) in self.pending.iter_mut().filter(|(_, pending)| !pending.is_sent) {
            if let Some(node) = writable(pending.invalidation.key()) {
                by_node.entry(node).or_default().push((*number, pending));
            }
        }
        let mut operations = Vec::new();
        for chunk in by_node.values_mut().flat_map(|unsent| unsent.chunks_mut(BATCH_MAX)) {
            let (mut entry_numbers, mut entries, mut tag_numbers, mut tags) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (number, pending) in chunk {
                pending.is_sent = true;
                match pending.invalidation.clone() {
                    Invalidation::Entry(key) => {
                        entry_numbers.push(*number);
                        entries.push(key);
                    }
                    Invalidation::Tag(version, counter) | Invalidation::Mark(version, counter) => {
                        tag_numbers.push(*number);
                        tags.push((version, counter));
                    }
                }
            }
            if !entries.is_empty() {
                operations.push((Op::Delete { entries }, entry_numbers));
            }
            if !tags.is_empty() {
                operations.push((Op::Invalidate { tags }, tag_numbers));
            }
        }
        operations
    }

    /// The operation for these numbers failed in a way that may pass: they are sent again, and reads wait.
    pub(super) fn return_unsent(&mut self, numbers: &[u64]) {
        for number in numbers {
            if let Some(pending) = self.pending.get_mut(number) {
                pending.is_sent = false;
                pending.blocks = true;
            }
        }
    }

    /// These are delivered, or given up.
    pub(super) fn forget(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.pending.remove(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::from(text.as_bytes())
    }

    fn entry(text: &str) -> (Invalidation, Option<Ticket>) {
        (Invalidation::Entry(key(text)), None)
    }

    const ONE: NodeId = NodeId(0);

    #[test]
    fn entries_and_tags_are_delivered_by_one_operation_each() {
        let mut pending = PendingInvalidations::new(10);
        assert!(pending.keep(vec![entry("a"), (Invalidation::Tag(key("v"), key("h")), None)]));
        assert!(pending.nodes(|_| ONE).contains(&ONE));
        assert_eq!(
            pending.take_unsent(|_| Some(ONE)),
            [(Op::Delete { entries: vec![key("a")] }, vec![1]), (Op::Invalidate { tags: vec![(key("v"), key("h"))] }, vec![2])]
        );
        assert!(pending.take_unsent(|_| Some(ONE)).is_empty(), "they are in flight");
        pending.return_unsent(&[2]);
        assert_eq!(pending.take_unsent(|_| Some(ONE)).len(), 1);
        pending.forget(&[1, 2]);
        assert!(pending.nodes(|_| ONE).is_empty());
    }

    #[test]
    fn an_operation_in_flight_does_not_hold_reads_up_until_it_fails_or_slots_move() {
        let mut pending = PendingInvalidations::new(2);
        assert!(pending.keep(vec![(Invalidation::Entry(key("a")), Some(Ticket(7))), (Invalidation::Entry(key("b")), Some(Ticket(8)))]));
        assert!(pending.nodes(|_| ONE).is_empty());
        assert!(!pending.keep(vec![entry("c")]), "there is no room");
        let carried = pending.carried_by(Ticket(7)).unwrap();
        pending.return_unsent(&carried);
        assert!(pending.nodes(|_| ONE).contains(&ONE));
        pending.forget(&carried);
        assert_eq!(pending.carried_by(Ticket(7)), None);
        pending.block_all();
        assert!(pending.nodes(|_| ONE).contains(&ONE));
    }

    #[test]
    fn an_operation_carries_a_bounded_number() {
        let mut pending = PendingInvalidations::new(2000);
        assert!(pending.keep((0..1200).map(|n| entry(&n.to_string())).collect()));
        let sizes: Vec<usize> = pending.take_unsent(|_| Some(ONE)).iter().map(|(_, numbers)| numbers.len()).collect();
        assert_eq!(sizes, [500, 500, 200]);
    }

    #[test]
    fn each_node_is_told_by_itself_and_one_that_takes_no_writes_later() {
        let mut pending = PendingInvalidations::new(10);
        assert!(pending.keep(vec![entry("a"), entry("b"), entry("c")]));
        let node_of = |key: &Key| NodeId(u16::from(key[0] - b'a'));
        let writable = |key: &Key| Some(node_of(key)).filter(|node| *node != NodeId(1));
        let told: Vec<Op> = pending.take_unsent(writable).into_iter().map(|(op, _)| op).collect();
        assert_eq!(told, [Op::Delete { entries: vec![key("a")] }, Op::Delete { entries: vec![key("c")] }]);
        pending.forget(&[1, 3]);
        assert_eq!(pending.nodes(node_of).into_iter().collect::<Vec<_>>(), [NodeId(1)]);
        assert_eq!(pending.take_unsent(|key| Some(node_of(key))).len(), 1);
    }
}
