//! Loads without storing, for callers whose store does not answer, or whose wait for another load is too long. Only callers
//! that began before such a load share it. There is at most one per key at a time; callers that arrive meanwhile share the
//! next one.

use std::collections::HashMap;
use std::sync::Arc;

use super::caller::Caller;
use super::decision::Decision;
use super::effects::Fx;
use super::ending::{conclude, Ending};
use super::ids::{CallId, LoadId};
use super::load::{soften, take_impatient, Age};
use super::names::Repo;
use super::request::LoadOutcome;
use super::timers::{Numbered, Timer};
use crate::clock::Instant;
use crate::store::Key;

/// A load without a lease.
#[derive(Debug)]
struct Load {
    repo: Arc<Repo>,
    entry: Key,
    /// Orders it among calls.
    began: u64,
    owner: Option<Caller>,
    joined: Vec<Caller>,
    age: Age,
}

/// The loads without storing of one key.
#[derive(Debug)]
struct Running {
    /// The load that runs.
    load: u32,
    /// The callers that share the next one.
    next: Vec<Caller>,
}

/// The loads without storing of one process.
#[derive(Debug, Default)]
pub(super) struct Uncached {
    loads: Numbered<u32, Load>,
    running: HashMap<Key, Running>,
}

impl Uncached {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A caller with a loader goes on without the store.
    pub(super) fn begin(&mut self, fx: &mut Fx<'_>, repo: &Arc<Repo>, entry: &Key, mut caller: Caller) {
        let Some(running) = self.running.get_mut(entry) else { return self.run(fx, repo, entry, vec![caller]) };
        let load = running.load;
        if self.loads.get(&load).is_some_and(|load| load.began > caller.began) {
            return self.join(fx, load, caller);
        }
        if !caller.still_waits(fx.now) {
            return self.run(fx, repo, entry, vec![caller]);
        }
        let until = *caller.waits_until.get_or_insert(fx.now + caller.lock_timeout);
        fx.wake_at(until, Timer::Uncached(load));
        fx.decide(Decision::Waiting { call: caller.id });
        running.next.push(caller);
    }

    /// The first of `callers` runs its loader for all of them, and for those that wait for the next load.
    fn run(&mut self, fx: &mut Fx<'_>, repo: &Arc<Repo>, entry: &Key, callers: Vec<Caller>) {
        let mut callers = callers.into_iter();
        let Some(owner) = callers.next() else { return };
        let now = fx.now;
        let id = fx.open_load(now);
        fx.out.decide(Decision::Load { call: owner.id, load: LoadId(id), storing: false });
        let load = Load {
            repo: Arc::clone(repo),
            entry: entry.clone(),
            began: fx.number(),
            owner: Some(owner),
            joined: Vec::new(),
            age: Age::new(fx.now),
        };
        self.loads.insert(id, load);
        // The load before may take too long. It goes on for the callers that have joined it.
        let before = self.running.insert(entry.clone(), Running { load: id, next: Vec::new() });
        for caller in callers.chain(before.map_or_else(Vec::new, |before| before.next)) {
            self.join(fx, id, caller);
        }
    }

    /// A caller shares a load, unless it has waited long enough: then it loads for itself.
    fn join(&mut self, fx: &mut Fx<'_>, id: u32, mut caller: Caller) {
        let Some(load) = self.loads.get_mut(&id) else { return };
        let Some(until) = caller.wait_for_uncached(fx.now) else {
            let (repo, entry) = (Arc::clone(&load.repo), load.entry.clone());
            return self.run(fx, &repo, &entry, vec![caller]);
        };
        fx.wake_at(until, Timer::Uncached(id));
        fx.decide(Decision::Waiting { call: caller.id });
        load.joined.push(caller);
    }

