//! Planted faults: a server that bends one step of the protocol. Each has to be found with the ordinary number of seeds, or the
//! simulation proves nothing about that step.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cache::marks::Mark;
use crate::cache::Names;
use crate::clock::Instant;
use crate::store::entry::{self, Stored, Tag};
use crate::store::{Found, Id, Key, MemoryStore, NodeOp, Op, ReadEntry, Replication, Seen, StoreError, StoreReply, Value, Version};

/// A step of the protocol that is bent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A result is stored with the versions of its end, not with those captured before its load.
    CapturesLate,
    /// A result is stored with the version that its repository has at its end.
    CapturesRepositoryLate,
    /// A reader takes the version of a repository for the one that the entry carries.
    ComparesNoRepository,
    /// An invalidation leaves the marks alone.
    ForgetsMarks,
    /// A result is stored wherever its lease may be.
    CommitsBlindly,
    /// A lease is placed over whatever is there.
    PlacesBlindly,
    /// Values with another replication id count.
    TrustsAllIds,
    /// A node that does not hold a slot carries deletions out.
    DeletesElsewhere,
    /// A header that is read alone has the stamp of an earlier entry: its payload is served.
    RepeatsStamps,
}

impl Fault {
    /// Bends the refusal of an operation.
    pub(super) fn bend_refusal(self, op: &Op, refusal: Option<StoreError>) -> Option<StoreError> {
        match (self, refusal) {
            (Self::DeletesElsewhere, Some(_)) if matches!(op, Op::Delete { .. } | Op::Invalidate { .. }) => None,
            (_, refusal) => refusal,
        }
    }

    /// Bends the answer to an operation. `stamps`: of each entry, the stamp that was last read in full.
    pub(super) fn bend_answer(self, op: &Op, reply: &mut StoreReply, stamps: &mut BTreeMap<Key, Id>) {
        if let (Self::ComparesNoRepository, Op::Read { versions: asked, .. }, StoreReply::Read { entries, versions, .. }) =
            (self, op, &mut *reply)
        {
            return as_carried(entries, asked, versions);
        }
        let (Self::RepeatsStamps, Op::Read { entries: asked, .. }, StoreReply::Read { entries, .. }) = (self, op, reply) else { return };
        for (asked, found) in asked.iter().zip(entries) {
            let Seen::Own(value) = &found.value else { continue };
            let Some(Stored::Entry(header)) = entry::parse(value) else { continue };
            if !found.is_head {
                stamps.insert(asked.key.clone(), header.stamp);
            } else if let Some(stamp) = stamps.get(&asked.key) {
                let mut bytes = value.to_vec();
                bytes[5..5 + Id::LEN].copy_from_slice(stamp.as_bytes());
                found.value = Seen::Own(Value::new(bytes));
            }
        }
    }

    /// Bends an operation that is about to be carried out.
    pub(super) fn bend(self, op: &mut NodeOp, store: &mut MemoryStore, now: Instant) {
        match (self, &mut op.op) {
            (Self::CapturesLate, Op::Commit { value, .. }) => *value = captured_late(value, op.replication, store, now),
            (Self::CapturesLate, Op::Keep { header, .. }) => {
                *header = captured_late(&Value::new(header.clone()), op.replication, store, now).to_vec();
            }
            (Self::CapturesRepositoryLate, Op::Commit { entry, value, .. }) => {
                *value = repository_captured_late(entry, value, op.replication, store, now);
            }
            (Self::ForgetsMarks, Op::Invalidate { tags }) => tags.retain(|(version, _)| !version.starts_with(b"sim#a")),
            (Self::CommitsBlindly, Op::Commit { entry, token, .. }) => {
                let held = found(store, entry, now).and_then(|value| entry::name(&value));
                *token = held.unwrap_or(*token);
            }
            (Self::PlacesBlindly, Op::Place { entry, expected, .. }) => {
                *expected = found(store, entry, now).and_then(|value| entry::name(&value));
            }
            (Self::TrustsAllIds, _) => op.replication.is_checked = false,
            _ => {}
        }
    }
}

fn found(store: &mut MemoryStore, key: &Key, now: Instant) -> Option<Value> {
    let read = Op::Read { entries: vec![ReadEntry { key: key.clone(), with_age: false, head_bytes: None }], versions: vec![] };
    match store.apply(now, &read.into()) {
        Ok(StoreReply::Read { mut entries, .. }) => match entries.pop() {
            Some(Found { value: Seen::Own(value), .. }) => Some(value),
            _ => None,
        },
        _ => None,
    }
}

/// Versions of a repository become those that entries carry.
fn as_carried(entries: &[Found], asked: &[Key], versions: &mut [Option<Version>]) {
    for found in entries {
        let Seen::Own(value) = &found.value else { continue };
        let Some(Stored::Entry(header)) = entry::parse(value) else { continue };
        let Some(id) = header.tags.repository() else { continue };
        for (_, version) in asked.iter().zip(&mut *versions).filter(|(key, _)| key.starts_with(b"sim#c")) {
            *version = Some(Version { id, replication_id: header.replication_id });
        }
    }
}

/// The entry with the version that its repository has now.
fn repository_captured_late(key: &Key, value: &Value, replication: Replication, store: &mut MemoryStore, now: Instant) -> Value {
    let Some(Stored::Entry(header)) = entry::parse(value) else { return value.clone() };
    let Some(captured) = header.tags.repository() else { return value.clone() };
    let own = Names::new("sim").unwrap().version(&Mark::Repository.of(key, false));
    let ensure = Op::Ensure { items: vec![(own, header.stamp)], need: Duration::from_secs(60) };
    let ensure = NodeOp { op: ensure, replication, asks: false, reads_apart: false };
    let Ok(StoreReply::Ensured(current)) = store.apply(now, &ensure) else { return value.clone() };
    let mut bytes = value.to_vec();
    let at = bytes.windows(16).position(|window| window == captured.as_bytes()).unwrap();
    bytes[at..at + Id::LEN].copy_from_slice(current[0].as_bytes());
    Value::new(bytes)
}

/// The entry with the versions that its tags have now.
fn captured_late(value: &Value, replication: Replication, store: &mut MemoryStore, now: Instant) -> Value {
    let Some(Stored::Entry(header)) = entry::parse(value) else { return value.clone() };
    let names = Names::new("sim").unwrap();
    let mut bytes = value.to_vec();
    for (tag, captured) in header.tags.iter() {
        let ensure = Op::Ensure { items: vec![(names.version(&Tag::from(tag)), header.stamp)], need: Duration::from_secs(60) };
        let Ok(StoreReply::Ensured(current)) = store.apply(now, &NodeOp { op: ensure, replication, asks: false, reads_apart: false })
        else {
            continue;
        };
        let at = bytes.windows(16).position(|window| window == captured.as_bytes()).unwrap();
        bytes[at..at + Id::LEN].copy_from_slice(current[0].as_bytes());
    }
    Value::new(bytes)
}
