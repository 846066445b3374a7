//! What lookups do while another process loads: they wait for its lease to end, and then read again. Where the near cache watches the
//! lease they are woken; otherwise they look again and again.

use std::time::Duration;

use super::Lookups;
use crate::cache::decision::Decision;
use crate::cache::effects::Fx;
use crate::cache::lookup::{Lookup, Phase};
use crate::cache::tags::fit_together;
use crate::cache::timers::{jittered, Timer};
use crate::clock::Instant;
use crate::contract::Shortfall;

/// How long the first wait for another process's lease is, and how long the longest.
const POLL_FIRST: Duration = Duration::from_millis(5);
const POLL_LONGEST: Duration = Duration::from_millis(100);

impl Lookups {
    /// Another process loads: reads again after a while. Returns the lookup that waits: one that waits for the same entry already takes
    /// the callers over, so that all of them read together.
    pub(in crate::cache) fn wait(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>) -> u64 {
        for caller in &mut lookup.callers {
            if caller.waits_until.is_none() {
                fx.out.decide(Decision::Waiting { call: caller.id });
            }
            caller.waits_until.get_or_insert(fx.now + caller.lock_timeout);
        }
        let lookup = match self.join_waiting(fx, lookup) {
            Ok(host) => return host,
            Err(lookup) => lookup,
        };
        self.begin_to_wait(fx, id, lookup);
        id
    }

    fn begin_to_wait(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>) {
        let base = POLL_FIRST.saturating_mul(1 << lookup.polls.min(8)).min(POLL_LONGEST);
        lookup.polls += 1;
        let poll = fx.now + jittered(base, fx.entropy);
        let wake = patience(&lookup).map_or(poll, |patience| patience.min(poll));
        lookup.is_late = true;
        // Whether the lease has run out shows in its remaining life.
        lookup.with_age = true;
        lookup.rounds = 0;
        lookup.phase = Phase::Waiting(wake);
        fx.wake_at(wake, Timer::Lookup(id));
        self.waiting.insert(lookup.entry.clone(), id);
        self.active.insert(id, lookup);
    }

    fn join_waiting(&mut self, fx: &mut Fx<'_>, mut lookup: Box<Lookup>) -> Result<u64, Box<Lookup>> {
        let Some((id, host)) = self.waiting.get(&lookup.entry).and_then(|id| Some((*id, self.active.get_mut(id)?))) else {
            return Err(lookup);
        };
        let Phase::Waiting(wake) = host.phase else { return Err(lookup) };
        if !fit_together(&host.tags, &lookup.tags) {
            return Err(lookup);
        }
        host.tags.add(lookup.tags.iter().map(|tag| &**tag));
        let patience = patience(&lookup).filter(|patience| *patience < wake);
        host.callers.append(&mut lookup.callers);
        if let Some(patience) = patience {
            host.phase = Phase::Waiting(patience);
            fx.wake_at(patience, Timer::Lookup(id));
        }
        Ok(id)
    }

    pub(super) fn no_longer_waits(&mut self, id: u64, lookup: &Lookup) {
        if self.waiting.get(&lookup.entry) == Some(&id) {
            self.waiting.remove(&lookup.entry);
        }
    }

    /// The wait for another's lease is over for now.
    pub(super) fn wake(&mut self, fx: &mut Fx<'_>, id: u64, mut lookup: Box<Lookup>) {
        self.no_longer_waits(id, &lookup);
        for caller in std::mem::take(&mut lookup.callers) {
            if caller.still_waits(fx.now) {
                lookup.callers.push(caller);
            } else {
                fx.bypass(&lookup.repo, &lookup.entry, caller, Shortfall::ReadWaited);
            }
        }
        if lookup.callers.is_empty() {
            return;
        }
        // Waiting counts against the callers' lock time-outs alone.
        lookup.give_up_at = fx.attended + self.config.budget;
        self.read_again(fx, id, lookup);
    }

    /// What a lookup waits for has changed, or nobody would notice any more.
    pub(in crate::cache) fn wake_up(&mut self, fx: &mut Fx<'_>, id: u64) {
        if let Some(lookup) = self.active.remove(&id) {
            if matches!(lookup.phase, Phase::Waiting(_)) {
                return self.wake(fx, id, lookup);
            }
            self.active.insert(id, lookup);
        }
    }

    /// A lookup that waits will be woken, so it does not have to look before the lease runs out.
    pub(in crate::cache) fn watched(&mut self, fx: &mut Fx<'_>, id: u64, until: Instant) {
        let Some(lookup) = self.active.get_mut(&id) else { return };
        let Phase::Waiting(wake) = lookup.phase else { return };
        let later = patience(lookup).map_or(until, |patience| patience.min(until));
        if later > wake {
            lookup.phase = Phase::Waiting(later);
            fx.wake_at(later, Timer::Lookup(id));
        }
    }
}

/// When the first of its callers has waited long enough.
fn patience(lookup: &Lookup) -> Option<Instant> {
    lookup.callers.iter().filter_map(|caller| caller.waits_until).min()
}
