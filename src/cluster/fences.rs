//! Fences: what a link had not answered at a certain moment. A slot that moves waits for the fence of the link that it leaves, so that no later
//! command overtakes one that is still on its way there. A node that leaves is closed behind its fence.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::nodes::NodeId;
use super::output::FenceId;
use crate::clock::Instant;

/// How long a node that still serves slots may take. It is alive or its link will be lost: either way its other commands are left alone.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a node that serves no slot any more may take, before its connection is dropped.
const PATIENCE_WITH_LEAVERS: Duration = Duration::from_secs(1);

/// One fence.
#[derive(Debug)]
pub struct Fence {
    /// Whose link.
    pub node: NodeId,
    /// The slots that wait for it.
    pub slots: BTreeSet<u16>,
    /// When to look at it again.
    pub look_at: Instant,
    since: Instant,
    /// Whether its node's connection has been dropped because of it.
    has_cut: bool,
}

/// What to do about a fence whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// Wait: look again at `look_at`.
    Wait,
    /// Drop the node's connection.
    Cut(NodeId),
    /// Go on without the answers.
    GiveUp,
}

/// All fences that are not answered.
#[derive(Debug, Default)]
pub struct Fences {
    all: BTreeMap<FenceId, Fence>,
    /// Fences that the driver does not know of yet: slots that turn together share one.
    untold: BTreeMap<NodeId, FenceId>,
    next: u32,
}

impl Fences {
    /// Lets `slot` wait for what the link of `node` has not answered.
    pub fn wait(&mut self, node: NodeId, slot: Option<u16>, now: Instant) -> FenceId {
        let id = *self.untold.entry(node).or_insert_with(|| {
            self.next = self.next.wrapping_add(1);
            FenceId(self.next)
        });
        let look_at = now + PATIENCE_WITH_LEAVERS;
        let new = || Fence { node, slots: BTreeSet::new(), look_at, since: now, has_cut: false };
        self.all.entry(id).or_insert_with(new).slots.extend(slot);
        id
    }

    /// The next fence to tell the driver of.
    pub fn tell(&mut self) -> Option<(FenceId, NodeId)> {
        self.untold.pop_first().map(|(node, id)| (id, node))
    }

    /// Whether there is a fence to tell the driver of.
    pub fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// The fence with this number.
    pub fn get(&self, id: FenceId) -> Option<&Fence> {
        self.all.get(&id)
    }

    /// Only commands of these slots are not answered: returns the slots that have no reason to wait.
    pub fn narrow(&mut self, id: FenceId, pending: &BTreeSet<u16>) -> Vec<u16> {
        let Some(fence) = self.all.get_mut(&id) else { return Vec::new() };
        let free: Vec<u16> = fence.slots.difference(pending).copied().collect();
        fence.slots.retain(|slot| pending.contains(slot));
        free
    }

    /// Ends a fence.
    pub fn end(&mut self, id: FenceId) -> Option<Fence> {
        let fence = self.all.remove(&id)?;
        if self.untold.get(&fence.node) == Some(&id) {
            self.untold.remove(&fence.node);
        }
        Some(fence)
    }

    /// The fences of a node, oldest first.
    pub fn of(&self, node: NodeId) -> Vec<FenceId> {
        self.all.iter().filter(|(_, fence)| fence.node == node).map(|(id, _)| *id).collect()
    }

    /// What to do about a fence at its `look_at`. A node may have lost its slots, or got some, in the meantime.
    pub fn on_due(&mut self, id: FenceId, is_without_slots: bool, now: Instant) -> Overdue {
        let Some(fence) = self.all.get_mut(&id) else { return Overdue::Wait };
        if fence.look_at > now {
            return Overdue::Wait;
        }
        fence.look_at = now + PATIENCE_WITH_LEAVERS;
        if fence.has_cut || (!is_without_slots && now.since(fence.since) >= PATIENCE) {
            return Overdue::GiveUp;
        }
        if !is_without_slots {
            return Overdue::Wait;
        }
        fence.has_cut = true;
        Overdue::Cut(fence.node)
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.all.clear();
        self.untold.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId(0);

    #[test]
    fn slots_that_turn_together_share_a_fence() {
        let mut fences = Fences::default();
        let now = Instant::default();
        let first = fences.wait(A, Some(1), now);
        assert_eq!(fences.wait(A, Some(2), now), first);
        assert_eq!(fences.tell(), Some((first, A)));
        assert_eq!(fences.tell(), None);
        let later = fences.wait(A, Some(3), now);
        assert_ne!(later, first, "what is sent after a fence was told of is not behind it");
        assert_eq!(fences.narrow(first, &BTreeSet::from([2])), [1]);
        assert_eq!(fences.end(first).unwrap().slots, BTreeSet::from([2]));
        assert_eq!(fences.of(A), [later]);
    }

    #[test]
    fn only_a_node_without_slots_is_cut() {
        let mut fences = Fences::default();
        let now = Instant::default();
        let fence = fences.wait(A, Some(1), now);
        let second = PATIENCE_WITH_LEAVERS;
        assert_eq!(fences.on_due(fence, true, now), Overdue::Wait);
        assert_eq!(fences.on_due(fence, false, now + second), Overdue::Wait);
        assert_eq!(fences.on_due(fence, true, now + second * 2), Overdue::Cut(A), "it has lost its slots since");
        assert_eq!(fences.on_due(fence, true, now + second * 2), Overdue::Wait);
        assert_eq!(fences.on_due(fence, true, now + second * 3), Overdue::GiveUp);
        let fence = fences.wait(NodeId(1), Some(1), now);
        assert_eq!(fences.on_due(fence, false, now + second * 4), Overdue::Wait);
        assert_eq!(fences.on_due(fence, false, now + PATIENCE), Overdue::GiveUp);
    }
}
