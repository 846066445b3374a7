//! Failures: of links, processes, memory and masters.

use super::world::World;
use crate::store::{NodeId, ReplicationId, StoreError};

impl World {
    pub(super) fn late_delivery(&mut self) {
        let Some((n, mut work)) = self.late.pop_front() else { return };
        if self.refusal(n, &work.op).is_some() {
            return;
        }
        self.note_effect(None, &work.op.op);
        self.log(|| format!("server {n}, late: {:?}", work.op));
        match work.step(&mut self.servers.stores[n], self.now, self.fault) {
            None => self.late.push_front((n, work)),
            Some(reply) => self.note_answer(None, n, &work.op.op, &reply),
        }
    }

    pub(super) fn cut(&mut self, p: usize, n: usize) {
        if !self.processes[p].links[n].is_up {
            return;
        }
        self.log(|| format!("{p} is cut from {n}"));
        let link = std::mem::take(&mut self.processes[p].links[n]);
        let reached = self.dice.below(link.sent.len() as u64 + 1) as usize;
        let down_first = self.dice.chance(50);
        let down = NodeId(n as u16);
        if down_first {
            self.input(p, |engine, cx| engine.on_store_down(cx, down));
        }
        for (ticket, _) in link.answered {
            self.input(p, |engine, cx| engine.on_store(cx, ticket, Err(StoreError::Cut { maybe_executed: true })));
        }
        for (at, (ticket, work)) in link.sent.into_iter().enumerate() {
            let maybe_executed = at < reached || self.dice.chance(50);
            if at < reached {
                self.late.push_back((n, work));
            }
            let error = if maybe_executed { StoreError::Cut { maybe_executed } } else { StoreError::NotSent };
            self.input(p, |engine, cx| engine.on_store(cx, ticket, Err(error)));
        }
        if !down_first {
            self.input(p, |engine, cx| engine.on_store_down(cx, down));
        }
    }

    pub(super) fn crash(&mut self, p: usize) {
        self.books.over(p, None);
        self.log(|| format!("{p} dies"));
        for (n, link) in std::mem::take(&mut self.processes[p].links).into_iter().enumerate() {
            let reached = self.dice.below(link.sent.len() as u64 + 1) as usize;
            self.late.extend(link.sent.into_iter().take(reached).map(|(_, work)| (n, work)));
        }
        self.processes[p] = self.boot();
    }

    pub(super) fn evict(&mut self, n: usize) {
        let keys = self.servers.stores[n].keys(self.now);
        if !keys.is_empty() {
            let key = keys[self.dice.below(keys.len() as u64) as usize].clone();
            self.log(|| format!("{} is evicted", key.escape_ascii()));
            self.servers.stores[n].evict(self.now, &key);
        }
    }

    pub(super) fn replicate(&mut self) {
        self.servers.replicas = self.servers.stores.clone();
    }

    pub(super) fn fail_over(&mut self, n: usize) {
        self.log(|| format!("failover of {n}"));
        for p in 0..self.processes.len() {
            self.cut(p, n);
        }
        // Operations that the old master had not carried out are lost with it.
        self.late.retain(|(node, _)| *node != n);
        self.servers.stores[n] = self.servers.replicas[n].clone();
        self.change_replication_id(n);
    }

    pub(super) fn change_replication_id(&mut self, n: usize) {
        self.next += 1;
        let id = ReplicationId::of(&self.next.to_le_bytes());
        self.log(|| format!("the replication id {id:?} of {n}"));
        self.servers.stores[n].set_replication_id(id);
    }
}
