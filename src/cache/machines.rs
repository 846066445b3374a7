//! The machines of the engine, and which of them takes an answer, a silence or a timer.

use super::config::EngineConfig;
use super::effects::Fx;
use super::ids::CallId;
use super::inspections::Inspections;
use super::loads::Loads;
use super::lookups::Lookups;
use super::placement::Placements;
use super::purpose::Purpose;
use super::refresh::Refreshes;
use super::tag_addition::TagAdditions;
use super::targets::Targets;
use super::timers::Timer;
use super::uncached::Uncached;
use super::writes::Writes;
use crate::clock::Instant;
use crate::store::{Answer, StoreError, Ticket};

/// The machines.
#[derive(Debug)]
pub(super) struct Machines {
    pub lookups: Lookups,
    pub placements: Placements,
    pub loads: Loads,
    pub uncached: Uncached,
    pub refreshes: Refreshes,
    pub additions: TagAdditions,
    pub writes: Writes,
    pub inspections: Inspections,
}

impl Machines {
    pub(super) fn new(config: &EngineConfig) -> Self {
        Self {
            lookups: Lookups::new(config.lookups()),
            placements: Placements::new(config.lease),
            loads: Loads::new(config.loads()),
            uncached: Uncached::new(),
            refreshes: Refreshes::new(config.refreshes()),
            additions: TagAdditions::new(),
            writes: Writes::new(config.write_timeout, config.lease),
            inspections: Inspections::new(config.write_timeout, config.swr),
        }
    }

    /// The store's answer.
    pub(super) fn on_answer(
        &mut self,
        fx: &mut Fx<'_>,
        targets: Targets<'_>,
        ticket: Ticket,
        purpose: Purpose,
        answer: Result<Answer, StoreError>,
    ) {
        match purpose {
            Purpose::Unobserved => {}
            Purpose::Prolong(key, id, at) => fx.out.lives(&key, id, at, &answer),
            Purpose::Lookup(asked) => self.lookups.on_answer(fx, ticket, asked, answer),
            Purpose::Placement(asked) => self.placements.on_answer(fx, ticket, asked, answer),
            Purpose::Load(asked) => self.loads.on_answer(fx, asked, answer),
            Purpose::Refresh(asked) => self.refreshes.on_answer(fx, asked, answer),
            Purpose::TagAddition(asked) => self.additions.on_answer(fx, asked, answer),
            Purpose::Write(asked) => self.writes.on_answer(fx, asked, answer, targets),
            Purpose::Inspection(id) => {
                let loads = &self.loads;
                self.inspections.on_answer(fx, id, answer, targets, &|token| loads.of_token(&token).is_some());
            }
        }
    }

    /// The server has been silent about an operation for too long. `was_sent`: its answer may still come.
    pub(super) fn on_silence(&mut self, fx: &mut Fx<'_>, ticket: Ticket, purpose: &Purpose, was_sent: bool) {
        match purpose {
            Purpose::Unobserved | Purpose::Prolong(..) => {}
            Purpose::Lookup(asked) => self.lookups.on_silence(fx, ticket, asked),
            Purpose::Placement(asked) => self.placements.on_silence(fx, ticket, asked),
            Purpose::Load(asked) => self.loads.on_silence(fx, asked),
            Purpose::Refresh(asked) => self.refreshes.on_silence(fx, asked),
            Purpose::TagAddition(asked) => self.additions.on_silence(fx, asked),
            Purpose::Inspection(id) => self.inspections.on_silence(fx, *id),
            Purpose::Write(asked) => self.writes.on_silence(fx, *asked, was_sent.then_some(ticket)),
        }
    }

    /// A time has come.
    pub(super) fn on_timer(&mut self, fx: &mut Fx<'_>, targets: Targets<'_>, timer: Timer) {
        match timer {
            Timer::Lookup(id) => self.lookups.on_timer(fx, id),
            Timer::Load(id) => {
                let may_write = self.loads.entry_of(id).is_some_and(|entry| targets.of(|| vec![entry.clone()]).may_write);
                self.loads.on_timer(fx, id, may_write);
            }
            Timer::Uncached(id) => self.uncached.on_timer(fx, id),
            Timer::Write(id) => self.writes.on_timer(fx, id, targets),
            Timer::Inspection(id) => self.inspections.on_timer(fx, id, targets),
            Timer::Ages => {
                self.loads.on_ages(fx);
                self.uncached.on_ages(fx);
                fx.out.ages_seen(fx.now);
            }
            Timer::Node => {}
        }
    }

    /// Whether a timer that was set for `when` still means something.
    pub(super) fn is_live(&self, when: Instant, timer: Timer) -> bool {
        match timer {
            Timer::Lookup(id) => self.lookups.is_live(id, when),
            Timer::Load(id) => self.loads.has(id),
            Timer::Uncached(id) => self.uncached.has(id),
            Timer::Write(id) => self.writes.is_live(id),
            Timer::Inspection(id) => self.inspections.is_live(id),
            Timer::Ages | Timer::Node => true,
        }
    }

    /// An inspection met a value with another replication id. `is_read_again`: so are the ids, and so is all that it has read.
    pub(super) fn on_foreign_inspected(&mut self, fx: &mut Fx<'_>, targets: Targets<'_>, id: u64, is_read_again: bool) {
        if is_read_again {
            self.inspections.look_again(fx, id, targets);
        } else {
            let loads = &self.loads;
            self.inspections.judge(fx, id, &|token| loads.of_token(&token).is_some());
        }
    }

    /// The caller has given a call up.
    pub(super) fn cancel(&mut self, call: CallId) {
        let _is_found = self.lookups.cancel(call) || self.placements.cancel(call) || self.loads.cancel(call) || self.uncached.cancel(call);
        self.additions.cancel(call);
        self.writes.cancel(call);
        self.inspections.cancel(call);
    }

    /// The caller would rather have a stale value than wait any longer.
    pub(super) fn soften(&mut self, fx: &mut Fx<'_>, call: CallId) {
        let told = self.lookups.soften(fx.now, call).or_else(|| self.placements.soften(fx.now, call));
        let told = told.or_else(|| self.loads.soften(fx.now, call)).or_else(|| self.uncached.soften(fx.now, call));
        told.into_iter().flatten().for_each(|decision| fx.out.decide(decision));
    }

    /// Whether a call may have to wait for its node.
    pub(super) fn is_waiting(&self) -> bool {
        self.lookups.has_queued() || !self.writes.is_empty() || !self.inspections.is_empty()
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        let reads = self.lookups.is_empty() && self.placements.is_empty() && self.loads.is_empty() && self.uncached.is_empty();
        reads && self.refreshes.is_empty() && self.additions.is_empty() && self.writes.is_empty() && self.inspections.is_empty()
    }
}
