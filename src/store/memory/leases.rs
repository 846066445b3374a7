//! Leases, in an entry's place or in its header: what the scripts do on a server.

use std::time::Duration;

use super::{millis, name, MemoryStore};
use crate::clock::Instant;
use crate::store::cells::Content;
use crate::store::entry::{self, Stored, COMMON, LEASE, LEASE_DEADLINE, LEASE_TAGS, TAIL_END};
use crate::store::{Found, Id, Inside, Key, Placed, Replication, Seen, Value};

impl MemoryStore {
    pub(super) fn place(
        &mut self,
        now: Instant,
        key: &Key,
        expected: Option<Id>,
        lease: &[u8],
        life: Duration,
        replication: &Replication,
    ) -> Placed {
        let found = self.cells.text(key, now);
        let name = found.as_ref().filter(|text| !self.has_run_out(text, key, now)).and_then(|text| name(text, replication));
        if name == expected {
            let left = u64::try_from(self.cells.pttl(key, now)).unwrap_or(0);
            let lease = entry::with_replication_id(lease, &replication.id).concat();
            self.cells.put(key, Content::Text(Value::new(lease)), now + life);
            let end = if left == 0 { 0 } else { millis(now) + left };
            return Placed::Yes { left: Duration::from_millis(left), end };
        }
        let pttl = self.cells.pttl(key, now);
        Placed::No(Found {
            value: found.filter(|_| name.is_some()).into(),
            pttl: Some(if name.is_some() { pttl } else { -2 }),
            is_head: false,
        })
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one operation")]
    pub(super) fn place_inside(
        &mut self,
        now: Instant,
        key: &Key,
        stamp: Id,
        token: Id,
        tags: &[u8],
        life: Duration,
        replication: &Replication,
    ) -> Inside {
        let Some(text) = self.cells.text(key, now).filter(|text| name(text, replication).is_some()) else {
            return Inside::No(Found { value: Seen::Nothing, pttl: Some(-2), is_head: false });
        };
        let pttl = self.cells.pttl(key, now);
        let (old, level) = match entry::parse(&text) {
            Some(Stored::Entry(header)) if header.stamp == stamp => match header.lease {
                Some(lease) if lease.deadline > millis(now) => {
                    let remaining = Duration::from_millis(lease.deadline - millis(now));
                    return Inside::Held { lease: text[LEASE..LEASE + inner_length(&text)].to_vec(), remaining };
                }
                lease => (inner_length(&text), lease.map_or(0, |lease| lease.level)),
            },
            _ => return Inside::No(Found { value: Seen::Own(text), pttl: Some(pttl), is_head: false }),
        };
        let mut lease = Vec::with_capacity(LEASE_TAGS + tags.len());
        lease.extend_from_slice(b"h ");
        lease.extend_from_slice(token.as_bytes());
        lease.extend_from_slice(format!(" {:015} {level:02} ", millis(now + life)).as_bytes());
        lease.extend_from_slice(tags);
        self.splice(key, &text, old, &lease);
        Inside::Yes
    }

    pub(super) fn amend(&mut self, now: Instant, key: &Key, token: Id, tags: &[u8], replication: &Replication) -> bool {
        match self.holds(now, key, token, Some(replication)) {
            None => false,
            Some((text, Where::Place)) => {
                let mut lease = text[..TAIL_END].to_vec();
                lease.extend_from_slice(tags);
                lease.push(b'\n');
                self.cells.replace(key, lease);
                true
            }
            Some((text, Where::Header)) => {
                let mut lease = text[LEASE..LEASE + LEASE_TAGS].to_vec();
                lease.extend_from_slice(tags);
                self.splice(key, &text, inner_length(&text), &lease);
                true
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one operation")]
    pub(super) fn keep(
        &mut self,
        now: Instant,
        key: &Key,
        token: Id,
        stamp: Id,
        (header, rest): (&[u8], usize),
        until: Instant,
        replication: &Replication,
    ) -> bool {
        let Some((text, Where::Header)) = self.holds(now, key, token, Some(replication)) else { return false };
        let Some(payload) = text.get(LEASE + inner_length(&text) + rest..).filter(|_| entry::name(&text) == Some(stamp)) else {
            return false;
        };
        let value = [&entry::with_replication_id(header, &replication.id).concat(), payload].concat();
        self.cells.put(key, Content::Text(Value::new(value)), until)
    }

    pub(super) fn renew(&mut self, now: Instant, key: &Key, token: Id, life: Duration, replication: &Replication) -> bool {
        match self.holds(now, key, token, Some(replication)) {
            None => false,
            Some((text, Where::Place)) => {
                let tail = if let Some(Stored::Lease(lease)) = entry::parse(&text) { lease.tail } else { Duration::ZERO };
                self.cells.expire(key, now + life.saturating_add(tail));
                true
            }
            Some((text, Where::Header)) => {
                if text[LEASE] != b'h' {
                    return false;
                }
                let mut lease = text[LEASE..LEASE + inner_length(&text)].to_vec();
                lease[LEASE_DEADLINE..LEASE_DEADLINE + 15].copy_from_slice(format!("{:015}", millis(now + life)).as_bytes());
                self.splice(key, &text, lease.len(), &lease);
                true
            }
        }
    }

    pub(super) fn give_back(&mut self, now: Instant, key: &Key, token: Id) -> bool {
        match self.holds(now, key, token, None) {
            None => false,
            Some((_, Where::Place)) => self.cells.remove(key, now).is_some(),
            Some((text, Where::Header)) => {
                self.splice(key, &text, inner_length(&text), b"");
                true
            }
        }
    }

    pub(super) fn back_off(&mut self, now: Instant, key: &Key, token: Id, base: Duration, max: Duration) -> bool {
        let Some((text, Where::Header)) = self.holds(now, key, token, None) else { return false };
        let mut lease = text[LEASE..LEASE + inner_length(&text)].to_vec();
        let level = entry::parse_inner(&lease).map_or(0, |lease| lease.level).min(30);
        let wait = base.saturating_mul(1 << level).min(max);
        lease[0] = b'b';
        lease[LEASE_DEADLINE..LEASE_DEADLINE + 18].copy_from_slice(format!("{:015} {:02}", millis(now + wait), level + 1).as_bytes());
        self.splice(key, &text, lease.len(), &lease);
        true
    }

    /// The value that holds the lease `token`, and where the lease is.
    pub(super) fn holds(&mut self, now: Instant, key: &Key, token: Id, replication: Option<&Replication>) -> Option<(Value, Where)> {
        let text = self.cells.text(key, now)?;
        let stored = entry::parse(&text)?;
        if replication.is_some_and(|replication| !replication.accepts(stored.replication_id().as_bytes())) {
            return None;
        }
        let place = match stored {
            // To give it back, it need not be good any more.
            Stored::Lease(_) if replication.is_some() && self.has_run_out(&text, key, now) => return None,
            Stored::Lease(lease) => (lease.token == token).then_some(Where::Place)?,
            Stored::Entry(entry) => (entry.lease?.token == token).then_some(Where::Header)?,
        };
        Some((text, place))
    }

    /// Whether the lease is in an entry's place.
    pub(super) fn holds_place(&mut self, now: Instant, key: &Key, token: Id, replication: &Replication) -> bool {
        matches!(self.holds(now, key, token, Some(replication)), Some((_, Where::Place)))
    }

    /// Replaces the lease of `old` bytes in the header of `text` with `lease`.
    fn splice(&mut self, key: &Key, text: &[u8], old: usize, lease: &[u8]) {
        let mut out = Vec::with_capacity(text.len() + lease.len());
        out.extend_from_slice(&text[..COMMON]);
        out.extend_from_slice(format!("{:06} ", lease.len()).as_bytes());
        out.extend_from_slice(lease);
        out.extend_from_slice(&text[LEASE + old..]);
        self.cells.replace(key, out);
    }
}

/// Where a lease is.
pub(super) enum Where {
    /// In an entry's place.
    Place,
    /// In an entry's header.
    Header,
}

/// Length of the lease inside an entry that was parsed.
fn inner_length(text: &[u8]) -> usize {
    text[COMMON..COMMON + 6].iter().fold(0, |n, digit| n * 10 + usize::from(digit.wrapping_sub(b'0')))
}
