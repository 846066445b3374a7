//! What becomes of commands that will have no reply: after a cut, past their deadline, at the end. Whoever rejects says
//! whether the server may have run the command: sent now, or in flight when an earlier connection was cut.

use std::collections::VecDeque;
use std::time::Duration;

use super::entry::{Entry, Owner};
use super::link::Link;
use super::options::Resend;
use super::output::{CoreEvent, Output, Reason};
use crate::clock::Instant;
use crate::command::{Class, Kind};
use crate::error::ErrorKind;

impl Link {
    /// After a cut: what was in flight is sent again, rejected, or nobody's business any more.
    pub(super) fn sort_in_flight(&mut self) {
        let sent = std::mem::take(&mut self.sent);
        // A transaction whose EXEC was not on the wire has not run.
        let unrun = match (self.wire_transaction, sent.iter().rposition(Entry::opens_transaction)) {
            (true, opened) => opened.unwrap_or(0),
            (false, _) => sent.len(),
        };
        let mut again: VecDeque<Entry> = VecDeque::new();
        let mut head = true;
        let mut broken = false;
        // Why the transaction at hand is not sent again: all of it is, from a MULTI that was not answered, or nothing.
        let mut lost = Some(ErrorKind::Aborted);
        for (index, entry) in sent.into_iter().enumerate() {
            let opens = entry.opens_transaction();
            match entry.owner {
                Owner::Link(_) => self.retained.release(entry.place),
                Owner::Core(tag) => {
                    self.retained.release(entry.place);
                    self.outputs.push_back(Output::Core(CoreEvent::Lost { tag, sent: true }));
                }
                Owner::Caller(_) if entry.abandoned => {
                    self.retained.release(entry.place);
                    if opens {
                        lost = Some(ErrorKind::Aborted);
                    }
                }
                Owner::Caller(_) => {
                    // The rest of a pipeline whose head was answered is lost with its connection.
                    let tail = entry.class.has(Class::PIPELINE_TAIL);
                    broken = tail && (head || broken);
                    head = false;
                    let inside = entry.is_in_transaction();
                    let obstacle = match (inside, broken) {
                        (true, _) => lost,
                        (false, true) => Some(ErrorKind::Aborted),
                        (false, false) => self.obstacle(&entry),
                    };
                    if opens {
                        lost = obstacle;
                    }
                    match obstacle {
                        None => again.push_back(Entry { confirmations: 0, replays: entry.replays + 1, ..entry }),
                        Some(kind) => self.reject(entry, Reason::Kind(kind), index < unrun || !(inside || opens)),
                    }
                }
            }
        }
        for entry in std::mem::take(&mut self.held) {
            self.reject(entry, Reason::Kind(ErrorKind::ConnectionClosed), false);
        }
        if self.wire_transaction && lost.is_some() {
            self.abort_fragments();
        }
        self.wire_transaction = false;
        self.wire_transaction_selects = false;
        for entry in again.into_iter().rev() {
            self.waiting.push_front(entry);
        }
    }

    /// Why a command that was in flight may not be sent again.
    fn obstacle(&self, entry: &Entry) -> Option<ErrorKind> {
        let allowed = match self.options.resend {
            Resend::All => true,
            Resend::Idempotent => entry.class.has(Class::IDEMPOTENT),
            Resend::None => false,
        };
        if self.closing {
            Some(ErrorKind::ConnectionClosed)
        } else if !allowed || !self.options.auto_resend {
            Some(ErrorKind::Aborted)
        } else if self.options.max_retries_per_request.is_some_and(|max| entry.replays >= max) {
            // Whatever it does to its connections, it does not do it for ever.
            Some(ErrorKind::MaxRetries)
        } else {
            None
        }
    }

