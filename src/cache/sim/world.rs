//! The world of the simulation: processes with their links, one server, and the dice that move them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::chaos::{Chaos, Habits};
use super::check::{Asked, Books};
use super::dice::Dice;
use super::faults::Fault;
use super::server::Work;
use super::servers::{address, Servers};
use crate::cache::{Context, Engine, EngineConfig, LoadId, LoadOutcome, Names, Output, RepoId};
use crate::clock::Instant;
use crate::store::nodes::Change;
use crate::store::{Id, Key, NodeId, NodeOp, StoreError, StoreReply, Ticket};

/// A long value.
const LONG: usize = 400;

/// The payload of a value. Every other one is long: such a value is validated by its header.
pub(super) fn payload_of(value: u64) -> Vec<u8> {
    let padding = if value.is_multiple_of(2) { LONG } else { 0 };
    format!("{}v{value}", "x".repeat(padding)).into_bytes()
}

/// A load that a process runs.
#[derive(Debug)]
pub(super) struct Running {
    pub key: u8,
    pub value: u64,
    pub storing: bool,
}

/// A process's link to one server.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub is_up: bool,
    pub sent: VecDeque<(Ticket, Work)>,
    pub answered: VecDeque<(Ticket, Result<StoreReply, StoreError>)>,
}

impl Link {
    fn is_idle(&self) -> bool {
        self.sent.is_empty() && self.answered.is_empty()
    }
}

#[derive(Debug)]
pub(super) struct Process {
    /// Never the same again after a crash.
    pub id: u64,
    pub engine: Engine,
    pub repo: RepoId,
    /// One for each server.
    pub links: Vec<Link>,
    pub calls: BTreeMap<u32, Asked>,
    /// Loaders of calls that were answered with a stale value.
    pub answered_stale: BTreeMap<u32, Asked>,
    pub loads: BTreeMap<u32, Running>,
    /// The parsed values that it keeps.
    pub parsed: BTreeMap<u32, u64>,
}

pub(super) struct World {
    pub trace: bool,
    /// A step of the protocol that the server bends.
    pub fault: Option<Fault>,
    pub chaos: Chaos,
    pub dice: Dice,
    pub now: Instant,
    pub step: u64,
    pub servers: Servers,
    pub processes: Vec<Process>,
    /// Operations from lost links that a server still has to carry out.
    pub late: VecDeque<(usize, Work)>,
    /// For [`Fault::RepeatsStamps`]: the stamp of each entry that was last read in full.
    stamps: BTreeMap<Key, Id>,
    pub books: Books,
    pub next: u64,
    pub names: Names,
    pub config: EngineConfig,
    pub periods: (u64, u64, u64),
    pub has_ages: bool,
    pub habits: Habits,
}

