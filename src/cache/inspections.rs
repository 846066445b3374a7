//! Inspections: what is at some keys, and which keys match a pattern, for diagnosis. They read and never write, place no lease, and count
//! as no read of the cache.
//!
//! The values are read first and then the versions of the tags that their headers name, so that a version may condemn an entry. An
//! inspection waits for its node within the budget of a write, and begins again if an answer is lost.
//!
//! Driver contract: [`Inspections::begin`] for a call, [`Inspections::resume`] when a node takes operations again.

use std::sync::Arc;
use std::time::Duration;

use super::decision::Decision;
use super::effects::Fx;
use super::freshness::Overrides;
use super::handoff::Handoff;
use super::ids::CallId;
use super::names::Repo;
use super::payload::Payload;
use super::purpose::Purpose;
use super::report::{report, tags_of, Versions, View};
use super::request::Request;
use super::tag_set::normalize;
use super::targets::Targets;
use super::timers::{Numbered, Timer};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::entry::{self, Tag};
use crate::store::{Answer, Held, Id, Inspected, Key, Op, StoreError};

/// How long after a refusal that may pass, or after a lost answer, an inspection begins again.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// How many bytes of a value are read at first: more than the header of an entry with a few tags.
const HEAD_BYTES: usize = 1 << 10;
/// How many if the header is longer: more than the longest header.
const LONG_HEAD_BYTES: usize = 1 << 18;
/// More than a version has.
const VERSION_BYTES: usize = 64;

/// The state of what an inspection looks at.
#[derive(Debug)]
enum Step {
    Values,
    /// The headers at these places are longer than what was read.
    LongHeads(Vec<usize>),
    Versions(Vec<Tag>),
    /// All is read.
    Judge,
}

#[derive(Debug)]
struct Look {
    repo: Arc<Repo>,
    /// Each as its caller names it, and as the store does.
    keys: Vec<(Vec<u8>, Key)>,
    is_cluster: bool,
    /// Whether the payload is read too.
    in_full: bool,
    overrides: Overrides,
    step: Step,
    found: Vec<Inspected>,
    versions: Versions,
    /// Whether the nodes were asked for their replication ids because of a value with another one.
    is_rechecked: bool,
}

impl Look {
    fn restart(&mut self) {
        self.step = Step::Values;
        self.found.clear();
        self.versions.clear();
    }

    /// The next operation; `None`: all is read.
    fn next(&self) -> Option<Op> {
        let all = || self.keys.iter().map(|(_, key)| key.clone());
        Some(match &self.step {
            Step::Values => Op::Inspect { keys: all().collect(), head_bytes: (!self.in_full).then_some(HEAD_BYTES) },
            Step::LongHeads(places) => {
                let keys = places.iter().filter_map(|place| Some(self.keys.get(*place)?.1.clone())).collect();
                Op::Inspect { keys, head_bytes: Some(LONG_HEAD_BYTES) }
            }
            Step::Versions(tags) => {
                let keys = tags.iter().map(|tag| self.repo.names.version(tag)).collect();
                Op::Inspect { keys, head_bytes: Some(VERSION_BYTES) }
            }
            Step::Judge => return None,
        })
    }

    /// Takes an answer in.
    fn take(&mut self, found: Vec<Inspected>) {
        self.step = match std::mem::replace(&mut self.step, Step::Judge) {
            Step::Values => {
                self.found = found;
                self.found.resize(self.keys.len(), Inspected::default());
                let long = if self.in_full { Vec::new() } else { self.long_heads() };
                if long.is_empty() {
                    self.versions_next()
                } else {
                    Step::LongHeads(long)
                }
            }
            Step::LongHeads(places) => {
                for (place, found) in places.into_iter().zip(found) {
                    self.found[place] = found;
                }
                self.versions_next()
            }
            Step::Versions(tags) => {
                self.versions = tags.into_iter().zip(found).collect();
                Step::Judge
            }
            Step::Judge => Step::Judge,
        };
    }

    /// The places of values of hawser's whose header was cut off.
    fn long_heads(&self) -> Vec<usize> {
        let is_cut = |found: &Inspected| {
            let Held::Text(value) = &found.held else { return false };
            value.len() >= HEAD_BYTES && entry::name(value).is_some() && entry::parse(value).is_none()
        };
        self.found.iter().enumerate().filter(|(_, found)| is_cut(found)).map(|(place, _)| place).collect()
    }

    fn versions_next(&self) -> Step {
        let tags = normalize(self.keys.iter().zip(&self.found).flat_map(|((_, key), found)| tags_of(found, &self.own(key))).collect());
        if tags.is_empty() {
            Step::Judge
        } else {
            Step::Versions(tags)
        }
    }

    /// The name of the version that the repository has for this key.
    fn own(&self, key: &Key) -> Tag {
        self.repo.own_version(key, self.is_cluster).name.clone()
    }