    /// The transaction that was open on the wire is lost: what waits of it, and what its caller still sends, must not run alone.
    fn abort_fragments(&mut self) {
        self.lost_transaction = true;
        for entry in std::mem::take(&mut self.waiting) {
            self.lost_transaction &= !entry.opens_transaction();
            if self.lost_transaction && entry.is_in_transaction() {
                self.reject(entry, Reason::Kind(ErrorKind::Aborted), false);
            } else {
                self.waiting.push_back(entry);
            }
        }
    }

    /// Rejects what is in flight: the bytes that were to answer it are not what they should be.
    pub(super) fn reject_sent(&mut self, reason: &Reason) {
        for entry in std::mem::take(&mut self.sent) {
            self.reject(entry, reason.clone(), true);
        }
    }

    pub(super) fn reject_all(&mut self, reason: &Reason) {
        self.reject_sent(reason);
        let all =
            std::mem::take(&mut self.refused).into_iter().chain(std::mem::take(&mut self.waiting)).chain(std::mem::take(&mut self.held));
        self.refused_until = None;
        for entry in all {
            self.reject(entry, reason.clone(), false);
        }
    }

    pub(super) fn reject(&mut self, entry: Entry, reason: Reason, sent: bool) {
        self.retained.release(entry.place);
        let maybe_executed = sent || entry.replays > 0;
        match entry.owner {
            Owner::Caller(id) => {
                match entry.class.kind() {
                    Kind::Multi => self.lost_transaction = true,
                    Kind::Exec | Kind::Discard => self.lost_transaction = false,
                    _ => {}
                }
                if !entry.abandoned {
                    self.outputs.push_back(Output::Rejected { id, reason, maybe_executed });
                }
            }
            Owner::Core(tag) => self.outputs.push_back(Output::Core(CoreEvent::Lost { tag, sent: maybe_executed })),
            Owner::Link(_) => {}
        }
    }

    /// Rejects what is past its deadline. What was sent keeps its place in the order of replies.
    pub(super) fn judge_deadlines(&mut self) {
        let now = self.now;
        let mut next = None;
        for entry in &mut self.sent {
            let Some(deadline) = entry.deadline.filter(|_| !entry.abandoned) else { continue };
            if deadline > now {
                next = earliest(next, Some(deadline));
                continue;
            }
            entry.abandoned = true;
            if let Owner::Caller(id) = entry.owner {
                let reason = Reason::Kind(ErrorKind::Timeout);
                self.outputs.push_back(Output::Rejected { id, reason, maybe_executed: true });
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting = self.keep_timely(waiting, &mut next);
        let refused = std::mem::take(&mut self.refused);
        self.refused = self.keep_timely(refused.into(), &mut next).into();
        // Every look goes through all that waits: with a hundred thousand deadlines a millisecond apart, not at each of them.
        let grain = self.options.command_timeout.map_or(Duration::ZERO, |timeout| timeout / 50).min(Duration::from_millis(10));
        self.wake_deadline = next.map(|at| at.max(now + grain));
    }

    fn keep_timely(&mut self, queue: VecDeque<Entry>, next: &mut Option<Instant>) -> VecDeque<Entry> {
        let late = |entry: &Entry| entry.deadline.is_some_and(|deadline| deadline <= self.now);
        if !queue.iter().any(late) {
            *next = queue.iter().map(|e| e.deadline).fold(*next, earliest);
            return queue;
        }
        let mut kept = VecDeque::with_capacity(queue.len());
        let mut without_multi = false;
        for entry in queue {
            let is_late = entry.deadline.is_some_and(|deadline| deadline <= self.now);
            if entry.opens_transaction() {
                // The rest of a transaction goes with its MULTI.
                without_multi = is_late;
            }
            if is_late || (without_multi && entry.is_in_transaction()) {
                self.reject(entry, Reason::Kind(ErrorKind::Timeout), false);
            } else {
                *next = earliest(*next, entry.deadline);
                kept.push_back(entry);
            }
        }
        kept
    }
}

fn earliest(next: Option<Instant>, deadline: Option<Instant>) -> Option<Instant> {
    next.into_iter().chain(deadline).min()
}
