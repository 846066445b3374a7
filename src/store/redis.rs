//! The store on a Redis server: turns operations into commands and replies into answers. It holds the operations in flight and
//! nothing else. The driver sends the commands in order and brings the replies back in the same order.
//!
//! One node. In a cluster, [`Nodes`](super::nodes::Nodes) splits operations on many keys first. An operation for a node that is about to
//! take its key's slot over goes with ASKING before each of its commands.

use std::collections::VecDeque;
use std::time::Duration;

use super::entry::{parse_version, with_replication_id};
use super::info::identity;
use super::script::{self, Script};
use super::{Found, Id, Inside, Key, NodeOp, Op, Placed, StoreError, StoreReply, Ticket, Value, Version};
use crate::resp::{Commands, Reply};

/// The place of the reply to ASKING.
const ASKING: usize = usize::MAX;
/// How many keys one step of a scan looks at.
const SCAN_COUNT: &[u8] = b"1000";

/// The result of one reply.
#[derive(Debug, Default)]
pub struct Replied {
    /// The operation that it completes.
    pub done: Option<(Ticket, Result<StoreReply, StoreError>)>,
    /// Commands to send now: the full text of scripts that the server did not know.
    pub more: Option<Commands>,
}

#[derive(Debug)]
struct InFlight {
    ticket: Ticket,
    op: NodeOp,
    /// One place per command of the operation.
    replies: Vec<Option<Reply>>,
    /// Places whose replies are still due, the next one first. [`ASKING`] is the place of a reply that means nothing.
    missing: VecDeque<usize>,
    lost: Option<bool>,
}

impl InFlight {
    /// The commands at these places; scripts by their digests or, `in_full`, by their texts.
    fn send(&mut self, places: impl IntoIterator<Item = usize>, in_full: bool) -> Commands {
        let mut commands = Commands::new();
        for place in places {
            if self.op.asks {
                commands.push(&["ASKING"]);
                self.missing.push_back(ASKING);
            }
            push(&self.op, place, in_full, &mut commands);
            self.missing.push_back(place);
        }
        commands
    }
}

/// Operations in flight on one link.
#[derive(Debug, Default)]
pub struct RedisStore {
    in_flight: VecDeque<InFlight>,
}

impl RedisStore {
    /// A store with nothing in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an operation. Its commands go to the link in this order, after those of earlier operations.
    pub fn submit(&mut self, ticket: Ticket, op: NodeOp) -> Commands {
        let count = count(&op);
        let mut in_flight = InFlight { ticket, op, replies: vec![None; count], missing: VecDeque::with_capacity(count), lost: None };
        let commands = in_flight.send(0..count, false);
        self.in_flight.push_back(in_flight);
        commands
    }

    /// Takes the reply to the oldest command without one.
    pub fn on_reply(&mut self, reply: Reply) -> Replied {
        self.fill(Some(reply), false)
    }

    /// The oldest command without a reply will not get one.
    pub fn on_lost(&mut self, maybe_executed: bool) -> Replied {
        self.fill(None, maybe_executed)
    }

    /// The connection is gone: hands everything in flight back.
    pub fn on_cut(&mut self, maybe_executed: bool) -> Vec<(Ticket, StoreError)> {
        let error = if maybe_executed { StoreError::Cut { maybe_executed } } else { StoreError::NotSent };
        self.in_flight.drain(..).map(|op| (op.ticket, error.clone())).collect()
    }

    /// How many commands wait for their replies.
    pub fn outstanding(&self) -> usize {
        self.in_flight.iter().map(|op| op.missing.len()).sum()
    }

    fn fill(&mut self, reply: Option<Reply>, maybe_executed: bool) -> Replied {
        let mut replied = Replied::default();
        let Some(front) = self.in_flight.front_mut() else { return replied };
        let Some(place) = front.missing.pop_front() else { return replied };
        let is_asking = place == ASKING;
        if reply.is_none() && !is_asking {
            front.lost = Some(front.lost.unwrap_or(false) || maybe_executed);
        }
        if !is_asking {
            front.replies[place] = reply;
        }
        if !front.missing.is_empty() {
            return replied;
        }
        let Some(mut done) = self.in_flight.pop_front() else { return replied };
        if let Some(maybe_executed) = done.lost {
            // A part that was answered has been carried out.
            let maybe_executed = maybe_executed || done.replies.iter().any(Option::is_some);
            let error = if maybe_executed { StoreError::Cut { maybe_executed } } else { StoreError::NotSent };
            replied.done = Some((done.ticket, Err(error)));
            return replied;
        }
        let unknown = |reply: &Option<Reply>| reply.as_ref().and_then(Reply::error).is_some_and(|text| text.starts_with(b"NOSCRIPT"));
        let again: Vec<usize> = (0..done.replies.len()).filter(|place| unknown(&done.replies[*place])).collect();
        if again.is_empty() {
            let replies = done.replies.into_iter().map(|reply| reply.unwrap_or(Reply::Null)).collect();
            replied.done = Some((done.ticket, answer(&done.op, replies)));
            return replied;
        }
        // The script was refused, so nothing has happened and the same randoms may go out again.
        replied.more = Some(done.send(again, true));
        self.in_flight.push_back(done);
        replied
    }
}

