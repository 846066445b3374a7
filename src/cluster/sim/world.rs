//! The world of the simulation: one router with its links, the servers, and the dice that move them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::books::{Books, Entry, Outcome};
use super::links::{Link, MapRequest};
use super::servers::{Servers, Work, CALM, KEYS, SLOTS};
use crate::clock::Instant;
use crate::cluster::choice::Choice;
use crate::cluster::{Address, Cluster, ClusterOptions, NodeId, Ticket, Trail};
use crate::contract::ClusterNodeNumber;

/// What may happen.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a kind of weather")]
pub(super) struct Chaos {
    pub moves: bool,
    pub cuts: bool,
    pub failovers: bool,
    pub frost: bool,
    pub refusals: bool,
    pub proxies: bool,
    pub circles: bool,
}

impl Chaos {
    pub(super) const CALM: Self =
        Self { moves: false, cuts: false, failovers: false, frost: false, refusals: false, proxies: false, circles: false };
}

/// A step that the world around the router, or a part of it, does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// An ASK reads as a MOVED.
    TakesAskForMoved,
    /// No map has an epoch, so a late one counts.
    AppliesOldMaps,
    /// Fences are answered at once: a redirect does not wait for what is in flight.
    RedirectsAtOnce,
    /// Commands of a held slot go to the node that served it.
    OvertakesHeldSlots,
    /// The rounds are forgotten.
    RefreshesWithoutBound,
    /// What was in flight is sent again whatever it is.
    RepeatsWhatMayHaveRun,
    /// The number of redirects is forgotten.
    RedirectsWithoutBound,
    /// A slot that turns takes the other slots of its node with it.
    HoldsAllSlotsOfANode,
    /// A command that was handed back is dropped.
    LosesWhatIsHandedBack,
}

pub(super) struct World {
    pub trace: bool,
    pub chaos: Chaos,
    pub fault: Option<Fault>,
    pub dice: Choice,
    pub now: Instant,
    pub step: u64,
    pub cluster: Cluster,
    pub servers: Servers,
    pub links: BTreeMap<NodeId, Link>,
    pub maps: VecDeque<MapRequest>,
    pub books: Books,
    pub addresses: BTreeMap<NodeId, Address>,
    pub repeats_all: bool,
    pub links_reconnect: bool,
    pub in_round: bool,
    pub best_epoch: u64,
    pub asked_in_round: usize,
    /// Whether there may be circles: what was told ASK may be overtaken when one ends.
    pub has_circles: bool,
    pub circle: Option<usize>,
    pub refusing: Option<(usize, &'static str, u32)>,
    pub thaws: BTreeMap<usize, Instant>,
    pub max_redirections: u32,
    next: u32,
}

impl World {
    pub(super) fn new(seed: u64, chaos: Chaos) -> Self {
        let mut dice = Choice::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x1234_5678);
        let max_redirections = if chaos.circles || dice.below(3) > 0 { 16 } else { 100 };
        let options = ClusterOptions {
            max_redirections,
            on_moved: Duration::from_millis([0, 0, 0, 20][dice.below(4)]),
            refresh_interval: [None, Some(Duration::from_millis(700))][dice.below(2)],
            ..ClusterOptions::default()
        };
        Self {
            trace: false,
            chaos,
            fault: None,
            now: Instant::from_millis(1_000_000),
            step: 0,
            cluster: Cluster::new(options, seed),
            servers: Servers::new(),
            links: BTreeMap::new(),
            maps: VecDeque::new(),
            books: Books { is_ordered: true, ..Books::default() },
            addresses: BTreeMap::new(),
            repeats_all: dice.below(2) == 0,
            links_reconnect: dice.below(2) == 0,
            in_round: false,
            best_epoch: 0,
            asked_in_round: 0,
            has_circles: chaos.circles,
            circle: None,
            refusing: None,
            thaws: BTreeMap::new(),
            max_redirections,
            next: 0,
            dice,
        }
    }