    /// A loader has ended. The next load of its key starts.
    pub(super) fn end(&mut self, fx: &mut Fx<'_>, id: u32, outcome: LoadOutcome) {
        let Some(load) = self.loads.remove(&id) else { return };
        let ending = match outcome {
            LoadOutcome::Value(payload) | LoadOutcome::ValueWith(payload, _) => Ending::Value { payload, stored: false },
            // Without the store there is no value to be replaced.
            LoadOutcome::Nothing | LoadOutcome::Unmodified(_) => Ending::Nothing,
            LoadOutcome::Failed => Ending::Failed,
        };
        conclude(fx.out, id, load.owner, load.joined, &ending, fx.now);
        if self.running.get(&load.entry).is_some_and(|running| running.load == id) {
            if let Some(running) = self.running.remove(&load.entry) {
                self.run(fx, &load.repo, &load.entry, running.next);
            }
        }
    }

    /// A caller may have waited long enough: for the load itself, or for the next one.
    pub(super) fn on_timer(&mut self, fx: &mut Fx<'_>, id: u32) {
        let Some(load) = self.loads.get_mut(&id) else { return };
        let (repo, entry) = (Arc::clone(&load.repo), load.entry.clone());
        let impatient = take_impatient(&mut load.joined, fx.now);
        let waiting = self.running.get_mut(&entry).map(|running| &mut running.next);
        if let Some(next) = waiting.filter(|next| !next.iter().all(|caller| caller.still_waits(fx.now))) {
            let mut next = std::mem::take(next);
            // Of those that wait, one whose time is over runs its loader.
            next.sort_by_key(|caller| caller.waits_until);
            self.run(fx, &repo, &entry, next);
        }
        self.run(fx, &repo, &entry, impatient);
    }

    /// Looks how long loads have been running.
    pub(super) fn on_ages(&mut self, fx: &mut Fx<'_>) {
        for load in self.loads.values_mut() {
            load.age.look(fx, load.repo.id);
        }
    }

    /// Whether a load with this number is here.
    pub(super) fn has(&self, id: u32) -> bool {
        self.loads.contains_key(&id)
    }

    /// The caller would rather have a stale value than wait any longer. Returns the decisions that give it one.
    pub(super) fn soften(&mut self, now: Instant, call: CallId) -> Option<Vec<Decision>> {
        for load in self.loads.values_mut() {
            if let Some(told) = soften(&mut load.owner, &mut load.joined, now, call) {
                return Some(told);
            }
        }
        self.running.values_mut().find_map(|running| soften(&mut None, &mut running.next, now, call))
    }

    /// The caller has given up. Says whether its call was here. Its loader, if it runs, goes on.
    pub(super) fn cancel(&mut self, call: CallId) -> bool {
        for load in self.loads.values_mut() {
            if load.owner.take_if(|owner| owner.id == call).is_some() {
                return true;
            }
            if let Some(at) = load.joined.iter().position(|caller| caller.id == call) {
                load.joined.remove(at);
                return true;
            }
        }
        for running in self.running.values_mut() {
            if let Some(at) = running.next.iter().position(|caller| caller.id == call) {
                running.next.remove(at);
                return true;
            }
        }
        false
    }

