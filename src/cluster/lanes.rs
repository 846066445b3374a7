//! The lanes of commands, one per slot. Commands of one slot stay in the order in which they were issued: whatever sends one of them elsewhere or
//! later holds the slot. Its table entry becomes `Wait`, so that later commands queue here, until the links that the slot leaves have answered and
//! delays are over. Commands without a slot have no lane; they only wait for their delays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::board::Board;
use super::fences::{Fences, Overdue};
use super::holds::{Delayed, Holds};
use super::nodes::NodeId;
use super::output::{FenceId, Output, Ticket, Traveller};
use super::timers::{Due, Timers};
use crate::clock::Instant;

/// How long a command without a key waits for a node, if there is none.
const WITHOUT_NODES: Duration = Duration::from_millis(100);

/// What waits, and for what.
#[derive(Debug, Default)]
pub struct Lanes {
    holds: Holds,
    fences: Fences,
    timers: Timers,
    /// Where commands of a slot were told to ask, since it turned last. They may be in flight there when it turns again.
    asked: BTreeMap<u16, BTreeSet<NodeId>>,
}

impl Lanes {
    /// Whether a slot is held.
    pub fn is_held(&self, slot: u16) -> bool {
        self.holds.has(slot)
    }

    /// Sends a command by its slot, or behind those that wait for the slot. Without a slot it goes to any node, to another one than `except` if there is one.
    pub fn place(&mut self, board: &mut Board, delayed: Delayed, now: Instant) {
        let Delayed { traveller, slot, except } = delayed;
        let Some(slot) = slot else {
            return match board.nodes.any(&mut board.choice, except, now) {
                Some(node) => board.send(traveller, node, false),
                None => self.delay(delayed, WITHOUT_NODES, now),
            };
        };
        match board.slots.owner(slot) {
            Some(owner) if !self.holds.has(slot) => board.send(traveller, owner, false),
            _ => {
                self.hold(board, slot);
                self.holds.push_fresh(slot, traveller);
                self.release(board, slot, now);
            }
        }
    }

    /// Places a command that came back. It goes before those that were issued since; if the slot is not held, there are none.
    pub fn give_back(&mut self, board: &mut Board, traveller: Traveller, slot: u16, now: Instant) {
        if self.holds.has(slot) {
            self.holds.push_returned(slot, traveller);
            self.release(board, slot, now);
        } else {
            self.place(board, Delayed { traveller, slot: Some(slot), except: None }, now);
        }
    }

    /// Places a command later. It does not hold its slot.
    pub fn delay(&mut self, delayed: Delayed, delay: Duration, now: Instant) {
        let number = self.holds.delay(delayed);
        self.timers.set(now + delay, Due::Delayed(number));
    }

    /// Its caller does not wait any more.
    pub fn forget(&mut self, ticket: Ticket) {
        self.holds.forget(ticket);
    }

    /// Holds a slot for a time.
    pub fn hold_for(&mut self, board: &mut Board, slot: u16, delay: Duration, now: Instant) {
        self.hold(board, slot);
        let hold = self.holds.hold(slot);
        hold.until = hold.until.max(Some(now + delay));
        self.timers.set(now + delay, Due::Slot(slot));
    }

    /// Asks this node instead of the slot's own, once the hold is over.
    pub fn detour(&mut self, slot: u16, node: Option<NodeId>) {
        if let Some(hold) = self.holds.get_mut(slot) {
            hold.detour = node;
        }
    }

    /// Commands of this slot were told to ask a node.
    pub fn on_asked(&mut self, slot: u16, node: NodeId) {
        self.asked.entry(slot).or_default().insert(node);
    }

    /// Whether commands of this slot were told to ask that node.
    pub fn was_asked(&self, slot: u16, node: NodeId) -> bool {
        self.asked.get(&slot).is_some_and(|asked| asked.contains(&node))
    }

    /// The slots whose commands were told to ask this node.
    pub fn asked_of(&self, node: NodeId) -> Vec<u16> {
        self.asked.iter().filter(|(_, asked)| asked.contains(&node)).map(|(slot, _)| *slot).collect()
    }

    /// Holds a slot until `from`, and the nodes that it told to ask, have answered what they were sent.
    pub fn turn(&mut self, board: &mut Board, slot: u16, from: NodeId, now: Instant) {
        let asked = self.asked.remove(&slot).unwrap_or_default();
        self.fence(board, from, Some(slot), now);
        for node in asked {
            if node != from && board.nodes.get(node).is_some_and(|node| !node.is_ended()) {
                self.fence(board, node, Some(slot), now);
            }
        }
    }

    /// The slot has another node, by a map.
    pub fn turned(&mut self, board: &mut Board, slot: u16, from: Option<NodeId>, now: Instant) {
        self.detour(slot, None);
        let from = from.filter(|node| board.nodes.get(*node).is_some_and(|node| !node.is_ended()));
        if let Some(from) = from {
            self.turn(board, slot, from, now);
        } else if let Some(hold) = self.holds.get_mut(slot) {
            // What waited for the node that was lost goes to its successor at once.
            hold.until = None;
            self.release(board, slot, now);
        }
        board.show(slot);
    }