/// How many commands an operation takes.
fn count(NodeOp { op, reads_apart, .. }: &NodeOp) -> usize {
    match op {
        Op::Read { entries, versions } => {
            let reads = if *reads_apart { entries.len() + versions.len() } else { 1 };
            reads + entries.iter().filter(|entry| entry.with_age).count()
        }
        Op::ReadVersions { versions } if *reads_apart => versions.len(),
        Op::Ensure { items, .. } => items.len(),
        Op::Count { items, .. } => items.len(),
        Op::Renew { versions, .. } => 1 + versions.len(),
        Op::Delete { entries: keys } | Op::Unlink { keys } => 2 * keys.len(),
        Op::Invalidate { tags } => 2 * tags.len(),
        _ => 1,
    }
}

/// Encodes the command at `place` of an operation; a script by its digest or, `in_full`, by its text.
fn push(NodeOp { op, replication, reads_apart, .. }: &NodeOp, place: usize, in_full: bool, out: &mut Commands) {
    let demanded = replication.demanded();
    let mut eval = |script: &'static Script, keys: &[&[u8]], arguments: &[&[u8]]| {
        let keys_len = keys.len().to_string();
        let parts: Vec<&[u8]> = head(script, in_full, &keys_len).iter().chain(keys).chain(arguments).copied().collect();
        out.push(&parts);
    };
    match op {
        Op::Identify => out.push(&["INFO", "replication"]),
        Op::Read { entries, versions } if *reads_apart => {
            let keys = entries.iter().map(|entry| &entry.key).chain(versions);
            let aged = entries.iter().filter(|entry| entry.with_age).map(|entry| &entry.key);
            if let Some((place, key)) = keys.enumerate().chain(aged.map(|key| (usize::MAX, key))).nth(place) {
                // GET would fail for a value of another type.
                out.push(&[if place == usize::MAX { &b"PTTL"[..] } else { b"MGET" }, &**key]);
            }
        }
        Op::ReadVersions { versions } if *reads_apart => out.push(&[b"MGET", &*versions[place]]),
        Op::Read { entries, versions } => {
            if place == 0 {
                let mut parts: Vec<&[u8]> = Vec::with_capacity(1 + entries.len() + versions.len());
                parts.push(b"MGET");
                parts.extend(entries.iter().map(|entry| &*entry.key));
                parts.extend(versions.iter().map(|key| &**key));
                out.push(&parts);
            } else if let Some(entry) = entries.iter().filter(|entry| entry.with_age).nth(place - 1) {
                out.push(&[b"PTTL", &*entry.key]);
            }
        }
        Op::ReadVersions { versions } => {
            let mut parts: Vec<&[u8]> = vec![b"MGET"];
            parts.extend(versions.iter().map(|key| &**key));
            out.push(&parts);
        }
        Op::Ensure { items, need } => {
            let (key, offered) = &items[place];
            eval(&script::ENSURE, &[key], &[offered.as_bytes(), replication.id.as_bytes(), demanded, &millis(*need)]);
        }
        Op::Place { entry, expected, lease, life, tail } => {
            let expected = expected.as_ref().map_or(&b""[..], Id::as_bytes);
            let before = [&head(&script::PLACE, in_full, "1")[..], &[entry, expected, demanded]].concat();
            out.push_split(&before, &with_replication_id(lease, &replication.id), &[&millis(life.saturating_add(*tail))]);
        }
        Op::PlaceInside { entry, stamp, token, tags, life } => {
            let arguments = [stamp.as_bytes(), demanded, token.as_bytes(), tags, &millis(*life)];
            eval(&script::PLACE_INSIDE, &[entry], &arguments);
        }
        Op::Amend { entry, token, tags } => {
            eval(&script::AMEND, &[entry], &[token.as_bytes(), demanded, tags]);
        }
        Op::Commit { entry, token, value, life } => {
            let before = [&head(&script::COMMIT, in_full, "1")[..], &[entry, token.as_bytes(), demanded]].concat();
            out.push_split(&before, &with_replication_id(value, &replication.id), &[&millis(*life)]);
        }
        Op::Restore { entry, token, value, end, backoff } => {
            let [base, max] = backoff.map_or_else(Default::default, |(base, max)| [millis(base), millis(max)]);
            eval(&script::RESTORE, &[entry], &[token.as_bytes(), demanded, value, end.to_string().as_bytes(), &base, &max]);
        }
        Op::Count { items, member } => {
            let (version, counter, captured) = &items[place];
            eval(&script::COUNT, &[version, counter], &[captured.as_bytes(), demanded, member]);
        }
        Op::Renew { entry, token, life, versions, need } => {
            if let Some((key, captured)) = place.checked_sub(1).and_then(|at| versions.get(at)) {
                eval(&script::RENEW_VERSION, &[key], &[captured.as_bytes(), demanded, &millis(*need)]);
            } else {
                eval(&script::RENEW, &[entry], &[token.as_bytes(), demanded, &millis(*life)]);
            }
        }
        Op::Prolong { version, captured, need } => {
            eval(&script::RENEW_VERSION, &[version], &[captured.as_bytes(), demanded, &millis(*need)]);
        }
        Op::GiveBack { entry, token } => eval(&script::GIVE_BACK, &[entry], &[token.as_bytes()]),
        Op::Backoff { entry, token, base, max } => {
            eval(&script::BACK_OFF, &[entry], &[token.as_bytes(), &millis(*base), &millis(*max)]);
        }
        Op::Set { entry, value, life } => {
            out.push_split(&[b"SET", entry], &with_replication_id(value, &replication.id), &[b"PX", &millis(*life)]);
        }
        Op::Delete { entries: keys } => delete(b"DEL", keys, place, out),
        Op::Unlink { keys } => delete(b"UNLINK", keys, place, out),
        Op::Invalidate { tags } => {
            let (version, counter) = &tags[place / 2];
            if place.is_multiple_of(2) {
                out.push(&[b"PFCOUNT", &**counter]);
            } else {
                out.push(&[b"DEL", &**version, &**counter]);
            }
        }
        Op::Scan { cursor, pattern } => out.push(&[b"SCAN", cursor.as_slice(), b"MATCH", pattern, b"COUNT", SCAN_COUNT]),
    }
}

