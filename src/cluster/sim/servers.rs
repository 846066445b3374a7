//! The servers: who serves what, what each of them believes, and what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The slots that commands use. All others belong to the last master for good.
pub(super) const SLOTS: [u16; 6] = [10, 20, 30, 40, 50, 60];

/// This one never moves, and nothing happens to its server and its link.
pub(super) const CALM: usize = 5;

/// The server of the calm slot.
pub(super) const CALM_SERVER: usize = 2;

/// Keys per slot.
pub(super) const KEYS: usize = 2;

/// Masters; each has one replica.
pub(super) const MASTERS: usize = 3;

/// What a command asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    pub id: u32,
    pub slot: usize,
    pub key: usize,
    /// Whether it needs the other key of the slot as well.
    pub is_double: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Server {
    pub is_alive: bool,
    pub is_frozen: bool,
    /// The master that it follows.
    pub follows: Option<usize>,
    /// Who serves each slot, and the epoch of that.
    pub view: Vec<(usize, u64)>,
    pub epoch: u64,
    pub migrating: BTreeMap<usize, usize>,
    pub importing: BTreeSet<usize>,
}

#[derive(Debug)]
pub(super) struct Servers {
    pub all: Vec<Server>,
    pub epoch: u64,
    /// The server that has each key.
    place: Vec<usize>,
    /// The commands that were run, per key.
    pub log: Vec<Vec<u32>>,
    /// Who has ever served each slot.
    pub rulers: Vec<BTreeSet<usize>>,
}

impl Servers {
    pub(super) fn new() -> Self {
        let owners: Vec<usize> = (0..SLOTS.len()).map(|slot| if slot == CALM { CALM_SERVER } else { slot % MASTERS }).collect();
        let server = |n: usize| Server {
            is_alive: true,
            is_frozen: false,
            follows: (n >= MASTERS).then(|| n - MASTERS),
            view: owners.iter().map(|owner| (*owner, 1)).collect(),
            epoch: 1,
            migrating: BTreeMap::new(),
            importing: BTreeSet::new(),
        };
        Self {
            all: (0..2 * MASTERS).map(server).collect(),
            epoch: 1,
            place: (0..SLOTS.len() * KEYS).map(|key| owners[key / KEYS]).collect(),
            log: vec![Vec::new(); SLOTS.len() * KEYS],
            rulers: owners.iter().map(|owner| BTreeSet::from([*owner])).collect(),
        }
    }

    pub(super) fn port(server: usize) -> u16 {
        7001 + server as u16
    }

    /// Runs a command, or the error that the server has for it.
    pub(super) fn run(&mut self, n: usize, work: Work, is_asking: bool) -> Option<String> {
        let server = &self.all[n];
        let owner = server.view[work.slot].0;
        let keys = if work.is_double { vec![work.slot * KEYS, work.slot * KEYS + 1] } else { vec![work.key] };
        let here = keys.iter().filter(|key| self.place[**key] == n).count();
        let number = SLOTS[work.slot];
        if owner != n && !(is_asking && server.importing.contains(&work.slot)) {
            return Some(format!("MOVED {number} h:{}", Self::port(owner)));
        }
        if here < keys.len() {
            return Some(match server.migrating.get(&work.slot) {
                _ if work.is_double && here > 0 => "TRYAGAIN Multiple keys request during rehashing of slot".to_owned(),
                Some(to) => format!("ASK {number} h:{}", Self::port(*to)),
                None => "TRYAGAIN The key is on its way".to_owned(),
            });
        }
        for key in keys {
            self.log[key].push(work.id);
        }
        None
    }

