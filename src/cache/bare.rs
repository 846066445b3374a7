//! Loads without storing: what a caller is left with when the store does not answer, or another's load takes too long. Shared
//! only by callers who began before it did, and no more than one per key at a time: who comes meanwhile shares the next one.

use super::engine::{Context, Engine};
use super::load::Load;
use super::read::Caller;
use super::request::{Decision, LoadId, RepoId};
use super::timers::Timer;
use crate::clock::Instant;
use crate::store::Key;

/// The loads without storing of one key.
#[derive(Debug)]
pub(super) struct Bare {
    /// The one that runs.
    running: u32,
    /// Who shares the next one.
    pub next: Vec<Caller>,
}

impl Engine {
    /// A caller goes on without the store.
    pub(super) fn load_bare(&mut self, cx: &mut Context<'_>, repo: RepoId, entry: &Key, mut caller: Caller) {
        let Some(bare) = self.bare.get(entry) else { return self.run_bare(cx, repo, entry, vec![caller]) };
        let running = bare.running;
        if self.loads.get(&running).is_some_and(|load| load.began > caller.began) {
            caller.patience = Some(self.patience(cx, &caller));
            return self.join_load(cx, running, caller);
        }
        let until = self.patience(cx, &caller);
        caller.patience = Some(until);
        self.timers.set(until, Timer::Load(running));
        self.decide(Decision::Waiting { call: caller.id });
        if let Some(bare) = self.bare.get_mut(entry) {
            bare.next.push(caller);
        }
    }

    /// A loader that never ends must not take its key along for ever; one that is slow is still run once at a time.
    fn patience(&self, cx: &Context<'_>, caller: &Caller) -> Instant {
        cx.now + self.config.lock_timeout.max(caller.lock_timeout)
    }

    /// The first of `callers` runs its loader for all of them.
    pub(super) fn run_bare(&mut self, cx: &mut Context<'_>, repo: RepoId, entry: &Key, callers: Vec<Caller>) {
        let mut callers = callers.into_iter();
        let Some(owner) = callers.next() else { return };
        let call = owner.id;
        let id = self.add_load(Load { owner: Some(owner), ..Load::new(repo, entry.clone()) });
        self.decide(Decision::Load { call, load: LoadId(id), storing: false });
        // One before may take too long: it goes on for those who have joined it.
        let next = self.bare.insert(entry.clone(), Bare { running: id, next: Vec::new() }).map_or_else(Vec::new, |bare| bare.next);
        for mut caller in callers.chain(next) {
            caller.patience = Some(self.patience(cx, &caller));
            self.join_load(cx, id, caller);
        }
    }

    /// A load without storing is over: the next one starts.
    pub(super) fn bare_over(&mut self, cx: &mut Context<'_>, repo: RepoId, entry: &Key, id: u32) {
        if self.bare.get(entry).is_none_or(|bare| bare.running != id) {
            return;
        }
        if let Some(bare) = self.bare.remove(entry).filter(|bare| !bare.next.is_empty()) {
            self.run_bare(cx, repo, entry, bare.next);
        }
    }

    /// Somebody's patience may be over.
    pub(super) fn bare_due(&mut self, cx: &mut Context<'_>, repo: RepoId, entry: &Key) {
        let Some(bare) = self.bare.get_mut(entry) else { return };
        if bare.next.iter().all(|caller| caller.is_patient(cx.now)) {
            return;
        }
        let next = std::mem::take(&mut bare.next);
        self.run_bare(cx, repo, entry, next);
    }
}
