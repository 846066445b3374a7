//! What a write is told about its nodes.

use crate::store::nodes::Nodes;
use crate::store::Key;

/// The state of the nodes that a write goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// Whether they accept writes now.
    pub may_write: bool,
    /// The store's epoch: it changes with every link, every replication id and every map of slots.
    pub epoch: u64,
}

/// Tells writes about their nodes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Targets<'a> {
    Nodes(&'a Nodes),
    /// All nodes are like this.
    #[cfg(test)]
    Like(Target),
}

impl Targets<'_> {
    /// The nodes of these keys; without keys, all of them.
    pub(super) fn of(self, keys: impl FnOnce() -> Vec<Key>) -> Target {
        match self {
            Self::Nodes(nodes) => {
                let keys = if nodes.is_cluster() { keys() } else { Vec::new() };
                Target { may_write: nodes.may_write(&keys), epoch: nodes.epoch() }
            }
            #[cfg(test)]
            Self::Like(target) => target,
        }
    }

    /// The address of a node of these keys that takes no writes, on a cluster.
    pub(super) fn blocked(self, keys: impl FnOnce() -> Vec<Key>) -> Option<String> {
        match self {
            Self::Nodes(nodes) => nodes.is_cluster().then(|| nodes.blocked(&keys())).flatten(),
            #[cfg(test)]
            Self::Like(_) => None,
        }
    }
}
