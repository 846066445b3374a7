//! The loads' part in additions of tags (`tag_addition`): whether a load takes more tags, and what gets into its lease.

use super::effects::Fx;
use super::loads::Loads;
use super::tag_addition::Admission;
use crate::store::entry::{self, Tag};
use crate::store::{Id, Op};

impl Loads {
    /// A loader adds tags. Returns the next step.
    pub(super) fn admit_tags(&mut self, fx: &mut Fx<'_>, id: u32, tags: Vec<Tag>, may_write: bool) -> Admission {
        let Some(load) = self.running.get_mut(&id).filter(|load| load.outcome.is_none()) else { return Admission::Settled };
        let lease = &mut load.lease;
        if lease.is_lost {
            return Admission::NotStored;
        }
        let tags = lease.claim(tags);
        if tags.is_empty() {
            return Admission::InPlace;
        }
        let more = tags.iter().filter(|tag| lease.tags.iter().all(|(known, _)| known != *tag)).count();
        if !may_write || !lease.make_room(more) {
            self.disown(fx, id);
            return Admission::NotStored;
        }
        lease.additions += 1;
        let ensure = fx.ensure(&load.repo, &tags, &lease.options, self.config.lease);
        Admission::Add { tags, ensure }
    }

    /// The versions of added tags are captured. Returns the operation that writes them into the lease; `None` if the lease is lost.
    pub(super) fn capture_tags(&mut self, id: u32, captured: Vec<(Tag, Id)>) -> Option<Op> {
        let load = self.running.get_mut(&id).filter(|load| !load.lease.is_lost)?;
        for (tag, version) in captured {
            // Two calls may have added one tag. The version that was captured first counts.
            if load.lease.tags.iter().all(|(known, _)| *known != tag) {
                load.lease.tags.push((tag, version));
                load.lease.added += 1;
            }
        }
        // Additions at the same time count the room that is left without each other.
        load.lease.make_room(0);
        let (token, tags) = (load.lease.token, entry::encode_tags(&load.lease.tags, load.lease.added));
        Some(Op::Amend { entry: load.entry.clone(), token, tags })
    }

    /// An addition of tags is over.
    pub(super) fn tags_added(&mut self, fx: &mut Fx<'_>, id: u32, in_place: bool) {
        if let Some(load) = self.running.get_mut(&id) {
            load.lease.additions -= 1;
        }
        if !in_place {
            self.disown(fx, id);
        }
    }
}
