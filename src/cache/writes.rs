//! Writes: a caller learns that its write is in the store, or gets an error that says why it is not. A write waits for the
//! store within its budget. A write that was refused for the moment or never sent goes out again; a delete always does, a
//! `set` that may have run never does.
//!
//! Driver contract: [`Writes::begin`] for a call, [`Writes::resume`] when a node accepts writes again. A write that runs out of its budget
//! leaves its invalidations as `Handoff::Undelivered`, and [`Writes::give_up`] ends it.

use std::sync::Arc;
use std::time::Duration;

use super::caller::EntryOptions;
use super::effects::{Fx, Outbox};
use super::handoff::{Handoff, OverdueWrite};
use super::lookup::keys_of;
use super::marks::Mark;
use super::names::Repo;
use super::pattern_scan::{PatternScan, ScanStep};
use super::purpose::{ForWrite, Purpose, WriteStep};
use super::request::{CallId, Decision, Payload, Request};
use super::tags::normalize;
use super::targets::Targets;
use super::timers::{Numbered, Timer};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::entry::{self, Header, Tag};
use crate::store::nodes::Invalidation;
use crate::store::{Answer, Id, Key, Op, StoreError, Ticket, Value};

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

#[derive(Debug)]
enum Job {
    Set {
        repo: Arc<Repo>,
        entry: Key,
        options: EntryOptions,
        payload: Payload,
        captured: Vec<(Tag, Id)>,
    },
    Delete {
        entries: Vec<Key>,
    },
    /// The keys of versions and counters; the first `marks` of them are marks.
    Invalidate {
        tags: Vec<(Key, Key)>,
        marks: usize,
    },
    Pattern {
        scan: PatternScan,
    },
}

impl Job {
    fn of(repo: &Arc<Repo>, request: Request, is_cluster: bool) -> Option<Self> {
        let names = &repo.names;
        Some(match request {
            Request::Set { key, ttl, keep, fresh, payload, tags } => {
                let options = EntryOptions::new(ttl, fresh, keep, tags);
                Self::Set { repo: Arc::clone(repo), entry: names.entry(&key), options, payload, captured: Vec::new() }
            }
            Request::Delete { keys } => {
                let mut entries: Vec<Key> = keys.iter().map(|key| names.entry(key)).collect();
                entries.sort_unstable();
                entries.dedup();
                Self::Delete { entries }
            }
            Request::InvalidateTags { tags } => {
                let tags = normalize(tags);
                // Loads that bring tags with their results learn from the marks that a tag was invalidated. They come first: one server changes
                // them before the tags (`results`).
                let marks = normalize(tags.iter().map(|tag| Mark::AnyTag.of(&names.version(tag), is_cluster)).collect());
                Self::Invalidate {
                    marks: marks.len(),
                    tags: marks.iter().chain(&tags).map(|tag| (names.version(tag), names.counter(tag))).collect(),
                }
            }
            Request::DeletePattern { glob } => Self::Pattern { scan: PatternScan::new(names.pattern(&glob)) },
            _ => return None,
        })
    }

    /// The keys whose nodes it needs.
    fn keys(&self) -> Vec<Key> {
        match self {
            Self::Set { repo, entry, options, .. } => keys_of(repo, entry, &options.tags),
            Self::Delete { entries } => entries.clone(),
            Self::Invalidate { tags, .. } => tags.iter().map(|(version, _)| version.clone()).collect(),
            // All nodes.
            Self::Pattern { .. } => Vec::new(),
        }
    }

    /// The keys whose values it changes; `None`: they are not known.
    fn changes(&self) -> Option<Vec<Key>> {
        match self {
            Self::Set { entry, .. } => Some(vec![entry.clone()]),
            Self::Delete { entries } => Some(entries.clone()),
            Self::Invalidate { tags, .. } => Some(tags.iter().map(|(version, _)| version.clone()).collect()),
            Self::Pattern { .. } => None,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Delete { entries } => entries.is_empty(),
            Self::Invalidate { tags, .. } => tags.is_empty(),
            _ => false,
        }
    }

