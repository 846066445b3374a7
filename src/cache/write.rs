//! Writes: what a caller is told is in the store, or an error says why not. Waits for the store within its budget; what was
//! refused or never sent goes out again, a delete in any case, a `set` that may have run never.

use std::time::Duration;

use super::debts::Debt;
use super::engine::{Awaited, Context, Engine};
use super::read::Terms;
use super::request::{CallId, Decision, RepoId, Request};
use super::tags::normalize;
use super::timers::Timer;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::entry::{self, Header, Tag};
use crate::store::{Id, Key, Op, StoreError, StoreReply, Ticket, Value};

/// How long after a refusal that passes a write is sent again.
const RETRY: Duration = Duration::from_millis(50);

/// A write under way.
#[derive(Debug)]
pub(super) struct Write {
    /// `None`: its caller has given up.
    pub call: Option<CallId>,
    repo: RepoId,
    job: Job,
    deadline: Instant,
    /// The operation whose answer is due, and whether it may have changed anything.
    in_flight: Option<(Ticket, Step)>,
    /// When it is sent again.
    retry_at: Option<Instant>,
}

#[derive(Debug)]
enum Job {
    Set { entry: Key, terms: Terms, payload: Vec<u8>, captured: Vec<(Tag, Id)> },
    Delete { entries: Vec<Key> },
    Invalidate { tags: Vec<(Key, Key)> },
    Pattern(Sweep),
}

/// A walk through the keys.
#[derive(Debug)]
struct Sweep {
    pattern: Vec<u8>,
    cursor: Vec<u8>,
    /// Whether the last step of the scan was answered.
    is_scanned: bool,
    /// Deletions whose answers are due.
    unlinking: u32,
    deleted: u64,
    /// The link and reign it began on.
    epoch: u64,
}

/// What an answer of the store was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Ensure,
    Set,
    Delete,
    Invalidate,
    /// Of the scan that began in this epoch.
    Scan(u64),
    Unlink(u64),
}

impl Engine {
    pub(super) fn begin_write(&mut self, cx: &mut Context<'_>, call: CallId, repo: RepoId, request: Request) {
        let Some(names) = self.names(repo) else { return };
        let job = match request {
            Request::Set { key, ttl, keep, fresh, payload, tags } => {
                let fresh = fresh.map_or(ttl, |fresh| fresh.min(ttl));
                let terms = Terms { ttl, fresh, keep: keep.unwrap_or_default(), tags: normalize(tags) };
                Job::Set { entry: names.entry(&key), terms, payload, captured: Vec::new() }
            }
            Request::Delete { keys } => {
                let mut entries: Vec<Key> = keys.iter().map(|key| names.entry(key)).collect();
                entries.sort_unstable();
                entries.dedup();
                Job::Delete { entries }
            }
            Request::InvalidateTags { tags } => {
                Job::Invalidate { tags: normalize(tags).iter().map(|tag| (names.version(tag), names.counter(tag))).collect() }
            }
            Request::DeletePattern { glob } => Job::Pattern(Sweep::new(names.pattern(&glob))),
            _ => return,
        };
        if matches!(&job, Job::Delete { entries } if entries.is_empty()) || matches!(&job, Job::Invalidate { tags } if tags.is_empty()) {
            return self.decide(Decision::Done { call, number: 0 });
        }
        let id = self.number();
        let deadline = cx.now + self.config.write_timeout;
        self.timers.set(deadline, Timer::Write(id));
        self.writes.insert(id, Write { call: Some(call), repo, job, deadline, in_flight: None, retry_at: None });
        self.advance(cx, id);
    }

