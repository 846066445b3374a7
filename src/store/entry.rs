//! The format of what is stored: entries, leases and tag versions as Redis strings with a short ASCII header, readable with
//! `redis-cli GET`. The scripts splice the fixed part by position, so this file and `src/scripts` change together.
//!
//! ```text
//! entry    hw1e <stamp> <replication id> <lease length> <lease><ttl> <fresh> <keep> <codec> <tags>\n<payload>
//! lease    hw1l <token> <replication id> <tags>\n
//! version  hw1v <version> <replication id>
//! tags     <count>, then for each: a blank, <length of name>:<name> <version>
//! lease inside an entry    <h or b> <token> <deadline> <level> <tags>
//! ```
//!
//! Stamp, token and version have 16 characters, a replication id 12, a lease length 6 digits, a deadline (the server's clock, in
//! milliseconds) 15, a level 2. Durations are milliseconds. A name is counted in bytes and may hold anything.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::ReplicationId;
use crate::entropy::{Entropy, Random};
use crate::resp::push_number;

/// Sixteen characters that name one stored value (a stamp), one lease (a token) or one version of a tag, and never another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id([u8; 16]);

impl Id {
    /// A fresh one.
    pub fn draw(entropy: &mut dyn Entropy) -> Self {
        Random::draw(entropy).into()
    }

    /// The one that was written as `text`; `None` if that has not 16 characters.
    pub fn parse(text: &[u8]) -> Option<Self> {
        text.try_into().ok().map(Self)
    }

    /// Its characters.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Random> for Id {
    fn from(random: Random) -> Self {
        Self::parse(random.as_bytes()).unwrap_or(Self([b'A'; 16]))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// A tag's name.
pub type Tag = Arc<[u8]>;

/// A tag's current version, and the replication id it was made under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The version.
    pub id: Id,
    /// Its replication id.
    pub replication_id: ReplicationId,
}

/// Where the parts with a fixed place begin.
const ID: usize = 5;
const REPLICATION_ID: usize = 22;
/// End of what entries and leases have in common.
pub(super) const COMMON: usize = 35;
/// Start of the lease inside an entry.
pub(super) const LEASE: usize = 42;
/// Start of a lease's tags within the lease.
pub(super) const LEASE_TAGS: usize = 38;

/// What an entry's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Names this stored value.
    pub stamp: Id,
    /// The replication id it was stored under.
    pub replication_id: ReplicationId,
    /// Who refreshes it, or when somebody may try again.
    pub lease: Option<InnerLease<'a>>,
    /// How long it may be served.
    pub ttl: Duration,
    /// How long it is fresh.
    pub fresh: Duration,
    /// How long it is kept after that for loaders that fail.
    pub keep: Duration,
    /// Its tags with the versions captured before its load.
    pub tags: Tags<'a>,
    /// Where the payload starts.
    pub payload: usize,
}

impl Entry<'_> {
    /// How long the store holds it.
    pub fn life(&self) -> Duration {
        self.ttl.saturating_add(self.keep)
    }
}

/// A lease in an entry's place: a load is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease<'a> {
    /// Names the load.
    pub token: Id,
    /// The replication id it was placed under.
    pub replication_id: ReplicationId,
    /// Its tags with the captured versions.
    pub tags: Tags<'a>,
}

/// A lease in an entry's header: a refresh is under way, or has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InnerLease<'a> {
    /// Names the load.
    pub token: Id,
    /// Whether somebody holds it; otherwise it is the backoff after a failure.
    pub is_held: bool,
    /// When it ends, in milliseconds of the server's clock.
    pub deadline: u64,
    /// How many refreshes in a row have failed.
    pub level: u8,
    /// Its tags with the captured versions.
    pub tags: Tags<'a>,
}

/// What is at an entry's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<'a> {
    /// An entry.
    Entry(Entry<'a>),
    /// A lease.
    Lease(Lease<'a>),
}

impl Stored<'_> {
    /// The replication id it was written under.
    pub fn replication_id(&self) -> ReplicationId {
        match self {
            Self::Entry(entry) => entry.replication_id,
            Self::Lease(lease) => lease.replication_id,
        }
    }
}

