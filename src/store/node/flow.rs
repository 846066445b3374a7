//! The operations of one node: how many are out at a time, and how long the server has been silent about them.
//!
//! A burst leaves in portions: an operation is sent when the window has room, and each answer makes room. The others wait, and their
//! order is kept.
//!
//! Budgets count the server's silence. For an operation, silence begins when it is handed over, and begins again whenever the server
//! is heard: by an answer, or by bytes of one that is under way. Only attentive waiting counts ([`Moment`]), and what a large request
//! needs to leave does not. When an operation has met its budget of silence it is given up, together with those of the same age that
//! wait for their turn behind it.

use std::collections::VecDeque;
use std::time::Duration;

use super::attention::Moment;
use crate::clock::Instant;
use crate::store::{Op, Seen, StoreReply, Ticket};

/// A command, a key that is read, or so many bytes weigh 1.
const UNIT_BYTES: usize = 1024;
/// How many entries one operation reads at most, and how many bytes it should bring.
const BATCH_MAX: usize = 512;
const BATCH_BYTES: usize = 1 << 20;
/// How large entries are taken to be until some were read.
const FIRST_ENTRY_BYTES: usize = 4096;
/// How long an answer that keeps growing is waited for.
const ANSWER_LONGEST: Duration = Duration::from_secs(5);
/// How many bytes leave at once, and how many of the rest leave within a second on the slowest supported network.
const LEAVES_AT_ONCE: usize = 256 << 10;
const LEAVES_PER_SECOND: usize = 4 << 20;
/// How long requests may need to leave.
const LEAVING_LONGEST: Duration = Duration::from_secs(5);

/// How much silence an operation bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// The budget of a read.
    Read,
    /// The budget of a write.
    Write,
    /// Any. Nobody waits for its answer.
    Endless,
}

/// An operation that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GivenUp {
    pub ticket: Ticket,
    /// Whether it was sent. Its answer may still come then.
    pub was_sent: bool,
    pub patience: Patience,
    /// When it was handed over.
    pub since: Instant,
}

/// What an answer tells about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    /// Whether it came before the operation was given up.
    pub in_time: bool,
    /// How long the server took, if it had nothing else to do for this node.
    pub round_trip: Option<Duration>,
}

#[derive(Debug)]
struct Sent {
    ticket: Ticket,
    weight: usize,
    patience: Patience,
    handed_over: Moment,
    /// Attentive waiting when it left, for what shows how long a plain round trip takes: a small request with nothing before it.
    plain_since: Option<Duration>,
    /// How long it took until bytes arrived.
    round_trip: Option<Duration>,
    is_given_up: bool,
}

impl Sent {
    fn took(&self, at: Moment) -> Option<Duration> {
        self.plain_since.map(|since| at.attended.saturating_sub(since))
    }
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    op: Op,
    weight: usize,
    patience: Patience,
    handed_over: Moment,
}

/// The operations of one node.
#[derive(Debug)]
pub(super) struct Flow {
    /// How much is out at a time.
    window: usize,
    read_budget: Duration,
    write_budget: Duration,
    /// Sent and not answered, in their order.
    out: VecDeque<Sent>,
    weight_out: usize,
    /// Waiting for their turn, in their order.
    waiting: VecDeque<Waiting>,
    /// Attentive waiting when the server was last heard.
    heard: Duration,
    last_answer: Instant,
    /// Attentive waiting at which the next operation may have to be given up. It may be too early.
    due: Option<Duration>,
    /// How large entries are, on average.
    entry_bytes: usize,
    is_open: bool,
}

impl Flow {
    pub(super) fn new(window: usize, read_budget: Duration, write_budget: Duration) -> Self {
        Self {
            window,
            read_budget,
            write_budget,
            out: VecDeque::new(),
            weight_out: 0,
            waiting: VecDeque::new(),
            heard: Duration::ZERO,
            last_answer: Instant::default(),
            due: None,
            entry_bytes: FIRST_ENTRY_BYTES,
            is_open: true,
        }
    }

