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
    /// Whether its node's connection has been dropped because of it.
    pub has_cut: bool,
    /// When it is given up.
    pub deadline: Instant,
}

/// What to do about a fence whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// Not yet.
    No,
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
    pub fn wait(&mut self, node: NodeId, slot: Option<u16>, is_landless: bool, now: Instant) -> FenceId {
        let id = *self.untold.entry(node).or_insert_with(|| {
            self.next = self.next.wrapping_add(1);
            FenceId(self.next)
        });
        let deadline = now + if is_landless { PATIENCE_WITH_LEAVERS } else { PATIENCE };
        let fence = self.all.entry(id).or_insert_with(|| Fence { node, slots: BTreeSet::new(), has_cut: false, deadline });
        fence.deadline = fence.deadline.min(deadline);
        fence.slots.extend(slot);
        id
    }

    /// Lets `slot` wait for a fence that is there already.
    pub fn join(&mut self, id: FenceId, slot: u16) {
        if let Some(fence) = self.all.get_mut(&id) {
            fence.slots.insert(slot);
        }
    }

    /// The next fence to tell the driver of.
    pub fn tell(&mut self) -> Option<(FenceId, NodeId)> {
        self.untold.pop_first().map(|(node, id)| (id, node))
    }

    /// Whether there is a fence to tell the driver of.
    pub fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Tells of the fence of `node` at once, if there is one.
    pub fn tell_of(&mut self, node: NodeId) -> Option<FenceId> {
        self.untold.remove(&node)
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

    /// What to do about this fence now.
    pub fn judge(&mut self, id: FenceId, is_landless: bool, now: Instant) -> Overdue {
        let Some(fence) = self.all.get_mut(&id).filter(|fence| fence.deadline <= now) else { return Overdue::No };
        if !is_landless || fence.has_cut {
            return Overdue::GiveUp;
        }
        fence.has_cut = true;
        fence.deadline = now + PATIENCE_WITH_LEAVERS;
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
        let first = fences.wait(A, Some(1), false, now);
        assert_eq!(fences.wait(A, Some(2), false, now), first);
        assert_eq!(fences.tell(), Some((first, A)));
        assert_eq!(fences.tell(), None);
        let later = fences.wait(A, Some(3), false, now);
        assert_ne!(later, first, "what is sent after a fence was told of is not behind it");
        assert_eq!(fences.narrow(first, &BTreeSet::from([2])), [1]);
        assert_eq!(fences.end(first).unwrap().slots, BTreeSet::from([2]));
        assert_eq!(fences.of(A), [later]);
    }

    #[test]
    fn only_a_node_without_slots_is_cut() {
        let mut fences = Fences::default();
        let now = Instant::default();
        let fence = fences.wait(A, Some(1), true, now);
        assert_eq!(fences.judge(fence, true, now), Overdue::No);
        assert_eq!(fences.judge(fence, true, now + PATIENCE_WITH_LEAVERS), Overdue::Cut(A));
        assert_eq!(fences.judge(fence, true, now + PATIENCE_WITH_LEAVERS), Overdue::No);
        assert_eq!(fences.judge(fence, true, now + PATIENCE_WITH_LEAVERS * 2), Overdue::GiveUp);
        let fence = fences.wait(NodeId(1), Some(1), false, now);
        assert_eq!(fences.judge(fence, false, now + PATIENCE), Overdue::GiveUp);
    }
}