    fn invalidations(&self) -> Vec<Invalidation> {
        match self {
            Self::Delete { entries } => entries.iter().cloned().map(Invalidation::Entry).collect(),
            Self::Invalidate { tags, marks } => {
                let (marks, tags) = tags.split_at(*marks);
                let marks = marks.iter().cloned().map(|(version, counter)| Invalidation::Mark(version, counter));
                marks.chain(tags.iter().cloned().map(|(version, counter)| Invalidation::Tag(version, counter))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The next operation. It draws new random values for every attempt.
    fn next(&mut self, fx: &mut Fx<'_>, lease: Duration, epoch: u64) -> (Op, WriteStep) {
        match self {
            Self::Set { repo, options, captured, .. } if captured.len() < options.tags.len() => {
                (fx.ensure(repo, &options.tags, options, lease), WriteStep::Ensure)
            }
            Self::Set { entry, options, payload, captured, .. } => {
                let EntryOptions { ttl, fresh, keep, .. } = *options;
                let header = Header { stamp: Id::draw(fx.entropy), ttl, fresh, keep, tags: captured, added: 0, form: payload.form() };
                let value = Value::new(entry::encode(&header, payload.as_bytes()).0);
                (Op::Set { entry: entry.clone(), value, life: options.life() }, WriteStep::Set)
            }
            Self::Delete { entries } => (Op::Delete { entries: entries.clone() }, WriteStep::Delete),
            Self::Invalidate { tags, .. } => (Op::Invalidate { tags: tags.clone() }, WriteStep::Invalidate),
            Self::Pattern { scan } => (scan.scan(epoch), WriteStep::Scan(epoch)),
        }
    }
}

impl Write {
    fn is_in_flight(&self) -> bool {
        self.in_flight.is_some() || matches!(&self.job, Job::Pattern { scan } if scan.is_unlinking())
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
}

impl Writes {
    pub(super) fn new(budget: Duration, lease: Duration) -> Self {
        Self { budget, lease, active: Numbered::default() }
    }

    /// A call that writes.
    pub(super) fn begin(&mut self, fx: &mut Fx<'_>, call: CallId, repo: &Arc<Repo>, request: Request, targets: Targets<'_>) {
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
        let Some(write) = self.active.get_mut(&id).filter(|write| write.in_flight.is_none()) else { return };
        let target = targets.of(|| write.job.keys());
        if !target.may_write {
            return;
        }
        write.retry_at = None;
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
        let Some(write) = self.active.get_mut(&id) else { return };
        write.in_flight = None;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.on_failed(fx, id, step, &error),
        };
        match (&mut write.job, answer) {
            (Job::Set { options, captured, .. }, Answer::Ensured(ids)) if ids.len() == options.tags.len() => {
                *captured = options.tags.iter().cloned().zip(ids).collect();
                self.advance(fx, id, targets);
            }
            (Job::Set { repo, payload, .. }, Answer::Done) => {
                fx.packed(repo.id, payload);
                self.done(fx.out, id, 0);
            }
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
                let at = fx.now + RETRY_AFTER;
                write.retry_at = Some(at);
                fx.wake_at(at, Timer::Write(id));
            }
            return;
        }
        let kind = match error {
            StoreError::Refused(_) | StoreError::Redirected(_) => ErrorKind::Reply,
            StoreError::Cut { .. } | StoreError::NotSent => ErrorKind::Aborted,
            StoreError::Unexpected => ErrorKind::Protocol,
        };
        let error = Error::new(kind, error.to_string()).maybe_executed(error.is_maybe_executed() && step != WriteStep::Ensure);
        let error = error.at(fx.out.place.clone());
        self.fail(fx.out, id, error, false);
    }

    /// The server has been silent about this operation for too long. `sent`: the operation, if its answer may still come.
    pub(super) fn on_silence(&mut self, fx: &mut Fx<'_>, asked: ForWrite, sent: Option<Ticket>) {
        let ForWrite { write: id, step } = asked;
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
        let mut waiting: Vec<u64> = self.active.iter().filter(|(_, write)| write.in_flight.is_none()).map(|(id, _)| *id).collect();
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
