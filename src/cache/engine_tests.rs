//! The protocol step by step: one or two engines, every operation carried out when the test says so.

use std::collections::VecDeque;
use std::time::Duration;

use super::*;
use crate::cache::{Hit, Payload};
use crate::store::{MemoryStore, Origin};

struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        for (byte, n) in bytes.iter_mut().zip(self.0.to_le_bytes().into_iter().cycle()) {
            *byte = n;
        }
    }
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
    ops: VecDeque<(Ticket, Op)>,
    decisions: Vec<Decision>,
}

impl Shared {
    fn new() -> Self {
        Self { store: MemoryStore::default(), now: Instant::from_millis(1_000_000), entropy: Counter(0) }
    }

    fn process(&mut self) -> Process {
        self.process_with(EngineConfig::default())
    }

    fn process_with(&mut self, config: EngineConfig) -> Process {
        let mut process = self.down(config);
        self.up(&mut process);
        process
    }

    /// A process whose store is not there yet.
    fn down(&mut self, config: EngineConfig) -> Process {
        let mut engine = Engine::new(config);
        let repo = engine.register("sc").unwrap();
        Process { engine, repo, ops: VecDeque::new(), decisions: Vec::new() }
    }

    fn input(&mut self, p: &mut Process, act: impl FnOnce(&mut Engine, &mut Context<'_>)) {
        act(&mut p.engine, &mut Context { now: self.now, entropy: &mut self.entropy });
        while let Some(output) = p.engine.poll_output() {
            match output {
                Output::Store { ticket, op } => p.ops.push_back((ticket, op)),
                Output::Decision(decision) => p.decisions.push(decision),
            }
        }
    }

    fn up(&mut self, p: &mut Process) {
        self.input(p, Engine::on_store_up);
        self.serve(p);
    }

    /// The link is cut before anything in flight was carried out.
    fn cut(&mut self, p: &mut Process) {
        self.input(p, Engine::on_store_down);
        for (ticket, _) in std::mem::take(&mut p.ops) {
            self.input(p, |engine, cx| engine.on_store(cx, ticket, Err(StoreError::Cut { maybe_executed: true })));
        }
    }

    /// Carries one operation out.
    fn step(&mut self, p: &mut Process) -> Op {
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

    fn pass(&mut self, p: &mut Process, ms: u64) {
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
    Request::GetOrSet { key: b"k".to_vec(), ttl: SECS(60), keep: None, fresh: None, max_age: None, lock_timeout: None, tags: tags(names) }
}

/// Fresh for ten seconds of sixty, kept for `keep`.
fn revalidated(keep: u64) -> Request {
    let (fresh, keep) = (Some(SECS(10)), Some(SECS(keep)));
    Request::GetOrSet { key: b"k".to_vec(), ttl: SECS(60), keep, fresh, max_age: None, lock_timeout: None, tags: tags(&["t"]) }
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
    Request::Set { key: b"k".to_vec(), ttl: SECS(60), keep: None, fresh: None, payload: payload.into(), tags: tags(names) }
}

fn value(text: &str) -> LoadOutcome {
    LoadOutcome::Value(text.as_bytes().to_vec())
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
        Op::Origin => "origin",
        Op::Read { .. } => "read",
        Op::ReadVersions { .. } => "versions",
        Op::Ensure { .. } => "ensure",
        Op::Place { .. } => "place",
        Op::PlaceInside { .. } => "place inside",
        Op::Amend { .. } => "amend",
        Op::Commit { .. } => "commit",
        Op::Count { .. } => "count",
        Op::Renew { .. } => "renew",
        Op::GiveBack { .. } => "give back",
        Op::Backoff { .. } => "back off",
        Op::Set { .. } => "set",
        Op::Delete { .. } => "delete",
        Op::Invalidate { .. } => "invalidate",
        Op::Scan { .. } => "scan",
        Op::Unlink { .. } => "unlink",
    }
}

fn sent(p: &Process) -> Vec<&'static str> {
    p.ops.iter().map(|(_, op)| kind(op)).collect()
}

fn take(p: &mut Process) -> Vec<Decision> {
    std::mem::take(&mut p.decisions)
}

mod reads {
    use super::*;

