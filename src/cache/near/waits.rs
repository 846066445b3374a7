//! Lookups that wait for leases: what is read for them on the lanes, and when they are woken. Who is not watched looks for himself, so
//! whatever is in doubt ends a watch.

use super::ground::Ground;
use super::output::NearOutput;
use super::watch::{Look, Sight};
use super::{Asked, Fence, Near};
use crate::cache::awaited::Awaited;
use crate::clock::Instant;
use crate::store::{Answer, Key, NodeId};

impl Near {
    /// A lookup waits for this lease. Woken by [`NearOutput::Wake`]; [`NearOutput::Watched`] says that it will be.
    pub(in crate::cache) fn watch(&mut self, now: Instant, lookup: u64, entry: &Key, lease: Awaited, ground: Ground<'_>) {
        if self.watches.join(entry, lease.token, lookup, now) {
            if let Some(until) = self.watches.confirmed_until(entry) {
                self.outputs.push_back(NearOutput::Watched { lookup, until });
            }
            return;
        }
        let former = self.watches.take(entry);
        self.wake(former);
        let versions = if self.has(Fence::VersionsWake) { &lease.versions[..] } else { &[] };
        let looks = Look::by_node(entry, versions, |key| ground.node_of(key));
        if !looks.keys().all(|node| self.lanes.is_reliable(*node, now)) {
            return;
        }
        self.last += 1;
        let number = self.last;
        self.watches.open(entry, number, lease, looks.keys().copied().collect(), lookup);
        for (node, look) in looks {
            let op = look.op(entry);
            self.send(now, node, op, Asked::Watch(entry.clone(), number, look), ground);
        }
    }

    pub(super) fn on_look(&mut self, now: Instant, entry: &Key, number: u64, look: &Look, answer: Option<&Answer>) {
        match self.watches.on_look(entry, number, look, answer, now) {
            Sight::Due => {}
            Sight::Live(until) => {
                for lookup in self.watches.lookups(entry) {
                    self.outputs.push_back(NearOutput::Watched { lookup, until });
                }
            }
            Sight::Changed => {
                let lookups = self.watches.take(entry);
                self.wake(lookups);
            }
            // They were never told that somebody watches for them.
            Sight::Nothing => drop(self.watches.take(entry)),
        }
    }

    /// A key has changed that lookups wait for.
    pub(super) fn wake_those_of(&mut self, key: &Key) {
        let lookups = if self.has(Fence::PushWakes) { self.watches.take_key(key) } else { Vec::new() };
        self.wake(lookups);
    }

    /// Changes on a node may go unnoticed, or have.
    pub(super) fn wake_those_on(&mut self, node: NodeId) {
        let lookups = if self.has(Fence::GapWakes) { self.watches.take_node(node) } else { Vec::new() };
        self.wake(lookups);
    }

    /// Leases run out, and lanes fall silent.
    pub(super) fn wake_overdue(&mut self, now: Instant) {
        let lookups = self.watches.overdue(now);
        self.wake(lookups);
        let silent: Vec<NodeId> = self.watches.nodes().filter(|node| !self.lanes.is_reliable(*node, now)).collect();
        for node in silent {
            self.wake_those_on(node);
        }
    }

    /// When a lane counts as silent that lookups rely on.
    pub(super) fn next_silence(&self) -> Option<Instant> {
        self.watches.nodes().filter_map(|node| self.lanes.silent_from(node)).min()
    }

    pub(super) fn wake(&mut self, lookups: Vec<u64>) {
        self.outputs.extend(lookups.into_iter().map(NearOutput::Wake));
    }
}

#[cfg(test)]
#[path = "waits_tests.rs"]
mod tests;
