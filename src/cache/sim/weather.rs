//! Failures: of links, processes, memory and masters.

use super::world::World;
use crate::store::{NodeId, ReplicationId, StoreError};

impl World {
    pub(super) fn late_delivery(&mut self) {
        let Some(mut work) = self.late.pop_front() else { return };
        self.note_effect(None, &work.op.op);
        self.log(|| format!("server, late: {:?}", work.op));
        if work.step(&mut self.store, self.now, self.fault).is_none() {
            self.late.push_front(work);
        }
    }

    pub(super) fn cut(&mut self, p: usize) {
        if !self.processes[p].is_up {
            return;
        }
        self.log(|| format!("{p} is cut"));
        self.processes[p].is_up = false;
        let answered = std::mem::take(&mut self.processes[p].answered);
        let sent = std::mem::take(&mut self.processes[p].sent);
        let reached = self.dice.below(sent.len() as u64 + 1) as usize;
        let down_first = self.dice.chance(50);
        if down_first {
            self.input(p, |engine, cx| engine.on_store_down(cx, NodeId::ONLY));
        }
        for (ticket, _) in answered {
            self.input(p, |engine, cx| engine.on_store(cx, ticket, Err(StoreError::Cut { maybe_executed: true })));
        }
        for (at, (ticket, work)) in sent.into_iter().enumerate() {
            let maybe_executed = at < reached || self.dice.chance(50);
            if at < reached {
                self.late.push_back(work);
            }
            let error = if maybe_executed { StoreError::Cut { maybe_executed } } else { StoreError::NotSent };
            self.input(p, |engine, cx| engine.on_store(cx, ticket, Err(error)));
        }
        if !down_first {
            self.input(p, |engine, cx| engine.on_store_down(cx, NodeId::ONLY));
        }
    }

    pub(super) fn crash(&mut self, p: usize) {
        self.log(|| format!("{p} dies"));
        let sent = std::mem::take(&mut self.processes[p].sent);
        let reached = self.dice.below(sent.len() as u64 + 1) as usize;
        self.late.extend(sent.into_iter().take(reached).map(|(_, work)| work));
        self.processes[p] = self.boot();
    }

    pub(super) fn evict(&mut self) {
        let keys = self.store.keys(self.now);
        if !keys.is_empty() {
            let key = keys[self.dice.below(keys.len() as u64) as usize].clone();
            self.log(|| format!("{} is evicted", key.escape_ascii()));
            self.store.evict(self.now, &key);
        }
    }

    pub(super) fn replicate(&mut self) {
        self.replica = self.store.clone();
    }

    pub(super) fn fail_over(&mut self) {
        self.log(|| "failover".to_owned());
        for p in 0..self.processes.len() {
            self.cut(p);
        }
        // Operations that the old master had not carried out are lost with it.
        self.late.clear();
        self.store = self.replica.clone();
        self.change_replication_id();
    }

    pub(super) fn change_replication_id(&mut self) {
        self.next += 1;
        let id = ReplicationId::of(&self.next.to_le_bytes());
        self.log(|| format!("the replication id {id:?}"));
        self.store.set_replication_id(id);
    }
}