    /// Whether a value or a version carries another replication id than its server's.
    fn meets_foreign(&self) -> bool {
        self.found.iter().chain(self.versions.values()).any(Inspected::is_foreign)
    }

    fn decision(&self, call: CallId, swr: bool, is_own: &impl Fn(Id) -> bool) -> Decision {
        let report = |((name, key), found): (&(Vec<u8>, Key), &Inspected)| {
            let view = View { own: self.own(key), overrides: self.overrides, swr };
            report(name, found, &self.versions, &view, is_own)
        };
        let reports = self.keys.iter().zip(&self.found).map(report).collect();
        let first = self.found.first().filter(|_| self.in_full).and_then(|found| found.held.text());
        let payload = first.and_then(|value| match entry::parse(value)? {
            entry::Stored::Entry(entry) => Some(Payload::of(value, &entry)),
            entry::Stored::Lease(_) => None,
        });
        Decision::Inspected { call, payload, reports }
    }
}

#[derive(Debug)]
enum Job {
    Look(Look),
    Scan {
        repo: Arc<Repo>,
        pattern: Vec<u8>,
        /// As the caller has it: the epoch in which the walk began, and the store's cursor.
        cursor: Vec<u8>,
    },
}

impl Job {
    fn of(repo: &Arc<Repo>, request: Request, is_cluster: bool) -> Option<Self> {
        let repo = Arc::clone(repo);
        Some(match request {
            Request::Inspect { keys, in_full, fresh, max_age, keep } => {
                let overrides = Overrides { fresh, max_age, keep, early: None };
                let keys = keys.into_iter().map(|key| (repo.names.entry(&key), key)).map(|(entry, key)| (key, entry)).collect();
                let (found, versions) = (Vec::new(), Versions::new());
                Self::Look(Look { repo, keys, is_cluster, in_full, overrides, step: Step::Values, found, versions, is_rechecked: false })
            }
            Request::Scan { cursor, glob } => Self::Scan { pattern: repo.names.pattern(&glob), repo, cursor },
            _ => return None,
        })
    }

    /// The keys whose nodes it needs; none: all nodes.
    fn keys(&self) -> Vec<Key> {
        match self {
            Self::Look(look) => look.keys.iter().map(|(_, key)| key.clone()).collect(),
            Self::Scan { .. } => Vec::new(),
        }
    }

    /// The next operation; `None`: all is read. A walk whose cursor is of another epoch begins again.
    fn next(&self, epoch: u64) -> Option<Op> {
        match self {
            Self::Look(look) => look.next(),
            Self::Scan { pattern, cursor, .. } => {
                let own = std::str::from_utf8(cursor).ok().and_then(|text| text.split_once('.'));
                let own = own.filter(|(began, _)| began.parse() == Ok(epoch)).map_or("0", |(_, own)| own);
                Some(Op::Scan { cursor: own.as_bytes().to_vec(), pattern: pattern.clone() })
            }
        }
    }
}

#[derive(Debug)]
struct Inspection {
    call: CallId,
    job: Job,
    /// Attentive waiting (`store::node::Attention`) after which it does not wait any longer for a node that takes no operations.
    give_up_at: Duration,
    /// The epoch in which its operation was sent, while the answer is due.
    in_flight: Option<u64>,
    retry_at: Option<Instant>,
}

/// The inspections of one process.
#[derive(Debug)]
pub(super) struct Inspections {
    budget: Duration,
    swr: bool,
    active: Numbered<u64, Inspection>,
}

impl Inspections {
    pub(super) fn new(budget: Duration, swr: bool) -> Self {
        Self { budget, swr, active: Numbered::default() }
    }

    /// A call that inspects.
    pub(super) fn begin(&mut self, fx: &mut Fx<'_>, call: CallId, repo: &Arc<Repo>, request: Request, targets: Targets<'_>) {
        let Some(job) = Job::of(repo, request, fx.is_cluster) else { return };
        let id = fx.number();
        fx.wake_after(self.budget, Timer::Inspection(id));
        self.active.insert(id, Inspection { call, job, give_up_at: fx.attended + self.budget, in_flight: None, retry_at: None });
        self.advance(fx, id, targets);
    }

    /// Sends the next operation, if its node takes some and none is under way.
    fn advance(&mut self, fx: &mut Fx<'_>, id: u64, targets: Targets<'_>) {
        let Some(inspection) = self.active.get_mut(&id).filter(|inspection| inspection.in_flight.is_none()) else { return };
        let target = targets.of(|| inspection.job.keys());
        if !target.may_write {
            return;
        }
        inspection.retry_at = None;
        if let Some(op) = inspection.job.next(target.epoch) {
            inspection.in_flight = Some(target.epoch);
            fx.send(op, Purpose::Inspection(id));
        }
    }

