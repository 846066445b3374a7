//! Times at which a machine has to look at something again. A timer is never removed: its machine checks whether the time has
//! come, so a timer that is not needed any more costs one look.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::clock::Instant;
use crate::entropy::Entropy;
pub(super) use crate::store::Numbered;

/// The purpose of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A lookup: the end of its wait for its node, or for another's lease.
    Lookup(u64),
    /// A load: its renewal, the end of a caller's wait.
    Load(u32),
    /// A load without storing: the end of a caller's wait.
    Uncached(u32),
    /// A write.
    Write(u64),
    /// An inspection.
    Inspection(u64),
    /// The ages of loads.
    Ages,
    /// The store's node.
    Node,
}

/// Timers, the next one first.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
}

impl Timers {
    /// Sets a timer.
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

/// Between half of `base` and all of it, so that processes that wait do not read in step.
pub(super) fn jittered(base: Duration, entropy: &mut dyn Entropy) -> Duration {
    let mut byte = [0u8];
    entropy.fill(&mut byte);
    base / 2 + base.mul_f64(f64::from(byte[0]) / 512.0)
}
