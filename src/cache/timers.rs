//! Moments at which something has to be looked at again. A timer is not taken back: whoever is woken checks whether its time
//! has come, so what is over costs one look.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::clock::Instant;

/// What is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A read.
    Seek(u64),
    /// A load: its renewal, its commit, its joiners' patience.
    Load(u32),
    /// A refresh's way to its lease.
    Refresh(u64),
    /// Tags that a loader names.
    Naming(u64),
    /// A write.
    Write(u64),
    /// The link: identification, debts.
    Link,
}

/// Timers, the next one first.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
}

impl Timers {
    /// Looks at it at `when`.
    pub(super) fn set(&mut self, when: Instant, timer: Timer) {
        self.heap.push(Reverse((when, timer)));
    }

    /// The next one.
    pub(super) fn peek(&self) -> Option<(Instant, Timer)> {
        self.heap.peek().map(|Reverse(next)| *next)
    }

    /// Takes the next one off.
    pub(super) fn pop(&mut self) -> Option<(Instant, Timer)> {
        self.heap.pop().map(|Reverse(next)| next)
    }
}

/// For keys that the engine counts up itself, or hashes that are hashes already: nothing to protect, nothing to mix.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        // Spread over the high bits too: the map takes its tags from there.
        self.0 = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A map by numbers of the engine's own.
pub(super) type Numbered<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Plain>>;
