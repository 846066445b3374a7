//! What a cluster tells its driver to do.

use super::address::Address;
use super::nodes::NodeId;
use crate::contract::ClusterRejection;

/// Names a command, or a unit of commands such as a transaction. The driver chooses the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u32);

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
    Recreate { node: NodeId, address: Address },
    AskMap { request: RequestId, node: Option<NodeId>, address: Address, with_epoch: bool },
    DropMap { request: RequestId },
    Send { ticket: Ticket, node: NodeId, is_asking: bool },
    Reject { ticket: Ticket, rejection: ClusterRejection, text: String, maybe_executed: bool },
    Back { ticket: Ticket },
    Fence { fence: FenceId, node: NodeId },
    Refreshed { is_other: bool },
    RefreshFailed { text: String, address: Option<Address> },
    NodeError { node: Option<NodeId>, address: Address, text: String, is_protocol: bool },
    Mapped,
    Cut { node: NodeId },
}
