//! The cluster as a value: routes inputs to its parts and keeps them in step. After every input, the driver drains the outputs.

use std::collections::{BTreeMap, BTreeSet};

use super::address::Address;
use super::board::Board;
use super::map::{Map, Source};
use super::nodes::NodeId;
use super::options::ClusterOptions;
use super::output::{FenceId, Output, RequestId, Ticket};
use super::refresh::{Candidate, Refresh, Stale};
use super::refusal::Target;
use super::router::{Doubt, Returned, Router};
use super::slots::Range;
use crate::clock::Instant;

/// The cluster: slot map, nodes, commands that are on their way elsewhere.
#[derive(Debug)]
pub struct Cluster {
    board: Board,
    router: Router,
    refresh: Refresh,
    start_nodes: Vec<Address>,
    is_running: bool,
    has_map: bool,
    /// The epoch of the map, if a node told it.
    epoch: Option<u64>,
}

impl Cluster {
    /// A cluster that is not started. `seed` decides random choices.
    pub fn new(options: ClusterOptions, seed: u64) -> Self {
        Self {
            board: Board::new(options, seed),
            router: Router::default(),
            refresh: Refresh::default(),
            start_nodes: Vec::new(),
            is_running: false,
            has_map: false,
            epoch: None,
        }
    }

    /// Connects by these nodes: opens them and asks one after the other for the slot map.
    pub fn start(&mut self, nodes: Vec<Address>, now: Instant) {
        self.stop();
        self.is_running = true;
        for address in &nodes {
            if self.board.nodes.find(address).is_none() {
                let node = self.board.add(address.clone(), false);
                self.set_listed(node, true);
            }
        }
        self.start_nodes = nodes;
        self.begin_round(now);
    }

    /// Closes everything. Commands that wait are the driver's again.
    pub fn stop(&mut self) {
        for ticket in self.router.clear() {
            self.board.push(Output::Back { ticket });
        }
        if let Some(request) = self.refresh.reset() {
            self.board.push(Output::DropMap { request });
        }
        self.board.clear();
        (self.is_running, self.has_map, self.epoch) = (false, false, None);
    }

    /// Reads the slot map again.
    pub fn refresh(&mut self, now: Instant) {
        self.refresh.want();
        self.settle(now);
    }

    /// A node's reply to CLUSTER SLOTS, as JSON, and the epoch that it told before. `nat` maps announced addresses.
    pub fn on_map(&mut self, request: RequestId, rows: &str, epoch: Option<u64>, nat: &BTreeMap<String, String>, now: Instant) {
        let Some(round) = self.refresh.round(request) else { return };
        let asked = round.asked.clone();
        match Map::read(rows, Source { asked: &asked.address, nat }) {
            Err(text) => self.ask_next(Some((text, true)), now),
            Ok(map) if map.is_empty() => self.ask_next(Some(("the node knows no slots".to_owned(), false)), now),
            Ok(map) => match (epoch, self.epoch) {
                (Some(epoch), Some(present)) if epoch < present => {
                    // A node that is cut off, or was away. It counts only if nobody knows more.
                    if round.stale.as_ref().is_none_or(|stale| stale.epoch < epoch) {
                        round.stale = Some(Stale { epoch, map });
                    }
                    self.ask_next(None, now);
                }
                _ => self.take_map(&map, epoch, now),
            },
        }
        self.settle(now);
    }

    /// A node did not give its map.
    pub fn on_map_failed(&mut self, request: RequestId, text: &str, now: Instant) {
        if self.refresh.round(request).is_some() {
            self.ask_next(Some((text.to_owned(), false)), now);
            self.settle(now);
        }
    }

    /// A node told the epoch of the cluster.
    pub fn note_epoch(&mut self, epoch: u64) {
        self.epoch = self.epoch.max(Some(epoch));
    }

    /// A node's link is ready.
    pub fn node_up(&mut self, id: NodeId) {
        if let Some(node) = self.board.nodes.get_mut(id) {
            let was_ended = node.is_ended();
            node.on_up();
            if was_ended {
                self.board.show_slots_of(id);
            }
        }
    }

    /// A node's link is lost, and has handed back what it had.
    pub fn node_down(&mut self, id: NodeId, has_ended: bool, now: Instant) {
        let Some(node) = self.board.nodes.get_mut(id) else { return };
        if node.lost_since().is_none() && node.is_listed {
            self.refresh.on_loss();
        }
        node.on_down(has_ended, now);
        if has_ended {
            self.board.show_slots_of(id);
        }
        self.router.node_down(&mut self.board, id, now);
        self.settle(now);
    }

