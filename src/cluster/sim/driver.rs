//! The driver of the simulation, which does what the facade does: links to nodes, the order of each link, the replay rule, fences, requests for maps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::books::Outcome;
use super::links::{Link, MapRequest, Sent, State};
use super::servers::{Servers, CALM_SERVER, SLOTS};
use super::world::{Fault, World};
use crate::cluster::{FenceId, NodeId, Output, Returned, Ticket, Trail};

/// Behind a fence, a link has so much time.
const PATIENCE: Duration = Duration::from_secs(5);

impl World {
    /// Gives a command to a node's link.
    pub(super) fn push(&mut self, node: NodeId, id: u32, is_asking: bool) {
        let entry = self.books.entries.get_mut(&id).unwrap();
        entry.sends += 1;
        entry.sent_at = self.now;
        let Some(link) = self.links.get_mut(&node).filter(|link| !link.has_ended()) else {
            return self.hand_back(node, id, false);
        };
        let sent = Sent { id, is_asking };
        match link.state {
            State::Up => {
                link.wire.push_back(sent);
                link.busy_since = link.busy_since.or(Some(self.now));
            }
            State::Idle | State::Connecting | State::Ended => {
                link.state = State::Connecting;
                link.waiting.push_back(sent);
            }
        }
    }

    fn hand_back(&mut self, node: NodeId, id: u32, sent: bool) {
        let entry = self.books.entries.get_mut(&id).unwrap();
        let may_repeat = self.repeats_all || !entry.is_incr || self.fault == Some(Fault::RepeatsWhatMayHaveRun);
        if sent && !may_repeat {
            return self.fail(id, true);
        }
        entry.is_exempt |= self.now.since(entry.sent_at) >= PATIENCE;
        entry.maybe_executed |= sent && self.fault != Some(Fault::RepeatsWhatMayHaveRun);
        let returned = Returned {
            ticket: Ticket(id),
            node,
            slot: Some(SLOTS[entry.work.slot]),
            trail: entry.trail,
            maybe_executed: entry.maybe_executed,
        };
        self.log(|| format!("{id} handed back by {}, sent {sent}", node.0));
        assert!(self.cluster.handed_back(returned, self.now));
        if self.fault == Some(Fault::LosesWhatIsHandedBack) {
            self.cluster.forget(Ticket(id));
        }
    }

    /// A connection is lost: some of what is on the wire is still carried out. A driver hears of it in a turn of its own: what earlier ones led to is done.
    pub(super) fn lose(&mut self, node: NodeId, has_ended: bool) {
        let Some(link) = self.links.get_mut(&node) else { return };
        let lost = link.in_flight();
        let carried_out = self.dice.below(link.wire.len() + 1);
        let wire: Vec<Sent> = link.wire.drain(..).collect();
        let waiting: Vec<Sent> = link.waiting.drain(..).collect();
        link.answered.clear();
        link.fences.clear();
        link.busy_since = None;
        link.state = if has_ended { State::Ended } else { State::Idle };
        let (server, is_stale) = (link.server, link.is_stale);
        link.is_stale = false;
        self.log(|| format!("{} is lost, {carried_out} of {} carried out", node.0, wire.len()));
        if !is_stale && self.servers.all[server].is_alive && !self.servers.all[server].is_frozen {
            for sent in &wire[..carried_out] {
                self.run_on(server, *sent);
            }
        }
        for id in lost {
            self.hand_back(node, id, true);
        }
        for sent in waiting {
            self.hand_back(node, sent.id, false);
        }
        self.cluster.node_down(node, has_ended, self.now);
    }

    fn run_on(&mut self, server: usize, sent: Sent) -> Option<String> {
        let entry = &self.books.entries[&sent.id];
        if let Some((at, text, left)) = &mut self.refusing {
            if *at == server && *left > 0 {
                *left -= 1;
                return Some((*text).to_owned());
            }
        }
        if self.circle == Some(entry.work.slot) && server != CALM_SERVER && self.servers.all[server].view[entry.work.slot].0 == server {
            let other = (server + 1) % super::servers::MASTERS;
            return Some(format!("ASK {} h:{}", SLOTS[entry.work.slot], Servers::port(other)));
        }
        self.servers.run(server, entry.work, sent.is_asking)
    }

