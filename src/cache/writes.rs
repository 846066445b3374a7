//! Writes: a caller learns that its write is in the store, or gets an error that says why it is not. A write waits for the
//! store within its budget. A write that was refused for the moment or never sent goes out again; a delete always does, a
//! `set` that may have run never does.
//!
//! Driver contract: [`Writes::begin`] for a call, [`Writes::resume`] when a node accepts writes again. A write that runs out of its budget
//! leaves its invalidations as `Handoff::Undelivered`, and [`Writes::give_up`] ends it.

use std::sync::Arc;
use std::time::Duration;

use super::checks::{Checked, Checks};
use super::decision::Decision;
use super::effects::{Fx, Outbox};
use super::handoff::{Handoff, OverdueWrite};
use super::ids::CallId;
use super::job::Job;
use super::names::Repo;
use super::pattern_scan::ScanStep;
use super::purpose::{ForWrite, Purpose, WriteStep};
use super::request::Request;
use super::targets::Targets;
use super::timers::{Numbered, Timer};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::{Answer, StoreError, Ticket};

/// How long after a refusal that may pass a write is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// A write under way.
#[derive(Debug)]
struct Write {
    /// `None`: its caller has given up.
    call: Option<CallId>,
    job: Job,
    /// Attentive waiting (`store::node::Attention`) after which it does not wait any longer for a node that takes no writes. What was
    /// sent has its own budget of silence.
    give_up_at: Duration,
    /// The operation whose answer is due.
    in_flight: Option<(Ticket, WriteStep)>,
    /// When it is sent again.
    retry_at: Option<Instant>,
}

impl Write {
    fn is_in_flight(&self) -> bool {
        !self.may_be_sent() || matches!(&self.job, Job::Pattern { scan } if scan.is_unlinking())
    }

    /// Whether its next operation does not have to wait for an answer.
    fn may_be_sent(&self) -> bool {
        self.in_flight.is_none() && !self.job.is_checking()
    }
}

/// The writes of one process.
#[derive(Debug)]
pub(super) struct Writes {
    /// Budget of a write; of each step of a scan.
    budget: Duration,
    /// How long a lease lives.
    lease: Duration,
    active: Numbered<u64, Write>,
    checks: Checks,
}

impl Writes {
    pub(super) fn new(budget: Duration, lease: Duration) -> Self {
        Self { budget, lease, active: Numbered::default(), checks: Checks::default() }
    }

    /// A call that writes.
    pub(super) fn begin(&mut self, fx: &mut Fx<'_>, call: CallId, repo: &Arc<Repo>, request: Request, targets: Targets<'_>) {
        if request == Request::Clear {
            for own in repo.own_versions(fx.is_cluster) {
                fx.latest.forget(&own.key);
            }
        }
        let Some(job) = Job::of(repo, request, fx.is_cluster) else { return };
        if job.is_empty() {
            return fx.decide(Decision::Done { call, number: 0 });
        }
        let id = fx.number();
        if !targets.of(|| job.keys()).may_write {
            fx.wake_after(self.budget, Timer::Write(id));
        }
        let give_up_at = fx.attended + self.budget;
        self.active.insert(id, Write { call: Some(call), job, give_up_at, in_flight: None, retry_at: None });
        self.advance(fx, id, targets);
    }

    /// Sends the next operation of a write, if its node accepts writes and no operation is under way.
    fn advance(&mut self, fx: &mut Fx<'_>, id: u64, targets: Targets<'_>) {
        let Some(write) = self.active.get_mut(&id).filter(|write| write.may_be_sent()) else { return };
        let target = targets.of(|| write.job.keys());
        if !target.may_write {
            return;
        }
        write.retry_at = None;
        if let Some((own, options)) = write.job.takes_a_guess() {
            let guess = self.checks.join(fx, id, own, options, self.lease);
            write.job.guess(guess);
        }
        let (op, step) = write.job.next(fx, self.lease, target.epoch);
        let ticket = fx.send(op, Purpose::Write(ForWrite { write: id, step }));
        write.in_flight = Some((ticket, step));
        if let (WriteStep::Set, Job::Set { repo, entry, captured, .. }) = (step, &write.job) {
            fx.count(repo, entry.clone(), captured);
        }
    }