    #[test]
    fn a_miss_takes_three_round_trips_before_the_loader_and_one_after_it() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.ask(&mut p, 1, get_or_set(&["t"]));
        for want in ["read", "ensure", "place"] {
            assert_eq!(sent(&p), [want]);
            assert_eq!(take(&mut p), []);
            shared.step(&mut p);
        }
        assert_eq!(take(&mut p), [load(1, 1, true)]);
        shared.loaded(&mut p, 1, value("v"));
        assert_eq!(sent(&p), ["commit", "count"]);
        assert_eq!(take(&mut p), []);
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [stored(1, 1, true), over(1)]);
        shared.ask(&mut p, 2, get_or_set(&["t"]));
        assert_eq!(sent(&p), ["read"]);
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [hit(2, "v", Hit::Fresh)]);
        assert!(p.engine.is_idle());
    }

    #[test]
    fn the_reads_of_a_tick_are_one_operation_and_each_key_and_version_is_in_it_once() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        let repo = p.repo;
        shared.input(&mut p, |engine, cx| {
            for call in 0..64u32 {
                let key = vec![b'k', (call % 4) as u8];
                let request =
                    Request::GetOrSet { key, ttl: SECS(60), keep: None, fresh: None, max_age: None, lock_timeout: None, tags: tags(&["t"]) };
                engine.call(cx, CallId(call), repo, request);
            }
        });
        let Op::Read { entries, versions } = &p.ops[0].1 else { panic!("a read") };
        assert_eq!((p.ops.len(), entries.len(), versions.len()), (1, 4, 1));
        shared.serve(&mut p);
        let loads = take(&mut p).into_iter().filter(|decision| matches!(decision, Decision::Load { storing: true, .. })).count();
        assert_eq!(loads, 4, "one per key");
    }

    #[test]
    fn a_caller_of_a_later_tick_reads_again() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.ask(&mut p, 1, get());
        shared.ask(&mut p, 2, get());
        assert_eq!(sent(&p), ["read", "read"]);
    }

    #[test]
    fn callers_of_one_tick_share_one_load() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        let repo = p.repo;
        shared.input(&mut p, |engine, cx| {
            for call in 1..=3 {
                engine.call(cx, CallId(call), repo, get_or_set(&[]));
            }
        });
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [load(1, 1, true), waiting(2), waiting(3)]);
        shared.loaded(&mut p, 1, value("v"));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [stored(1, 1, true), hit(2, "v", Hit::Joined), hit(3, "v", Hit::Joined), over(1)]);
    }

    #[test]
    fn a_caller_that_meets_its_process_s_own_lease_joins_that_load() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.ask(&mut p, 1, get_or_set(&["t"]));
        shared.serve(&mut p);
        shared.ask(&mut p, 2, get_or_set(&["t"]));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [load(1, 1, true), waiting(2)]);
        shared.loaded(&mut p, 1, LoadOutcome::Failed);
        let failed = |call| Decision::FailedWith { call: CallId(call), load: LoadId(1) };
        assert_eq!(take(&mut p), [failed(1), failed(2), over(1)]);
        assert_eq!(sent(&p), ["give back"]);
        shared.serve(&mut p);
        shared.ask(&mut p, 3, get_or_set(&["t"]));
        shared.serve(&mut p);
        shared.loaded(&mut p, 2, LoadOutcome::Nothing);
        assert_eq!(take(&mut p), [load(3, 2, true), Decision::Nothing { call: CallId(3), load: LoadId(2) }, over(2)]);
    }

    #[test]
    fn another_process_waits_for_the_lease_and_then_has_the_value() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.ask(&mut p, 1, get_or_set(&["t"]));
        shared.serve(&mut p);
        shared.ask(&mut q, 1, get_or_set(&["t"]));
        shared.serve(&mut q);
        assert_eq!(take(&mut q), [waiting(1)]);
        for _ in 0..20 {
            shared.pass(&mut q, 100);
            shared.serve(&mut q);
            shared.pass(&mut p, 0);
            shared.serve(&mut p);
        }
        assert_eq!(take(&mut q), [], "it polls");
        shared.loaded(&mut p, 1, value("v"));
        shared.serve(&mut p);
        shared.pass(&mut q, 100);
        shared.serve(&mut q);
        assert_eq!(take(&mut q), [hit(1, "v", Hit::Joined)]);
    }

    #[test]
    fn patience_ends_with_a_load_of_one_s_own_and_the_lease_is_not_stolen() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        let mut q = shared.process_with(EngineConfig { lock_timeout: SECS(2), ..EngineConfig::default() });
        shared.ask(&mut p, 1, get_or_set(&[]));
        shared.serve(&mut p);
        shared.ask(&mut q, 1, get_or_set(&[]));
        shared.serve(&mut q);
        for _ in 0..30 {
            shared.pass(&mut q, 100);
            shared.serve(&mut q);
        }
        assert_eq!(take(&mut q), [waiting(1), load(1, 1, false)]);
        shared.loaded(&mut p, 1, value("v"));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [load(1, 1, true), stored(1, 1, true), over(1)]);
    }

    #[test]
    fn a_holder_that_lives_renews_and_one_that_dies_is_followed() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.ask(&mut p, 1, get_or_set(&["t"]));
        shared.serve(&mut p);
        for _ in 0..10 {
            shared.pass(&mut p, 3000);
            assert_eq!(sent(&p), ["renew"]);
            shared.serve(&mut p);
        }
        shared.ask(&mut q, 1, get_or_set(&["t"]));
        shared.serve(&mut q);
        assert_eq!(take(&mut q), [waiting(1)]);
        for _ in 0..105 {
            shared.pass(&mut q, 100);
            shared.serve(&mut q);
        }
        assert_eq!(take(&mut q), [load(1, 1, true)], "the lease has run out");
        shared.loaded(&mut p, 1, value("v"));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [load(1, 1, true), stored(1, 1, false), over(1)], "the dead one comes back");
    }

    #[test]
    fn a_value_loaded_before_an_invalidation_is_never_read_after_it() {
        for write in [invalidate(&["t"]), delete(), Request::DeletePattern { glob: b"*".to_vec() }] {
            let mut shared = Shared::new();
            let (mut p, mut q) = (shared.process(), shared.process());
            shared.ask(&mut p, 1, get_or_set(&["t"]));
            shared.serve(&mut p);
            shared.done(&mut q, write.clone());
            shared.loaded(&mut p, 1, value("old"));
            shared.serve(&mut p);
            assert_eq!(shared.done(&mut q, get()), miss(901), "{write:?}");
        }
    }

    #[test]
    fn a_set_wins_over_a_load_under_way() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.ask(&mut p, 1, get_or_set(&["t"]));
        shared.serve(&mut p);
        assert_eq!(shared.done(&mut q, set("new", &["t"])), Decision::Done { call: CallId(901), number: 0 });
        shared.loaded(&mut p, 1, value("old"));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [load(1, 1, true), stored(1, 1, false), over(1)]);
        assert_eq!(shared.done(&mut p, get()), hit(901, "new", Hit::Fresh));
    }

    #[test]
    fn callers_that_name_different_tags_end_with_an_entry_that_carries_both() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.warm(&mut p, get_or_set(&["a"]));
        shared.ask(&mut p, 1, get_or_set(&["b"]));
        shared.serve(&mut p);
        shared.loaded(&mut p, 2, value("both"));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [load(1, 2, true), stored(1, 2, true), over(2)]);
        for names in [&["a"][..], &["b"], &["a", "b"]] {
            assert_eq!(shared.done(&mut p, get_or_set(names)), hit(901, "both", Hit::Fresh));
        }
        shared.done(&mut p, invalidate(&["a"]));
        assert_eq!(shared.done(&mut p, get()), miss(901));
    }

    #[test]
    fn an_outdated_entry_leaves_its_tags_behind() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.warm(&mut p, get_or_set(&["a", "b"]));
        shared.done(&mut p, invalidate(&["a"]));
        shared.warm(&mut p, get_or_set(&["b"]));
        shared.done(&mut p, invalidate(&["a"]));
        assert_eq!(shared.done(&mut p, get()), hit(901, "old", Hit::Fresh));
    }

    #[test]
    fn get_and_has_never_write() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        let has = || Request::Has { key: b"k".to_vec() };
        assert_eq!((shared.done(&mut p, get()), shared.done(&mut p, has())), (miss(901), miss(901)));
        shared.ask(&mut q, 1, get_or_set(&["t"]));
        shared.serve(&mut q);
        assert_eq!((shared.done(&mut p, get()), shared.done(&mut p, has())), (miss(901), miss(901)), "a lease");
        shared.loaded(&mut q, 1, value("v"));
        shared.serve(&mut q);
        shared.ask(&mut p, 1, get());
        assert_eq!(kind(&shared.step(&mut p)), "read");
        assert_eq!(kind(&shared.step(&mut p)), "versions");
        assert_eq!(take(&mut p), [hit(1, "v", Hit::Fresh)]);
        assert_eq!(shared.done(&mut p, has()), Decision::Done { call: CallId(901), number: 1 });
    }

    #[test]
    fn a_foreign_value_is_a_miss_and_is_replaced() {
        for foreign in [&b"{\"a\":1}"[..], b"", b"hw1e ssssssssssssssss ------------ 000000 damaged", b"hw1l aaaaaaaaaaaaaaaa memory------ 9\n"] {
            let mut shared = Shared::new();
            let mut p = shared.process();
            shared.store.plant(shared.now, &Key::from(&b"sc:k"[..]), foreign.to_vec(), SECS(600));
            assert_eq!(shared.done(&mut p, get()), miss(901));
            shared.warm(&mut p, get_or_set(&[]));
            assert_eq!(shared.done(&mut p, get()), hit(901, "old", Hit::Fresh), "{}", foreign.escape_ascii());
        }
    }

    #[test]
    fn a_cancelled_call_leaves_no_lease_behind() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.ask(&mut p, 1, get_or_set(&[]));
        shared.step(&mut p);
        assert_eq!(sent(&p), ["place"]);
        shared.input(&mut p, |engine, _| engine.cancel(CallId(1)));
        shared.serve(&mut p);
        assert!(shared.store.keys(shared.now).is_empty());
        assert!(p.engine.is_idle() && p.decisions.is_empty());
    }

    #[test]
    fn tags_that_a_loader_names_are_those_of_its_entry() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.ask(&mut p, 1, get_or_set(&["a"]));
        shared.serve(&mut p);
        shared.input(&mut p, |engine, cx| engine.add_tags(cx, CallId(2), LoadId(1), tags(&["a", "b"])));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [load(1, 1, true), Decision::Done { call: CallId(2), number: 1 }]);
        shared.loaded(&mut p, 1, value("v"));
        shared.serve(&mut p);
        assert_eq!(shared.done(&mut p, get_or_set(&["a"])), hit(901, "v", Hit::Fresh));
        assert_eq!(shared.done(&mut p, invalidate(&["b"])), Decision::Done { call: CallId(901), number: 1 });
        assert_eq!(shared.done(&mut p, get()), miss(901));
        take(&mut p);
        shared.input(&mut p, |engine, cx| engine.add_tags(cx, CallId(3), LoadId(1), tags(&["c"])));
        assert!(matches!(&take(&mut p)[..], [Decision::Error { error, .. }] if error.kind() == ErrorKind::BadState));
    }

    #[test]
    fn a_load_whose_lease_is_gone_when_it_names_tags_is_not_stored() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.ask(&mut p, 1, get_or_set(&["a"]));
        shared.serve(&mut p);
        shared.done(&mut q, delete());
        shared.input(&mut p, |engine, cx| engine.add_tags(cx, CallId(2), LoadId(1), tags(&["b"])));
        shared.serve(&mut p);
        shared.loaded(&mut p, 1, value("v"));
        let done = Decision::Done { call: CallId(2), number: 0 };
        assert_eq!(take(&mut p), [load(1, 1, true), done, stored(1, 1, false), over(1)]);
    }
}