    /// Takes an operation over. Returns it if it leaves at once.
    pub(super) fn submit(&mut self, ticket: Ticket, op: Op, patience: Patience, at: Moment) -> Option<Op> {
        let weight = self.weight(&op);
        let budget = match patience {
            Patience::Read => self.read_budget,
            Patience::Write => self.write_budget,
            Patience::Endless => ANSWER_LONGEST,
        };
        let due = at.attended + budget;
        self.due = Some(self.due.map_or(due, |earliest| earliest.min(due)));
        if self.waiting.is_empty() && self.has_room(weight) {
            self.note_sent(ticket, weight, patience, at, at);
            return Some(op);
        }
        self.waiting.push_back(Waiting { ticket, op, weight, patience, handed_over: at });
        None
    }

    /// The next operation whose turn has come.
    pub(super) fn next(&mut self, at: Moment) -> Option<(Ticket, Op)> {
        let weight = self.waiting.front()?.weight;
        if self.is_open && !self.has_room(weight) {
            return None;
        }
        let Waiting { ticket, op, weight, patience, handed_over } = self.waiting.pop_front()?;
        self.note_sent(ticket, weight, patience, handed_over, at);
        Some((ticket, op))
    }

    /// Takes an operation back that waits for its turn.
    pub(super) fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|waiting| waiting.ticket != ticket);
    }

    fn note_sent(&mut self, ticket: Ticket, weight: usize, patience: Patience, handed_over: Moment, at: Moment) {
        let plain_since = (self.out.is_empty() && weight <= BATCH_MAX).then_some(at.attended);
        self.weight_out += weight;
        self.out.push_back(Sent { ticket, weight, patience, handed_over, plain_since, round_trip: None, is_given_up: false });
    }

    fn has_room(&self, weight: usize) -> bool {
        self.out.is_empty() || self.weight_out + weight <= self.window
    }

    /// An operation is answered; `is_heard`: by the server.
    pub(super) fn answered(&mut self, ticket: Ticket, is_heard: bool, at: Moment) -> Option<Answered> {
        let place = self.out.iter().position(|sent| sent.ticket == ticket)?;
        let sent = self.out.remove(place)?;
        self.weight_out -= sent.weight;
        if !is_heard {
            return None;
        }
        self.heard = at.attended;
        self.last_answer = at.now;
        Some(Answered { in_time: !sent.is_given_up, round_trip: sent.round_trip.or(sent.took(at)) })
    }

    /// Bytes have arrived. They are a part of the answer to the operation that was sent first, and that may grow for a while only.
    pub(super) fn heard(&mut self, at: Moment) {
        if let Some(first) = self.out.front_mut() {
            first.round_trip = first.round_trip.or(first.took(at));
        }
        self.heard_first(at);
    }

    /// Something happens for the operation that was sent first. That may last for a while only.
    fn heard_first(&mut self, at: Moment) {
        if let Some(first) = self.out.front() {
            let turn = first.handed_over.now.max(self.last_answer);
            if at.now.since(turn) + self.read_budget <= ANSWER_LONGEST {
                self.heard = at.attended;
            }
        }
    }

    /// The transport says that requests are still leaving. Where it says that they have arrived, a proxy may have them.
    pub(super) fn leaving(&mut self, at: Moment) {
        self.heard_first(at);
        if let Some(first) = self.out.front_mut() {
            first.plain_since = None;
        }
    }

    /// Whether so many bytes of requests may still be leaving while somebody waits for an answer.
    pub(super) fn may_be_leaving(&self, unanswered: usize) -> bool {
        self.due.is_some() && unanswered > LEAVES_AT_ONCE
    }

    /// The link is gone: waiting operations are not held back, and fail together with those that were sent.
    pub(super) fn close(&mut self) {
        self.is_open = false;
    }

    /// The link is there again.
    pub(super) fn open(&mut self) {
        self.is_open = true;
    }

    /// The socket has been looked at. `unanswered`: bytes of requests that the server may not have received yet. Appends the
    /// operations to give up.
    pub(super) fn look(&mut self, at: Moment, unanswered: usize, given_up: &mut Vec<GivenUp>) {
        let leaving = leaving_time(unanswered);
        if let Some(first) = self.out.front_mut().filter(|_| !leaving.is_zero()) {
            first.plain_since = None;
        }
        let (heard, read_budget, write_budget, mut due) = (self.heard, self.read_budget, self.write_budget, None::<Duration>);
        let mut is_over = |patience: Patience, handed_over: Moment| {
            let over = match patience {
                Patience::Read => handed_over.attended.max(heard) + read_budget + leaving,
                Patience::Write => handed_over.attended.max(heard) + write_budget + leaving,
                // Not to be given up, but worth knowing how long it takes.
                Patience::Endless => handed_over.attended + ANSWER_LONGEST,
            };
            if over > at.attended {
                due = Some(due.map_or(over, |earliest| earliest.min(over)));
            }
            over <= at.attended && patience != Patience::Endless
        };
        for sent in self.out.iter_mut().filter(|sent| !sent.is_given_up) {
            let Sent { ticket, patience, handed_over, .. } = *sent;
            if is_over(patience, handed_over) {
                sent.is_given_up = true;
                given_up.push(GivenUp { ticket, was_sent: true, patience, since: handed_over.now });
            }
        }
        self.waiting.retain(|waiting| {
            let Waiting { ticket, patience, handed_over, .. } = *waiting;
            let stays = !is_over(patience, handed_over);
            if !stays {
                given_up.push(GivenUp { ticket, was_sent: false, patience, since: handed_over.now });
            }
            stays
        });
        self.due = due;
    }

    /// Attentive waiting at which [`Flow::look`] may find something; `None`: nobody waits for an answer.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Notes how large entries are.
    pub(super) fn learn(&mut self, reply: &StoreReply) {
        if let StoreReply::Read { entries, .. } = reply {
            let whole = entries.iter().filter(|found| !found.is_head);
            let sizes = whole.filter_map(|found| if let Seen::Own(value) = &found.value { Some(value.len()) } else { None });
            let (count, bytes) = sizes.fold((0, 0_usize), |(count, bytes), size| (count + 1, bytes + size));
            if let Some(average) = usize::checked_div(bytes, count) {
                self.entry_bytes = (3 * self.entry_bytes + average) / 4;
            }
        }
    }

    /// How many entries one operation should read.
    pub(super) fn batch_max(&self) -> usize {
        (BATCH_BYTES / self.entry_bytes.max(1)).clamp(1, BATCH_MAX)
    }

    fn weight(&self, op: &Op) -> usize {
        match op {
            Op::Identify | Op::Track => 0,
            Op::Read { entries, versions } => entries.len() * (1 + self.entry_bytes / UNIT_BYTES) + versions.len(),
            Op::ReadVersions { versions } => versions.len(),
            Op::Ensure { items, .. } => items.len(),
            Op::Count { items, .. } => items.len(),
            Op::Renew { versions, .. } => 1 + versions.len(),
            Op::Delete { entries: keys } | Op::Unlink { keys } => 2 * keys.len(),
            Op::Invalidate { tags } => 2 * tags.len(),
            Op::Inspect { keys, .. } => 3 * keys.len(),
            Op::Commit { value, .. } | Op::Set { value, .. } | Op::Restore { value, .. } => 1 + value.len() / UNIT_BYTES,
            _ => 1,
        }
    }
}

/// How long requests of so many bytes may need to leave.
fn leaving_time(bytes: usize) -> Duration {
    let ms = bytes.saturating_sub(LEAVES_AT_ONCE) * 1000 / LEAVES_PER_SECOND;
    Duration::from_millis(ms as u64).min(LEAVING_LONGEST)
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