    /// Lets a slot wait for what a node has not answered, or asks for nothing but when that is answered.
    pub fn fence(&mut self, board: &mut Board, node: NodeId, slot: Option<u16>, now: Instant) {
        let fence = self.fences.wait(node, slot, now);
        if let Some(slot) = slot {
            self.wait_for(board, slot, fence);
        }
        self.watch(fence);
    }

    /// The next fence to tell the driver of.
    pub fn tell_fence(&mut self) -> Option<Output> {
        self.fences.tell().map(|(fence, node)| Output::Fence { fence, node })
    }

    /// Whether there is a fence to tell the driver of.
    pub fn has_untold(&self) -> bool {
        self.fences.has_untold()
    }

    /// The fences of a node that are not answered.
    pub fn fences_of(&self, node: NodeId) -> Vec<FenceId> {
        self.fences.of(node)
    }

    /// A link has answered all that was behind this fence. Returns its node.
    pub fn answered(&mut self, board: &mut Board, fence: FenceId, now: Instant) -> Option<NodeId> {
        let ended = self.fences.end(fence)?;
        for slot in &ended.slots {
            self.unfence(board, *slot, fence, now);
        }
        Some(ended.node)
    }

    /// A link has not answered commands of these slots; all others have no reason to wait.
    pub fn pending(&mut self, board: &mut Board, fence: FenceId, slots: &BTreeSet<u16>, now: Instant) {
        for slot in self.fences.narrow(fence, slots) {
            self.unfence(board, slot, fence, now);
        }
    }

    /// A node is closed: nothing is in flight there.
    pub fn forget_node(&mut self, node: NodeId) {
        self.asked.retain(|_, asked| {
            asked.remove(&node);
            !asked.is_empty()
        });
    }

    /// When something has to be done.
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Does what is due. Returns fences whose time is over: their links do not answer.
    pub fn on_timer(&mut self, board: &mut Board, now: Instant) -> Vec<FenceId> {
        let mut given_up = Vec::new();
        while let Some(due) = self.timers.pop(now) {
            match due {
                Due::Slot(slot) => self.release(board, slot, now),
                Due::Fence(fence) => given_up.extend(self.overdue(board, fence, now)),
                Due::Delayed(number) => {
                    if let Some(delayed) = self.holds.take_delayed(number) {
                        self.place(board, delayed, now);
                    }
                }
            }
        }
        given_up
    }

    /// Gives up all commands.
    pub fn clear(&mut self) -> Vec<Ticket> {
        self.fences.clear();
        self.timers = Timers::default();
        self.asked.clear();
        self.holds.take_all()
    }

    fn hold(&mut self, board: &mut Board, slot: u16) {
        if !self.holds.has(slot) {
            self.holds.hold(slot);
            board.set_held(slot, true);
        }
    }

    fn wait_for(&mut self, board: &mut Board, slot: u16, fence: FenceId) {
        self.hold(board, slot);
        self.holds.hold(slot).fences.insert(fence);
    }

    fn unfence(&mut self, board: &mut Board, slot: u16, fence: FenceId, now: Instant) {
        if let Some(hold) = self.holds.get_mut(slot) {
            hold.fences.remove(&fence);
            self.release(board, slot, now);
        }
    }

    /// Looks at a fence again when its time is over.
    fn watch(&mut self, fence: FenceId) {
        if let Some(look_at) = self.fences.get(fence).map(|fence| fence.look_at) {
            self.timers.set(look_at, Due::Fence(fence));
        }
    }

    fn overdue(&mut self, board: &mut Board, fence: FenceId, now: Instant) -> Option<FenceId> {
        let node = self.fences.get(fence)?.node;
        match self.fences.on_due(fence, !board.slots.has_slots(node), now) {
            Overdue::GiveUp => return Some(fence),
            Overdue::Cut(node) => board.push(Output::Cut { node }),
            Overdue::Wait => (),
        }
        self.watch(fence);
        None
    }

    /// Sends what waits for a slot, if nothing holds it any more.
    fn release(&mut self, board: &mut Board, slot: u16, now: Instant) {
        let Some(hold) = self.holds.get_mut(slot) else { return };
        if !hold.fences.is_empty() || hold.until.is_some_and(|until| until > now) {
            return;
        }
        hold.until = None;
        let detour = hold.detour.take().filter(|node| board.nodes.get(*node).is_some());
        let owner = board.slots.owner(slot);
        let Some(node) = detour.or(owner).or_else(|| board.nodes.any(&mut board.choice, None, now)) else { return };
        let travellers = self.holds.take(slot);
        if travellers.is_empty() || owner == Some(node) {
            self.holds.release(slot);
            board.set_held(slot, false);
            board.send_all(travellers, node);
        } else {
            // Not the slot's node: the slot stays held until it has answered.
            board.send_all(travellers, node);
            self.fence(board, node, Some(slot), now);
        }
    }
}
