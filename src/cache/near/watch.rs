//! Leases that lookups wait for. A lease and the versions that it carries are read on the lanes of their nodes and tracked there: the
//! push about any of them wakes those who wait. A lease whose versions are not the current ones is as good as gone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::fill::aged;
use crate::cache::awaited::Awaited;
use crate::cache::tags::current;
use crate::clock::Instant;
use crate::store::entry::{self, Stored, Tags};
use crate::store::{Answer, Found, Id, Key, NodeId, Op, Seen};

/// When a lease in an entry's header whose end nobody has told is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What is read for a watch on one node: the lease, versions, or both.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    has_entry: bool,
    versions: Vec<(Key, Id)>,
}

impl Look {
    /// The looks at a lease and at the versions that it carries, by node.
    pub(super) fn by_node(entry: &Key, versions: &[(Key, Id)], node_of: impl Fn(&Key) -> NodeId) -> BTreeMap<NodeId, Self> {
        let mut looks: BTreeMap<NodeId, Self> = BTreeMap::new();
        looks.entry(node_of(entry)).or_default().has_entry = true;
        for (key, id) in versions {
            looks.entry(node_of(key)).or_default().versions.push((key.clone(), *id));
        }
        looks
    }

    pub(super) fn op(&self, entry: &Key) -> Op {
        let versions = self.versions.iter().map(|(key, _)| key.clone()).collect();
        if self.has_entry {
            Op::Read { entries: vec![aged(entry)], versions }
        } else {
            Op::ReadVersions { versions }
        }
    }
}

/// What an answer says about a lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing: there is none, or it is not from the node's server.
    Nothing,
    /// It is not there any more, or not current.
    Changed,
    /// It is there and current, but others are still to be heard.
    Due,
    /// It is there and current, and runs out at this moment unless it is renewed.
    Live(Instant),
}

#[derive(Debug, Clone)]
struct Watch {
    /// Tells it from a former watch of the entry.
    number: u64,
    lease: Awaited,
    nodes: Vec<NodeId>,
    lookups: Vec<u64>,
    /// How many looks are not answered.
    due: usize,
    /// When the lease runs out. Known once it was read on its lane.
    until: Option<Instant>,
}

impl Watch {
    /// Whether it is sure that a push will tell about each change.
    fn is_confirmed(&self) -> bool {
        self.due == 0
    }

    fn is_live(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// When the lease that was found runs out; `None` if it is another one, or is not current.
    fn end_of(&self, found: &Found, now: Instant) -> Option<Instant> {
        let Seen::Own(value) = &found.value else { return None };
        match entry::parse(value)? {
            Stored::Lease(lease) if lease.token == self.lease.token && self.covers(&lease.tags) => {
                Some(now + lease.remaining(found.pttl?)?)
            }
            Stored::Entry(entry) => {
                entry.lease.filter(|lease| lease.token == self.lease.token && lease.is_held && self.covers(&lease.tags))?;
                // It ends with the entry around it.
                let life = Duration::from_millis(u64::try_from(found.pttl?).ok()?);
                Some(self.lease.ends.unwrap_or(now + LOOK_AGAIN).min(now + life))
            }
            Stored::Lease(_) => None,
        }
    }

    /// Whether all versions in the header are watched. Its loader may have added tags since it was seen.
    fn covers(&self, tags: &Tags<'_>) -> bool {
        let is_watched = |id: Id| self.lease.versions.iter().any(|(_, watched)| *watched == id);
        tags.repository().into_iter().chain(tags.iter().map(|(_, id)| id)).all(is_watched)
    }
}

/// The leases, by the keys of their entries.
#[derive(Debug, Clone, Default)]
pub(super) struct Watches {
    by_entry: HashMap<Key, Watch>,
    /// The entries whose leases carry a version, by its key.
    by_version: HashMap<Key, HashSet<Key>>,
    /// How many watches read something on a node.
    on_node: BTreeMap<NodeId, usize>,
}

impl Watches {
    pub(super) fn is_empty(&self) -> bool {
        self.by_entry.is_empty()
    }

    pub(super) fn has_node(&self, node: NodeId) -> bool {
        self.on_node.contains_key(&node)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.on_node.keys().copied()
    }

