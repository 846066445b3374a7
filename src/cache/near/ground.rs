//! What the near cache asks about the nodes.

use crate::store::nodes::Nodes;
use crate::store::{NodeId, Replication};

/// The nodes below the near cache.
#[derive(Debug, Clone, Copy)]
pub(in crate::cache) enum Ground<'a> {
    Nodes(&'a Nodes),
    /// One node that can be read, with this replication id; or two: versions are on the second.
    #[cfg(test)]
    Test(Replication, bool),
}

impl Ground<'_> {
    /// The node of a key.
    pub(in crate::cache) fn node_of(self, key: &[u8]) -> NodeId {
        match self {
            Self::Nodes(nodes) => nodes.node_of(key),
            #[cfg(test)]
            Self::Test(_, is_split) => NodeId(u16::from(is_split && key.contains(&b'#'))),
        }
    }

    /// The replication id of a node that can be read, to which no invalidation is still to be delivered.
    pub(super) fn replication(self, node: NodeId) -> Option<Replication> {
        match self {
            Self::Nodes(nodes) => nodes.settled_replication(node),
            #[cfg(test)]
            Self::Test(replication, _) => Some(replication),
        }
    }

    pub(super) fn is_cluster(self) -> bool {
        match self {
            Self::Nodes(nodes) => nodes.is_cluster(),
            #[cfg(test)]
            Self::Test(_, is_split) => is_split,
        }
    }
}