    pub(super) fn is_empty(&self) -> bool {
        self.loads.is_empty() && self.running.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::testing::loader;
    use std::time::Duration;

    use super::super::effects::testing::Rig;
    use super::*;

    fn repo() -> Arc<Repo> {
        Repo::testing()
    }

    fn key() -> Key {
        Key::from(&b"sc:k"[..])
    }

    fn loads(decisions: &[Decision]) -> Vec<(u32, u32)> {
        let load = |decision: &Decision| match decision {
            Decision::Load { call, load, storing: false } => Some((call.0, load.0)),
            _ => None,
        };
        decisions.iter().filter_map(load).collect()
    }

    #[test]
    fn callers_that_come_while_a_load_runs_share_the_next_one() {
        let (mut rig, mut uncached) = (Rig::default(), Uncached::new());
        for call in 1..=3 {
            let mut caller = loader(call, &[]);
            caller.began = rig.out.number();
            rig.input(|fx| uncached.begin(fx, &repo(), &key(), caller));
        }
        assert_eq!(loads(&rig.decided()), [(1, 1)], "one at a time");
        rig.input(|fx| uncached.end(fx, 1, LoadOutcome::Failed));
        assert_eq!(loads(&rig.decided()), [(2, 2)]);
        rig.input(|fx| uncached.end(fx, 2, LoadOutcome::Value(b"v".to_vec().into())));
        let served = rig.decided();
        assert!(served.iter().any(|decision| matches!(decision, Decision::Hit { call: CallId(3), .. })), "{served:?}");
        assert!(uncached.is_empty());
    }

    #[test]
    fn a_load_is_shared_only_by_callers_that_began_before_it() {
        let (mut rig, mut uncached) = (Rig::default(), Uncached::new());
        let mut early = loader(1, &[]);
        early.began = rig.out.number();
        rig.input(|fx| uncached.begin(fx, &repo(), &key(), loader(2, &[])));
        rig.input(|fx| uncached.begin(fx, &repo(), &key(), early));
        rig.input(|fx| uncached.end(fx, 1, LoadOutcome::Value(b"v".to_vec().into())));
        let decisions = rig.decided();
        assert!(decisions.iter().any(|decision| matches!(decision, Decision::Hit { call: CallId(1), .. })), "{decisions:?}");
        assert!(uncached.is_empty());
    }

    fn caller(rig: &mut Rig, call: u32, patience_ms: u64) -> Caller {
        Caller { began: rig.out.number(), lock_timeout: Duration::from_millis(patience_ms), ..loader(call, &[]) }
    }

    fn begin(rig: &mut Rig, uncached: &mut Uncached, call: u32, patience_ms: u64) {
        let caller = caller(rig, call, patience_ms);
        rig.input(|fx| uncached.begin(fx, &repo(), &key(), caller));
    }

    #[test]
    fn a_caller_waits_for_a_load_that_hangs_no_longer_than_it_said_and_takes_the_others_along() {
        let (mut rig, mut uncached) = (Rig::default(), Uncached::new());
        begin(&mut rig, &mut uncached, 1, 30_000);
        begin(&mut rig, &mut uncached, 2, 30_000);
        begin(&mut rig, &mut uncached, 3, 500);
        rig.now = 499;
        rig.input(|fx| uncached.on_timer(fx, 1));
        assert_eq!(loads(&rig.decided()), [(1, 1)]);
        rig.now = 500;
        rig.input(|fx| uncached.on_timer(fx, 1));
        assert_eq!(loads(&rig.decided()), [(3, 2)]);
        rig.input(|fx| uncached.end(fx, 2, LoadOutcome::Value(b"v".to_vec().into())));
        let served = rig.decided();
        assert!(served.iter().any(|decision| matches!(decision, Decision::Hit { call: CallId(2), .. })), "{served:?}");
        rig.input(|fx| uncached.end(fx, 1, LoadOutcome::Nothing));
        assert!(uncached.is_empty());
    }

    #[test]
    fn callers_whose_time_is_over_share_one_more_load_and_then_load_for_themselves() {
        let (mut rig, mut uncached) = (Rig::default(), Uncached::new());
        begin(&mut rig, &mut uncached, 1, 500);
        for call in 2..=4 {
            begin(&mut rig, &mut uncached, call, 500);
        }
        rig.now = 500;
        rig.input(|fx| uncached.on_timer(fx, 1));
        assert_eq!(loads(&rig.decided()), [(1, 1), (2, 2)], "not one load each at the same moment");
        rig.now = 1000;
        rig.input(|fx| uncached.on_timer(fx, 2));
        assert_eq!(loads(&rig.decided()), [(3, 3), (4, 4)], "the second load hangs too");
    }

    #[test]
    fn a_caller_that_has_waited_elsewhere_does_not_wait_again() {
        let (mut rig, mut uncached) = (Rig::default(), Uncached::new());
        begin(&mut rig, &mut uncached, 1, 30_000);
        rig.now = 500;
        let mut late = caller(&mut rig, 2, 500);
        late.waits_until = Some(Instant::from_millis(1_000_500));
        rig.input(|fx| uncached.begin(fx, &repo(), &key(), late));
        assert_eq!(loads(&rig.decided()), [(1, 1), (2, 2)]);
    }
}
