//! Machine: which entries this process may serve from its own memory (the near cache), and which waits end early.
//!
//! Every node has one more link, its *lane*, on which the server tracks what was read (`CLIENT TRACKING`, RESP3). A *fill* reads an entry
//! and the versions of its tags on the lanes of their nodes; what it brings is a *copy*, which the facade keeps beside the parsed value
//! and serves until it is told to drop it. A push about one of its keys, a flush and an own write each drop the copies **and** refuse
//! the fills in flight: the reply of such a fill may be older than what the push was about. A gap in a lane drops everything that was
//! read on it. A *watch* reads a lease and the versions that it carries on the lanes, so that the push about the lease's end, or about a
//! version that makes it worthless, wakes those who wait for it.
//!
//! It decides nothing about time: the facade serves a copy only while it is fresh, while every lane is proven alive
//! ([`Near::proven_until`]) and while its socket was looked at a moment ago.
//!
//! Driver contract: the inputs are `fill`, `watch`, `forget`, the states of lanes, the answers and pushes that come on them in the order
//! of their stream, own writes and what own loads store at the moment it is told to callers, and [`Near::check`] after every change of the nodes.
//! After each, the engine takes the outputs by [`Near::poll_output`].
//!
//! | file | owns |
//! |---|---|
//! | `lanes` | the state of the lanes: tracking, the server behind them, the proof that they live |
//! | `holdings` | which copies and fills depend on a key |
//! | `copies` | what the facade asks to be filled, and lets go |
//! | `losses` | what makes copies unusable |
//! | `fill` | one fill, from its first read to its copy |
//! | `watch` | leases that lookups wait for |
//! | `waits` | when those who wait are woken |
//! | `ground` | what the machine asks about the nodes |

mod copies;
mod fill;
mod ground;
mod holdings;
mod lanes;
mod losses;
mod output;
mod waits;
mod watch;

use std::collections::VecDeque;
use std::time::Duration;

pub(super) use ground::Ground;
pub(super) use output::NearOutput;

use fill::{Fill, Part};
use holdings::Holdings;
use lanes::{Identified, Lanes};
use watch::{Look, Watches};

use super::io::LaneEvent;
use super::timers::Numbered;
use crate::clock::Instant;
use crate::store::node::interpret;
use crate::store::{Answer, Key, NodeId, Op, StoreError, StoreReply, Ticket};

/// Marks the tickets of operations on lanes.
const LANE: u64 = 1 << 61;

/// What an operation on a lane is for.
#[derive(Debug, Clone)]
enum Asked {
    Track,
    Identity,
    Fill(u64, Part),
    Watch(Key, u64, Look),
}

#[derive(Debug, Clone)]
struct Sent {
    node: NodeId,
    at: Instant,
    asked: Asked,
}

/// A safeguard of the protocol. Tests remove one at a time and see that the simulation notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fence {
    PushDrops,
    PushRefusesFills,
    WriteDrops,
    WriteRefusesFills,
    FlushDrops,
    FlushRefusesFills,
    GapDrops,
    GapRefusesFills,
    VersionsCount,
    ServerCounts,
    PushWakes,
    VersionsWake,
    GapWakes,
}

/// The near cache of one process.
#[derive(Debug, Clone, Default)]
pub(super) struct Near {
    lanes: Lanes,
    fills: Numbered<u64, Fill>,
    holdings: Holdings,
    watches: Watches,
    sent: Numbered<u64, Sent>,
    last: u64,
    last_copy: u32,
    has_warned: bool,
    /// Whether somebody wants copies, and not only to be woken.
    wants_copies: bool,
    /// Why nothing is tracked on some lane.
    obstacle: Option<String>,
    outputs: VecDeque<NearOutput>,
    #[cfg(test)]
    pub removed: Option<Fence>,
}

impl Near {
    /// Whether a ticket names an operation on a lane.
    pub(super) fn owns(ticket: Ticket) -> bool {
        ticket.0 & LANE != 0
    }