/// Tags of a header, checked when it was parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tags<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Tags<'a> {
    /// No tags.
    pub const NONE: Tags<'static> = Tags { count: 0, bytes: b"" };

    /// How many.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Name and version of each.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Id)> {
        let mut cursor = Cursor { bytes: self.bytes, at: 0 };
        std::iter::from_fn(move || cursor.tag())
    }

    /// Whether `name` is among them.
    pub fn has(&self, name: &[u8]) -> bool {
        self.iter().any(|(tag, _)| tag == name)
    }
}

impl fmt::Debug for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, id)| (String::from_utf8_lossy(name), id))).finish()
    }
}

/// Reads a value; `None` if hawser did not write it.
pub fn parse(value: &[u8]) -> Option<Stored<'_>> {
    let (kind, id, replication_id) = common(value)?;
    let mut cursor = Cursor { bytes: value, at: COMMON };
    match kind {
        Kind::Lease => {
            let tags = cursor.tags()?;
            (cursor.bytes.get(cursor.at..)? == b"\n").then_some(Stored::Lease(Lease { token: id, replication_id, tags }))
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
            let [ttl, fresh, keep] = [cursor.duration()?, cursor.duration()?, cursor.duration()?];
            // The only codec: the payload as it came.
            cursor.expect(b"- ")?;
            let tags = cursor.tags()?;
            cursor.expect(b"\n")?;
            Some(Stored::Entry(Entry { stamp: id, replication_id, lease, ttl, fresh, keep, tags, payload: cursor.at }))
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
    let token = Id::parse(lease.get(2..18)?)?;
    let mut cursor = Cursor { bytes: lease, at: 18 };
    cursor.expect(b" ")?;
    let deadline = cursor.number(b' ')?;
    let level = u8::try_from(cursor.number(b' ')?).ok()?;
    if cursor.at != LEASE_TAGS {
        return None;
    }
    let tags = cursor.tags()?;
    (cursor.at == lease.len()).then_some(InnerLease { token, is_held, deadline, level, tags })
}

/// The name of a value in a comparison: its stamp or token if hawser wrote it. Looks only at the fixed part, exactly as the
/// scripts do: a value whose rest is damaged must be replaceable too.
pub fn name(value: &[u8]) -> Option<Id> {
    common(value).map(|(_, id, _)| id)
}

/// The replication id of an entry or a lease, from its fixed place; `None` if hawser did not write the value.
pub fn replication_id(value: &[u8]) -> Option<ReplicationId> {
    common(value).map(|(_, _, id)| id)
}

/// An encoded entry, lease or version in three pieces, with `id` in the place of its replication id.
pub(super) fn with_replication_id<'a>(value: &'a [u8], id: &'a ReplicationId) -> [&'a [u8]; 3] {
    let end = REPLICATION_ID + ReplicationId::LEN;
    match (value.get(..REPLICATION_ID), value.get(end..)) {
        (Some(before), Some(after)) => [before, id.as_bytes(), after],
        _ => [value, b"", b""],
    }
}

/// Whether a value is a lease, by its first four bytes.
pub fn is_lease(value: &[u8]) -> bool {
    value.starts_with(b"hw1l")
}

/// What is to be written into an entry's header.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// A fresh stamp.
    pub stamp: Id,
    /// How long it may be served.
    pub ttl: Duration,
    /// How long it is fresh.
    pub fresh: Duration,
    /// How long it is kept after that.
    pub keep: Duration,
    /// Its tags with the captured versions.
    pub tags: &'a [(Tag, Id)],
}

/// An entry, and where its payload starts. The node that it is sent to writes its replication id into it.
pub fn encode(header: &Header<'_>, payload: &[u8]) -> (Vec<u8>, usize) {
    let mut out = Vec::with_capacity(96 + header.tags.iter().map(|(name, _)| name.len() + 24).sum::<usize>() + payload.len());
    push_common(&mut out, b"hw1e ", header.stamp, ReplicationId::EMPTY);
    out.extend_from_slice(b"000000 ");
    for duration in [header.ttl, header.fresh, header.keep] {
        push_number(&mut out, usize::try_from(duration.as_millis()).unwrap_or(usize::MAX));
        out.push(b' ');
    }
    out.extend_from_slice(b"- ");
    push_tags(&mut out, header.tags);
    out.push(b'\n');
    let from = out.len();
    out.extend_from_slice(payload);
    (out, from)
}

