//! A lease of another process that lookups wait for: what its header says, and which keys of the store must not change meanwhile.

use std::time::Duration;

use super::lookup::Lookup;
use crate::clock::Instant;
use crate::store::entry::{self, Stored, Tags};
use crate::store::{Id, Key, Seen};

/// A lease in the header of an entry, as placing another one has found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inner {
    pub lease: Vec<u8>,
    /// How long it lives if nobody prolongs it.
    pub remaining: Duration,
}

/// A lease that lookups wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Awaited {
    pub token: Id,
    /// When it ends unless it is renewed, if its own remaining life does not tell.
    pub ends: Option<Instant>,
    /// The keys of the versions that it carries, and these.
    pub versions: Vec<(Key, Id)>,
}

impl Awaited {
    /// The lease that this lookup has found, in the entry's place or (`inner`) in its header.
    pub(super) fn of(lookup: &Lookup, token: Id, inner: Option<&Inner>, now: Instant) -> Option<Self> {
        let ends = inner.map(|inner| now + inner.remaining);
        Some(Self { token, ends, versions: versions_of(lookup, inner)? })
    }
}

fn versions_of(lookup: &Lookup, inner: Option<&Inner>) -> Option<Vec<(Key, Id)>> {
    if let Some(inner) = inner {
        return Some(keyed(lookup, &entry::parse_inner(&inner.lease)?.tags));
    }
    let Seen::Own(value) = &lookup.found.value else { return None };
    match entry::parse(value)? {
        Stored::Lease(lease) => Some(keyed(lookup, &lease.tags)),
        Stored::Entry(_) => None,
    }
}

fn keyed(lookup: &Lookup, tags: &Tags<'_>) -> Vec<(Key, Id)> {
    let repository = tags.repository().map(|id| (lookup.own.key.clone(), id));
    repository.into_iter().chain(tags.iter().map(|(name, id)| (lookup.repo.names.version(name), id))).collect()
}