    /// The store's answer. `is_own` tells tokens of this process's loads.
    pub(super) fn on_answer(
        &mut self,
        fx: &mut Fx<'_>,
        id: u64,
        answer: Result<Answer, StoreError>,
        targets: Targets<'_>,
        is_own: &impl Fn(Id) -> bool,
    ) {
        let Some(inspection) = self.active.get_mut(&id) else { return };
        let epoch = inspection.in_flight.take().unwrap_or_default();
        match (&mut inspection.job, answer) {
            (Job::Look(look), Ok(Answer::Inspected(found))) => {
                look.take(found);
                if !matches!(look.step, Step::Judge) {
                    return self.advance(fx, id, targets);
                }
                if look.meets_foreign() && !look.is_rechecked {
                    look.is_rechecked = true;
                    let keys = look.keys.iter().map(|(_, key)| key.clone()).collect();
                    return fx.hand(Handoff::ForeignInspected(id, keys));
                }
                self.judge(fx, id, is_own);
            }
            (Job::Scan { repo, .. }, Ok(Answer::Scanned { cursor, keys })) => {
                let keys = keys.iter().filter_map(|key| repo.names.key_of(key).map(<[u8]>::to_vec)).collect();
                let cursor = (cursor != b"0").then(|| [format!("{epoch}.").as_bytes(), &cursor].concat());
                let call = inspection.call;
                self.active.remove(&id);
                fx.decide(Decision::Scanned { call, cursor, keys });
            }
            (_, Ok(_)) => self.on_failed(fx, id, &StoreError::Unexpected),
            (_, Err(error)) => self.on_failed(fx, id, &error),
        }
    }

    /// All is read.
    pub(super) fn judge(&mut self, fx: &mut Fx<'_>, id: u64, is_own: &impl Fn(Id) -> bool) {
        let Some(Inspection { call, job: Job::Look(look), .. }) = self.active.remove(&id) else { return };
        fx.decide(look.decision(call, self.swr, is_own));
    }

    /// The replication ids that it was judged by are being read again, and so is everything else.
    pub(super) fn look_again(&mut self, fx: &mut Fx<'_>, id: u64, targets: Targets<'_>) {
        if let Some(Job::Look(look)) = self.active.get_mut(&id).map(|inspection| &mut inspection.job) {
            look.restart();
        }
        self.advance(fx, id, targets);
    }

    fn on_failed(&mut self, fx: &mut Fx<'_>, id: u64, error: &StoreError) {
        let Some(inspection) = self.active.get_mut(&id) else { return };
        if error.is_passing() {
            if let Job::Look(look) = &mut inspection.job {
                look.restart();
            }
            let at = fx.now + RETRY_AFTER;
            inspection.retry_at = Some(at);
            return fx.out.wake_at(at, Timer::Inspection(id));
        }
        let kind = if *error == StoreError::Unexpected { ErrorKind::Protocol } else { ErrorKind::Reply };
        let error = Error::new(kind, error.to_string()).at(fx.out.place.clone());
        self.fail(fx, id, error);
    }

    /// The server has been silent for too long.
    pub(super) fn on_silence(&mut self, fx: &mut Fx<'_>, id: u64) {
        let error = Error::new(ErrorKind::Timeout, "the server has not answered in time").at(fx.out.place.clone());
        self.fail(fx, id, error);
    }

    /// It is time to begin again, or an inspection has waited for its node for a while.
    pub(super) fn on_timer(&mut self, fx: &mut Fx<'_>, id: u64, targets: Targets<'_>) {
        let Some(inspection) = self.active.get(&id).filter(|inspection| inspection.in_flight.is_none()) else { return };
        let left = inspection.give_up_at.saturating_sub(fx.attended);
        if left.is_zero() {
            let node = targets.blocked(|| inspection.job.keys());
            let error = Error::new(ErrorKind::Timeout, "the server could not be reached in time").at(node);
            return self.fail(fx, id, error);
        }
        fx.wake_after(left, Timer::Inspection(id));
        if inspection.retry_at.is_some_and(|at| at <= fx.now) {
            self.advance(fx, id, targets);
        }
    }

    /// A node takes operations again.
    pub(super) fn resume(&mut self, fx: &mut Fx<'_>, targets: Targets<'_>) {
        let mut waiting: Vec<u64> = self.active.keys().copied().collect();
        waiting.sort_unstable();
        for id in waiting {
            self.advance(fx, id, targets);
        }
    }

    fn fail(&mut self, fx: &mut Fx<'_>, id: u64, error: Error) {
        if let Some(Inspection { call, .. }) = self.active.remove(&id) {
            fx.decide(Decision::Error { call, error, kept: false });
        }
    }

    /// The caller has given up.
    pub(super) fn cancel(&mut self, call: CallId) {
        self.active.retain(|_, inspection| inspection.call != call);
    }

    /// Whether a timer for this inspection still means something.
    pub(super) fn is_live(&self, id: u64) -> bool {
        self.active.get(&id).is_some_and(|inspection| inspection.in_flight.is_none())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }
}

#[cfg(test)]
#[path = "inspections_tests.rs"]
mod tests;
