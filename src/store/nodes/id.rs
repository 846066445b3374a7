//! The names of nodes.

/// Names one node. A cluster numbers its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The node that holds every key, where there is no cluster.
    pub const ONLY: Self = Self(0);
    /// No node. The two highest numbers name none: a map of slots uses them for slots without a node.
    pub const NONE: Self = Self(u16::MAX);

    pub(super) fn is_some(self) -> bool {
        self.0 < u16::MAX - 1
    }
}
