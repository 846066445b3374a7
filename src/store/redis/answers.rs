//! The answer of each operation, from the replies to its commands.

use std::collections::VecDeque;
use std::time::Duration;

use super::commands::{command, group, reads_head, FRAME};
use crate::resp::Reply;
use crate::store::entry::parse_version;
use crate::store::info::identity;
use crate::store::{Found, Held, Id, Inside, Inspected, Key, NodeOp, Op, Placed, ReadEntry, StoreError, StoreReply, Value, Version};

/// Makes the answer of an operation from the replies to its commands.
pub(super) fn answer(node_op: &NodeOp, mut replies: Vec<Reply>) -> Result<StoreReply, StoreError> {
    let NodeOp { op, reads_apart, .. } = node_op;
    for (place, reply) in replies.iter_mut().enumerate() {
        // MGET says nothing about a value of another type.
        if reads_head(node_op, place) && reply.error().is_some_and(|text| text.starts_with(b"WRONGTYPE")) {
            *reply = Reply::Null;
        }
    }
    if let Op::Inspect { keys, .. } = op {
        return inspected(node_op, keys.len(), &mut replies);
    }
    let tolerant = matches!(op, Op::Delete { .. } | Op::Unlink { .. } | Op::Invalidate { .. });
    let group = group(node_op);
    for (place, reply) in replies.iter().enumerate() {
        // The first command of each key only counts, and may meet a value of another type.
        if let Some(text) = reply.error().filter(|_| !(tolerant && place.is_multiple_of(group))) {
            return Err(StoreError::refused(text, command(node_op, place)));
        }
    }
    match op {
        Op::Read { entries, versions } if *reads_apart => read_apart(entries, versions.len(), replies),
        Op::ReadVersions { .. } if *reads_apart => {
            Some(StoreReply::Versions(replies.into_iter().map(Reply::into_item).map(|value| version(&value)).collect()))
        }
        Op::Read { entries, versions } => read(entries, versions.len(), replies),
        Op::Ensure { .. } => {
            let ids: Option<Vec<Id>> = replies.iter().map(|reply| Id::parse(reply.as_bytes()?)).collect();
            ids.map(StoreReply::Ensured)
        }
        Op::Count { .. } => Some(StoreReply::Number(replies.iter().filter(|reply| reply.as_integer() == Some(1)).count() as u64)),
        Op::Delete { .. } | Op::Unlink { .. } => {
            let real = |pair: &[Reply]| {
                let is_lease = pair[0].as_bytes() == Some(b"hw2l");
                pair[1].as_integer().filter(|_| !is_lease).unwrap_or(0)
            };
            Some(StoreReply::Number(replies.chunks_exact(2).map(real).sum::<i64>() as u64))
        }
        Op::Invalidate { .. } => Some(StoreReply::Number(replies.iter().step_by(group).filter_map(Reply::as_integer).sum::<i64>() as u64)),
        _ => replies.into_iter().next().and_then(|reply| single(op, reply)),
    }
    .ok_or(StoreError::Unexpected)
}

/// A server may refuse to tell its time, or not know how to leave the order of eviction alone. A value of another type is no failure.
fn inspected(node_op: &NodeOp, keys: usize, replies: &mut [Reply]) -> Result<StoreReply, StoreError> {
    let at = replies.get(1).and_then(time);
    let mut all = Vec::with_capacity(keys);
    for (n, parts) in replies[FRAME - 1..].chunks_exact_mut(3).take(keys).enumerate() {
        let is_other = parts[0].error().is_some_and(|text| text.starts_with(b"WRONGTYPE"));
        for (part, place) in parts.iter().zip(FRAME - 1 + 3 * n..) {
            if let Some(text) = part.error().filter(|text| !text.starts_with(b"WRONGTYPE")) {
                return Err(StoreError::refused(text, command(node_op, place)));
            }
        }
        let pttl = parts[2].as_integer().ok_or(StoreError::Unexpected)?;
        let held = match std::mem::replace(&mut parts[0], Reply::Null) {
            _ if is_other => Held::Other,
            _ if pttl == -2 => Held::Nothing,
            Reply::Bulk(bytes) => Held::Text(Value::new(bytes)),
            _ => Held::Nothing,
        };
        let size = held.text().and_then(|_| u64::try_from(parts[1].as_integer()?).ok());
        all.push(Inspected { held, size, pttl, at, ..Inspected::default() });
    }
    Ok(StoreReply::Inspected(all))
}

/// What TIME says, in milliseconds.
fn time(reply: &Reply) -> Option<u64> {
    let number = |reply: &Reply| std::str::from_utf8(reply.as_bytes()?).ok()?.parse::<u64>().ok();
    let [seconds, micros] = reply.items()? else { return None };
    Some(number(seconds)?.checked_mul(1000)? + number(micros)? / 1000)
}

