//! The outputs of the near cache.

use super::ground::Ground;
use crate::cache::decision::Filled;
use crate::clock::Instant;
use crate::store::{NodeId, NodeOp, Op, Replication, Ticket};

/// A task for the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cache) enum NearOutput {
    /// Carry this out on the node's lane.
    Send { ticket: Ticket, node: NodeId, op: NodeOp },
    /// The facade may serve this.
    Filled(Box<Filled>),
    /// There is no copy for this fill.
    Refused { fill: u32 },
    /// The facade may not serve this copy any more.
    Dropped { copy: u32 },
    /// What this lookup waits for has changed, or nobody would notice.
    Wake(u64),
    /// This lookup will be woken. The lease that it waits for runs out at `until` unless it is renewed.
    Watched { lookup: u64, until: Instant },
    /// Nothing can be tracked on this lane.
    Useless { node: NodeId },
    /// Tell listeners.
    Warning(String),
}

impl NearOutput {
    pub(super) fn send(ticket: Ticket, node: NodeId, op: Op, ground: Ground<'_>) -> Self {
        let replication = ground.replication(node).unwrap_or(Replication::TRUSTING);
        Self::Send { ticket, node, op: NodeOp { op, replication, asks: false, reads_apart: ground.is_cluster() } }
    }
}