    /// Whether there was ever a lane. Without one there is nothing to drop.
    pub(super) fn is_used(&self) -> bool {
        !self.lanes.is_empty()
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.fills.is_empty() && self.watches.is_empty()
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "tests remove fences")]
    const fn has(&self, _fence: Fence) -> bool {
        true
    }

    #[cfg(test)]
    fn has(&self, fence: Fence) -> bool {
        self.removed != Some(fence)
    }

    // ---- lanes

    /// Something has happened on a node's lane.
    pub(super) fn on_lane(&mut self, now: Instant, node: NodeId, event: LaneEvent, ground: Ground<'_>) {
        match event {
            LaneEvent::Up => self.on_lane_up(now, node, ground),
            LaneEvent::Useless => {
                self.on_lane_down(node);
                self.lanes.open(node);
                self.useless(node, "it speaks RESP2 with this process");
            }
            LaneEvent::Down => self.on_lane_down(node),
            LaneEvent::Push(keys) => {
                self.lanes.heard(node, now);
                self.on_push(node, keys);
            }
        }
    }

    /// A node's lane is ready. Nothing is tracked on it yet.
    fn on_lane_up(&mut self, now: Instant, node: NodeId, ground: Ground<'_>) {
        self.on_lane_down(node);
        self.lanes.open(node);
        self.send(now, node, Op::Track, Asked::Track, ground);
    }

    /// A node's lane is lost: what was read on it may have changed since.
    fn on_lane_down(&mut self, node: NodeId) {
        self.lanes.close(node);
        self.drop_node(node, Fence::GapDrops, Fence::GapRefusesFills);
    }

    /// The store in this process. Every change of it is an own write.
    pub(super) fn on_memory(&mut self) {
        self.lanes.open_in_process(NodeId::ONLY);
    }

    /// The cache has been taken off its store.
    pub(super) fn on_detached(&mut self) {
        for node in self.lanes.nodes() {
            self.on_lane_down(node);
        }
        (self.has_warned, self.obstacle) = (false, None);
    }

    /// The nodes may have changed: their replication ids, whether they can be read, which of them has a slot.
    pub(super) fn check(&mut self, now: Instant, ground: Ground<'_>) {
        if !self.is_used() {
            return;
        }
        for node in self.lanes.unsettled(now, |node| ground.replication(node)) {
            if self.lanes.is_up(node) && self.has(Fence::ServerCounts) {
                self.drop_node(node, Fence::GapDrops, Fence::GapRefusesFills);
                self.lanes.doubt(node, now);
            }
            if self.lanes.may_track(node, now) {
                self.lanes.opening(node);
                self.send(now, node, Op::Track, Asked::Track, ground);
            } else if ground.replication(node).is_some() && self.lanes.may_identify(node, now) {
                self.lanes.identifying(node);
                self.send(now, node, Op::Identify, Asked::Identity, ground);
            }
        }
    }

    /// The map of slots has changed. What was read on a node that no longer has the key is not tracked for it.
    pub(super) fn on_slots(&mut self, ground: Ground<'_>) {
        let lost = self.holdings.moved(|key| ground.node_of(key));
        self.lose(lost, true, true);
        let lookups = self.watches.take_all();
        self.wake(lookups);
    }

    /// Copies may be served until this moment at least, unless they are dropped before; `None`: there is none, or no lane can fail.
    pub(super) fn proven_until(&self) -> Option<Instant> {
        self.lanes.proven_until(|node| self.holdings.has_node(node))
    }

    /// When [`Near::on_timer`] wants to be called.
    pub(super) fn next_wakeup(&self, ground: Ground<'_>) -> Option<Instant> {
        let beat = self.lanes.next_wakeup(|node| self.beat_of(node), |node| ground.replication(node).is_some());
        [beat, self.next_silence()].into_iter().flatten().min()
    }

    /// Proves that lanes live, and looks at those in doubt again.
    pub(super) fn on_timer(&mut self, now: Instant, ground: Ground<'_>) {
        for node in self.lanes.due(now, |node| self.beat_of(node)) {
            self.lanes.beating(node, now);
            self.send(now, node, Op::Identify, Asked::Identity, ground);
        }
        self.wake_overdue(now);
        self.check(now, ground);
    }

    /// How long a lane that has something to lose may be silent before it is asked for a sign of life.
    fn beat_of(&self, node: NodeId) -> Option<Duration> {
        if self.watches.has_node(node) {
            Some(lanes::BEAT_FOR_WAITS)
        } else {
            self.holdings.has_node(node).then_some(lanes::BEAT)
        }
    }

    // ---- operations

    fn send(&mut self, now: Instant, node: NodeId, op: Op, asked: Asked, ground: Ground<'_>) {
        self.last += 1;
        let ticket = self.last | LANE;
        self.sent.insert(ticket, Sent { node, at: now, asked });
        self.lanes.asked(node, now);
        self.outputs.push_back(NearOutput::send(Ticket(ticket), node, op, ground));
    }

    /// The answer to an operation on a lane.
    pub(super) fn on_answer(&mut self, now: Instant, ticket: Ticket, answer: Result<StoreReply, StoreError>, ground: Ground<'_>) {
        let Some(Sent { node, at, asked }) = self.sent.remove(&ticket.0) else { return };
        if !matches!(answer, Err(StoreError::Cut { .. } | StoreError::NotSent)) {
            self.lanes.answered(node, at, now);
        }
        match asked {
            Asked::Track => match answer {
                Ok(_) => self.lanes.tracking(node, now),
                Err(error @ (StoreError::Refused(_) | StoreError::Unexpected)) if !error.is_passing() => {
                    self.useless(node, &error.to_string());
                }
                Err(_) => self.lanes.untracked(node, now),
            },
            Asked::Identity => self.on_identity(now, node, answer, ground),
            Asked::Fill(id, part) => self.on_fill(now, id, part, interpreted(node, answer, ground), ground),
            Asked::Watch(entry, number, look) => self.on_look(now, &entry, number, &look, interpreted(node, answer, ground).as_ref()),
        }
        self.check(now, ground);
    }

    fn on_identity(&mut self, now: Instant, node: NodeId, answer: Result<StoreReply, StoreError>, ground: Ground<'_>) {
        match self.lanes.on_identity(node, answer, ground.replication(node), now) {
            Identified::Same => {}
            Identified::Other => self.drop_node(node, Fence::GapDrops, Fence::GapRefusesFills),
        }
    }

    /// A lane on which nothing can be tracked. One warning for all of them.
    fn useless(&mut self, node: NodeId, why: &str) {
        self.lanes.useless(node);
        self.outputs.push_back(NearOutput::Useless { node });
        self.obstacle.get_or_insert_with(|| why.to_owned());
        self.warn();
    }

    /// Waits are polled where there are no pushes, which needs no warning.
    fn warn(&mut self) {
        let Some(why) = self.obstacle.as_ref().filter(|_| self.wants_copies && !self.has_warned) else { return };
        self.has_warned = true;
        let text = format!("the near cache is off, because the server tells this process of no changes: {why}");
        self.outputs.push_back(NearOutput::Warning(text));
    }

    /// The next thing to do.
    pub(super) fn poll_output(&mut self) -> Option<NearOutput> {
        self.outputs.pop_front()
    }
}

/// An answer in terms of own and foreign values; `None` if there is none, or if its server is not the node's any more.
fn interpreted(node: NodeId, answer: Result<StoreReply, StoreError>, ground: Ground<'_>) -> Option<Answer> {
    Some(interpret(answer.ok()?, &ground.replication(node)?))
}
