//! Parts that were carried out behind ASKING. The node that was asked runs a command whether it has the key or not, and the ASK may
//! be old: the slot may have moved on since, and be on its way to that node once more, with the key still at the other one. A
//! deletion finds nothing there, and what is written there has a second copy. So the node that said ASK is heard once more before
//! the outcome counts. Operations that change only what they find need no such proof: where the key is not, they change nothing.

use super::id::NodeId;
use crate::store::{Answer, Key, Op, ReadEntry};

/// Who said ASK, and who was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub from: NodeId,
    pub to: NodeId,
}

/// What is known of a part that goes behind ASKING.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// The last ASK.
    pub way: Option<Way>,
    /// Where a removal has been carried out behind ASKING, and the sum of what it answered.
    pub removed: Option<Way>,
    pub number: u64,
    /// The outcome of a write, while the node that said ASK is heard once more.
    pub written: Option<Answer>,
}

impl Asking {
    /// A node has said ASK.
    pub(super) fn told(&mut self, way: Way) {
        self.way = Some(way);
        // Another way: what was done on the former one proves nothing.
        self.removed = self.removed.filter(|removed| *removed == way);
    }

    /// A removal has been carried out behind ASKING.
    pub(super) fn on_removed(&mut self, answer: &Answer) {
        self.removed = self.way;
        if let Answer::Number(number) = answer {
            self.number = *number;
        }
    }

    /// The slot of the part has moved.
    pub(super) fn moved(&mut self) {
        self.removed = None;
    }

    /// The check of a write: it goes to the node that said ASK.
    pub(super) fn check(&self, op: &Op) -> Option<(NodeId, Op)> {
        let way = self.way.filter(|_| self.written.is_some())?;
        Some((way.from, head_of(op.routing_key()?)))
    }
}

pub(super) fn is_removal(op: &Op) -> bool {
    matches!(op, Op::Delete { .. } | Op::Unlink { .. } | Op::Invalidate { .. })
}

/// Whether an operation writes where nothing is.
pub(super) fn writes_anew(op: &Op) -> bool {
    matches!(op, Op::Ensure { .. } | Op::Place { .. } | Op::Set { .. })
}

/// A read of the shortest start of a value: the answer tells where the key is.
fn head_of(key: &Key) -> Op {
    Op::Read { entries: vec![ReadEntry { key: key.clone(), with_age: false, head_bytes: Some(1) }], versions: vec![] }
}
