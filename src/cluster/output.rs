//! What a cluster tells its driver to do.

use super::address::Address;
use super::nodes::NodeId;
use crate::contract::ClusterRejection;

/// Names a command, or a unit of commands such as a transaction. The driver chooses the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u32);

/// How many trails' times fit beside their order.
const TIMES: u64 = 1 << 16;

/// What a command has been through. The driver keeps it with the command as one number, 0 at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trail {
    /// Its place among the commands that have come back; 0: none yet. Commands of one slot get theirs in the order in which they were issued.
    pub order: u64,
    /// How many times it was refused or handed back.
    pub times: u32,
}

impl Trail {
    /// Reads the driver's number.
    pub fn unpack(number: f64) -> Self {
        let number = number as u64;
        Self { order: number / TIMES, times: (number % TIMES) as u32 }
    }

    /// The number for the driver.
    pub fn pack(self) -> f64 {
        (self.order * TIMES + u64::from(self.times).min(TIMES - 1)) as f64
    }
}

/// A command and its trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traveller {
    /// Which.
    pub ticket: Ticket,
    /// What it has been through.
    pub trail: Trail,
}

/// Names a question about what a link has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FenceId(pub u32);

/// Names a request for a slot map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u32);

/// Something for the driver to do, in this order. See `ClusterAction` for what each means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "`ClusterAction` documents each with its parts")]
pub enum Output {
    Open { node: NodeId, address: Address, is_replica: bool },
    Close { node: NodeId, address: Address },
    Role { node: NodeId, is_replica: bool },
    AskMap { request: RequestId, node: Option<NodeId>, address: Address, with_epoch: bool },
    DropMap { request: RequestId },
    Send { ticket: Ticket, node: NodeId, is_asking: bool, trail: Trail },
    Reject { ticket: Ticket, rejection: ClusterRejection, text: String, maybe_executed: bool },
    Back { ticket: Ticket },
    Fence { fence: FenceId, node: NodeId },
    Refreshed { is_other: bool },
    RefreshFailed { text: String, address: Option<Address> },
    NodeError { node: Option<NodeId>, address: Address, text: String, is_protocol: bool },
    Mapped,
    Cut { node: NodeId },
}