mod ages {
    use super::*;

    fn no_refresh(call: u32) -> Decision {
        Decision::LoadOver { call: Some(CallId(call)), load: None }
    }

    #[test]
    fn a_stale_entry_is_served_while_one_refresh_runs() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.warm(&mut p, revalidated(0));
        shared.pass(&mut p, 11_000);
        shared.serve(&mut p);
        shared.ask(&mut p, 1, revalidated(0));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [hit(1, "old", Hit::Stale), Decision::Refresh { call: CallId(1), load: LoadId(2) }]);
        shared.ask(&mut p, 2, revalidated(0));
        shared.ask(&mut q, 3, revalidated(0));
        shared.serve(&mut p);
        shared.serve(&mut q);
        assert_eq!(take(&mut p), [hit(2, "old", Hit::Stale), no_refresh(2)]);
        assert_eq!(take(&mut q), [hit(3, "old", Hit::Stale), no_refresh(3)]);
        shared.loaded(&mut p, 2, value("new"));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [over(2)]);
        assert_eq!(shared.done(&mut q, get()), hit(901, "new", Hit::Fresh));
    }

    #[test]
    fn a_refresh_that_fails_lets_the_whole_fleet_rest() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.warm(&mut p, revalidated(0));
        shared.pass(&mut p, 11_000);
        shared.serve(&mut p);
        shared.ask(&mut p, 1, revalidated(0));
        shared.serve(&mut p);
        shared.loaded(&mut p, 2, LoadOutcome::Failed);
        shared.serve(&mut p);
        let decisions = take(&mut p);
        assert!(matches!(&decisions[2], Decision::Event { name: "refreshError", .. }), "{decisions:?}");
        shared.ask(&mut q, 1, revalidated(0));
        shared.serve(&mut q);
        assert_eq!(take(&mut q), [hit(1, "old", Hit::Stale), no_refresh(1)]);
        shared.pass(&mut q, 1000);
        shared.ask(&mut q, 2, revalidated(0));
        shared.serve(&mut q);
        assert_eq!(take(&mut q), [hit(2, "old", Hit::Stale), Decision::Refresh { call: CallId(2), load: LoadId(1) }]);
    }

    #[test]
    fn an_entry_invalidated_while_stale_is_not_refreshed() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.warm(&mut p, revalidated(0));
        shared.pass(&mut p, 11_000);
        shared.serve(&mut p);
        shared.ask(&mut p, 1, revalidated(0));
        shared.step(&mut p);
        assert_eq!(sent(&p), ["ensure"]);
        shared.done(&mut q, invalidate(&["t"]));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [hit(1, "old", Hit::Stale), no_refresh(1)]);
    }

    #[test]
    fn an_expired_entry_stands_in_for_a_loader_that_fails() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.warm(&mut p, revalidated(600));
        shared.pass(&mut p, 61_000);
        shared.serve(&mut p);
        assert_eq!(shared.done(&mut q, get()), miss(901));
        shared.ask(&mut p, 1, revalidated(600));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [load(1, 2, true)]);
        shared.ask(&mut q, 1, revalidated(600));
        shared.serve(&mut q);
        assert_eq!(take(&mut q), [waiting(1)], "one load of it at a time");
        shared.loaded(&mut p, 2, LoadOutcome::Failed);
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [hit(1, "old", Hit::Kept), over(2)]);
        shared.pass(&mut q, 100);
        shared.serve(&mut q);
        assert_eq!(take(&mut q), [hit(1, "old", Hit::Stale), no_refresh(1)], "the source rests");
        shared.pass(&mut q, 1000);
        shared.ask(&mut q, 2, revalidated(600));
        shared.serve(&mut q);
        shared.loaded(&mut q, 1, value("new"));
        shared.serve(&mut q);
        assert_eq!(take(&mut q), [load(2, 1, true), stored(2, 1, true), over(1)]);
        assert_eq!(shared.done(&mut p, get()), hit(901, "new", Hit::Fresh));
    }

    #[test]
    fn age_is_read_along_where_it_is_known_to_matter_and_again_where_it_turns_out_to() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.warm(&mut p, revalidated(0));
        let with_age = |op: &Op| matches!(op, Op::Read { entries, .. } if entries[0].with_age);
        shared.ask(&mut p, 1, revalidated(0));
        assert!(with_age(&p.ops[0].1));
        shared.serve(&mut p);
        shared.ask(&mut p, 2, get_or_set(&["t"]));
        assert!(!with_age(&shared.step(&mut p)));
        assert!(with_age(&shared.step(&mut p)));
        assert_eq!(take(&mut p), [hit(1, "old", Hit::Fresh), hit(2, "old", Hit::Fresh)]);
    }

    #[test]
    fn with_swr_off_a_stale_entry_is_a_miss() {
        let mut shared = Shared::new();
        let mut p = shared.process_with(EngineConfig { swr: false, ..EngineConfig::default() });
        shared.warm(&mut p, revalidated(0));
        shared.pass(&mut p, 11_000);
        shared.serve(&mut p);
        assert_eq!(shared.done(&mut p, get()), miss(901));
        shared.ask(&mut p, 1, revalidated(0));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [load(1, 2, true)]);
    }
}

