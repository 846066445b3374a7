//! What the engine asks the nodes: whether keys can be read or written now.

use super::{node_of, Node, NodeId, Nodes};
use crate::clock::Instant;
use crate::store::{Key, Replication, StoreError, Ticket};

impl Nodes {
    /// The node of a key. It may be none.
    pub fn node_of(&self, key: &[u8]) -> NodeId {
        node_of(self.slots.as_ref(), key)
    }

    /// Whether the nodes of all these keys can be read now. Keys of the same nodes are in one group.
    pub fn group_of<K: AsRef<[u8]>>(&self, mut keys: impl Iterator<Item = K>) -> Option<u64> {
        if self.slots.is_none() {
            return self.node(NodeId::ONLY).is_some_and(Node::may_read).then_some(0);
        }
        keys.try_fold(0, |group, key| {
            let id = self.node_of(key.as_ref());
            let can_be_read = self.node(id).is_some_and(Node::may_read);
            can_be_read.then_some(group | 1 << (id.0 % 64))
        })
    }

    /// The replication id of a node that can be read, while no invalidation is still to be delivered to any node. One that is under way
    /// on the node's own link does not hold up reads there, but a read on another link could overtake it.
    pub fn settled_replication(&self, id: NodeId) -> Option<Replication> {
        let node = self.node(id).filter(|node| node.may_read() && self.pending.is_empty())?;
        Some(node.replication())
    }

    /// Whether one of these keys is on this node.
    pub fn is_on<K: AsRef<[u8]>>(&self, id: NodeId, mut keys: impl Iterator<Item = K>) -> bool {
        self.slots.is_none() || keys.any(|key| self.node_of(key.as_ref()) == id)
    }

    /// Whether the keys are on the nodes of a cluster.
    pub fn is_cluster(&self) -> bool {
        self.slots.is_some()
    }

    /// Whether the nodes of all these keys accept writes now; without keys, whether all masters do.
    pub fn may_write(&self, keys: &[Key]) -> bool {
        match &self.slots {
            None => self.node(NodeId::ONLY).is_some_and(Node::may_write),
            Some(slots) if keys.is_empty() => {
                let mut masters = slots.masters().peekable();
                masters.peek().is_some() && masters.all(|id| self.node(id).is_some_and(Node::may_write))
            }
            Some(_) => keys.iter().all(|key| self.node(self.node_of(key)).is_some_and(Node::may_write)),
        }
    }

    /// The address of a node of these keys that takes no writes now; without keys, of a master.
    pub fn blocked(&self, keys: &[Key]) -> Option<String> {
        let slots = self.slots.as_ref()?;
        let owners: Vec<NodeId> =
            if keys.is_empty() { slots.masters().collect() } else { keys.iter().map(|key| self.node_of(key)).collect() };
        owners.into_iter().find(|id| !self.node(*id).is_some_and(Node::may_write)).and_then(|id| self.address(id))
    }

    /// The address of the node because of which an operation has failed or is given up. It is told once.
    pub fn take_blamed(&mut self, ticket: Ticket) -> Option<String> {
        self.blamed.remove(&ticket).and_then(|id| self.address(id))
    }

    /// The address of a node of a cluster.
    fn address(&self, id: NodeId) -> Option<String> {
        let member = self.members.get(usize::from(id.0))?.as_ref()?;
        (!member.address.is_empty()).then(|| member.address.clone())
    }

    /// Whether the nodes of these keys could ever be read.
    pub fn was_readable(&self, keys: &[Key]) -> bool {
        match &self.slots {
            None => self.node(NodeId::ONLY).is_some_and(Node::was_readable),
            // A slot without a node does not make the first connection of a process.
            Some(_) if self.members.iter().flatten().any(|member| member.node.was_readable()) => {
                keys.iter().all(|key| self.node(self.node_of(key)).is_none_or(Node::was_readable))
            }
            Some(_) => false,
        }
    }

    /// Whether a read of these keys should be tried at all, say the breakers of their nodes.
    pub fn allows(&mut self, keys: &[Key], now: Instant) -> bool {
        if self.slots.is_none() {
            return self.node_mut(NodeId::ONLY).is_none_or(|node| node.allows(now));
        }
        let nodes = self.nodes_of(keys);
        // A read is one trial at each of its nodes, and none if one of them refuses it.
        nodes.iter().all(|id| self.node_or_nobody(*id).might_allow(now)) && nodes.iter().all(|id| self.node_or_nobody(*id).allows(now))
    }

    /// Counts links, replication ids and changes of the map: a scan that has seen two epochs starts again.
    pub fn epoch(&self) -> u64 {
        self.changes + self.members.iter().flatten().map(|member| member.node.epoch()).sum::<u64>()
    }

    /// How many entries one operation should read.
    pub fn batch_max(&self) -> usize {
        self.members.iter().flatten().map(|member| member.node.batch_max()).min().unwrap_or(1)
    }

    /// A read met a foreign value at one of these keys. Returns whether the read should be sent again, since replication ids are
    /// being read again.
    pub fn on_foreign(&mut self, keys: &[Key], now: Instant) -> bool {
        let mut is_read_again = false;
        for id in self.nodes_of(keys) {
            is_read_again |= self.node_mut(id).is_some_and(|node| node.on_foreign(now));
        }
        is_read_again
    }

    /// A lookup of these keys has waited since `since`, and a node could not be read.
    pub fn on_silence(&mut self, keys: &[Key], now: Instant, since: Instant) {
        for id in self.nodes_of(keys) {
            let node = self.node_or_nobody(id);
            if !node.may_read() {
                node.on_silence(now, since);
            }
        }
    }

    /// A server has refused an operation whose caller does not fail for it.
    pub fn on_refused(&mut self, now: Instant, error: &StoreError) {
        if let Some(member) = self.members.iter_mut().flatten().next() {
            member.node.on_refused(now, error);
        }
    }

    fn node_or_nobody(&mut self, id: NodeId) -> &mut Node {
        let Self { members, nobody, .. } = self;
        members.get_mut(usize::from(id.0)).and_then(Option::as_mut).map_or(nobody, |member| &mut member.node)
    }

    fn nodes_of(&self, keys: &[Key]) -> Vec<NodeId> {
        if self.slots.is_none() {
            return vec![NodeId::ONLY];
        }
        let mut nodes: Vec<NodeId> = keys.iter().map(|key| self.node_of(key)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}
