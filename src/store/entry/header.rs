//! Parsed headers: entries, leases in an entry's place, leases inside an entry.

use std::fmt;
use std::time::Duration;

use super::cursor::Cursor;
use super::form::Form;
use super::id::Id;
use crate::store::ReplicationId;

/// The header of an entry.
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
    /// What the payload is.
    pub form: Form,
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
    /// How long it stays after it has run out.
    pub tail: Duration,
    /// Its tags with the captured versions.
    pub tags: Tags<'a>,
}

impl Lease<'_> {
    /// How long it is still good for, by its remaining life in milliseconds as the PTTL command tells it; `None` if it has run out.
    pub fn remaining(&self, pttl: i64) -> Option<Duration> {
        let left = Duration::from_millis(u64::try_from(pttl).ok()?);
        left.checked_sub(self.tail)
    }
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

/// The value at an entry's key.
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
    pub(super) repository: Option<Id>,
    pub(super) count: usize,
    /// How many of them, at the end, the loader added.
    pub(super) added: usize,
    pub(super) bytes: &'a [u8],
}

impl<'a> Tags<'a> {
    /// No tags.
    pub const NONE: Tags<'static> = Tags { repository: None, count: 0, added: 0, bytes: b"" };

    /// The version of the repository.
    pub const fn repository(&self) -> Option<Id> {
        self.repository
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Name and version of each tag.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Id)> {
        let mut cursor = Cursor { bytes: self.bytes, at: 0 };
        std::iter::from_fn(move || cursor.tag())
    }

    /// The names of the tags that callers named. The next load inherits them.
    pub fn named_by_callers(&self) -> impl Iterator<Item = &'a [u8]> {
        self.iter().take(self.count - self.added).map(|(name, _)| name)
    }

    /// Whether all of these names are among them. One pass is enough for names in the order of the header, as they mostly are.
    pub fn cover<T: AsRef<[u8]>>(&self, names: &[T]) -> bool {
        let mut left = names;
        for (tag, _) in self.iter() {
            match left {
                [first, rest @ ..] if first.as_ref() == tag => left = rest,
                [] => break,
                _ => {}
            }
        }
        left.iter().all(|name| self.has(name.as_ref()))
    }

    /// Whether `name` is among them.
    pub fn has(&self, name: &[u8]) -> bool {
        self.iter().any(|(tag, _)| tag == name)
    }
}

impl fmt::Debug for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entry(&"repository", &self.repository)
            .entries(self.iter().map(|(name, id)| (String::from_utf8_lossy(name), id)))
            .finish()
    }
}
