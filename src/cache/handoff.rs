//! Messages from one machine to another. The engine delivers them.

use std::sync::Arc;

use super::awaited::Inner;
use super::caller::{Caller, EntryOptions};
use super::decision::Decision;
use super::ids::{CallId, Codec};
use super::lookup::Lookup;
use super::names::Repo;
use crate::clock::Instant;
use crate::store::entry::Tag;
use crate::store::nodes::Invalidation;
use crate::store::{Id, Key, StoreError, Ticket, Value};

/// A message from one machine to another.
#[derive(Debug)]
pub(super) enum Handoff {
    /// A lookup met a value with another replication id.
    Foreign(u64, Box<Lookup>),
    /// An inspection of these keys met a value with another replication id.
    ForeignInspected(u64, Vec<Key>),
    /// Capture versions and place a lease, as the lookup's plan says.
    Place(u64, Box<Lookup>),
    /// A current lease is there: join its load if it is this process's, wait for it otherwise. It comes along if it is in the header of
    /// an entry, where the lookup has not read it.
    Follow(u64, Box<Lookup>, Id, Option<Inner>),
    /// Something else was found. Evaluate it.
    Evaluate(u64, Box<Lookup>),
    /// Read again with the next batch.
    ReadAgain(u64, Box<Lookup>),
    /// The lookup's operation has no answer.
    Lost(u64, Box<Lookup>, StoreError),
    /// The lease with this token is in place: run the first caller's loader.
    Start(Box<Lookup>, Id),
    /// The caller runs its loader without storing.
    Uncached(Arc<Repo>, Key, Caller),
    /// This caller has been served a stale value. Its loader may refresh it.
    Revalidate(Arc<Repo>, Key, Caller, Value),
    /// The lease of a refresh is in place: run the loader in the background.
    Refresh(PlacedRefresh),
    /// Nobody holds this lease any more.
    GiveBack(Key, Id),
    /// A loader failed: its lease stays without a holder until a backoff has passed.
    BackOff(Key, Id),
    /// The versions of tags that a loader added are known: write them into its lease.
    TagsCaptured { addition: u64, load: u32, captured: Vec<(Tag, Id)> },
    /// An addition of tags is over; `in_place` if the lease carries them.
    TagsAdded { load: u32, in_place: bool },
    /// A write runs out of its budget with these undelivered.
    Undelivered(OverdueWrite, Vec<Invalidation>),
    /// A lookup of these keys has waited since this time, and their nodes could not be read.
    Silence(Instant, Vec<Key>),
    /// The server refused an operation whose caller does not fail for it.
    Refused(StoreError),
    /// A write is over, whatever its outcome: it may have changed these keys, or any (`None`). Its caller learns it now, unless it has given up.
    Written(Option<Vec<Key>>, Option<Decision>),
}

/// A refresh whose lease is in place.
#[derive(Debug)]
pub(super) struct PlacedRefresh {
    pub call: CallId,
    pub repo: Arc<Repo>,
    pub entry: Key,
    pub token: Id,
    /// The entry that is refreshed.
    pub value: Value,
    /// If only its start was read: how its value is decoded.
    pub head_of: Option<Codec>,
    pub captured: Vec<(Tag, Id)>,
    /// The versions of the marks, if they were captured.
    pub marks: Vec<(Tag, Id)>,
    pub options: EntryOptions,
}

/// A write whose budget has run out.
#[derive(Debug, Clone)]
pub(super) struct OverdueWrite {
    pub write: u64,
    /// The operation whose answer is still due.
    pub in_flight: Option<Ticket>,
    /// Whether it may have changed anything.
    pub is_open: bool,
    /// The address of the node that it waited for, on a cluster.
    pub node: Option<String>,
}
