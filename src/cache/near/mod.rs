//! Machine: which entries this process may serve from its own memory (the near cache), and which waits end early.
//!
//! Every node has one more link, its *lane*, on which the server tracks what was read (`CLIENT TRACKING`, RESP3). A *fill* reads an entry
//! and the versions of its tags on the lanes of their nodes; what it brings is a *copy*, which the facade keeps beside the parsed value
//! and serves until it is told to drop it. A push about one of its keys, a flush and an own write each drop the copies **and** refuse
//! the fills in flight: the reply of such a fill may be older than what the push was about. A gap in a lane drops everything that was
//! read on it. A *watch* reads a lease on the lane, so that the push about its end wakes those who wait for it.
//!
//! It decides nothing about time: the facade serves a copy only while it is fresh, while every lane is proven alive
//! ([`Near::proven_until`]) and while its socket was looked at a moment ago.
//!
//! Driver contract: the inputs are `fill`, `watch`, `forget`, the states of lanes, the answers and pushes that come on them in the order
//! of their stream, own writes at the moment they are told to their callers, and [`Near::check`] after every change of the nodes.
//! After each, the engine takes the outputs by [`Near::poll_output`].
//!
//! | file | owns |
//! |---|---|
//! | `lanes` | the state of the lanes: tracking, the server behind them, the proof that they live |
//! | `holdings` | which copies and fills depend on a key |
//! | `fill` | one fill, from its first read to its copy |
//! | `watch` | leases that lookups wait for |
//! | `ground` | what the machine asks about the nodes |

mod fill;
mod ground;
mod holdings;
mod lanes;
mod output;
mod watch;

use std::collections::VecDeque;
use std::sync::Arc;

pub(super) use ground::Ground;
pub(super) use output::NearOutput;

use fill::{Fill, Part, Step};
use holdings::{Holdings, Lost};
use lanes::{Identified, Lanes};
use watch::Watches;

use super::io::LaneEvent;
use super::names::Repo;
use super::timers::Numbered;
use crate::clock::Instant;
use crate::store::entry::Tag;
use crate::store::node::interpret;
use crate::store::{Answer, Id, Key, NodeId, NodeOp, Op, StoreError, StoreReply, Ticket};

/// Marks the tickets of operations on lanes.
const LANE: u64 = 1 << 61;

