//! The protocol step by step: one or two engines, every operation carried out when the test says so.

mod ages;
mod budgets;
mod conditional;
mod reads;
mod shortfalls;
mod trouble;
mod writes;

use std::collections::VecDeque;
use std::time::Duration;

use super::config::EngineConfig;
use super::decision::{Decision, Hit};
use super::engine::Engine;
use super::ids::{CallId, LoadId, RepoId};
use super::io::{Context, Output};
use super::payload::Payload;
use super::request::{LoadOutcome, Request};
use crate::clock::Instant;
use crate::contract::Shortfall;
use crate::entropy::Entropy;
use crate::error::ErrorKind;
use crate::store::entry::Tag;
use crate::store::{Key, MemoryStore, NodeId, NodeOp, Op, ReplicationId, StoreError, StoreReply, Ticket};

struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        for (byte, n) in bytes.iter_mut().zip(self.0.to_le_bytes().into_iter().cycle()) {
            *byte = n;
        }
    }
}

fn store_up(engine: &mut Engine, cx: &mut Context<'_>) {
    engine.on_store_up(cx, NodeId::ONLY);
}

fn store_down(engine: &mut Engine, cx: &mut Context<'_>) {
    engine.on_store_down(cx, NodeId::ONLY);
}

/// A server that others may share.
struct Shared {
    store: MemoryStore,
    now: Instant,
    entropy: Counter,
}

struct Process {
    engine: Engine,
    repo: RepoId,
    ops: VecDeque<(Ticket, NodeOp)>,
    decisions: Vec<Decision>,
    /// What was not done.
    counted: Vec<(Shortfall, u64)>,
}

impl Shared {
    fn new() -> Self {
        Self { store: MemoryStore::default(), now: Instant::from_millis(1_000_000), entropy: Counter(0) }
    }

    fn process(&mut self) -> Process {
        self.process_with(EngineConfig::default())
    }

    fn process_with(&mut self, config: EngineConfig) -> Process {
        let mut process = Self::down(config);
        self.up(&mut process);
        process
    }

    /// A process whose store is not there yet.
    fn down(config: EngineConfig) -> Process {
        let mut engine = Engine::new(config);
        let repo = engine.register("sc").unwrap();
        Process { engine, repo, ops: VecDeque::new(), decisions: Vec::new(), counted: Vec::new() }
    }

