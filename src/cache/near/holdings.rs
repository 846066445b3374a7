//! Which copies and fills depend on which keys, and on which nodes the keys were read.

use std::collections::{HashMap, HashSet};

use crate::cache::timers::Numbered;
use crate::store::{Key, NodeId};

#[derive(Debug, Clone, Default)]
struct Holders {
    fills: Vec<u64>,
    /// Every copy of a repository depends on the key of its version.
    copies: HashSet<u32>,
}

impl Holders {
    fn is_empty(&self) -> bool {
        self.fills.is_empty() && self.copies.is_empty()
    }
}

/// Copies and fills that something has made unusable.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub copies: Vec<u32>,
    pub fills: Vec<u64>,
}

type Held = Vec<(Key, NodeId)>;

/// The copies and fills of one process by their keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Holdings {
    by_key: HashMap<Key, Holders>,
    fills: Numbered<u64, Held>,
    copies: Numbered<u32, Held>,
    /// How many keys of copies were read on each node.
    on_node: HashMap<NodeId, usize>,
}

impl Holdings {
    pub(super) fn hold_for_fill(&mut self, fill: u64, key: Key, node: NodeId) {
        let holders = self.by_key.entry(key.clone()).or_default();
        if !holders.fills.contains(&fill) {
            holders.fills.push(fill);
            self.fills.entry(fill).or_default().push((key, node));
        }
    }

    /// The fill has become a copy, which depends on the same keys. `only`: on this one alone (a fault that tests plant).
    pub(super) fn turn_into_copy(&mut self, fill: u64, copy: u32, only: Option<&Key>) {
        let mut held = self.release_fill(fill);
        held.retain(|(key, _)| only.is_none_or(|only| only == key));
        for (key, node) in &held {
            self.by_key.entry(key.clone()).or_default().copies.insert(copy);
            *self.on_node.entry(*node).or_default() += 1;
        }
        self.copies.insert(copy, held);
    }

    pub(super) fn release_fill(&mut self, fill: u64) -> Held {
        let held = self.fills.remove(&fill).unwrap_or_default();
        for (key, _) in &held {
            self.release(key, |holders| holders.fills.retain(|one| *one != fill));
        }
        held
    }

    pub(super) fn release_copy(&mut self, copy: u32) {
        for (key, node) in self.copies.remove(&copy).unwrap_or_default() {
            self.release(&key, |holders| {
                holders.copies.remove(&copy);
            });
            if let Some(count) = self.on_node.get_mut(&node) {
                *count -= 1;
                if *count == 0 {
                    self.on_node.remove(&node);
                }
            }
        }
    }

    fn release(&mut self, key: &Key, act: impl FnOnce(&mut Holders)) {
        let Some(holders) = self.by_key.get_mut(key) else { return };
        act(holders);
        if holders.is_empty() {
            self.by_key.remove(key);
        }
    }

    /// Whether a copy was read on this node.
    pub(super) fn has_node(&self, node: NodeId) -> bool {
        self.on_node.contains_key(&node)
    }

    /// The copies that depend on a key.
    pub(super) fn copies_of(&self, key: &Key) -> Vec<u32> {
        self.by_key.get(key).map(|holders| holders.copies.iter().copied().collect()).unwrap_or_default()
    }

    /// What depends on a key.
    pub(super) fn of_key(&self, key: &Key) -> Lost {
        self.by_key
            .get(key)
            .map_or_else(Lost::default, |holders| Lost { copies: holders.copies.iter().copied().collect(), fills: holders.fills.clone() })
    }

    /// What was read on a node, in part or in whole.
    pub(super) fn of_node(&self, node: NodeId) -> Lost {
        self.where_held(|_, on| on == node)
    }

    /// What was read on a node that has not got the key any more.
    pub(super) fn moved(&self, node_of: impl Fn(&Key) -> NodeId) -> Lost {
        self.where_held(|key, on| node_of(key) != on)
    }

    pub(super) fn all(&self) -> Lost {
        self.where_held(|_, _| true)
    }

    fn where_held(&self, matches: impl Fn(&Key, NodeId) -> bool) -> Lost {
        let any = |held: &Held| held.iter().any(|(key, node)| matches(key, *node));
        let copies: HashSet<u32> = self.copies.iter().filter(|(_, held)| any(held)).map(|(copy, _)| *copy).collect();
        let fills: HashSet<u64> = self.fills.iter().filter(|(_, held)| any(held)).map(|(fill, _)| *fill).collect();
        Lost { copies: copies.into_iter().collect(), fills: fills.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.as_bytes().into()
    }

    #[test]
    fn a_copy_depends_on_every_key_of_its_fill_until_it_is_released() {
        let mut holdings = Holdings::default();
        for name in ["e", "v", "v"] {
            holdings.hold_for_fill(7, key(name), NodeId(1));
        }
        assert_eq!(holdings.of_key(&key("v")), Lost { copies: vec![], fills: vec![7] });
        holdings.turn_into_copy(7, 1, None);
        assert_eq!(holdings.of_key(&key("v")), Lost { copies: vec![1], fills: vec![] });
        assert_eq!(holdings.of_node(NodeId(1)), Lost { copies: vec![1], fills: vec![] });
        assert_eq!(holdings.of_node(NodeId(2)), Lost::default());
        assert_eq!(holdings.moved(|_| NodeId(2)), Lost { copies: vec![1], fills: vec![] });
        assert!(holdings.has_node(NodeId(1)));
        holdings.release_copy(1);
        holdings.release_copy(1);
        assert!(!holdings.has_node(NodeId(1)) && holdings.by_key.is_empty() && holdings.copies.is_empty());
    }
}
