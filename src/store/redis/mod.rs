//! The store on a Redis server: turns operations into commands and replies into answers. It holds the operations in flight and
//! nothing else. The driver sends the commands in order and brings the replies back in the same order.
//!
//! One node. In a cluster, [`Nodes`](super::nodes::Nodes) splits operations on many keys first. An operation for a node that is about to
//! take its key's slot over goes with ASKING before each of its commands.
//!
//! | file | owns |
//! |---|---|
//! | `commands` | the commands of each operation |
//! | `answers` | the answer of each operation, from the replies to its commands |

mod answers;
mod commands;

use std::collections::VecDeque;

use answers::answer;
use commands::{count, push};

use super::{NodeOp, Op, StoreError, StoreReply, Ticket};
use crate::resp::{Commands, Reply};

/// The place of the reply to ASKING.
const ASKING: usize = usize::MAX;

/// The result of one reply.
#[derive(Debug, Default)]
pub struct Replied {
    /// The operation that it completes.
    pub done: Option<(Ticket, Result<StoreReply, StoreError>)>,
    /// Commands to send now: the full text of scripts that the server did not know.
    pub more: Option<Commands>,
}

#[derive(Debug)]
struct InFlight {
    ticket: Ticket,
    op: NodeOp,
    /// One place per command of the operation.
    replies: Vec<Option<Reply>>,
    /// Places whose replies are still due, the next one first. [`ASKING`] is the place of a reply that means nothing.
    missing: VecDeque<usize>,
    lost: Option<bool>,
}

impl InFlight {
    /// The commands at these places; scripts by their digests or, `in_full`, by their texts.
    fn send(&mut self, places: impl IntoIterator<Item = usize>, in_full: impl Fn(usize) -> bool) -> Commands {
        let mut commands = Commands::new();
        for place in places {
            if self.op.asks {
                commands.push(&["ASKING"]);
                self.missing.push_back(ASKING);
            }
            push(&self.op, place, in_full(place), &mut commands);
            self.missing.push_back(place);
        }
        commands
    }
}

/// Operations in flight on one link.
#[derive(Debug, Default)]
pub struct RedisStore {
    in_flight: VecDeque<InFlight>,
    /// Whether this connection has had the text of the script that counts. Nobody waits for a count, so the first one does not wait for
    /// NOSCRIPT either: an invalidation that its caller sends meanwhile would come before it, and not find it.
    has_counted: bool,
}

impl RedisStore {
    /// A store with nothing in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an operation. Its commands go to the link in this order, after those of earlier operations.
    pub fn submit(&mut self, ticket: Ticket, op: NodeOp) -> Commands {
        let count = count(&op);
        let mut in_flight = InFlight { ticket, op, replies: vec![None; count], missing: VecDeque::with_capacity(count), lost: None };
        let is_first_count = matches!(in_flight.op.op, Op::Count { .. }) && !std::mem::replace(&mut self.has_counted, true);
        let commands = in_flight.send(0..count, |place| is_first_count && place == 0);
        self.in_flight.push_back(in_flight);
        commands
    }

    /// Takes the reply to the oldest command without one.
    pub fn on_reply(&mut self, reply: Reply) -> Replied {
        self.fill(Some(reply), false)
    }

    /// The oldest command without a reply will not get one.
    pub fn on_lost(&mut self, maybe_executed: bool) -> Replied {
        self.fill(None, maybe_executed)
    }

    /// The connection is gone: hands everything in flight back.
    pub fn on_cut(&mut self, maybe_executed: bool) -> Vec<(Ticket, StoreError)> {
        self.has_counted = false;
        let error = if maybe_executed { StoreError::Cut { maybe_executed } } else { StoreError::NotSent };
        self.in_flight.drain(..).map(|op| (op.ticket, error.clone())).collect()
    }

    /// How many commands wait for their replies.
    pub fn outstanding(&self) -> usize {
        self.in_flight.iter().map(|op| op.missing.len()).sum()
    }

    fn fill(&mut self, reply: Option<Reply>, maybe_executed: bool) -> Replied {
        let mut replied = Replied::default();
        let Some(front) = self.in_flight.front_mut() else { return replied };
        let Some(place) = front.missing.pop_front() else { return replied };
        let is_asking = place == ASKING;
        if reply.is_none() && !is_asking {
            front.lost = Some(front.lost.unwrap_or(false) || maybe_executed);
        }
        if !is_asking {
            front.replies[place] = reply;
        }
        if !front.missing.is_empty() {
            return replied;
        }
        let Some(mut done) = self.in_flight.pop_front() else { return replied };
        if let Some(maybe_executed) = done.lost {
            // A part that was answered has been carried out.
            let maybe_executed = maybe_executed || done.replies.iter().any(Option::is_some);
            let error = if maybe_executed { StoreError::Cut { maybe_executed } } else { StoreError::NotSent };
            replied.done = Some((done.ticket, Err(error)));
            return replied;
        }
        let unknown = |reply: &Option<Reply>| reply.as_ref().and_then(Reply::error).is_some_and(|text| text.starts_with(b"NOSCRIPT"));
        let again: Vec<usize> = (0..done.replies.len()).filter(|place| unknown(&done.replies[*place])).collect();
        if again.is_empty() {
            let replies = done.replies.into_iter().map(|reply| reply.unwrap_or(Reply::Null)).collect();
            replied.done = Some((done.ticket, answer(&done.op, replies)));
            return replied;
        }
        // The script was refused, so nothing has happened and the same randoms may go out again.
        replied.more = Some(done.send(again, |_| true));
        self.in_flight.push_back(done);
        replied
    }
}

#[cfg(test)]
mod tests;
