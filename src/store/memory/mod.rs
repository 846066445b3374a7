//! The store without a server: carries every operation out in this process, at the `now` that is passed in. Its size in bytes is
//! bounded. It drops keys as a server evicts them, which the protocol allows for any key.

mod leases;

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::time::Duration;

use super::cells::{Cells, Content};
use super::entry::{self, parse_version, Stored};
use super::{glob, Found, Held, Id, Inspected, Key, NodeOp, Op, Replication, ReplicationId, StoreError, StoreReply, Value, Version};
use crate::clock::Instant;

/// The default bound in bytes.
const DEFAULT_MAX_BYTES: usize = 64 << 20;
/// How many members a counter tells apart. It does not count further.
const COUNTED_MAX: usize = 100_000;

/// A store in memory.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    cells: Cells,
    replication_id: ReplicationId,
    hasher: std::collections::hash_map::RandomState,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_BYTES)
    }
}

impl MemoryStore {
    /// An empty store of at most `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            cells: Cells::new(max_bytes),
            replication_id: ReplicationId::parse(b"memory--").unwrap_or(ReplicationId::EMPTY),
            hasher: std::collections::hash_map::RandomState::new(),
        }
    }

    /// Carries `op` out at `now`.
    pub fn apply(&mut self, now: Instant, NodeOp { op, replication, .. }: &NodeOp) -> Result<StoreReply, StoreError> {
        self.cells.purge(now);
        Ok(match op {
            Op::Track => StoreReply::Done,
            Op::Identify => StoreReply::Identity { id: self.replication_id, is_master: true },
            Op::Read { entries, versions } => StoreReply::Read {
                entries: entries
                    .iter()
                    .map(|entry| {
                        let value = self.cells.text(&entry.key, now);
                        let head = value.as_ref().and_then(|value| Some(Value::new(value.get(..entry.head_bytes?)?.to_vec())));
                        let pttl = entry.with_age.then(|| self.cells.pttl(&entry.key, now));
                        Found { is_head: head.is_some(), value: head.or(value).into(), pttl }
                    })
                    .collect(),
                versions: versions.iter().map(|key| self.version(key, now)).collect(),
                atomic: true,
            },
            Op::ReadVersions { versions } => StoreReply::Versions(versions.iter().map(|key| self.version(key, now)).collect()),
            Op::Ensure { items, need } => {
                StoreReply::Ensured(items.iter().map(|(key, offered)| self.ensure(now, key, *offered, *need, replication)).collect())
            }
            Op::Place { entry, expected, lease, life, tail } => {
                StoreReply::Placed(self.place(now, entry, *expected, lease, life.saturating_add(*tail), replication))
            }
            Op::PlaceInside { entry, stamp, token, tags, life } => {
                StoreReply::PlacedInside(self.place_inside(now, entry, *stamp, *token, tags, *life, replication))
            }
            Op::Amend { entry, token, tags } => StoreReply::Held(self.amend(now, entry, *token, tags, replication)),
            Op::Commit { entry, token, value, life } => {
                let held = self.holds(now, entry, *token, Some(replication)).is_some();
                StoreReply::Held(held && self.cells.put(entry, Content::Text(filled(value, replication)), now + *life))
            }
            Op::Keep { entry, token, stamp, header, rest, life } => {
                StoreReply::Held(self.keep(now, entry, *token, *stamp, (header, *rest), now + *life, replication))
            }
            Op::Restore { entry, token, value, end, backoff } => {
                let held = self.holds_place(now, entry, *token, replication);
                match Duration::from_millis(end.saturating_sub(millis(now))) {
                    _ if !held => {}
                    Duration::ZERO => drop(self.cells.remove(entry, now)),
                    left => {
                        self.cells.put(entry, Content::Text(value.clone()), now + left);
                        if let Some((base, max)) = backoff {
                            self.back_off(now, entry, *token, *base, *max);
                        }
                    }
                }
                StoreReply::Held(held)
            }
            Op::Count { items, member } => {
                StoreReply::Number(items.iter().map(|(v, h, id)| u64::from(self.count(now, v, h, *id, member, replication))).sum())
            }
            Op::Renew { entry, token, life, versions, need } => {
                for (key, captured) in versions {
                    if self.current(key, now, replication) == Some(*captured) {
                        self.prolong(now, key, *need);
                    }
                }
                StoreReply::Held(self.renew(now, entry, *token, *life, replication))
            }
            Op::Prolong { version, captured, need } => {
                let is_current = self.current(version, now, replication) == Some(*captured);
                if is_current {
                    self.prolong(now, version, *need);
                }
                StoreReply::Number(if is_current { u64::try_from(self.cells.pttl(version, now)).unwrap_or(0) } else { 0 })
            }
            Op::GiveBack { entry, token } => StoreReply::Held(self.give_back(now, entry, *token)),
            Op::Backoff { entry, token, base, max } => StoreReply::Held(self.back_off(now, entry, *token, *base, *max)),
            Op::Set { entry, value, life } => {
                if !self.cells.put(entry, Content::Text(filled(value, replication)), now + *life) {
                    return Err(StoreError::Refused("OOM (SET)".to_owned()));
                }
                StoreReply::Done
            }
            Op::Delete { entries: keys } | Op::Unlink { keys } => {
                StoreReply::Number(keys.iter().map(|key| u64::from(self.delete(now, key))).sum())
            }
            Op::Invalidate { tags } => StoreReply::Number(tags.iter().map(|(v, h)| self.invalidate(now, v, h)).sum()),
            Op::Inspect { keys, head_bytes } => StoreReply::Inspected(keys.iter().map(|key| self.inspect(now, key, *head_bytes)).collect()),
            Op::Scan { pattern, .. } => StoreReply::Scanned {
                cursor: b"0".to_vec(),
                keys: self.cells.keys(now).filter(|key| glob::matches(pattern, key)).cloned().collect(),
            },
        })
    }

    /// Every live key, for tests and diagnosis.
    pub fn keys(&self, now: Instant) -> Vec<Key> {
        self.cells.keys(now).cloned().collect()
    }

    /// Evicts a key.
    pub fn evict(&mut self, now: Instant, key: &[u8]) {
        self.cells.remove(key, now);
    }

    /// Puts anything at a key, as another application might.
    pub fn plant(&mut self, now: Instant, key: &Key, value: Vec<u8>, life: Duration) {
        self.cells.put(key, Content::Text(Value::new(value)), now + life);
    }

    /// Whether there is a value at a key.
    pub fn has(&mut self, now: Instant, key: &[u8]) -> bool {
        self.cells.get(key, now).is_some()
    }

    /// Hands a value over to another store with the rest of its life, as MIGRATE does.
    pub fn hand_over(&mut self, now: Instant, key: &Key, to: &mut Self) {
        let left = u64::try_from(self.cells.pttl(key, now)).unwrap_or(0);
        if let Some(content) = self.cells.remove(key, now) {
            to.cells.put(key, content, now + Duration::from_millis(left));
        }
    }

    /// Gives the store another replication id, as a promotion does.
    pub fn set_replication_id(&mut self, id: ReplicationId) {
        self.replication_id = id;
    }

    /// Leaves the order of eviction alone.
    fn inspect(&mut self, now: Instant, key: &Key, head_bytes: Option<usize>) -> Inspected {
        let (held, size) = match self.cells.peek(key, now) {
            None => (Held::Nothing, None),
            Some(Content::Members(_)) => (Held::Other, None),
            Some(Content::Text(text)) => {
                let head = head_bytes.and_then(|bytes| text.get(..bytes)).map(|head| Value::new(head.to_vec()));
                (Held::Text(head.unwrap_or_else(|| text.clone())), Some(text.len() as u64))
            }
        };
        Inspected { held, size, pttl: self.cells.pttl(key, now), at: Some(millis(now)), ..Inspected::default() }
    }

    fn version(&mut self, key: &[u8], now: Instant) -> Option<Version> {
        self.cells.text(key, now).and_then(|text| parse_version(&text))
    }

    fn current(&mut self, key: &[u8], now: Instant, replication: &Replication) -> Option<Id> {
        self.version(key, now).filter(|version| replication.accepts(version.replication_id.as_bytes())).map(|version| version.id)
    }

    fn ensure(&mut self, now: Instant, key: &Key, offered: Id, need: Duration, replication: &Replication) -> Id {
        if let Some(current) = self.current(key, now, replication) {
            self.prolong(now, key, need);
            return current;
        }
        let version = Value::new(entry::encode_version(offered, replication.id));
        self.cells.put(key, Content::Text(version), now + need.saturating_mul(2));
        offered
    }

    fn prolong(&mut self, now: Instant, key: &Key, need: Duration) {
        if self.cells.pttl(key, now) < i64::try_from(need.as_millis()).unwrap_or(i64::MAX) {
            self.cells.expire(key, now + need.saturating_mul(2));
        }
    }

    fn count(&mut self, now: Instant, version: &Key, counter: &Key, captured: Id, member: &Key, replication: &Replication) -> bool {
        if self.current(version, now, replication) != Some(captured) {
            return false;
        }
        let hash = self.hasher.hash_one(member);
        let mut members = match self.cells.remove(counter, now) {
            Some(Content::Members(members)) => members,
            _ => HashSet::new(),
        };
        if members.len() < COUNTED_MAX {
            members.insert(hash);
        }
        let left = self.cells.pttl(version, now).max(0);
        self.cells.put(counter, Content::Members(members), now + Duration::from_millis(left as u64));
        true
    }

    fn delete(&mut self, now: Instant, key: &Key) -> bool {
        match self.cells.remove(key, now) {
            None => false,
            Some(Content::Text(text)) => !entry::is_lease(&text),
            Some(Content::Members(_)) => true,
        }
    }

    fn invalidate(&mut self, now: Instant, version: &Key, counter: &Key) -> u64 {
        self.cells.remove(version, now);
        match self.cells.remove(counter, now) {
            Some(Content::Members(members)) => members.len() as u64,
            _ => 0,
        }
    }

    /// Whether a value is a lease that has run out: it counts as nothing.
    fn has_run_out(&mut self, value: &[u8], key: &Key, now: Instant) -> bool {
        matches!(entry::parse(value), Some(Stored::Lease(lease)) if lease.remaining(self.cells.pttl(key, now)).is_none())
    }
}

/// The name of a value whose replication id counts.
fn name(value: &[u8], replication: &Replication) -> Option<Id> {
    entry::name(value).filter(|_| entry::replication_id(value).is_some_and(|id| replication.accepts(id.as_bytes())))
}

/// An entry with the node's replication id in its place. Where nobody checks ids, the engine's placeholder stays.
fn filled(value: &Value, replication: &Replication) -> Value {
    if replication.id == ReplicationId::EMPTY {
        return value.clone();
    }
    Value::new(entry::with_replication_id(value, &replication.id).concat())
}

/// The server's clock.
fn millis(now: Instant) -> u64 {
    u64::try_from(now.since_epoch().as_millis()).unwrap_or(u64::MAX)
}
