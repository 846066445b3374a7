//! What a refusal or a lost node means for a command: where it goes, and whether its slot is held meanwhile (`lanes`).
//!
//! ASK and TRYAGAIN hold no slot: commands that were told ASK take one way in their order, and TRYAGAIN concerns commands of several keys alone.

use std::time::Duration;

use super::board::Board;
use super::holds::Delayed;
use super::lanes::Lanes;
use super::nodes::NodeId;
use super::output::{FenceId, Ticket, Trail, Traveller};
use super::refusal::{Refusal, Target};
use crate::clock::Instant;
use crate::contract::ClusterRejection;

/// The longest wait for a node that reads its data.
const LONGEST_LOADING: Duration = Duration::from_secs(1);

/// A command that was refused or handed back.
#[derive(Debug, Clone, Copy)]
pub struct Returned {
    /// Which.
    pub ticket: Ticket,
    /// By whose link.
    pub node: NodeId,
    /// Its slot; `None` if it has no key that the driver knows.
    pub slot: Option<u16>,
    /// What it has been through before.
    pub trail: Trail,
    /// Whether a node may have run it.
    pub maybe_executed: bool,
}

impl Returned {
    /// The command as it goes on from here.
    fn traveller(&self) -> Traveller {
        Traveller { ticket: self.ticket, trail: Trail { times: self.trail.times + 1, ..self.trail } }
    }
}

/// Why the map should be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Something about it is wrong.
    Map,
    /// A redirect gave this slot to this node.
    Moved(u16, NodeId),
}

/// Places commands.
#[derive(Debug, Default)]
pub struct Router {
    /// Commands that wait.
    pub lanes: Lanes,
    doubts: Vec<Doubt>,
}

impl Router {
    /// Takes the reasons to read the map that have come up.
    pub fn take_doubts(&mut self) -> Vec<Doubt> {
        std::mem::take(&mut self.doubts)
    }

    /// Places a command that has just been issued.
    pub fn route(&mut self, board: &mut Board, ticket: Ticket, slot: u16, now: Instant) {
        if board.slots.owner(slot).is_none() {
            self.doubts.push(Doubt::Map);
        }
        self.lanes.place(board, Delayed { traveller: Traveller { ticket, trail: Trail::default() }, slot: Some(slot), except: None }, now);
    }

    /// Places a command that a server refused. Whether it was taken; if not, its caller gets the server's error.
    pub fn refused(&mut self, board: &mut Board, mut returned: Returned, text: &str, mapped: Option<&Target>, now: Instant) -> bool {
        let refusal = Refusal::read(text);
        let is_off = match refusal {
            Refusal::Other => true,
            Refusal::ClusterDown => board.options.on_cluster_down.is_none(),
            Refusal::ReadOnly | Refusal::Loading | Refusal::MasterDown => board.options.on_failover.is_none(),
            _ => false,
        };
        if is_off {
            return false;
        }
        returned.trail = board.placed(returned.trail);
        if let Refusal::Hostile(what) = refusal {
            board.refuse(returned.ticket, returned.node, what, text, returned.maybe_executed);
            return true;
        }
        if returned.trail.times >= board.options.max_redirections {
            self.doubts.push(Doubt::Map);
            let text = format!("ReplyError: {text}");
            board.reject(returned.ticket, ClusterRejection::TooManyRedirections, text, returned.maybe_executed);
            return true;
        }
        match refusal {
            Refusal::Moved { slot, .. } | Refusal::Ask { slot, .. } if returned.slot.is_some_and(|own| own != slot) => {
                board.refuse(returned.ticket, returned.node, "another slot than the command's", text, returned.maybe_executed);
            }
            Refusal::Moved { slot, to } => self.moved(board, returned, slot, mapped.unwrap_or(&to), text, now),
            Refusal::Ask { slot, to } => self.ask(board, returned, slot, mapped.unwrap_or(&to), text, now),
            Refusal::TryAgain => self.delay(returned, None, board.options.on_try_again, now),
            Refusal::ClusterDown => self.cluster_down(board, returned, now),
            Refusal::ReadOnly => self.not_master(board, returned, board.options.on_failover.unwrap_or_default(), now),
            Refusal::Loading | Refusal::MasterDown => {
                let delay = board.options.on_failover.unwrap_or_default() * 2u32.pow(returned.trail.times.min(16));
                self.not_master(board, returned, delay.min(LONGEST_LOADING), now);
            }
            Refusal::Hostile(_) | Refusal::Other => (),
        }
        true
    }