    /// The reply to CLUSTER SLOTS.
    pub(super) fn map(&self, n: usize) -> String {
        let node = |n: usize| format!(r#"["h",{}]"#, Self::port(n));
        let mut text = "[".to_owned();
        let mut from = 0;
        for (slot, (owner, _)) in SLOTS.iter().zip(&self.all[n].view) {
            let _ = write!(text, "[{from},{},{}],[{slot},{slot},{}", slot - 1, node(CALM_SERVER), node(*owner));
            let replicas = (0..self.all.len()).filter(|r| self.all[*r].follows == Some(*owner) && self.all[*r].is_alive);
            for replica in replicas {
                let _ = write!(text, ",{}", node(replica));
            }
            text.push_str("],");
            from = slot + 1;
        }
        let _ = write!(text, "[{from},16383,{}]]", node(CALM_SERVER));
        text
    }

    pub(super) fn owner(&self, slot: usize) -> usize {
        // The newest view is the truth.
        self.all.iter().map(|server| server.view[slot]).max_by_key(|(_, epoch)| *epoch).unwrap().0
    }

    pub(super) fn begin_move(&mut self, slot: usize, to: usize) {
        let from = self.owner(slot);
        // A server does not import what it believes to be its own.
        if from == to
            || self.all[to].view[slot].0 == to
            || !self.all[from].migrating.is_empty()
            || self.all[to].follows.is_some()
            || self.all[from].view[slot].0 != from
        {
            return;
        }
        self.all[to].importing.insert(slot);
        self.all[from].migrating.insert(slot, to);
    }

    /// One key of a slot that is moving arrives.
    pub(super) fn move_key(&mut self, slot: usize, key: usize) {
        let from = self.owner(slot);
        if let Some(to) = self.all[from].migrating.get(&slot) {
            self.place[slot * KEYS + key] = *to;
        }
    }

    /// The new master takes the slot, then the former one lets it go. `half`: only the new one knows.
    pub(super) fn end_move(&mut self, slot: usize, half: bool) {
        let Some((from, to)) = self.mover(slot) else { return };
        if self.owner(slot) == from {
            for key in 0..KEYS {
                self.place[slot * KEYS + key] = to;
            }
            self.epoch += 1;
            self.all[to].view[slot] = (to, self.epoch);
            self.all[to].epoch = self.epoch;
            self.all[to].importing.remove(&slot);
            self.rulers[slot].insert(to);
        }
        if !half {
            let view = self.all[to].view[slot];
            self.all[from].view[slot] = view;
            self.all[from].epoch = self.all[from].epoch.max(view.1);
            self.all[from].migrating.remove(&slot);
        }
    }

    /// From where to where a slot moves.
    pub(super) fn mover(&self, slot: usize) -> Option<(usize, usize)> {
        self.all.iter().enumerate().find_map(|(from, server)| server.migrating.get(&slot).map(|to| (from, *to)))
    }

    /// `to` learns what `from` knows.
    pub(super) fn gossip(&mut self, from: usize, to: usize) {
        if !self.all[from].is_alive || !self.all[to].is_alive {
            return;
        }
        let told = self.all[from].clone();
        let server = &mut self.all[to];
        server.epoch = server.epoch.max(told.epoch);
        for (slot, view) in told.view.iter().enumerate() {
            if view.1 > server.view[slot].1 {
                server.view[slot] = *view;
                server.migrating.remove(&slot);
            }
        }
        let has_slots = server.view.iter().any(|(owner, _)| *owner == to);
        if !has_slots && server.follows.is_none() {
            // A master that lost all its slots to its replica follows it.
            let heir = server.view.iter().map(|(owner, _)| *owner).find(|owner| *owner % MASTERS == to % MASTERS);
            server.follows = heir.filter(|heir| *heir != to);
        }
    }

    /// A master that has a living replica dies, or is cut off from the others. Moves of its slots are given up by then.
    pub(super) fn promote(&mut self, dead: usize) -> bool {
        let Some(heir) = (0..self.all.len()).find(|n| self.all[*n].follows == Some(dead) && self.all[*n].is_alive) else { return false };
        if self
            .all
            .iter()
            .enumerate()
            .any(|(n, server)| (n == dead && !server.migrating.is_empty()) || server.migrating.values().any(|to| *to == dead))
        {
            return false;
        }
        self.epoch += 1;
        for slot in 0..SLOTS.len() {
            if self.owner(slot) == dead {
                self.all[heir].view[slot] = (heir, self.epoch);
                self.rulers[slot].insert(heir);
                for key in 0..KEYS {
                    self.place[slot * KEYS + key] = heir;
                }
            }
        }
        self.all[heir].epoch = self.epoch;
        self.all[heir].follows = None;
        true
    }

    /// All servers are up, and everybody knows what the others know.
    pub(super) fn settle(&mut self) {
        for server in &mut self.all {
            (server.is_alive, server.is_frozen) = (true, false);
        }
        for _ in 0..2 {
            for from in 0..self.all.len() {
                for to in 0..self.all.len() {
                    self.gossip(from, to);
                }
            }
        }
    }
}
