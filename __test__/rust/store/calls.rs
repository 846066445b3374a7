//! Values for the tests, and operations of a store as functions.

use std::sync::Arc;
use std::time::Duration;

use hawser::store::entry::{self, Form, Header, Stored, Tag};
use hawser::store::{Found, Id, Inside, Key, NodeOp, Op, Placed, ReadEntry, Replication, ReplicationId, Seen, StoreReply, Value};

use crate::subject::Subject;

pub const SECOND: Duration = Duration::from_secs(1);
/// How long the tests' leases stay after they have expired.
pub const TAIL: Duration = Duration::from_secs(60);
pub const TRUSTING: Replication = Replication::TRUSTING;

pub fn key(text: &str) -> Key {
    Key::from(text.as_bytes())
}

pub fn id(letter: u8) -> Id {
    Id::parse(&[letter; Id::LEN]).unwrap()
}

pub fn master(name: &str) -> Replication {
    Replication { id: ReplicationId::of(name.as_bytes()), is_checked: true }
}

pub fn tags(names: &[&str]) -> Vec<(Tag, Id)> {
    names.iter().map(|name| (Tag::from(name.as_bytes()), id(b'v'))).collect()
}

pub fn stored(stamp: u8, names: &[&str]) -> Value {
    let (ttl, tags) = (SECOND * 60, tags(names));
    let header = Header { stamp: id(stamp), ttl, fresh: ttl, keep: Duration::ZERO, tags: &tags, added: 0, form: Form::TEXT };
    Arc::new(entry::encode(&header, b"{\"n\":1}").0)
}

pub fn lease(token: u8) -> Vec<u8> {
    entry::encode_lease(id(token), TAIL, &tags(&["x"]))
}

pub fn read(store: &mut dyn Subject, key: &Key) -> Found {
    let entries = vec![ReadEntry { key: key.clone(), with_age: true, head_bytes: None }];
    match store.apply(Op::Read { entries, versions: vec![] }) {
        Ok(StoreReply::Read { mut entries, .. }) => entries.remove(0),
        other => panic!("{other:?}"),
    }
}

pub fn text(found: &Found) -> Option<&[u8]> {
    match &found.value {
        Seen::Own(value) => Some(value),
        _ => None,
    }
}

pub fn value(store: &mut dyn Subject, key: &Key) -> Option<Vec<u8>> {
    text(&read(store, key)).map(<[u8]>::to_vec)
}

pub fn life(store: &mut dyn Subject, key: &Key) -> Duration {
    Duration::from_millis(read(store, key).pttl.unwrap().try_into().unwrap_or(0))
}

pub fn set(store: &mut dyn Subject, key: &Key, value: &Value, life: Duration) {
    assert_eq!(store.apply(Op::Set { entry: key.clone(), value: value.clone(), life }), Ok(StoreReply::Done));
}

pub fn place(store: &mut dyn Subject, entry: &Key, expected: Option<Id>, token: u8, replication: Replication) -> Placed {
    let op = Op::Place { entry: entry.clone(), expected, lease: lease(token), life: SECOND * 10, tail: TAIL };
    match store.carry_out(NodeOp { op, replication, asks: false, reads_apart: false }) {
        Ok(StoreReply::Placed(placed)) => placed,
        other => panic!("{other:?}"),
    }
}

pub fn place_inside(store: &mut dyn Subject, entry: &Key, stamp: u8, token: u8, life: Duration, replication: Replication) -> Inside {
    let tags = entry::encode_tags(&tags(&["x", "y"]), 0);
    let op = Op::PlaceInside { entry: entry.clone(), stamp: id(stamp), token: id(token), tags, life };
    match store.carry_out(NodeOp { op, replication, asks: false, reads_apart: false }) {
        Ok(StoreReply::PlacedInside(inside)) => inside,
        other => panic!("{other:?}"),
    }
}

pub fn commit(store: &mut dyn Subject, entry: &Key, token: u8, value: &Value, replication: Replication) -> bool {
    let op = Op::Commit { entry: entry.clone(), token: id(token), value: value.clone(), life: SECOND * 60 };
    store.carry_out(NodeOp { op, replication, asks: false, reads_apart: false }) == Ok(StoreReply::Held(true))
}

pub fn held(store: &mut dyn Subject, op: Op) -> bool {
    match store.apply(op) {
        Ok(StoreReply::Held(held)) => held,
        other => panic!("{other:?}"),
    }
}

pub fn number(store: &mut dyn Subject, op: Op) -> u64 {
    match store.apply(op) {
        Ok(StoreReply::Number(number)) => number,
        other => panic!("{other:?}"),
    }
}

pub fn ensure(store: &mut dyn Subject, key: &Key, offered: u8, need: Duration, replication: Replication) -> Id {
    let op = Op::Ensure { items: vec![(key.clone(), id(offered))], need };
    match store.carry_out(NodeOp { op, replication, asks: false, reads_apart: false }) {
        Ok(StoreReply::Ensured(ids)) => ids[0],
        other => panic!("{other:?}"),
    }
}

pub fn inner(store: &mut dyn Subject, key: &Key) -> Option<(Id, bool, u8, usize)> {
    let value = value(store, key)?;
    match entry::parse(&value)? {
        Stored::Entry(entry) => entry.lease.map(|lease| (lease.token, lease.is_held, lease.level, lease.tags.len())),
        Stored::Lease(_) => None,
    }
}
