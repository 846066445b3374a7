//! What the nodes need for themselves: replication ids, the delivery of pending invalidations, leases that nobody holds.

use super::parts::{Carried, Own};
use super::pending::Invalidation;
use super::{node_of, NodeId, Nodes, NodesOutput};
use crate::store::node::{Moment, Patience, RETRY_AFTER};
use crate::store::{Answer, Id, Key, Op, StoreError, Ticket};

/// Tickets of the nodes' own operations have this bit.
const OWN: u64 = 1 << 63;
/// How many abandoned leases are remembered. The others end by themselves.
const ABANDONED_MAX: usize = 1000;

impl Nodes {
    /// A ticket for an operation of the nodes' own.
    pub(super) fn own(&mut self, own: Own) -> Ticket {
        self.last_own += 1;
        let ticket = Ticket(OWN | self.last_own);
        self.own.insert(ticket, own);
        ticket
    }

    pub(super) fn on_own(&mut self, own: Own, answer: Result<Answer, StoreError>, at: Moment) {
        match own {
            Own::Identify(_) => {}
            Own::Deliver(numbers) => self.on_delivered(&numbers, answer.err().as_ref(), at),
            Own::GiveBack(entry, token) => {
                if matches!(answer, Err(StoreError::Cut { .. } | StoreError::NotSent)) {
                    self.abandon(entry, token);
                }
            }
        }
    }

    /// Keeps invalidations that a write could not deliver. `in_flight`: the write's operation, if its answer is still due. Returns
    /// whether there is room for them.
    pub fn keep(&mut self, invalidations: Vec<Invalidation>, in_flight: Option<Ticket>, at: Moment) -> bool {
        let carried = |place| in_flight.map_or(Carried::NotSent, |ticket| self.carried(ticket, place));
        let undelivered: Vec<_> = invalidations
            .into_iter()
            .enumerate()
            .filter_map(|(place, invalidation)| match carried(place) {
                Carried::Done => None,
                Carried::Due(ticket) => Some((invalidation, Some(ticket))),
                Carried::NotSent => Some((invalidation, None)),
            })
            .collect();
        let is_kept = self.pending.keep(undelivered);
        if is_kept {
            self.deliver(at);
        }
        self.outputs.push_back(NodesOutput::Pending(self.pending.len() as u64));
        self.update_trust();
        is_kept
    }

    /// Removes a lease that nobody holds, now or when its node is there.
    pub fn give_back(&mut self, entry: Key, token: Id, at: Moment) {
        if self.may_write(std::slice::from_ref(&entry)) {
            let ticket = self.own(Own::GiveBack(entry.clone(), token));
            self.submit(ticket, Op::GiveBack { entry, token }, Patience::Endless, at);
        } else {
            self.abandon(entry, token);
        }
    }

    fn abandon(&mut self, entry: Key, token: Id) {
        self.abandoned.push_back((entry, token));
        self.abandoned.truncate(ABANDONED_MAX);
    }

    pub(super) fn give_abandoned_back(&mut self, at: Moment) {
        for (entry, token) in std::mem::take(&mut self.abandoned) {
            self.give_back(entry, token, at);
        }
    }

    /// Sends the pending invalidations whose nodes accept writes.
    pub(super) fn deliver(&mut self, at: Moment) {
        if self.pending.is_empty() {
            return;
        }
        let Self { pending, slots, members, .. } = self;
        let may_write = |id: NodeId| members.get(usize::from(id.0)).and_then(Option::as_ref).is_some_and(|member| member.node.may_write());
        let operations = pending.take_unsent(|key| Some(node_of(slots.as_ref(), key)).filter(|id| may_write(*id)));
        for (op, numbers) in operations {
            let ticket = self.own(Own::Deliver(numbers));
            self.submit(ticket, op, Patience::Endless, at);
        }
    }

    /// An operation has its outcome. If it carried invalidations of a write that was given up, they are delivered or have to be sent
    /// again.
    pub(super) fn on_carried(&mut self, ticket: Ticket, error: Option<&StoreError>, at: Moment) {
        if let Some(numbers) = self.pending.carried_by(ticket) {
            self.on_delivered(&numbers, error, at);
        }
    }

    fn on_delivered(&mut self, numbers: &[u64], error: Option<&StoreError>, at: Moment) {
        match error {
            None => {}
            Some(error) if error.is_passing() || *error == StoreError::Unexpected => {
                self.pending.return_unsent(numbers);
                self.update_trust();
                self.outputs.push_back(NodesOutput::WakeAt(at.now + RETRY_AFTER));
                return;
            }
            // It will not be allowed next time either, and reads cannot wait without end.
            Some(error) => {
                let text = format!("an invalidation that was to be repeated is lost: {error}");
                self.outputs.push_back(NodesOutput::Event { name: "warning", text });
            }
        }
        self.pending.forget(numbers);
        self.outputs.push_back(NodesOutput::Pending(self.pending.len() as u64));
        self.update_trust();
    }

    /// Lets the reads of each node go if it has no pending invalidations, and holds them up otherwise.
    pub(super) fn update_trust(&mut self) {
        let nodes = self.pending.nodes(|key| node_of(self.slots.as_ref(), key));
        for (number, member) in self.members.iter_mut().enumerate() {
            if let Some(member) = member {
                member.node.set_pending(nodes.contains(&NodeId(number as u16)));
            }
        }
    }
}
