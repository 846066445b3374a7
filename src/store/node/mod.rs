//! The state of one server as the cache sees it: whether it may be read and written, which values are its own, what still has to
//! be delivered to it, and whether it is worth asking (the breaker). A standalone server is one node, a cluster has one per
//! master, and the store in this process is one that is always trusted.
//!
//! When a link comes up, its node reads the replication id, then delivers what is pending, and then accepts reads. It accepts
//! writes as soon as the id is known.
//!
//! The driver of a node (the cache engine) calls an input and then takes the outputs with [`Node::poll_output`] until there is
//! none. It passes every operation through [`Node::submit`], tells every outcome by [`Node::on_outcome`], and takes answers as
//! [`Node::interpret`] tells them.

mod attention;
mod breaker;
mod flow;
mod identity;
mod interpret;
mod output;
mod pending;
mod round_trips;
mod trouble;

use std::collections::VecDeque;
use std::time::Duration;

pub use attention::{Attention, Moment};
pub use breaker::Limits;
pub use flow::Patience;
pub use output::{NodeConfig, NodeOutput, NodeTask};
pub use pending::Invalidation;

use breaker::{Breaker, Change};
use flow::{Flow, GivenUp};
use identity::Identity;
use pending::PendingInvalidations;
use round_trips::RoundTrips;
use trouble::Trouble;

use super::{Answer, Id, Key, NodeOp, Op, ReplicationId, StoreError, StoreReply, Ticket};
use crate::clock::Instant;

/// When a node that is in trouble is looked at again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How many abandoned leases a node remembers. The others end by themselves.
const ABANDONED_MAX: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is no link.
    Down,
    /// The link is up and its replication id is being read.
    Identifying,
    /// It accepts writes. Reads wait for pending invalidations.
    Identified,
    /// It accepts reads and writes.
    Trusted,
}

/// One server.
#[derive(Debug)]
pub struct Node {
    trusts_all: bool,
    state: State,
    was_readable: bool,
    identity: Identity,
    flow: Flow,
    round_trips: RoundTrips,
    breaker: Breaker,
    pending: PendingInvalidations,
    /// Leases that nobody holds, to be given back when the node is there.
    abandoned: VecDeque<(Key, Id)>,
    trouble: Trouble,
    outputs: VecDeque<NodeOutput>,
}

