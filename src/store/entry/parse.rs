//! Bytes to headers. A value that hawser did not write is `None`, never an error.

use super::cursor::{Cursor, Listed, COMMON, ID, LEASE, LEASE_TAGS, REPLICATION_ID, TAIL_END};
use super::form::Form;
use super::header::{Entry, InnerLease, Lease, Stored, Tags};
use super::id::{Id, Version};
use crate::store::ReplicationId;

/// Reads a value; `None` if hawser did not write it.
pub fn parse(value: &[u8]) -> Option<Stored<'_>> {
    let (kind, id, replication_id) = common(value)?;
    let mut cursor = Cursor { bytes: value, at: COMMON };
    match kind {
        Kind::Lease => {
            let tail = cursor.duration()?;
            if cursor.at != TAIL_END {
                return None;
            }
            let tags = tags(&mut cursor)?;
            (cursor.bytes.get(cursor.at..)? == b"\n").then_some(Stored::Lease(Lease { token: id, replication_id, tail, tags }))
        }
        Kind::Entry => {
            let length = cursor.number(b' ')? as usize;
            if cursor.at != LEASE {
                return None;
            }
            let lease = match length {
                0 => None,
                _ => Some(parse_inner(value.get(LEASE..LEASE.checked_add(length)?)?)?),
            };
            cursor.at = LEASE + length;
            let [ttl, fresh, keep] = cursor.periods()?;
            let form = Form::parse(cursor.word()?)?;
            let tags = tags(&mut cursor)?;
            cursor.expect(b"\n")?;
            Some(Stored::Entry(Entry { stamp: id, replication_id, lease, ttl, fresh, keep, tags, form, payload: cursor.at }))
        }
    }
}

/// Reads the lease inside an entry.
pub fn parse_inner(lease: &[u8]) -> Option<InnerLease<'_>> {
    let is_held = match lease.get(..2)? {
        b"h " => true,
        b"b " => false,
        _ => return None,
    };
    let token = Id::parse(lease.get(2..2 + Id::LEN)?)?;
    let mut cursor = Cursor { bytes: lease, at: 2 + Id::LEN };
    cursor.expect(b" ")?;
    let deadline = cursor.number(b' ')?;
    let level = u8::try_from(cursor.number(b' ')?).ok()?;
    if cursor.at != LEASE_TAGS {
        return None;
    }
    let tags = tags(&mut cursor)?;
    (cursor.at == lease.len()).then_some(InnerLease { token, is_held, deadline, level, tags })
}

/// The name of a value in a comparison: its stamp or token if hawser wrote it. Looks only at the fixed part, exactly as the
/// scripts do: a value whose rest is damaged must be replaceable too.
pub fn name(value: &[u8]) -> Option<Id> {
    common(value).map(|(_, id, _)| id)
}

/// The length of an entry's header after its lease: the same as long as the entry has its stamp.
pub fn rest_of_header(value: &[u8]) -> Option<usize> {
    let Some(Stored::Entry(entry)) = parse(value) else { return None };
    let lease = std::str::from_utf8(value.get(COMMON..LEASE - 1)?).ok()?.parse::<usize>().ok()?;
    entry.payload.checked_sub(LEASE + lease)
}

/// The replication id of an entry or a lease, from its fixed place; `None` if hawser did not write the value.
pub fn replication_id(value: &[u8]) -> Option<ReplicationId> {
    common(value).map(|(_, _, id)| id)
}

/// Whether a value is a lease, by its first four bytes.
pub fn is_lease(value: &[u8]) -> bool {
    value.starts_with(b"hw2l")
}

/// Reads a tag version; `None` if hawser did not write it.
pub fn parse_version(value: &[u8]) -> Option<Version> {
    if value.len() != COMMON - 1 || !value.starts_with(b"hw2v ") || value[REPLICATION_ID - 1] != b' ' {
        return None;
    }
    Some(Version { id: Id::parse(&value[ID..REPLICATION_ID - 1])?, replication_id: ReplicationId::parse(&value[REPLICATION_ID..])? })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Entry,
    Lease,
}

fn common(value: &[u8]) -> Option<(Kind, Id, ReplicationId)> {
    let fixed = value.get(..COMMON)?;
    let kind = match &fixed[..ID] {
        b"hw2e " => Kind::Entry,
        b"hw2l " => Kind::Lease,
        _ => return None,
    };
    Some((kind, Id::parse(&fixed[ID..REPLICATION_ID - 1])?, ReplicationId::parse(&fixed[REPLICATION_ID..COMMON - 1])?))
}

fn tags<'a>(cursor: &mut Cursor<'a>) -> Option<Tags<'a>> {
    let Listed { repository, count, added, bytes } = cursor.tags()?;
    Some(Tags { repository, count, added, bytes })
}