    pub(super) fn with_fault(seed: u64, chaos: Chaos, fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::new(seed, chaos) }
    }

    pub(super) fn run(mut self) {
        let start = (0..2).map(|n| Address::announced("h", Servers::port(n)).unwrap()).collect();
        self.cluster.start(start, self.now);
        self.drain();
        while self.cluster.shards().is_empty() {
            self.answer_map();
        }
        let steps = 400 + self.dice.below(900);
        for _ in 0..steps {
            self.turn();
        }
        self.settle();
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.dice.below(100) < percent
    }

    pub(super) fn log(&self, text: impl FnOnce() -> String) {
        if self.trace {
            #[allow(clippy::print_stderr, reason = "the trace of a seed that fails")]
            {
                eprintln!("{:>5} {:>8} {}", self.step, self.now.since_epoch().as_millis(), text());
            }
        }
    }

    /// Something happens.
    fn turn(&mut self) {
        self.step += 1;
        match self.dice.below(100) {
            0..=17 => self.issue(),
            18..=42 => self.serve(),
            43..=67 => self.deliver(),
            68..=72 => self.connect(),
            73..=77 => self.answer_map(),
            78..=89 => self.pass(),
            _ => self.weather(),
        }
        if self.chance(80) {
            self.drain();
        }
        self.check_calm_slot();
    }

    fn issue(&mut self) {
        for _ in 0..=self.dice.below(4) {
            self.next += 1;
            let id = self.next;
            let key = self.dice.below(SLOTS.len() * KEYS);
            let is_double = self.chance(10);
            let work = Work { id, slot: key / KEYS, key, is_double };
            let is_incr = self.chance(50);
            let entry = Entry {
                work,
                is_incr,
                trail: Trail::default(),
                sends: 0,
                sent_at: self.now,
                maybe_executed: false,
                is_exempt: false,
                outcome: None,
            };
            self.books.entries.insert(id, entry);
            let slot = SLOTS[work.slot];
            let place = u32::from(self.cluster.entry(slot));
            self.log(|| format!("issue {work:?} to {place}"));
            if place < ClusterNodeNumber::Wait.number() {
                self.push(NodeId(place as u16), id, false);
            } else {
                self.route(id, slot);
            }
        }
    }

    fn route(&mut self, id: u32, slot: u16) {
        if self.fault == Some(Fault::OvertakesHeldSlots) {
            if let Some(node) = self.cluster_owner(slot).filter(|node| self.links.contains_key(node)) {
                return self.push(node, id, false);
            }
        }
        self.cluster.route(Ticket(id), slot, self.now);
    }

    /// The slot's node, held or not.
    fn cluster_owner(&self, slot: u16) -> Option<NodeId> {
        let shard = self.cluster.shard_of(slot)?;
        self.cluster.shards().get(usize::from(shard)).map(|shard| shard[0])
    }

    fn pass(&mut self) {
        // A driver drains within the turn.
        self.drain();
        let by = [1, 5, 50, 120][self.dice.below(4)];
        self.now = self.now + Duration::from_millis(by);
        self.thaw();
        if self.cluster.next_wakeup().is_some_and(|at| at <= self.now) && self.chance(90) {
            if self.fault == Some(Fault::RefreshesWithoutBound) {
                self.cluster.forget_rounds();
            }
            self.cluster.on_timer(self.now);
        }
        self.notice_silence();
    }

    /// Nothing ever happens to the calm slot, so its commands never wait, and its node is known.
    fn check_calm_slot(&self) {
        let entry = u32::from(self.cluster.entry(SLOTS[CALM]));
        assert!(entry < ClusterNodeNumber::Wait.number(), "the calm slot is held");
        let node = &self.addresses[&NodeId(entry as u16)];
        assert_eq!(node.port(), Servers::port(super::servers::CALM_SERVER), "the calm slot moved");
        for (index, slot) in SLOTS.iter().enumerate() {
            let entry = u32::from(self.cluster.entry(*slot));
            if entry < ClusterNodeNumber::Wait.number() {
                let server = usize::from(self.addresses[&NodeId(entry as u16)].port() - 7001);
                assert!(self.servers.rulers[index].contains(&server), "slot {slot} is given to a node that never served it");
            }
        }
    }

    /// The weather clears: every command ends, and the table is right.
    fn settle(&mut self) {
        self.log(|| "settling".to_owned());
        self.chaos = Chaos::CALM;
        self.refusing = None;
        self.servers.settle();
        self.thaws.clear();
        for round in 0.. {
            self.step += 1;
            if round == 60 {
                self.circle = None;
            }
            self.end_moves();
            self.drain();
            for _ in 0..50 {
                self.serve();
                self.deliver();
                self.connect();
            }
            self.answer_map();
            self.pass();
            if self.books.is_over() {
                break;
            }
            let waiting: Vec<_> = self.books.entries.values().filter(|entry| entry.outcome.is_none()).take(5).collect();
            assert!(round < 3_000, "commands that do not end: {waiting:?} {:?}", self.links);
        }
        let most = self.max_redirections + 1;
        self.books.check(&self.servers, self.repeats_all, most);
        self.check_table();
    }

    /// A last map brings table and nodes into the servers' shape.
    fn check_table(&mut self) {
        self.end_moves();
        self.cluster.refresh(self.now);
        for _ in 0..200 {
            self.now = self.now + Duration::from_millis(100);
            self.cluster.on_timer(self.now);
            self.drain();
            self.answer_map();
            self.drain();
            for _ in 0..20 {
                self.serve();
                self.deliver();
            }
        }
        for (index, slot) in SLOTS.iter().enumerate() {
            let owner = self.servers.owner(index);
            let entry = NodeId(self.cluster.entry(*slot));
            let port = self.addresses.get(&entry).map(Address::port);
            let is_ended = port.is_none() && self.links.values().any(|link| link.server == owner && link.has_ended());
            assert!(port == Some(Servers::port(owner)) || is_ended, "slot {slot} is at {port:?} and belongs to {owner}");
        }
    }

    pub(super) fn fail(&mut self, id: u32, maybe_executed: bool) {
        self.log(|| format!("{id} fails"));
        self.books.settle(id, Outcome::Failed { maybe_executed });
    }
}