    /// Places a command whose node was lost. Whether it was taken.
    pub fn handed_back(&mut self, board: &mut Board, mut returned: Returned, now: Instant) -> bool {
        let Some(delay) = board.options.on_failover else { return false };
        returned.trail = board.placed(returned.trail);
        self.doubts.push(Doubt::Map);
        if returned.trail.times >= board.options.max_redirections {
            let text = "Error: Connection is closed.".to_owned();
            board.reject(returned.ticket, ClusterRejection::TooManyRedirections, text, returned.maybe_executed);
            return true;
        }
        let Some(slot) = returned.slot else {
            self.delay(returned, Some(returned.node), delay, now);
            return true;
        };
        let owner = board.slots.owner(slot);
        if let Some(owner) = owner.filter(|_| self.lanes.was_asked(slot, returned.node)) {
            // What its node has in flight for it was issued later, and will be told ASK as well.
            self.lanes.turn(board, slot, owner, now);
            self.lanes.hold_for(board, slot, delay, now);
        } else if owner.is_none() || owner == Some(returned.node) {
            self.lanes.hold_for(board, slot, delay, now);
        }
        self.lanes.give_back(board, returned.traveller(), slot, now);
        true
    }

    /// A link has answered all that was behind this fence.
    pub fn answered(&mut self, board: &mut Board, fence: FenceId, now: Instant) {
        let Some(node) = self.lanes.answered(board, fence, now) else { return };
        self.leave(board, node);
    }

    /// A node's link is lost: it has handed back all that it had.
    pub fn node_down(&mut self, board: &mut Board, node: NodeId, now: Instant) {
        for fence in self.lanes.fences_of(node) {
            self.answered(board, fence, now);
        }
    }

    /// A node has left: it is closed once it has answered.
    pub fn leaving(&mut self, board: &mut Board, id: NodeId, now: Instant) {
        let Some(node) = board.nodes.get_mut(id) else { return };
        if node.is_ended() {
            return board.close(id);
        }
        if !std::mem::replace(&mut node.is_leaving, true) {
            self.lanes.fence(board, id, None, now);
        }
    }

    /// Does what is due.
    pub fn on_timer(&mut self, board: &mut Board, now: Instant) {
        for fence in self.lanes.on_timer(board, now) {
            self.answered(board, fence, now);
        }
    }

    /// Gives up all commands.
    pub fn clear(&mut self) -> Vec<Ticket> {
        self.doubts.clear();
        self.lanes.clear()
    }

    fn moved(&mut self, board: &mut Board, returned: Returned, slot: u16, to: &Target, text: &str, now: Instant) {
        let Some(to) = self.resolve(board, returned, to, text, now) else { return };
        if to == returned.node {
            return self.moved_to_itself(board, returned, slot, now);
        }
        let owner = board.slots.owner(slot);
        let is_held = self.lanes.is_held(slot);
        let is_replica = board.nodes.get(returned.node).is_some_and(|node| node.is_replica);
        // Whom the slot's node told to ask knows at least as much. A replica, or a node that was asked at random, may know less: its word sends this command only.
        let turns = owner == Some(returned.node) || self.lanes.was_asked(slot, returned.node);
        let adopts = owner.is_none() || turns || (is_held && !is_replica);
        if owner != Some(to) {
            self.doubts.push(if adopts { Doubt::Moved(slot, to) } else { Doubt::Map });
        }
        if returned.slot.is_none() || !(adopts || is_held) {
            return board.send(returned.traveller(), to, false);
        }
        if adopts && owner != Some(to) {
            board.give(slot, to);
        }
        if turns {
            self.lanes.turn(board, slot, owner.unwrap_or(returned.node), now);
        }
        if !board.options.on_moved.is_zero() {
            self.lanes.hold_for(board, slot, board.options.on_moved, now);
        }
        self.lanes.give_back(board, returned.traveller(), slot, now);
    }

    /// What is behind the connection is not the node any more, for example behind a proxy: another connection, with another number, takes its place.
    /// What the former one has in flight is not overtaken; slots with nothing in flight are let go at once.
    fn moved_to_itself(&mut self, board: &mut Board, returned: Returned, slot: u16, now: Instant) {
        self.doubts.push(Doubt::Map);
        let Some((node, slots)) = board.replace(returned.node) else { return };
        for own in slots {
            self.lanes.turn(board, own, returned.node, now);
        }
        for asked in self.lanes.asked_of(returned.node) {
            let owner = board.slots.owner(asked).unwrap_or(returned.node);
            self.lanes.turn(board, asked, owner, now);
        }
        let owner = board.slots.owner(slot);
        if owner != Some(node) {
            board.give(slot, node);
            for from in owner.into_iter().chain([returned.node]) {
                self.lanes.turn(board, slot, from, now);
            }
        }
        self.leaving(board, returned.node, now);
        if returned.slot.is_none() {
            return board.send(returned.traveller(), node, false);
        }
        self.lanes.give_back(board, returned.traveller(), slot, now);
    }