/// The answer of an operation that needs one reply.
fn single(op: &Op, reply: Reply) -> Option<StoreReply> {
    Some(match op {
        Op::Identify => identity(reply.as_bytes()?),
        Op::ReadVersions { .. } => StoreReply::Versions(reply.items()?.iter().map(version).collect()),
        Op::Place { .. } => {
            let items = reply.items()?;
            StoreReply::Placed(if items.first()?.as_integer()? == 1 {
                let number = |at: usize| Some(u64::try_from(items.get(at)?.as_integer()?).unwrap_or(0));
                Placed::Yes { left: Duration::from_millis(number(1)?), end: number(2)? }
            } else {
                Placed::No(found(items)?)
            })
        }
        Op::PlaceInside { .. } => {
            let items = reply.items()?;
            StoreReply::PlacedInside(match items.first()?.as_integer()? {
                1 => Inside::Yes,
                2 => Inside::Held {
                    lease: items.get(1)?.as_bytes()?.to_vec(),
                    remaining: Duration::from_millis(items.get(2)?.as_integer()?.max(0) as u64),
                },
                _ => Inside::No(found(items)?),
            })
        }
        Op::Scan { .. } => {
            let Reply::Array(mut parts) = reply else { return None };
            let keys = parts.get(1)?.items()?.iter().filter_map(Reply::as_bytes).map(Key::from).collect();
            StoreReply::Scanned { cursor: parts.swap_remove(0).as_bytes()?.to_vec(), keys }
        }
        Op::Set { .. } | Op::Track => StoreReply::Done,
        Op::Prolong { .. } => StoreReply::Number(u64::try_from(reply.as_integer()?).ok()?),
        _ => StoreReply::Held(reply.as_integer()? == 1),
    })
}

fn read(asked: &[ReadEntry], versions: usize, replies: Vec<Reply>) -> Option<StoreReply> {
    let mut replies = replies.into_iter();
    let heads = asked.iter().filter(|entry| entry.head_bytes.is_some()).count();
    let mut heads: VecDeque<Reply> = replies.by_ref().take(heads).collect();
    let values = if asked.len() + versions > heads.len() { replies.next()? } else { Reply::Array(Vec::new()) };
    let Reply::Array(values) = values else { return None };
    let mut values = values.into_iter();
    let mut entries = Vec::with_capacity(asked.len());
    for entry in asked {
        let value = if entry.head_bytes.is_some() { heads.pop_front()? } else { values.next()? };
        entries.push(read_entry(entry, value, &mut replies)?);
    }
    let versions: Vec<Option<Version>> = values.map(|value| version(&value)).take(versions).collect();
    Some(StoreReply::Read { entries, versions, atomic: true })
}

/// The answer to a read whose keys were read by a command each: entries, versions, then ages.
fn read_apart(asked: &[ReadEntry], versions: usize, replies: Vec<Reply>) -> Option<StoreReply> {
    let mut replies = replies.into_iter();
    let own = |(entry, reply): (&ReadEntry, Reply)| if entry.head_bytes.is_some() { reply } else { reply.into_item() };
    let values: Vec<Reply> = asked.iter().zip(replies.by_ref()).map(own).collect();
    let versions: Vec<Option<Version>> = replies.by_ref().take(versions).map(Reply::into_item).map(|value| version(&value)).collect();
    let read = |(entry, value)| read_entry(entry, value, &mut replies);
    let entries: Option<Vec<Found>> = asked.iter().zip(values).map(read).collect();
    // The versions were read after the entries.
    Some(StoreReply::Read { entries: entries?, versions, atomic: true })
}

/// One entry. Its age is the next of `ages`, if it was asked for.
fn read_entry(asked: &ReadEntry, value: Reply, ages: &mut impl Iterator<Item = Reply>) -> Option<Found> {
    let value = if let Reply::Bulk(bytes) = value { Some(bytes) } else { None };
    // GETRANGE of nothing is an empty string.
    let value = value.filter(|bytes| asked.head_bytes.is_none() || !bytes.is_empty());
    let is_head = asked.head_bytes.is_some_and(|asked| value.as_ref().is_some_and(|bytes| bytes.len() >= asked));
    let pttl = if asked.with_age { Some(ages.next()?.as_integer()?) } else { None };
    Some(Found { value: value.map(Value::new).into(), pttl, is_head })
}

fn version(reply: &Reply) -> Option<Version> {
    reply.as_bytes().and_then(parse_version)
}

fn found(items: &[Reply]) -> Option<Found> {
    let value = items.get(1)?.as_bytes().map(|bytes| Value::new(bytes.to_vec()));
    Some(Found { value: value.into(), pttl: Some(items.get(2)?.as_integer()?), is_head: false })
}
