//! Whether the outcome of a part counts that was carried out behind ASKING: see [`asking`](super::asking).

use super::asking::{is_removal, writes_anew, Way};
use super::parts::Parts;
use super::Nodes;
use crate::store::node::Moment;
use crate::store::{Answer, Redirect, StoreError, Ticket};

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
            part.asking.on_removed(&answer);
            part.ask = None;
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