    /// A node has had commands in flight for a while and does not answer.
    pub fn node_silent(&mut self, id: NodeId, now: Instant) {
        let Some(node) = self.board.nodes.get_mut(id) else { return };
        node.on_silence(now);
        if self.board.slots.has_slots(id) {
            self.refresh.want();
        }
        self.settle(now);
    }

    /// A command whose slot is held or has no node.
    pub fn route(&mut self, ticket: Ticket, slot: u16, now: Instant) {
        if self.is_running {
            self.router.route(&mut self.board, ticket, slot, now);
            self.settle(now);
        } else {
            self.board.push(Output::Back { ticket });
        }
    }

    /// A server refused a command. `mapped` is where `natMap` leads the address in the text. Whether the command was taken.
    pub fn refused(&mut self, returned: Returned, text: &str, mapped: Option<Address>, now: Instant) -> bool {
        let mapped = mapped.map(Target::At);
        let is_taken = self.is_running && self.router.refused(&mut self.board, returned, text, mapped.as_ref(), now);
        self.settle(now);
        is_taken
    }

    /// A link handed a command back. Whether it was taken.
    pub fn handed_back(&mut self, returned: Returned, now: Instant) -> bool {
        let is_taken = self.is_running && self.router.handed_back(&mut self.board, returned, now);
        self.settle(now);
        is_taken
    }

    /// Nobody waits for this command any more.
    pub fn forget(&mut self, ticket: Ticket) {
        self.router.lanes.forget(ticket);
    }

    /// A link has not answered commands of these slots.
    pub fn pending(&mut self, fence: FenceId, slots: &BTreeSet<u16>, now: Instant) {
        self.router.lanes.pending(&mut self.board, fence, slots, now);
        self.settle(now);
    }

    /// A link has answered everything that was behind a fence.
    pub fn answered(&mut self, fence: FenceId, now: Instant) {
        self.router.answered(&mut self.board, fence, now);
        self.settle(now);
    }

    /// The time of `next_wakeup` has come.
    pub fn on_timer(&mut self, now: Instant) {
        if !self.is_running {
            return;
        }
        self.router.on_timer(&mut self.board, now);
        if let Some(request) = self.refresh.overdue(now) {
            self.board.push(Output::DropMap { request });
            self.ask_next(Some(("timeout".to_owned(), false)), now);
        }
        self.settle(now);
    }

    /// When the driver has to call `on_timer`.
    pub fn next_wakeup(&self) -> Option<Instant> {
        if !self.is_running {
            return None;
        }
        [self.router.lanes.next_wakeup(), self.refresh.next_wakeup()].into_iter().flatten().min()
    }

