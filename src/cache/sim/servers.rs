//! The servers of the simulation: one, or the masters of a cluster, whose slots move while operations are under way.

use std::collections::BTreeMap;

use super::dice::Dice;
use crate::clock::Instant;
use crate::store::{slot_of, Key, MemoryStore, NodeOp, Op, Redirect, ReplicationId, StoreError, SLOTS};

/// The servers.
pub(super) struct Servers {
    pub stores: Vec<MemoryStore>,
    /// Copies of earlier moments. A failover puts one in the place of its master.
    pub replicas: Vec<MemoryStore>,
    /// The node of each slot.
    pub map: Vec<u16>,
    /// Slots on their way to another node.
    moving: BTreeMap<u16, usize>,
}

/// The address of a node.
pub(super) fn address(node: usize) -> String {
    format!("node{node}:7000")
}

impl Servers {
    pub(super) fn new(nodes: usize) -> Self {
        let store = |n: usize| {
            let mut store = MemoryStore::default();
            store.set_replication_id(ReplicationId::of(&[n as u8]));
            store
        };
        let stores: Vec<MemoryStore> = (0..nodes).map(store).collect();
        let map = (0..SLOTS).map(|slot| (slot % nodes) as u16).collect();
        Self { replicas: stores.clone(), stores, map, moving: BTreeMap::new() }
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.stores.len() > 1
    }

    /// Why a node does not carry an operation out.
    pub(super) fn refusal(&mut self, node: usize, op: &NodeOp, now: Instant) -> Option<StoreError> {
        if !self.is_cluster() {
            return None;
        }
        // A read is one command for each key.
        commands(&op.op).into_iter().find_map(|keys| self.refusal_of(node, &keys, op.asks, now))
    }

    fn refusal_of(&mut self, node: usize, keys: &[&Key], asks: bool, now: Instant) -> Option<StoreError> {
        let key = keys.first()?;
        let slot = slot_of(key);
        let owner = usize::from(self.map[usize::from(slot)]);
        let target = self.moving.get(&slot).copied();
        if asks && target == Some(node) {
            return None;
        }
        let redirect = |asks, node| Some(StoreError::Redirected(Redirect { asks, slot, address: address(node) }));
        if owner != node {
            return redirect(false, owner);
        }
        let target = target?;
        let present = keys.iter().map(|key| self.stores[node].has(now, key)).collect::<Vec<_>>();
        match (present.contains(&true), present.contains(&false)) {
            (_, false) => None,
            (false, true) => redirect(true, target),
            (true, true) => Some(StoreError::Refused("TRYAGAIN (DEL)".to_owned())),
        }
    }

    /// A slot starts to move, one of its keys moves, or it has moved. Says which.
    pub(super) fn reshard(&mut self, now: Instant, dice: &mut Dice) -> String {
        let keys: Vec<Key> = self.stores.iter().flat_map(|store| store.keys(now)).collect();
        if !self.is_cluster() || keys.is_empty() {
            return "nothing to move".to_owned();
        }
        let key = &keys[dice.below(keys.len() as u64) as usize];
        let slot = slot_of(key);
        let owner = usize::from(self.map[usize::from(slot)]);
        match self.moving.get(&slot).copied() {
            None => {
                let target = (owner + 1 + dice.below(self.stores.len() as u64 - 1) as usize) % self.stores.len();
                self.moving.insert(slot, target);
                format!("slot {slot} starts to move from {owner} to {target}")
            }
            Some(target) if dice.chance(50) => {
                self.hand_over(now, key, owner, target);
                format!("{} moves from {owner} to {target}", key.escape_ascii())
            }
            Some(target) => {
                self.finish(now, slot);
                format!("slot {slot} has moved to {target}")
            }
        }
    }

    /// All slots that move have moved.
    pub(super) fn finish_all(&mut self, now: Instant) {
        for slot in self.moving.keys().copied().collect::<Vec<_>>() {
            self.finish(now, slot);
        }
    }

    fn finish(&mut self, now: Instant, slot: u16) {
        let Some(target) = self.moving.remove(&slot) else { return };
        let owner = usize::from(std::mem::replace(&mut self.map[usize::from(slot)], target as u16));
        for key in self.stores[owner].keys(now).into_iter().filter(|key| slot_of(key) == slot) {
            self.hand_over(now, &key, owner, target);
        }
    }

    fn hand_over(&mut self, now: Instant, key: &Key, from: usize, to: usize) {
        let mut target = std::mem::take(&mut self.stores[to]);
        self.stores[from].hand_over(now, key, &mut target);
        self.stores[to] = target;
    }
}

/// The keys of the commands of an operation.
fn commands(op: &Op) -> Vec<Vec<&Key>> {
    match op {
        Op::Read { entries, versions } => entries.iter().map(|entry| &entry.key).chain(versions).map(|key| vec![key]).collect(),
        Op::ReadVersions { versions } => versions.iter().map(|key| vec![key]).collect(),
        Op::Invalidate { tags } => tags.iter().map(|(version, counter)| vec![version, counter]).collect(),
        Op::Count { items, .. } => items.iter().map(|(version, counter, _)| vec![version, counter]).collect(),
        other => other.routing_key().map(|key| vec![key]).into_iter().collect(),
    }
}
