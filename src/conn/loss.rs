//! What becomes of commands that will have no reply: after a cut, past their deadline, at the end.

use std::collections::VecDeque;

use super::entry::{Entry, Owner};
use super::link::Link;
use super::options::Resend;
use super::output::{Output, Reason};
use crate::clock::Instant;
use crate::command::{Class, Kind};
use crate::error::ErrorKind;

impl Link {
    /// After a cut: what was in flight is sent again, rejected, or nobody's business any more.
    pub(super) fn sort_in_flight(&mut self) {
        let mut again: VecDeque<Entry> = VecDeque::new();
        let mut head = true;
        let mut broken = false;
        // A transaction may be sent again as a whole only.
        let mut whole = false;
        for entry in std::mem::take(&mut self.sent) {
            match entry.owner {
                Owner::Link(_) => self.retained.release(entry.place),
                Owner::Core(tag) => {
                    self.retained.release(entry.place);
                    self.outputs.push_back(Output::CoreCut { tag, sent: true });
                }
                Owner::Caller(_) if entry.abandoned => self.retained.release(entry.place),
                Owner::Caller(_) => {
                    // The rest of a pipeline whose head was answered, and the rest of a transaction, are lost with their connection.
                    let tail = entry.class.has(Class::PIPELINE_TAIL);
                    broken = if head { tail } else { broken && tail };
                    head = false;
                    match entry.class.kind() {
                        Kind::Multi => whole = !broken && self.may_send_again(&entry),
                        _ if !entry.class.has(Class::IN_TRANSACTION) => whole = false,
                        _ => {}
                    }
                    let lost = broken || (entry.class.has(Class::IN_TRANSACTION) && !whole);
                    if self.may_send_again(&entry) && !lost {
                        again.push_back(Entry { confirmations: 0, ..entry });
                    } else {
                        self.reject(entry, Reason::Kind(ErrorKind::Aborted), true);
                    }
                }
            }
        }
        for entry in std::mem::take(&mut self.held) {
            self.reject(entry, Reason::Kind(ErrorKind::ConnectionClosed), false);
        }
        for entry in again.into_iter().rev() {
            self.waiting.push_front(entry);
        }
    }

    fn may_send_again(&self, entry: &Entry) -> bool {
        if self.closing || !self.options.auto_resend {
            return false;
        }
        match self.options.resend {
            Resend::All => true,
            Resend::Idempotent => entry.class.has(Class::IDEMPOTENT),
            Resend::None => false,
        }
    }

    pub(super) fn reject_all(&mut self, reason: &Reason) {
        let maybe = self.sent.len();
        let all = std::mem::take(&mut self.sent)
            .into_iter()
            .chain(std::mem::take(&mut self.refused))
            .chain(std::mem::take(&mut self.waiting))
            .chain(std::mem::take(&mut self.held));
        self.refused_until = None;
        for (index, entry) in all.enumerate() {
            self.reject(entry, reason.clone(), index < maybe);
        }
    }

    pub(super) fn reject(&mut self, entry: Entry, reason: Reason, maybe_executed: bool) {
        self.retained.release(entry.place);
        match entry.owner {
            Owner::Caller(id) if !entry.abandoned => self.outputs.push_back(Output::Rejected { id, reason, maybe_executed }),
            Owner::Core(tag) => self.outputs.push_back(Output::CoreCut { tag, sent: maybe_executed }),
            _ => {}
        }
    }

    /// Rejects what is past its deadline. What was sent keeps its place in the order of replies.
    pub(super) fn judge_deadlines(&mut self) {
        let now = self.now;
        let mut next = None;
        for entry in &mut self.sent {
            let Some(deadline) = entry.deadline.filter(|_| !entry.abandoned) else { continue };
            if deadline > now {
                next = Some(deadline);
                break;
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
        self.wake_deadline = next;
    }

    fn keep_timely(&mut self, queue: VecDeque<Entry>, next: &mut Option<Instant>) -> VecDeque<Entry> {
        let mut kept = VecDeque::with_capacity(queue.len());
        for entry in queue {
            match entry.deadline {
                Some(deadline) if deadline <= self.now => self.reject(entry, Reason::Kind(ErrorKind::Timeout), false),
                deadline => {
                    *next = [*next, deadline].into_iter().flatten().min();
                    kept.push_back(entry);
                }
            }
        }
        kept
    }
}