mod trouble {
    use super::*;

    fn request_with_patience() -> Request {
        get_or_set(&["t"])
    }

    #[test]
    fn a_frozen_store_costs_a_read_its_budget_and_no_more() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.ask(&mut p, 1, request_with_patience());
        shared.ask(&mut p, 2, get());
        assert_eq!(p.engine.next_wakeup(), Some(shared.now + Duration::from_millis(250)));
        shared.pass(&mut p, 249);
        assert_eq!(take(&mut p), []);
        shared.pass(&mut p, 1);
        let mut decisions = take(&mut p);
        decisions.sort_by_key(|decision| format!("{decision:?}"));
        assert_eq!(decisions, [load(1, 1, false), miss(2)]);
        shared.loaded(&mut p, 1, value("v"));
        assert_eq!(take(&mut p), [stored(1, 1, false), over(1)]);
        shared.serve(&mut p);
        assert!(p.engine.is_idle() && p.decisions.is_empty(), "late answers lead nowhere");
    }

    #[test]
    fn the_first_connection_has_a_budget_of_its_own() {
        let mut shared = Shared::new();
        let mut p = shared.down(EngineConfig::default());
        shared.ask(&mut p, 1, get());
        shared.pass(&mut p, 999);
        assert_eq!(take(&mut p), []);
        shared.input(&mut p, Engine::on_store_up);
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [miss(1)], "answered by the store");
        shared.cut(&mut p);
        shared.ask(&mut p, 2, get());
        shared.pass(&mut p, 250);
        assert_eq!(take(&mut p), [miss(2)]);
    }

    #[test]
    fn the_budget_counts_from_the_moment_the_store_is_there() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.cut(&mut p);
        shared.ask(&mut p, 1, get());
        shared.pass(&mut p, 200);
        shared.up(&mut p);
        let mut q = shared.process();
        drop(shared.done(&mut q, get()));
        assert_eq!(take(&mut p), [miss(1)]);
        shared.cut(&mut p);
        shared.ask(&mut p, 2, get());
        shared.pass(&mut p, 200);
        shared.input(&mut p, Engine::on_store_up);
        shared.step(&mut p);
        shared.pass(&mut p, 200);
        assert_eq!(take(&mut p), [], "not yet");
        shared.pass(&mut p, 50);
        assert_eq!(take(&mut p), [miss(2)]);
    }

    #[test]
    fn a_breaker_stops_asking_after_five_silences_and_one_answer_closes_it() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        for call in 0..5 {
            shared.ask(&mut p, call, get());
            shared.pass(&mut p, 250);
        }
        let decisions = take(&mut p);
        assert!(decisions.iter().any(|decision| matches!(decision, Decision::Event { name: "breaker", .. })), "{decisions:?}");
        p.ops.clear();
        shared.ask(&mut p, 6, get());
        assert_eq!((sent(&p), take(&mut p)), (vec![], vec![miss(6)]));
        shared.pass(&mut p, 1000);
        shared.ask(&mut p, 7, get());
        shared.ask(&mut p, 8, get());
        assert_eq!((sent(&p), take(&mut p)), (vec!["read"], vec![miss(8)]), "one trial");
        shared.serve(&mut p);
        shared.ask(&mut p, 9, get());
        assert_eq!(sent(&p), ["read"]);
    }

    #[test]
    fn loads_without_the_store_are_shared_by_those_who_began_before_them() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.cut(&mut p);
        shared.ask(&mut p, 1, get_or_set(&[]));
        shared.pass(&mut p, 100);
        shared.ask(&mut p, 2, get_or_set(&[]));
        shared.pass(&mut p, 150);
        shared.ask(&mut p, 3, get_or_set(&[]));
        shared.pass(&mut p, 100);
        shared.pass(&mut p, 150);
        let seen: Vec<Decision> = take(&mut p);
        assert_eq!(seen.iter().filter(|d| matches!(d, Decision::Load { storing: false, .. })).count(), 1, "{seen:?}");
        shared.loaded(&mut p, 1, value("v"));
        let after = take(&mut p);
        assert!(after.contains(&load(3, 2, false)), "who came meanwhile has the next one: {after:?}");
        shared.loaded(&mut p, 2, value("w"));
        take(&mut p);
        assert!(p.engine.is_idle());
    }

    #[test]
    fn an_invalidation_that_could_not_be_delivered_is_repeated_before_anything_is_read() {
        for request in [invalidate(&["t"]), delete()] {
            let mut shared = Shared::new();
            let mut p = shared.process();
            shared.warm(&mut p, get_or_set(&["t"]));
            shared.cut(&mut p);
            shared.ask(&mut p, 1, request);
            shared.pass(&mut p, 5000);
            let decisions = take(&mut p);
            assert!(matches!(&decisions[..], [Decision::Error { error, kept: true, .. }] if error.kind() == ErrorKind::Timeout));
            shared.input(&mut p, Engine::on_store_up);
            shared.ask(&mut p, 2, get());
            shared.step(&mut p);
            assert!(!sent(&p).contains(&"read"), "{:?}", sent(&p));
            shared.serve(&mut p);
            assert_eq!(take(&mut p), [miss(2)]);
        }
    }

    #[test]
    fn an_invalidation_that_was_cut_is_sent_again_within_its_budget() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.warm(&mut p, get_or_set(&["t"]));
        shared.ask(&mut p, 1, invalidate(&["t"]));
        shared.cut(&mut p);
        shared.pass(&mut p, 1000);
        shared.up(&mut p);
        assert_eq!(take(&mut p), [Decision::Done { call: CallId(1), number: 1 }]);
    }

    #[test]
    fn a_set_that_may_have_run_is_not_repeated() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.ask(&mut p, 1, set("v", &[]));
        shared.cut(&mut p);
        assert!(matches!(&take(&mut p)[..], [Decision::Error { error, kept: false, .. }] if error.is_maybe_executed()));
        shared.ask(&mut p, 2, set("v", &["t"]));
        shared.pass(&mut p, 100);
        shared.up(&mut p);
        assert_eq!(take(&mut p), [Decision::Done { call: CallId(2), number: 0 }], "it had never left");
    }

    #[test]
    fn the_undelivered_are_bounded() {
        let mut shared = Shared::new();
        let mut p = shared.down(EngineConfig { undelivered_max: 1, ..EngineConfig::default() });
        shared.ask(&mut p, 1, delete());
        shared.ask(&mut p, 2, invalidate(&["t"]));
        shared.pass(&mut p, 5000);
        let kept = take(&mut p).into_iter().filter(|decision| matches!(decision, Decision::Error { kept: true, .. })).count();
        assert_eq!(kept, 1);
    }

    #[test]
    fn a_place_without_an_answer_leads_to_a_load_without_storing() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.ask(&mut p, 1, get_or_set(&[]));
        shared.step(&mut p);
        let lost = p.ops.pop_front().unwrap();
        shared.store.apply(shared.now, &lost.1).unwrap();
        p.ops.push_front(lost);
        shared.cut(&mut p);
        assert_eq!(take(&mut p), [load(1, 1, false)]);
        shared.up(&mut p);
        assert!(shared.store.keys(shared.now).is_empty(), "the lease that nobody holds is given back");
    }

    #[test]
    fn a_failover_brings_nothing_back() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.warm(&mut p, get_or_set(&["t"]));
        shared.cut(&mut p);
        shared.store.reign(Origin::of(b"promoted"));
        shared.up(&mut p);
        assert_eq!(shared.done(&mut p, get()), miss(901));
        let trusting = EngineConfig { trust_after_failover: true, ..EngineConfig::default() };
        let mut q = shared.process_with(trusting);
        assert_eq!(shared.done(&mut q, get()), hit(901, "old", Hit::Fresh), "unless that is what was asked for");
    }

    #[test]
    fn an_origin_that_changes_on_a_living_link_is_noticed_and_read_at_most_once_a_second() {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.pass(&mut p, 2000);
        shared.store.reign(Origin::of(b"first replica"));
        shared.pass(&mut q, 0);
        shared.cut(&mut q);
        shared.up(&mut q);
        shared.warm(&mut q, get_or_set(&["t"]));
        shared.ask(&mut p, 1, get_or_set(&["t"]));
        shared.step(&mut p);
        assert_eq!(sent(&p), ["origin", "read"]);
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [hit(1, "old", Hit::Fresh)], "both live in one reign again");
        shared.store.plant(shared.now, &Key::from(&b"sc:k"[..]), b"hw1l aaaaaaaaaaaaaaaa other------- 0\n".to_vec(), SECS(60));
        shared.ask(&mut p, 2, get());
        shared.step(&mut p);
        assert_eq!(sent(&p), [] as [&str; 0], "not again within the second");
        assert_eq!(take(&mut p), [miss(2)]);
    }

    #[test]
    fn an_origin_that_flips_all_the_time_turns_the_check_off() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        let mut warnings = 0;
        for n in 0..10u8 {
            shared.pass(&mut p, 1100);
            shared.store.reign(Origin::of(&[n]));
            shared.store.plant(shared.now, &Key::from(&b"sc:k"[..]), b"hw1l aaaaaaaaaaaaaaaa other------- 0\n".to_vec(), SECS(60));
            shared.ask(&mut p, 1, get());
            shared.serve(&mut p);
            warnings += take(&mut p).iter().filter(|d| matches!(d, Decision::Event { name: "originCheckOff", .. })).count();
        }
        assert_eq!(warnings, 1);
    }

    #[test]
    fn a_server_that_refuses_info_is_used_with_a_warning() {
        let mut shared = Shared::new();
        let mut p = shared.down(EngineConfig::default());
        shared.input(&mut p, Engine::on_store_up);
        let (ticket, _) = p.ops.pop_front().unwrap();
        let refused = StoreError::Refused("NOPERM this user has no permissions".into());
        shared.input(&mut p, |engine, cx| engine.on_store(cx, ticket, Err(refused)));
        assert!(matches!(&take(&mut p)[..], [Decision::Event { name: "warning", text, .. }] if text.contains("afterFailover: 'trust'")));
        shared.warm(&mut p, get_or_set(&["t"]));
        assert_eq!(shared.done(&mut p, get()), hit(901, "old", Hit::Fresh));
    }

    #[test]
    fn commands_that_are_refused_leave_reads_without_the_cache_and_writes_with_an_error() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        let refused = || Err(StoreError::Refused("OOM command not allowed".into()));
        shared.ask(&mut p, 1, get_or_set(&["t"]));
        shared.step(&mut p);
        let (ticket, _) = p.ops.pop_front().unwrap();
        shared.input(&mut p, |engine, cx| engine.on_store(cx, ticket, refused()));
        let decisions = take(&mut p);
        assert!(decisions.contains(&load(1, 1, false)) && decisions.iter().any(|d| matches!(d, Decision::Event { name: "warning", .. })));
        shared.ask(&mut p, 2, set("v", &[]));
        let (ticket, _) = p.ops.pop_front().unwrap();
        shared.input(&mut p, |engine, cx| engine.on_store(cx, ticket, refused()));
        assert!(matches!(&take(&mut p)[..], [Decision::Error { error, .. }] if error.kind() == ErrorKind::Reply));
    }

    #[test]
    fn answers_that_nobody_asked_for_are_ignored() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.input(&mut p, |engine, cx| {
            engine.on_store(cx, Ticket(999), Ok(StoreReply::Done));
            engine.loaded(cx, LoadId(999), LoadOutcome::Nothing);
            engine.cancel(CallId(999));
            engine.call(cx, CallId(1), RepoId(0), get());
            engine.call(cx, CallId(2), RepoId(99), get());
        });
        let decisions = take(&mut p);
        assert!(decisions.iter().all(|decision| matches!(decision, Decision::Error { .. })) && decisions.len() == 2);
    }
}

