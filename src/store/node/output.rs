//! A node's settings and outputs.

use std::time::Duration;

use super::breaker::Limits;
use crate::clock::Instant;
use crate::store::Ticket;

/// The settings of a node.
#[derive(Debug, Clone, Copy)]
pub struct NodeConfig {
    /// When the breaker opens, and for how long.
    pub breaker: Limits,
    /// How many undelivered invalidations are kept for all nodes.
    pub pending_max: usize,
    /// Whether values with another replication id are used.
    pub trusts_all: bool,
    /// How much is out at a time: commands, keys that are read, kilobytes.
    pub window: usize,
    /// How much silence a read and a write bear.
    pub read_budget: Duration,
    /// The same for a write.
    pub write_budget: Duration,
}

/// A task for the node's driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeOutput {
    /// Send [`Op::Identify`](crate::store::Op::Identify); its answer goes to [`Node::on_identity`](super::Node::on_identity).
    Identify,
    /// Call [`Node::on_timer`](super::Node::on_timer) at this time.
    WakeAt(Instant),
    /// The node accepts writes: those that wait can leave.
    Writable,
    /// The node can be read: reads that wait can leave.
    Readable,
    /// The server has been silent for the whole budget of this operation.
    GivenUp {
        /// The operation.
        ticket: Ticket,
        /// Whether it was sent. Its answer may still come then.
        was_sent: bool,
    },
    /// Tell listeners.
    Event {
        /// The event's name.
        name: &'static str,
        /// Its text.
        text: String,
    },
}
