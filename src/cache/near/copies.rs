//! Copies: what the facade asks to be filled, and lets go.

use std::sync::Arc;

use super::fill::{Fill, Part, Step};
use super::ground::Ground;
use super::holdings::Lost;
use super::output::NearOutput;
use super::{Asked, Fence, Near};
use crate::cache::names::Repo;
use crate::clock::Instant;
use crate::store::entry::Tag;
use crate::store::{Answer, NodeId};

impl Near {
    /// Makes a copy of an entry for the facade's `fill`. Ends with [`NearOutput::Filled`] or [`NearOutput::Refused`].
    pub(in crate::cache) fn fill(&mut self, now: Instant, fill: u32, repo: &Arc<Repo>, key: &[u8], mut tags: Vec<Tag>, ground: Ground<'_>) {
        self.wants_copies = true;
        self.warn();
        self.last += 1;
        let id = self.last;
        let entry = repo.names.entry(key);
        let own = repo.own_version(&entry, ground.is_cluster()).name.clone();
        tags.push(own.clone());
        self.fills.insert(id, Fill::new(fill, Arc::clone(repo), entry, own));
        self.read(now, id, true, tags, ground);
    }

    /// The facade has let copies go.
    pub(in crate::cache) fn forget(&mut self, copy: u32) {
        self.holdings.release_copy(copy);
    }

    /// Sends the reads of a fill: the entry, if it `starts`, and versions, each on the lane of its node.
    fn read(&mut self, now: Instant, id: u64, starts: bool, tags: Vec<Tag>, ground: Ground<'_>) {
        let Some(fill) = self.fills.get_mut(&id) else { return };
        let parts = fill.parts(starts, tags, |key| ground.node_of(key));
        let is_open = |node: NodeId| ground.replication(node).is_some_and(|id| self.lanes.is_up_for(node, id));
        if !parts.iter().all(|(node, _)| is_open(*node)) {
            return self.refuse(id);
        }
        fill.waits += parts.len();
        let mut reads = Vec::with_capacity(parts.len());
        for (node, part) in parts {
            for key in part.keys(fill) {
                self.holdings.hold_for_fill(id, key, node);
            }
            reads.push((node, part.op(fill), part));
        }
        for (node, op, part) in reads {
            self.send(now, node, op, Asked::Fill(id, part), ground);
        }
    }

    pub(super) fn refuse(&mut self, id: u64) {
        if let Some(fill) = self.fills.remove(&id) {
            self.holdings.release_fill(id);
            self.outputs.push_back(NearOutput::Refused { fill: fill.number });
        }
    }

    pub(super) fn on_fill(&mut self, now: Instant, id: u64, part: Part, answer: Option<Answer>, ground: Ground<'_>) {
        let Some(fill) = self.fills.get_mut(&id) else { return };
        let step = match answer {
            Some(answer) => fill.on_answer(part, answer),
            None => Step::Refuse,
        };
        match step {
            Step::Wait => {}
            Step::Refuse => self.refuse(id),
            Step::Versions(tags) => self.read(now, id, false, tags, ground),
            Step::Keep => self.keep(id),
        }
    }

    fn keep(&mut self, id: u64) {
        let Some(fill) = self.fills.remove(&id) else { return };
        // An older copy of the entry would outlive what dropped it.
        let former = self.holdings.copies_of(&fill.entry);
        self.lose(Lost { copies: former, fills: Vec::new() }, true, false);
        self.last_copy = self.last_copy.wrapping_add(1).max(1);
        let only = (!self.has(Fence::VersionsCount)).then(|| fill.entry.clone());
        self.holdings.turn_into_copy(id, self.last_copy, only.as_ref());
        if let Some(filled) = fill.filled(self.last_copy) {
            self.outputs.push_back(NearOutput::Filled(Box::new(filled)));
        }
    }
}