    /// The next thing for the driver to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.board.pop().or_else(|| self.router.lanes.tell_fence())
    }

    /// Whether there is something for the driver to do.
    pub fn has_outputs(&self) -> bool {
        self.board.has_steps() || self.router.lanes.has_untold()
    }

    /// What the driver reads for a slot: its node's number, or a `ClusterNodeNumber`.
    pub fn entry(&self, slot: u16) -> u16 {
        self.board.entry(slot)
    }

    /// The index of a slot's shard.
    pub fn shard_of(&self, slot: u16) -> Option<u16> {
        self.board.slots.shard_of(slot)
    }

    /// Takes the slots whose entry or shard has changed. Some may be in it twice.
    pub fn take_changed(&mut self) -> Vec<u16> {
        self.board.take_changed()
    }

    /// All shards: the master, then its replicas.
    pub fn shards(&self) -> &[Vec<NodeId>] {
        self.board.slots.shards()
    }

    /// Forgets when rounds began: the limit does not hold any more. A fault for the simulation to find.
    #[cfg(test)]
    pub(super) fn forget_rounds(&mut self) {
        self.refresh.forget_rounds();
    }

    /// Whether a round is under way.
    #[cfg(test)]
    pub(super) fn has_round(&self) -> bool {
        self.refresh.asked().is_some()
    }

    /// Takes over what the parts have found out, and begins a round if it is time.
    fn settle(&mut self, now: Instant) {
        for doubt in self.router.take_doubts() {
            match doubt {
                Doubt::Map => self.refresh.doubt(),
                Doubt::Moved(slot, node) => self.refresh.on_moved(slot, node),
            }
        }
        if self.is_running && self.refresh.is_due(now) {
            self.begin_round(now);
        }
    }

    fn begin_round(&mut self, now: Instant) {
        let mut candidates: Vec<Candidate> = Vec::new();
        for id in self.board.nodes.to_ask(self.refresh.take_hint(), &mut self.board.choice, now) {
            if let Some(node) = self.board.nodes.get(id) {
                candidates.push(Candidate { node: Some(id), address: node.address.clone() });
            }
        }
        let others = self.start_nodes.iter().filter(|address| self.board.nodes.find(address).is_none());
        candidates.extend(others.map(|address| Candidate { node: None, address: address.clone() }));
        let timeout = self.board.options.refresh_timeout;
        if let Some(round) = self.refresh.begin(candidates, timeout, now) {
            let output = ask_map(round.request, &round.asked, self.has_map);
            self.board.push(output);
        }
    }

    /// The node that was asked gave no usable map: `failure` is what and whether it is an error of the protocol; `None` for one that is too old.
    fn ask_next(&mut self, failure: Option<(String, bool)>, now: Instant) {
        if let (Some((text, is_protocol)), Some(asked)) = (&failure, self.refresh.asked().cloned()) {
            self.board.node_error(asked.node, asked.address, text.clone(), *is_protocol);
        }
        let timeout = self.board.options.refresh_timeout;
        if let Some(round) = self.refresh.next(failure.map(|(text, _)| text), timeout, now) {
            let output = ask_map(round.request, &round.asked, self.has_map);
            return self.board.push(output);
        }
        if let Some(stale) = self.refresh.take_stale() {
            // Nobody knows more: the cluster was put back, or made anew.
            self.epoch = None;
            return self.take_map(&stale.map, Some(stale.epoch), now);
        }
        let (text, address) =
            self.refresh.fail().map_or_else(|| ("there is no node".to_owned(), None), |(text, address)| (text, Some(address)));
        self.board.push(Output::RefreshFailed { text, address });
        self.plan(now);
    }

    fn take_map(&mut self, map: &Map, epoch: Option<u64>, now: Instant) {
        let moved = self.refresh.take_moved();
        self.epoch = self.epoch.max(epoch);
        self.has_map = true;
        let ranges = self.name_nodes(map);
        // A node may have got another number since a redirect named it.
        let kept: BTreeMap<u16, NodeId> =
            moved.into_iter().filter_map(|(slot, node)| self.board.nodes.current(node).map(|node| (slot, node))).collect();
        let (changes, is_other) = self.board.slots.apply(&ranges, &kept);
        let is_doubtful = kept.iter().any(|(slot, node)| !ranges.iter().any(|range| range.serves(*slot, *node)));
        self.refresh.succeed(is_other);
        if is_other {
            for change in changes {
                self.router.lanes.turned(&mut self.board, change.slot, change.from, now);
            }
            self.board.show_all();
            self.board.show_shards();
            self.board.tell_shards();
        }
        let gone: Vec<NodeId> = self.board.nodes.iter().filter(|(_, node)| !node.is_listed).map(|(id, _)| id).collect();
        for id in gone {
            if !self.board.slots.has_slots(id) {
                self.router.leaving(&mut self.board, id, now);
            }
        }
        self.board.push(Output::Refreshed { is_other });
        self.plan(now);
        if is_doubtful {
            self.refresh.want();
        }
    }

    /// Gives the nodes of a map their numbers and roles. All others are not listed any more.
    fn name_nodes(&mut self, map: &Map) -> Vec<Range> {
        let all: Vec<NodeId> = self.board.nodes.iter().map(|(id, _)| id).collect();
        for id in all {
            self.set_listed(id, false);
        }
        let masters: BTreeSet<&Address> = map.rows.iter().map(|row| &row.nodes[0]).collect();
        let mut ranges = Vec::new();
        for row in &map.rows {
            let mut nodes = Vec::new();
            for address in &row.nodes {
                nodes.push(self.name(address, !masters.contains(address)));
            }
            ranges.push(Range { first: row.first, last: row.last, nodes });
        }
        ranges
    }

    fn name(&mut self, address: &Address, is_replica: bool) -> NodeId {
        let id = match self.board.nodes.find(address) {
            None => self.board.add(address.clone(), is_replica),
            Some(id) => {
                self.board.reopen_listed(id, is_replica);
                id
            }
        };
        self.set_listed(id, true);
        id
    }

    fn set_listed(&mut self, id: NodeId, is_listed: bool) {
        if let Some(node) = self.board.nodes.get_mut(id) {
            node.is_listed = is_listed;
            node.is_leaving &= !is_listed;
        }
    }

    /// When the map is read without a new reason: at its interval, and while a master is lost.
    fn plan(&mut self, now: Instant) {
        let is_lost = |id: NodeId| self.board.nodes.get(id).is_some_and(|node| node.lost_since().is_some());
        let lost = self.board.slots.masters().any(is_lost).then(|| self.refresh.pause());
        let pause = [lost, self.board.options.refresh_interval].into_iter().flatten().min();
        self.refresh.again_at(pause.filter(|_| self.has_map).map(|pause| now + pause));
    }
}

fn ask_map(request: RequestId, asked: &Candidate, with_epoch: bool) -> Output {
    Output::AskMap { request, node: asked.node, address: asked.address.clone(), with_epoch }
}