/// The name of the command at `place` of an operation.
fn command(op: &Op, place: usize) -> &'static str {
    match op {
        Op::Identify => "INFO",
        Op::Read { .. } if place > 0 => "PTTL",
        Op::Read { .. } | Op::ReadVersions { .. } => "MGET",
        Op::Set { .. } => "SET",
        Op::Delete { .. } | Op::Unlink { .. } if place.is_multiple_of(2) => "GETRANGE",
        Op::Invalidate { .. } if place.is_multiple_of(2) => "PFCOUNT",
        Op::Delete { .. } | Op::Invalidate { .. } => "DEL",
        Op::Unlink { .. } => "UNLINK",
        Op::Scan { .. } => "SCAN",
        _ => "EVALSHA",
    }
}

/// How a script is called: by its digest or, `in_full`, by its text.
fn head<'a>(script: &'static Script, in_full: bool, keys: &'a str) -> [&'a [u8]; 3] {
    if in_full {
        [b"EVAL", script.text.as_bytes(), keys.as_bytes()]
    } else {
        [b"EVALSHA", script.digest().as_bytes(), keys.as_bytes()]
    }
}

/// The first four bytes tell whether it is a lease. Then the key is deleted.
fn delete(verb: &'static [u8], keys: &[Key], place: usize, out: &mut Commands) {
    let key = &*keys[place / 2];
    if place.is_multiple_of(2) {
        out.push(&[b"GETRANGE", key, b"0", b"3"]);
    } else {
        out.push(&[verb, key]);
    }
}

fn millis(duration: Duration) -> Vec<u8> {
    // The server would refuse a life of zero, which means the shortest possible one.
    duration.as_millis().max(1).to_string().into_bytes()
}

