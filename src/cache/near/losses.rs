//! What makes copies unusable: pushes, flushes, own writes and gaps. Each drops the copies that depend on its keys, and refuses the fills
//! in flight.

use super::holdings::Lost;
use super::output::NearOutput;
use super::{Fence, Near};
use crate::store::{Key, NodeId};

impl Near {
    /// A push on a node's lane: these keys have changed; `None`: all have.
    pub(super) fn on_push(&mut self, node: NodeId, keys: Option<Vec<Key>>) {
        let Some(keys) = keys else {
            return self.drop_node(node, Fence::FlushDrops, Fence::FlushRefusesFills);
        };
        let (drops, refuses) = (self.has(Fence::PushDrops), self.has(Fence::PushRefusesFills));
        for key in keys {
            self.drop_key(&key, drops, refuses);
            self.wake_those_of(&key);
        }
    }

    /// A write of this process is over, whatever its outcome. `None`: it may have changed any key.
    pub(in crate::cache) fn on_own_write(&mut self, keys: Option<&[Key]>) {
        if !self.is_used() {
            return;
        }
        let (drops, refuses) = (self.has(Fence::WriteDrops), self.has(Fence::WriteRefusesFills));
        if let Some(keys) = keys {
            for key in keys {
                self.drop_key(key, drops, refuses);
            }
        } else {
            let lost = self.holdings.all();
            self.lose(lost, drops, refuses);
        }
    }

    fn drop_key(&mut self, key: &Key, drops: bool, refuses: bool) {
        let lost = self.holdings.of_key(key);
        self.lose(lost, drops, refuses);
    }

    pub(super) fn drop_node(&mut self, node: NodeId, drops: Fence, refuses: Fence) {
        let lost = self.holdings.of_node(node);
        let (drops, refuses) = (self.has(drops), self.has(refuses));
        self.lose(lost, drops, refuses);
        self.wake_those_on(node);
    }

    pub(super) fn lose(&mut self, lost: Lost, drops: bool, refuses: bool) {
        if drops {
            for copy in lost.copies {
                self.holdings.release_copy(copy);
                self.outputs.push_back(NearOutput::Dropped { copy });
            }
        }
        if refuses {
            for fill in lost.fills {
                self.refuse(fill);
            }
        }
    }
}
