//! Reads headers: the places of the fixed parts, and a cursor for the rest. Nothing it meets makes it panic.

use std::time::Duration;

use super::id::Id;

/// Where the parts with a fixed place begin.
pub(super) const ID: usize = 5;
pub(super) const REPLICATION_ID: usize = 18;
/// End of the part that entries and leases have in common.
pub(in crate::store) const COMMON: usize = 27;
/// Start of a lease's tags: its tail comes before them.
pub(in crate::store) const TAIL_END: usize = 43;
/// Start of the lease inside an entry.
pub(in crate::store) const LEASE: usize = 34;
/// Start of a lease's deadline within the lease.
pub(in crate::store) const LEASE_DEADLINE: usize = 15;
/// Start of a lease's tags within the lease.
pub(in crate::store) const LEASE_TAGS: usize = 34;

/// The longest word of a header that is not of a fixed length.
const WORD_MAX: usize = 32;

/// The tags of a header.
pub(super) struct Listed<'a> {
    /// The version of the repository.
    pub repository: Option<Id>,
    pub count: usize,
    /// How many of them, at the end, the loader added.
    pub added: usize,
    pub bytes: &'a [u8],
}

/// Reads a header from left to right.
pub(super) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn expect(&mut self, text: &[u8]) -> Option<()> {
        let found = self.bytes.get(self.at..self.at.checked_add(text.len())?)?;
        self.at += text.len();
        (found == text).then_some(())
    }

    /// Digits up to and including `end`.
    pub(super) fn number(&mut self, end: u8) -> Option<u64> {
        let mut n = 0u64;
        let start = self.at;
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if byte == end {
                return (self.at > start + 1).then_some(n);
            }
            n = n.checked_mul(10)?.checked_add(u64::from(byte.checked_sub(b'0').filter(|digit| *digit <= 9)?))?;
        }
    }

    /// Everything up to the next blank, which is read too. No word is long.
    pub(super) fn word(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().take(WORD_MAX + 1).position(|byte| *byte == b' ')?;
        self.at += length + 1;
        Some(&rest[..length])
    }

    pub(super) fn duration(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(self.number(b' ')?))
    }

    /// How long an entry may be served, how long it is fresh, and how long it is kept.
    pub(super) fn periods(&mut self) -> Option<[Duration; 3]> {
        let ttl = self.millis()?;
        let fresh = if self.skip(b'/') { self.millis()? } else { ttl };
        let keep = if self.skip(b'+') { self.millis()? } else { Duration::ZERO };
        self.expect(b" ")?;
        Some([ttl, fresh, keep])
    }

    fn millis(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(u64::try_from(self.digits()?).ok()?))
    }

    /// Skips this byte, if it comes next.
    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn id(&mut self) -> Option<Id> {
        let id = Id::parse(self.bytes.get(self.at..self.at.checked_add(Id::LEN)?)?)?;
        self.at += Id::LEN;
        Some(id)
    }

    /// One tag.
    pub(super) fn tag(&mut self) -> Option<(&'a [u8], Id)> {
        let length = usize::try_from(self.number(b':')?).ok()?;
        let end = self.at.checked_add(length)?;
        let name = self.bytes.get(self.at..end)?;
        self.at = end;
        Some((name, self.id()?))
    }

    /// Digits, at least one.
    fn digits(&mut self) -> Option<usize> {
        let mut n = 0usize;
        let start = self.at;
        while let Some(digit) = self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            n = n.checked_mul(10)?.checked_add(usize::from(digit - b'0'))?;
            self.at += 1;
        }
        (self.at > start).then_some(n)
    }

    /// The tags of a header.
    pub(super) fn tags(&mut self) -> Option<Listed<'a>> {
        let named = self.digits()?;
        let mut added = 0;
        if self.skip(b'+') {
            added = self.digits()?;
        }
        let repository = if self.skip(b'!') { Some(self.id()?) } else { None };
        let count = named.checked_add(added)?;
        if repository.is_none() && count > 0 {
            self.expect(b" ")?;
        }
        let from = self.at;
        for _ in 0..count {
            self.tag()?;
        }
        Some(Listed { repository, count, added, bytes: &self.bytes[from..self.at] })
    }
}