/// Makes the answer of an operation from the replies to its commands.
fn answer(NodeOp { op, reads_apart, .. }: &NodeOp, replies: Vec<Reply>) -> Result<StoreReply, StoreError> {
    let tolerant = matches!(op, Op::Delete { .. } | Op::Unlink { .. } | Op::Invalidate { .. });
    for (place, reply) in replies.iter().enumerate() {
        // The first command of each pair only counts, and may meet a value of another type.
        if let Some(text) = reply.error().filter(|_| !(tolerant && place.is_multiple_of(2))) {
            return Err(StoreError::refused(text, command(op, place)));
        }
    }
    match op {
        Op::Read { entries, versions } if *reads_apart => read_apart(entries.iter().map(|entry| entry.with_age), versions.len(), replies),
        Op::ReadVersions { .. } if *reads_apart => {
            Some(StoreReply::Versions(replies.into_iter().map(Reply::into_item).map(|value| version(&value)).collect()))
        }
        Op::Read { entries, versions } => read(entries.iter().map(|entry| entry.with_age), versions.len(), replies),
        Op::Ensure { .. } => {
            let ids: Option<Vec<Id>> = replies.iter().map(|reply| Id::parse(reply.as_bytes()?)).collect();
            ids.map(StoreReply::Ensured)
        }
        Op::Count { .. } => Some(StoreReply::Number(replies.iter().filter(|reply| reply.as_integer() == Some(1)).count() as u64)),
        Op::Delete { .. } | Op::Unlink { .. } => {
            let real = |pair: &[Reply]| {
                let is_lease = pair[0].as_bytes() == Some(b"hw1l");
                pair[1].as_integer().filter(|_| !is_lease).unwrap_or(0)
            };
            Some(StoreReply::Number(replies.chunks_exact(2).map(real).sum::<i64>() as u64))
        }
        Op::Invalidate { .. } => Some(StoreReply::Number(replies.iter().step_by(2).filter_map(Reply::as_integer).sum::<i64>() as u64)),
        _ => replies.into_iter().next().and_then(|reply| single(op, reply)),
    }
    .ok_or(StoreError::Unexpected)
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
        Op::Set { .. } => StoreReply::Done,
        _ => StoreReply::Held(reply.as_integer()? == 1),
    })
}

fn read(with_age: impl Iterator<Item = bool>, versions: usize, replies: Vec<Reply>) -> Option<StoreReply> {
    let mut replies = replies.into_iter();
    let Some(Reply::Array(values)) = replies.next() else { return None };
    let mut values = values.into_iter();
    let mut entries = Vec::new();
    for with_age in with_age {
        let value = match values.next()? {
            Reply::Bulk(bytes) => Some(Value::new(bytes)),
            _ => None,
        };
        entries.push(Found { value: value.into(), pttl: if with_age { Some(replies.next()?.as_integer()?) } else { None } });
    }
    let versions: Vec<Option<Version>> = values.map(|value| version(&value)).take(versions).collect();
    Some(StoreReply::Read { entries, versions, atomic: true })
}

/// The answer to a read whose keys were read by a command each: entries, versions, then ages.
fn read_apart(with_age: impl ExactSizeIterator<Item = bool>, versions: usize, replies: Vec<Reply>) -> Option<StoreReply> {
    let mut replies = replies.into_iter();
    let count = with_age.len();
    let values: Vec<Reply> = replies.by_ref().take(count).map(Reply::into_item).collect();
    let versions: Vec<Option<Version>> = replies.by_ref().take(versions).map(Reply::into_item).map(|value| version(&value)).collect();
    let mut entries = Vec::with_capacity(count);
    for (value, with_age) in values.into_iter().zip(with_age) {
        let value = if let Reply::Bulk(bytes) = value { Some(Value::new(bytes)) } else { None };
        entries.push(Found { value: value.into(), pttl: if with_age { Some(replies.next()?.as_integer()?) } else { None } });
    }
    // The versions were read after the entries.
    Some(StoreReply::Read { entries, versions, atomic: true })
}

fn version(reply: &Reply) -> Option<Version> {
    reply.as_bytes().and_then(parse_version)
}

fn found(items: &[Reply]) -> Option<Found> {
    let value = items.get(1)?.as_bytes().map(|bytes| Value::new(bytes.to_vec()));
    Some(Found { value: value.into(), pttl: Some(items.get(2)?.as_integer()?) })
}

#[cfg(test)]
#[path = "redis_tests.rs"]
mod tests;
