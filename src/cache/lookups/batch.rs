//! Lookups leave together: the keys that several of them read are read once.

use std::sync::Arc;

use super::Lookups;
use crate::cache::effects::Outbox;
use crate::cache::ids::RepoId;
use crate::cache::lookup::{Lookup, Phase};
use crate::cache::names::OwnVersion;
use crate::cache::purpose::{Batch, ForLookup, Purpose};
use crate::cache::timers::Numbered;
use crate::store::{Key, Named, Op, ReadEntry};

impl Lookups {
    /// Sends queued lookups as one operation of at most `max` entries. `group_of` gives the group of nodes of a lookup, if they can be
    /// read now. All lookups of the operation are of one group, so a node that is silent stops no lookup of another one.
    pub(in crate::cache) fn send_batch(&mut self, out: &mut Outbox, max: usize, group_of: impl Fn(&Lookup) -> Option<u64>) {
        let (mut group, mut others) = (None, 0);
        let mut entries = Vec::with_capacity(self.queue.len().min(max));
        let mut versions: Vec<Key> = Vec::with_capacity(self.queue.len().min(max) + 3);
        // A lookup alone shares nothing, and mostly they come alone or in large numbers.
        let is_alone = self.queue.len() == 1;
        let mut place_of: Named<(RepoId, &[u8]), u32> = Named::default();
        // Sets of tags that several lookups name: where their places begin.
        let mut sets: Numbered<(RepoId, u64), u32> = Numbered::default();
        // The versions of repositories: mostly the same few ones.
        let mut owns: Vec<(Arc<OwnVersion>, u32)> = Vec::new();
        let mut batch = Batch::default();
        let Self { active, queue, .. } = self;
        for _ in 0..queue.len() {
            if entries.len() == max || (group.is_some() && others > 4 * max) {
                break;
            }
            let Some(id) = queue.pop_front() else { break };
            let Some(lookup) = active.get(&id).filter(|lookup| lookup.phase == Phase::Queued) else { continue };
            let own = group_of(lookup);
            if own.is_none() || (group.is_some() && group != own) {
                others += 1;
                queue.push_back(id);
                continue;
            }
            group = own;
            entries.push(ReadEntry { key: lookup.entry.clone(), with_age: lookup.with_age, head_bytes: out.parsed.head_of(lookup) });
            if is_alone {
                versions.extend(lookup.tags.iter().map(|tag| lookup.repo.names.version(tag)));
                versions.push(lookup.own.key.clone());
                let own = versions.len() as u32 - 1;
                batch.places.extend(0..own);
                batch.lookups.push((id, own, 0));
                break;
            }
            let from = *sets.entry((lookup.repo.id, lookup.tags.address())).or_insert_with(|| {
                let from = batch.places.len() as u32;
                batch.places.extend(lookup.tags.iter().map(|tag| {
                    *place_of.entry((lookup.repo.id, &**tag)).or_insert_with(|| {
                        versions.push(lookup.repo.names.version(tag));
                        versions.len() as u32 - 1
                    })
                }));
                from
            });
            let own = owns.iter().rev().find(|(known, _)| Arc::ptr_eq(known, &lookup.own)).map(|(_, place)| *place);
            let own = own.unwrap_or_else(|| {
                versions.push(lookup.own.key.clone());
                owns.push((Arc::clone(&lookup.own), versions.len() as u32 - 1));
                versions.len() as u32 - 1
            });
            batch.lookups.push((id, own, from));
        }
        if entries.is_empty() {
            self.is_stuck = true;
            return;
        }
        self.forming.clear();
        let ids: Vec<u64> = batch.lookups.iter().map(|(id, ..)| *id).collect();
        let ticket = out.send(Op::Read { entries, versions }, Purpose::Lookup(ForLookup::Batch(batch)));
        for id in ids {
            if let Some(lookup) = self.active.get_mut(&id) {
                lookup.phase = Phase::Asked(ticket);
            }
        }
    }
}
