//! Operations under way in parts. A part has its own ticket. When all parts of an operation are settled, the operation is answered.

use super::asking::Asking;
use super::id::NodeId;
use super::split::{self, PartOp, Settled, Shape};
use crate::clock::Instant;
use crate::store::node::{Moment, Patience};
use crate::store::{Answer, Id, Key, Numbered, Op, StoreError, Ticket};

/// Tickets of parts have this bit.
const PART: u64 = 1 << 62;

/// Where a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// With its node: waiting for its turn.
    Waiting,
    /// Sent. An answer is due.
    Sent,
    /// It waits until its node can be read.
    Held,
    /// It was refused, and goes out again at this time.
    Delayed(Instant),
}

/// One part of an operation.
#[derive(Debug)]
pub(super) struct Part {
    pub whole: Ticket,
    place: usize,
    /// For a read: where its keys are in the whole answer.
    places: Vec<usize>,
    pub op: Op,
    pub node: NodeId,
    pub patience: Patience,
    /// When the operation was handed over.
    pub since: Moment,
    /// How often it was refused.
    pub refusals: u32,
    pub stage: Stage,
    /// The node that it was told to ask, once.
    pub ask: Option<NodeId>,
    pub asking: Asking,
}

#[derive(Debug)]
struct Whole {
    shape: Shape,
    /// For each part its outcome, or the ticket that stands for it.
    parts: Vec<Result<Settled, Ticket>>,
    missing: usize,
    is_given_up: bool,
}

/// The operations that are under way in parts.
#[derive(Debug, Default)]
pub(super) struct Parts {
    active: Numbered<Ticket, Part>,
    wholes: Numbered<Ticket, Whole>,
    last: u64,
}

/// The purpose of an operation that the nodes send for themselves.
#[derive(Debug)]
pub(super) enum Own {
    /// Read a node's replication id.
    Identify(NodeId),
    /// Deliver these pending invalidations.
    Deliver(Vec<u64>),
    /// Remove a lease that nobody holds.
    GiveBack(Key, Id),
}

/// What became of the part that carries one key of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    Done,
    /// This ticket's answer is due.
    Due(Ticket),
    NotSent,
}

impl Parts {
    /// Whether a ticket is that of a part.
    pub(super) fn is_part(ticket: Ticket) -> bool {
        ticket.0 & PART != 0
    }

    /// Splits an operation. Returns the tickets of its parts.
    pub(super) fn open(
        &mut self,
        whole: Ticket,
        op: Op,
        patience: Patience,
        since: Moment,
        node_of: impl Fn(&Key) -> NodeId,
    ) -> Vec<Ticket> {
        let (ops, shape) = split::split(op, node_of);
        let tickets: Vec<Ticket> = ops.into_iter().enumerate().map(|(place, part)| self.add(whole, place, part, patience, since)).collect();
        let parts = tickets.iter().map(|ticket| Err(*ticket)).collect();
        self.wholes.insert(whole, Whole { shape, parts, missing: tickets.len(), is_given_up: false });
        tickets
    }

    fn add(&mut self, whole: Ticket, place: usize, (places, op): PartOp, patience: Patience, since: Moment) -> Ticket {
        self.last += 1;
        let ticket = Ticket(PART | self.last);
        let (node, stage) = (NodeId::NONE, Stage::Waiting);
        let asking = Asking::default();
        self.active.insert(ticket, Part { whole, place, places, op, node, patience, since, refusals: 0, stage, ask: None, asking });
        ticket
    }

