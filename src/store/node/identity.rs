//! The replication id of one node and the rules for reading it again (CACHE.md, section 1): when the link comes up, and at most
//! once a second when a value with another id is met. An id that changes all the time on living links turns the check off.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;
use crate::store::{Replication, ReplicationId};

/// How often the id is read again at most.
const READ_EVERY: Duration = Duration::from_secs(1);
/// How often it may change within a minute on links that live.
const CHANGES_MAX: usize = 5;
const CHANGES_WITHIN: Duration = Duration::from_secs(60);

/// A node's replication id, and when it was read.
#[derive(Debug)]
pub(super) struct Identity {
    replication: Replication,
    read_at: Option<Instant>,
    is_reading: bool,
    /// Whether the next answer is the first one of its link.
    is_first: bool,
    changes: VecDeque<Instant>,
    is_check_off: bool,
    /// Counts links and ids. A scan that has seen two epochs starts again.
    epoch: u64,
}

impl Identity {
    pub(super) fn new() -> Self {
        Self {
            replication: Replication::TRUSTING,
            read_at: None,
            is_reading: false,
            is_first: false,
            changes: VecDeque::new(),
            is_check_off: false,
            epoch: 0,
        }
    }

    pub(super) fn replication(&self) -> Replication {
        self.replication
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn is_reading(&self) -> bool {
        self.is_reading
    }

    /// Whether the id changed so often that it is no longer checked.
    pub(super) fn is_check_off(&self) -> bool {
        self.is_check_off
    }

    /// A new link is there.
    pub(super) fn on_link(&mut self) {
        self.epoch += 1;
        self.is_first = true;
    }

    /// The link is gone, and with it the answer that was due.
    pub(super) fn on_link_lost(&mut self) {
        self.is_reading = false;
    }

    /// Every id is accepted from now on.
    pub(super) fn accept_all(&mut self) {
        self.replication = Replication::TRUSTING;
    }

    /// The id is being read.
    pub(super) fn reading(&mut self, now: Instant) {
        self.read_at = Some(now);
        self.is_reading = true;
    }

    /// The answer has come, whatever it says.
    pub(super) fn answered(&mut self) {
        self.is_reading = false;
    }

    /// Whether a foreign value is a reason to read the id again now. Within a second of the last reading it is not.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.read_at.is_none_or(|at| now.since(at) >= READ_EVERY)
    }

    /// The server's id. Says whether it has changed so often that the check was turned off just now.
    pub(super) fn learn(&mut self, id: ReplicationId, now: Instant) -> bool {
        if self.is_check_off {
            return false;
        }
        let is_first = std::mem::replace(&mut self.is_first, false);
        let learned = Replication { id, is_checked: true };
        if self.replication == learned {
            return false;
        }
        self.replication = learned;
        self.epoch += 1;
        !is_first && self.note_change(now)
    }

    fn note_change(&mut self, now: Instant) -> bool {
        let since = now - CHANGES_WITHIN;
        self.changes.push_back(now);
        self.changes.retain(|change| *change >= since);
        if self.changes.len() <= CHANGES_MAX {
            return false;
        }
        self.is_check_off = true;
        self.accept_all();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_changes_more_than_five_times_a_minute_is_no_longer_checked() {
        let mut identity = Identity::new();
        identity.on_link();
        let at = |secs: u64| Instant::from_millis(1_000_000 + secs * 1000);
        assert!(!identity.learn(ReplicationId::of(b"0"), at(0)), "the first id of a link is no change");
        for n in 1..=5u8 {
            assert!(!identity.learn(ReplicationId::of(&[n]), at(u64::from(n))));
        }
        assert!(!identity.learn(ReplicationId::of(&[5]), at(6)), "the same id is no change");
        assert!(identity.learn(ReplicationId::of(&[6]), at(7)));
        assert!(identity.is_check_off());
        assert_eq!(identity.replication(), Replication::TRUSTING);
    }

    #[test]
    fn changes_that_are_far_apart_leave_the_check_on() {
        let mut identity = Identity::new();
        identity.on_link();
        for n in 0..20u8 {
            assert!(!identity.learn(ReplicationId::of(&[n]), Instant::from_millis(1_000_000 + u64::from(n) * 30_000)));
        }
    }

    #[test]
    fn every_link_and_every_change_begins_an_epoch() {
        let mut identity = Identity::new();
        let now = Instant::from_millis(0);
        identity.on_link();
        identity.learn(ReplicationId::of(b"a"), now);
        let epoch = identity.epoch();
        identity.learn(ReplicationId::of(b"a"), now);
        assert_eq!(identity.epoch(), epoch);
        identity.on_link();
        assert!(identity.epoch() > epoch);
    }
}