    fn ask(&mut self, board: &mut Board, returned: Returned, slot: u16, to: &Target, text: &str, now: Instant) {
        let Some(to) = self.resolve(board, returned, to, text, now) else { return };
        if returned.slot.is_some() {
            // The slot turns: what waits goes before it, and it is told ASK again if need be. So are the commands that its node still has in flight,
            // which were issued later.
            if self.lanes.is_held(slot) {
                self.lanes.turn(board, slot, returned.node, now);
                return self.lanes.give_back(board, returned.traveller(), slot, now);
            }
            self.lanes.on_asked(slot, to);
        }
        board.send(returned.traveller(), to, true);
    }

    fn cluster_down(&mut self, board: &mut Board, returned: Returned, now: Instant) {
        let delay = board.options.on_cluster_down.unwrap_or_default();
        self.doubts.push(Doubt::Map);
        let Some(slot) = returned.slot else { return self.delay(returned, Some(returned.node), delay, now) };
        let is_owner = board.slots.owner(slot) == Some(returned.node);
        // Another node may know who serves the slot now, or not be cut off from the others as this one is.
        let detour = if is_owner { board.nodes.any(&mut board.choice, Some(returned.node), now) } else { None };
        self.lanes.turn(board, slot, returned.node, now);
        self.lanes.hold_for(board, slot, delay, now);
        self.lanes.detour(slot, detour);
        self.lanes.give_back(board, returned.traveller(), slot, now);
    }

    /// The node is a replica, or not ready: the slot's master is asked, after a delay if that is the node itself.
    fn not_master(&mut self, board: &mut Board, returned: Returned, delay: Duration, now: Instant) {
        let Some(slot) = returned.slot else {
            self.doubts.push(Doubt::Map);
            return self.delay(returned, Some(returned.node), delay, now);
        };
        if board.slots.owner(slot) == Some(returned.node) {
            self.doubts.push(Doubt::Map);
            self.lanes.turn(board, slot, returned.node, now);
            self.lanes.hold_for(board, slot, delay, now);
        }
        self.lanes.give_back(board, returned.traveller(), slot, now);
    }

    /// The node that a redirect names. `None` if the command is dealt with already.
    fn resolve(&mut self, board: &mut Board, returned: Returned, target: &Target, text: &str, now: Instant) -> Option<NodeId> {
        let here = board.nodes.get(returned.node).map(|node| node.address.clone());
        let address = match target {
            Target::At(address) => Some(address.clone()),
            Target::SameHost(port) => here.and_then(|here| here.with_port(*port)),
            Target::Nowhere => None,
        };
        let Some(address) = address else {
            // The map may name the node.
            let delay = board.options.on_cluster_down.unwrap_or_default();
            self.not_addressed(board, returned, delay, now);
            return None;
        };
        let node = board.stranger(&address);
        if node.is_none() {
            self.doubts.push(Doubt::Map);
            board.refuse(returned.ticket, returned.node, "one of too many unknown nodes", text, returned.maybe_executed);
        }
        node
    }

    fn not_addressed(&mut self, board: &mut Board, returned: Returned, delay: Duration, now: Instant) {
        self.doubts.push(Doubt::Map);
        let Some(slot) = returned.slot else { return self.delay(returned, None, delay, now) };
        self.lanes.turn(board, slot, returned.node, now);
        self.lanes.hold_for(board, slot, delay, now);
        self.lanes.give_back(board, returned.traveller(), slot, now);
    }

    /// Closes a node that is leaving, once nothing is behind its fences.
    fn leave(&mut self, board: &mut Board, node: NodeId) {
        if board.nodes.get(node).is_some_and(|node| node.is_leaving) && self.lanes.fences_of(node).is_empty() {
            self.lanes.forget_node(node);
            board.close(node);
        }
    }

    fn delay(&mut self, returned: Returned, except: Option<NodeId>, delay: Duration, now: Instant) {
        self.lanes.delay(Delayed { traveller: returned.traveller(), slot: returned.slot, except }, delay, now);
    }
}
