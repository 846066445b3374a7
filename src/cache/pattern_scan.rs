//! The walk through the keys of `deletePattern`. It begins again on another link and under another replication id, where a cursor
//! means nothing.

use crate::store::{Key, Op};

/// A walk through the keys that match a pattern.
#[derive(Debug)]
pub(super) struct PatternScan {
    pattern: Vec<u8>,
    cursor: Vec<u8>,
    /// Whether the last step of the scan was answered.
    is_scanned: bool,
    /// How many deletions wait for their answer.
    unlinking: u32,
    deleted: u64,
    /// The epoch of the node that it began in.
    epoch: u64,
}

/// The next step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ScanStep {
    Scan,
    /// Nothing but the answers to deletions.
    Wait,
    /// All is deleted: this many.
    Done(u64),
}

impl PatternScan {
    pub(super) fn new(pattern: Vec<u8>) -> Self {
        Self { pattern, cursor: b"0".to_vec(), is_scanned: false, unlinking: 0, deleted: 0, epoch: 0 }
    }

    /// The next step of the scan, from the start if the epoch is another one.
    pub(super) fn scan(&mut self, epoch: u64) -> Op {
        if self.epoch != epoch {
            *self = Self { deleted: self.deleted, epoch, ..Self::new(std::mem::take(&mut self.pattern)) };
        }
        Op::Scan { cursor: self.cursor.clone(), pattern: self.pattern.clone() }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether a deletion waits for its answer.
    pub(super) fn is_unlinking(&self) -> bool {
        self.unlinking > 0
    }

    /// A step of the scan was answered. Returns the deletion of what it found, if the node's epoch (`now`) is still the same.
    pub(super) fn on_scanned(&mut self, cursor: Vec<u8>, keys: Vec<Key>, now: u64) -> Option<Op> {
        self.is_scanned = cursor == b"0";
        self.cursor = cursor;
        if keys.is_empty() || self.epoch != now {
            return None;
        }
        self.unlinking += 1;
        Some(Op::Unlink { keys })
    }

    /// A deletion of `epoch` was answered, with the number of keys; `None`: it has failed. Says whether the answer counts.
    pub(super) fn on_unlinked(&mut self, epoch: u64, number: Option<u64>) -> bool {
        self.deleted += number.unwrap_or(0);
        if self.epoch != epoch {
            return false;
        }
        self.unlinking -= 1;
        if number.is_none() {
            // The keys may still be there: from the start again.
            self.epoch = 0;
        }
        true
    }

    /// The next step in the node's epoch `now`.
    pub(super) fn next(&self, now: u64) -> ScanStep {
        if !self.is_scanned || self.epoch != now {
            ScanStep::Scan
        } else if self.unlinking == 0 {
            ScanStep::Done(self.deleted)
        } else {
            ScanStep::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::from(text.as_bytes())
    }

    #[test]
    fn it_ends_when_all_deletions_are_answered() {
        let mut scan = PatternScan::new(b"sc:*".to_vec());
        assert_eq!(scan.scan(1), Op::Scan { cursor: b"0".to_vec(), pattern: b"sc:*".to_vec() });
        assert!(scan.on_scanned(b"7".to_vec(), vec![key("sc:a")], 1).is_some());
        assert_eq!(scan.next(1), ScanStep::Scan);
        assert_eq!(scan.scan(1), Op::Scan { cursor: b"7".to_vec(), pattern: b"sc:*".to_vec() });
        assert_eq!(scan.on_scanned(b"0".to_vec(), vec![], 1), None);
        assert_eq!(scan.next(1), ScanStep::Wait);
        assert!(scan.on_unlinked(1, Some(1)));
        assert_eq!(scan.next(1), ScanStep::Done(1));
    }

    #[test]
    fn another_epoch_or_a_failed_deletion_begins_from_the_start() {
        let mut scan = PatternScan::new(b"sc:*".to_vec());
        scan.scan(1);
        scan.on_scanned(b"7".to_vec(), vec![key("sc:a")], 1);
        assert_eq!(scan.scan(2), Op::Scan { cursor: b"0".to_vec(), pattern: b"sc:*".to_vec() });
        assert!(!scan.on_unlinked(1, Some(1)), "the answer to a deletion of the former epoch only counts its keys");
        scan.on_scanned(b"0".to_vec(), vec![key("sc:b")], 2);
        assert!(scan.on_unlinked(2, None));
        assert_eq!(scan.next(2), ScanStep::Scan);
        assert_eq!(scan.scan(2), Op::Scan { cursor: b"0".to_vec(), pattern: b"sc:*".to_vec() });
    }
}