    /// Sends the next operation of a write, if the store is there and none is under way.
    fn advance(&mut self, cx: &mut Context<'_>, id: u64) {
        let (reign, epoch) = (self.link.reign(), self.link.epoch);
        let is_identified = self.link.is_identified();
        let Some(write) = self.writes.get_mut(&id).filter(|write| is_identified && write.in_flight.is_none()) else { return };
        write.retry_at = None;
        let repo = write.repo;
        let (op, step) = match &mut write.job {
            Job::Set { terms, captured, .. } if captured.len() < terms.tags.len() => {
                let (tags, terms) = (terms.tags.clone(), terms.clone());
                let Some(names) = self.names(repo) else { return };
                // Fresh randoms for every attempt.
                let items = tags.iter().map(|tag| (names.version(tag), Id::draw(cx.entropy))).collect();
                (Op::Ensure { items, need: self.need(&terms), reign }, Step::Ensure)
            }
            Job::Set { entry, terms, payload, captured } => {
                let Terms { ttl, fresh, keep, .. } = *terms;
                let header = Header { stamp: Id::draw(cx.entropy), origin: reign.origin, ttl, fresh, keep, tags: captured };
                let value = Value::new(entry::encode(&header, payload).0);
                (Op::Set { entry: entry.clone(), value, life: terms.life() }, Step::Set)
            }
            Job::Delete { entries } => (Op::Delete { entries: entries.clone() }, Step::Delete),
            Job::Invalidate { tags } => (Op::Invalidate { tags: tags.clone() }, Step::Invalidate),
            Job::Pattern(sweep) => {
                if sweep.epoch != epoch {
                    // Another server, or other data: what a cursor says there means nothing.
                    *sweep = Sweep { deleted: sweep.deleted, epoch, ..Sweep::new(std::mem::take(&mut sweep.pattern)) };
                }
                (Op::Scan { cursor: sweep.cursor.clone(), pattern: sweep.pattern.clone() }, Step::Scan(epoch))
            }
        };
        let ticket = self.send(op, Awaited::Write(id, step));
        let Some(write) = self.writes.get_mut(&id) else { return };
        write.in_flight = Some((ticket, step));
        if let (Step::Set, Job::Set { entry, captured, .. }) = (step, &write.job) {
            let (entry, captured) = (entry.clone(), captured.clone());
            self.count(repo, entry, &captured);
        }
    }

