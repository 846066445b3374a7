//! The outputs of the nodes for their driver, and the changes of a cluster.

use std::collections::BTreeMap;

use super::id::NodeId;
use crate::clock::Instant;
use crate::store::{Answer, StoreError, Ticket};

/// A task for the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodesOutput {
    /// Call [`Nodes::on_timer`](super::Nodes::on_timer) at this time.
    WakeAt(Instant),
    /// A node accepts writes: those that wait can leave.
    Writable,
    /// This node can be read: reads that wait for it can leave.
    Readable(NodeId),
    /// An operation is answered.
    Answer {
        /// The operation.
        ticket: Ticket,
        /// Its answer.
        answer: Result<Answer, StoreError>,
    },
    /// A server has been silent for the whole budget of this operation.
    GivenUp {
        /// The operation.
        ticket: Ticket,
        /// Whether any of it was sent. Its answer still comes then.
        was_sent: bool,
    },
    /// The number of pending invalidations.
    Pending(u64),
    /// A server has redirected an operation: the map of slots is out of date.
    MapOutdated,
    /// Tell listeners.
    Event {
        /// The event's name.
        name: &'static str,
        /// Its text.
        text: String,
    },
}

/// What a driver tells about the servers.
#[derive(Debug, Clone)]
pub enum Change<'a> {
    /// One node holds every key from now on.
    One,
    /// The keys are on the nodes of a cluster from now on. It has no nodes yet, and no slot is covered.
    Cluster,
    /// A node has joined at this address (`host:port`), or has another address. Its link is not ready yet.
    Joined(NodeId, String),
    /// What servers call nodes that are reached at other addresses: all such names.
    Aliases(BTreeMap<String, NodeId>),
    /// A node has left.
    Left(NodeId),
    /// The map of slots: for each slot the number of its node, or one of the two highest numbers.
    Slots(&'a [u16]),
}