impl Node {
    /// A node without a link.
    pub fn new(config: NodeConfig) -> Self {
        Self {
            trusts_all: config.trusts_all,
            state: State::Down,
            was_readable: false,
            identity: Identity::new(),
            flow: Flow::new(config.window, config.read_budget, config.write_budget),
            round_trips: RoundTrips::new(config.read_budget),
            breaker: Breaker::new(config.breaker),
            pending: PendingInvalidations::new(config.pending_max),
            abandoned: VecDeque::new(),
            trouble: Trouble::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Whether it can be read now.
    pub fn may_read(&self) -> bool {
        self.state == State::Trusted
    }

    /// Whether it could ever be read.
    pub fn was_readable(&self) -> bool {
        self.was_readable
    }

    /// Whether it accepts writes now.
    pub fn may_write(&self) -> bool {
        matches!(self.state, State::Identified | State::Trusted)
    }

    /// Counts links and replication ids: a scan that has seen two epochs starts again.
    pub fn epoch(&self) -> u64 {
        self.identity.epoch()
    }

    /// Whether a read should be tried at all. The breaker says no while the server is silent; it lets one trial through after a
    /// pause.
    pub fn allows(&mut self, now: Instant) -> bool {
        self.breaker.allows(now)
    }

    /// Takes an operation over. Returns it as the node takes it if it leaves at once; otherwise [`Node::next_to_send`] will.
    pub fn submit(&mut self, ticket: Ticket, op: Op, patience: Patience, at: Moment) -> Option<NodeOp> {
        self.flow.submit(ticket, op, patience, at).map(|op| self.dress(op))
    }

    /// The next operation whose turn has come.
    pub fn next_to_send(&mut self, at: Moment) -> Option<(Ticket, NodeOp)> {
        self.flow.next(at).map(|(ticket, op)| (ticket, self.dress(op)))
    }

    fn dress(&self, op: Op) -> NodeOp {
        NodeOp { op, replication: self.identity.replication() }
    }

    /// An operation is answered, whatever for.
    pub fn on_outcome(&mut self, ticket: Ticket, answer: &Result<StoreReply, StoreError>, at: Moment) {
        let is_heard = matches!(answer, Ok(_) | Err(StoreError::Refused(_) | StoreError::Unexpected));
        let Some(answered) = self.flow.answered(ticket, is_heard, at) else { return };
        if answered.in_time {
            self.on_answered();
        }
        if let Some(text) = answered.round_trip.and_then(|took| self.round_trips.note(took)) {
            self.event("warning", text);
        }
        if let Ok(reply) = answer {
            self.flow.learn(reply);
        }
    }

    /// Bytes have arrived on the node's link.
    pub fn on_heard(&mut self, at: Moment) {
        self.flow.heard(at);
    }

    /// Requests are still leaving, says the transport of the node's link.
    pub fn on_leaving(&mut self, at: Moment) {
        self.flow.leaving(at);
    }

    /// Whether the transport is worth asking, with so many bytes of requests on the link that are not answered.
    pub fn asks_transport(&self, unanswered: usize) -> bool {
        self.flow.may_be_leaving(unanswered)
    }

    /// The node's link has been looked at. `unanswered`: bytes of requests on it that are not answered.
    pub fn on_look(&mut self, at: Moment, unanswered: usize) {
        let mut given_up = Vec::new();
        self.flow.look(at, unanswered, &mut given_up);
        if let Some(latest) = given_up.iter().filter(|op| op.patience == Patience::Read).map(|op| op.since).max() {
            self.on_silence(at.now, latest);
        }
        self.outputs.extend(given_up.into_iter().map(|GivenUp { ticket, was_sent, .. }| NodeOutput::GivenUp { ticket, was_sent }));
    }

    /// Attentive waiting at which [`Node::on_look`] may find something; `None`: nobody waits for an answer.
    pub fn due(&self) -> Option<Duration> {
        self.flow.due()
    }

    /// How many entries one operation should read.
    pub fn batch_max(&self) -> usize {
        self.flow.batch_max()
    }

    /// An answer in terms of own and foreign values.
    pub fn interpret(&self, reply: StoreReply) -> Answer {
        interpret::answer(reply, &self.identity.replication())
    }

    /// The link to the server is ready.
    pub fn on_up(&mut self, now: Instant) {
        self.flow.open();
        self.identity.on_link();
        if self.trusts_all || self.identity.is_check_off() {
            self.identity.accept_all();
            self.identified();
        } else {
            self.state = State::Identifying;
            self.identify(now);
        }
    }

    /// The store in this process is ready. It has no master that could change, so nothing has to be checked.
    pub fn on_memory_up(&mut self) {
        self.flow.open();
        self.identity.on_link();
        self.identity.accept_all();
        self.identified();
    }

    /// The link is lost.
    pub fn on_down(&mut self) {
        self.state = State::Down;
        self.flow.close();
        self.identity.on_link_lost();
    }

    /// Somebody has taken the cache off its store, and the next link is a new start: what the former server did is forgotten. Pending
    /// invalidations stay.
    pub fn on_detached(&mut self) {
        self.on_answered();
        self.was_readable = false;
    }

    /// The answer to an operation that the node sent for itself.
    pub fn on_answer(&mut self, now: Instant, task: NodeTask, answer: Result<StoreReply, StoreError>) {
        match task {
            NodeTask::Identify => self.on_identity(now, answer),
            NodeTask::Deliver(numbers) => self.on_delivered(now, &numbers, answer.err()),
            NodeTask::GiveBack(entry, token) => {
                if matches!(answer, Err(StoreError::Cut { .. } | StoreError::NotSent)) {
                    self.abandoned.push_back((entry, token));
                    self.abandoned.truncate(ABANDONED_MAX);
                }
            }
        }
    }

    /// The time of a [`NodeOutput::WakeAt`] has come.
    pub fn on_timer(&mut self, now: Instant) {
        match self.state {
            State::Down => {}
            State::Identifying if self.identity.is_reading() => {}
            State::Identifying => self.identify(now),
            State::Identified | State::Trusted => self.deliver(),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<NodeOutput> {
        self.outputs.pop_front()
    }

    /// A read met a foreign value. Reads the replication id again, unless that was done within the last second. Says whether the
    /// read should be sent again after that.
    pub fn on_foreign(&mut self, now: Instant) -> bool {
        if !self.identity.replication().is_checked {
            return false;
        }
        if self.identity.is_reading() {
            return true;
        }
        let is_due = self.identity.is_due(now);
        if is_due {
            self.identify(now);
        }
        is_due
    }

    /// The server has answered in time.
    fn on_answered(&mut self) {
        if self.breaker.answered() == Some(Change::Closed) {
            self.event("breaker", "closed");
        }
    }

    /// An operation or a lookup has waited since `since` without an answer or without a link.
    pub fn on_silence(&mut self, now: Instant, since: Instant) {
        if let Some(Change::Opened(pause)) = self.breaker.timed_out(now, since) {
            self.event("breaker", format!("open for {} ms", pause.as_millis()));
        }
    }

    /// The server has refused an operation whose caller does not fail for it.
    pub fn on_refused(&mut self, now: Instant, error: &StoreError) {
        if matches!(error, StoreError::Refused(_) | StoreError::Unexpected) {
            self.report(now, format!("the cache goes without its store: {error}"));
        }
    }

    /// Keeps invalidations that a write could not deliver. `is_in_flight`: their operation has been sent and its answer is still
    /// due; the driver passes that answer on as [`NodeTask::Deliver`] with the numbers. `None`: there is no room.
    pub fn keep(&mut self, invalidations: Vec<Invalidation>, is_in_flight: bool) -> Option<Vec<u64>> {
        let kept = self.pending.keep(invalidations, is_in_flight);
        if kept.is_some() && !is_in_flight {
            self.deliver();
        }
        self.outputs.push_back(NodeOutput::Owed(self.pending.len() as u64));
        self.update_trust();
        kept
    }

    /// Removes a lease that nobody holds, now or when the node is there.
    pub fn give_back(&mut self, entry: Key, token: Id) {
        if self.may_write() {
            self.outputs.push_back(NodeOutput::Send(Op::GiveBack { entry: entry.clone(), token }, NodeTask::GiveBack(entry, token)));
        } else {
            self.abandoned.push_back((entry, token));
            self.abandoned.truncate(ABANDONED_MAX);
        }
    }

    fn identify(&mut self, now: Instant) {
        self.identity.reading(now);
        self.outputs.push_back(NodeOutput::Send(Op::Identify, NodeTask::Identify));
    }

    fn on_identity(&mut self, now: Instant, answer: Result<StoreReply, StoreError>) {
        self.identity.answered();
        if self.state == State::Down {
            return;
        }
        let id = match answer {
            Ok(StoreReply::Identity { id, is_master: true }) => id,
            Ok(StoreReply::Identity { .. }) => {
                // A replica lags behind its master, and it refuses writes.
                self.state = State::Identifying;
                self.report(now, "the cache's server is a replica; the cache is not used until it is a master".to_owned());
                return self.look_again(now);
            }
            Err(StoreError::Cut { .. } | StoreError::NotSent) => return,
            Err(error) if error.is_passing() => return self.look_again(now),
            _ => {
                if let Some(text) = self.trouble.info_refused() {
                    self.event("warning", text);
                }
                ReplicationId::EMPTY
            }
        };
        if self.identity.learn(id, now) {
            let text = "the server's replication id changes all the time (a proxy?); values from before a failover may come back";
            self.event("originCheckOff", text);
        }
        if self.state == State::Identifying {
            self.identified();
        }
    }

    fn identified(&mut self) {
        self.state = State::Identified;
        // The first answer of a link is the success of the breaker's trial.
        self.on_answered();
        self.deliver();
        for (entry, token) in std::mem::take(&mut self.abandoned) {
            self.give_back(entry, token);
        }
        self.outputs.push_back(NodeOutput::Writable);
        self.update_trust();
    }

    /// Lets reads go if no invalidation is pending, and holds them up otherwise.
    fn update_trust(&mut self) {
        let blocks = self.pending.block();
        if blocks && self.state == State::Trusted {
            self.state = State::Identified;
        } else if !blocks && self.state == State::Identified {
            self.state = State::Trusted;
            self.was_readable = true;
            self.outputs.push_back(NodeOutput::Readable);
        }
    }

    /// Sends the pending invalidations, if writes may go.
    fn deliver(&mut self) {
        if self.may_write() {
            let operations = self.pending.take_unsent();
            self.outputs.extend(operations.into_iter().map(|(op, numbers)| NodeOutput::Send(op, NodeTask::Deliver(numbers))));
        }
    }

    fn on_delivered(&mut self, now: Instant, numbers: &[u64], error: Option<StoreError>) {
        match error {
            None => {}
            Some(error) if error.is_passing() || error == StoreError::Unexpected => {
                self.pending.return_unsent(numbers);
                self.update_trust();
                return self.look_again(now);
            }
            // It will not be allowed next time either, and reads cannot wait without end.
            Some(error) => self.event("warning", format!("an invalidation that was to be repeated is lost: {error}")),
        }
        self.pending.forget(numbers);
        self.outputs.push_back(NodeOutput::Owed(self.pending.len() as u64));
        self.update_trust();
    }

    fn look_again(&mut self, now: Instant) {
        self.outputs.push_back(NodeOutput::WakeAt(now + RETRY_AFTER));
    }

    fn report(&mut self, now: Instant, text: String) {
        if self.trouble.is_due(now) {
            self.event("warning", text);
        }
    }

    fn event(&mut self, name: &'static str, text: impl Into<String>) {
        self.outputs.push_back(NodeOutput::Event { name, text: text.into() });
    }
}

#[cfg(test)]
mod tests;