/// An entry with another lease in its header, or with none. The lease has ended: whoever holds its token gives it its deadline.
pub fn with_lease(value: &[u8], lease: Option<(Id, &[(Tag, Id)])>) -> Option<Vec<u8>> {
    let Some(Stored::Entry(entry)) = parse(value) else { return None };
    let length: usize = std::str::from_utf8(value.get(COMMON..LEASE - 1)?).ok()?.parse().ok()?;
    let mut inner = Vec::new();
    if let Some((token, tags)) = lease {
        let level = entry.lease.map_or(0, |former| former.level);
        inner.extend_from_slice(b"h ");
        inner.extend_from_slice(token.as_bytes());
        inner.extend_from_slice(format!(" {:015} {level:02} ", 0).as_bytes());
        push_tags(&mut inner, tags);
    }
    let mut out = Vec::with_capacity(value.len() + inner.len());
    out.extend_from_slice(value.get(..COMMON)?);
    out.extend_from_slice(format!("{:06} ", inner.len()).as_bytes());
    out.extend_from_slice(&inner);
    out.extend_from_slice(value.get(LEASE + length..)?);
    Some(out)
}

/// A lease for an entry's place. The node that it is sent to writes its replication id into it.
pub fn encode_lease(token: Id, tags: &[(Tag, Id)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    push_common(&mut out, b"hw1l ", token, ReplicationId::EMPTY);
    push_tags(&mut out, tags);
    out.push(b'\n');
    out
}

/// Tags as a header holds them.
pub fn encode_tags(tags: &[(Tag, Id)]) -> Vec<u8> {
    let mut out = Vec::new();
    push_tags(&mut out, tags);
    out
}

/// A tag version.
pub fn encode_version(id: Id, replication_id: ReplicationId) -> Vec<u8> {
    let mut out = Vec::with_capacity(34);
    push_common(&mut out, b"hw1v ", id, replication_id);
    out.pop();
    out
}

/// Reads a tag version; `None` if hawser did not write it.
pub fn parse_version(value: &[u8]) -> Option<Version> {
    if value.len() != COMMON - 1 || !value.starts_with(b"hw1v ") || value[REPLICATION_ID - 1] != b' ' {
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
        b"hw1e " => Kind::Entry,
        b"hw1l " => Kind::Lease,
        _ => return None,
    };
    Some((kind, Id::parse(&fixed[ID..REPLICATION_ID - 1])?, ReplicationId::parse(&fixed[REPLICATION_ID..COMMON - 1])?))
}

fn push_common(out: &mut Vec<u8>, kind: &[u8], id: Id, replication_id: ReplicationId) {
    out.extend_from_slice(kind);
    out.extend_from_slice(id.as_bytes());
    out.push(b' ');
    out.extend_from_slice(replication_id.as_bytes());
    out.push(b' ');
}

fn push_tags(out: &mut Vec<u8>, tags: &[(Tag, Id)]) {
    push_number(out, tags.len());
    for (name, id) in tags {
        out.push(b' ');
        push_number(out, name.len());
        out.push(b':');
        out.extend_from_slice(name);
        out.push(b' ');
        out.extend_from_slice(id.as_bytes());
    }
}

/// Reads a header from left to right. Nothing it meets makes it panic.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn expect(&mut self, text: &[u8]) -> Option<()> {
        let found = self.bytes.get(self.at..self.at.checked_add(text.len())?)?;
        self.at += text.len();
        (found == text).then_some(())
    }

    /// Digits up to and including `end`.
    fn number(&mut self, end: u8) -> Option<u64> {
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

    fn duration(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(self.number(b' ')?))
    }

    /// One tag, with the blank before it.
    fn tag(&mut self) -> Option<(&'a [u8], Id)> {
        self.expect(b" ")?;
        let length = usize::try_from(self.number(b':')?).ok()?;
        let end = self.at.checked_add(length)?;
        let name = self.bytes.get(self.at..end)?;
        self.at = end;
        self.expect(b" ")?;
        let id = Id::parse(self.bytes.get(self.at..self.at.checked_add(16)?)?)?;
        self.at += 16;
        Some((name, id))
    }

    fn tags(&mut self) -> Option<Tags<'a>> {
        let mut count = 0usize;
        let start = self.at;
        while let Some(digit) = self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            count = count.checked_mul(10)?.checked_add(usize::from(digit - b'0'))?;
            self.at += 1;
        }
        if self.at == start {
            return None;
        }
        let from = self.at;
        for _ in 0..count {
            self.tag()?;
        }
        Some(Tags { count, bytes: &self.bytes[from..self.at] })
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
