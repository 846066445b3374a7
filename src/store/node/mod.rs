//! The state of one server as the cache sees it: whether it can be read and written, which values are its own, and whether it is
//! worth asking (the breaker). A standalone server is one node, a cluster has one per master, and the store in this process is a
//! node that is always trusted. [`Nodes`](super::nodes::Nodes) owns the nodes and their pending invalidations.
//!
//! When a link comes up, its node reads the replication id. Then it accepts writes, and reads too unless it has pending invalidations.
//!
//! The driver of a node calls an input and then takes the outputs with [`Node::poll_output`] until there is none. It passes every
//! operation through [`Node::submit`], reports every outcome by [`Node::on_outcome`], and takes answers as [`Node::interpret`]
//! translates them.

mod attention;
mod breaker;
mod flow;
mod identity;
mod interpret;
mod output;
mod round_trips;
mod trouble;

use std::collections::VecDeque;
use std::time::Duration;

pub use attention::{Attention, Moment};
pub use breaker::Limits;
pub use flow::Patience;
pub(crate) use interpret::answer as interpret;
pub use output::{NodeConfig, NodeOutput};

use breaker::{Breaker, Change};
use flow::{Flow, GivenUp};
use identity::Identity;
use round_trips::RoundTrips;
use trouble::Trouble;

use super::{Answer, NodeOp, Op, Replication, ReplicationId, StoreError, StoreReply, Ticket};
use crate::clock::Instant;

/// When a node that is in trouble is looked at again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

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
    /// Whether it has pending invalidations, for which reads wait.
    has_pending: bool,
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
            has_pending: false,
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

    /// Whether [`Node::allows`] would say so. This takes no trial.
    pub fn might_allow(&self, now: Instant) -> bool {
        self.breaker.might_allow(now)
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

    /// Takes an operation back that waits for its turn. It will not be sent.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.flow.cancel(ticket);
    }

    /// The next operation whose turn has come.
    pub fn next_to_send(&mut self, at: Moment) -> Option<(Ticket, NodeOp)> {
        self.flow.next(at).map(|(ticket, op)| (ticket, self.dress(op)))
    }

    fn dress(&self, op: Op) -> NodeOp {
        NodeOp { op, replication: self.identity.replication(), asks: false, reads_apart: false }
    }

    /// An operation is answered, whatever for.
    pub fn on_outcome(&mut self, ticket: Ticket, answer: &Result<StoreReply, StoreError>, at: Moment) {
        let is_heard = matches!(answer, Ok(_) | Err(StoreError::Refused(_) | StoreError::Redirected(_) | StoreError::Unexpected));
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

    /// Its replication id as far as is known.
    pub fn replication(&self) -> Replication {
        self.identity.replication()
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

    /// The time of a [`NodeOutput::WakeAt`] has come.
    pub fn on_timer(&mut self, now: Instant) {
        if self.state == State::Identifying && !self.identity.is_reading() {
            self.identify(now);
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
        if matches!(error, StoreError::Refused(_) | StoreError::Redirected(_) | StoreError::Unexpected) {
            self.report(now, format!("the cache goes without its store: {error}"));
        }
    }

    fn identify(&mut self, now: Instant) {
        self.identity.reading(now);
        self.outputs.push_back(NodeOutput::Identify);
    }

    /// The answer to [`NodeOutput::Identify`].
    pub fn on_identity(&mut self, now: Instant, answer: Result<StoreReply, StoreError>) {
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
        self.outputs.push_back(NodeOutput::Writable);
        self.update_trust();
    }

    /// Sets whether the node has pending invalidations, for which reads wait.
    pub fn set_pending(&mut self, has_pending: bool) {
        self.has_pending = has_pending;
        self.update_trust();
    }

    fn update_trust(&mut self) {
        if self.has_pending && self.state == State::Trusted {
            self.state = State::Identified;
        } else if !self.has_pending && self.state == State::Identified {
            self.state = State::Trusted;
            self.was_readable = true;
            self.outputs.push_back(NodeOutput::Readable);
        }
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
