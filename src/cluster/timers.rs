//! Moments at which the router looks at something again. Those that have become pointless are left in: what is due is checked then.

use std::collections::BTreeSet;

use super::output::FenceId;
use crate::clock::Instant;

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// A held slot.
    Slot(u16),
    /// A fence.
    Fence(FenceId),
    /// A command that waits for a delay alone.
    Delayed(u64),
}

/// The moments in order.
#[derive(Debug, Default)]
pub struct Timers(BTreeSet<(Instant, Due)>);

impl Timers {
    /// Looks at `due` at this moment.
    pub fn set(&mut self, at: Instant, due: Due) {
        self.0.insert((at, due));
    }

    /// The next moment.
    pub fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes something that is due.
    pub fn pop(&mut self, now: Instant) -> Option<Due> {
        let first = self.0.first().filter(|(at, _)| *at <= now).copied()?;
        self.0.remove(&first);
        Some(first.1)
    }
}
