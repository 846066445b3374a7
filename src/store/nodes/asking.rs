//! Parts that were carried out behind ASKING. The node that was asked runs a command whether it has the key or not, and the ASK may
//! be old: the slot may have moved on since, and be on its way to that node once more, with the key still at the other one. A
//! deletion finds nothing there, and what is written there has a second copy. So the node that said ASK is heard once more before
//! the outcome counts. Operations that change only what they find need no such proof: where the key is not, they change nothing.

use super::parts::{Part, Parts};
use super::{NodeId, Nodes};
use crate::store::node::Moment;
use crate::store::{Answer, Key, Op, ReadEntry, Redirect, StoreError, Ticket};

/// Who said ASK, and who was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub from: NodeId,
    pub to: NodeId,
}

/// What is known of a part that goes behind ASKING.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// The last ASK.
    pub way: Option<Way>,
    /// Where a removal has been carried out behind ASKING, and the sum of what it answered.
    removed: Option<Way>,
    number: u64,
    /// The outcome of a write, while the node that said ASK is heard once more.
    written: Option<Answer>,
}

impl Asking {
    /// A node has said ASK.
    pub(super) fn told(&mut self, way: Way) {
        self.way = Some(way);
        // Another way: what was done on the former one proves nothing.
        self.removed = self.removed.filter(|removed| *removed == way);
    }

    /// The slot of the part has moved.
    pub(super) fn moved(&mut self) {
        self.removed = None;
    }

    /// The check of a write: it goes to the node that said ASK.
    pub(super) fn check(&self, op: &Op) -> Option<(NodeId, Op)> {
        let way = self.way.filter(|_| self.written.is_some())?;
        Some((way.from, head_of(op.routing_key()?)))
    }
}

/// What follows from an outcome.
pub(super) enum Proof {
    /// It counts.
    Settled(Result<Answer, StoreError>),
    /// The part goes out again.
    Again,
}

impl Nodes {
    /// Whether the outcome of a part counts, as far as it was carried out behind ASKING.
    pub(super) fn prove(&mut self, ticket: Ticket, answer: Result<Answer, StoreError>, at: Moment) -> Proof {
        let is_given_up = self.parts.is_given_up(ticket);
        let Some(part) = self.parts.get_mut(ticket) else { return Proof::Settled(answer) };
        if let Some(written) = part.asking.written.take() {
            let way = part.asking.way;
            return Proof::Settled(self.checked(written, way, answer, at));
        }
        let answer = match answer {
            Ok(Answer::Number(number)) if is_removal(&part.op) => Answer::Number(number + std::mem::take(&mut part.asking.number)),
            Ok(answer) => answer,
            Err(error) => return Proof::Settled(Err(error)),
        };
        let was_asked = part.ask.is_some();
        if was_asked && is_removal(&part.op) && part.asking.removed != part.asking.way {
            if is_given_up {
                return Proof::Settled(Err(StoreError::Cut { maybe_executed: true }));
            }
            part.remember_removal(&answer);
            return Proof::Again;
        }
        if was_asked && writes_anew(&part.op) && !is_given_up {
            part.asking.written = Some(answer);
            part.ask = None;
            return Proof::Again;
        }
        Proof::Settled(Ok(answer))
    }

    /// A write behind ASKING counts if the node that said ASK still has nothing there and names the same node.
    fn checked(&mut self, written: Answer, way: Option<Way>, check: Result<Answer, StoreError>, at: Moment) -> Result<Answer, StoreError> {
        let lost = Err(StoreError::Cut { maybe_executed: true });
        let (Some(way), Err(error)) = (way, check) else { return lost };
        self.learn(&error, way.from, at);
        match &error {
            StoreError::Redirected(Redirect { address, .. }) if self.node_at(address, way.from) == Some(way.to) => Ok(written),
            _ => lost,
        }
    }

    /// Whether a write of this part waits for its check.
    pub(super) fn is_check(parts: &Parts, ticket: Ticket) -> bool {
        parts.get(ticket).is_some_and(|part| part.asking.written.is_some())
    }
}

impl Part {
    fn remember_removal(&mut self, answer: &Answer) {
        self.asking.removed = self.asking.way;
        if let Answer::Number(number) = answer {
            self.asking.number = *number;
        }
        self.ask = None;
    }
}

fn is_removal(op: &Op) -> bool {
    matches!(op, Op::Delete { .. } | Op::Unlink { .. } | Op::Invalidate { .. })
}

/// Whether an operation writes where nothing is.
fn writes_anew(op: &Op) -> bool {
    matches!(op, Op::Ensure { .. } | Op::Place { .. } | Op::Set { .. })
}

/// A read of the shortest start of a value: the answer tells where the key is.
fn head_of(key: &Key) -> Op {
    Op::Read { entries: vec![ReadEntry { key: key.clone(), with_age: false, head_bytes: Some(1) }], versions: vec![] }
}