impl World {
    pub(super) fn new(seed: u64, chaos: Chaos) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x1234_5678);
        let has_ages = dice.chance(50);
        let ttl = if chaos.one_load { 600_000 } else { 200 + dice.below(20_000) };
        let fresh = if has_ages && !chaos.one_load { 50 + dice.below(ttl) } else { ttl };
        let keep = if has_ages && !chaos.one_load { dice.below(2) * (1000 + dice.below(40_000)) } else { 0 };
        let config = EngineConfig {
            lock_timeout: Duration::from_millis(if chaos.one_load { 3_600_000 } else { 500 + dice.below(20_000) }),
            // Two loads at a time are allowed where one of them takes too long.
            longest_load: Duration::from_secs(if chaos.one_load { 36_000 } else { 1 + dice.below(60) }),
            window: if dice.chance(50) { 1 + dice.below(6) as usize } else { 4096 },
            undelivered_max: 20,
            swr: dice.chance(80),
            parsed_bytes: 1 << 20,
            conditional_bytes: LONG,
            ..EngineConfig::default()
        };
        let mut world = Self {
            trace: false,
            fault: None,
            chaos,
            now: Instant::from_millis(1_000_000),
            step: 0,
            servers: Servers::new(chaos.nodes),
            processes: Vec::new(),
            late: VecDeque::new(),
            stamps: BTreeMap::new(),
            books: Books::default(),
            next: 0,
            names: Names::new("sim").unwrap(),
            config,
            periods: (ttl, fresh, keep),
            has_ages,
            habits: Habits::draw(&mut dice),
            dice,
        };
        for _ in 0..2 + world.dice.below(2) {
            let process = world.boot();
            world.processes.push(process);
        }
        world
    }

    /// A world whose server bends a step of the protocol.
    pub(super) fn with_fault(seed: u64, chaos: Chaos, fault: Fault) -> Self {
        let mut world = Self::new(seed, chaos);
        world.fault = Some(fault);
        world.config.trust_after_failover = fault == Fault::TrustsAllIds;
        world.processes = (0..world.processes.len()).map(|_| world.boot()).collect();
        world
    }

    pub(super) fn run(mut self) {
        let steps = 300 + self.dice.below(500);
        for _ in 0..steps {
            self.turn();
        }
        self.settle();
    }

    pub(super) fn boot(&mut self) -> Process {
        self.next += 1;
        let mut engine = Engine::new(self.config.clone());
        let repo = engine.register("sim").unwrap();
        if self.servers.is_cluster() {
            let cx = &mut Context { now: self.now, entropy: &mut self.dice };
            engine.on_store_change(cx, Change::Cluster);
            for node in 0..self.servers.stores.len() {
                engine.on_store_change(cx, Change::Joined(NodeId(node as u16), address(node)));
            }
            engine.on_store_change(cx, Change::Slots(&self.servers.map));
        }
        Process {
            id: self.next,
            engine,
            repo,
            links: self.servers.stores.iter().map(|_| Link::default()).collect(),
            calls: BTreeMap::new(),
            answered_stale: BTreeMap::new(),
            loads: BTreeMap::new(),
            parsed: BTreeMap::new(),
        }
    }

    /// Something happens.
    fn turn(&mut self) {
        self.step += 1;
        let p = self.dice.below(self.processes.len() as u64) as usize;
        let n = self.dice.below(self.servers.stores.len() as u64) as usize;
        if self.chaos.moves && self.dice.chance(10) {
            let moved = self.servers.reshard(self.now, &mut self.dice);
            return self.log(|| moved);
        }
        if self.chaos.moves && self.dice.chance(3) {
            return self.learn_map(p);
        }
        if self.chaos.adds_tags && self.dice.chance(5) {
            return self.name_tags(p);
        }
        match self.dice.below(100) {
            0..=29 => self.deliver(p, n),
            30..=54 => self.answer(p, n),
            // Where tags are added, the servers keep up with the calls: an addition that waits in a queue adds nothing.
            55..=64 if self.chaos.adds_tags && self.dice.chance(75) => self.deliver(p, n),
            55..=64 => self.ask(p),
            65..=74 => self.end_loader(p),
            75..=84 => self.pass(),
            85..=88 => self.late_delivery(),
            89..=91 if !self.processes[p].links[n].is_up => self.connect(p, n),
            92 if self.chaos.cuts => self.cut(p, n),
            93 if self.chaos.crashes && self.dice.chance(40) => self.crash(p),
            94 if self.chaos.evictions => self.evict(n),
            95 if self.chaos.failovers => self.replicate(),
            // A node of a cluster fails about as often as a single server, and most keys are on others.
            96 if self.chaos.failovers && (self.servers.is_cluster() || self.dice.chance(20)) => self.fail_over(n),
            97 if self.chaos.failovers && self.dice.chance(10) => self.change_replication_id(n),
            97 if self.chaos.one_load => self.pass_long(),
            94 | 96 | 98 if self.chaos.writes => self.name_tags(p),
            99 if self.dice.chance(30) => self.cancel(p),
            99 if self.dice.chance(50) => self.drop_parsed(p),
            99 if self.chaos.tags_results => self.soften(p),
            _ => self.connect(p, n),
        }
    }

    pub(super) fn input(&mut self, p: usize, act: impl FnOnce(&mut Engine, &mut Context<'_>)) {
        let mut cx = Context { now: self.now, entropy: &mut self.dice };
        act(&mut self.processes[p].engine, &mut cx);
        // Calls of one tick are one batch: sometimes the outputs are taken a little later.
        while let Some(output) = self.processes[p].engine.poll_output() {
            match output {
                Output::Lane { op, .. } => panic!("there is no lane for {op:?}"),
                Output::MapOutdated => {}
                Output::Store { ticket, node, op } => {
                    self.log(|| format!("{p} sends {ticket:?} to {node:?} {op:?}"));
                    let n = usize::from(node.0);
                    if self.processes[p].links.get(n).is_some_and(|link| link.is_up) {
                        let work = Work::new(op, self.chaos.scattered, &mut self.dice);
                        self.processes[p].links[n].sent.push_back((ticket, work));
                    } else {
                        let mut cx = Context { now: self.now, entropy: &mut self.dice };
                        self.processes[p].engine.on_store(&mut cx, ticket, Err(StoreError::NotSent));
                    }
                }
                Output::Decision(decision) => self.decided(p, &decision),
            }
        }
    }

    pub(super) fn log(&self, text: impl FnOnce() -> String) {
        if self.trace {
            #[allow(clippy::print_stderr, reason = "the trace of a seed that fails")]
            {
                eprintln!("{:>5} {:>8} {}", self.step, self.now.since_epoch().as_millis(), text());
            }
        }
    }

    fn connect(&mut self, p: usize, n: usize) {
        if !self.processes[p].links[n].is_up {
            self.log(|| format!("{p} connects to {n}"));
            self.processes[p].links[n].is_up = true;
            self.input(p, |engine, cx| engine.on_store_up(cx, NodeId(n as u16)));
        }
    }

    /// A process reads the map of slots.
    fn learn_map(&mut self, p: usize) {
        self.log(|| format!("{p} reads the map"));
        let map = self.servers.map.clone();
        self.input(p, |engine, cx| engine.on_store_change(cx, Change::Slots(&map)));
    }

    pub(super) fn deliver(&mut self, p: usize, n: usize) {
        let Some((ticket, mut work)) = self.processes[p].links[n].sent.pop_front() else { return };
        if let Some(error) = self.refusal(n, &work.op) {
            self.log(|| format!("server {n}: {p} {ticket:?} -> {error:?}"));
            return self.processes[p].links[n].answered.push_back((ticket, Err(error)));
        }
        self.note_effect(Some(p), &work.op.op);
        match work.step(&mut self.servers.stores[n], self.now, self.fault) {
            None => self.processes[p].links[n].sent.push_front((ticket, work)),
            Some(mut reply) => {
                if let Some(fault) = self.fault {
                    fault.bend_answer(&work.op.op, &mut reply, &mut self.stamps);
                }
                self.note_effect(Some(p), &work.op.op);
                self.note_answer(Some(p), n, &work.op.op, &reply);
                self.log(|| format!("server {n}: {p} {ticket:?} -> {reply:?}"));
                self.processes[p].links[n].answered.push_back((ticket, Ok(reply)));
            }
        }
    }

    /// Why a server does not carry an operation out.
    pub(super) fn refusal(&mut self, n: usize, op: &NodeOp) -> Option<StoreError> {
        let refusal = self.servers.refusal(n, op, self.now);
        self.fault.map_or(refusal.clone(), |fault| fault.bend_refusal(&op.op, refusal))
    }

    pub(super) fn answer(&mut self, p: usize, n: usize) {
        let Some((ticket, answer)) = self.processes[p].links[n].answered.pop_front() else { return };
        self.input(p, |engine, cx| engine.on_store(cx, ticket, answer));
    }

    /// All that is on its way arrives, and what follows from it.
    fn serve(&mut self, p: usize) {
        while !self.processes[p].links.iter().all(Link::is_idle) {
            for n in 0..self.servers.stores.len() {
                self.deliver(p, n);
                self.answer(p, n);
            }
        }
    }

    fn pass(&mut self) {
        let by = match self.dice.below(10) {
            // The servers answer within the budgets: what is added gets into the lease.
            _ if self.chaos.adds_tags => self.dice.below(4),
            0 if !self.chaos.one_load => self.dice.below(12_000),
            1..=3 => self.dice.below(300),
            _ => self.dice.below(10),
        };
        self.now = self.now + Duration::from_millis(by);
        for p in 0..self.processes.len() {
            if self.processes[p].engine.next_wakeup().is_some_and(|when| when <= self.now) && (self.chaos.one_load || self.dice.chance(80))
            {
                self.input(p, Engine::on_timer);
            }
        }
    }

    /// Loaders are slow and links are quick: every live process renews its leases.
    fn pass_long(&mut self) {
        for _ in 0..12 {
            self.now = self.now + Duration::from_secs(1);
            for p in 0..self.processes.len() {
                self.input(p, Engine::on_timer);
                self.serve(p);
            }
        }
    }

    /// The weather clears: every call ends, and nothing is left behind.
    fn settle(&mut self) {
        self.log(|| "settling".to_owned());
        self.chaos = Chaos { one_load: self.chaos.one_load, ..Chaos::CALM };
        self.servers.finish_all(self.now);
        for round in 0.. {
            self.step += 1;
            for p in 0..self.processes.len() {
                for n in 0..self.servers.stores.len() {
                    self.connect(p, n);
                }
                self.serve(p);
                while let Some(load) = self.pick_load(p) {
                    let value = self.processes[p].loads.remove(&load).unwrap().value;
                    let outcome = LoadOutcome::Value(payload_of(value).into());
                    self.input(p, |engine, cx| engine.loaded(cx, LoadId(load), outcome));
                }
            }
            while !self.late.is_empty() {
                self.late_delivery();
            }
            self.now = self.now + Duration::from_millis(20);
            for p in 0..self.processes.len() {
                self.input(p, Engine::on_timer);
            }
            let is_over = |p: &Process| p.calls.is_empty() && p.links.iter().all(Link::is_idle) && p.loads.is_empty();
            if self.processes.iter().all(|p| is_over(p) && p.engine.is_idle() && p.answered_stale.is_empty()) {
                break;
            }
            assert!(round < 5_000, "calls that do not end: {:?}", self.processes.iter().map(|p| (&p.calls, &p.engine)).collect::<Vec<_>>());
        }
        let longest = Duration::from_millis(self.periods.0 + self.periods.2) + self.config.lease;
        let longest = longest.max(Duration::from_secs(60));
        for store in &self.servers.stores {
            assert_eq!(store.keys(self.now + longest * 2), [] as [crate::store::Key; 0], "C4: what is left after everything has expired");
        }
    }
}
