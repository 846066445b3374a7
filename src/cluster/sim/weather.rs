//! What happens to servers and connections.

use std::time::Duration;

use super::servers::{CALM, CALM_SERVER, KEYS, MASTERS, SLOTS};
use super::world::World;
use crate::cluster::NodeId;

impl World {
    pub(super) fn weather(&mut self) {
        let chaos = self.chaos;
        match self.dice.below(10) {
            0 | 1 if chaos.moves => self.move_slot(),
            2 | 3 => self.gossip(),
            4 if chaos.cuts => self.cut(),
            5 if chaos.failovers => self.fail_over(),
            6 if chaos.frost => self.freeze(),
            7 if chaos.refusals => self.refuse(),
            8 if chaos.proxies => self.change_behind_proxy(),
            9 if chaos.circles => self.circle = [None, Some(self.dice.below(CALM))][self.dice.below(2)],
            _ if chaos.moves && self.chance(50) => self.move_slot(),
            _ => self.notice_dead(),
        }
    }

    fn move_slot(&mut self) {
        let slot = self.dice.below(CALM);
        match self.dice.below(4) {
            0 => {
                let to = self.dice.below(self.servers.all.len());
                // What a server refused may be overtaken by what it runs once it has the slot again: no router can help that.
                if !self.is_on_the_way(slot, to, true)
                    && self.servers.all[to].is_alive
                    && self.servers.all[self.servers.owner(slot)].is_alive
                {
                    self.servers.begin_move(slot, to);
                }
            }
            1 => {
                let key = self.dice.below(KEYS);
                self.servers.move_key(slot, key);
            }
            _ => {
                let half = self.chance(40);
                self.end_move(slot, half);
            }
        }
    }

    fn end_move(&mut self, slot: usize, half: bool) {
        if self.servers.mover(slot).is_some_and(|(_, to)| !self.is_on_the_way(slot, to, false)) {
            self.servers.end_move(slot, half);
        }
    }

    /// Moves that are under way end.
    pub(super) fn end_moves(&mut self) {
        for slot in 0..SLOTS.len() {
            self.end_move(slot, false);
        }
        self.servers.settle();
    }

    /// Whether commands of a slot are on their way to a server; `asking`: those behind an ASKING count as well.
    fn is_on_the_way(&self, slot: usize, server: usize, asking: bool) -> bool {
        let links = self.links.values().filter(|link| link.server == server);
        links.flat_map(|link| link.on_the_way(asking)).any(|id| self.books.entries[&id].work.slot == slot)
    }

    fn gossip(&mut self) {
        let (from, to) = (self.dice.below(self.servers.all.len()), self.dice.below(self.servers.all.len()));
        self.servers.gossip(from, to);
    }

    fn a_link(&mut self) -> Option<NodeId> {
        let all: Vec<NodeId> =
            self.links.iter().filter(|(_, link)| link.server != CALM_SERVER && link.is_up()).map(|(node, _)| *node).collect();
        (!all.is_empty()).then(|| all[self.dice.below(all.len())])
    }

    fn cut(&mut self) {
        if let Some(node) = self.a_link() {
            self.drain();
            let has_ended = !self.links_reconnect;
            self.lose(node, has_ended);
        }
    }

    /// A master dies, or its replica takes over, or a dead one comes back.
    fn fail_over(&mut self) {
        let n = self.dice.below(self.servers.all.len());
        if n == CALM_SERVER {
            return;
        }
        if self.servers.all[n].is_alive && !self.servers.all[n].is_frozen {
            let has_partner =
                (0..self.servers.all.len()).any(|other| other != n && other % MASTERS == n % MASTERS && self.servers.all[other].is_alive);
            if has_partner
                && self.servers.all[n].migrating.is_empty()
                && !self.servers.all.iter().any(|server| server.migrating.values().any(|to| *to == n))
            {
                self.log(|| format!("server {n} dies"));
                self.servers.all[n].is_alive = false;
                self.notice_dead();
            }
        } else if self.servers.all[n].follows.is_none() && (0..SLOTS.len()).any(|slot| self.servers.owner(slot) == n) {
            // As with moves: the new master has refused nothing that it is still sent.
            let heirs: Vec<usize> = (0..self.servers.all.len()).filter(|heir| self.servers.all[*heir].follows == Some(n)).collect();
            let is_busy = |heir: &usize| (0..SLOTS.len()).any(|slot| self.is_on_the_way(slot, *heir, true));
            if !heirs.iter().any(is_busy) && self.servers.promote(n) {
                self.log(|| format!("the replica of {n} takes over"));
            }
        } else if !self.servers.all[n].is_alive {
            self.log(|| format!("server {n} comes back"));
            self.servers.all[n].is_alive = true;
            for from in 0..self.servers.all.len() {
                self.servers.gossip(from, n);
            }
        }
    }

    fn notice_dead(&mut self) {
        let dead: Vec<NodeId> =
            self.links.iter().filter(|(_, link)| !self.servers.all[link.server].is_alive && link.is_up()).map(|(node, _)| *node).collect();
        for node in dead {
            self.drain();
            let has_ended = !self.links_reconnect;
            self.lose(node, has_ended);
        }
    }

    /// A server stops for up to four seconds: shorter than a slot waits for a node that serves others.
    fn freeze(&mut self) {
        let n = self.dice.below(self.servers.all.len());
        if n != CALM_SERVER && self.servers.all[n].is_alive && !self.servers.all[n].is_frozen {
            self.log(|| format!("server {n} freezes"));
            self.servers.all[n].is_frozen = true;
            let thaws_at = self.now + Duration::from_millis(self.dice.below(3_000) as u64);
            self.thaws.insert(n, thaws_at);
        }
    }

    pub(super) fn thaw(&mut self) {
        let over: Vec<usize> = self.thaws.iter().filter(|(_, at)| **at <= self.now).map(|(n, _)| *n).collect();
        for n in over {
            self.log(|| format!("server {n} thaws"));
            self.thaws.remove(&n);
            self.servers.all[n].is_frozen = false;
            for from in 0..self.servers.all.len() {
                self.servers.gossip(from, n);
            }
        }
    }

    fn refuse(&mut self) {
        let n = self.dice.below(MASTERS - 1);
        let text =
            ["CLUSTERDOWN The cluster is down", "LOADING Redis is loading", "READONLY You can't write", "TRYAGAIN later", "MASTERDOWN x"];
        let text = text[self.dice.below(text.len())];
        self.refusing = Some((n, text, 1 + self.dice.below(6) as u32));
    }

    fn change_behind_proxy(&mut self) {
        if let Some(node) = self.a_link() {
            self.links.get_mut(&node).unwrap().is_stale = true;
        }
    }
}