mod writes {
    use super::*;

    #[test]
    fn invalidating_takes_one_operation_however_many_entries_carry_the_tag() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        for n in 0..20u8 {
            let key = vec![n];
            let request = Request::Set { key, ttl: SECS(60), keep: None, fresh: None, payload: b"1".to_vec(), tags: tags(&["t", "u"]) };
            shared.done(&mut p, request);
        }
        shared.ask(&mut p, 1, invalidate(&["t", "u", "t"]));
        assert_eq!(sent(&p), ["invalidate"]);
        shared.serve(&mut p);
        assert_eq!(p.decisions.pop(), Some(Decision::Done { call: CallId(1), number: 40 }), "the sum over tags");
    }

    #[test]
    fn delete_pattern_deletes_entries_of_its_own_repository_and_counts_no_leases() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        let other = p.engine.register("sc:k").unwrap();
        for key in ["k:1", "k:2", "x"] {
            let key = key.as_bytes().to_vec();
            let request = Request::Set { key, ttl: SECS(60), keep: None, fresh: None, payload: b"1".to_vec(), tags: tags(&["t"]) };
            shared.done(&mut p, request.clone());
            shared.input(&mut p, |engine, cx| engine.call(cx, CallId(902), other, request));
            shared.serve(&mut p);
        }
        take(&mut p);
        shared.ask(&mut p, 1, get_or_set(&[]));
        shared.serve(&mut p);
        let before = shared.store.keys(shared.now).len();
        let done = shared.done(&mut p, Request::DeletePattern { glob: b"k*".to_vec() });
        assert_eq!(done, Decision::Done { call: CallId(901), number: 2 });
        assert_eq!(shared.store.keys(shared.now).len(), before - 3, "two entries and a lease");
    }

    #[test]
    fn delete_counts_what_was_there() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.done(&mut p, set("v", &[]));
        let both = Request::Delete { keys: vec![b"k".to_vec(), b"none".to_vec(), b"k".to_vec()] };
        assert_eq!(shared.done(&mut p, both), Decision::Done { call: CallId(901), number: 1 });
        assert_eq!(shared.done(&mut p, Request::Delete { keys: vec![] }), Decision::Done { call: CallId(901), number: 0 });
    }

    #[test]
    fn everything_that_is_stored_has_an_end() {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.warm(&mut p, revalidated(100));
        shared.done(&mut p, set("v", &["a", "b"]));
        assert!(shared.store.keys(shared.now).len() >= 5);
        let need = SECS(60 + 100 + 10);
        assert!(shared.store.keys(shared.now + need * 2).is_empty());
    }
}