    /// One more lookup waits for this lease. Says whether it is watched already. One that has run out is read again.
    pub(super) fn join(&mut self, entry: &Key, token: Id, lookup: u64, now: Instant) -> bool {
        let is_same = |watch: &&mut Watch| watch.lease.token == token && watch.is_live(now);
        let Some(watch) = self.by_entry.get_mut(entry).filter(is_same) else { return false };
        if !watch.lookups.contains(&lookup) {
            watch.lookups.push(lookup);
        }
        true
    }

    /// A lookup waits for a lease that nobody watches.
    pub(super) fn open(&mut self, entry: &Key, number: u64, lease: Awaited, nodes: Vec<NodeId>, lookup: u64) {
        for (version, _) in &lease.versions {
            self.by_version.entry(version.clone()).or_default().insert(entry.clone());
        }
        for node in &nodes {
            *self.on_node.entry(*node).or_default() += 1;
        }
        let watch = Watch { number, lease, due: nodes.len(), nodes, lookups: vec![lookup], until: None };
        self.by_entry.insert(entry.clone(), watch);
    }

    pub(super) fn confirmed_until(&self, entry: &Key) -> Option<Instant> {
        self.by_entry.get(entry).filter(|watch| watch.is_confirmed())?.until
    }

    pub(super) fn lookups(&self, entry: &Key) -> Vec<u64> {
        self.by_entry.get(entry).map(|watch| watch.lookups.clone()).unwrap_or_default()
    }

    /// The answer to a look of the watch with this number.
    pub(super) fn on_look(&mut self, entry: &Key, number: u64, look: &Look, answer: Option<&Answer>, now: Instant) -> Sight {
        // Nobody waits for an answer to a watch that is over.
        let Some(watch) = self.by_entry.get_mut(entry).filter(|watch| watch.number == number) else { return Sight::Due };
        let versions = match answer {
            Some(Answer::Read { entries, versions, .. }) if look.has_entry => {
                let Some(found) = entries.first() else { return Sight::Nothing };
                watch.until = watch.end_of(found, now);
                if watch.until.is_none() {
                    return Sight::Changed;
                }
                versions
            }
            Some(Answer::Versions(versions)) if !look.has_entry => versions,
            _ => return Sight::Nothing,
        };
        if versions.len() != look.versions.len() {
            return Sight::Nothing;
        }
        if versions.iter().zip(&look.versions).any(|(seen, (_, captured))| current(seen) != Some(*captured)) {
            return Sight::Changed;
        }
        watch.due -= 1;
        match watch.until {
            Some(until) if watch.is_confirmed() => Sight::Live(until),
            _ => Sight::Due,
        }
    }

    /// Ends a watch. Returns the lookups that waited.
    pub(super) fn take(&mut self, entry: &Key) -> Vec<u64> {
        let Some(Watch { lease, nodes, lookups, .. }) = self.by_entry.remove(entry) else { return Vec::new() };
        for (version, _) in &lease.versions {
            if let Some(entries) = self.by_version.get_mut(version) {
                entries.remove(entry);
                if entries.is_empty() {
                    self.by_version.remove(version);
                }
            }
        }
        for node in nodes {
            if let Some(count) = self.on_node.get_mut(&node) {
                *count -= 1;
                if *count == 0 {
                    self.on_node.remove(&node);
                }
            }
        }
        lookups
    }

    /// Ends the watches of a key: that of an entry, or those of the leases that carry a version.
    pub(super) fn take_key(&mut self, key: &Key) -> Vec<u64> {
        let of_version: Vec<Key> = self.by_version.get(key).map(|entries| entries.iter().cloned().collect()).unwrap_or_default();
        let mut lookups = self.take(key);
        lookups.extend(self.take_each(&of_version));
        lookups
    }

    pub(super) fn take_node(&mut self, node: NodeId) -> Vec<u64> {
        if !self.has_node(node) {
            return Vec::new();
        }
        self.take_where(|watch| watch.nodes.contains(&node))
    }

    pub(super) fn take_all(&mut self) -> Vec<u64> {
        self.take_where(|_| true)
    }

    /// The lookups whose leases have run out.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<u64> {
        self.take_where(|watch| !watch.is_live(now))
    }

    fn take_where(&mut self, matches: impl Fn(&Watch) -> bool) -> Vec<u64> {
        let entries: Vec<Key> = self.by_entry.iter().filter(|(_, watch)| matches(watch)).map(|(entry, _)| entry.clone()).collect();
        self.take_each(&entries)
    }

    fn take_each(&mut self, entries: &[Key]) -> Vec<u64> {
        entries.iter().flat_map(|entry| self.take(entry)).collect()
    }
}