    fn input(&mut self, p: &mut Process, act: impl FnOnce(&mut Engine, &mut Context<'_>)) {
        act(&mut p.engine, &mut Context { now: self.now, entropy: &mut self.entropy });
        while let Some(output) = p.engine.poll_output() {
            match output {
                Output::Store { ticket, op, .. } => p.ops.push_back((ticket, op)),
                Output::Lane { op, .. } => panic!("there is no lane for {op:?}"),
                Output::MapOutdated => {}
                Output::Decision(Decision::Counted { what, number, .. }) => p.counted.push((what, number)),
                Output::Decision(decision) => p.decisions.push(decision),
            }
        }
    }

    fn up(&mut self, p: &mut Process) {
        self.input(p, store_up);
        self.serve(p);
    }

    /// The link is cut before anything in flight was carried out.
    fn cut(&mut self, p: &mut Process) {
        self.input(p, store_down);
        for (ticket, _) in std::mem::take(&mut p.ops) {
            self.input(p, |engine, cx| engine.on_store(cx, ticket, Err(StoreError::Cut { maybe_executed: true })));
        }
    }

    /// How many entries and leases there are.
    fn left(&self) -> usize {
        self.store.keys(self.now).iter().filter(|key| key.starts_with(b"sc:")).count()
    }

    /// Carries one operation out.
    fn step(&mut self, p: &mut Process) -> NodeOp {
        let (ticket, op) = p.ops.pop_front().expect("an operation");
        let answer = self.store.apply(self.now, &op);
        self.input(p, |engine, cx| engine.on_store(cx, ticket, answer));
        op
    }

    /// Carries everything out.
    fn serve(&mut self, p: &mut Process) {
        while !p.ops.is_empty() {
            self.step(p);
        }
    }

    /// Time passes, and the driver looks at its socket whenever the engine wants it to.
    fn pass(&mut self, p: &mut Process, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(when) = p.engine.next_wakeup().filter(|when| *when <= end) {
            self.now = self.now.max(when);
            self.input(p, Engine::on_timer);
        }
        self.now = end;
        self.input(p, Engine::on_timer);
    }

    /// The process is busy for a while, and looks at its socket only then.
    fn be_busy(&mut self, p: &mut Process, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.input(p, Engine::on_timer);
    }

    fn ask(&mut self, p: &mut Process, call: u32, request: Request) {
        let repo = p.repo;
        self.input(p, |engine, cx| engine.call(cx, CallId(call), repo, request));
    }

    fn loaded(&mut self, p: &mut Process, load: u32, outcome: LoadOutcome) {
        self.input(p, |engine, cx| engine.loaded(cx, LoadId(load), outcome));
    }

    /// A value that is in the store.
    fn warm(&mut self, p: &mut Process, request: Request) {
        self.ask(p, 900, request);
        self.serve(p);
        let load = p.decisions.iter().find_map(|decision| match decision {
            Decision::Load { call: CallId(900), load, .. } => Some(load.0),
            _ => None,
        });
        self.loaded(p, load.expect("a load"), value("old"));
        self.serve(p);
        p.decisions.clear();
    }

    fn done(&mut self, p: &mut Process, request: Request) -> Decision {
        self.ask(p, 901, request);
        self.serve(p);
        p.decisions.pop().expect("a decision")
    }
}

fn tags(names: &[&str]) -> Vec<Tag> {
    names.iter().map(|name| Tag::from(name.as_bytes())).collect()
}

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn get_or_set(names: &[&str]) -> Request {
    Request::GetOrSet {
        key: b"k".to_vec(),
        ttl: SECS(60),
        keep: None,
        fresh: None,
        max_age: None,
        lock_timeout: None,
        tags: tags(names).into(),
        replaces: false,
        early: None,
        tags_result: false,
    }
}

/// Fresh for ten seconds of sixty, kept for `keep`.
fn revalidated(keep: u64) -> Request {
    let (fresh, keep) = (Some(SECS(10)), Some(SECS(keep)));
    Request::GetOrSet {
        key: b"k".to_vec(),
        ttl: SECS(60),
        keep,
        fresh,
        max_age: None,
        lock_timeout: None,
        tags: tags(&["t"]).into(),
        replaces: false,
        early: None,
        tags_result: false,
    }
}

fn get() -> Request {
    Request::Get { key: b"k".to_vec(), fresh: None, max_age: None }
}

fn invalidate(names: &[&str]) -> Request {
    Request::InvalidateTags { tags: tags(names) }
}

fn delete() -> Request {
    Request::Delete { keys: vec![b"k".to_vec()] }
}

fn set(payload: &str, names: &[&str]) -> Request {
    Request::Set {
        key: b"k".to_vec(),
        ttl: SECS(60),
        keep: None,
        fresh: None,
        payload: payload.as_bytes().to_vec().into(),
        tags: tags(names),
    }
}

fn value(text: &str) -> LoadOutcome {
    LoadOutcome::Value(text.as_bytes().to_vec().into())
}

fn hit(call: u32, text: &str, hit: Hit) -> Decision {
    Decision::Hit { call: CallId(call), payload: Payload::from(text.as_bytes().to_vec()), hit }
}

fn load(call: u32, load: u32, storing: bool) -> Decision {
    Decision::Load { call: CallId(call), load: LoadId(load), storing }
}

fn stored(call: u32, load: u32, stored: bool) -> Decision {
    Decision::Stored { call: CallId(call), load: LoadId(load), stored }
}

fn over(load: u32) -> Decision {
    Decision::LoadOver { call: None, load: Some(LoadId(load)) }
}

fn miss(call: u32) -> Decision {
    Decision::Miss { call: CallId(call) }
}

fn waiting(call: u32) -> Decision {
    Decision::Waiting { call: CallId(call) }
}

fn kind(op: &Op) -> &'static str {
    match op {
        Op::Identify => "identify",
        Op::Track => "track",
        Op::Read { .. } => "read",
        Op::ReadVersions { .. } => "versions",
        Op::Ensure { .. } => "ensure",
        Op::Place { .. } => "place",
        Op::PlaceInside { .. } => "place inside",
        Op::Amend { .. } => "amend",
        Op::Commit { .. } => "commit",
        Op::Keep { .. } => "keep",
        Op::Restore { .. } => "restore",
        Op::Count { .. } => "count",
        Op::Renew { .. } => "renew",
        Op::Prolong { .. } => "prolong",
        Op::GiveBack { .. } => "give back",
        Op::Backoff { .. } => "back off",
        Op::Set { .. } => "set",
        Op::Delete { .. } => "delete",
        Op::Invalidate { .. } => "invalidate",
        Op::Scan { .. } => "scan",
        Op::Inspect { .. } => "inspect",
        Op::Unlink { .. } => "unlink",
    }
}

fn sent(p: &Process) -> Vec<&'static str> {
    p.ops.iter().map(|(_, op)| kind(&op.op)).collect()
}

/// What was not done since the last call, summed up.
fn counted(p: &mut Process) -> Vec<(Shortfall, u64)> {
    let mut sums: Vec<(Shortfall, u64)> = Vec::new();
    for (what, number) in std::mem::take(&mut p.counted) {
        match sums.iter_mut().find(|(kind, _)| *kind == what) {
            Some((Shortfall::PendingInvalidations, sum)) => *sum = number,
            Some((_, sum)) => *sum += number,
            None => sums.push((what, number)),
        }
    }
    sums
}

fn take(p: &mut Process) -> Vec<Decision> {
    std::mem::take(&mut p.decisions)
}