    /// The store's answer.
    pub(super) fn on_answer(&mut self, fx: &mut Fx<'_>, asked: ForWrite, answer: Result<Answer, StoreError>, targets: Targets<'_>) {
        let ForWrite { write: id, step } = asked;
        if let WriteStep::Unlink(epoch) = step {
            return self.on_unlinked(fx, id, epoch, answer, targets);
        }
        if step == WriteStep::Check {
            return self.on_checked(fx, id, answer, targets);
        }
        let Some(write) = self.active.get_mut(&id) else { return };
        write.in_flight = None;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.on_failed(fx, id, step, &error),
        };
        match (&mut write.job, answer) {
            (Job::Set { options, captured, .. }, Answer::Ensured(ids)) if ids.len() == options.tags.len() => {
                captured.truncate(1);
                captured.extend(options.tags.iter().cloned().zip(ids));
                self.on_set(fx, id, targets);
            }
            (Job::Set { .. }, Answer::Done) => self.on_set(fx, id, targets),
            (_, Answer::Number(number)) => self.done(fx.out, id, number),
            // The scan has begun again meanwhile.
            (Job::Pattern { scan }, Answer::Scanned { .. }) if step != WriteStep::Scan(scan.epoch()) => self.advance(fx, id, targets),
            (Job::Pattern { scan }, Answer::Scanned { cursor, keys }) => {
                // A step that was answered is progress: the next one has the whole budget.
                write.give_up_at = fx.attended + self.budget;
                let epoch = scan.epoch();
                if let Some(unlink) = scan.on_scanned(cursor, keys, targets.of(Vec::new).epoch) {
                    fx.send(unlink, Purpose::Write(ForWrite { write: id, step: WriteStep::Unlink(epoch) }));
                }
                self.scan_on(fx, id, targets);
            }
            _ => self.on_failed(fx, id, step, &StoreError::Unexpected),
        }
    }

    /// A check has its outcome.
    fn on_checked(&mut self, fx: &mut Fx<'_>, check: u64, answer: Result<Answer, StoreError>, targets: Targets<'_>) {
        let (writes, outcome) = self.checks.on_answer(fx, check, answer);
        for id in writes {
            let Some(Write { job: Job::Set { checked, .. }, in_flight, .. }) = self.active.get_mut(&id) else { continue };
            if *checked == Checked::Due {
                *checked = outcome.clone();
                if in_flight.is_none() {
                    self.on_set(fx, id, targets);
                }
            }
        }
    }

    /// A value without tags is stored, or the versions of a value's tags are known. Whatever comes next waits for the check. A value that
    /// was stored with a version of the repository that is not the current one is stored again.
    fn on_set(&mut self, fx: &mut Fx<'_>, id: u64, targets: Targets<'_>) {
        let Some(Write { job: Job::Set { repo, options, payload, captured, checked, .. }, .. }) = self.active.get_mut(&id) else { return };
        match (std::mem::take(checked), captured.first_mut()) {
            (Checked::Due, _) => *checked = Checked::Due,
            (Checked::Current(current), Some((_, own))) if *own != current || !options.tags.is_empty() => {
                *own = current;
                self.advance(fx, id, targets);
            }
            (Checked::None | Checked::Current(_), _) => {
                fx.packed(repo.id, payload);
                self.done(fx.out, id, 0);
            }
            // It begins again.
            (Checked::Lost(error), _) => {
                captured.clear();
                self.on_failed(fx, id, WriteStep::Check, &error);
            }
        }
    }

    /// The calls of the tick leave.
    pub(super) fn seal(&mut self) {
        self.checks.seal();
    }

    fn scan_on(&mut self, fx: &mut Fx<'_>, id: u64, targets: Targets<'_>) {
        let Some(Job::Pattern { scan }) = self.active.get(&id).map(|write| &write.job) else { return };
        match scan.next(targets.of(Vec::new).epoch) {
            ScanStep::Scan => self.advance(fx, id, targets),
            ScanStep::Done(deleted) => self.done(fx.out, id, deleted),
            ScanStep::Wait => {}
        }
    }

    fn on_unlinked(&mut self, fx: &mut Fx<'_>, id: u64, epoch: u64, answer: Result<Answer, StoreError>, targets: Targets<'_>) {
        let Some(write) = self.active.get_mut(&id) else { return };
        let Job::Pattern { scan } = &mut write.job else { return };
        let number = answer.as_ref().ok().map(|answer| if let Answer::Number(number) = answer { *number } else { 0 });
        let counts = scan.on_unlinked(epoch, number);
        if !counts || write.in_flight.is_some() {
            return;
        }
        match answer {
            Ok(_) => self.scan_on(fx, id, targets),
            Err(error) => self.on_failed(fx, id, WriteStep::Unlink(epoch), &error),
        }
    }

    /// An operation of a write has no answer: sends it again if that is allowed, and gives the write up otherwise.
    fn on_failed(&mut self, fx: &mut Fx<'_>, id: u64, step: WriteStep, error: &StoreError) {
        let is_open = step == WriteStep::Set && error.is_maybe_executed();
        if error.is_passing() && !is_open {
            if let Some(write) = self.active.get_mut(&id) {
                write.job.forget_guess();
                let at = fx.now + RETRY_AFTER;
                write.retry_at = Some(at);
                fx.wake_at(at, Timer::Write(id));
            }
            return;
        }
        let is_sent = self.active.get(&id).is_some_and(|write| write.job.is_sent());
        let kind = match error {
            StoreError::Refused(_) | StoreError::Redirected(_) => ErrorKind::Reply,
            StoreError::Cut { .. } | StoreError::NotSent => ErrorKind::Aborted,
            StoreError::Unexpected => ErrorKind::Protocol,
        };
        let error = Error::new(kind, error.to_string()).maybe_executed(match step {
            WriteStep::Ensure => false,
            // A value that has left is there, if only with a version that may be the current one.
            WriteStep::Check => is_sent,
            _ => error.is_maybe_executed(),
        });
        let error = error.at(fx.out.place.clone());
        self.fail(fx.out, id, error, false);
    }

    /// The server has been silent about this operation for too long. `sent`: the operation, if its answer may still come.
    pub(super) fn on_silence(&mut self, fx: &mut Fx<'_>, asked: ForWrite, sent: Option<Ticket>) {
        let ForWrite { write: id, step } = asked;
        if step == WriteStep::Check {
            for id in self.checks.give_up(id) {
                let Some(Write { job: Job::Set { checked, is_sent, .. }, in_flight, .. }) = self.active.get_mut(&id) else { continue };
                if in_flight.is_some() {
                    // It meets the same silence, or begins again.
                    *checked = Checked::Lost(StoreError::NotSent);
                    continue;
                }
                // What was set may be there, with a version that may be the current one.
                let overdue = OverdueWrite { write: id, in_flight: sent, is_open: *is_sent, node: fx.out.place.clone() };
                fx.hand(Handoff::Undelivered(overdue, Vec::new()));
            }
            return;
        }
        let Some(write) = self.active.get(&id) else { return };
        let is_open = sent.is_some() && step != WriteStep::Ensure;
        let overdue = OverdueWrite { write: id, in_flight: sent, is_open, node: fx.out.place.clone() };
        fx.hand(Handoff::Undelivered(overdue, write.job.invalidations()));
    }

    /// It is time to send again, or a write has waited for the store for a while.
    pub(super) fn on_timer(&mut self, fx: &mut Fx<'_>, id: u64, targets: Targets<'_>) {
        let Some(write) = self.active.get(&id).filter(|write| !write.is_in_flight()) else { return };
        let left = write.give_up_at.saturating_sub(fx.attended);
        if left.is_zero() {
            let node = targets.blocked(|| write.job.keys());
            let overdue = OverdueWrite { write: id, in_flight: None, is_open: false, node };
            return fx.hand(Handoff::Undelivered(overdue, write.job.invalidations()));
        }
        fx.wake_after(left, Timer::Write(id));
        if write.retry_at.is_some_and(|at| at <= fx.now) {
            self.advance(fx, id, targets);
        }
    }

    /// The node accepts no writes any more: each write gets a timer for the rest of its budget.
    pub(super) fn on_unwritable(&mut self, fx: &mut Fx<'_>) {
        for (id, write) in &self.active {
            if !write.is_in_flight() {
                fx.wake_after(write.give_up_at.saturating_sub(fx.attended), Timer::Write(*id));
            }
        }
    }

    /// The budget of a write has run out. `kept`: its invalidations will be delivered when the node is back.
    pub(super) fn give_up(&mut self, out: &mut Outbox, overdue: OverdueWrite, kept: bool) {
        let text = match (overdue.in_flight.is_some(), kept) {
            (true, false) => "the server has not answered in time",
            (false, false) => "the server could not be reached in time",
            (_, true) => "the server could not be reached in time; it will be told as soon as it can be",
        };
        let error = Error::new(ErrorKind::Timeout, text).maybe_executed(overdue.is_open).at(overdue.node);
        self.fail(out, overdue.write, error, kept);
    }

    /// The node accepts writes again.
    pub(super) fn resume(&mut self, fx: &mut Fx<'_>, targets: Targets<'_>) {
        let mut waiting: Vec<u64> = self.active.iter().filter(|(_, write)| write.may_be_sent()).map(|(id, _)| *id).collect();
        waiting.sort_unstable();
        for id in waiting {
            self.advance(fx, id, targets);
        }
    }

    fn done(&mut self, out: &mut Outbox, id: u64, number: u64) {
        if let Some(Write { call, job, .. }) = self.active.remove(&id) {
            out.written(|| job.changes(), call.map(|call| Decision::Done { call, number }));
        }
    }

    fn fail(&mut self, out: &mut Outbox, id: u64, error: Error, kept: bool) {
        if let Some(Write { call, job, .. }) = self.active.remove(&id) {
            out.written(|| job.changes(), call.map(|call| Decision::Error { call, error, kept }));
        }
    }

    /// The caller has given up. Its write goes on.
    pub(super) fn cancel(&mut self, call: CallId) {
        for write in self.active.values_mut() {
            write.call.take_if(|own| *own == call);
        }
    }

    /// Whether a timer for this write still means something.
    pub(super) fn is_live(&self, id: u64) -> bool {
        self.active.get(&id).is_some_and(|write| !write.is_in_flight())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }
}

#[cfg(test)]
#[path = "writes_tests.rs"]
mod tests;