/// What an operation on a lane is for.
#[derive(Debug, Clone)]
enum Asked {
    Track,
    Identity,
    Fill(u64, Part),
    Watch(Key),
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
            LaneEvent::Push(keys) => self.on_push(node, keys),
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
        for lookup in self.watches.take_all() {
            self.outputs.push_back(NearOutput::Wake(lookup));
        }
    }

    /// Copies may be served until this moment at least, unless they are dropped before; `None`: there is none, or no lane can fail.
    pub(super) fn proven_until(&self) -> Option<Instant> {
        self.lanes.proven_until(|node| self.holdings.has_node(node))
    }

    /// When [`Near::on_timer`] wants to be called.
    pub(super) fn next_wakeup(&self, ground: Ground<'_>) -> Option<Instant> {
        let matters = |node| self.holdings.has_node(node) || self.watches.has_node(node);
        self.lanes.next_wakeup(matters, |node| ground.replication(node).is_some())
    }

    /// Proves that lanes live, and looks at those in doubt again.
    pub(super) fn on_timer(&mut self, now: Instant, ground: Ground<'_>) {
        for node in self.lanes.due(now, |node| self.holdings.has_node(node) || self.watches.has_node(node)) {
            self.lanes.beating(node, now);
            self.send(now, node, Op::Identify, Asked::Identity, ground);
        }
        for lookup in self.watches.overdue(now) {
            self.outputs.push_back(NearOutput::Wake(lookup));
        }
        self.check(now, ground);
    }

    // ---- copies

    /// Makes a copy of an entry for the facade's `fill`. Ends with [`NearOutput::Filled`] or [`NearOutput::Refused`].
    pub(super) fn fill(&mut self, now: Instant, fill: u32, repo: &Arc<Repo>, key: &[u8], tags: Vec<Tag>, ground: Ground<'_>) {
        self.wants_copies = true;
        self.warn();
        self.last += 1;
        let id = self.last;
        let fill = Fill::new(fill, Arc::clone(repo), repo.names.entry(key));
        self.fills.insert(id, fill);
        self.read(now, id, true, tags, ground);
    }

    /// The facade has let copies go.
    pub(super) fn forget(&mut self, copy: u32) {
        self.holdings.release_copy(copy);
    }

    /// Sends the reads of a fill: the entry, if it `starts`, and versions, each on the lane of its node.
    fn read(&mut self, now: Instant, id: u64, starts: bool, tags: Vec<Tag>, ground: Ground<'_>) {
        let Some(fill) = self.fills.get_mut(&id) else { return };
        let parts = fill.parts(starts, tags, |key| ground.node_of(key));
        let is_open = |node: NodeId| ground.replication(node).is_some_and(|id| self.lanes.is_up_for(node, id));
        if !parts.iter().all(|(node, _)| is_open(*node)) {
            return self.refuse(id);
        }
        for (node, part) in parts {
            for key in part.keys(fill) {
                self.holdings.hold_for_fill(id, key, node);
            }
            let op = part.op(fill);
            fill.waits += 1;
            self.last += 1;
            let ticket = self.last | LANE;
            self.sent.insert(ticket, Sent { node, at: now, asked: Asked::Fill(id, part) });
            self.outputs.push_back(NearOutput::send(Ticket(ticket), node, op, ground));
        }
    }

    fn refuse(&mut self, id: u64) {
        if let Some(fill) = self.fills.remove(&id) {
            self.holdings.release_fill(id);
            self.outputs.push_back(NearOutput::Refused { fill: fill.number });
        }
    }

    fn on_fill(&mut self, now: Instant, id: u64, part: Part, answer: Option<Answer>, ground: Ground<'_>) {
        let Some(fill) = self.fills.get_mut(&id) else { return };
        let step = match answer {
            Some(answer) => fill.on_answer(part, answer),
            None => Step::Refuse,
        };
        match step {
            Step::Wait => {}
            Step::Refuse => self.refuse(id),
            Step::Versions(tags) => self.read(now, id, false, tags, ground),
            Step::Keep => self.keep(id),
        }
    }

    fn keep(&mut self, id: u64) {
        let Some(fill) = self.fills.remove(&id) else { return };
        // An older copy of the entry would outlive what dropped it.
        let former = self.holdings.copies_of(&fill.entry);
        self.lose(Lost { copies: former, fills: Vec::new() }, true, false);
        self.last_copy = self.last_copy.wrapping_add(1).max(1);
        let only = (!self.has(Fence::VersionsCount)).then(|| fill.entry.clone());
        self.holdings.turn_into_copy(id, self.last_copy, only.as_ref());
        if let Some(filled) = fill.filled(self.last_copy) {
            self.outputs.push_back(NearOutput::Filled(Box::new(filled)));
        }
    }

    // ---- what makes copies unusable

    /// A push on a node's lane: these keys have changed; `None`: all have.
    fn on_push(&mut self, node: NodeId, keys: Option<Vec<Key>>) {
        let Some(keys) = keys else {
            return self.drop_node(node, Fence::FlushDrops, Fence::FlushRefusesFills);
        };
        let (drops, refuses) = (self.has(Fence::PushDrops), self.has(Fence::PushRefusesFills));
        for key in keys {
            self.drop_key(&key, drops, refuses);
            for lookup in self.watches.take(&key) {
                self.outputs.push_back(NearOutput::Wake(lookup));
            }
        }
    }

    /// A write of this process is over, whatever its outcome. `None`: it may have changed any key.
    pub(super) fn on_own_write(&mut self, keys: Option<&[Key]>) {
        if !self.is_used() {
            return;
        }
        let (drops, refuses) = (self.has(Fence::WriteDrops), self.has(Fence::WriteRefusesFills));
        if let Some(keys) = keys {
            for key in keys {
                self.drop_key(key, drops, refuses);
            }
        } else {
            let lost = self.holdings.all();
            self.lose(lost, drops, refuses);
        }
    }

    fn drop_key(&mut self, key: &Key, drops: bool, refuses: bool) {
        let lost = self.holdings.of_key(key);
        self.lose(lost, drops, refuses);
    }

    fn drop_node(&mut self, node: NodeId, drops: Fence, refuses: Fence) {
        let lost = self.holdings.of_node(node);
        let (drops, refuses) = (self.has(drops), self.has(refuses));
        self.lose(lost, drops, refuses);
        for lookup in self.watches.take_node(node) {
            self.outputs.push_back(NearOutput::Wake(lookup));
        }
    }

    fn lose(&mut self, lost: Lost, drops: bool, refuses: bool) {
        if drops {
            for copy in lost.copies {
                self.holdings.release_copy(copy);
                self.outputs.push_back(NearOutput::Dropped { copy });
            }
        }
        if refuses {
            for fill in lost.fills {
                self.refuse(fill);
            }
        }
    }

    // ---- waits

    /// A lookup waits for the lease with this token. Woken by [`NearOutput::Wake`]; [`NearOutput::Watched`] says that it will be.
    pub(super) fn watch(&mut self, now: Instant, lookup: u64, entry: &Key, token: Id, ground: Ground<'_>) {
        let node = ground.node_of(entry);
        if !self.lanes.is_reliable(node) {
            return;
        }
        if self.watches.join(entry, token, lookup, now) {
            if let Some(until) = self.watches.confirmed_until(entry) {
                self.outputs.push_back(NearOutput::Watched { lookup, until });
            }
            return;
        }
        for other in self.watches.take(entry) {
            self.outputs.push_back(NearOutput::Wake(other));
        }
        self.watches.open(entry, node, token, lookup);
        let op = Op::Read { entries: vec![fill::aged(entry)], versions: Vec::new() };
        self.send(now, node, op, Asked::Watch(entry.clone()), ground);
    }

    fn on_watched(&mut self, now: Instant, entry: &Key, answer: Option<&Answer>) {
        if let Some(until) = self.watches.confirm(entry, answer, now) {
            for lookup in self.watches.lookups(entry) {
                self.outputs.push_back(NearOutput::Watched { lookup, until });
            }
        } else {
            for lookup in self.watches.take(entry) {
                self.outputs.push_back(NearOutput::Wake(lookup));
            }
        }
    }

    // ---- operations

    fn send(&mut self, now: Instant, node: NodeId, op: Op, asked: Asked, ground: Ground<'_>) {
        self.last += 1;
        let ticket = self.last | LANE;
        self.sent.insert(ticket, Sent { node, at: now, asked });
        self.outputs.push_back(NearOutput::send(Ticket(ticket), node, op, ground));
    }

    /// The answer to an operation on a lane.
    pub(super) fn on_answer(&mut self, now: Instant, ticket: Ticket, answer: Result<StoreReply, StoreError>, ground: Ground<'_>) {
        let Some(Sent { node, at, asked }) = self.sent.remove(&ticket.0) else { return };
        if !matches!(answer, Err(StoreError::Cut { .. } | StoreError::NotSent)) {
            self.lanes.heard(node, at);
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
            Asked::Watch(entry) => self.on_watched(now, &entry, interpreted(node, answer, ground).as_ref()),
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

impl NearOutput {
    fn send(ticket: Ticket, node: NodeId, op: Op, ground: Ground<'_>) -> Self {
        let replication = ground.replication(node).unwrap_or(crate::store::Replication::TRUSTING);
        Self::Send { ticket, node, op: NodeOp { op, replication, asks: false, reads_apart: ground.is_cluster() } }
    }
}