    /// Makes a read of several keys into parts of one key each. Returns their tickets; none if the part has one key.
    pub(super) fn scatter(&mut self, ticket: Ticket) -> Vec<Ticket> {
        if self.active.get(&ticket).is_none_or(|part| part.places.len() < 2) {
            return Vec::new();
        }
        let Some(Part { whole, place, places, op, patience, since, .. }) = self.active.remove(&ticket) else { return Vec::new() };
        let first_new = self.wholes.get(&whole).map_or(0, |whole| whole.parts.len());
        let mut tickets = Vec::with_capacity(places.len());
        for (n, part) in split::scatter(places, op).into_iter().enumerate() {
            let place = if n == 0 { place } else { first_new + n - 1 };
            tickets.push(self.add(whole, place, part, patience, since));
        }
        if let Some(whole) = self.wholes.get_mut(&whole) {
            whole.parts[place] = Err(tickets[0]);
            whole.parts.extend(tickets[1..].iter().map(|ticket| Err(*ticket)));
            whole.missing += tickets.len() - 1;
        }
        tickets
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Part> {
        self.active.get_mut(&ticket)
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Part> {
        self.active.get(&ticket)
    }

    /// Whether the operation of this part is given up.
    pub(super) fn is_given_up(&self, ticket: Ticket) -> bool {
        self.active.get(&ticket).and_then(|part| self.wholes.get(&part.whole)).is_some_and(|whole| whole.is_given_up)
    }

    /// A part has its outcome. Returns the operation's answer if this was its last part.
    pub(super) fn settle(&mut self, ticket: Ticket, outcome: Result<Answer, StoreError>) -> Option<(Ticket, Result<Answer, StoreError>)> {
        let part = self.active.remove(&ticket)?;
        let whole = self.wholes.get_mut(&part.whole)?;
        whole.parts[part.place] = Ok((part.places, outcome));
        whole.missing -= 1;
        if whole.missing > 0 {
            return None;
        }
        let whole = self.wholes.remove(&part.whole).map(|whole| (whole.shape, whole.parts));
        let (shape, outcomes) = whole?;
        Some((part.whole, split::join(shape, outcomes.into_iter().flatten().collect())))
    }

    /// The operation of this part is given up. Returns its ticket, whether any of it has been sent, and its parts that have not: they
    /// must not leave any more. `None`: it was given up before.
    pub(super) fn give_up(&mut self, ticket: Ticket) -> Option<(Ticket, bool, Vec<Ticket>)> {
        let whole_ticket = self.active.get(&ticket)?.whole;
        let whole = self.wholes.get_mut(&whole_ticket)?;
        if std::mem::replace(&mut whole.is_given_up, true) {
            return None;
        }
        let mut was_sent = false;
        let mut unsent = Vec::new();
        for part in &whole.parts {
            match part {
                Ok((_, outcome)) => was_sent |= outcome != &Err(StoreError::NotSent),
                Err(ticket) if self.active.get(ticket).is_some_and(|part| part.stage == Stage::Sent) => was_sent = true,
                Err(ticket) => unsent.push(*ticket),
            }
        }
        Some((whole_ticket, was_sent, unsent))
    }

    /// Forgets an operation of which nothing was sent.
    pub(super) fn forget(&mut self, whole: Ticket) {
        let Some(whole) = self.wholes.remove(&whole) else { return };
        for ticket in whole.parts.iter().filter_map(|part| part.as_ref().err()) {
            self.active.remove(ticket);
        }
    }

    /// What became of the part for the operation's key at `place`. `None`: the operation is not under way.
    pub(super) fn carried(&self, whole: Ticket, place: usize) -> Option<Carried> {
        Some(match self.wholes.get(&whole)?.parts.get(place)? {
            Ok((_, Ok(_))) => Carried::Done,
            Err(ticket) if self.active.get(ticket).is_some_and(|part| part.stage == Stage::Sent) => Carried::Due(*ticket),
            Ok((_, Err(_))) | Err(_) => Carried::NotSent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn delete(names: &[&str]) -> Op {
        Op::Delete { entries: names.iter().map(|name| Key::from(name.as_bytes())).collect() }
    }

    #[test]
    fn an_operation_is_answered_when_all_its_parts_are() {
        let mut parts = Parts::default();
        let tickets = parts.open(Ticket(7), delete(&["a", "b"]), Patience::Write, Moment::default(), |_| NodeId(0));
        assert!(tickets.iter().all(|ticket| Parts::is_part(*ticket)) && !Parts::is_part(Ticket(7)));
        assert_eq!(parts.settle(tickets[1], Ok(Answer::Number(1))), None);
        assert_eq!(parts.settle(tickets[1], Ok(Answer::Number(1))), None, "it has its outcome");
        assert_eq!(parts.settle(tickets[0], Ok(Answer::Number(2))), Some((Ticket(7), Ok(Answer::Number(3)))));
    }

    #[test]
    fn what_is_given_up_tells_which_parts_may_still_be_carried_out() {
        let mut parts = Parts::default();
        let tickets = parts.open(Ticket(7), delete(&["a", "b", "c"]), Patience::Write, Moment::default(), |_| NodeId(0));
        parts.settle(tickets[0], Ok(Answer::Number(1)));
        parts.get_mut(tickets[1]).unwrap().stage = Stage::Sent;
        assert_eq!(parts.give_up(tickets[1]), Some((Ticket(7), true, vec![tickets[2]])));
        assert_eq!(parts.give_up(tickets[2]), None, "once");
        let carried: Vec<_> = (0..3).map(|place| parts.carried(Ticket(7), place).unwrap()).collect();
        assert_eq!(carried, [Carried::Done, Carried::Due(tickets[1]), Carried::NotSent]);
    }
}