    fn pick(&mut self, fits: impl Fn(&Link) -> bool) -> Option<usize> {
        let all: Vec<usize> = self.links.values().enumerate().filter(|(_, link)| fits(link)).map(|(n, _)| n).collect();
        (!all.is_empty()).then(|| all[self.dice.below(all.len())])
    }

    fn nth(&mut self, n: usize) -> &mut Link {
        self.links.values_mut().nth(n).unwrap()
    }

    /// A server carries out the next command of a link.
    pub(super) fn serve(&mut self) {
        let Some(n) = self.pick(|link| !link.wire.is_empty()) else { return };
        let link = self.nth(n);
        let (server, is_stale, node) = (link.server, link.is_stale, link.node);
        if self.servers.all[server].is_frozen || !self.servers.all[server].is_alive {
            return;
        }
        let sent = self.nth(n).wire.pop_front().unwrap();
        let error = if is_stale {
            let slot = self.books.entries[&sent.id].work.slot;
            Some(format!("MOVED {} h:{}", SLOTS[slot], Servers::port(self.servers.all[server].view[slot].0)))
        } else {
            self.run_on(server, sent)
        };
        self.log(|| format!("{} at {server} ({}): {error:?}", sent.id, node.0));
        self.nth(n).answered.push_back((sent, error));
    }

    /// The next reply of a link arrives.
    pub(super) fn deliver(&mut self) {
        let Some(n) = self.pick(|link| !link.answered.is_empty()) else { return };
        let now = self.now;
        let link = self.nth(n);
        let node = link.node;
        let (sent, error) = link.answered.pop_front().unwrap();
        link.busy_since = (!link.in_flight().is_empty()).then_some(now);
        let entry = self.books.entries.get_mut(&sent.id).unwrap();
        entry.is_exempt |= now.since(entry.sent_at) >= PATIENCE;
        match error {
            None => self.books.settle(sent.id, Outcome::Done),
            Some(text) => self.refused(node, sent, &text),
        }
        let mut ended = Vec::new();
        for (fence, ids) in &mut self.nth(n).fences {
            ids.remove(&sent.id);
            if ids.is_empty() {
                ended.push(*fence);
            }
        }
        self.nth(n).fences.retain(|(_, ids)| !ids.is_empty());
        for fence in ended {
            self.log(|| format!("{fence:?} of {} is answered", node.0));
            self.cluster.answered(fence, now);
        }
    }

    fn refused(&mut self, node: NodeId, sent: Sent, text: &str) {
        let text = match self.fault {
            Some(Fault::TakesAskForMoved) => text.replace("ASK ", "MOVED "),
            _ => text.to_owned(),
        };
        let is_circle = self.has_circles && text.starts_with("ASK ");
        let entry = self.books.entries.get_mut(&sent.id).unwrap();
        // What the server refuses for the moment may be overtaken by what it runs next.
        entry.is_exempt |= is_circle || !(text.starts_with("MOVED ") || text.starts_with("ASK "));
        let trail = if self.fault == Some(Fault::RedirectsWithoutBound) { Trail::default() } else { entry.trail };
        let returned =
            Returned { ticket: Ticket(sent.id), node, slot: Some(SLOTS[entry.work.slot]), trail, maybe_executed: entry.maybe_executed };
        assert!(entry.sends < 1000, "redirects do not end");
        self.log(|| format!("{} refused by {}: {text}", sent.id, node.0));
        assert!(self.cluster.refused(returned, &text, None, self.now), "not taken: {text}");
        if self.fault == Some(Fault::HoldsAllSlotsOfANode) && text.starts_with("MOVED ") {
            self.cluster.node_down(node, true, self.now);
        }
    }

    /// A connection is made, or not.
    pub(super) fn connect(&mut self) {
        let Some(n) = self.pick(|link| link.state == State::Connecting) else { return };
        let link = self.nth(n);
        let (node, server) = (link.node, link.server);
        if !self.servers.all[server].is_alive {
            self.drain();
            let has_ended = !self.links_reconnect;
            return self.lose(node, has_ended);
        }
        let now = self.now;
        let link = self.nth(n);
        link.state = State::Up;
        link.wire = std::mem::take(&mut link.waiting);
        link.busy_since = (!link.wire.is_empty()).then_some(now);
        self.cluster.node_up(node);
    }