    pub(super) fn on_written(&mut self, cx: &mut Context<'_>, id: u64, step: Step, answer: Result<StoreReply, StoreError>) {
        let Some(write) = self.writes.get_mut(&id) else { return };
        if let Step::Unlink(epoch) = step {
            return self.on_unlinked(cx, id, epoch, answer);
        }
        write.in_flight = None;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.write_failed(cx, id, step, &error),
        };
        match (&mut write.job, answer) {
            (Job::Set { terms, captured, .. }, StoreReply::Ensured(ids)) if ids.len() == terms.tags.len() => {
                *captured = terms.tags.iter().cloned().zip(ids).collect();
                self.advance(cx, id);
            }
            (Job::Set { .. }, StoreReply::Done) => self.write_done(id, 0),
            (_, StoreReply::Number(number)) => self.write_done(id, number),
            (Job::Pattern(sweep), StoreReply::Scanned { cursor, keys }) => {
                if step != Step::Scan(sweep.epoch) {
                    return self.advance(cx, id);
                }
                sweep.is_scanned = cursor == b"0";
                sweep.cursor = cursor;
                self.sweep_on(cx, id, keys);
            }
            _ => self.write_failed(cx, id, step, &StoreError::Unexpected),
        }
    }

    /// Deletes what a step of the scan found, and takes the next step.
    fn sweep_on(&mut self, cx: &mut Context<'_>, id: u64, keys: Vec<Key>) {
        let epoch = self.link.epoch;
        // A step that was answered is progress: its budget is that of one step.
        let deadline = cx.now + self.config.write_timeout;
        let Some(write) = self.writes.get_mut(&id) else { return };
        write.deadline = deadline;
        self.timers.set(deadline, Timer::Write(id));
        let Job::Pattern(sweep) = &mut write.job else { return };
        let is_stale = sweep.epoch != epoch;
        if !keys.is_empty() && !is_stale {
            sweep.unlinking += 1;
            self.send(Op::Unlink { keys }, Awaited::Write(id, Step::Unlink(epoch)));
        }
        self.sweep_next(cx, id);
    }

    fn sweep_next(&mut self, cx: &mut Context<'_>, id: u64) {
        let epoch = self.link.epoch;
        let Some(Job::Pattern(sweep)) = self.writes.get(&id).map(|write| &write.job) else { return };
        if !sweep.is_scanned || sweep.epoch != epoch {
            self.advance(cx, id);
        } else if sweep.unlinking == 0 {
            let deleted = sweep.deleted;
            self.write_done(id, deleted);
        }
    }

    fn on_unlinked(&mut self, cx: &mut Context<'_>, id: u64, epoch: u64, answer: Result<StoreReply, StoreError>) {
        let Some(Job::Pattern(sweep)) = self.writes.get_mut(&id).map(|write| &mut write.job) else { return };
        if let Ok(StoreReply::Number(number)) = answer {
            sweep.deleted += number;
        }
        if sweep.epoch != epoch {
            return;
        }
        sweep.unlinking -= 1;
        match answer {
            Ok(_) => {
                if self.writes.get(&id).is_some_and(|write| write.in_flight.is_none()) {
                    self.sweep_next(cx, id);
                }
            }
            Err(error) => {
                // What it was to delete may be there still: from the start again.
                sweep.epoch = 0;
                if self.writes.get(&id).is_some_and(|write| write.in_flight.is_none()) {
                    self.write_failed(cx, id, Step::Unlink(epoch), &error);
                }
            }
        }
    }

    /// An operation of a write has no answer: sends it again if that is allowed, gives the write up otherwise.
    fn write_failed(&mut self, cx: &mut Context<'_>, id: u64, step: Step, error: &StoreError) {
        let is_open = step == Step::Set && error.is_maybe_executed();
        if error.is_passing() && !is_open {
            let at = cx.now + RETRY;
            if let Some(write) = self.writes.get_mut(&id) {
                write.retry_at = Some(at);
                self.timers.set(at, Timer::Write(id));
            }
            return;
        }
        let kind = match error {
            StoreError::Refused(_) => ErrorKind::Reply,
            StoreError::Cut { .. } | StoreError::NotSent => ErrorKind::Aborted,
            StoreError::Unexpected => ErrorKind::Protocol,
        };
        let error = Error::new(kind, error.to_string()).maybe_executed(error.is_maybe_executed() && step != Step::Ensure);
        self.write_error(id, error, false);
    }

    pub(super) fn write_due(&mut self, cx: &mut Context<'_>, id: u64) {
        let Some(write) = self.writes.get_mut(&id) else { return };
        if write.deadline > cx.now {
            if write.retry_at.is_some_and(|at| at <= cx.now) {
                self.advance(cx, id);
            }
            return;
        }
        let in_flight = write.in_flight;
        let debts: Vec<Debt> = match &write.job {
            Job::Delete { entries } => entries.iter().cloned().map(Debt::Entry).collect(),
            Job::Invalidate { tags } => tags.iter().cloned().map(|(version, counter)| Debt::Tag(version, counter)).collect(),
            _ => Vec::new(),
        };
        let kept = !debts.is_empty() && self.owe(cx, debts, in_flight.map(|(ticket, _)| ticket));
        self.trust(cx);
        let is_open = in_flight.is_some_and(|(_, step)| step != Step::Ensure);
        let text = match (in_flight.is_some(), kept) {
            (true, false) => "the server has not answered in time",
            (false, false) => "the server could not be reached in time",
            (_, true) => "the server could not be reached in time; it will be told as soon as it can be",
        };
        self.write_error(id, Error::new(ErrorKind::Timeout, text).maybe_executed(is_open), kept);
    }

    /// The store is there again.
    pub(super) fn resume_writes(&mut self, cx: &mut Context<'_>) {
        let mut waiting: Vec<u64> = self.writes.iter().filter(|(_, write)| write.in_flight.is_none()).map(|(id, _)| *id).collect();
        waiting.sort_unstable();
        for id in waiting {
            self.advance(cx, id);
        }
    }

    fn write_done(&mut self, id: u64, number: u64) {
        if let Some(call) = self.writes.remove(&id).and_then(|write| write.call) {
            self.decide(Decision::Done { call, number });
        }
    }

    fn write_error(&mut self, id: u64, error: Error, kept: bool) {
        if let Some(call) = self.writes.remove(&id).and_then(|write| write.call) {
            self.decide(Decision::Error { call, error, kept });
        }
    }
}

impl Sweep {
    fn new(pattern: Vec<u8>) -> Self {
        Self { pattern, cursor: b"0".to_vec(), is_scanned: false, unlinking: 0, deleted: 0, epoch: 0 }
    }
}
