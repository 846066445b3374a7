//! Invalidations that were promised to a caller and could not be delivered. They are kept and sent again when the node is back,
//! and reads of the node wait for them. The number is bounded. The process loses what is still undelivered when it exits.

use std::collections::BTreeMap;

use crate::store::{Key, Op};

/// How many invalidations one operation carries.
const BATCH_MAX: usize = 500;

/// An entry or a tag that must become unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalidation {
    /// An entry.
    Entry(Key),
    /// A tag: the key of its version and of its counter.
    Tag(Key, Key),
}

#[derive(Debug)]
struct Pending {
    invalidation: Invalidation,
    /// Whether an operation that delivers it is in flight.
    is_sent: bool,
    /// Whether reads wait for it. If its first operation is still in flight on a living link, it reaches the server before any
    /// later read does.
    blocks: bool,
}

/// The pending invalidations of one node, numbered in the order they came.
#[derive(Debug)]
pub(super) struct PendingInvalidations {
    pending: BTreeMap<u64, Pending>,
    max: usize,
    last: u64,
}

impl PendingInvalidations {
    pub(super) fn new(max: usize) -> Self {
        Self { pending: BTreeMap::new(), max, last: 0 }
    }

    /// Whether reads have to wait.
    pub(super) fn block(&self) -> bool {
        self.pending.values().any(|pending| pending.blocks)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Keeps invalidations, all or none, and returns their numbers; `None` if there is no room. `is_sent`: their operation is in
    /// flight.
    pub(super) fn keep(&mut self, invalidations: Vec<Invalidation>, is_sent: bool) -> Option<Vec<u64>> {
        if self.pending.len() + invalidations.len() > self.max {
            return None;
        }
        let first = self.last + 1;
        for invalidation in invalidations {
            self.last += 1;
            self.pending.insert(self.last, Pending { invalidation, is_sent, blocks: !is_sent });
        }
        Some((first..=self.last).collect())
    }

    /// The operations that deliver everything that is not in flight, each with the numbers it covers.
    pub(super) fn take_unsent(&mut self) -> Vec<(Op, Vec<u64>)> {
        let mut operations = Vec::new();
        let mut unsent: Vec<(&u64, &mut Pending)> = self.pending.iter_mut().filter(|(_, pending)| !pending.is_sent).collect();
        for chunk in unsent.chunks_mut(BATCH_MAX) {
            let (mut entry_numbers, mut entries, mut tag_numbers, mut tags) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (number, pending) in chunk {
                pending.is_sent = true;
                match pending.invalidation.clone() {
                    Invalidation::Entry(key) => {
                        entry_numbers.push(**number);
                        entries.push(key);
                    }
                    Invalidation::Tag(version, counter) => {
                        tag_numbers.push(**number);
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

    #[test]
    fn entries_and_tags_are_delivered_by_one_operation_each() {
        let mut pending = PendingInvalidations::new(10);
        let kept = pending.keep(vec![Invalidation::Entry(key("a")), Invalidation::Tag(key("v"), key("h"))], false).unwrap();
        assert_eq!(kept, [1, 2]);
        assert!(pending.block());
        let operations = pending.take_unsent();
        assert_eq!(
            operations,
            [(Op::Delete { entries: vec![key("a")] }, vec![1]), (Op::Invalidate { tags: vec![(key("v"), key("h"))] }, vec![2])]
        );
        assert!(pending.take_unsent().is_empty(), "they are in flight");
        pending.return_unsent(&[2]);
        assert_eq!(pending.take_unsent().len(), 1);
        pending.forget(&[1, 2]);
        assert!(!pending.block());
    }

    #[test]
    fn an_operation_in_flight_does_not_hold_reads_up_until_it_fails() {
        let mut pending = PendingInvalidations::new(1);
        let kept = pending.keep(vec![Invalidation::Entry(key("a"))], true).unwrap();
        assert!(!pending.block());
        assert_eq!(pending.keep(vec![Invalidation::Entry(key("b"))], false), None, "there is no room");
        pending.return_unsent(&kept);
        assert!(pending.block());
    }

    #[test]
    fn an_operation_carries_a_bounded_number() {
        let mut pending = PendingInvalidations::new(2000);
        pending.keep((0..1200).map(|n| Invalidation::Entry(key(&n.to_string()))).collect(), false).unwrap();
        let sizes: Vec<usize> = pending.take_unsent().iter().map(|(_, numbers)| numbers.len()).collect();
        assert_eq!(sizes, [500, 500, 200]);
    }
}