    /// A server makes its map, or the map arrives.
    pub(super) fn answer_map(&mut self) {
        if self.maps.is_empty() {
            return;
        }
        let n = self.dice.below(self.maps.len());
        let (server, is_made) = (self.maps[n].server, self.maps[n].made.is_some());
        if !is_made {
            let state = &self.servers.all[server];
            if state.is_frozen {
                return;
            }
            if state.is_alive {
                self.maps[n].made = Some((self.servers.map(server), state.epoch));
                return;
            }
            let request = self.maps.remove(n).unwrap().request;
            return self.cluster.on_map_failed(request, "refused", self.now);
        }
        let MapRequest { request, made, .. } = self.maps.remove(n).unwrap();
        let (rows, epoch) = made.unwrap();
        self.log(|| format!("a map of {server} with epoch {epoch}"));
        let told = if self.fault == Some(Fault::AppliesOldMaps) { None } else { Some(epoch) };
        let asked = self.asked_in_round;
        self.cluster.on_map(request, &rows, told, &BTreeMap::new(), self.now);
        // An old map is set aside while there is somebody else to ask. The late answer to a request that was dropped says nothing about the map in use.
        if self.in_round && !self.cluster.has_round() {
            assert!(asked >= self.links.len() || epoch >= self.best_epoch, "a map of epoch {epoch} after one of {}", self.best_epoch);
            self.best_epoch = self.best_epoch.max(epoch);
        }
        self.drain();
    }

    pub(super) fn notice_silence(&mut self) {
        let silent = |link: &&Link| link.busy_since.is_some_and(|since| self.now.since(since).as_millis() > 500);
        let nodes: Vec<NodeId> = self.links.values().filter(silent).map(|link| link.node).collect();
        for node in nodes {
            self.cluster.node_silent(node, self.now);
        }
    }

    /// Does what the router wants done.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.cluster.poll_output() {
            self.log(|| format!("{output:?}"));
            self.obey(output);
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Open { node, address, .. } => {
                let server = usize::from(address.port() - 7001);
                assert!(self.links.get(&node).is_none_or(Link::has_ended), "a node that is open is opened");
                self.links.insert(node, Link::new(server, node));
                self.addresses.insert(node, address);
            }
            Output::Close { node, .. } => {
                self.lose(node, true);
                self.links.remove(&node);
                self.addresses.remove(&node);
            }
            Output::Cut { node } => self.lose(node, !self.links_reconnect),
            Output::AskMap { request, address, .. } => {
                if !std::mem::replace(&mut self.in_round, true) {
                    self.books.on_round(self.now);
                    self.asked_in_round = 0;
                }
                self.asked_in_round += 1;
                self.maps.push_back(MapRequest { request, server: usize::from(address.port() - 7001), made: None });
            }
            // It may arrive all the same.
            Output::DropMap { .. } | Output::Role { .. } | Output::NodeError { .. } | Output::Mapped => (),
            Output::Refreshed { .. } | Output::RefreshFailed { .. } => {
                self.in_round = false;
                if self.asked_in_round >= self.links.len() {
                    // The node that knew more did not say so: an older map may be in use.
                    self.best_epoch = 0;
                }
            }
            Output::Send { ticket, node, is_asking, trail } => {
                self.books.entries.get_mut(&ticket.0).unwrap().trail = Trail::unpack(trail.pack());
                self.push(node, ticket.0, is_asking);
            }
            Output::Reject { ticket, maybe_executed, .. } => self.fail(ticket.0, maybe_executed),
            Output::Back { ticket } => panic!("{ticket:?} came back from a cluster that was not stopped"),
            Output::Fence { fence, node } => self.fence(fence, node),
        }
    }

    fn fence(&mut self, fence: FenceId, node: NodeId) {
        let ids = self.links.get(&node).map(Link::pending).unwrap_or_default();
        if ids.is_empty() || self.fault == Some(Fault::RedirectsAtOnce) {
            return self.cluster.answered(fence, self.now);
        }
        let slots: BTreeSet<u16> = ids.iter().map(|id| SLOTS[self.books.entries[id].work.slot]).collect();
        self.links.get_mut(&node).unwrap().fences.push((fence, ids.into_iter().collect()));
        self.log(|| format!("{fence:?} of {} waits for {slots:?}", node.0));
        self.cluster.pending(fence, &slots, self.now);
    }
}
