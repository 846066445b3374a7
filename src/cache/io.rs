//! What goes into the engine with every input, and what comes out for its driver.

use super::decision::Decision;
use crate::clock::Instant;
use crate::entropy::Entropy;
use crate::store::{Key, NodeId, NodeOp, Ticket};

/// Passed in with every input.
pub struct Context<'a> {
    /// The driver's clock.
    pub now: Instant,
    /// The operating system's generator.
    pub entropy: &'a mut dyn Entropy,
}

/// A task for the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Hand this to the store; its answer goes to `on_store`.
    Store {
        /// Names the operation.
        ticket: Ticket,
        /// Where it goes.
        node: NodeId,
        /// The operation.
        op: NodeOp,
    },
    /// The same on the lane of the node: the near cache's own link.
    Lane {
        /// Names the operation.
        ticket: Ticket,
        /// Where it goes.
        node: NodeId,
        /// The operation.
        op: NodeOp,
    },
    /// Tell the caller.
    Decision(Decision),
    /// A server has redirected an operation: the map of slots is out of date.
    MapOutdated,
}

/// What a driver tells the near cache, in the order in which it happened on a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaneEvent {
    /// The lane is ready.
    Up,
    /// The lane is ready and speaks RESP2: no push can arrive on it.
    Useless,
    /// The lane is lost.
    Down,
    /// A push: these keys have changed; `None`: all of them.
    Push(Option<Vec<Key>>),
}
