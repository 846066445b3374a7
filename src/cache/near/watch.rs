//! Leases that lookups wait for. A lease that was read on a lane is tracked: the push about it wakes those who wait.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Instant;
use crate::store::entry::{self, Stored};
use crate::store::{Answer, Id, Key, NodeId, Seen};

/// When a lease in an entry's header is looked at again at the latest: its deadline is in the server's time.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
struct Watch {
    node: NodeId,
    token: Id,
    lookups: Vec<u64>,
    /// When the lease runs out. Known once it was read on the lane.
    until: Option<Instant>,
}

/// The leases, by the keys of their entries.
#[derive(Debug, Clone, Default)]
pub(super) struct Watches {
    by_entry: HashMap<Key, Watch>,
}

impl Watches {
    pub(super) fn is_empty(&self) -> bool {
        self.by_entry.is_empty()
    }

    pub(super) fn has_node(&self, node: NodeId) -> bool {
        self.by_entry.values().any(|watch| watch.node == node)
    }

    /// One more lookup waits for this lease. Says whether it is watched already. One that has run out is read again.
    pub(super) fn join(&mut self, entry: &Key, token: Id, lookup: u64, now: Instant) -> bool {
        let live = |watch: &&mut Watch| watch.token == token && watch.until.is_none_or(|until| until > now);
        let Some(watch) = self.by_entry.get_mut(entry).filter(live) else { return false };
        if !watch.lookups.contains(&lookup) {
            watch.lookups.push(lookup);
        }
        true
    }

    pub(super) fn open(&mut self, entry: &Key, node: NodeId, token: Id, lookup: u64) {
        self.by_entry.insert(entry.clone(), Watch { node, token, lookups: vec![lookup], until: None });
    }

    pub(super) fn confirmed_until(&self, entry: &Key) -> Option<Instant> {
        self.by_entry.get(entry)?.until
    }

    pub(super) fn lookups(&self, entry: &Key) -> Vec<u64> {
        self.by_entry.get(entry).map(|watch| watch.lookups.clone()).unwrap_or_default()
    }

    /// The lease was read on the lane. `None`: it is not there any more, or nobody knows.
    pub(super) fn confirm(&mut self, entry: &Key, answer: Option<&Answer>, now: Instant) -> Option<Instant> {
        let watch = self.by_entry.get_mut(entry)?;
        let Some(Answer::Read { entries, .. }) = answer else { return None };
        let found = entries.first()?;
        let Seen::Own(value) = &found.value else { return None };
        let left = match entry::parse(value)? {
            Stored::Lease(lease) if lease.token == watch.token => lease.remaining(found.pttl?)?,
            Stored::Entry(entry) if entry.lease.as_ref().is_some_and(|lease| lease.token == watch.token && lease.is_held) => LOOK_AGAIN,
            _ => return None,
        };
        watch.until = Some(now + left);
        watch.until
    }

    /// Ends a watch. Returns the lookups that waited.
    pub(super) fn take(&mut self, entry: &Key) -> Vec<u64> {
        self.by_entry.remove(entry).map(|watch| watch.lookups).unwrap_or_default()
    }

    pub(super) fn take_node(&mut self, node: NodeId) -> Vec<u64> {
        self.take_where(|watch| watch.node == node)
    }

    pub(super) fn take_all(&mut self) -> Vec<u64> {
        self.take_where(|_| true)
    }

    /// The lookups whose leases have run out.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<u64> {
        self.take_where(|watch| watch.until.is_some_and(|until| until <= now))
    }

    fn take_where(&mut self, matches: impl Fn(&Watch) -> bool) -> Vec<u64> {
        let entries: Vec<Key> = self.by_entry.iter().filter(|(_, watch)| matches(watch)).map(|(entry, _)| entry.clone()).collect();
        entries.iter().flat_map(|entry| self.take(entry)).collect()
    }
}
